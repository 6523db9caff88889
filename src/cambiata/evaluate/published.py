"""The authors' own test sets, by their published lists of pairs, where a user has the recordings.

Cífka et al. 2021 published which pairs they tested (cifkao/ss-vq-vae), but none of the sounds:
``data/lmd/audio_test/metadata_ref.json`` needs the Lakh MIDI files (LMD-full) and the sound font
Timbres of Heaven (XGM) 3.94, ``data/mixing_secrets/test/metadata_single_ref.json`` the stems of
Mixing Secrets.
"""

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from cambiata.audio.sound import Audio, load
from cambiata.errors import InputError, MissingExtraError
from cambiata.evaluate.testset import (
    CLIP_S,
    Clips,
    Entry,
    assign_median_bins,
    cut_notes,
    normalize_loudness,
    render_clip,
    spread_evenly,
)
from cambiata.score.midi import Note, Part


@dataclass(frozen=True)
class LakhSet:
    """The paper's 721 artificial pairs."""

    pair_list: str  # the authors' ``data/lmd/audio_test/metadata_ref.json``
    midi_folder: str  # of LMD-full: ``0/0a1b....mid`` below it
    font: str  # theirs was Timbres of Heaven (XGM) 3.94
    limit: int | None = None  # most pairs, of every bin its share

    def __post_init__(self) -> None:
        if not find_spec("pretty_midi"):
            raise MissingExtraError("the paper's artificial set", "eval")
        if not any(self._file(row["content"]).exists() for row in self._rows.values()):
            raise InputError(
                self.midi_folder, "holds none of the list's MIDI files", "name LMD-full's folder"
            )

    @property
    def name(self) -> str:
        """Name of its folder."""
        return "artificial-paper"

    @property
    def title(self) -> str:
        """Name of the set in tables."""
        return "Artificial, the paper's own pairs"

    @property
    def about(self) -> str:
        """A paragraph on the set."""
        return (
            f"{len(self.entries)} of the {len(self._rows)} pairs that Cífka et al. 2021 published, "
            f"of Lakh MIDI files, rendered by {Path(self.font).name}; mono, 44.1 kHz, at -30 LUFS."
        )

    @property
    def facts(self) -> dict[str, Any]:
        """Facts that identify the set."""
        return {"pairs": Path(self.pair_list).name, "font": Path(self.font).name}

    @property
    def _rows(self) -> dict[str, Any]:
        return _read_pair_list(self.pair_list)

    @property
    def entries(self) -> list[Entry]:
        """Pairs of the set, for tables."""

        def side(row: dict[str, Any]) -> dict[str, str]:
            source = f"{row['src_path']} instrument {row['instrument']} from {row['index']} s"
            return {"label": f"program {row['program']}", "source": source}

        rows = sorted((_bin_of_row(row), name) for name, row in self._rows.items())
        return [
            Entry(name, bin_, side(self._rows[name]["content"]), side(self._rows[name]["style"]))
            for bin_, name in spread_evenly(rows, self.limit or len(rows))
        ]

    def clips(self, name: str) -> Clips:
        """The sounds of a pair."""
        row = self._rows[name]
        notes, style_notes = self._load_notes(row["content"]), self._load_notes(row["style"])
        program, style_program = row["content"]["program"], row["style"]["program"]
        return Clips(
            render_clip(self.font, notes, program),
            render_clip(self.font, style_notes, style_program),
            render_clip(self.font, notes, style_program),
            notes,
        )

    def _file(self, row: dict[str, Any]) -> Path:
        return Path(self.midi_folder, row["src_path"]).with_suffix(".mid")

    def _load_notes(self, row: dict[str, Any]) -> tuple[Note, ...]:
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
        return cut_notes(Part(tuple(notes)), row["index"])


def _bin_of_row(row: dict[str, Any]) -> str:
    return str(row["content"]["path"]).split("/")[0]


_SEGMENT = {"src_path": str, "index": int, "program": int, "instrument": int, "path": str}
_STEM = {"src_path": str, "src_offset": (int, float), "instrument": str, "stats": dict}
_STATS = {"num_voices": (int, float), "mean_pitch": (int, float)}


