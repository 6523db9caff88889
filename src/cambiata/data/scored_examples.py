"""Examples with their notes, on disk: for networks that play.

Beside the sounds of an example lie the notes that content and style play, the energy of every
pitch in every frame, known since each note was rendered alone.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.data.bank import Instrument
from cambiata.data.examples import (
    EXAMPLES_FOLDER,
    ExamplesConfig,
    open_composer,
    record_shards,
)
from cambiata.data.pairs import Treatment
from cambiata.data.shards import (
    RecordedExamples,
    from_int16,
    note_rows,
    read_notes,
    shard_name,
    to_int16,
)
from cambiata.files import write_array
from cambiata.partials.posteriors import BANDS, LOWEST_PITCH, N_PITCHES
from cambiata.score.midi import Note, Part

_VERSION = 1  # of the files; examples of another are recorded anew
_ENERGY_WINDOW = 2048  # samples over which a pitch's power is averaged: 46 ms at 44.1 kHz

Roll = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ScoredConfig(ExamplesConfig):
    """Settings of a recording with notes, where they differ from those of other examples."""

    n_examples: int = 6144
    n_validation: int = 64
    n_shard: int = 64
    treatment: Treatment = "wide"
    sample_rate: int = BANDS.sample_rate  # the banks' own
    seed: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sample_rate != BANDS.sample_rate:
            raise ValueError(f"sample_rate must be {BANDS.sample_rate}")


PIANO_BANKS = (
    "fluid-r3:0-7",
    "musescore-general:0-7",
    "generaluser-gs:0-7",
    "csound-gm:0-7",
    "salamander",
    "bright-acoustic-piano",
    "electric-grand-piano",
    "electric-piano-1",
    "procedural-pianos",
)
"""Every piano-like instrument that may be trained on."""


@dataclass(frozen=True)
class PianoConfig(ScoredConfig):
    """Examples of keyboards, half of them with the pedal."""

    banks: tuple[str, ...] = PIANO_BANKS
    n_examples: int = 1536
    # A recorded piano, three of a font and two computed ones: each kind is validated.
    held_out: tuple[str, ...] = (
        "bright-acoustic-piano:0",
        *(f"generaluser-gs:{program}" for program in (0, 4, 6)),
        *(f"procedural-pianos:{number}" for number in (22, 23)),
    )
    pedal_share: float = 0.5


class LevelBytes(NamedTuple):
    """Levels in dB stored as bytes."""

    floor_db: float  # of byte 0
    step_db: float  # from a byte to the next

    def encode(self, level_db: Roll) -> npt.NDArray[np.uint8]:
        """Levels as bytes."""
        steps = np.round((level_db - self.floor_db) / self.step_db)
        return np.clip(steps, 0, 255).astype(np.uint8)

    def decode(self, stored: Any) -> Any:
        """Bytes as levels, arrays or tensors of floats alike."""
        return stored * np.float32(self.step_db) + np.float32(self.floor_db)


# A third of a dB, as finely as levels matter, down to where they are rounding.
ENERGY_BYTES = LevelBytes(-60.0, 1 / 3)


class ScoredExample(NamedTuple):
    """Sounds of an example, and what is known of its content and style."""

    sounds: Samples  # content, style and target, [3, T]
    energy_db: Roll  # of each pitch [2, 88, L], in dB of the sounds' mean power, from -60
    notes: tuple[tuple[Note, ...], tuple[Note, ...]]


def energy_db(instrument: Instrument, notes: Iterable[Note], n_samples: int) -> Roll:
    """Power of every pitch in every frame [88, L], with the releases of its notes."""
    hop, half = BANDS.hop_length, _ENERGY_WINDOW // 2
    power = np.zeros((N_PITCHES, BANDS.n_frames(n_samples)))
    mixture = np.zeros(n_samples, np.float32)
    for note, start, sound in instrument.sounds(notes, n_samples):
        mixture[start : start + len(sound)] += sound
        if not LOWEST_PITCH <= note.pitch < LOWEST_PITCH + N_PITCHES or not len(sound):
            continue
        total = np.concatenate([[0.0], np.cumsum(np.square(sound, dtype=np.float64))])
        first = max(0, (start - half) // hop)
        last = min(power.shape[1], (start + len(sound) + half) // hop + 1)
        centre = np.arange(first, last) * hop - start
        ends = (np.clip(centre + half, 0, len(sound)), np.clip(centre - half, 0, len(sound)))
        power[note.pitch - LOWEST_PITCH, first:last] += total[ends[0]] - total[ends[1]]
    mean = float(np.mean(np.square(mixture, dtype=np.float64))) + 1e-20
    level: Roll = (10 * np.log10(power / _ENERGY_WINDOW / mean + 1e-12)).astype(np.float32)
    return np.maximum(level, np.float32(ENERGY_BYTES.floor_db))


def _record_shard(folder: Path, config: ScoredConfig, shard: tuple[bool, int]) -> None:
    validation, index = shard
    composer = open_composer(config, validation)
    n, n_frames = config.n_shard, BANDS.n_frames(config.n_samples)
    sounds = np.empty((n, 3, config.n_samples), np.int16)
    energies = np.empty((n, 2, N_PITCHES, n_frames), np.uint8)
    facts = []
    for i in range(n):
        example = composer.example(index * n + i)
        three = (example.content, example.style, example.target)
        sounds[i] = to_int16(np.stack(three))
        both = (example.notes, example.style_notes)
        for j, (notes, instrument) in enumerate(zip(both, example.instruments, strict=True)):
            energy = energy_db(instrument, notes, config.n_samples)
            energies[i, j] = ENERGY_BYTES.encode(energy)
        facts.append(
            {
                "content": example.facts["content"],
                "style": example.facts["style"],
                "notes": [note_rows(notes) for notes in both],
                "keys": note_rows(example.keys.notes) if example.keys else None,
                "pedal": example.keys.pedal if example.keys else None,
            }
        )
    place = folder / shard_name(validation, index)
    place.with_suffix(".json").write_text(json.dumps(facts))
    write_array(place.with_suffix(".energies.npy"), energies)
    write_array(place, sounds)  # last: where it lies, the others do


def record_scored(
    config: ScoredConfig,
    folder: str | Path | None = None,
    *,
    n_workers: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> "ScoredExamples":
    """Compose examples with their notes and write them; what is there already stays."""
    own = EXAMPLES_FOLDER / f"scored-{config.digest}"
    place = own if folder is None else Path(folder)
    record_shards(place, config, _VERSION, _record_shard, n_workers, progress)
    return ScoredExamples(place, config)


def record_joined(
    config: ScoredConfig,
    extra: ScoredConfig | None,
    folder: str | Path | None = None,
    *,
    progress: Callable[[float], None] | None = None,
) -> "ScoredExamples | JoinedExamples":
    """Recorded examples, and further ones behind them, but none where a folder is given."""
    examples = record_scored(config, folder, progress=progress)
    if extra is None or folder is not None:
        return examples
    return JoinedExamples([examples, record_scored(extra, progress=progress)])


class ScoredExamples(RecordedExamples[ScoredExample]):
    """Recorded examples with their notes."""

    def keys(self, index: int) -> Part:
        """Part that content and target of an example play, keys and pedal apart."""
        facts = self.read(index, ".json")
        notes = read_notes(facts.get("keys") or facts["notes"][0])
        return Part(notes, pedal=tuple((a, b) for a, b in facts.get("pedal") or ()))

    def __getitem__(self, index: Any) -> ScoredExample:  # type: ignore[override]
        """One example, whole."""
        energies, rows = self.read(index, ".energies.npy"), self.read(index, ".json")["notes"]
        return ScoredExample(
            from_int16(self.read(index)),
            ENERGY_BYTES.decode(energies.astype(np.float32)),
            (read_notes(rows[0]), read_notes(rows[1])),
        )


class JoinedExamples(Sequence[ScoredExample]):
    """Several sets of examples, one after another."""

    def __init__(self, sets: Sequence[ScoredExamples]) -> None:
        self.sets = tuple(sets)

    @property
    def folder(self) -> Path:
        """Folder of the first set."""
        return self.sets[0].folder

    def __len__(self) -> int:
        return sum(len(each) for each in self.sets)

    def _locate(self, index: int) -> tuple[ScoredExamples, int]:
        index = range(len(self))[index]
        for each in self.sets:
            if index < len(each):
                return each, index
            index -= len(each)
        raise IndexError(index)

    def __getitem__(self, index: Any) -> ScoredExample:  # type: ignore[override]
        """One example, whole."""
        each, at = self._locate(index)
        return each[at]

    def validation(self) -> "JoinedExamples":
        """The examples to validate with, of all sets."""
        return JoinedExamples([each.validation() for each in self.sets])

    @property
    def facts(self) -> dict[str, Any]:
        """Facts of each set, and the banks of all."""
        facts = [each.facts for each in self.sets]
        banks = {bank["name"]: bank for each in facts for bank in each["banks"]}
        return {"sets": facts, "banks": list(banks.values())}
