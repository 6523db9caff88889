"""What is measured of a synthesised note, against tones whose pitch, onset and decay are known."""

import numpy as np
import pytest

from cambiata.arrays import Samples
from cambiata.data.soundfont import RENDER_RATE_HZ
from cambiata.data.synthesisers.measuring import (
    cut_decay,
    decays,
    has_partial,
    is_one_note,
    measure_pitch,
    release_db_s,
    trim,
)

T = np.arange(2 * RENDER_RATE_HZ) / RENDER_RATE_HZ


def _tone(midi: float, levels: dict[float, float], decay_s: float = np.inf) -> Samples:
    """Partials by ratio and amplitude, under an exponential decay."""
    hz = 440 * 2 ** ((midi - 69) / 12)
    sound = sum(a * np.sin(2 * np.pi * ratio * hz * T + ratio) for ratio, a in levels.items())
    return (0.2 * sound * np.exp(-T / decay_s)).astype(np.float32)


SAW = {float(n): 1 / n for n in range(1, 12)}


@pytest.mark.parametrize("midi", [30.0, 41.2, 60.0, 72.13, 89.9, 96.0])
@pytest.mark.parametrize("levels", [SAW, {1.0: 1.0}, {1.0: 0.05, 2.0: 1.0, 3.0: 0.7}])
def test_pitch_is_the_tones(midi: float, levels: dict[float, float]) -> None:
    measured = measure_pitch(_tone(midi, levels), 4000)
    assert measured is not None
    assert measured.midi == pytest.approx(midi, abs=0.03)
    assert measured.aperiodicity < 0.1
    assert measured.clear


def test_noise_has_no_period_and_silence_no_pitch() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, len(T)).astype(np.float32)
    measured = measure_pitch(noise, 0)
    assert measured is not None
    assert measured.aperiodicity > 0.5
    assert measure_pitch(np.zeros_like(noise), 0) is None


@pytest.mark.parametrize(
    "levels",
    [
        {1.0: 1.0, 0.5: 0.3},  # a faint octave below
        {1.0: 0.02, 2.0: 1.0, 4.0: 0.5, 6.0: 0.3},  # the octave above is all that sounds
        {1.0: 0.01, 2.0: 0.01, 3.0: 1.0, 6.0: 0.7, 9.0: 0.4},
        {1.0: 0.02, 2.0: 0.02, 13.0: 1.0},  # a whistle
    ],
)
def test_an_ambiguous_octave_is_not_clear(levels: dict[float, float]) -> None:
    measured = measure_pitch(_tone(60, levels), 4000)
    assert measured is not None
    is_right = abs(measured.midi - 60) < 0.1
    assert not (is_right and measured.clear)


def test_bars_have_a_lowest_partial() -> None:
    bar = _tone(72, {1.0: 1.0, 2.756: 0.6, 5.404: 0.4})
    hz = 440 * 2 ** (3 / 12)
    assert has_partial(bar, 2000, hz)
    assert not has_partial(bar, 2000, hz * 2 ** (1 / 12))
    assert not has_partial(_tone(72, {0.37: 0.5, 1.0: 1.0}), 2000, hz)


def test_silence_before_a_note_is_cut() -> None:
    silence = np.zeros(RENDER_RATE_HZ // 3, np.float32)
    trimmed = trim(np.concatenate([silence, _tone(60, SAW)]))
    assert trimmed is not None
    note, onset = trimmed
    assert onset <= 0.01 * RENDER_RATE_HZ
    assert np.abs(note[:onset]).max() < 0.01 * np.abs(note).max()
    assert trim(silence) is None
    assert trim(silence * np.nan) is None


def test_a_note_struck_twice_or_too_slowly_is_refused() -> None:
    plucked = _tone(60, SAW, 0.1)
    assert is_one_note(plucked)
    assert is_one_note(_tone(60, SAW))
    beating = _tone(60, {1.0: 1.0, 1.004: 0.7}, 1.0)
    assert is_one_note(beating)
    assert not is_one_note(plucked + np.roll(plucked, RENDER_RATE_HZ // 2))
    assert not is_one_note(_tone(60, SAW) * (T / 2).astype(np.float32) ** 2)


def test_decay_and_its_end() -> None:
    plucked = _tone(60, SAW, 0.25)  # 34.7 dB a second
    assert decays(plucked)
    assert not decays(_tone(60, SAW))
    assert len(cut_decay(plucked)) / RENDER_RATE_HZ == pytest.approx(60 / 34.74, abs=0.1)


@pytest.mark.parametrize("rate", [80.0, 300.0, 800.0])
def test_release_is_the_slope_after_letting_go(rate: float) -> None:
    held = _tone(60, SAW, 2.0)
    gain = 10 ** (-rate / 20 * np.maximum(T - 0.6, 0))
    released = (held * gain).astype(np.float32)
    assert release_db_s(held, released, 0.6) == pytest.approx(rate, rel=0.1)
