"""The WaveNet player's two ways of drawing samples."""

import importlib.util

import numpy as np
import pytest

import cambiata.performance.wavenet as module
from cambiata.performance.wavenet import WaveNet
from cambiata.wavenet_sampling import draw_levels


@pytest.fixture(scope="module")
def player() -> WaveNet:
    return WaveNet(WaveNet.presets["default"])


def _conditions(n_pieces: int, n_frames: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.normal(0, 0.5, (n_pieces, n_frames, 16, 64)).astype(np.float32)


def test_the_loop_draws_what_steps_of_the_network_do(
    player: WaveNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the same random numbers; a rounding may fall to either side once."""
    monkeypatch.setattr(
        module, "draw_levels", lambda *arguments: draw_levels(*arguments, compiled=False)
    )
    conditions = _conditions(2, 8)
    uniform = np.random.default_rng(0).random((2, 64))
    looped = player._draw_compiled(conditions, 8, uniform)
    stepped = player._draw_by_steps(conditions, 8, uniform)
    assert looped.shape == (2, 64)
    assert (looped == stepped).mean() > 0.5
    assert (looped[:, :20] == stepped[:, :20]).all()
    assert len(np.unique(looped)) > 20


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="Numba is not installed")
def test_compiled_it_draws_the_same(player: WaveNet) -> None:
    conditions = _conditions(2, 16)
    uniform = np.random.default_rng(0).random((2, 128))
    compiled = player._draw_compiled(conditions, 8, uniform)
    assert (compiled[:, :20] == player._draw_by_steps(conditions, 8, uniform)[:, :20]).all()
