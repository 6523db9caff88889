"""Partials between those of two notes, against formulas."""

from typing import Literal

import numpy as np
import pytest
from tiny_notes import RATE_HZ, note

import cambiata
from cambiata.arrays import Samples
from cambiata.audio.sound import Audio
from cambiata.instrument.pitch import measure_pitch


def tone(hz: float, tilt_db: float, vibrato_cents: float = 0.0, stiffness: float = 0.0) -> Audio:
    """A second of ten partials that fall by a tilt for each octave."""
    t = np.arange(RATE_HZ) / RATE_HZ
    phase = 2 * np.pi * np.cumsum(hz * 2 ** (vibrato_cents * np.sin(35 * t) / 1200)) / RATE_HZ
    sound = np.zeros(len(t))
    for k in range(1, 11):
        stretch = np.sqrt((1 + stiffness * k * k) / (1 + stiffness))
        sound += 10 ** (-tilt_db * np.log2(k) / 20) * np.sin(k * stretch * phase + k)
    sound *= 0.1 * np.minimum(1, t / 0.02) * np.clip((1 - t) / 0.05, 0, 1)
    return Audio(sound.astype(np.float32), RATE_HZ, name="tone")


def peaks(sound: Samples, hz: list[float]) -> np.ndarray:
    """Levels in dB at frequencies, within 15 cents."""
    part = sound[8820:35280]
    n = 1 << 18
    power = np.abs(np.fft.rfft(part * np.hanning(len(part)), n)) ** 2
    spans = [[round(f * 2 ** (c / 1200) * n / RATE_HZ) for c in (-15, 15)] for f in hz]
    return np.array([10 * np.log10(power[low : high + 1].max()) for low, high in spans])


C4, E4, MIDDLE = 261.63, 329.63, float(np.sqrt(261.63 * 329.63))


def test_it_is_no_cross_fade() -> None:
    a, b = tone(C4, 6), tone(E4, 6)
    morphed = cambiata.morph(a, b).samples[0]
    faded = 0.5 * (a.samples[0] + b.samples[0])
    places = [C4, E4, MIDDLE]
    assert peaks(morphed, places).argmax() == 2
    assert (peaks(morphed, places)[:2] < peaks(morphed, places)[2] - 40).all()
    # A cross-fade has both notes' partials, 6 dB down, and none between.
    np.testing.assert_allclose(peaks(faded, places[:2]), peaks(morphed, places)[2] - 6, atol=0.5)
    assert peaks(faded, places)[2] < peaks(faded, places)[0] - 40


@pytest.mark.parametrize("amount", [0.25, 0.5])
def test_levels_lie_between_in_db(amount: float) -> None:
    a, b = tone(C4, 3), tone(C4, 12)
    levels = peaks(cambiata.morph(a, b, amount=amount).samples[0], [k * C4 for k in range(1, 11)])
    slope = np.polyfit(np.log2(np.arange(1, 11)), levels, 1)[0]
    assert slope == pytest.approx(-(3 + 9 * amount), abs=0.1)


def test_stiffness_lies_between() -> None:
    a, b = tone(C4, 3), tone(C4, 3, stiffness=1e-3)
    sound = cambiata.morph(a, b).samples[0]
    n = 1 << 18
    power = np.abs(np.fft.rfft(sound[8820:35280] * np.hanning(26460), n)) ** 2
    low, high = (round(10 * C4 * ratio * n / RATE_HZ) for ratio in (0.99, 1.06))
    hz = (low + int(power[low:high].argmax())) * RATE_HZ / n
    assert hz == pytest.approx(10 * C4 * np.sqrt((1 + 100 * 5e-4) / (1 + 5e-4)), rel=2e-3)


def test_vibrato_is_half_as_deep() -> None:
    sound = cambiata.morph(tone(C4, 6), tone(C4, 6, vibrato_cents=60)).samples[0]
    pitches = []
    for start in range(8820, 30000, 441):
        pitch = measure_pitch(sound[start : start + 1600], RATE_HZ)
        assert pitch is not None
        pitches.append(pitch.midi)
    depth = 50 * (np.quantile(pitches, 0.95) - np.quantile(pitches, 0.05))
    assert 20 < depth < 34


@pytest.mark.parametrize(("pitch", "midi"), [("a", 60.0), ("b", 64.0), ("between", 62.0)])
def test_the_pitch_is_whose_is_wanted(pitch: Literal["a", "b", "between"], midi: float) -> None:
    sound = cambiata.morph(tone(C4, 3), tone(E4, 12), pitch=pitch).samples[0]
    measured = measure_pitch(sound[8820:], RATE_HZ)
    assert measured is not None
    assert measured.midi == pytest.approx(midi, abs=0.03)


def test_attacks_are_one_and_last_between() -> None:
    t = np.arange(RATE_HZ) / RATE_HZ
    wave = 0.3 * np.sin(2 * np.pi * 500 * t)
    slow, quick = (Audio(wave * np.minimum(1, t / s), RATE_HZ, name="x") for s in (0.2, 0.01))
    late = Audio(np.pad(slow.samples, ((0, 0), (8820, 0))), RATE_HZ, name="late")
    sound = cambiata.morph(late, quick).samples[0]
    level = np.sqrt(np.convolve(sound**2, np.full(441, 1 / 441), "same"))
    rise = np.flatnonzero(level > 0.7 * level[20000])[0] / RATE_HZ
    begin = np.flatnonzero(level > 0.03 * level[20000])[0] / RATE_HZ
    assert begin == pytest.approx(0.1, abs=0.02)
    assert 0.04 < rise - begin < 0.11


def test_the_path_is_monotonic() -> None:
    from cambiata.audio.mel import log_mel

    a = Audio(note(57, noise=0.01, duration_s=0.8), RATE_HZ, name="a")
    b = Audio(note(62, decay_db_s=12, formant_hz=3000, duration_s=0.8), RATE_HZ, name="b")
    player = cambiata.Morph(a, b)
    ends = [log_mel(x.samples[0], RATE_HZ) for x in (a, b)]
    from_a, to_b = [], []
    for amount in np.linspace(0, 1, 6):
        player.reset()
        made = log_mel(player.process(player.n_left(float(amount)), float(amount))[0], RATE_HZ)
        from_a.append(float(np.abs(made - ends[0]).mean()))
        to_b.append(float(np.abs(made - ends[1]).mean()))
    assert (np.diff(from_a) > 0).all()
    assert (np.diff(to_b) < 0).all()
    assert max(from_a[0], to_b[-1]) < 0.01
