"""Bands: all power is in them once, and partials lie in them as a spectrum has them."""

import numpy as np
from tones import RATE, note_event, tone

from cambiata.partials.analysis import measure, power_spectrum
from cambiata.partials.bands import (
    band_filters,
    band_hz,
    band_position,
    bands_db,
    noise_interpolation,
    render_bands,
    sinusoid_lobes,
)
from cambiata.partials.note_frames import BIN_HZ, N_NOISE, note_frames


def test_what_is_rendered_is_what_would_be_measured() -> None:
    sound = tone(64, 0.0, 2 * RATE)
    power = power_spectrum(sound)
    events = note_event(64, 0, len(power), len(power))
    frames = note_frames(events, len(power))
    measured, _, _ = measure(power, events)
    n = len(frames)
    partials = np.repeat(measured.partials_db[20:21], n, axis=0)
    nothing = np.full((n, N_NOISE), -130, np.float32)
    rendered = render_bands(frames, partials, nothing, np.full(N_NOISE, -130.0), 0.0, len(power))
    true = np.maximum(bands_db(power), -75)
    loud = true[:, 20] > -40
    assert np.abs(rendered[loud, 20] - true[loud, 20]).max() < 1.5


def test_bands_share_all_power_and_lobes_are_the_window_s() -> None:
    filters = band_filters()
    assert np.allclose(filters[:, 4:1600].sum(axis=0), 1)
    t = np.arange(4 * RATE) / RATE
    for hz in (100.0, 1003.0, 9000.0):
        power = power_spectrum(np.sqrt(2) * np.sin(2 * np.pi * hz * t).astype(np.float32))
        first, lobe = (x[round(hz / BIN_HZ * 16)] for x in sinusoid_lobes())
        expected = filters @ power[80] / 2
        assert np.abs(expected[first : first + len(lobe)] - lobe).max() < 0.05


def test_positions_are_those_of_the_centres() -> None:
    hz = band_hz()
    assert np.allclose(band_position(hz), np.arange(len(hz)))
    assert band_position(np.array([1.0, 22000.0])).tolist() == [-1, -1]
    assert np.allclose(noise_interpolation(hz).sum(axis=0), 1)
