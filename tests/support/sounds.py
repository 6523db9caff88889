"""Sounds and places that tests share: synthetic, seeded, small."""

from pathlib import Path

import numpy as np

from cambiata.arrays import Samples

ROOT = Path(__file__).parents[2]
SUPPORT = str(Path(__file__).parent)  # for programs that tests start
EXAMPLES = ROOT / "examples"
RATE = 22050


def tone(
    pitch_midi: float, duration_s: float, partials: int = 6, rate: int = RATE, level: float = 0.2
) -> Samples:
    """A plucked note [T]: harmonics that decay, with a soft attack."""
    t = np.arange(round(duration_s * rate)) / rate
    f0 = 440 * 2 ** ((pitch_midi - 69) / 12)
    sound = sum(
        np.sin(2 * np.pi * f0 * k * t + k) / k * np.exp(-k * t) for k in range(1, partials + 1)
    )
    return (level * np.minimum(t / 0.01, 1) * sound).astype(np.float32)


def melody(pitches: list[float], partials: int = 6, rate: int = RATE) -> Samples:
    """Notes of 0.4 s, one after another, [T]."""
    return np.concatenate([tone(p, 0.4, partials, rate) for p in pitches])
