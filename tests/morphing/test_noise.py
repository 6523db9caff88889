"""Noise between that of two sounds."""

import numpy as np
import pytest
import scipy.signal

import cambiata
from cambiata.audio.sound import Audio

RATE = 44100


def noise(low_hz: float, high_hz: float, level: float, seed: int) -> Audio:
    """A second of noise in a band."""
    band = scipy.signal.butter(2, [low_hz, high_hz], "band", fs=RATE)
    sound = scipy.signal.lfilter(*band, np.random.default_rng(seed).standard_normal(RATE))
    sound = np.pad(sound * level / sound.std(), (441, 0)).astype(np.float32)
    return Audio(sound, RATE, name=f"noise{seed}.wav")


def test_noise_alone_lies_between_in_db_and_says_so() -> None:
    loud, soft = noise(500, 4000, 0.2, 1), noise(500, 4000, 0.02, 2)
    with pytest.warns(cambiata.CambiataWarning, match="noise1.wav, noise2.wav: have no pitch"):
        between = cambiata.morph(loud, soft)
    rms_db = 20 * np.log10(between.samples[0, 4410:-4410].std())
    assert rms_db == pytest.approx(20 * np.log10(np.sqrt(0.2 * 0.02)), abs=1)


def test_a_noise_and_a_note_keep_the_pitch() -> None:
    t = np.arange(RATE) / RATE
    tone = sum(np.sin(2 * np.pi * 220 * k * t + k) / k for k in range(1, 8)) * np.minimum(1, 50 * t)
    note = Audio((0.2 * tone).astype(np.float32), RATE, name="note.wav")
    with pytest.warns(cambiata.CambiataWarning, match="noise1.wav: has no pitch"):
        between = cambiata.morph(note, noise(500, 4000, 0.2, 1), amount=0.3)
    spectrum = np.abs(np.fft.rfft(between.samples[0, 8820:26460] * np.hanning(17640)))
    assert spectrum.argmax() * RATE / 17640 == pytest.approx(220, abs=3)
    level = 20 * np.log10(between.samples.std() / note.samples.std())
    assert -30 < level < -3
