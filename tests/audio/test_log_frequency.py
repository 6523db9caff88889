"""Bands of a third of a semitone: where tones lie in them, how high, and when."""

import numpy as np
import pytest

from cambiata.audio.log_frequency import LogFrequency, hann_power, midi_to_hz

BANDS = LogFrequency()


def _tone(pitch: float, seconds: float = 1.0) -> np.ndarray:
    t = np.arange(round(seconds * BANDS.sample_rate)) / BANDS.sample_rate
    return np.sin(2 * np.pi * float(midi_to_hz(pitch)) * t).astype(np.float32)


def test_frequencies_of_pitches() -> None:
    pitches = np.array([69, 57, 60, 69.5])
    np.testing.assert_allclose(midi_to_hz(pitches), [440, 220, 261.6255653, 452.8929841], rtol=1e-9)


@pytest.mark.parametrize("pitch", [45, 57, 64, 69, 76, 88, 100])
def test_a_tone_lies_in_its_band_at_power_1(pitch: int) -> None:
    power = BANDS.power(_tone(pitch))[:, 20]
    row = 3 * (pitch - BANDS.lowest_pitch) + 1
    assert int(power.argmax()) == row
    # Its power is in the bands around it: those of the bass are narrower than a window's lobe.
    assert power[row - 3 : row + 4].max() == pytest.approx(1.0, abs=0.45)


def test_a_third_of_a_semitone_is_one_band() -> None:
    rows = [int(BANDS.power(_tone(76 + third / 3))[:, 20].argmax()) for third in (-1, 0, 1)]
    assert np.diff(rows).tolist() == [1, 1]


def test_levels_do_not_depend_on_loudness() -> None:
    loud, soft = BANDS.level_db(_tone(69)), BANDS.level_db(0.01 * _tone(69))
    audible = loud > -60  # below it, float32 of a quieter sound rounds otherwise
    np.testing.assert_allclose(loud[audible], soft[audible], atol=0.01)


def test_frames_are_as_many_as_announced_and_silence_is_finite() -> None:
    for n_samples in (1, 1023, 1024, 44100):
        power = BANDS.power(np.zeros(n_samples, np.float32))
        assert power.shape == (BANDS.n_bins, BANDS.n_frames(n_samples))
        assert not power.any()
    assert np.isfinite(BANDS.level_db(np.zeros(4096, np.float32))).all()


def test_hann_power_is_that_of_the_centred_frame() -> None:
    samples = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    power = hann_power(samples, 256, 64)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(256) / 256)
    frame = samples[5 * 64 - 128 : 5 * 64 + 128] * window
    np.testing.assert_allclose(power[5], np.abs(np.fft.rfft(frame)) ** 2, rtol=1e-3, atol=1e-3)
