"""Banks: every note of an instrument as a sound, so that any score is played by adding them up.

A bank is a folder: ``bank.json`` says where its sounds come from, and each instrument has its
notes one after another in ``NNN.npy`` (int16, each note scaled to full range) and their table in
``NNN.notes.npy``. Both are mapped into memory, so a bank larger than memory is no trouble.
`bank_building` makes them of sound fonts, `recorded_notes` of recordings, `procedural` by formula;
`bank_writing` is the format.
"""

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.caches import file_hash
from cambiata.data.soundfont import RENDER_RATE_HZ, SoundSource
from cambiata.errors import InputError
from cambiata.files import cache_folder
from cambiata.score.midi import Note

# How long a note is held. Longer ones are looped (`_extend`), which is heard in sounds that
# change for longer; a bank's size on disk grows with it.
HOLD_S = 3.0
N_HOLD = round(HOLD_S * RENDER_RATE_HZ)
# A note ends where it stays this far below its peak: out of hearing under anything else. Higher
# cuts decays off, lower makes banks larger.
TRAILING_DB = -80.0
BANK_FOLDER = cache_folder() / "bank"
_ENDS = ".npy", ".notes.npy"  # of the files of a program
VERSION = 2  # of the format; banks of another are refused


@dataclass(frozen=True)
class BankedNote:
    """A note as a bank has it: held down all the time, from its onset."""

    pitch: int  # MIDI number
    velocity: int  # at which it was rendered, or that of a recording's level
    samples: Samples  # mono [T], at the bank's rate
    release_db_s: float  # how fast it decays once let go, beyond its own decay


class Instrument:
    """One instrument of a bank."""

    def __init__(self, folder: Path, source: SoundSource, facts: dict[str, Any]) -> None:
        self._folder, self.source = folder, source
        self.program, self.name = int(facts["program"]), str(facts["name"])

    @property
    def label(self) -> str:
        """Name of the instrument in tables."""
        return f"{self.source.name}: {self.name} (program {self.program})"

    @cached_property
    def _sound(self) -> npt.NDArray[np.int16]:
        sound = self._loaded(".npy", "r")
        if len(sound) < max(self.table["start"] + self.table["length"], default=0):
            raise self._damaged()
        return sound

    @cached_property
    def table(self) -> npt.NDArray[Any]:
        """Notes of the instrument: pitch, velocity, level in dB, release in dB/s, and place."""
        table = self._loaded(".notes.npy")
        if not {"pitch", "velocity", "start", "length"} <= set(table.dtype.names or ()):
            raise self._damaged()
        return table

    def _loaded(self, end: str, mmap_mode: Literal["r"] | None = None) -> npt.NDArray[Any]:
        place = self._folder / f"{self.program:03}{end}"
        try:
            return cast("npt.NDArray[Any]", np.load(place, mmap_mode=mmap_mode))
        except (OSError, ValueError, EOFError) as error:
            raise self._damaged() from error

    def _damaged(self) -> InputError:
        which = f"is damaged (program {self.program})"
        cure = "make it again with `cambiata data bank`, as before: what is whole is kept"
        return InputError(str(self._folder), which, cure)

    @cached_property
    def pitches(self) -> tuple[int, ...]:
        """Pitches of the instrument, ascending."""
        return tuple(int(pitch) for pitch in np.unique(self.table["pitch"]))

    @cached_property
    def _table_by_pitch(self) -> dict[int, npt.NDArray[Any]]:
        return {pitch: self.table[self.table["pitch"] == pitch] for pitch in self.pitches}

    def sustained(self, pitch: int, velocity: int, n_samples: int | None = None) -> BankedNote:
        """A note held down as long as the bank has it.

        Of its layers that of the nearest velocity, at a level interpolated between the layers'
        own; it gets no softer than the softest and no louder than the loudest.
        """
        if pitch not in self._table_by_pitch:
            raise InputError(self.label, f"has no pitch {pitch}", "keep to its range")
        layers = self._table_by_pitch[pitch]
        nearest = layers[np.argmin(np.abs(layers["velocity"] - velocity))]
        # Over the logarithm of velocity levels are a straight line: that of SoundFont's own curve.
        level_db = np.interp(np.log(velocity), np.log(layers["velocity"]), layers["level_db"])
        gain = nearest["scale"] * 10 ** ((level_db - nearest["level_db"]) / 20)
        length = nearest["length"] if n_samples is None else min(nearest["length"], n_samples)
        sound = self._sound[nearest["start"] : nearest["start"] + length]
        samples = sound.astype(np.float32) * np.float32(gain)
        return BankedNote(pitch, velocity, samples, float(nearest["release_db_s"]))

    def play(self, notes: Iterable[Note], n_samples: int) -> Samples:
        """Notes played by the instrument, [T]."""
        out = np.zeros(n_samples, np.float32)
        for _, start, sound in self.sounds(notes, n_samples):
            out[start : start + len(sound)] += sound
        return out

    def sounds(self, notes: Iterable[Note], n_samples: int) -> Iterator[tuple[Note, int, Samples]]:
        """Each note, its first sample, and its sound alone [T]."""
        for note in notes:
            start = round(note.start_s * RENDER_RATE_HZ)
            n_available = n_samples - start
            if n_available > 0:
                sustained = self.sustained(note.pitch, note.velocity, n_available)
                yield note, start, _release(sustained, note.duration_s, n_available)


