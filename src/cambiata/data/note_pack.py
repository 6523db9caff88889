"""Packs: single notes of many timbres in one array, of which a training mixes its clips.

A bank has every pitch of an instrument, to play scores with; a pack has every few semitones of
thousands of timbres, to hear them. It is a folder: ``audio.npy`` (int16, every note scaled to full
range), ``notes.npy`` (their table) and ``pack.json`` (where they come from). `pack_building` makes
it of the sources of `pack_sources`.
"""

import json
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.data.bank import Bank
from cambiata.data.bank_writing import find_onset, trim_note
from cambiata.data.soundfont import MELODIC_PROGRAMS, RENDER_RATE_HZ, Renderer, SoundFont
from cambiata.errors import InputError
from cambiata.files import write_array, write_text
from cambiata.score.midi import Note

NOTE = np.dtype(
    [
        ("start", np.int64),  # of its samples in the array
        ("length", np.int32),
        ("pitch", np.int16),
        ("velocity", np.int16),
        ("timbre", np.int32),
        ("sustains", np.bool_),  # or dies away while it is held
        ("held_out", np.bool_),  # of a timbre to validate with
        ("level_db", np.float32),  # of its first half second, before it was scaled
        ("release_db_s", np.float32),  # how fast it dies once let go
        ("weight", np.float32),  # of its timbre: how often it is drawn
    ]
)
# Every fifth semitone: those between are resampled by at most two and a half, at which a timbre is
# still its own. Two velocities: most fonts have one or two layers.
_STEP_SEMITONES, _VELOCITIES = 5, (50, 110)
PACK_HOLD_S = 2.2  # of a note that is rendered: a mixed one that is longer is looped
_LEAD_S = 0.3
_ONSET_DB, _SILENCE = -60.0, 10 ** (-70 / 20)
# A sound sustains that is at most 12 dB softer after 1.4 s than after 0.4 s.
_EARLY_S, _LATE_S, _WINDOW_S, _SUSTAIN_DB = 0.4, 1.4, 0.4, -12.0
_SAME_SOUND = 1e-4  # layers that differ by less, in energy, are one
_DEFAULT_RELEASE_DB_S = 300.0
_CURE = "make one with `cambiata data pack -o FOLDER`, and name it by `examples=FOLDER`"


@dataclass(frozen=True, eq=False)
class NotePack:
    """Single notes at 44.1 kHz."""

    audio: npt.NDArray[np.int16]  # [T]
    notes: npt.NDArray[Any]  # of `NOTE` [N]
    sources: tuple[dict[str, Any], ...] = ()

    @property
    def facts(self) -> dict[str, Any]:
        """Counts of its notes, and its sources."""
        timbres, held_out = self.notes["timbre"], self.notes["held_out"]
        return {
            "notes": len(self.notes),
            "timbres": len(np.unique(timbres)),
            "held_out": len(np.unique(timbres[held_out])),
            "duration_s": round(float(self.notes["length"].sum()) / RENDER_RATE_HZ, 1),
            "sources": list(self.sources),
        }

    def save(self, folder: str | Path) -> None:
        """Write the pack's three files."""
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        write_array(place / "audio.npy", self.audio)
        write_array(place / "notes.npy", self.notes)
        write_text(place / "pack.json", json.dumps(list(self.sources), indent=1))

    @classmethod
    def load(cls, folder: str | Path) -> "NotePack":
        """A pack on disk; its audio stays there until it is read."""
        place = Path(folder)
        if not place.exists():
            raise InputError(str(folder), "no such pack of notes", _CURE)
        try:
            # Copy on write: what is changed never reaches the file, and torch takes it as it is.
            audio = np.load(place / "audio.npy", mmap_mode="c")
            notes = np.load(place / "notes.npy")
            sources = json.loads((place / "pack.json").read_text())
        except (OSError, ValueError, EOFError) as error:
            raise InputError(str(folder), "is not a pack of notes", _CURE) from error
        whole = audio.dtype == np.int16 and notes.dtype == NOTE
        if not whole or int((notes["start"] + notes["length"]).max(initial=0)) > len(audio):
            raise InputError(str(folder), "is a damaged pack, or another version's", _CURE)
        return cls(audio, notes, tuple(sources))


