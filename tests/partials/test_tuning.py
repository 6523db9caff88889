"""The tuning of a recording is found, from stretches of it, and left alone where there is none."""

import numpy as np
import pytest
from sounds import melody
from tones import RATE

from cambiata.audio.log_frequency import LogFrequency
from cambiata.partials.tuning import TuningMeter, describe_tuning, tuning_cents

TUNE = [60.0, 64.0, 67.0, 72.0]


def _detuned(cents: float, rate: int = RATE) -> np.ndarray:
    return melody([pitch + cents / 100 for pitch in TUNE], partials=8, rate=rate)


@pytest.mark.parametrize("cents", [-44.0, -25.0, 30.0, 44.0])
@pytest.mark.parametrize("rate", [RATE, 16000])
def test_tuning_is_found(cents: float, rate: int) -> None:
    assert tuning_cents(_detuned(cents, rate), rate) == pytest.approx(cents, abs=6)


def test_half_a_semitone_lies_either_way() -> None:
    assert abs(tuning_cents(_detuned(50), RATE)) == pytest.approx(50, abs=6)


@pytest.mark.parametrize("cents", [-8.0, 0.0, 8.0])
def test_what_is_nearly_in_tune_is_in_tune(cents: float) -> None:
    assert tuning_cents(_detuned(cents), RATE) == 0


def test_what_has_no_tuning_has_none() -> None:
    rng = np.random.default_rng(0)
    t = np.arange(4 * RATE) / RATE
    glide = np.sin(2 * np.pi * np.cumsum(200 * 2 ** (t / 2)) / RATE)
    for sound in (rng.normal(size=len(t)), glide, np.zeros(len(t))):
        assert tuning_cents(sound.astype(np.float32), RATE) == 0


def test_blocks_do_not_matter() -> None:
    sound = np.stack([_detuned(30)] * 2)
    whole, pieces = (TuningMeter(RATE, sound.shape[1]) for _ in range(2))
    whole.add(sound)
    for at in range(0, sound.shape[1], 5000):
        pieces.add(sound[:, at : at + 5000])
    assert pieces.cents() == whole.cents() == pytest.approx(30, abs=6)


def test_an_hour_is_heard_in_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    rate, heard = 4000, []
    monkeypatch.setattr(
        "cambiata.partials.tuning.resample", lambda x, *_: heard.append(len(x)) or x[:4096]
    )
    meter = TuningMeter(rate, 3600 * rate)
    for _ in range(360):
        meter.add(np.zeros((1, 10 * rate), np.float32))
    assert meter.cents() == 0
    assert heard == [4 * rate] * 30


def test_channels_that_cancel_are_heard() -> None:
    sound = _detuned(-30)
    meter = TuningMeter(RATE, len(sound))
    meter.add(np.stack([sound, -sound]))
    assert meter.cents() == pytest.approx(-30, abs=6)


def test_tuning_in_words() -> None:
    assert describe_tuning(-48) == "is 48 cents flat (A = 428 Hz)"
    assert describe_tuning(47) == "is 47 cents sharp (A = 452 Hz)"


def test_tuned_bands_see_a_detuned_tone_as_one_in_tune() -> None:
    t = np.arange(RATE) / RATE
    flat, right = (np.sin(2 * np.pi * 440 * 2 ** (c / 1200) * t) for c in (-48, 0))
    bands, tuned = LogFrequency(), LogFrequency(tuning_cents=-48.0)
    expected = np.maximum(bands.level_db(right.astype(np.float32))[:, 20], -30)
    shown = np.maximum(tuned.level_db(flat.astype(np.float32))[:, 20], -30)
    np.testing.assert_allclose(shown, expected, atol=3)
    assert int(expected.argmax()) == 3 * (69 - 21) + 1
