import numpy as np
import pyloudnorm
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sounds import RATE, melody, tone

from cambiata.audio.loudness import (
    SILENCE,
    Limiter,
    LoudnessMeter,
    silence_gate,
)


def _loudness(sound: np.ndarray, rate: int, n_blocks: int = 1) -> float:
    meter = LoudnessMeter(rate)
    for block in np.array_split(sound, n_blocks, axis=1):
        meter.add(block)
    return meter.loudness_db()


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_short_sounds_agree_with_pyloudnorm_whatever_the_blocks(rate: int) -> None:
    sound = np.stack([melody([60, 64, 67], rate=rate), 0.3 * melody([67, 64, 60], rate=rate)])
    theirs = pyloudnorm.Meter(rate).integrated_loudness(sound.T.astype(np.float64))
    assert _loudness(sound, rate) == pytest.approx(theirs, abs=1e-3)
    assert _loudness(sound, rate, n_blocks=13) == pytest.approx(theirs, abs=1e-3)


def test_the_standards_reference_tone() -> None:
    # ITU-R BS.1770-4: a full-scale 997 Hz sine in one channel measures -3.01 LKFS
    # (the standard allows meters 0.1 LU).
    t = np.arange(5 * 48000) / 48000
    sound = np.sin(2 * np.pi * 997 * t, dtype=np.float32)[None]
    assert _loudness(sound, 48000) == pytest.approx(-3.01, abs=0.1)


def test_long_sounds_stay_near_the_whole_file_value() -> None:
    rate = 8000
    noise = np.random.default_rng(0).normal(size=(1, 200 * rate)).astype(np.float32)
    noise *= np.repeat([0.2, 0.02, 0.1, 0.05], 50 * rate).astype(np.float32)
    theirs = pyloudnorm.Meter(rate).integrated_loudness(noise.T.astype(np.float64))
    assert _loudness(noise, rate, n_blocks=11) == pytest.approx(theirs, abs=0.05)


def test_gain_moves_loudness_by_as_much() -> None:
    sound = melody([60, 64, 67, 60])[None]
    assert _loudness(sound / 2, RATE) == pytest.approx(_loudness(sound, RATE) - 6.02, abs=0.01)
    short = tone(60, 0.2)[None]
    assert _loudness(short / 2, RATE) == pytest.approx(_loudness(short, RATE) - 6.02, abs=0.01)


def test_what_the_standard_does_not_cover_is_measured_by_rms() -> None:
    short, many = tone(60, 0.2)[None], np.tile(melody([60, 64]), (6, 1))
    for sound in (short, many):
        power = np.square(sound, dtype=np.float64).mean(axis=1).sum()
        assert _loudness(sound, RATE, n_blocks=3) == pytest.approx(10 * np.log10(power), abs=1e-6)
    assert _loudness(np.zeros((1, 1000), np.float32), RATE) == -np.inf


def test_silence_is_gated_and_sound_is_not_touched() -> None:
    rate = 44100
    sound = np.concatenate([np.zeros(rate // 2), tone(60, 0.5, rate=rate), np.zeros(rate)])
    gain = silence_gate(sound.astype(np.float32), rate)
    assert gain is not None
    audible = np.abs(sound) >= SILENCE
    assert (gain[audible] == 1).all()
    assert (gain[: rate // 2 - rate // 100] == 0).all()
    assert (gain[rate + rate // 100 :] == 0).all()
    assert np.abs(np.diff(gain)).max() < 0.01  # no click


def test_no_gate_where_nothing_is_silent_long_enough() -> None:
    sound = np.concatenate([tone(60, 0.4), np.zeros(RATE // 50), tone(64, 0.4)])
    assert silence_gate(sound.astype(np.float32), RATE) is None


@pytest.mark.parametrize("n", [1, 50, 5000])
def test_a_silent_sound_is_gated_wholly(n: int) -> None:
    gain = silence_gate(np.full(n, SILENCE / 2, np.float32), RATE)
    assert gain is not None
    assert not gain.any()


@given(st.integers(0, 10_000), st.lists(st.integers(1, 700), max_size=6))
def test_limited_sound_is_whole_below_the_ceiling_and_independent_of_blocks(
    seed: int, sizes: list[int]
) -> None:
    rng = np.random.default_rng(seed)
    sound = rng.normal(size=(2, 2000)).astype(np.float32)
    sound[:, 500:1500] *= 0.1

    def limited(pieces: list[np.ndarray]) -> np.ndarray:
        return np.concatenate(list(Limiter(8000).process(iter(pieces))), axis=1)

    whole = limited([sound])
    assert whole.shape == sound.shape
    assert np.abs(whole).max() <= 1
    # 10 ms, 80 samples, from the nearest peak nothing is touched.
    assert np.array_equal(whole[:, 600:1400], sound[:, 600:1400])
    pieces = np.split(sound, np.minimum(np.cumsum(sizes), 2000), axis=1)
    np.testing.assert_allclose(limited(pieces), whole, atol=1e-6)


def test_the_limiter_says_how_much_it_took() -> None:
    limiter = Limiter(8000)
    list(limiter.process(iter([np.full((1, 100), 4, np.float32)])))
    assert limiter.reduction_db == pytest.approx(12.04, abs=0.01)
    quiet = Limiter(8000)
    list(quiet.process(iter([np.full((1, 100), 0.9, np.float32)])))
    assert quiet.reduction_db == 0
