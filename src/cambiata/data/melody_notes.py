"""Notes of the old collections' tunes as intervals and duration classes, in a folder."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.data.melody_bars import STYLES, parse_lines
from cambiata.data.scores import SCORE_CACHE
from cambiata.data.tunes import READER, Split, read_tunes
from cambiata.files import write_text
from cambiata.melody.pati2018 import N_INTERVALS, encode_notes
from cambiata.system import Progress

_N_NOTES = 64  # of an example, half of them shared with the next


@dataclass(frozen=True)
class NotesConfig:
    """Settings of a recording of notes."""

    least: int = 20  # times that a duration must occur to be a class of its own


class TuneNotes:
    """Stretches of tunes as intervals and duration classes."""

    def __init__(self, folder: Path, split: Split) -> None:
        self.folder = folder
        self.facts: dict[str, Any] = json.loads((folder / "facts.json").read_text())
        self._notes = np.load(folder / f"{split}.npy")

    def __len__(self) -> int:
        return len(self._notes)

    def __getitem__(self, index: int) -> npt.NDArray[np.int16]:
        """A stretch [64, 3]: interval and duration, both from 1, 0 for none; and genre."""
        stretch: npt.NDArray[np.int16] = self._notes[index]
        return stretch

    def validation(self) -> "TuneNotes":
        """Stretches of other families."""
        return TuneNotes(self.folder, "validation")


def record_notes(
    config: NotesConfig, folder: str | Path | None = None, *, progress: Progress | None = None
) -> TuneNotes:
    """Notes of the old collections' tunes whose dance is known, written into a folder."""
    place = Path(folder) if folder else SCORE_CACHE / "examples" / f"notes-{READER}-{config.least}"
    if (place / "facts.json").exists():
        return TuneNotes(place, "train")
    tunes = [
        (tune, encode_notes(line))
        for tune, line in parse_lines(read_tunes(progress=progress))
        if tune.dance in STYLES
    ]
    counts = Counter(
        duration for tune, notes in tunes if tune.split == "train" for _, duration in notes
    )
    durations = sorted(duration for duration, n in counts.items() if n >= config.least)
    duration_classes = np.array(durations)
    place.mkdir(parents=True, exist_ok=True)
    by_split: dict[str, list[npt.NDArray[np.int16]]] = {"train": [], "validation": [], "test": []}
    for tune, notes in tunes:
        rows = np.array(
            [
                (
                    interval + N_INTERVALS // 2 + 1,
                    1 + int(np.abs(duration_classes - duration).argmin()),
                )
                for interval, duration in notes
            ]
        )
        genre = STYLES.index(tune.dance)
        for start in range(0, max(1, len(rows) - _N_NOTES // 2), _N_NOTES // 2):
            stretch = np.zeros((_N_NOTES, 3), np.int16)
            stretch[:, 2] = genre
            part = rows[start : start + _N_NOTES]
            stretch[: len(part), :2] = part
            by_split[tune.split].append(stretch)
    for split, stretches in by_split.items():
        np.save(place / f"{split}.npy", np.stack(stretches))
    facts = {
        "durations": durations,
        "banks": {"tunes": {split: len(stretches) for split, stretches in by_split.items()}},
    }
    write_text(place / "facts.json", json.dumps(facts))  # last: where it lies, the others do
    return TuneNotes(place, "train")
