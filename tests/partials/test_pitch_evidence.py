import numpy as np
import pytest
from drums import drums
from sounds import melody

from cambiata.partials.analysis import pitch_evidence, power_spectrum
from cambiata.partials.pitch_evidence import PitchEvidence
from cambiata.partials.posteriors import detect_notes

RATE = 44100


def _evidence(samples: np.ndarray) -> PitchEvidence:
    energy = float(np.square(samples, dtype=np.float64).sum())
    return pitch_evidence(power_spectrum(samples), detect_notes(samples), energy)


def test_a_melody_is_pitched_and_its_power_lies_at_its_notes() -> None:
    tune = _evidence(melody([60, 64, 67, 72], rate=RATE))
    assert tune.is_pitched
    assert not tune.is_mixed
    assert tune.share > 0.8
    assert np.flatnonzero(tune.frames_of_pitch).tolist() == [60, 64, 67, 72]
    assert tune.longest_s == pytest.approx(0.4, abs=0.15)
    assert tune.n_covered == pytest.approx(tune.n_frames, rel=0.1)


def test_drums_and_noise_are_not_pitched() -> None:
    beat = _evidence(drums(4.0, RATE)[0])
    noise = _evidence(np.random.default_rng(0).normal(0, 0.1, 2 * RATE).astype(np.float32))
    for evidence in (beat, noise):
        assert not evidence.is_pitched
        assert evidence.is_mixed
        assert evidence.share < 0.3


def test_a_tune_under_louder_drums_is_pitched_and_mixed() -> None:
    beat, _ = drums(4.0, RATE, level=1.0)
    tune = melody([72, 76, 79, 84, 72, 76, 79, 84, 72, 76], rate=RATE) * np.float32(0.3)
    both = _evidence(beat[: len(tune)] + tune)
    assert both.is_pitched
    assert both.is_mixed


def test_evidence_of_two_stretches_is_that_of_both_together() -> None:
    left, right = melody([60, 62], rate=RATE), melody([64, 65], rate=RATE)
    both = _evidence(left) + _evidence(right)
    whole = _evidence(np.concatenate([left, right]))
    assert both.energy == pytest.approx(whole.energy)
    assert both.share == pytest.approx(whole.share, abs=0.05)
    np.testing.assert_allclose(both.frames_of_pitch, whole.frames_of_pitch, atol=3)


def test_silence_has_no_share() -> None:
    assert PitchEvidence().share == 0
    assert not PitchEvidence().is_pitched
