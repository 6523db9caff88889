"""Strings that ring on, keys that are repeated, ghosts of partials; and all others as they were."""

import numpy as np
import pytest

from cambiata.partials.onsets import faintest
from cambiata.partials.posteriors import decode_notes

N_FRAMES = 120


class _Rolls:
    """Posteriors and levels of notes that are drawn into them."""

    def __init__(self) -> None:
        self.onset, self.activation = np.zeros((2, 88, N_FRAMES), np.float32)
        self.level = np.full((88, N_FRAMES), -60.0, np.float32)

    def sounds(self, row: int, first: int, last: int, level_db: float = 0.0) -> None:
        self.activation[row, first:last] = 0.95
        self.level[row, first:last] = level_db

    def begins(self, row: int, at: int, height: float) -> None:
        self.onset[row, at - 1 : at + 2] = height / 2
        self.onset[row, at] = height

    def notes(self) -> list[tuple[int, int]]:
        events = decode_notes(self.onset, self.activation, self.level, 0.3)
        return sorted(zip((events.pitch - 21).tolist(), events.start.astype(int), strict=True))


@pytest.mark.parametrize(
    ("height", "level_db", "is_struck"),
    [(0.4, -8.0, False), (0.4, -1.0, True), (0.9, -8.0, True)],
)
def test_a_string_that_rings_on_is_not_struck(
    height: float, level_db: float, is_struck: bool
) -> None:
    rolls = _Rolls()
    rolls.sounds(30, 10, 80, level_db)
    rolls.begins(30, 10, 0.9)
    rolls.sounds(41, 40, 80)
    rolls.begins(41, 40, 0.95)
    rolls.begins(30, 40, height)
    expected = [(30, 10), (41, 40)] + [(30, 40)] * is_struck
    assert rolls.notes() == sorted(expected)


def test_even_repeats_are_struck_though_faint() -> None:
    rolls = _Rolls()
    rolls.sounds(30, 10, 60)
    for at in range(10, 50, 5):
        rolls.begins(30, at, 0.9 if at == 10 else 0.12)
    assert rolls.notes() == [(30, at) for at in range(10, 50, 5)]
    rolls.sounds(35, 10, 60, 6.0)  # another pitch is louder: what is faint is nothing then
    rolls.begins(35, 10, 0.9)
    assert rolls.notes() == [(30, 10), (35, 10)]


def test_faint_peaks_without_a_pace_are_nothing() -> None:
    rolls = _Rolls()
    rolls.sounds(30, 10, 60)
    rolls.begins(30, 10, 0.9)
    for at in (19, 24, 36):
        rolls.begins(30, at, 0.12)
    assert rolls.notes() == [(30, 10)]
    assert faintest(0.3) < 0.12


@pytest.mark.parametrize(
    ("semitones", "lasts", "is_note"), [(28, 3, False), (28, 20, True), (12, 3, True)]
)
def test_a_short_fifth_partial_is_a_ghost(semitones: int, lasts: int, is_note: bool) -> None:
    rolls = _Rolls()
    rolls.sounds(30, 10, 40)
    rolls.begins(30, 10, 0.9)
    rolls.sounds(30 + semitones, 10, 10 + lasts, -3.0)
    rolls.begins(30 + semitones, 11, 0.5)
    expected = [(30, 10)] + [(30 + semitones, 11)] * is_note
    assert rolls.notes() == expected


@pytest.mark.parametrize(
    ("gap", "between_db", "level_db", "n_notes"),
    [
        (6, -8.0, -6.0, 1),
        (6, -2.0, 2.0, 1),
        (6, -2.0, 5.0, 2),
        (20, -8.0, -6.0, 2),
        (6, -30.0, -6.0, 2),
    ],
)
def test_what_goes_on_softer_after_a_gap_is_one_note(
    gap: int, between_db: float, level_db: float, n_notes: int
) -> None:
    rolls = _Rolls()
    rolls.sounds(30, 10, 40)
    rolls.begins(30, 10, 0.9)
    rolls.level[30, 40 : 40 + gap] = between_db
    rolls.sounds(30, 40 + gap, 90, level_db)
    assert len(rolls.notes()) == n_notes
    events = decode_notes(rolls.onset, rolls.activation, rolls.level, 0.3)
    assert events.end[-1] == 90
