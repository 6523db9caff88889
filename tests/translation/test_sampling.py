"""Sampling a WaveNet: what torch says is what is drawn, compiled or not."""

import importlib.util

import numpy as np
import pytest

from cambiata.translation.sampling import DecoderWeights, sample_levels, zero_arrays
from cambiata.wavenet_sampling import N_LEVELS, level_logits

DILATIONS = (1, 2, 4, 1, 2)


def _arrays(
    seed: int, width: int = 6, n_latent: int = 3, n_outputs: int = N_LEVELS
) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    arrays = zero_arrays(width, len(DILATIONS), n_latent)
    arrays |= {name: arrays[name][:n_outputs] for name in ("last", "last_bias")}
    return {name: rng.normal(0, 0.5, x.shape).astype(np.float32) for name, x in arrays.items()}


def _latent(n: int = 4) -> np.ndarray:
    return np.random.default_rng(9).normal(size=(n, 3)).astype(np.float32)


@pytest.mark.parametrize("n_mixture", [0, 2])
def test_it_draws_from_what_torch_says(n_mixture: int) -> None:
    """Every level is the one at which torch's own distribution reaches the chance drawn."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("lightning_fabric")
    from cambiata.train.tasks.mor2018 import (
        Decoder,
        DecoderArrays,
        Mor2018Training,
        levels_to_input,
    )

    config = Mor2018Training(("a",), 16000, 6, 1, 2, 2, 3, 3, n_mixture=n_mixture)
    torch.manual_seed(1)
    decoder = Decoder(config).eval()
    with torch.no_grad():
        for p in decoder.parameters():
            p.mul_(3)
    part = DecoderArrays(torch.nn.ModuleList([decoder]))
    outputs = part(torch.ones(1), torch.tensor(0))
    arrays = dict(zip(part.names, (x.detach().numpy() for x in outputs), strict=True))
    latent = _latent(2)
    levels = sample_levels(
        [(1.0, DecoderWeights(arrays, config.dilations))],
        latent,
        config.pool,
        np.random.default_rng(5),
        compiled=False,
    )
    inputs = torch.nn.functional.pad(torch.from_numpy(levels[:-1]), (1, 0), value=N_LEVELS // 2)
    with torch.no_grad():
        outputs = decoder(levels_to_input(inputs)[None], torch.from_numpy(latent.T[None].copy()))[0]
    logits = torch.from_numpy(level_logits(outputs.numpy()))
    total = torch.softmax(logits.double(), dim=1).cumsum(dim=1).numpy()
    uniform = np.random.default_rng(5).random(2 * config.pool)
    expected = np.array([np.searchsorted(row, x) for row, x in zip(total, uniform, strict=True)])
    # The first sample has silence before it there, and here the middle level: next to the same.
    assert (levels[1:] == expected[1:]).mean() > 0.995
    assert len(np.unique(levels)) > 20


@pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="Numba is not installed")
@pytest.mark.parametrize("n_outputs", [N_LEVELS, 6])
def test_compiled_it_draws_the_same(n_outputs: int) -> None:
    decoders = [
        (0.7, DecoderWeights(_arrays(0, n_outputs=n_outputs), DILATIONS)),
        (0.3, DecoderWeights(_arrays(1, n_outputs=n_outputs), DILATIONS)),
    ]
    plain, compiled = (
        sample_levels(decoders, _latent(), 50, np.random.default_rng(2), compiled=x)
        for x in (False, True)
    )
    # A rounding may fall to either side once, and all after it is another sound then.
    same = np.flatnonzero(plain != compiled)
    assert not len(same) or same[0] > 20
    assert plain.shape == (200,)
    assert plain.min() >= 0
    assert plain.max() < N_LEVELS


def test_a_blend_of_one_with_itself_is_that_one() -> None:
    decoder = DecoderWeights(_arrays(3), DILATIONS)
    one, both = (
        sample_levels(decoders, _latent(), 20, np.random.default_rng(4), compiled=False)
        for decoders in ([(1.0, decoder)], [(0.25, decoder), (0.75, decoder)])
    )
    assert (one == both).mean() > 0.95


def test_what_it_is_told_counts() -> None:
    arrays = zero_arrays(4, 2, 3)
    arrays["last_told"][0, 0] = 10
    arrays["last"][200, 0] = 10
    latent = np.array([[0, 0, 0], [1, 0, 0]], np.float32)
    levels = sample_levels(
        [(1.0, DecoderWeights(arrays, (1, 2)))], latent, 30, np.random.default_rng(0)
    )
    assert (levels[30:] == 200).all()
    assert (levels[:30] == 200).mean() < 0.2
