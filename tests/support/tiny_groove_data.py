"""A folder in the Groove MIDI Dataset's form that tests share: made here, small, of nobody."""

import csv
from itertools import product
from pathlib import Path

import numpy as np

from cambiata.groove.grid import Groove, replace_drums
from cambiata.score.midi import Clock, Metre, Note, Part, Score, save

_COLUMNS = ["drummer", "session", "style", "beat_type", "midi_filename", "split"]


def tiny_groove_data(folder: Path) -> Path:
    """Two drummers of three sessions, three grooves of four bars in each; drummer 7 is louder.

    All vary one bar.
    """
    rng = np.random.default_rng(0)
    bar = rng.random((16, 9)) < 0.15
    clock = Clock(metres=((0.0, Metre()),))
    empty = Score((Part((Note(0, 1, 36),), is_drum=True),), clock=clock)
    sessions = product(("drummer1", "drummer7"), ("session1", "session3", "eval_session"))
    with (folder / "info.csv").open("w", newline="") as table:
        rows = csv.writer(table)
        rows.writerow(_COLUMNS)
        for drummer, session in sessions:
            (folder / drummer / session).mkdir(parents=True)
            for i, split in enumerate(("train", "train", "validation")):
                hits = np.tile(bar, (4, 1)) ^ (rng.random((64, 9)) < 0.04)
                hits[::16, 0] = True
                hard = 0.2 + 0.5 * (drummer == "drummer7") + 0.2 * rng.random((64, 9))
                groove = Groove.of_arrays(hits, hard, 0.2 * rng.random((64, 9)))
                place = f"{drummer}/{session}/{i}.mid"
                save(replace_drums(empty, groove.strikes), folder / place)
                style = f"rock/groove{i}"
                rows.writerow([drummer, f"{drummer}/{session}", style, "beat", place, split])
    return folder
