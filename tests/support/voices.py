"""Held voices and noise of known level, depth and width, for measures of defects."""

import numpy as np

from cambiata.arrays import Samples

RATE = 44100


def sung(
    pitch_hz: float, duration_s: float = 2.0, vibrato_cents: float = 0.0, rate_hz: float = 5.5
) -> Samples:
    """A held voice [T] with all harmonics below 18 kHz, 6 dB an octave, and vibrato."""
    t = np.arange(round(duration_s * RATE)) / RATE
    cents = vibrato_cents * np.sin(2 * np.pi * rate_hz * t)
    phase = 2 * np.pi * np.cumsum(pitch_hz * 2 ** (cents / 1200)) / RATE
    sound = sum(np.sin(h * phase + h * h) / h for h in range(1, int(18000 / pitch_hz)))
    ends = np.minimum(1, np.minimum(t, duration_s - t) / 0.02)
    return (0.05 * ends * sound).astype(np.float32)


def white(n_samples: int) -> Samples:
    """White noise [T] of unit power."""
    return np.random.default_rng(0).standard_normal(n_samples).astype(np.float32)


def noise(duration_s: float = 2.0) -> Samples:
    """Soft white noise [T]."""
    return 0.02 * white(round(duration_s * RATE))
