"""A synthetic singer whose pitch, vowels and consonants are known, at any pitch."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples

RATE = 22050
Floats = npt.NDArray[np.float64]
# Formants and bandwidths in Hz of an "a" (Peterson and Barney 1952).
FORMANTS_HZ = ((730.0, 90.0), (1090.0, 110.0), (2440.0, 170.0), (3400.0, 250.0))


def envelope(hz: Floats, ratio: float = 1.0) -> Floats:
    """Amplitude of the vowel at frequencies, its formants moved by a ratio."""
    total = np.full(np.shape(hz), 0.01)
    for centre_hz, width_hz in FORMANTS_HZ:
        away = (hz - centre_hz * ratio) / (width_hz * ratio)
        total = total + 1 / (1 + away**2)
    return total * np.minimum(1.0, 200 / np.maximum(hz, 1.0)) ** 0.5


def contour(
    pitches: Sequence[float], note_s: float = 0.5, vibrato_cents: float = 0.0, rate: int = RATE
) -> Floats:
    """MIDI numbers of every sample [T]: bound notes, with vibrato of 5.5 Hz."""
    n = round(note_s * rate)
    line = np.repeat(np.asarray(pitches, np.float64), n)
    width = round(0.06 * rate)
    kernel = np.hanning(width) / np.hanning(width).sum()
    line = np.convolve(np.pad(line, (width, width), mode="edge"), kernel, "same")[width:-width]
    t = np.arange(len(line)) / rate
    return np.asarray(line + vibrato_cents / 100 * np.sin(2 * np.pi * 5.5 * t))


def vowel(midi: Floats, ratio: float = 1.0, rate: int = RATE) -> Samples:
    """The vowel [T] along a contour, with soft ends."""
    hz = 440 * 2 ** ((midi - 69) / 12)
    phase = 2 * np.pi * np.cumsum(hz) / rate
    sound = np.zeros(len(midi))
    for h in range(1, int(0.45 * rate / hz.min())):
        level = envelope(h * hz, ratio) * np.clip((0.47 * rate - h * hz) / 500, 0, 1)
        sound += level * np.cos(h * phase)
    ends = np.minimum(1, np.minimum(np.arange(len(midi)), np.arange(len(midi))[::-1]) / 0.03 / rate)
    return (0.1 * ends * sound).astype(np.float32)


def hiss(duration_s: float, rate: int = RATE, seed: int = 0) -> Samples:
    """A consonant without pitch [T], as of "sh": noise from 2 to 8 kHz."""
    noise = np.random.default_rng(seed).standard_normal(round(duration_s * rate))
    spectrum = np.fft.rfft(noise)
    spectrum[: round(2000 * duration_s)] = 0
    spectrum[round(8000 * duration_s) :] = 0
    sound = np.fft.irfft(spectrum, len(noise))
    return (0.05 * np.hanning(len(noise)) * sound).astype(np.float32)