class PackWriter:
    """A pack in the making."""

    def __init__(self) -> None:
        self._rows: list[tuple[Any, ...]] = []
        self._pieces: list[npt.NDArray[np.int16]] = []
        self._at = 0

    def add(
        self,
        samples: Samples,
        pitch: int,
        velocity: int,
        timbre: int,
        release_db_s: float = _DEFAULT_RELEASE_DB_S,
        *,
        held_out: bool = False,
    ) -> None:
        """One note, from its onset on, held all the time [T]."""
        peak = float(np.abs(samples).max())
        piece = np.round(samples * (32767 / peak)).astype(np.int16)
        level_db = 10 * np.log10(np.mean(samples[: RENDER_RATE_HZ // 2] ** 2) + 1e-20)
        row = (self._at, len(piece), pitch, velocity, timbre, sustains(samples), held_out)
        self._rows.append((*row, level_db, release_db_s, 1.0))
        self._pieces.append(piece)
        self._at += len(piece)

    def pack(self, sources: Iterable[dict[str, Any]] = ()) -> NotePack:
        """What was added."""
        audio = np.concatenate(self._pieces or [np.zeros(0, np.int16)])
        return NotePack(audio, np.array(self._rows, NOTE), tuple(sources))


def sustains(samples: Samples) -> bool:
    """Whether a held note goes on, rather than dying away."""
    early, late, window = (round(s * RENDER_RATE_HZ) for s in (_EARLY_S, _LATE_S, _WINDOW_S))
    if len(samples) < late + window // 2:
        return False
    before, after = (np.mean(samples[at : at + window] ** 2) for at in (early, late))
    return bool(after > before * 10 ** (_SUSTAIN_DB / 10))


def font_packs(
    font: SoundFont, programs: Iterable[int] = MELODIC_PROGRAMS, held_out: Container[int] = ()
) -> Iterator[NotePack]:
    """A pack for each of a sound font's programs: every fifth semitone, soft and loud."""
    with Renderer(font) as renderer:
        for program in programs:
            writer = PackWriter()
            for note in _font_notes(renderer, program):
                writer.add(*note, program, held_out=program in held_out)
            yield writer.pack()


def _font_notes(renderer: Renderer, program: int) -> Iterator[tuple[Samples, int, int]]:
    pitches = renderer.font.preset(program).pitches
    for pitch in pitches[_STEP_SEMITONES // 2 :: _STEP_SEMITONES]:
        layers = []
        for velocity in _VELOCITIES:
            note = Note(0.0, 2 * PACK_HOLD_S, pitch, velocity)
            sound = renderer.render([note], program, PACK_HOLD_S + _LEAD_S).mean(axis=0)
            if np.abs(sound).max() >= _SILENCE:
                sound = trim_note(sound, find_onset(sound, _ONSET_DB))
                layers.append((pitch, velocity, sound[: round(PACK_HOLD_S * RENDER_RATE_HZ)]))
        yield from ((sound, pitch, velocity) for pitch, velocity, sound in distinct_layers(layers))


def distinct_layers(
    layers: Iterable[tuple[int, int, Samples]],
) -> Iterator[tuple[int, int, Samples]]:
    """Of (pitch, velocity, sound) those that are no copy, louder or softer, of the one before."""
    before: tuple[int, int, Samples] | None = None
    for layer in layers:
        if before is None or before[0] != layer[0] or not _is_same(before[2], layer[2]):
            before = layer
            yield layer


def _is_same(first: Samples, second: Samples) -> bool:
    n = min(len(first), len(second))
    a, b = first[:n], second[:n]
    gain = float(a @ b) / (float(a @ a) + 1e-20)
    return float(np.sum((b - gain * a) ** 2)) < _SAME_SOUND * float(b @ b)


def pack_bank(bank: Bank, step: int = 1, held_out: Container[int] = ()) -> Iterator[NotePack]:
    """A pack for each of a bank's instruments: each layer of every `step`-th pitch."""
    for instrument in bank.instruments:
        writer, program = PackWriter(), instrument.program
        for pitch in instrument.pitches[::step]:
            layers = instrument.table[instrument.table["pitch"] == pitch]
            # Layers of one place are one sound.
            for at in np.unique(layers["start"], return_index=True)[1]:
                velocity = int(layers["velocity"][at])
                note = instrument.sustained(pitch, velocity)
                held = program in held_out
                writer.add(note.samples, pitch, velocity, program, note.release_db_s, held_out=held)
        yield writer.pack()
