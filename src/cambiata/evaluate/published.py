"""The authors' own test sets, where a user has the recordings: their published pair lists, read.

Cífka et al. 2021 published which pairs they tested (cifkao/ss-vq-vae), but none of the sounds:
``data/lmd/audio_test/metadata_ref.json`` needs the Lakh MIDI files (LMD-full) and the sound font
Timbres of Heaven (XGM) 3.94, ``data/mixing_secrets/test/metadata_single_ref.json`` the stems of
Mixing Secrets.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from cambiata.audio import Audio, load
from cambiata.errors import InputError
from cambiata.evaluate.testset import (
    CLIP_S,
    Clips,
    Entry,
    at_loudness,
    median_bins,
    rendered,
    window_notes,
)
from cambiata.midi import Note, Part


@dataclass(frozen=True)
class LakhSet:
    """The paper's 721 artificial pairs.

    Parameters
    ----------
    pair_list : str
        The authors' ``data/lmd/audio_test/metadata_ref.json``.
    midi_folder : str
        Folder of LMD-full: ``0/0a1b....mid`` below it.
    font : str
        Sound font; theirs was Timbres of Heaven (XGM) 3.94.

    Raises
    ------
    InputError
        The list is not that list, or the MIDI folder holds none of its files.

    Examples
    --------
    >>> LakhSet("nowhere.json", "lmd_full", "toh.sf2")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.json: is not the authors' list of pairs; ...
    """

    pair_list: str
    midi_folder: str
    font: str

    def __post_init__(self) -> None:
        if not any(self._file(row["content"]).exists() for row in self._rows.values()):
            raise InputError(
                self.midi_folder, "holds none of the list's MIDI files", "name LMD-full's folder"
            )

    @property
    def name(self) -> str:
        """Its folder's name."""
        return "artificial-paper"

    @property
    def title(self) -> str:
        """Its name in tables."""
        return "Artificial, the paper's own pairs"

    @property
    def about(self) -> str:
        """A paragraph on it."""
        return (
            f"The {len(self._rows)} pairs that Cífka et al. 2021 published, of Lakh MIDI files, "
            f"rendered by {Path(self.font).name}; mono, 44.1 kHz, at -30 LUFS."
        )

    @property
    def facts(self) -> dict[str, Any]:
        """What identifies it."""
        return {"pairs": Path(self.pair_list).name, "font": Path(self.font).name}

    @property
    def _rows(self) -> dict[str, Any]:
        return _pair_list(self.pair_list)

    @property
    def entries(self) -> list[Entry]:
        """Its pairs, for tables."""

        def side(row: dict[str, Any]) -> dict[str, str]:
            source = f"{row['src_path']} instrument {row['instrument']} from {row['index']} s"
            return {"label": f"program {row['program']}", "source": source}

        return [
            Entry(
                name, row["content"]["path"].split("/")[0], side(row["content"]), side(row["style"])
            )
            for name, row in sorted(self._rows.items())
        ]

    def clips(self, name: str) -> Clips:
        """The sounds of a pair.

        Parameters
        ----------
        name : str
            The pair's.

        Returns
        -------
        Clips
            Mono, 44.1 kHz, 8 s, at -30 LUFS.

        Raises
        ------
        InputError
            A MIDI file is missing or not the one listed, or a sound comes out silent.
        """
        row = self._rows[name]
        notes, style_notes = self._notes(row["content"]), self._notes(row["style"])
        program, style_program = row["content"]["program"], row["style"]["program"]
        return Clips(
            rendered(self.font, notes, program),
            rendered(self.font, style_notes, style_program),
            rendered(self.font, notes, style_program),
            notes,
        )

    def _file(self, row: dict[str, Any]) -> Path:
        return Path(self.midi_folder, row["src_path"]).with_suffix(".mid")

    def _notes(self, row: dict[str, Any]) -> tuple[Note, ...]:
        import pretty_midi

        path = self._file(row)
        try:
            # Their instrument numbers are pretty_midi's.
            instrument = pretty_midi.PrettyMIDI(str(path)).instruments[row["instrument"]]
        except (OSError, ValueError, KeyError, IndexError, EOFError) as error:
            raise InputError(str(path), "is missing or damaged", "complete LMD-full") from error
        if instrument.program != row["program"]:
            raise InputError(
                str(path), f"does not play program {row['program']}", "use LMD-full as published"
            )
        notes = sorted(
            Note(n.start, n.end, n.pitch, n.velocity)
            for n in instrument.notes
            if n.end > n.start and n.velocity
        )
        return window_notes(Part(tuple(notes)), row["index"])


