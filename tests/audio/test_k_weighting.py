import numpy as np
import pyloudnorm
import pytest

from cambiata.audio.k_weighting import _STEP, _weighted, block_loudness_db


@pytest.mark.parametrize(("rate", "n_channels"), [(8000, 1), (44100, 2), (48000, 5), (96000, 1)])
def test_blocks_are_as_loud_as_pyloudnorm_says(rate: int, n_channels: int) -> None:
    rng = np.random.default_rng(0)
    n_samples = max(round(2.73 * rate), _STEP + 5000)  # more than one transform
    sound = rng.normal(0, 0.1, (n_channels, n_samples)).astype(np.float32)
    sound *= np.linspace(0.01, 1, n_samples, dtype=np.float32)
    meter = pyloudnorm.Meter(rate)
    meter.integrated_loudness(sound.T.astype(np.float64))
    ours = block_loudness_db(sound, rate)
    assert len(ours) == len(meter.blockwise_loudness)
    np.testing.assert_allclose(ours, meter.blockwise_loudness, atol=5e-3)


def test_the_filter_is_pyloudnorms_sample_by_sample() -> None:
    noise = np.random.default_rng(1).normal(size=_STEP + 20000).astype(np.float32)
    theirs = noise.astype(np.float64)
    for stage in pyloudnorm.Meter(44100)._filters.values():
        theirs = stage.apply_filter(theirs)
    np.testing.assert_allclose(_weighted(noise, 44100), theirs, atol=1e-9)


def test_silence_has_no_loudness() -> None:
    assert np.isneginf(block_loudness_db(np.zeros((1, 8000), np.float32), 8000)).all()
