"""Noise between partials: what is constant and what comes with notes, in a style and in a transfer.

The truth is known: tones in noise of a known level.
"""

import numpy as np
import pytest
import scipy.ndimage
from sounds import melody

from cambiata.arrays import Samples
from cambiata.partials.analysis import power_spectrum
from cambiata.partials.background import (
    background_power,
    between_power,
    bound_share_of_frames,
    power_db,
)
from cambiata.partials.note_frames import NOISE_CENTRES_HZ, WINDOW, note_frames
from cambiata.partials.posteriors import BANDS, NoteEvents
from cambiata.partials.predictor import StyleMemory, measure_style
from cambiata.timbre_transfer.oneshot import OneShot, OneShotConfig

RATE = BANDS.sample_rate
NOISE_DB = -60.0
PER_BIN_DB = 10 * np.log10(6 / WINDOW)  # of white noise of power 1 (Hann's window)
# Lower ones hold few bins, between partials that are near each other.
HIGH = np.flatnonzero((NOISE_CENTRES_HZ > 3000) & (NOISE_CENTRES_HZ < 17000))
LOUD = melody([60, 62, 64, 65, 67, 69, 71, 72], partials=8, rate=RATE)
TONES = np.concatenate([LOUD, 0.3 * LOUD])


def white(n_samples: int) -> Samples:
    return np.random.default_rng(0).standard_normal(n_samples).astype(np.float32)


def in_noise() -> Samples:
    gain = np.float32(TONES.std() * 10 ** (NOISE_DB / 20))
    return (TONES + gain * white(len(TONES))).astype(np.float32)


def breathing() -> Samples:
    """Tones whose noise is as loud as they are, less 35 dB."""
    envelope = np.sqrt(scipy.ndimage.uniform_filter1d(TONES**2, 2000))
    return (TONES + 10 ** (-35 / 20) * envelope * white(len(TONES))).astype(np.float32)


def levels_db(sound: Samples) -> tuple[np.ndarray, np.ndarray]:
    """Levels of the noise in high bands per unit of power: its constant part, and all of it."""
    noise, total = between_power(sound), power_spectrum(sound).sum(axis=1)
    constant = background_power(noise, total)
    # In the middle of notes: between them the content's gaps are kept. Onsets smear upwards.
    loud = total > np.quantile(total, 0.8) / 10
    return (
        (power_db(constant) - PER_BIN_DB)[HIGH],
        (power_db(np.quantile(noise[loud], 0.2, axis=0)) - PER_BIN_DB)[HIGH],
    )


@pytest.fixture(scope="module")
def noisy_style() -> StyleMemory:
    return measure_style(in_noise(), "listener")


def test_constant_noise_is_background() -> None:
    constant_db, _ = levels_db(in_noise())
    np.testing.assert_allclose(constant_db, NOISE_DB, atol=2)
    assert constant_db.mean() == pytest.approx(NOISE_DB, abs=1)


def test_breath_is_none() -> None:
    constant_db, all_db = levels_db(breathing())
    assert (constant_db < all_db - 10).all()
    ratio_db = measure_style(breathing(), "listener").breath_ratio_db
    assert ratio_db is not None
    # A frame's total is three times the mean power.
    truth_db = -35 + PER_BIN_DB - 10 * np.log10(3)
    assert ratio_db[HIGH].mean() == pytest.approx(truth_db, abs=2.5)


@pytest.mark.parametrize(
    "content",
    [
        melody([60], rate=RATE),
        0.01 * melody([60, 64, 67, 72, 65], rate=RATE),
        sum(melody([pitch] * 3, rate=RATE) for pitch in (60, 64, 67)),
    ],
    ids=["one note", "soft", "chords"],
)
def test_a_transfer_has_the_floor_of_its_style(content: Samples, noisy_style: StyleMemory) -> None:
    system = OneShot(OneShotConfig())
    sound = system.render(
        content.astype(np.float32),
        ((1.0, noisy_style),),
        amount=1.0,
        seed=0,
        progress=lambda _share: None,
    )
    _, floor_db = levels_db(sound)
    _, style_db = levels_db(in_noise())
    # The predicted level of what is drawn, which it is relative to, is 3 dB off at most, and the
    # equaliser adds 1.
    assert np.median(floor_db - style_db) == pytest.approx(0, abs=4.5)


def test_attacks_are_left_out_of_the_bound() -> None:
    roll = np.zeros((88, 40), np.float32)
    start, end = np.array([0.0, 20.0]), np.array([20.0, 40.0])
    events = NoteEvents(np.array([60, 62]), start, end, np.ones(2), np.zeros(2), roll)
    share = bound_share_of_frames(note_frames(events, 40), 40)
    # A frame is 23 ms: the second note's attack begins within the frame before it.
    assert share[[1, 20, 21]].max() == 0
    assert share[[10, 18, 25, 39]].min() == 1
