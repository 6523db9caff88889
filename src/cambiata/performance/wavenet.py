"""A small WaveNet on piano rolls, sampled one by one."""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio.source import resample
from cambiata.performance.rolls import RATE_HZ, RollConfig, RollPlayer
from cambiata.score.midi import Part
from cambiata.score.piano_roll import FRAME_RATE_HZ
from cambiata.wavenet_sampling import (
    N_LEVELS,
    Array,
    SampledLayers,
    draw_levels,
    expand,
    is_compiled,
    level_logits,
    stack_layers,
)

# Files of earlier versions do not say their rate, nor on how many frames of the roll to both sides
# a condition depends.
_DEFAULT_RATE_HZ, _DEFAULT_CONTEXT_FRAMES = 16000, 6
# Pieces are sampled side by side: several cost little more than one, as a step of the network is
# mostly overhead. Shorter pieces would sample more leads.
_PIECE_S, _MIN_PIECES = 2.0, 2


class WaveNet(RollPlayer):
    """An autoregressive network conditioned on a piano roll and a reference.

    van den Oord et al. 2016 with the conditioning of Hawthorne et al. 2019, small: 32 channels, two
    stacks of eight layers, mixtures of two logistic distributions, one piano at 2 kHz. Samples are
    drawn one by one from the network's distributions; a queue holds the inputs of all layers for a
    dilation (Paine et al. 2016). Numba (``cambiata[fast]``) compiles it.

    A span is sampled as pieces of two seconds side by side, each begun a quarter of a second early;
    without that, ten seconds would take minutes.
    """

    name: ClassVar[str] = "wavenet"
    summary: ClassVar[str] = "a small WaveNet on piano rolls; one piano, 2 kHz, slow"
    paper: ClassVar[str] = "van den Oord et al. 2016; Hawthorne et al., ICLR 2019"
    trained: ClassVar[bool] = True
    weights_licence: ClassVar[str] = "Apache-2.0"
    presets: ClassVar[Mapping[str, RollConfig]] = {
        "default": RollConfig(chunk_s=10.0, weights="wavenet")
    }

    def render(
        self,
        part: Part,
        timbre: npt.NDArray[np.float32],
        start: int,
        n_samples: int,
        *,
        seed: int,
    ) -> Samples:
        """Sound [n_samples] of a span of the part."""
        about = self._model.about
        rate = int(about.get("sample_rate", _DEFAULT_RATE_HZ))
        per_frame = int(rate / FRAME_RATE_HZ)
        # Sampled before a piece and dropped: the receptive field, so that it begins under way.
        lead_frames = -(-(sum(about["dilations"]) + 1) // per_frame)
        first_sample = start * rate // RATE_HZ
        length = -(-n_samples * rate // RATE_HZ) + 2
        n_pieces = max(_MIN_PIECES, -(-length // round(_PIECE_S * rate)))
        piece_length = -(-length // n_pieces)
        n_frames = -(-piece_length // per_frame) + 1 + lead_frames
        first_frames = [
            (first_sample + i * piece_length) // per_frame - lead_frames for i in range(n_pieces)
        ]
        conditions = np.concatenate(
            [self._condition(part, timbre, first, n_frames) for first in first_frames]
        )
        samples = self._sample(conditions, np.random.default_rng([seed, start]))
        pieces = []
        for i, first_frame in enumerate(first_frames):
            n_lead = first_sample + i * piece_length - first_frame * per_frame
            pieces.append(samples[i, n_lead : n_lead + piece_length])
        return resample(np.concatenate(pieces), rate, RATE_HZ)[:n_samples]

    def _condition(
        self, part: Part, timbre: npt.NDArray[np.float32], first: int, n_frames: int
    ) -> npt.NDArray[np.float32]:
        """Condition of every layer [1, n_frames, layers, 2 * width] from a frame on."""
        context = int(self._model.about.get("condition_context", _DEFAULT_CONTEXT_FRAMES))
        frames = self._frames(part, FRAME_RATE_HZ, first - context, n_frames + 2 * context)
        condition: npt.NDArray[np.float32] = self._model.part("condition")(frames[None], timbre)[0]
        return condition[:, context : context + n_frames]

    def _sample(
        self, conditions: npt.NDArray[np.float32], rng: np.random.Generator
    ) -> npt.NDArray[np.float32]:
        """Samples [B, L * per_frame] of pieces whose layers are conditioned on `conditions`."""
        rate = int(self._model.about.get("sample_rate", _DEFAULT_RATE_HZ))
        per_frame = int(rate / FRAME_RATE_HZ)
        uniform = rng.random((len(conditions), conditions.shape[1] * per_frame))
        # Files of earlier versions lack the arrays that the compiled loop reads.
        if "arrays" in self._model.about and is_compiled():
            levels = self._draw_compiled(conditions, per_frame, uniform)
        else:
            levels = self._draw_by_steps(conditions, per_frame, uniform)
        return expand(levels / 127.5 - 1).astype(np.float32)

    def _draw_compiled(
        self,
        conditions: npt.NDArray[np.float32],
        per_frame: int,
        uniform: npt.NDArray[np.float64],
    ) -> npt.NDArray[np.int64]:
        """Levels of pieces, each drawn in a thread of its own."""
        layers, bias, head_bias = self._layers
        width = bias.shape[1] // 2
        fc_condition = np.tile(head_bias, (1, conditions.shape[1], 1))

        def draw(i: int) -> npt.NDArray[np.int64]:
            # The loop has the gates above, this network below.
            swapped = np.roll(conditions[i], width, axis=-1) + bias
            return draw_levels(
                layers, self._dilations, swapped[None], fc_condition, per_frame, uniform[i]
            )

        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            return np.stack(list(pool.map(draw, range(len(conditions)))))

    @property
    def _dilations(self) -> npt.NDArray[np.int64]:
        return np.array(self._model.about["dilations"], np.int64)

    @cached_property
    def _layers(self) -> tuple[SampledLayers, Array, Array]:
        """Arrays of the compiled loop, and biases of the dilated layers and of the head."""
        outputs = self._model.part("arrays")(np.ones(1, np.float32))
        a = dict(zip(self._model.about["arrays"], outputs, strict=True))
        width, n_skip = a["residual"].shape[1], a["skip"].shape[1]
        dilated = np.concatenate([a["dilated_past"], a["dilated_current"]], axis=2)
        # Levels come as -0.5 to 0.5, and this network takes them as -1 to 1.
        scale = np.array([2, 1], np.float32)[: a["input"].shape[1]]
        first = np.zeros((width, 4), np.float32)
        first[:, [1, 3][: len(scale)]] = a["input"] * scale
        layers = SampledLayers(
            first=first,
            first_bias=a["input_bias"],
            skip_conv=np.zeros((n_skip, width), np.float32),
            skip_conv_bias=np.zeros(n_skip, np.float32),
            dilated=np.roll(dilated, width, axis=1),
            residual_and_skip=np.concatenate([a["residual"], a["skip"]], axis=1),
            residual_and_skip_bias=np.concatenate([a["residual_bias"], a["skip_bias"]], axis=1),
            fc=a["hidden"],
            logits=a["logits"],
            logits_bias=a["logits_bias"],
        )
        bias = np.roll(a["dilated_bias"], width, axis=1)
        return stack_layers([layers]), bias, a["hidden_bias"]

    def _draw_by_steps(
        self,
        conditions: npt.NDArray[np.float32],
        per_frame: int,
        uniform: npt.NDArray[np.float64],
    ) -> npt.NDArray[np.int64]:
        """Levels of pieces side by side, a step of the network at a time."""
        step, dilations = self._model.part(""), self._dilations
        n_pieces, n_samples = uniform.shape
        layers, longest = np.arange(len(dilations)), int(dilations.max())
        width = int(self._model.about["width"])
        queue = np.zeros((longest, n_pieces, len(layers), width), np.float32)
        levels = np.empty((n_pieces, n_samples), np.int64)
        sample = np.full((n_pieces, 1), 1 / 255, np.float32)
        for t in range(n_samples):
            if t % per_frame == 0:
                condition = np.ascontiguousarray(conditions[:, t // per_frame])
            past = queue[(t - dilations) % longest, :, layers].transpose(1, 0, 2)
            outputs, layer_inputs = step(sample, np.ascontiguousarray(past), condition)
            queue[t % longest] = layer_inputs
            logits = level_logits(outputs)
            total = np.cumsum(np.exp(logits - logits.max(axis=1, keepdims=True)), axis=1)
            drawn = total < uniform[:, t, None] * total[:, -1:]
            levels[:, t] = np.minimum(drawn.sum(axis=1), N_LEVELS - 1)
            sample = (levels[:, t, None] / np.float32(127.5) - 1).astype(np.float32)
        return levels
