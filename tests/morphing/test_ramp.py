"""Amounts over time."""

import numpy as np
import pytest
from tiny_notes import RATE_HZ, note

from cambiata.audio.sound import Audio
from cambiata.morphing.ramp import Ramp
from cambiata.morphing.streaming import Morph


def test_it_moves_and_then_stays() -> None:
    ramp = Ramp.of((0.2, 0.8), 2.0)
    at = np.array([0, 1, 2, 3]) * RATE_HZ
    np.testing.assert_allclose(ramp.amounts(at, RATE_HZ), [0.2, 0.5, 0.8, 0.8])
    np.testing.assert_allclose(Ramp.of(0.3, None).amounts(at, RATE_HZ), 0.3)


def test_without_a_time_it_ends_where_the_sound_does() -> None:
    sounds = [
        Audio(note(60, duration_s=s, formant_hz=500), RATE_HZ, name="x.wav") for s in (0.5, 1.5)
    ]
    player = Morph(*sounds)
    ramp, n_samples = Ramp.of((0.0, 1.0), None).fitted(player)
    assert ramp.over_s == pytest.approx(n_samples / RATE_HZ, abs=1e-3)
    made = player.process(n_samples, ramp.amounts(np.arange(n_samples), RATE_HZ))
    assert made.shape[1] == n_samples
    # It ends when both sounds do, to a step.
    assert player.n_left(1.0) <= 2 * player.step
