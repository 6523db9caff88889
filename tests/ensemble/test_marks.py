"""Marks lie a period apart, on the pulses of a voice."""

import numpy as np
from singing import RATE, contour, hiss, vowel

from cambiata.ensemble.f0 import track_pitch
from cambiata.ensemble.marks import UNVOICED_S, Marks, find_marks


def marks_of(sound: np.ndarray) -> Marks:
    return find_marks(sound, RATE, track_pitch(sound, RATE, float(np.abs(sound).max())))


def test_periods_follow_the_pitch() -> None:
    line = contour([52, 57, 55], vibrato_cents=60)
    marks = marks_of(vowel(line))
    period_s = np.diff(marks.at_s)
    voiced = marks.is_voiced[:-1] & (marks.at_s[:-1] > 0.05) & (marks.at_s[1:] < 1.4)
    at = ((marks.at_s[:-1] + marks.at_s[1:]) / 2 * RATE).astype(int)[voiced]
    cents = 1200 * np.log2(1 / period_s[voiced] / (440 * 2 ** ((line[at] - 69) / 12)))
    assert len(cents) > 200
    assert np.median(np.abs(cents)) < 3
    assert np.percentile(np.abs(cents), 95) < 15


def test_marks_lie_where_a_period_is_strongest() -> None:
    sound = vowel(contour([45]))  # its cosines all begin together: pulses
    marks = marks_of(sound)
    inside = marks.at_s[(marks.at_s > 0.1) & (marks.at_s < 0.4)]
    period_s = float(np.median(np.diff(inside)))
    energy = np.convolve(sound**2, np.ones(9) / 9, "same")
    near = [energy[round(t * RATE)] for t in inside]
    between = [energy[round((t + period_s / 2) * RATE)] for t in inside]
    assert np.median(near) > 3 * np.median(between)


def test_marks_rise_and_cover_everything() -> None:
    sound = np.concatenate([hiss(0.3), vowel(contour([60, 62])), hiss(0.2)])
    marks = marks_of(sound)
    assert (np.diff(marks.at_s) > 0).all()
    assert marks.at_s[0] < 0
    assert marks.at_s[-1] > len(sound) / RATE
    assert np.diff(marks.at_s)[~marks.is_voiced[:-1]].max() < 2 * UNVOICED_S
