"""Tunes of voices: their notes, tuning, vibrato."""

import numpy as np
import pytest
from singing import RATE, contour, vowel

from cambiata.ensemble.f0 import track_pitch
from cambiata.ensemble.notes import Tune, read_tune


def tune_of(sound: np.ndarray) -> Tune:
    return read_tune(track_pitch(sound, RATE, float(np.abs(sound).max())))


def test_notes_are_found_through_vibrato_and_glides() -> None:
    pitches = [57, 60, 59, 62]
    tune = tune_of(vowel(contour(pitches, 0.4, vibrato_cents=60)))
    assert [note.pitch for note in tune.notes] == pitches
    starts_s = [note.first * 0.01 for note in tune.notes]
    assert starts_s == pytest.approx([0, 0.4, 0.8, 1.2], abs=0.05)
    assert [note.is_bound for note in tune.notes] == [False, True, True, True]


def test_rests_part_notes() -> None:
    one = vowel(contour([60], 0.4))
    tune = tune_of(np.concatenate([one, np.zeros(RATE // 4, np.float32), one]))
    assert [(note.pitch, note.is_bound) for note in tune.notes] == [(60, False), (60, False)]


def test_tuning_is_found() -> None:
    tune = tune_of(vowel(contour([57.3, 60.3, 62.3], 0.4)))
    assert tune.tuning == pytest.approx(0.3, abs=0.05)
    assert [note.pitch for note in tune.notes] == [57, 60, 62]


def test_vibrato_is_measured() -> None:
    tune = tune_of(vowel(contour([60], 2.0, vibrato_cents=50)))
    middle = slice(50, 150)
    assert np.median(tune.vibrato_depth[middle]) == pytest.approx(0.5, abs=0.12)
    assert tune.vibrato_hz == pytest.approx(5.5, abs=0.4)
    still = tune_of(vowel(contour([60], 1.0)))
    assert still.vibrato_depth[20:80].max() < 0.06
