"""Notes that bend: they go on where their pitch went, and end where another note begins."""

import numpy as np
import pytest

from cambiata.partials.bent_notes import with_bends


def _bend() -> tuple[np.ndarray, np.ndarray]:
    """Row 40 for 20 frames, the last of them off by 60 cents; then row 42 for 10 frames."""
    active, cents = np.zeros((88, 50), np.float32), np.zeros((88, 50), np.float32)
    active[40, :20] = 0.9
    active[42, 20:30] = 0.6
    cents[40, 15:20] = 60
    cents[42, 20:30] = -10
    return active, cents


def test_a_bend_of_two_semitones_is_one_note() -> None:
    active, cents = _bend()
    ((row, begin, end, _),), found = with_bends([(40, 0.0, 19.6, 0.8)], active, cents)
    assert (row, begin, end) == (40, 0.0, 30.0)
    assert found[40, 20:30] == pytest.approx(190)
    assert (found[40, 30:] == 0).all()


def test_a_note_that_is_in_tune_ends_where_it_ended() -> None:
    active, cents = _bend()
    events = [(40, 0.0, 19.6, 0.8)]
    longer, _ = with_bends(events, active, np.zeros_like(cents))
    assert longer == events


def test_another_note_ends_a_bend() -> None:
    active, cents = _bend()
    events = [(40, 0.0, 19.6, 0.8), (42, 24.0, 30.0, 0.9)]
    longer, _ = with_bends(events, active, cents)
    assert [end for _, _, end, _ in longer] == [24.0, 30.0]
