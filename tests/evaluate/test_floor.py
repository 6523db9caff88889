"""Floor between partials: noise reads its own level, whatever the pitch, and tones alone none."""

import numpy as np
import pytest
from voices import RATE, noise, sung, white

from cambiata import Audio
from cambiata.evaluate.floor import BANDS_HZ, LOWEST_DB, extra_db, floor_db


def with_noise(sound: np.ndarray, level_db: float) -> Audio:
    level = float(np.sqrt(np.mean(sound**2))) * 10 ** (level_db / 20)
    return Audio((sound + level * white(len(sound))).astype(np.float32), RATE)


def in_bands(level_db: float) -> np.ndarray:
    """White noise's level in every band."""
    return level_db + 10 * np.log10([2 * (high - low) / RATE for low, high in BANDS_HZ])


@pytest.mark.parametrize("level_db", [-30.0, -50.0])
@pytest.mark.parametrize("pitch_hz", [110.0, 220.0, 880.0])
def test_noise_reads_its_level_between_partials(pitch_hz: float, level_db: float) -> None:
    floor = floor_db(with_noise(sung(pitch_hz), level_db))
    np.testing.assert_allclose(floor, in_bands(level_db).clip(LOWEST_DB), atol=2)


def test_with_vibrato_too() -> None:
    floor = floor_db(with_noise(sung(440, vibrato_cents=30), -40))
    np.testing.assert_allclose(floor[:4], in_bands(-40)[:4], atol=2)
    assert floor_db(Audio(sung(440, vibrato_cents=30), RATE))[:4].max() < -65


def test_hiss_as_loud_as_the_partials_in_it_is_no_partials() -> None:
    floor = floor_db(with_noise(sung(880), -6))
    np.testing.assert_allclose(floor, in_bands(-6) - 10 * np.log10(1 + 10**-0.6), atol=2)


def test_tones_have_none_and_chords_neither() -> None:
    chord = sung(220) + sung(277.2) + sung(329.6)
    assert floor_db(Audio(chord, RATE)).max() < -65


def test_partials_that_no_window_separates_are_no_floor() -> None:
    assert np.isnan(floor_db(Audio(sung(65, vibrato_cents=50), RATE))[1:]).all()


def test_noise_alone_is_all_floor() -> None:
    np.testing.assert_allclose(floor_db(Audio(noise(), RATE)), in_bands(0), atol=1.5)


def test_pauses_do_not_count() -> None:
    sound = sung(330)
    sound[RATE:] *= 1e-3  # 60 dB down, with the same noise all along
    read = floor_db(with_noise(sound, -40))
    loud = float(10 * np.log10(np.mean(sound[:RATE] ** 2) / np.mean(sound**2)))
    np.testing.assert_allclose(read, in_bands(-40 - loud), atol=2)


def test_silence_has_none() -> None:
    assert np.isnan(floor_db(Audio(np.zeros(RATE, np.float32), RATE))).all()


def test_difference_is_over_bands_that_both_have() -> None:
    nan = float("nan")
    assert extra_db(np.array([-40, -50, nan]), np.array([-43, nan, -60])) == 3
    assert np.isnan(extra_db(np.array([-40, nan]), np.array([nan, -60])))
