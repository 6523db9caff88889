"""The timbre metric that ships: properties that any such metric must have."""

import numpy as np
import pytest
from sounds import tone

from cambiata.errors import CambiataError
from cambiata.evaluate.metrics import METRIC_RATE_HZ
from cambiata.evaluate.timbre_metric import TimbreMetric
from cambiata.weights import WeightsError, network

N_SAMPLES = 8 * METRIC_RATE_HZ


def played(pitches: list[float], partials: int, n_samples: int = N_SAMPLES) -> np.ndarray:
    """Plucked notes of 1 s, over and over."""
    notes = np.concatenate([tone(p, 1.0, partials, METRIC_RATE_HZ) for p in pitches])
    return np.tile(notes, -(-n_samples // len(notes)))[:n_samples]


@pytest.fixture(scope="module")
def metric() -> TimbreMetric:
    return TimbreMetric()


def test_embeddings_are_64_finite_numbers(metric: TimbreMetric) -> None:
    embedding = metric.embedding(played([60, 64], 6))
    assert embedding.shape == (64,)
    assert np.isfinite(embedding).all()
    assert (embedding >= 0).all()


def test_a_sound_is_no_distance_from_itself(metric: TimbreMetric) -> None:
    sound = played([60, 64, 67], 6)
    assert metric.distance(metric.embedding(sound), metric.embedding(sound.copy())) == 0


@pytest.mark.parametrize("gain", [0.05, 0.3, 4.0])
def test_level_is_not_timbre(metric: TimbreMetric, gain: float) -> None:
    sound = played([60, 64, 67], 6)
    louder = metric.embedding(np.float32(gain) * sound)
    assert metric.distance(metric.embedding(sound), louder) < 1e-3


def test_another_timbre_is_further_than_another_melody(metric: TimbreMetric) -> None:
    one = metric.embedding(played([60, 62, 64], 6))
    other_notes = metric.embedding(played([64, 60, 62], 6))
    rng = np.random.default_rng(0)
    noise = metric.embedding(rng.normal(0, 0.1, N_SAMPLES).astype(np.float32))
    assert 0 <= metric.distance(one, other_notes) < metric.distance(one, noise) <= 1
    assert metric.distance(one, noise) == metric.distance(noise, one)


@pytest.mark.parametrize("duration_s", [0.01, 0.5, 3.0, 4.0, 8.0, 12.0])
def test_sounds_of_any_length_have_a_timbre(metric: TimbreMetric, duration_s: float) -> None:
    embedding = metric.embedding(played([60, 64], 6, round(duration_s * METRIC_RATE_HZ)))
    assert np.isfinite(embedding).all()


def test_a_short_sound_is_repeated_and_not_padded(metric: TimbreMetric) -> None:
    whole = played([60, 62], 6)
    short = metric.embedding(whole[: 2 * METRIC_RATE_HZ])
    padded = metric.embedding(np.pad(whole[: 2 * METRIC_RATE_HZ], (0, N_SAMPLES // 4)))
    distance = metric.distance(metric.embedding(whole), short)
    assert distance < 0.1
    assert 2 * distance < metric.distance(metric.embedding(whole), padded)


def test_silence_is_not_mistaken_for_a_sound(metric: TimbreMetric) -> None:
    silence = metric.embedding(np.zeros(N_SAMPLES, np.float32))
    assert metric.distance(silence, metric.embedding(played([60], 6))) > 0.01


def test_the_input_is_left_as_it_was(metric: TimbreMetric) -> None:
    sound = played([60], 6)
    before = sound.copy()
    metric.embedding(sound)
    np.testing.assert_array_equal(sound, before)


def test_weights_missing_or_changed_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from cambiata import weights

    network.cache_clear()
    shipped = weights.WEIGHTS["timbre-metric"]
    for change, problem in (
        ({"sha256": "0" * 64}, "is not the file that was shipped; install cambiata again"),
        ({"file": "nowhere.onnx"}, "is not in the package; install cambiata again"),
    ):
        changed = weights.Weights(**{**vars(shipped), **change})
        monkeypatch.setitem(weights.WEIGHTS, "timbre-metric", changed)
        with pytest.raises(WeightsError, match=problem) as refused:
            TimbreMetric()
        assert isinstance(refused.value, CambiataError)
    network.cache_clear()
