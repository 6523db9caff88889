"""Decoders of the published translation network: their arrays, blends of them, their mu-law."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.wavenet_sampling import (
    N_LEVELS,
    SILENT_LEVEL,
    Array,
    SampledLayers,
    draw_levels,
    expand,
    stack_layers,
)

_MU = N_LEVELS - 1

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
        first = a["first_conv"]
        self.layers = SampledLayers(
            # Published networks are given levels alone.
            first=np.pad(first, ((0, 0), (0, 4 - first.shape[1]))),
            first_bias=bias["first_conv"],
            skip_conv=a["skip_conv"],
            skip_conv_bias=bias["skip_conv"],
            dilated=dilated,
            residual_and_skip=np.concatenate([a["residual"], a["skip"]], axis=1),
            residual_and_skip_bias=np.concatenate([bias["residual"], bias["skip"]], axis=1),
            fc=a["fc"],
            logits=a["logits"],
            logits_bias=bias["logits"],
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
    coded = 2 * (levels - SILENT_LEVEL) / N_LEVELS
    return expand(coded)


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
    condition = [decoder.condition(latent) for _, decoder in decoders]
    return draw_levels(
        stack_layers([decoder.layers for _, decoder in decoders]),
        decoders[0][1].dilations,
        np.stack([layers for layers, _ in condition]),
        np.stack([fc_condition for _, fc_condition in condition]),
        per_frame,
        rng.random(len(latent) * per_frame),
        shares=np.array([share for share, _ in decoders], np.float32),
        compiled=compiled,
    )
