"""Sounds at another speed: length, pitch, transients, channels, silence, against closed forms."""

import numpy as np
import pytest
from sounds import melody

from cambiata.arrays import Samples
from cambiata.audio.sound import Audio
from cambiata.transposition.api import stretch, transpose
from cambiata.transposition.phase_vocoder import nearest_peaks, stretch_blocks, window_samples
from cambiata.transposition.rendering import Moved
from cambiata.transposition.transients import find_transients, map_time

RATE = 22050


def tone(hz: float, seconds: float = 1.5, phase: float = 0.0) -> Samples:
    return 0.3 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE + phase)


def strokes(at_s: list[float], seconds: float) -> Samples:
    """Bursts of noise, 20 ms each, that begin at once."""
    rng, sound = np.random.default_rng(0), np.zeros(round(seconds * RATE))
    for each in at_s:
        n = round(0.02 * RATE)
        sound[round(each * RATE) :][:n] = rng.standard_normal(n) * np.linspace(1, 0, n)
    return 0.3 * sound


def frequency(sound: Samples) -> float:
    """Of the highest peak, in Hz, between bins by a parabola."""
    level = np.log(np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) + 1e-12)
    i = int(level.argmax())
    a, b, c = level[i - 1 : i + 2]
    return float((i + 0.5 * (a - c) / (a - 2 * b + c)) * RATE / len(sound))


def test_at_its_own_speed_a_sound_stays_what_it_is() -> None:
    sound = np.stack([melody([60, 64, 67]), melody([67, 60, 64])])
    n_fft = window_samples(RATE)
    transients = find_transients(iter([sound]), sound.shape[1], RATE, n_fft)
    assert transients
    time_map = map_time(transients, 1.0, n_fft)
    blocks = stretch_blocks(iter([sound]), 2, sound.shape[1], time_map, n_fft, transients)
    np.testing.assert_allclose(np.concatenate(list(blocks), axis=1), sound, atol=1e-5)


@pytest.mark.parametrize("factor", [0.25, 0.8, 1.37, 4.0])
def test_tones_keep_pitch_and_level(factor: float) -> None:
    made = stretch(Audio(tone(441.3), RATE), factor=factor)
    assert made.n_samples == round(factor * round(1.5 * RATE))
    inner = made.samples[0, made.n_samples // 4 : -made.n_samples // 4]
    assert frequency(inner) == pytest.approx(441.3, rel=3e-4)  # half a cent
    assert inner.std() == pytest.approx(0.3 / np.sqrt(2), rel=0.01)


@pytest.mark.parametrize("factor", [0.6, 1.5, 2.5])
def test_strokes_lie_where_the_new_speed_has_them_and_stay_sharp(factor: float) -> None:
    at_s = [0.4, 0.9, 1.45, 2.0]
    dry = strokes(at_s, 2.5)
    made = stretch(Audio(dry + 0.2 * tone(500, 2.5), RATE), factor=factor).samples[0]
    high = np.abs(np.diff(made, 2))  # the tone is hardly in it
    for each in at_s:
        place = round(each * factor * RATE)
        around = high[place - round(0.03 * RATE) : place + round(0.03 * RATE)]
        first = int(np.argmax(around > 0.25 * around.max())) - round(0.03 * RATE)
        assert abs(first) < 0.002 * RATE
        # What lies ahead of a stroke stays at least 20 dB below it.
        assert around[: round(0.027 * RATE)].max() < 0.1 * around.max()


@pytest.mark.parametrize("semitones", [-7, 5])
def test_strokes_stay_sharp_and_in_time_at_another_pitch(semitones: float) -> None:
    at_s = [0.4, 0.9, 1.45, 2.0]
    sound = Audio(strokes(at_s, 2.5) + 0.1 * tone(500, 2.5), RATE)
    made = transpose(sound, semitones=semitones, formant="follow").samples[0]
    high = np.abs(np.diff(made, 2))
    for each in at_s:
        place = round(each * RATE)
        ahead = high[place - round(0.03 * RATE) : place - round(0.003 * RATE)].max()
        assert ahead < 0.1 * high[place : place + round(0.03 * RATE)].max()
        assert high[place - 44 : place + 88].max() > 0.3 * high[place : place + 700].max()


def test_channels_stay_in_step() -> None:
    left, right = tone(440), 0.5 * tone(440, phase=1.0)
    made = stretch(Audio(np.stack([left, right]), RATE), factor=1.7).samples[:, 10000:-10000]
    window = np.hanning(made.shape[1])
    t = np.arange(made.shape[1]) / RATE
    a, b = (made * window * np.exp(-2j * np.pi * 440 * t)).sum(axis=1)
    assert np.angle(b / a) == pytest.approx(1.0, abs=0.01)
    assert abs(b / a) == pytest.approx(0.5, rel=0.01)


def test_silence_stays_silence_and_the_caller_keeps_his_sound() -> None:
    sound = np.concatenate([melody([60]), np.zeros(RATE, np.float32), melody([64])])
    before = sound.copy()
    made = stretch(Audio(sound, RATE), factor=2.0).samples[0]
    assert not made[round(1.1 * RATE) : round(2.5 * RATE)].any()
    np.testing.assert_array_equal(sound, before)


def test_blocks_of_any_length_give_the_same() -> None:
    class InPieces(Audio):
        def blocks(self):  # type: ignore[no-untyped-def]
            for start in range(0, self.n_samples, 777):
                yield self.samples[:, start : start + 777]

    sound = melody([60, 64, 67, 72])
    whole, pieces = (
        Moved(kind(sound, RATE), 1.2, 30000, keeps_envelope=True) for kind in (Audio, InPieces)
    )
    a, b = (np.concatenate(list(each.blocks()), axis=1) for each in (whole, pieces))
    assert a.shape == (1, 30000)
    np.testing.assert_allclose(a, b, atol=1e-6)


def test_transients_are_found_to_the_millisecond() -> None:
    sound = (strokes([0.5, 1.0, 1.7], 2.2) + 0.2 * tone(500, 2.2)).astype(np.float32)
    found = find_transients(iter([sound[None]]), len(sound), RATE, window_samples(RATE))
    at_s = [each.at / RATE for each in found if each.at > 0.1 * RATE and each.at < 2.1 * RATE]
    assert at_s == pytest.approx([0.5, 1.0, 1.7], abs=0.001)
    # The tone's own bin is not filled by a stroke, most others are.
    tone_bin = round(500 * window_samples(RATE) / RATE)
    for each in found[1:-1]:
        assert not each.bins[tone_bin]
        assert each.bins.mean() > 0.9


def test_time_goes_evenly_but_around_transients() -> None:
    n_fft = 2048
    sound = strokes([0.5, 1.0], 1.5).astype(np.float32)
    transients = find_transients(iter([sound[None]]), len(sound), RATE, n_fft)
    time_map = map_time(transients, 2.0, n_fft)
    into = time_map(np.arange(0, 2 * len(sound), 10))
    assert (np.diff(into) > 0).all()
    for each in transients:
        near = time_map(2 * each.at + np.arange(-500, 501, 100))
        np.testing.assert_allclose(near, each.at + np.arange(-500, 501, 100))


def test_bins_go_with_the_nearest_peak() -> None:
    power = np.ones((1, 20), np.float32)
    power[0, [4, 5, 6]] = 2, 3, 2
    power[0, [13, 14, 15]] = 2, 9, 2
    peaks = nearest_peaks(power)[0]
    assert peaks[5:9].tolist() == [5] * 4
    assert peaks[11:17].tolist() == [14] * 6
