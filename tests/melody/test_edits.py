"""Changes by their gain, and bars in new rhythms: closed forms."""

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tiny_melodies import tune

from cambiata.melody.bars import Counting, Event, MelodyLine
from cambiata.melody.edits import (
    Draft,
    align_tones,
    close_last_bar,
    draft_bar,
    select_changes,
    tones_with_steps,
    write_bar,
)
from cambiata.score.midi import Metre


def test_the_greatest_gains_come_first() -> None:
    gains = np.array([3.0, -1.0, 1.0, 2.0])
    assert select_changes(gains, np.ones(4), 0.5).tolist() == [True, False, False, True]


def test_rests_are_no_tones() -> None:
    line = MelodyLine((), Metre(), Counting(4, False))
    bar = (Event(Fraction(0), 60), Event(Fraction(2), None))
    assert [step for step, _ in tones_with_steps(line, bar)] == [0]


def test_tones_are_aligned_by_time() -> None:
    assert align_tones([0, 12, 24, 36], [0, 18, 24, 42]) == [(i, False) for i in range(4)]
    assert align_tones([0, 24], [0, 12, 24]) == [(0, False), (0, True), (1, False)]


def test_a_bar_in_a_new_rhythm_has_its_own_tones() -> None:
    line = MelodyLine((), Metre(2, 4), Counting(2, False))
    bar = (Event(Fraction(0), 60), Event(Fraction(1), 62))
    draft = draft_bar(line, bar, None, (((0, True), (12, True)), ((0, True),)))
    assert draft.steps == (0, 12, 24)
    assert [tone and tone.pitch for tone in draft.tones] == [60, 60, 62]
    assert draft.added == (False, True, False)


def test_a_draft_is_written_with_its_pitches() -> None:
    draft = Draft((0, 12), (Event(Fraction(0), 60, 77), None), (False, False))
    first, rest = write_bar(Counting(4, False, Fraction(2)), draft, [62, None])
    assert (first.onset, first.pitch, first.velocity) == (0, 62, 77)
    assert (rest.onset, rest.pitch) == (Fraction(1, 4), None)


def test_a_last_bar_ends_where_it_did() -> None:
    short = (Event(Fraction(0), 60), Event(Fraction(3), None))
    longer = (Event(Fraction(2), 62), Event(Fraction(7, 2), 64))
    assert close_last_bar(short, longer) == (longer[0], short[1])
    assert close_last_bar(longer, short) == short[:1]


@given(st.lists(st.floats(-2, 2), min_size=1, max_size=20), st.floats(0, 1), st.floats(0, 1))
def test_what_is_granted_at_less_is_granted_at_more(
    wishes: list[float], one: float, other: float
) -> None:
    array, weights = np.array(wishes), np.ones(len(wishes))
    low, high = sorted((one, other))
    less, more = (select_changes(array, weights, amount) for amount in (low, high))
    assert not (less & ~more).any()
    assert (select_changes(array, weights, 1.0) == (array > 0)).all()
    assert not select_changes(array, weights, 0.0).any()


def test_tones_are_matched_in_order() -> None:
    assert align_tones([0, 12, 24, 36], [0, 24]) == [(0, False), (2, False)]
    assert align_tones([0], [0, 6, 12]) == [(0, False), (0, True), (0, True)]
    assert align_tones([0, 12], []) == []


def test_silence_stays_silence() -> None:
    line = tune(Metre(4, 4), 24, 24)
    draft = draft_bar(line, (), None, [((0, True),)] * 4)
    assert draft.n_tones == 0
