"""Shards: files written are read, by index and after pickling; a missing one is named."""

import json
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cambiata.arrays import Samples
from cambiata.data.shards import (
    FULL_SCALE,
    RecordedExamples,
    from_int16,
    note_rows,
    read_notes,
    shard_name,
    to_int16,
)
from cambiata.errors import InputError
from cambiata.score.midi import Note


@dataclass(frozen=True)
class Config:
    n_examples: int = 6
    n_validation: int = 2
    n_shard: int = 2


class Sounds(RecordedExamples[Samples]):
    def __getitem__(self, index: Any) -> Samples:  # type: ignore[override]
        return from_int16(self.read(index))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for is_validation, n in ((False, 3), (True, 1)):
        for index in range(n):
            place = tmp_path / shard_name(is_validation, index)
            first = 10 * is_validation + 2 * index
            np.save(place, np.array([[first] * 4, [first + 1] * 4], np.int16))
            place.with_suffix(".json").write_text(json.dumps([{"n": first}, {"n": first + 1}]))
    return tmp_path


def test_examples_are_read_by_index(folder: Path) -> None:
    sounds = Sounds(folder, Config())
    assert len(sounds) == 6
    assert [round(float(sound[0]) * FULL_SCALE) for sound in sounds] == [0, 1, 2, 3, 4, 5]
    assert sounds.read(5, ".json") == {"n": 5}
    assert sounds.read(-1, ".json") == {"n": 5}
    with pytest.raises(IndexError):
        sounds.read(6)


def test_validation_is_apart_and_pickles_are_of_paths(folder: Path) -> None:
    sounds = Sounds(folder, Config())
    sounds[0]
    again = pickle.loads(pickle.dumps(sounds.validation()))
    assert again.is_validation
    assert [again.read(i, ".json")["n"] for i in range(len(again))] == [10, 11]
    assert len(pickle.dumps(sounds)) < 1000


def test_a_missing_shard_is_named(folder: Path) -> None:
    (folder / shard_name(False, 1)).unlink()
    with pytest.raises(InputError, match=r"lacks training-0001\.npy; record the examples first"):
        Sounds(folder, Config())


def test_sounds_and_notes_come_back() -> None:
    sound = np.array([0.5, -1.0, 1.5, 1 / FULL_SCALE], np.float32)
    stored = to_int16(sound).astype(np.int16)
    assert stored.tolist() == [16384, -FULL_SCALE, FULL_SCALE, 1]
    np.testing.assert_allclose(from_int16(stored), np.clip(sound, -1, 1), atol=0.5 / FULL_SCALE)
    notes = (Note(0.0, 0.5, 60, 90), Note(0.25, 1.0, 64, 1))
    assert read_notes(json.loads(json.dumps(note_rows(notes)))) == notes
