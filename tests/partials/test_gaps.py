"""Gaps and silences of a content in a sound that has none, and what is left as it is."""

from dataclasses import replace

import numpy as np
import pytest

from cambiata.partials.expression import Expression
from cambiata.partials.gaps import with_gaps
from cambiata.partials.posteriors import BANDS, N_PITCHES, NoteEvents

RATE = BANDS.sample_rate
T = np.arange(4 * RATE) / RATE
TONE = np.sin(2 * np.pi * 440 * T).astype(np.float32)
HELD = Expression(np.zeros((2, 1), np.float32), np.zeros(12), 1.0)


def notes(*spans_s: tuple[float, float]) -> NoteEvents:
    start, end = np.array(spans_s).T / BANDS.frame_s
    n = len(spans_s)
    level = np.zeros((N_PITCHES, round(4 / BANDS.frame_s)), np.float32)
    return NoteEvents(np.full(n, 69), start, end, np.ones(n), np.zeros(n), level)


def level_db(sound: np.ndarray, start_s: float, end_s: float) -> float:
    part = sound[round(start_s * RATE) : round(end_s * RATE)].astype(np.float64)
    return float(10 * np.log10(2 * np.mean(part**2) + 1e-13))


def dipped(start_s: float, end_s: float, depth_db: float) -> np.ndarray:
    inside = (start_s <= T) & (end_s > T)
    return (TONE * 10 ** (-depth_db * inside / 20)).astype(np.float32)


@pytest.mark.parametrize("spans", [((0.0, 2.0), (2.1, 4.0)), ((0.0, 2.15), (2.15, 4.0))])
@pytest.mark.parametrize("depth_db", [20, 30])
def test_a_gap_is_as_deep_as_the_contents(
    spans: tuple[tuple[float, float], ...], depth_db: float
) -> None:
    content = 0.1 * dipped(2.0, 2.12, depth_db)
    sound = with_gaps(TONE, content, notes(*spans), HELD)
    assert level_db(sound, 2.04, 2.08) == pytest.approx(-depth_db, abs=3)
    for start_s in (0.5, 1.5, 2.3, 3.0):
        assert level_db(sound, start_s, start_s + 0.4) == pytest.approx(0, abs=0.5)


def test_a_silence_is_as_deep_and_a_release_before_it_is_40_db_down() -> None:
    content = 0.1 * dipped(1.0, 3.0, 79)
    sound = with_gaps(TONE, content, notes((0.0, 1.0), (3.0, 4.0)), HELD)
    assert level_db(sound, 1.4, 2.6) == pytest.approx(-79, abs=2)
    assert -42 < level_db(sound, 1.05, 1.12) < -36


@pytest.mark.parametrize(
    ("content_db", "sound_db", "raised_db"), [(50, 60, 8), (50, 79, 20), (30, 44, 10), (10, 40, 0)]
)
def test_silences_are_raised_to_the_contents_and_missed_notes_are_not(
    content_db: float, sound_db: float, raised_db: float
) -> None:
    content = dipped(1.0, 3.0, content_db)
    sound = with_gaps(dipped(1.0, 3.0, sound_db), content, notes((0.0, 1.0), (3.0, 4.0)), HELD)
    assert level_db(sound, 1.5, 2.5) == pytest.approx(raised_db - sound_db, abs=0.5)


def test_what_decays_by_itself_is_not_held_up() -> None:
    # A sound that decays at every attack, by an even content: its attacks are as loud as before.
    decayed = (TONE * 10 ** (-30 * (T % 1) / 20)).astype(np.float32)
    events = notes((0.0, 1.0), (1.0, 2.0), (2.0, 3.0), (3.0, 4.0))
    ages_s = np.array([0.06, 0.12, 0.18, 0.27, 0.4, 0.6, 0.9, 1.3, 2.0, 3.0, 4.5, 7.0])
    own_db = np.maximum(-30 * ages_s, -30)
    sound = with_gaps(decayed, TONE, events, HELD, own_decay_db=own_db)
    for at_s in (1.02, 1.8, 2.02, 2.8):
        expected_db = level_db(decayed, at_s, at_s + 0.1)
        assert level_db(sound, at_s, at_s + 0.1) == pytest.approx(expected_db, abs=1.0)


def test_a_struck_content_does_not_damp_what_sustains() -> None:
    struck = Expression(HELD.level_db, np.full(12, -30.0), 0.0)
    content = (TONE * np.exp(-4 * (T % 2))).astype(np.float32)
    sound = with_gaps(TONE, content, notes((0.0, 2.0), (2.0, 4.0)), struck)
    assert level_db(sound, 1.5, 1.9) == pytest.approx(0, abs=0.5)


def test_notes_are_left_where_their_dynamics_are_the_styles() -> None:
    content = dipped(1.0, 1.1, 30)
    events = notes((0.0, 2.0), (2.0, 4.0))
    assert np.abs(with_gaps(TONE, content, events, HELD, 0.0) - TONE).max() < 1e-6
    assert level_db(with_gaps(TONE, content, events, HELD), 1.04, 1.06) < -25


def test_what_is_slurred_gets_no_attack() -> None:
    # The content is level there, and the sound rises late: only a struck note is helped.
    late = (TONE * np.where((T > 2.0) & (T < 2.05), 10 ** (-12 / 20), 1)).astype(np.float32)
    events = notes((0.0, 2.0), (2.0, 4.0))
    struck = with_gaps(late, TONE, events, HELD)
    slurred = with_gaps(late, TONE, replace(events, slurred=np.array([False, True])), HELD)
    assert level_db(struck, 2.02, 2.04) == pytest.approx(-6, abs=2)
    assert level_db(slurred, 2.02, 2.04) == pytest.approx(-12, abs=0.5)


def test_no_gain_clicks() -> None:
    content = dipped(2.0, 2.12, 60)
    sound = with_gaps(TONE, content, notes((0.0, 2.0), (2.12, 4.0)), HELD)
    # The steepest step of the tone itself is .063.
    assert np.abs(np.diff(sound)).max() < 0.08


def test_without_notes_nothing_is_changed() -> None:
    none = notes((0.0, 1.0)).chosen(np.zeros(1, bool))
    assert np.array_equal(with_gaps(TONE, 0.5 * TONE, none, HELD), TONE)
