"""Synthetic rooms with known reverberation times, and recordings in them."""

import numpy as np
import scipy.fft

from cambiata.arrays import Samples
from cambiata.audio.source import resample


def noise_room(
    rt60_s: float, rate: int, seed: int = 0, direct_db: float = 0.0, lead: int = 48
) -> Samples:
    """Response [T] of a direct sound, `direct_db` above a decay of noise, after `lead` samples."""
    t = np.arange(round(1.4 * rt60_s * rate)) / rate
    tail = np.random.default_rng(seed).standard_normal(len(t)) * np.exp(
        -3 * np.log(10) * t / rt60_s
    )
    tail[0] = np.sqrt((tail**2).sum()) * 10 ** (direct_db / 20)
    return np.pad(tail / np.abs(tail).max(), (lead, 0)).astype(np.float32)


def convolved(sound: Samples, response: Samples) -> Samples:
    """Whole convolution [T]."""
    n = len(sound) + len(response) - 1
    spectrum = scipy.fft.rfft(sound, n) * scipy.fft.rfft(response, n)
    return scipy.fft.irfft(spectrum, n).astype(np.float32)


def recorded(
    sound: Samples,
    response: Samples,
    rate: int,
    *,
    snr_db: float = 90.0,
    drift: float = 0.0,
    delay_s: float = 0.3,
    seed: int = 1,
) -> Samples:
    """Recording [T] of a sound in a room by a device whose clock runs on, with noise."""
    wet = convolved(sound, response)
    if drift:
        wet = resample(wet, rate, rate * (1 + drift))
    wet = np.pad(wet, (round(delay_s * rate), 0))
    noise = np.random.default_rng(seed).standard_normal(len(wet))
    wet = wet + noise * wet.std() * 10 ** (-snr_db / 20)
    return (0.5 * wet / np.abs(wet).max()).astype(np.float32)
