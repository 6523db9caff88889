"""Partials and noise become the sound that they describe."""

import numpy as np
import pytest

from cambiata.partials.oscillators import HOP, LONG, SHORT, Sinusoids, play_noise, play_sinusoids

RATE = 44100


@pytest.mark.parametrize("hz", [30.0, 55.0, 440.0, 5000.0, 17000.0])
def test_a_steady_partial_is_a_cosine(hz: float) -> None:
    frames = np.arange(80)
    phase = 2 * np.pi * hz * HOP / RATE * frames[:, None] + 0.7
    tone = Sinusoids(frames, np.full((80, 1), hz), np.ones((80, 1), np.float32), phase)
    sound = play_sinusoids(tone, 79 * HOP, RATE)
    expected = np.cos(2 * np.pi * hz / RATE * np.arange(79 * HOP) + 0.7)
    error = (sound - expected)[2 * HOP : -2 * HOP]
    assert 20 * np.log10(error.std() / expected.std()) < -90


def test_amplitudes_run_straight_from_frame_to_frame() -> None:
    frames = np.arange(40)
    level = np.linspace(0, 1, 40, dtype=np.float32)[:, None]
    phase = 2 * np.pi * 8000 * HOP / RATE * frames[:, None]
    sound = play_sinusoids(
        Sinusoids(frames, np.full((40, 1), 8000.0), level, phase), 39 * HOP, RATE
    )
    peaks = np.abs(sound.reshape(39, HOP)).max(axis=1)
    assert np.allclose(peaks, level[1:, 0], atol=0.03)


def test_what_is_far_below_the_loudest_costs_nothing_and_silence_is_silent() -> None:
    none = Sinusoids(
        np.zeros(0, np.int64), np.zeros((0, 3)), np.zeros((0, 3), np.float32), np.zeros((0, 3))
    )
    assert not play_sinusoids(none, 1000, RATE).any()


@pytest.mark.parametrize("stft", [SHORT, LONG])
def test_noise_has_the_gain_asked_for(stft) -> None:
    n_samples = 2 * RATE
    gain = np.zeros((stft.n_bins, stft.n_frames(n_samples)), np.float32)
    gain[: stft.n_bins // 2] = 0.25
    sound = play_noise(gain, stft, n_samples, 3)
    assert sound.std() == pytest.approx(0.25 * np.sqrt(0.5), rel=0.03)
    assert np.array_equal(sound, play_noise(gain, stft, n_samples, 3))
    assert not np.array_equal(sound, play_noise(gain, stft, n_samples, 4))
