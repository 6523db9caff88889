"""Sampling a WaveNet: each sample drawn from what the network says of it by those before it.

What a layer was given its dilation ago is kept in a queue (Paine et al. 2016), so that a sample
costs one product of matrices a layer. Compiled by Numba where it is installed (``cambiata[fast]``);
without it the same lines run as they stand, some ten times slower.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

N_LEVELS = 256
_SILENT = N_LEVELS // 2


class DecoderWeights:
    """A decoder's arrays, laid out for sampling."""

    def __init__(self, arrays: Mapping[str, Any], dilations: Sequence[int]) -> None:
        self.dilations = np.array(dilations, np.int64)
        self._arrays = {name: np.asarray(x, np.float32) for name, x in arrays.items()}
        a = self._arrays
        dilated = np.concatenate([a["dilated"][..., 0], a["dilated"][..., 1]], axis=2)
        residual_and_skip = np.concatenate([a["rest"], a["skip"]], axis=1)
        self.layers = tuple(
            np.ascontiguousarray(x)
            for x in (
                a["first"],
                a["first_bias"],
                a["first_skip"],
                a["first_skip_bias"],
                dilated,
                residual_and_skip,
                np.concatenate([a["rest_bias"], a["skip_bias"]], axis=1),
                a["thought"],
                a["last"],
                a["last_bias"],
            )
        )

    def condition(self, latent: Array) -> tuple[Array, Array]:
        """What layers and head are told of a latent.

        latent: [L, D]; returns [L, layers, 2 W], [L, W].
        """
        a = self._arrays
        layers = np.einsum("ld,nwd->lnw", latent, a["told"], optimize=True)
        fc_condition = latent @ a["last_told"].T
        # Biases that are added anyway go along.
        return (
            np.ascontiguousarray(layers + a["told_bias"] + a["dilated_bias"]),
            fc_condition + a["last_told_bias"] + a["thought_bias"],
        )


def zero_arrays(width: int, n_layers: int, n_latent: int) -> dict[str, Array]:
    """Arrays of zeros as `DecoderWeights` takes them."""
    shapes = {
        "first": (width, 2),
        "first_skip": (width, width),
        "dilated": (n_layers, 2 * width, width, 2),
        "told": (n_layers, 2 * width, n_latent),
        "rest": (n_layers, width, width),
        "skip": (n_layers, width, width),
        "thought": (width, width),
        "last_told": (width, n_latent),
        "last": (N_LEVELS, width),
    }
    arrays = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    for name, shape in shapes.items():
        n = 2 if name in ("dilated", "told", "rest", "skip") else 1
        arrays[f"{name}_bias"] = np.zeros(shape[:n], np.float32)
    return arrays


def sample_levels(
    decoders: Sequence[tuple[float, DecoderWeights]],
    latent: Array,
    per_frame: int,
    rng: np.random.Generator,
    *,
    compiled: bool = True,
) -> npt.NDArray[np.int64]:
    """Mu-law levels, drawn one by one.

    latent: [L, D]; returns [L * per_frame].
    """
    uniform = rng.random(len(latent) * per_frame)
    n_layers, width = len(decoders[0][1].dilations), decoders[0][1].layers[0].shape[0]
    dilations = decoders[0][1].dilations
    weights = np.array([share for share, _ in decoders], np.float32)
    condition = [decoder.condition(latent) for _, decoder in decoders]
    layer_conditions = np.stack([layers for layers, _ in condition])
    fc_condition = np.stack([fc_condition for _, fc_condition in condition])
    stacked = tuple(
        np.stack([decoder.layers[i] for _, decoder in decoders])
        for i in range(len(decoders[0][1].layers))
    )
    queue = np.zeros((len(decoders), n_layers, int(dilations.max()), width), np.float32)
    sample_loop = _compiled() if compiled else _sample_loop
    levels: npt.NDArray[np.int64] = sample_loop(
        weights, dilations, queue, layer_conditions, fc_condition, per_frame, uniform, *stacked
    )
    return levels


