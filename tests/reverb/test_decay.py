"""Measures of decays against closed forms."""

import numpy as np
import pytest
from rooms import noise_room

from cambiata.reverb.decay import find_decay, integrate, measure_octaves

RATE = 16000


@pytest.mark.parametrize("rt60_s", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("noise_db", [-90.0, -45.0])
def test_an_exponential_in_noise_has_its_time_and_its_knee(rt60_s: float, noise_db: float) -> None:
    t = np.arange(round(2 * rt60_s * RATE)) / RATE
    energy = 10 ** (-6 * t / rt60_s)
    found = find_decay(energy + 10 ** (noise_db / 10), RATE)
    assert found is not None
    assert found.time_s == pytest.approx(rt60_s, rel=0.02)
    assert found.knee / RATE == pytest.approx(-noise_db / 60 * rt60_s, rel=0.05)
    # The highest is a mean over 20 ms, in which 0.3 s have fallen by 4 dB.
    assert found.range_db == pytest.approx(-noise_db, abs=2.5)
    curve = integrate(energy + 10 ** (noise_db / 10), found, RATE)
    whole = energy.sum()
    assert curve[0] == pytest.approx(whole, rel=0.02)
    late = round(0.8 * found.knee)  # where a quarter of what is left would be noise
    assert curve[late] == pytest.approx(energy[late:].sum(), rel=0.12)


def test_octaves_of_a_known_room() -> None:
    found = measure_octaves(noise_room(0.8, RATE, direct_db=-60), RATE, 48)
    assert [each.centre_hz for each in found] == [125, 250, 500, 1000, 2000, 4000]
    for each in found:
        # The spread of one room of noise: 0.55 / sqrt(B T), five times of it.
        spread = 5 * 0.55 / np.sqrt(each.centre_hz / np.sqrt(2) * 0.8) / 2
        assert each.rt60_s == pytest.approx(0.8, rel=spread)
    # C50 of an exponential decay: (1 - x) / x of what is left after 50 ms.
    left = 10 ** (-6 * 0.05 / 0.8)
    assert found[-1].c50_db == pytest.approx(10 * np.log10((1 - left) / left), abs=0.5)
    assert found[-1].edt_s == pytest.approx(0.8, rel=0.1)


def test_noise_has_no_decay() -> None:
    noise = np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32)
    assert all(each.rt60_s is None for each in measure_octaves(noise, RATE))


def test_what_the_filter_alone_rings_is_no_room() -> None:
    click = np.zeros(RATE, np.float32)
    click[100] = 1
    assert measure_octaves(click, RATE, 100)[0].rt60_s is None
