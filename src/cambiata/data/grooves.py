"""The Groove MIDI Dataset (Gillick, Roberts, Engel, Eck and Bamman 2019, CC BY 4.0), in windows."""

import csv
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cambiata.data.scores import SCORE_CACHE
from cambiata.errors import InputError
from cambiata.files import write_array, write_text
from cambiata.groove.grid import N_DRUMS, Groove
from cambiata.groove.vae import N_STEPS, encode_windows, split_windows
from cambiata.score.midi import load
from cambiata.system import Progress

N_CELLS = N_STEPS * N_DRUMS

HELD_OUT = (
    "drummer1/eval_session",
    "drummer1/session3",
    "drummer2/session3",
    "drummer3/session2",
    "drummer5/eval_session",
    "drummer5/session2",
    "drummer6/session3",
    "drummer7/eval_session",
    "drummer7/session3",
    "drummer8/eval_session",
    "drummer8/session1",
)
"""Sessions that are never trained on, nor chosen by: `cambiata.evaluate.groove` is about them. Each
drummer but 4, 9 and 10, who have one session, keeps another for training."""

SOURCE = {
    "name": "Groove MIDI Dataset 1.0.0",
    "authors": "Jon Gillick, Adam Roberts, Jesse Engel, Douglas Eck and David Bamman 2019",
    "publisher": "Google LLC (Magenta)",
    "licence": "CC BY 4.0",
    "source": "https://magenta.tensorflow.org/datasets/groove",
}


@dataclass(frozen=True)
class GrooveRecording:
    """A recording of the Groove MIDI Dataset."""

    path: Path  # of its MIDI file
    drummer: str  # "drummer1" and so on
    session: str  # "drummer1/session2" and so on
    style: str  # "funk/groove1" and so on: genre, and the dataset's name for it
    split: str  # the dataset's own: train, validation or test
    is_fill: bool  # rather than a beat

    @property
    def is_held_out(self) -> bool:
        """True where its session is for evaluation alone."""
        return self.session in HELD_OUT

    def groove(self) -> Groove:
        """Drums of the recording."""
        return Groove.of(load(self.path, keys=True))


def read_recordings(folder: str | Path) -> list[GrooveRecording]:
    """The recordings of the Groove MIDI Dataset."""
    table = Path(folder) / "info.csv"
    if not table.is_file():
        raise InputError(str(folder), "has no info.csv", "name the Groove MIDI Dataset's folder")
    with table.open(newline="") as rows:
        return [
            GrooveRecording(
                Path(folder) / row["midi_filename"],
                row["drummer"],
                row["session"],
                row["style"],
                row["split"],
                row["beat_type"] == "fill",
            )
            for row in csv.DictReader(rows)
        ]


def training_windows(grooves: Sequence[Groove]) -> npt.NDArray[np.float32]:
    """Windows of grooves, one beginning with every bar, [N, 3, 288]."""
    windows_of_grooves = [np.zeros((0, 3, N_CELLS), np.float32)]
    for groove in grooves:
        windows = split_windows(groove)
        per_window = max(len(bars) for bars in windows)
        windows = [
            range(first, min(first + per_window, groove.n_bars)) for first in range(groove.n_bars)
        ]
        windows_of_grooves.append(
            np.stack(encode_windows(groove, windows), 1).reshape(-1, 3, N_CELLS)
        )
    whole = np.concatenate(windows_of_grooves)
    return whole[whole[:, 0].any(1)]


@dataclass(frozen=True)
class GroovesConfig:
    """Settings of a recording of grooves, of the sessions that are not held out."""

    source: str = ""  # folder of the Groove MIDI Dataset, with its info.csv


class GrooveWindows:
    """Windows of grooves, those of the dataset's training files or all others."""

    def __init__(self, folder: Path, split: Literal["train", "validation"]) -> None:
        self.folder = folder
        self.facts: dict[str, Any] = json.loads((folder / "facts.json").read_text())
        self.windows: npt.NDArray[np.float32] = np.load(folder / f"{split}.npy")

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int) -> npt.NDArray[np.float32]:
        """Hits, velocities and offsets of a window, [3, 288]."""
        window: npt.NDArray[np.float32] = self.windows[index]
        return window

    def validation(self) -> "GrooveWindows":
        """Windows of the dataset's own validation and test files."""
        return GrooveWindows(self.folder, "validation")


def record_grooves(
    config: GroovesConfig, folder: str | Path | None = None, *, progress: Progress | None = None
) -> GrooveWindows:
    """Windows of the dataset's grooves, written into a folder; by default in the cache."""
    place = Path(folder) if folder else None
    if place is None or not (place / "facts.json").exists():
        if not config.source:
            raise InputError(
                "examples.source",
                "names no folder",
                'name the Groove MIDI Dataset\'s: `settings={"examples.source": "FOLDER"}`',
            )
        recordings = [each for each in read_recordings(config.source) if not each.is_held_out]
        if place is None:
            digest = hashlib.sha256((Path(config.source) / "info.csv").read_bytes()).hexdigest()
            place = SCORE_CACHE / "examples" / f"grooves-{digest[:12]}"
    if not (place / "facts.json").exists():
        place.mkdir(parents=True, exist_ok=True)
        grooves: dict[str, list[Groove]] = {"train": [], "validation": []}
        for i, each in enumerate(recordings):
            grooves["train" if each.split == "train" else "validation"].append(each.groove())
            if progress is not None:
                progress((i + 1) / len(recordings))
        windows = {split: training_windows(some) for split, some in grooves.items()}
        for split, some in windows.items():
            write_array(place / f"{split}.npy", some)
        facts = {
            "banks": SOURCE
            | {
                "held_out": list(HELD_OUT),
                "n_files": len(recordings),
                "n_windows": len(windows["train"]),
                "n_validation_windows": len(windows["validation"]),
            }
        }
        write_text(place / "facts.json", json.dumps(facts))  # last: where it lies, all do
    return GrooveWindows(place, "train")