def _affine(matrix: Array, x: Array, bias: Array) -> Array:
    """A product of a matrix, and what is added to it."""
    product: Array = np.dot(matrix, x) + bias
    return product


def _affine_in_loops(matrix: Array, x: Array, bias: Array) -> Array:
    """The same, as a compiler likes it: twice as fast as a call of BLAS for so little."""
    out = np.empty_like(bias)
    for i in range(matrix.shape[0]):
        total = bias[i]
        for j in range(matrix.shape[1]):
            total += matrix[i, j] * x[j]
        out[i] = total
    return out


def _compiled_affine(matrix: Array, x: Array, bias: Array) -> Array:  # noqa: ARG001
    """What Numba takes for `_affine`; it wants the same signature."""
    return _affine_in_loops  # type: ignore[return-value]


@lru_cache(maxsize=1)
def _compiled() -> Callable[..., Any]:
    try:
        from numba import njit
        from numba.extending import overload
    except ImportError:
        return _sample_loop
    # Compiled code calls the loops where Python calls NumPy; `_sample_loop` itself lies in the module, as
    # only then what was compiled is found again by the next process.
    overload(_affine, jit_options={"fastmath": True})(_compiled_affine)
    compiled_loop: Callable[..., Any] = njit(fastmath=True, cache=True)(_sample_loop)
    return compiled_loop


def is_compiled() -> bool:
    """Whether Numba is there to compile the sampling."""
    return find_spec("numba") is not None


def _sample_loop(
    weights: Array,
    dilations: npt.NDArray[np.int64],
    queue: Array,
    condition: Array,
    fc_condition: Array,
    per_frame: int,
    uniform: npt.NDArray[np.float64],
    input_conv: Array,
    input_conv_bias: Array,
    input_skip: Array,
    input_skip_bias: Array,
    dilated: Array,
    residual_and_skip: Array,
    residual_and_skip_bias: Array,
    fc: Array,
    fc_logits: Array,
    fc_logits_bias: Array,
) -> npt.NDArray[np.int64]:
    """Levels [T]; only what NumPy and Numba read alike."""
    n_decoders, n_layers, width = queue.shape[0], queue.shape[1], queue.shape[3]
    levels = np.empty(len(uniform), np.int64)
    layer_input = np.empty(2 * width, np.float32)
    previous = current = np.float32(_SILENT / (N_LEVELS - 1) - 0.5)
    for t in range(len(uniform)):
        frame = t // per_frame
        logits = np.zeros(N_LEVELS, np.float32)
        for v in range(n_decoders):
            x = input_conv[v, :, 0] * previous + input_conv[v, :, 1] * current + input_conv_bias[v]
            skip = _affine(input_skip[v], x, input_skip_bias[v])
            for i in range(n_layers):
                at = t % dilations[i]
                layer_input[:width] = queue[v, i, at]
                layer_input[width:] = x
                queue[v, i, at] = x
                h = _affine(dilated[v, i], layer_input, condition[v, frame, i])
                gated = np.tanh(h[width:]) / (np.float32(1) + np.exp(-h[:width]))
                y = _affine(residual_and_skip[v, i], gated, residual_and_skip_bias[v, i])  # type: ignore[arg-type]
                x = x + y[:width]
                skip = skip + y[width:]
            skip = np.maximum(skip, np.float32(0))
            h = np.maximum(_affine(fc[v], skip, fc_condition[v, frame]), np.float32(0))
            logits += weights[v] * _affine(fc_logits[v], h, fc_logits_bias[v])
        total = np.cumsum(np.exp(logits - logits.max()))
        level = min(np.searchsorted(total, uniform[t] * total[-1]), N_LEVELS - 1)
        levels[t] = level
        previous = current
        current = np.float32(level / (N_LEVELS - 1) - 0.5)
    return levels
