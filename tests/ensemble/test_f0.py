"""Pitch tracks of voices whose pitch is known."""

import numpy as np
import pytest
from singing import RATE, contour, hiss, vowel

from cambiata.ensemble.f0 import FRAME_S, track_pitch


@pytest.mark.parametrize("lowest", [38, 55, 72, 90])
def test_pitch_is_found_at_every_height(lowest: int) -> None:
    line = contour([lowest, lowest + 4, lowest + 2], vibrato_cents=40)
    sound = vowel(line)
    track = track_pitch(sound, RATE, float(np.abs(sound).max()))
    frames = np.minimum((np.arange(len(track.hz)) * FRAME_S * RATE).astype(int), len(line) - 1)
    error = 100 * (track.midi - line[frames])[5:-5]
    assert np.isfinite(error).mean() > 0.96
    assert np.nanmedian(np.abs(error)) < 5
    assert np.nanmax(np.abs(error)) < 150  # no octave is mistaken


def test_consonants_and_silence_have_no_pitch() -> None:
    sound = np.concatenate([hiss(0.4), np.zeros(RATE // 2, np.float32), vowel(contour([60]))])
    track = track_pitch(sound, RATE, float(np.abs(sound).max()))
    assert not track.is_voiced[: round(0.85 / FRAME_S)].any()
    assert track.is_voiced[round(1.0 / FRAME_S) : round(1.3 / FRAME_S)].all()
