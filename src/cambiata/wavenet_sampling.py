"""Sampling a WaveNet: each sample is drawn from the distribution that those before it give.

The inputs of a layer, one dilation ago, are kept in a queue (Paine et al. 2016, "Fast Wavenet"), so
that a sample costs one product of matrices a layer. Compiled by Numba where it is installed
(``cambiata[fast]``); without it the same lines run as they stand, some ten times slower.
"""

import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

N_LEVELS = 256  # of mu-law, as published (van den Oord et al. 2016)
SILENT_LEVEL = N_LEVELS // 2

# A network says either a number for every level, as published, or a mixture of logistic
# distributions of the amplitude (van den Oord et al. 2017, "Parallel WaveNet"; Hawthorne et al.
# 2019): weights, means and scales, three numbers for each. The units let a new network, whose
# outputs are near 0, begin with what sounds of an RMS of 0.1 are about: means near 0, and a
# deviation of some e^-3.5 = 0.03.
MEAN_UNIT, LOG_SCALE_UNIT = 0.1, -3.5
# A tenth of a level of a soft sound, and full scale.
LOG_SCALE_RANGE = (-9.0, 1.0)


class SampledLayers(NamedTuple):
    """Arrays of a WaveNet in the order that the loop takes them; W channels, S of the skips.

    Its input is a level over 255, less a half, and may be the amplitude in `MEAN_UNIT` too; the
    condition holds the biases of the dilated layers and of `fc`.
    """

    first: Array  # [W, 4], of the last sample but one and the last, as levels and as amplitudes
    first_bias: Array
    skip_conv: Array  # [S, W]
    skip_conv_bias: Array
    dilated: Array  # [layers, 2 W, 2 W], gates above; of a layer's input one dilation ago and now
    residual_and_skip: Array  # [layers, W + S, W]
    residual_and_skip_bias: Array
    fc: Array  # [S, S]
    logits: Array  # [levels or 3 K, S]
    logits_bias: Array