class Bank:
    """A folder of instruments, as `build_from_font` or `build_from_recordings` made it."""

    def __init__(self, folder: str | Path, only: Collection[int] | None = None) -> None:
        self.folder = Path(folder)
        try:
            facts = json.loads((self.folder / "bank.json").read_text())
            version, complete = facts.get("version"), facts.get("complete")
        except (OSError, ValueError, AttributeError) as error:
            raise InputError(
                str(folder), "is not a bank", "make one with `cambiata data bank FONT`"
            ) from error
        programs = _programs(facts) - set(facts.get("silent", ())) if version == VERSION else set()
        if not complete or not programs or not all(is_stored(self.folder, p) for p in programs):
            raise InputError(
                str(folder),
                "is not whole or of another version",
                "make it again with `cambiata data bank FONT --force`",
            )
        self.source = SoundSource(**facts["source"])
        self.facts = facts
        self.instruments = tuple(
            Instrument(self.folder, self.source, each)
            for each in facts["instruments"]
            if each["program"] in programs and (only is None or each["program"] in only)
        )

    def instrument(self, program: int) -> Instrument:
        """The instrument of a program."""
        for instrument in self.instruments:
            if instrument.program == program:
                return instrument
        raise InputError(str(self.folder), f"has no program {program}", "choose one it has")


def _programs(facts: dict[str, Any]) -> set[int]:
    return {int(each["program"]) for each in facts["instruments"]}


def is_stored(folder: Path, program: int) -> bool:
    """True where a bank has both files of a program."""
    return all((folder / f"{program:03}{end}").is_file() for end in _ENDS)


def stored_hashes(folder: Path, program: int) -> list[str]:
    """Hashes of both files of a program."""
    return [file_hash(folder / f"{program:03}{end}") for end in _ENDS]


def _release(sustained: BankedNote, duration_s: float, n_available: int) -> Samples:
    """A note let go after a time: its own decay goes on under the release's."""
    n_held = min(round(duration_s * RENDER_RATE_HZ), n_available)
    n_release = round(-TRAILING_DB / max(sustained.release_db_s, 1.0) * RENDER_RATE_HZ)
    n_samples = min(n_held + n_release, n_available)
    samples = sustained.samples
    # A note shorter than all others had decayed before they were let go.
    if len(samples) < n_samples and len(samples) >= N_HOLD:
        samples = _extend(samples, n_samples)
    samples = samples[:n_samples]
    tail = samples[n_held:]
    if len(tail):
        slope = np.float32(-sustained.release_db_s / 20 * np.log(10) / RENDER_RATE_HZ)
        tail *= np.exp(slope * np.arange(len(tail), dtype=np.float32))
    return samples


def _extend(samples: Samples, n_samples: int) -> Samples:
    """A sound that goes on: its last second again and again, overlapped by a tenth of one."""
    # Long enough to hold several turns of a vibrato, short enough to lie past most attacks.
    loop, overlap = RENDER_RATE_HZ, RENDER_RATE_HZ // 10
    fade = np.linspace(0, 1, overlap, dtype=np.float32)
    loop_samples = samples[-loop:].copy()
    # Keep to the trend: a string still decaying goes on doing so.
    before, after = (np.sqrt(np.mean(half**2) + 1e-20) for half in np.split(loop_samples, 2))
    trend = np.float32(min(1.0, after / before) ** 2)
    out, gain = samples, np.float32(1.0)
    while len(out) < n_samples:
        gain *= trend
        piece = loop_samples * gain
        joint = out[-overlap:] * (1 - fade) + piece[:overlap] * fade
        out = np.concatenate([out[:-overlap], joint, piece[overlap:]])
    return out
