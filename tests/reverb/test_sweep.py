"""Sweeps are what they say, and read again from their sound alone."""

import numpy as np
import pytest

import cambiata
from cambiata.reverb.sweep import make_sweep, read_sweep

RATE = 16000


@pytest.mark.parametrize(("low_hz", "high_hz", "duration_s"), [(50, 7000, 2.0), (200, 3200, 5.0)])
def test_a_sweep_is_read_again(low_hz: float, high_hz: float, duration_s: float) -> None:
    found = read_sweep(make_sweep(duration_s, low_hz, high_hz, RATE, 1.5, -6), RATE, "s")
    assert found.low_hz == pytest.approx(low_hz, rel=0.01)
    assert found.high_hz == pytest.approx(high_hz, rel=0.01)
    assert found.duration_s == pytest.approx(duration_s, abs=0.02)
    assert found.tail_s == pytest.approx(1.5, abs=0.02)
    assert found.markers is not None
    assert (found.markers[1] - found.markers[0]) / RATE == pytest.approx(
        0.2 + 2.0 + duration_s + 1.5
    )


def test_a_sweep_without_markers_is_read_too() -> None:
    sound = make_sweep(2.0, 50, 7000, RATE, 1.0, -6)[round(1.5 * RATE) : round(5.0 * RATE)]
    assert read_sweep(sound, RATE, "s").markers is None


def test_what_is_no_sweep_is_refused() -> None:
    t = np.arange(3 * RATE) / RATE
    linear = np.sin(2 * np.pi * (100 + 1000 * t) * t).astype(np.float32)
    noise = np.random.default_rng(0).standard_normal(3 * RATE).astype(np.float32)
    for sound in (linear, noise, np.sin(3000 * t).astype(np.float32)):
        with pytest.raises(cambiata.InputError, match=r"s\.wav: is not an exponential sweep"):
            read_sweep(sound, RATE, "s.wav")
    with pytest.raises(cambiata.InputError, match="is silent"):
        read_sweep(0 * noise, RATE, "s.wav")


def test_its_spectrum_falls_by_three_decibels_an_octave() -> None:
    sound = make_sweep(4.0, 50, 7000, RATE, 1.0, 0)[round(2.7 * RATE) : round(6.7 * RATE)]
    power = np.abs(np.fft.rfft(sound)) ** 2
    frequency_hz = np.fft.rfftfreq(len(sound), 1 / RATE)
    octaves = [power[(frequency_hz > f) & (frequency_hz < 2 * f)].mean() for f in (200, 400, 800)]
    assert 10 * np.log10(octaves[0] / octaves[1]) == pytest.approx(3.0, abs=0.2)
    assert 10 * np.log10(octaves[1] / octaves[2]) == pytest.approx(3.0, abs=0.2)


@pytest.mark.parametrize(
    ("option", "value"),
    [("duration_s", 0.1), ("low_hz", 0), ("high_hz", 30), ("tail_s", 0), ("level_db", 3)],
)
def test_numbers_out_of_range_are_refused(option: str, value: float) -> None:
    with pytest.raises(
        cambiata.InputError, match=f"^{option.rsplit('_', 1)[0]} .*: is out of range; use "
    ):
        cambiata.reverb_sweep(**{option: value})
