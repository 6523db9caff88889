"""Morphs as they play, block by block."""

import numpy as np
import pytest
from tiny_notes import RATE_HZ, note

import cambiata
from cambiata.arrays import Samples
from cambiata.audio.sound import Audio
from cambiata.instrument.pitch import measure_pitch
from cambiata.morphing.streaming import Morph

LOW = Audio(note(60, noise=0.002, duration_s=0.8), RATE_HZ, name="low")
HIGH = Audio(
    note(64, decay_db_s=15, duration_s=1.1, formant_hz=600, noise=0.004), RATE_HZ, name="high"
)


@pytest.fixture(scope="module")
def player() -> Morph:
    return Morph(LOW, HIGH)


def whole(player: Morph, amount: float) -> Samples:
    player.reset()
    return player.process(player.n_left(amount), amount)


@pytest.mark.parametrize(("amount", "sound"), [(0.0, LOW), (1.0, HIGH)])
def test_either_end_is_the_sound_itself(player: Morph, amount: float, sound: Audio) -> None:
    made = whole(player, amount)
    assert made.shape == sound.samples.shape
    np.testing.assert_allclose(made, sound.samples, atol=1e-5)


def test_blocks_of_any_size_are_one_sound(player: Morph) -> None:
    n = player.models[0].n_samples
    amounts = 0.5 - 0.5 * np.cos(np.arange(n) / 9000)
    player.reset()
    expected = player.process(n, amounts)
    rng = np.random.default_rng(0)
    for largest in (2, 300, 5000):
        player.reset()
        made, at = [], 0
        while at < n:
            size = min(n - at, int(rng.integers(1, largest + 1)) if at > 2000 else 100)
            made.append(player.process(size, amounts[at : at + size]))
            at += size
            if largest == 2 and at > 3000:
                break
        joined = np.concatenate(made, axis=1)
        np.testing.assert_allclose(joined, expected[:, : joined.shape[1]], atol=1e-6)


def test_blocks_are_what_the_file_would_be(player: Morph) -> None:
    offline = cambiata.morph(LOW, HIGH, amount=0.3).samples
    player.reset()
    blocks = []
    while not player.has_ended:
        blocks.append(player.process(441, 0.3))
    joined = np.concatenate(blocks, axis=1)
    np.testing.assert_allclose(joined[:, : offline.shape[1]], offline, atol=1e-6)
    assert abs(joined[:, offline.shape[1] :]).max(initial=0.0) < 1e-3


def test_the_end_is_silence(player: Morph) -> None:
    whole(player, 0.5)
    player.process(2048, 0.5)
    assert player.has_ended
    assert player.n_left(0.5) < player.step
    np.testing.assert_allclose(player.process(3000, 0.5), 0, atol=1e-6)


@pytest.mark.parametrize("amount", [0.25, 0.5, 0.75])
def test_there_is_one_pitch_between_and_the_lengths_are(player: Morph, amount: float) -> None:
    made = whole(player, amount)
    middle = (1 - amount) * LOW.n_samples + amount * HIGH.n_samples
    assert made.shape[1] == pytest.approx(middle, abs=2)
    pitch = measure_pitch(made[0, 4410:22050], RATE_HZ)
    assert pitch is not None
    assert abs(pitch.midi - (60 + 4 * amount)) < 0.05


def test_a_moving_amount_moves_the_pitch_without_clicks(player: Morph) -> None:
    n = 30000
    player.reset()
    made = player.process(n, np.linspace(0, 1, n))[0].astype(float)
    early, late = (measure_pitch(made[a:b], RATE_HZ) for a, b in ((2000, 7000), (24000, 29000)))
    assert early is not None
    assert late is not None
    assert early.midi < 61
    assert late.midi > 63
    # A click would be the largest bend of the wave.
    bend = np.abs(np.diff(made, 2))[3000:]
    own = max(float(np.abs(np.diff(x.samples[0].astype(float), 2)).max()) for x in (LOW, HIGH))
    assert bend.max() < 1.5 * own


def test_a_new_amount_is_heard_soon(player: Morph) -> None:
    player.reset()
    before = player.process(12800, 0.0)
    after = player.process(6400, 1.0)
    player.reset()
    unchanged = player.process(19200, 0.0)
    np.testing.assert_allclose(before, unchanged[:, :12800], atol=1e-6)
    difference = np.abs(after[0] - unchanged[0, 12800:])
    assert difference[: 2 * player.step].max() > 0.02


def test_stereo_stays_and_one_channel_becomes_two() -> None:
    left, right = note(57, formant_hz=500), note(57, formant_hz=3000, level=0.1)
    wide = Audio(np.stack([left, right]), RATE_HZ, name="wide")
    with_mono = Morph(wide, LOW)
    assert with_mono.n_channels == 2
    np.testing.assert_allclose(whole(with_mono, 0.0), wide.samples, atol=1e-5)
    np.testing.assert_allclose(whole(with_mono, 1.0), np.repeat(LOW.samples, 2, 0), atol=1e-5)
    half = whole(with_mono, 0.5)
    ratio_db = 20 * np.log10(half[0].std() / half[1].std())
    assert 1 < ratio_db < 20 * np.log10(left.std() / right.std())


def test_another_rate_is_brought_to_the_first() -> None:
    other = Audio(HIGH.resampled(22050).samples, 22050, name="high")
    player = Morph(LOW, other)
    assert player.sample_rate == RATE_HZ
    assert player.n_left(1.0) == pytest.approx(HIGH.n_samples, abs=2)


def test_bad_amounts_and_sounds_are_refused(player: Morph) -> None:
    player.reset()
    for amount, message in (
        (1.5, "amount 1.5: is out of range"),
        (np.full(10, 0.5), "holds 10 numbers for 100 samples"),
        (np.full(100, 2.0), "leaves the range"),
        (float("nan"), "is out of range"),
    ):
        with pytest.raises(cambiata.InputError, match=message):
            player.process(100, amount)
    with pytest.raises(cambiata.InputError, match="pitch c: is unknown"):
        Morph(LOW, HIGH, pitch="c")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="b takes Audio"):
        Morph(LOW, "b.wav")  # type: ignore[arg-type]
