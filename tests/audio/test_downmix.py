"""One channel in which nothing cancels, and 5.1 as ITU-R BS.775 folds it."""

import numpy as np
import pytest
from sound_files import level_db
from sounds import melody

from cambiata.audio.downmix import FOLDS, MonoSource, fold, mono, mono_blocks
from cambiata.audio.sound import Audio

RATE = 22050
RNG = np.random.default_rng(0)
A, B = (0.1 * RNG.standard_normal((2, 5 * RATE))).astype(np.float32)


@pytest.mark.parametrize(
    "channels",
    [(A,), (A, A), (A, B), (A, 0 * A), (A, 0.5 * A), (A + B, A - B), (A + 2 * B, A - 2 * B)],
    ids=["one", "equal", "unrelated", "left alone", "softer right", "wide", "wider"],
)
def test_ordinary_stereo_is_its_mean_to_the_bit(channels: tuple[np.ndarray, ...]) -> None:
    samples = np.stack(channels)
    np.testing.assert_array_equal(mono(samples, RATE)[0], samples.mean(axis=0))
    np.testing.assert_array_equal(Audio(samples, RATE).mono().samples[0], samples.mean(axis=0))


@pytest.mark.parametrize(
    "channels",
    [(A, -A), (A, -0.9 * A), (A, -A + 0.01 * B), (A, -A, 0 * A, 0 * A, 0.01 * A, 0 * A)],
    ids=["opposite", "nearly as loud", "with a trace of something else", "in six channels"],
)
def test_what_cancels_is_added_the_other_way_round(channels: tuple[np.ndarray, ...]) -> None:
    samples = np.stack(channels)
    mixed = mono(samples, RATE)[0]
    correlation = np.corrcoef(mixed, A)[0, 1]
    assert abs(correlation) > 0.99
    assert abs(level_db(mixed) - level_db(A)) < 1


def test_a_stretch_out_of_phase_fades_in_and_out() -> None:
    t = np.arange(6 * RATE) / RATE
    left = (0.5 * np.sin(2 * np.pi * 220 * t)).astype(np.float32)
    right = left.copy()
    # The right channel turns within a second, as a phaser turns it.
    right *= np.interp(t, [0, 2, 3, 6], [1, 1, -1, -1]).astype(np.float32)
    mixed = mono(np.stack([left, right]), RATE)[0]
    corners = [float(np.abs(np.diff(each, 2)).max()) for each in (mixed, left)]
    assert corners[0] < 1.3 * corners[1]  # no click
    for second in range(6):
        part = mixed[second * RATE : (second + 1) * RATE]
        assert level_db(part) > level_db(left) - 8


@pytest.mark.parametrize("length", [1000, RATE, 3 * RATE])
def test_blocks_make_what_the_whole_does(length: int) -> None:
    samples = np.stack([A, -A])
    pieces = (samples[:, i : i + length] for i in range(0, samples.shape[1], length))
    blocks = list(mono_blocks(pieces, RATE))
    assert all(block.shape[0] == 1 for block in blocks)
    np.testing.assert_allclose(np.concatenate(blocks, axis=1), A[None], atol=1e-6)


@pytest.mark.parametrize("delay", [30, -30, 400])
@pytest.mark.parametrize("gain", [0.8, -0.8])
def test_a_delayed_copy_cancels_nothing(delay: int, gain: float) -> None:
    tune = melody([60, 64, 67, 77])
    copy = gain * np.roll(np.pad(tune, 500), delay)
    sound = Audio(np.stack([np.pad(tune, 500), copy]), RATE)
    mixed = np.concatenate(list(MonoSource(sound).blocks()), axis=1)[0]
    assert len(mixed) == sound.n_samples
    # The mean; out of phase, the sum along (1, -0.8), whose parts add up to 1.
    expected = 0.9 if gain > 0 else (1 + 0.8**2) / 1.8
    np.testing.assert_allclose(mixed, expected * sound.samples[0], atol=2e-3)


def test_other_channels_are_left_in_their_time() -> None:
    tune, other = melody([60, 64, 67, 77]), melody([48, 55, 59, 65])
    for channels in ((tune, tune), (tune, -tune), (tune, other), (tune, tune + other), (A, B)):
        sound = Audio(np.stack(channels), RATE)
        blocks = np.concatenate(list(MonoSource(sound).blocks()), axis=1)
        np.testing.assert_array_equal(blocks, mono(sound.samples, RATE))


def test_silence_stays_silent() -> None:
    assert not mono(np.zeros((2, RATE), np.float32), RATE).any()


def test_five_point_one_by_the_standard() -> None:
    half = np.sqrt(0.5)
    expected = [[1, 0, half, 0, half, 0], [0, 1, half, 0, 0, half]]
    np.testing.assert_allclose(FOLDS[6], expected, atol=1e-6)
    # Quad, 5.0 and 7.1 likewise; left and right mirror each other.
    np.testing.assert_allclose(FOLDS[4], [[1, 0, half, 0], [0, 1, 0, half]], atol=1e-6)
    for n_channels, matrix in FOLDS.items():
        assert matrix.shape == (2, n_channels)
        assert matrix[0].sum() == pytest.approx(matrix[1].sum())
    assert fold(np.ones((6, 3), np.float32)).shape == (2, 3)