def expand(companded: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Amplitudes of mu-law companded samples, both -1 to 1."""
    companded = np.asarray(companded, np.float64)
    return np.asarray(
        np.sign(companded) * (np.float64(N_LEVELS) ** np.abs(companded) - 1) / (N_LEVELS - 1)
    )


def level_logits(outputs: Array) -> Array:
    """Logarithms [..., levels] of what a network says [..., 3 K] of each mu-law level.

    Outputs that are a number for every level are returned as they are.
    """
    if outputs.shape[-1] == N_LEVELS:
        return outputs
    weights, means, scales = np.split(outputs.astype(np.float64)[..., None], 3, axis=-2)
    weights = np.exp(weights - weights.max(axis=-2, keepdims=True))
    weights = weights / weights.sum(axis=-2, keepdims=True)
    scales = np.exp(np.clip(scales + LOG_SCALE_UNIT, *LOG_SCALE_RANGE))
    z = np.clip((LEVEL_EDGES[1:-1] - MEAN_UNIT * means) / scales, -_MAX_Z, _MAX_Z)
    below = (weights / (1 + np.exp(-z))).sum(axis=-2)
    # The outermost levels take what lies beyond full scale.
    ends = np.zeros((*below.shape[:-1], 1))
    chances = np.diff(below, axis=-1, prepend=ends, append=ends + 1)
    return np.asarray(np.log(chances + _LEAST), np.float32)


# Amplitudes between which each level lies [levels + 1], and that of each as a network is given it.
LEVEL_EDGES = expand(2 * (np.arange(N_LEVELS + 1) - 0.5) / (N_LEVELS - 1) - 1)
_AMPLITUDES = (expand(2 * np.arange(N_LEVELS) / (N_LEVELS - 1) - 1) / MEAN_UNIT).astype(np.float32)
# Further out a logistic distribution is 0 or 1 to the last digit; and what is taken for no chance
# at all, that its logarithm be finite.
_MAX_Z, _LEAST = 40.0, 1e-9


def stack_layers(networks: Sequence[SampledLayers]) -> SampledLayers:
    """The arrays of several networks [V, ...], as `draw_levels` takes them."""
    return SampledLayers(
        *(np.ascontiguousarray(np.stack(arrays)) for arrays in zip(*networks, strict=True))
    )


def is_compiled() -> bool:
    """Whether sampling is compiled here."""
    return _compiled() is not _sample_loop


def draw_levels(
    layers: SampledLayers,
    dilations: npt.NDArray[np.int64],
    condition: Array,
    fc_condition: Array,
    per_frame: int,
    uniform: npt.NDArray[np.float64],
    *,
    shares: Array | None = None,
    compiled: bool = True,
) -> npt.NDArray[np.int64]:
    """Mu-law levels [T], drawn one by one by random numbers from 0 to 1 [T].

    All arrays have V networks along their first axis, of whose distributions the product is drawn
    from, each to the power of its share. `condition`: [V, L, layers, 2 W]; `fc_condition`: [V, L,
    S]; frames last `per_frame` samples.
    """
    n_networks, width = len(layers.first), layers.first.shape[1]
    shares = np.ones(1, np.float32) if shares is None else shares
    queue = np.zeros((n_networks, len(dilations), int(dilations.max()), width), np.float32)
    sample_loop = _compiled() if compiled else _sample_loop
    levels: npt.NDArray[np.int64] = sample_loop(
        shares, dilations, queue, condition, fc_condition, per_frame, uniform, *layers
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


def _level_logits_in_loops(outputs: Array) -> Array:
    """`level_logits` of one sample, in loops."""
    if len(outputs) == N_LEVELS:
        return outputs
    n = len(outputs) // 3
    weights = np.exp(outputs[:n] - outputs[:n].max())
    weights = weights / weights.sum()
    chances = np.zeros(N_LEVELS, np.float64)
    for j in range(n):
        mean = MEAN_UNIT * outputs[n + j]
        log_scale = outputs[2 * n + j] + LOG_SCALE_UNIT
        scale = np.exp(min(max(log_scale, LOG_SCALE_RANGE[0]), LOG_SCALE_RANGE[1]))
        before = 0.0
        for level in range(N_LEVELS):
            below = 1.0
            if level < N_LEVELS - 1:
                z = min(max((LEVEL_EDGES[level + 1] - mean) / scale, -_MAX_Z), _MAX_Z)
                below = 1 / (1 + np.exp(-z))
            chances[level] += weights[j] * (below - before)
            before = below
    return np.log(chances + _LEAST).astype(np.float32)


def _compiled_level_logits(outputs: Array) -> Array:  # noqa: ARG001
    """Numba's stand-in for `level_logits`."""
    return _level_logits_in_loops  # type: ignore[return-value]


def _compiled_affine(matrix: Array, x: Array, bias: Array) -> Array:  # noqa: ARG001
    """Numba's stand-in for `_affine`, which must have the same signature."""
    return _affine_in_loops  # type: ignore[return-value]


_COMPILING = threading.Lock()  # two threads would register one stand-in twice


def _compiled() -> Callable[..., Any]:
    with _COMPILING:
        return _compile()


@lru_cache(maxsize=1)
def _compile() -> Callable[..., Any]:
    try:
        from numba import njit
        from numba.extending import overload
    except ImportError:
        return _sample_loop
    # Compiled code calls the loops where Python calls NumPy. `_sample_loop` itself lies in the
    # module: only then does the next process find what was compiled again.
    overload(_affine, jit_options={"fastmath": True})(_compiled_affine)
    overload(level_logits)(_compiled_level_logits)
    compiled_loop: Callable[..., Any] = njit(fastmath=True, cache=True, nogil=True)(_sample_loop)
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
    previous = current = np.float32(SILENT_LEVEL / (N_LEVELS - 1) - 0.5)
    previous_amplitude = amplitude = _AMPLITUDES[SILENT_LEVEL]
    for t in range(len(uniform)):
        frame = t // per_frame
        logits = np.zeros(N_LEVELS, np.float32)
        for v in range(n_decoders):
            x = first[v, :, 0] * previous + first[v, :, 1] * current + first_bias[v]
            x = x + first[v, :, 2] * previous_amplitude + first[v, :, 3] * amplitude
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
            logits += weights[v] * level_logits(_affine(logits_weight[v], h, logits_bias[v]))
        total = np.cumsum(np.exp(logits - logits.max()))
        level = min(np.searchsorted(total, uniform[t] * total[-1]), N_LEVELS - 1)
        levels[t] = level
        previous, previous_amplitude = current, amplitude
        current = np.float32(level / (N_LEVELS - 1) - 0.5)
        amplitude = _AMPLITUDES[level]
    return levels
