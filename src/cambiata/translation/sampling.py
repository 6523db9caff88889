"""Sampling a WaveNet: each sample is drawn from the distribution that those before it give.

The inputs of a layer, one dilation ago, are kept in a queue (Paine et al. 2016, "Fast Wavenet"), so
that a sample costs one product of matrices a layer. Compiled by Numba where it is installed
(``cambiata[fast]``); without it the same lines run as they stand, some ten times slower.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples

Array = npt.NDArray[np.float32]

N_LEVELS = 256  # of mu-law, as published
_MU = N_LEVELS - 1
_SILENT = N_LEVELS // 2

# Arrays of a decoder's file, and the layers of the public code (facebookresearch/music-translation)
# that they belong to. Files that ship, and users' own, have these names.
LAYERS = {
    "first": "first_conv",
    "first_skip": "skip_conv",
    "dilated": "dilated",
    "told": "condition",
    "rest": "residual",
    "skip": "skip",
    "thought": "fc",
    "last_told": "fc_condition",
    "last": "logits",
}
PER_LAYER = ("dilated", "told", "rest", "skip")  # one for each dilated layer, stacked


class DecoderWeights:
    """A decoder's arrays, by the names in files, laid out for sampling."""

    def __init__(self, arrays: Mapping[str, Any], dilations: Sequence[int]) -> None:
        self.dilations = np.array(dilations, np.int64)
        a = {LAYERS[name]: np.asarray(arrays[name], np.float32) for name in LAYERS}
        bias = {LAYERS[name]: np.asarray(arrays[f"{name}_bias"], np.float32) for name in LAYERS}
        dilated = np.concatenate([a["dilated"][..., 0], a["dilated"][..., 1]], axis=2)
        self.layers = tuple(
            np.ascontiguousarray(x)
            for x in (
                a["first_conv"],
                bias["first_conv"],
                a["skip_conv"],
                bias["skip_conv"],
                dilated,
                np.concatenate([a["residual"], a["skip"]], axis=1),
                np.concatenate([bias["residual"], bias["skip"]], axis=1),
                a["fc"],
                a["logits"],
                bias["logits"],
            )
        )
        self._weights, self._biases = a, bias

    def condition(self, latent: Array) -> tuple[Array, Array]:
        """Conditions of the layers [L, layers, 2 W] and of the head [L, W], of a latent [L, D]."""
        weights, biases = self._weights, self._biases
        layers = np.einsum("ld,nwd->lnw", latent, weights["condition"], optimize=True)
        fc = latent @ weights["fc_condition"].T
        # Biases that are added anyway go along.
        return (
            np.ascontiguousarray(layers + biases["condition"] + biases["dilated"]),
            fc + biases["fc_condition"] + biases["fc"],
        )


def zero_arrays(width: int, n_layers: int, n_latent: int) -> dict[str, Array]:
    """Arrays of zeros as a file has them."""
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
        arrays[f"{name}_bias"] = np.zeros(shape[: 2 if name in PER_LAYER else 1], np.float32)
    return arrays


def mu_law_input(samples: Samples) -> Array:
    """Samples as the published networks take them: mu-law levels as one channel, -0.5 to 0.5."""
    coded = np.sign(samples) * np.log1p(_MU * np.minimum(np.abs(samples), 1)) / np.log(N_LEVELS)
    levels = ((coded + 1) / 2 * _MU).astype(np.int64)
    return np.asarray(levels / _MU - 0.5, np.float32)


def mu_law_decode(levels: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Samples of mu-law levels, by the public code's inverse, which takes level 128 for silence."""
    coded = 2 * (levels - _SILENT) / N_LEVELS
    return np.asarray(np.sign(coded) * (N_LEVELS ** np.abs(coded) - 1) / _MU)


def sample_levels(
    decoders: Sequence[tuple[float, DecoderWeights]],
    latent: Array,
    per_frame: int,
    rng: np.random.Generator,
    *,
    compiled: bool = True,
) -> npt.NDArray[np.int64]:
    """Mu-law levels [L * per_frame], drawn one by one, for a latent [L, D].

    Of several decoders the product of their distributions, each to the power of its share.
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
    """A matrix times a vector, plus a bias."""
    product: Array = np.dot(matrix, x) + bias
    return product


def _affine_in_loops(matrix: Array, x: Array, bias: Array) -> Array:
    """The same in loops, which compiled are twice as fast as BLAS for matrices this small."""
    out = np.empty_like(bias)
    for i in range(matrix.shape[0]):
        total = bias[i]
        for j in range(matrix.shape[1]):
            total += matrix[i, j] * x[j]
        out[i] = total
    return out


def _compiled_affine(matrix: Array, x: Array, bias: Array) -> Array:  # noqa: ARG001
    """Numba's stand-in for `_affine`, which must have the same signature."""
    return _affine_in_loops  # type: ignore[return-value]


@lru_cache(maxsize=1)
def _compiled() -> Callable[..., Any]:
    try:
        from numba import njit
        from numba.extending import overload
    except ImportError:
        return _sample_loop
    # Compiled code calls the loops where Python calls NumPy. `_sample_loop` itself lies in the
    # module: only then does the next process find what was compiled again.
    overload(_affine, jit_options={"fastmath": True})(_compiled_affine)
    compiled_loop: Callable[..., Any] = njit(fastmath=True, cache=True)(_sample_loop)
    return compiled_loop


def _sample_loop(
    weights: Array,
    dilations: npt.NDArray[np.int64],
    queue: Array,
    condition: Array,
    fc_condition: Array,
    per_frame: int,
    uniform: npt.NDArray[np.float64],
    first: Array,
    first_bias: Array,
    skip_conv: Array,
    skip_conv_bias: Array,
    dilated: Array,
    residual_and_skip: Array,
    residual_and_skip_bias: Array,
    fc: Array,
    logits_weight: Array,
    logits_bias: Array,
) -> npt.NDArray[np.int64]:
    """Levels [T], in no other Python than NumPy and Numba read alike."""
    n_decoders, n_layers, width = queue.shape[0], queue.shape[1], queue.shape[3]
    levels = np.empty(len(uniform), np.int64)
    layer_input = np.empty(2 * width, np.float32)
    previous = current = np.float32(_SILENT / (N_LEVELS - 1) - 0.5)
    for t in range(len(uniform)):
        frame = t // per_frame
        logits = np.zeros(N_LEVELS, np.float32)
        for v in range(n_decoders):
            x = first[v, :, 0] * previous + first[v, :, 1] * current + first_bias[v]
            skip = _affine(skip_conv[v], x, skip_conv_bias[v])
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
            logits += weights[v] * _affine(logits_weight[v], h, logits_bias[v])
        total = np.cumsum(np.exp(logits - logits.max()))
        level = min(np.searchsorted(total, uniform[t] * total[-1]), N_LEVELS - 1)
        levels[t] = level
        previous = current
        current = np.float32(level / (N_LEVELS - 1) - 0.5)
    return levels
