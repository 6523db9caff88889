"""The Groove MIDI Dataset (Gillick, Roberts, Engel, Eck and Bamman 2019, CC BY 4.0), in windows."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cambiata.errors import InputError
from cambiata.groove.grid import N_DRUMS, Groove
from cambiata.groove.vae import N_STEPS, encode_windows, split_windows
from cambiata.score.midi import load

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
