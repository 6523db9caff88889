"""Loudness of a sound's blocks of 0.4 s after ITU-R BS.1770-4; `loudness` has the meter."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import scipy.fft

from cambiata.arrays import Samples

BLOCK_S = 0.4
_STEP_S = 0.1  # blocks overlap by three quarters
_CHANNEL_GAINS = (1.0, 1.0, 1.0, 1.41, 1.41)  # left, right, centre, surround left and right
_OFFSET_DB = -0.691
# The standard gives its filter's coefficients for 48 kHz only. As pyloudnorm, a shelf of 4 dB from
# 1500 Hz on and a high pass at 38 Hz (R. Bristow-Johnson, "Cookbook formulae for audio equalizer
# biquad filter coefficients"): within 0.1 dB of the standard's curve, and the same at any rate.
_SHELF_DB, _SHELF_HZ, _SHELF_Q = 4.0, 1500.0, 2**-0.5
_PASS_HZ, _PASS_Q = 38.0, 0.5
# Samples filtered at once by one transform, and those by which the filter rings on: the high pass
# falls by 350 dB in them at 384 kHz, the highest rate that is read.
_STEP, _RING = 3 << 16, 1 << 16

Floats = npt.NDArray[np.float64]


def block_loudness_db(sound: Samples, sample_rate: int) -> Floats:
    """Loudness of each of a sound's blocks [C, T], ungated; -inf for silence.

    Parameters
    ----------
    sound : numpy.ndarray
        Sound [C, T] of up to five channels and at least 0.4 s.
    sample_rate : int
        Samples per second.

    Returns
    -------
    numpy.ndarray
        LUFS of blocks that begin every 0.1 s.

    Examples
    --------
    >>> t = np.arange(48000) / 48000
    >>> tone = np.sin(2 * np.pi * 997 * t, dtype=np.float32)[None]
    >>> bool(np.abs(block_loudness_db(tone, 48000) + 3.01).max() < 0.1)
    True
    """
    n_samples = sound.shape[1]
    n_blocks = round((n_samples / sample_rate - BLOCK_S) / _STEP_S) + 1
    at = np.arange(n_blocks) * _STEP_S
    first = (at * sample_rate + 1e-6).astype(np.int64)  # 0.3 / 0.1 is less than 3
    last = np.minimum(((at + BLOCK_S) * sample_rate + 1e-6).astype(np.int64), n_samples)
    power = np.zeros(n_blocks)
    for channel, gain in zip(sound, _CHANNEL_GAINS, strict=False):
        energy = _weighted(channel, sample_rate)
        np.square(energy, out=energy)
        np.cumsum(energy, out=energy)  # up to and with each sample
        before = np.where(first > 0, energy[first - 1], 0.0)
        power += gain * (energy[last - 1] - before) / (BLOCK_S * sample_rate)
    with np.errstate(divide="ignore"):
        return np.asarray(_OFFSET_DB + 10 * np.log10(np.maximum(power, 0)))


def _weighted(channel: Samples, sample_rate: int) -> Floats:
    """One channel [T] through the filter, by transforms of stretches whose rests are added up."""
    response = _response(sample_rate)
    out = np.zeros(len(channel) + _RING)
    for start in range(0, len(channel), _STEP):
        spectrum = scipy.fft.rfft(channel[start : start + _STEP].astype(np.float64), _STEP + _RING)
        filtered = scipy.fft.irfft(spectrum * response, _STEP + _RING)
        stretch = out[start : start + _STEP + _RING]
        stretch += filtered[: len(stretch)]
    return out[: len(channel)]


@lru_cache(maxsize=4)
def _response(sample_rate: int) -> npt.NDArray[np.complex128]:
    """Frequency response of the shelf and the high pass, one after the other."""
    root = 10 ** (_SHELF_DB / 40)
    w = 2 * np.pi * _SHELF_HZ / sample_rate
    cosine, slope = np.cos(w), 2 * np.sqrt(root) * np.sin(w) / (2 * _SHELF_Q)
    up, down = root + 1, root - 1
    shelf = (
        (
            root * (up + down * cosine + slope),
            -2 * root * (down + up * cosine),
            root * (up + down * cosine - slope),
        ),
        (up - down * cosine + slope, 2 * (down - up * cosine), up - down * cosine - slope),
    )
    w = 2 * np.pi * _PASS_HZ / sample_rate
    cosine, alpha = np.cos(w), np.sin(w) / (2 * _PASS_Q)
    high_pass = (
        ((1 + cosine) / 2, -(1 + cosine), (1 + cosine) / 2),
        (1 + alpha, -2 * cosine, 1 - alpha),
    )
    n_fft = _STEP + _RING
    z = np.exp(-2j * np.pi * np.arange(n_fft // 2 + 1) / n_fft)
    response = np.ones(len(z), np.complex128)
    for zeros, poles in (shelf, high_pass):
        response *= np.polyval(zeros[::-1], z) / np.polyval(poles[::-1], z)
    return response
