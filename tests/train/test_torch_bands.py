"""Bands that torch computes are those that the networks are given at run time."""

import numpy as np
import pytest
from sounds import melody

torch = pytest.importorskip("torch")

from cambiata.partials.note_bands import ATTACK_BANDS, PITCH_BANDS, note_bands_db  # noqa: E402
from cambiata.train.torch_bands import TorchBands, TorchNoteBands  # noqa: E402

RATE = PITCH_BANDS.sample_rate


def _clips() -> np.ndarray:
    rng = np.random.default_rng(0)
    tune = melody([33, 57, 76, 100], partials=20, rate=RATE)[: 64 * 1024]
    noise = 0.1 * rng.normal(size=len(tune)).astype(np.float32)
    return np.stack([tune, noise, 1e-3 * tune + 1e-5 * noise])


@pytest.mark.parametrize("bands", [PITCH_BANDS, ATTACK_BANDS])
def test_levels_are_those_of_log_frequency(bands: object) -> None:
    clips = _clips()
    actual = TorchBands(bands)(torch.from_numpy(clips)).numpy()
    for clip, level_db in zip(clips, actual, strict=True):
        expected = bands.level_db(clip)
        assert level_db.shape == expected.shape
        # Below, float32 rounds the windows' far leakage of a sum of loud partials.
        audible = expected > -70
        assert audible.mean() > 0.2
        assert np.abs(level_db - expected)[audible].max() < 0.01


def test_a_network_gets_in_training_what_it_gets_at_run_time() -> None:
    clips = _clips()
    actual = TorchNoteBands()(torch.from_numpy(clips)).numpy()
    n_frames = clips.shape[1] // PITCH_BANDS.hop_length
    assert actual.shape == (3, 520, n_frames)
    for clip, level_db in zip(clips, actual, strict=True):
        expected = note_bands_db(clip)[:, :n_frames]
        audible = expected > -70
        assert np.abs(level_db - expected)[audible].max() < 0.01
