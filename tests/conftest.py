"""Sounds that the tests share: synthetic, seeded, small."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from sounds import RATE, melody

from cambiata.audio.sound import Audio

# The same examples every time, and no clock: machines are noisy.
settings.register_profile("cambiata", derandomize=True, deadline=None)
settings.load_profile("cambiata")


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