@lru_cache(maxsize=4)
def _pair_list(path: str) -> dict[str, Any]:
    try:
        rows = json.loads(Path(path).read_text())
        first = next(iter(rows.values()))
        assert {"content", "style"} <= set(first)
        assert {"src_path", "index", "program", "instrument", "path"} <= set(first["content"])
    except (OSError, ValueError, AttributeError, StopIteration, AssertionError, TypeError) as error:
        raise InputError(
            path,
            "is not the authors' list of pairs",
            "name data/lmd/audio_test/metadata_ref.json of cifkao/ss-vq-vae",
        ) from error
    return dict(rows)


@dataclass(frozen=True)
class MixingSecretsSet:
    """The paper's 690 real pairs.

    Parameters
    ----------
    segment_list : str
        The authors' ``data/mixing_secrets/test/metadata_single_ref.json``.
    stem_folder : str
        Folder of the unpacked stems, as that list names them.

    Raises
    ------
    InputError
        The list is not that list, or the folder holds none of its files.

    Examples
    --------
    >>> MixingSecretsSet("nowhere.json", "stems")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.json: is not the authors' list of segments; ...
    """

    segment_list: str
    stem_folder: str

    def __post_init__(self) -> None:
        if not any((Path(self.stem_folder) / row["src_path"]).exists() for row in self._rows):
            raise InputError(
                self.stem_folder, "holds none of the list's stems", "name the stems' folder"
            )

    @property
    def name(self) -> str:
        """Its folder's name."""
        return "real-paper"

    @property
    def title(self) -> str:
        """Its name in tables."""
        return "Real, the paper's own pairs"

    @property
    def about(self) -> str:
        """A paragraph on it."""
        return (
            f"The {len(self._pairs)} pairs of Mixing Secrets stems that Cífka et al. 2021 tested; "
            "8 s, mono, at -30 LUFS."
        )

    @property
    def facts(self) -> dict[str, Any]:
        """What identifies it."""
        return {"target": False, "segments": Path(self.segment_list).name}

    @property
    def _rows(self) -> tuple[dict[str, Any], ...]:
        return _segment_list(self.segment_list)

    @property
    def _pairs(self) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
        """Pairs as their notebook forms them: each bin shuffled by seed 0, then two and two."""
        names = median_bins(
            [row["stats"]["num_voices"] for row in self._rows],
            [row["stats"]["mean_pitch"] for row in self._rows],
        )
        pairs = []
        for name in sorted(set(names)):
            members = [row for row, own in zip(self._rows, names, strict=True) if own == name]
            np.random.default_rng(seed=0).shuffle(members)
            pairs += [(name, *both) for both in zip(members[::2], members[1::2], strict=False)]
        return pairs

    @property
    def entries(self) -> list[Entry]:
        """Its pairs, for tables."""

        def side(row: dict[str, Any]) -> dict[str, str]:
            return {
                "label": row["instrument"],
                "source": f"{row['src_path']}, {row['src_offset']} s",
            }

        return [
            Entry(f"{number:04}", name, side(content), side(style))
            for number, (name, content, style) in enumerate(self._pairs)
        ]

    def clips(self, name: str) -> Clips:
        """The sounds of a pair.

        Parameters
        ----------
        name : str
            The pair's.

        Returns
        -------
        Clips
            Content and style, mono, at -30 LUFS.

        Raises
        ------
        InputError
            A stem is missing or too short.
        """
        _, content, style = self._pairs[int(name)]
        return Clips(self._sound(content), self._sound(style))

    def _sound(self, row: dict[str, Any]) -> Audio:
        begin_s = float(row["src_offset"])
        path = Path(self.stem_folder) / row["src_path"]
        return at_loudness(load(path, start_s=begin_s, end_s=begin_s + CLIP_S).mono())


@lru_cache(maxsize=4)
def _segment_list(path: str) -> tuple[dict[str, Any], ...]:
    try:
        rows = json.loads(Path(path).read_text())
        assert {"src_path", "src_offset", "instrument", "stats"} <= set(rows[0])
    except (OSError, ValueError, AssertionError, TypeError, KeyError, IndexError) as error:
        raise InputError(
            path,
            "is not the authors' list of segments",
            "name data/mixing_secrets/test/metadata_single_ref.json of cifkao/ss-vq-vae",
        ) from error
    return tuple(rows)