def _check_types(row: Any, kinds: dict[str, Any]) -> None:
    for key, kind in kinds.items():
        if not isinstance(row[key], kind):
            raise TypeError(key)


@lru_cache(maxsize=4)
def _read_pair_list(path: str) -> dict[str, Any]:
    try:
        rows = json.loads(Path(path).read_text("utf-8"))
        if not rows:
            raise ValueError("empty")
        for name, row in rows.items():
            if not re.fullmatch(r"\w+", name, re.ASCII):  # it will name a folder
                raise ValueError(name)
            _check_types(row["content"], _SEGMENT)
            _check_types(row["style"], _SEGMENT)
    except (OSError, ValueError, AttributeError, TypeError, KeyError, IndexError) as error:
        raise InputError(
            path,
            "is not the authors' list of pairs",
            "name data/lmd/audio_test/metadata_ref.json of cifkao/ss-vq-vae",
        ) from error
    return dict(rows)


@dataclass(frozen=True)
class MixingSecretsSet:
    """The paper's 690 real pairs."""

    segment_list: str  # the authors' ``data/mixing_secrets/test/metadata_single_ref.json``
    stem_folder: str  # of the unpacked stems, as that list names them
    limit: int | None = None  # most pairs, of every bin its share

    def __post_init__(self) -> None:
        if not any((Path(self.stem_folder) / row["src_path"]).exists() for row in self._rows):
            raise InputError(
                self.stem_folder, "holds none of the list's stems", "name the stems' folder"
            )

    @property
    def name(self) -> str:
        """Name of its folder."""
        return "real-paper"

    @property
    def title(self) -> str:
        """Name of the set in tables."""
        return "Real, the paper's own pairs"

    @property
    def about(self) -> str:
        """A paragraph on the set."""
        return (
            f"{len(self.entries)} of the {len(self._pairs)} pairs of Mixing Secrets stems that "
            "Cífka et al. 2021 tested; 8 s, mono, at -30 LUFS."
        )

    @property
    def facts(self) -> dict[str, Any]:
        """Facts that identify the set."""
        return {"target": False, "segments": Path(self.segment_list).name}

    @property
    def _rows(self) -> tuple[dict[str, Any], ...]:
        return _read_segment_list(self.segment_list)

    @property
    def _pairs(self) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
        """Pairs as their notebook forms them: each bin shuffled by seed 0, then two and two."""
        names = assign_median_bins(
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
        """Pairs of the set, for tables."""

        def side(row: dict[str, Any]) -> dict[str, str]:
            return {
                "label": row["instrument"],
                "source": f"{row['src_path']}, {row['src_offset']} s",
            }

        pairs = list(enumerate(self._pairs))
        return [
            Entry(f"{number:04}", name, side(content), side(style))
            for number, (name, content, style) in spread_evenly(pairs, self.limit or len(pairs))
        ]

    def clips(self, name: str) -> Clips:
        """The sounds of a pair."""
        _, content, style = self._pairs[int(name)]
        return Clips(self._load_segment(content), self._load_segment(style))

    def _load_segment(self, row: dict[str, Any]) -> Audio:
        begin_s = float(row["src_offset"])
        path = Path(self.stem_folder) / row["src_path"]
        return normalize_loudness(load(path, start_s=begin_s, end_s=begin_s + CLIP_S).mono())


@lru_cache(maxsize=4)
def _read_segment_list(path: str) -> tuple[dict[str, Any], ...]:
    try:
        rows = json.loads(Path(path).read_text("utf-8"))
        if not rows:
            raise ValueError("empty")
        for row in rows:
            _check_types(row, _STEM)
            _check_types(row["stats"], _STATS)
    except (OSError, ValueError, AttributeError, TypeError, KeyError, IndexError) as error:
        raise InputError(
            path,
            "is not the authors' list of segments",
            "name data/mixing_secrets/test/metadata_single_ref.json of cifkao/ss-vq-vae",
        ) from error
    return tuple(rows)
