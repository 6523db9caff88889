"""Mains hum is found by its lines that stay, and taken out; music that stays is not hum."""

import numpy as np
import pytest
from sounds import melody

from cambiata.partials.hum import HumMeter, describe_hum, without_hum

RATE = 16000
TUNE = melody([60, 64, 67, 72] * 3, partials=8, rate=RATE)
T = np.arange(len(TUNE)) / RATE


def _lines(*hz: float, level: float = 0.02) -> np.ndarray:
    return level * sum(np.sin(2 * np.pi * each * T) for each in hz)


def _hum_hz(sound: np.ndarray, rate: int = RATE) -> tuple[float, ...]:
    meter = HumMeter(rate, len(sound))
    for at in range(0, len(sound), 7000):
        meter.add(sound[None, at : at + 7000].astype(np.float32))
    return meter.hum_hz()


@pytest.mark.parametrize("mains", [50.0, 60.0])
def test_hum_is_found_and_taken_out(mains: float) -> None:
    hum = _lines(1.002 * mains, 2.004 * mains, 3.006 * mains)
    assert _hum_hz(TUNE + hum) == (mains, 2 * mains, 3 * mains)
    clean = without_hum((TUNE + hum).astype(np.float32), RATE, _hum_hz(TUNE + hum))
    inner = slice(RATE // 2, -RATE // 2)
    assert np.sum((clean - TUNE)[inner] ** 2) < 0.02 * np.sum(hum[inner] ** 2)


def test_music_is_no_hum() -> None:
    assert _hum_hz(TUNE) == ()
    assert _hum_hz(TUNE + _lines(49.0, 98.0)) == ()  # a drone on G
    assert _hum_hz(TUNE + _lines(440.0)) == ()
    assert _hum_hz(TUNE + _lines(100.0) * (1 + 0.8 * np.sin(2 * np.pi * 0.5 * T))) == ()
    assert _hum_hz(np.random.default_rng(0).normal(size=len(T))) == ()
    assert _hum_hz(TUNE[: RATE // 2]) == ()  # too short to say


def test_without_hum_nothing_changes() -> None:
    sound = TUNE.astype(np.float32)
    assert without_hum(sound, RATE, ()) is sound


def test_hum_in_words() -> None:
    assert describe_hum((50.0, 100.0)) == "hums at 50, 100 Hz, which is not heard as notes"
