"""The Groove MIDI Dataset in windows."""

import numpy as np

from cambiata.data.grooves import N_CELLS, training_windows
from cambiata.groove.grid import Groove


def test_windows_begin_with_every_bar() -> None:
    hits = np.zeros((64, 9))
    hits[0, 0] = hits[17, 1] = hits[63, 2] = 1
    windows = training_windows([Groove.of_arrays(hits, 0.5 * hits, 0 * hits)])
    assert windows.shape == (4, 3, N_CELLS)
    assert windows[:, 0].sum(1).tolist() == [2, 1, 1, 1]
