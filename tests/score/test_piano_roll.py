"""Rolls against what the score says."""

import numpy as np
import pytest

from cambiata.score.midi import Note, Part
from cambiata.score.piano_roll import (
    FRAME_RATE_HZ,
    LOWEST_KEY,
    piano_roll,
    resample_roll,
    split_at_keyboard,
)

PART = Part(
    (Note(0.0, 0.5, 60, 127), Note(0.25, 1.0, 64, 64), Note(0.5, 1.0, 60, 32)),
    pedal=((0.2, 0.9),),
)


def test_the_design_of_the_roll() -> None:
    roll = piano_roll(PART)
    assert roll.array.shape == (3 * 88 + 1, 250)
    # A strike is its velocity in one frame of 4 ms, and 0 elsewhere.
    keys, frames = np.nonzero(roll.onset)
    assert set(zip(keys + LOWEST_KEY, frames, strict=True)) == {(60, 0), (64, 62), (60, 125)}
    assert roll.onset[64 - LOWEST_KEY, 62] == pytest.approx(64 / 127)
    assert roll.active[60 - LOWEST_KEY].sum() == 250  # struck again as it is let go
    assert roll.offset[60 - LOWEST_KEY, 125] == 1
    assert roll.pedal.sum() == pytest.approx(0.7 * FRAME_RATE_HZ)


def test_overlapping_notes_of_one_pitch_are_struck_twice() -> None:
    roll = piano_roll(Part((Note(0.0, 1.0, 60), Note(0.5, 1.5, 60))), 2.0)
    key = roll.onset[60 - LOWEST_KEY]
    assert np.flatnonzero(key).tolist() == [0, 125]
    assert roll.offset[60 - LOWEST_KEY, 124] == 1
    assert roll.active[60 - LOWEST_KEY].sum() == 375


def test_notes_off_the_keyboard_are_left_out_and_named() -> None:
    roll = piano_roll(Part((Note(0, 1, 20), Note(0, 1, 21), Note(0, 1, 108), Note(0, 1, 109))))
    assert [note.pitch for note in roll.left_out] == [20, 109]
    part, rest = split_at_keyboard(Part((Note(0, 1, 5),), name="low"))
    assert part.notes == ()
    assert part.name == "low"
    assert len(rest) == 1


def test_at_its_own_rate_a_roll_is_itself() -> None:
    roll = piano_roll(PART)
    assert np.array_equal(resample_roll(roll, FRAME_RATE_HZ, 0, 250), roll.array)


def test_stretches_of_a_roll_fit_together() -> None:
    roll = piano_roll(PART)
    whole = resample_roll(roll, 86.1, 0, 90)
    pieces = [resample_roll(roll, 86.1, first, 30) for first in (0, 30, 60)]
    assert np.array_equal(np.concatenate(pieces, axis=1), whole)
    assert (whole[:88] > 0).sum() == 3
    assert not resample_roll(roll, 86.1, -50, 40).any()
    assert not resample_roll(roll, 86.1, 500, 40).any()


def test_a_roll_may_begin_later() -> None:
    rng = np.random.default_rng(0)
    starts = rng.uniform(0, 9, 60)
    notes = tuple(
        Note(start, start + rng.uniform(0.01, 3), int(rng.integers(50, 60))) for start in starts
    )
    part = Part(tuple(sorted(notes)), pedal=((1.0, 4.5), (6.0, 7.0)))
    whole, later = piano_roll(part), piano_roll(part, 8.0, start_s=3.3)
    first = later.first
    assert np.array_equal(later.onset, whole.onset[:, first : first + later.onset.shape[1]])
    inside = slice(250, later.active.shape[1])  # a second in, all is as in the whole
    for rate, at in ((250.0, 1100), (86.13, 400), (43.07, 200)):
        assert np.array_equal(
            resample_roll(later, rate, at, 100), resample_roll(whole, rate, at, 100)
        )
    assert np.array_equal(later.array[:, inside], whole.array[:, first:][:, inside])
