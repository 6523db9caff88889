"""Clips to learn note detection from: a pack's folder, and rows of a `ClipSampler` by number."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.data.bank import BANK_FOLDER
from cambiata.data.clips import ClipConfig, ClipSampler
from cambiata.data.note_pack import NotePack
from cambiata.score.midi import Note

PACK_FOLDER = BANK_FOLDER.parent / "pack"
EXCERPTS, ROOMS = "excerpts.npy", "rooms.npy"
ROOM_SAMPLES = 131072  # 3 s of reverberation
_DIRECT_SAMPLES = 88  # 2 ms: what comes earlier after the peak is the direct sound itself


@dataclass(frozen=True)
class ClipsConfig:
    """Settings of clips that are drawn while training."""

    n_examples: int = 10_000_000  # so many different ones that none comes twice
    n_validation: int = 96  # of timbres that are held out
    clips: ClipConfig = field(default_factory=ClipConfig)
    seed: int = 18


class ClipExamples:
    """A pack on disk, what is played of scores, and rooms."""

    def __init__(self, folder: Path, config: ClipsConfig) -> None:
        self.folder, self.config = folder, config
        self.pack = NotePack.load(folder)
        self.rooms = (
            np.load(folder / ROOMS) if (folder / ROOMS).exists() else np.zeros((0, 1), np.float32)
        )
        self.excerpts = (
            read_excerpts(np.load(folder / EXCERPTS)) if (folder / EXCERPTS).exists() else []
        )

    @property
    def facts(self) -> dict[str, Any]:
        """Settings, and the pack's sources."""
        return {"banks": list(self.pack.sources), "n_notes": len(self.pack.notes)}

    def dataset(self) -> "ClipDataset":
        """The clips to learn from."""
        return ClipDataset(self.pack, self.excerpts, len(self.rooms), self.config)


class ClipDataset(Sequence[npt.NDArray[np.float32]]):
    """Rows of clips."""

    def __init__(
        self,
        pack: NotePack,
        excerpts: Sequence[tuple[Note, ...]],
        n_rooms: int,
        config: ClipsConfig,
        *,
        validating: bool = False,
    ) -> None:
        # Without the audio: it is where clips are mixed, not where they are drawn.
        self._parts = (NotePack(np.zeros(0, np.int16), pack.notes), excerpts, n_rooms, config)
        self._n = config.n_validation if validating else config.n_examples
        seed = config.seed + (10**6 if validating else 0)
        self._sampler = ClipSampler(
            pack, excerpts, n_rooms, config.clips, held_out=validating, seed=seed
        )

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, index: Any) -> npt.NDArray[np.float32]:  # type: ignore[override]
        """One clip, for `NoteMixer`."""
        return self._sampler.sample(range(self._n)[index])

    def validation(self) -> "ClipDataset":
        """The clips to validate with."""
        return ClipDataset(*self._parts, validating=True)


def excerpt_rows(excerpts: Sequence[Sequence[Note]]) -> npt.NDArray[np.float32]:
    """Excerpts of scores as rows: number, start, end, pitch, velocity."""
    rows = [
        (i, note.start_s, note.end_s, note.pitch, note.velocity)
        for i, notes in enumerate(excerpts)
        for note in notes
    ]
    return np.array(rows, np.float32).reshape(-1, 5)


def read_excerpts(rows: npt.NDArray[np.float32]) -> list[tuple[Note, ...]]:
    """Excerpts of such rows."""
    ends = np.flatnonzero(np.diff(rows[:, 0])) + 1
    return [
        tuple(Note(float(a), float(b), int(p), int(v)) for _, a, b, p, v in part)
        for part in np.split(rows, ends)
        if len(part)
    ]


def align_rooms(responses: Iterable[Samples]) -> npt.NDArray[np.float32]:
    """Impulse responses behind their direct sound, peaks at 1, all of 3 s [R, 131072]."""
    rooms = []
    for response in responses:
        behind = response[int(np.abs(response).argmax()) + _DIRECT_SAMPLES :][:ROOM_SAMPLES]
        room = np.zeros(ROOM_SAMPLES, np.float32)
        room[: len(behind)] = behind / (float(np.abs(behind).max(initial=0)) + 1e-9)
        rooms.append(room)
    return np.array(rooms, np.float32).reshape(-1, ROOM_SAMPLES)
