"""Long-term spectra, and the equaliser that brings one nearer to another."""

import numpy as np
import scipy.signal

from cambiata.partials.analysis import power_spectrum
from cambiata.partials.bands import band_hz
from cambiata.partials.long_term import equalize, long_term_db

RATE_HZ = 44100


def noise(tilt_db: float, seed: int, duration_s: float = 4.0) -> np.ndarray:
    """Noise that rises by so many dB an octave from 100 Hz to 10 kHz."""
    n = int(duration_s * RATE_HZ)
    hz = np.fft.rfftfreq(n, 1 / RATE_HZ)
    octaves = np.log2(np.clip(hz, 100, 10000) / 100)
    white = np.random.default_rng(seed).normal(size=n)
    shaped = np.fft.irfft(np.fft.rfft(white) * 10 ** (tilt_db * octaves / 20), n)
    return (0.1 * shaped / shaped.std()).astype(np.float32)


def test_spectrum_is_the_density_of_its_power():
    level = long_term_db(power_spectrum(noise(-3.0, 0)))
    inside = (band_hz() > 150) & (band_hz() < 7000)
    slope = np.polyfit(np.log2(band_hz()[inside]), level[inside], 1)[0]
    assert abs(slope + 3) < 0.3


def test_a_third_of_the_difference_goes():
    sound, style = noise(0.0, 1), noise(-3.0, 2)
    styles_db = long_term_db(power_spectrum(style))
    equalized = equalize(sound, long_term_db(power_spectrum(sound)), styles_db)
    level = long_term_db(power_spectrum(equalized))
    inside = (band_hz() > 300) & (band_hz() < 4000)  # within 12 dB of the style's middle
    slope = np.polyfit(np.log2(band_hz()[inside]), level[inside], 1)[0]
    # .35 of -3 dB, by 4 s / 4.5 s: -.93.
    assert -1.2 < slope < -0.7
    assert abs(20 * np.log10(equalized.std() / sound.std())) < 0.1
    assert len(equalized) == len(sound)


def test_itself_stays_and_clicks_stay_in_place():
    sound = np.zeros(2 * RATE_HZ, np.float32)
    sound[RATE_HZ] = 1.0
    own_db = long_term_db(power_spectrum(sound))
    assert np.abs(equalize(sound, own_db, own_db) - sound).max() < 1e-3
    tilted = own_db + np.linspace(0, 10, len(own_db), dtype=np.float32)
    moved = equalize(sound, own_db, tilted)
    assert np.abs(moved).argmax() == RATE_HZ
    late = scipy.signal.oaconvolve(np.abs(moved), np.ones(64), mode="same")
    assert late[RATE_HZ + 2048 :].max() < 1e-2 * late.max()


def test_silence_stays_silence():
    silence = np.zeros(RATE_HZ, np.float32)
    spectrum = long_term_db(power_spectrum(noise(0.0, 3)))
    assert not equalize(silence, long_term_db(power_spectrum(silence)), spectrum).any()
