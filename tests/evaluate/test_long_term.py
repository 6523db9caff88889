"""Long-term spectra: bands of known level, half of the way, centroid and width."""

import numpy as np
import pytest
from voices import RATE, noise, sung, white

from cambiata import Audio
from cambiata.evaluate.long_term import (
    centroid_hz,
    long_term_spectrum_db,
    share_of_way,
    side_over_mid_db,
    spectrum_distance_db,
    widening_db,
)


def tilted(tilt_db: float) -> Audio:
    """Noise whose level changes by so much an octave above 50 Hz."""
    sound = noise()
    spectrum = np.fft.rfft(sound)
    hz = np.fft.rfftfreq(len(sound), 1 / RATE)
    spectrum *= 10 ** (tilt_db * np.log2(np.maximum(hz, 50) / 50) / 20)
    return Audio(np.fft.irfft(spectrum).astype(np.float32), RATE)


def stereo(width_db: float) -> Audio:
    mid, side = (
        sung(440),
        10 ** (width_db / 20) * np.sqrt(np.mean(sung(440) ** 2)) * white(2 * RATE),
    )
    return Audio(np.array([mid + side, mid - side], np.float32), RATE)


def test_white_noise_rises_by_a_third_of_an_octave_a_band() -> None:
    levels_db = long_term_spectrum_db(Audio(noise(), RATE))
    assert 10 * np.log10(np.sum(10 ** (levels_db / 10))) == pytest.approx(0, abs=0.01)
    np.testing.assert_allclose(np.diff(levels_db)[12:], 10 * np.log10(2) / 3, atol=0.5)


def test_a_pause_changes_nothing() -> None:
    sound = 0.1 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE).astype(np.float32)
    paused = np.concatenate([sound, 0.02 * noise(), sound])  # 45 dB down
    both = (long_term_spectrum_db(Audio(each, RATE)) for each in (sound, paused))
    assert spectrum_distance_db(*both) < 1  # frames at its edges; with all of it, 2.3


def test_share_of_the_way() -> None:
    content, style = np.zeros(26), np.tile([-10.0, 10.0], 13)
    shares = [share_of_way(part * style, content, style) for part in (0, 0.5, 1, 1.5, -0.5)]
    assert shares == [0, 0.5, 1, 0.5, -0.5]


def test_sounds_on_the_way() -> None:
    content, near, nearer, style = (long_term_spectrum_db(tilted(db)) for db in (0, -2, -4, -6))
    assert 0.2 < share_of_way(near, content, style) < share_of_way(nearer, content, style) < 0.8


def test_two_alike_have_no_way_between_them() -> None:
    output, content, style = (long_term_spectrum_db(tilted(db)) for db in (-6, 0, 0.2))
    assert np.isnan(share_of_way(output, content, style))


def test_centroid() -> None:
    assert centroid_hz(Audio(noise(), RATE)) == pytest.approx(RATE / 4, rel=0.02)
    t = np.arange(RATE) / RATE
    two = np.sin(2 * np.pi * 1000 * t) + np.sin(2 * np.pi * 3000 * t)
    assert centroid_hz(Audio(0.1 * two.astype(np.float32), RATE)) == pytest.approx(2000, rel=0.01)
    assert np.isnan(centroid_hz(Audio(np.zeros(RATE, np.float32), RATE)))


@pytest.mark.parametrize("width_db", [-20, -12, -3])
def test_width(width_db: float) -> None:
    assert side_over_mid_db(stereo(width_db)) == pytest.approx(width_db, abs=0.3)
    assert widening_db(stereo(-12), stereo(width_db)) == pytest.approx(width_db + 12, abs=0.5)


def test_one_channel_or_two_equal_ones_have_no_width() -> None:
    mono = Audio(sung(440), RATE)
    same = Audio(np.array([sung(440)] * 2), RATE)
    assert np.isnan([widening_db(mono, stereo(-12)), widening_db(same, stereo(-12))]).all()
    assert widening_db(stereo(-12), same) < -40
