"""Recordings in scratch files, and long ones tracked in pieces."""

import numpy as np
import pytest
from singing import RATE, contour, vowel

from cambiata.audio.sound import Audio
from cambiata.ensemble import rendering
from cambiata.ensemble.f0 import track_pitch
from cambiata.ensemble.rendering import Recording, track_recording

VOICE = vowel(contour([57, 60, 64, 62], 0.6))


def test_any_part_of_a_recording_can_be_read() -> None:
    recording = Recording(Audio(np.stack([VOICE, VOICE]), RATE))
    assert np.allclose(recording[100:200], VOICE[100:200])
    assert np.allclose(np.concatenate(list(recording.blocks()), axis=1)[0], VOICE)
    around = recording.around(-0.1, 0.1)
    assert around.at(np.array([-50.0]))[0] == pytest.approx(0.0, abs=1e-4)
    assert around.at(np.array([1500.0]))[0] == pytest.approx(VOICE[1500], abs=1e-4)
    assert recording.peak == pytest.approx(float(np.abs(VOICE).max()))


def test_pieces_are_tracked_like_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = track_pitch(VOICE, RATE, float(np.abs(VOICE).max()))
    monkeypatch.setattr(rendering, "_TRACKED_S", 0.7)
    pieces = track_recording(Recording(Audio(VOICE, RATE)))
    n = min(len(whole.hz), len(pieces.hz)) - 3
    assert abs(len(whole.hz) - len(pieces.hz)) <= 1
    both = whole.is_voiced[:n] & pieces.is_voiced[:n]
    assert both.mean() > 0.95
    cents = 100 * (whole.midi[:n] - pieces.midi[:n])[both]
    assert np.percentile(np.abs(cents), 95) < 5
