"""Sounds that the tests share: synthetic, seeded, small."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from cambiata.arrays import Samples
from cambiata.audio import Audio

RATE = 22050

# The same examples every time, and no clock: machines are noisy.
settings.register_profile("cambiata", derandomize=True, deadline=None)
settings.load_profile("cambiata")


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


@pytest.fixture
def content() -> Audio:
    return Audio(melody([60, 64, 67, 72, 60]), RATE, "PCM_16")


@pytest.fixture
def style() -> Audio:
    return Audio(melody([60, 62, 64, 65, 67, 69, 71, 72], partials=20), RATE)


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[Audio, str], Path]:
    """Save a sound under a name in a fresh folder; returns its path."""

    def save(audio: Audio, name: str) -> Path:
        audio.save(tmp_path / name)
        return tmp_path / name

    return save
