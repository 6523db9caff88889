"""Examples on disk, some hundreds to a file: their names, and the one way to read them.

A shard is ``training-0000.npy`` or ``validation-0000.npy``, its arrays mapped into memory, with
further arrays and JSON of the same stem beside it. The ``.npy`` is written last: where it lies,
the others do.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.errors import InputError
from cambiata.score.midi import Note

ExampleT = TypeVar("ExampleT")

FULL_SCALE = 32767  # of 16 bits


class ShardConfig(Protocol):
    """Settings of a recording that say how many examples lie where."""

    @property
    def n_examples(self) -> int:
        """Number to learn from."""

    @property
    def n_validation(self) -> int:
        """Number to validate with."""

    @property
    def n_shard(self) -> int:
        """Examples in one file."""


def shard_name(is_validation: bool, index: int) -> str:
    """File of some examples."""
    return f"{'validation' if is_validation else 'training'}-{index:04d}.npy"


def to_int16(sound: Samples) -> npt.NDArray[np.float32]:
    """Sound in whole steps of 16 bits, for a file."""
    return np.clip(np.round(sound * FULL_SCALE), -FULL_SCALE, FULL_SCALE)


def from_int16(stored: npt.NDArray[np.int16]) -> Samples:
    """Sound of a file."""
    return stored.astype(np.float32) / np.float32(FULL_SCALE)


def note_rows(notes: Iterable[Note]) -> list[list[float]]:
    """Notes as rows of onset and offset in seconds, pitch and velocity, for JSON."""
    return [[note.start_s, note.end_s, note.pitch, note.velocity] for note in notes]


def read_notes(rows: Iterable[Sequence[float]]) -> tuple[Note, ...]:
    """Notes of such rows."""
    return tuple(Note(start, end, int(pitch), int(v)) for start, end, pitch, v in rows)


class ShardReader:
    """Entries of the shards in a folder, read from disk when they are used."""

    def __init__(
        self,
        folder: Path,
        config: ShardConfig,
        is_validation: bool = False,
        cure: str = "record the examples first",
    ) -> None:
        self.folder, self.is_validation = folder, is_validation
        n = config.n_validation if is_validation else config.n_examples
        self._n_shard = config.n_shard
        self._places = [folder / shard_name(is_validation, i) for i in range(n // config.n_shard)]
        for place in self._places:
            if not place.exists():
                raise InputError(str(folder), f"lacks {place.name}", cure)
        self._open: dict[Path, Any] = {}

    def __len__(self) -> int:
        return len(self._places) * self._n_shard

    def read(self, index: int, suffix: str = ".npy") -> Any:
        """An example's entry in the file of a suffix: of an array, or of a JSON list."""
        shard, at = divmod(range(len(self))[index], self._n_shard)
        place = self._places[shard].with_suffix(suffix)
        if place not in self._open:
            is_json = suffix == ".json"
            self._open[place] = (
                json.loads(place.read_text()) if is_json else np.load(place, mmap_mode="r")
            )
        return self._open[place][at]


class RecordedExamples(ShardReader, Sequence[ExampleT]):
    """Examples as a recording left them; what each holds is its subclass's."""

    def __init__(self, folder: Path, config: Any, is_validation: bool = False) -> None:
        super().__init__(folder, config, is_validation)
        self.config = config

    def __reduce__(self) -> tuple[Any, ...]:
        # By name: a mapped file is pickled with all that is in it.
        return type(self), (self.folder, self.config, self.is_validation)

    def validation(self) -> Self:
        """The examples to validate with."""
        return type(self)(self.folder, self.config, is_validation=True)

    @property
    def facts(self) -> dict[str, Any]:
        """Settings of the recording, and the banks that it was made from."""
        facts: dict[str, Any] = json.loads((self.folder / "examples.json").read_text())
        return facts
