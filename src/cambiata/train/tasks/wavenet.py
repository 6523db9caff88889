"""A small WaveNet on piano rolls, as MAESTRO's and Mel2Mel's are in the large.

van den Oord et al. 2016 (dilated causal convolutions, gated, mu-law); conditioned as in Hawthorne
et al. 2019 on strikes of 88 keys at 250 Hz, here with held keys, offsets and pedal too (the held
keys are NSynth's pitch, Engel et al. 2017, for any number of pitches), upsampled to the
sample rate, and on the pooled mel frames of a reference. Small enough for two cores.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from cambiata.score.piano_roll import FRAME_RATE_HZ, N_KEYS
from cambiata.train.causal import add_held, causal_pair
from cambiata.train.config import TrainingConfig
from cambiata.train.level_losses import level_nats, n_outputs, with_amplitudes
from cambiata.train.onnx import Method, OnnxPart
from cambiata.train.tasks.rolls import (
    N_ROLL,
    N_TIMBRE,
    RollTask,
    roll_training,
    unpack_batch,
)
from cambiata.wavenet_sampling import N_LEVELS

TRAINING_RMS = 0.1  # to which sounds are brought: their peaks stay within full scale


@dataclass(frozen=True)
class WaveNetTraining:
    """Settings of `WaveNetTask`."""

    sample_rate: int = 16000  # As published (Hawthorne et al. 2019); a multiple of 250
    # Small enough to be trained and played on two cores (docs/models/play.md)
    width: int = 32  # Channels of a layer
    n_skip: int = 64  # Channels of the skip connections
    n_stacks: int = 2
    n_layers: int = 10  # In each stack, of dilations 1, 2, 4, ...
    crop_frames: int = 125  # Frames of 4 ms in a crop that is learnt from
    n_crops: int = 1  # Crops of each example in a step
    n_condition: int = 64  # Channels of the roll's network
    # Of its residual layers of dilations 2, 8, 32, ...: how long notes have sounded and will sound
    n_condition_layers: int = 0
    # Whether it sees which keys are held, and when they are let go: NSynth's pitch (Engel et al.
    # 2017) for several at a time. Hawthorne et al. 2019 give strikes alone.
    held_keys: bool = True
    # Logistic distributions that a sample is drawn from, as Hawthorne et al. 2019 have; 0: a number
    # for each of 256 mu-law levels, as van den Oord et al. 2016 have
    n_mixture: int = 0
    # Whether strikes and held keys reach every layer by a matrix of their own, too, as NSynth's
    # pitch does, and not by way of the roll's network alone
    keys_to_layers: bool = False

    @property
    def per_frame(self) -> int:
        """Samples of a frame of the roll."""
        return int(self.sample_rate / FRAME_RATE_HZ)

    @property
    def condition_dilations(self) -> tuple[int, ...]:
        """Dilations of the roll's residual layers."""
        return tuple(2 * 4**i for i in range(self.n_condition_layers))

    @property
    def condition_context(self) -> int:
        """Frames to both sides that a frame's condition depends on."""
        return 2 + 4 + sum(self.condition_dilations)

    @property
    def dilations(self) -> tuple[int, ...]:
        """Dilations of all layers."""
        return tuple(2**i for i in range(self.n_layers)) * self.n_stacks


class WaveNet(nn.Module):
    """Samples and their conditions to what the next sample's level may be."""

    def __init__(self, config: WaveNetTraining) -> None:
        super().__init__()
        self.config = config
        width, n = config.width, len(config.dilations)
        n_condition = config.n_condition
        visible = torch.ones(N_ROLL, 1)
        if not config.held_keys:
            visible[N_KEYS : 3 * N_KEYS] = 0
        self.visible: Tensor
        self.register_buffer("visible", visible, False)
        self.roll = nn.Sequential(
            nn.Conv1d(N_ROLL, 3 * n_condition // 2, 5, padding=2),
            nn.ReLU(),
            nn.Conv1d(3 * n_condition // 2, n_condition, 9, padding=4),
            nn.ReLU(),
        )
        self.roll_layers = nn.ModuleList(
            nn.Conv1d(n_condition, n_condition, 3, padding=d, dilation=d)
            for d in config.condition_dilations
        )
        self.timbre = nn.Linear(N_TIMBRE, n_condition)
        self.condition_projection = nn.Conv1d(n_condition, 2 * width * n, 1)
        self.keys_projection = None
        if config.keys_to_layers:
            self.keys_projection = nn.Conv1d(2 * N_KEYS, 2 * width * n, 1, bias=False)
            nn.init.zeros_(self.keys_projection.weight)
        self.input_projection = nn.Linear(2 if config.n_mixture else 1, width)
        self.dilated_past = nn.ModuleList(nn.Linear(width, 2 * width, bias=False) for _ in range(n))
        self.dilated_current = nn.ModuleList(nn.Linear(width, 2 * width) for _ in range(n))
        residual = [nn.Linear(width, width) for _ in range(n)]
        self.residual = nn.ModuleList(residual)
        self.skip = nn.ModuleList(nn.Linear(width, config.n_skip) for _ in range(n))
        # Nothing reads what the last adds, and the exported step lacks it: zeros, so that a network
        # read back from its export is the same.
        nn.init.zeros_(residual[-1].weight)
        nn.init.zeros_(residual[-1].bias)
        self.head = nn.Sequential(
            nn.ReLU(),
            nn.Linear(config.n_skip, config.n_skip),
            nn.ReLU(),
            nn.Linear(config.n_skip, n_outputs(config.n_mixture)),
        )

    def condition(self, roll: Tensor, timbre: Tensor) -> Tensor:
        """Condition of every layer, in frames of the roll.

        roll: [B, N_ROLL, L]; timbre: [B, N_TIMBRE]; returns [B, L, layers, 2 * width].
        """
        return self.condition_inside(roll, timbre, 0)

    def condition_inside(self, roll: Tensor, timbre: Tensor, n_around: int) -> Tensor:
        """The same without so many frames at both ends, on which the others depend."""
        inside = slice(n_around, roll.shape[2] - n_around)
        roll = roll * self.visible
        hidden = self.roll(roll)
        for layer in self.roll_layers:
            hidden = hidden + functional.relu(layer(hidden))
        hidden = functional.relu(hidden[:, :, inside] + self.timbre(timbre)[:, :, None])
        projected = self.condition_projection(hidden)
        if self.keys_projection is not None:
            projected = projected + self.keys_projection(roll[:, : 2 * N_KEYS, inside])
        n = len(self.config.dilations)
        per_layer: Tensor = projected.view(projected.shape[0], n, 2 * self.config.width, -1)
        return per_layer.permute(0, 3, 1, 2)

    def given(self, samples: Tensor) -> Tensor:
        """What the first layer is given of samples [...]."""
        return with_amplitudes(samples, 1.0) if self.config.n_mixture else samples[..., None]

    def forward(self, samples: Tensor, condition: Tensor) -> Tensor:
        """What is said of every sample after the one given at its place.

        samples: [B, T]; condition: [B, L, layers, 2 * width]; returns [B, T, outputs].
        """
        # What is added up over layers and the head stay in float32: bfloat16 has no more steps than
        # mu-law has levels.
        x = self.input_projection(self.given(samples)).float()
        skip = x.new_zeros(self.config.n_skip)
        for i, dilation in enumerate(self.config.dilations):
            h = causal_pair(
                x,
                self.dilated_past[i].weight,
                self.dilated_current[i].weight,
                self.dilated_current[i].bias,
                dilation,
            )
            x, skip = self._outputs(i, add_held(h, condition[:, :, i]), x, skip)
        with torch.autocast("cuda" if x.is_cuda else "cpu", enabled=False):
            outputs: Tensor = self.head(skip)
        return outputs

    def _outputs(self, i: int, h: Tensor, x: Tensor, skip: Tensor) -> tuple[Tensor, Tensor]:
        a, b = h.chunk(2, dim=-1)
        gated = torch.tanh(a) * torch.sigmoid(b)
        return x + self.residual[i](gated), skip + self.skip[i](gated)

    def step(self, sample: Tensor, past: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """One sample further.

        sample: [B, 1]; past: [B, layers, width]; condition: [B, layers, 2 * width]; returns [B,
        outputs], [B, layers, width].
        """
        x = self.input_projection(self.given(sample[:, 0]))
        layer_inputs = []
        skip = x.new_zeros(self.config.n_skip)
        for i in range(len(self.config.dilations)):
            layer_inputs.append(x)
            h = self.dilated_past[i](past[:, i]) + self.dilated_current[i](x) + condition[:, i]
            x, skip = self._outputs(i, h, x, skip)
        return self.head(skip), torch.stack(layer_inputs, dim=1)


class NetworkArrays(nn.Module):
    """A WaveNet's own arrays, for `cambiata.wavenet_sampling`; those of layers are stacked."""

    names: ClassVar[list[str]] = [
        "input",
        "input_bias",
        "dilated_past",
        "dilated_current",
        "dilated_bias",
        "residual",
        "residual_bias",
        "skip",
        "skip_bias",
        "hidden",
        "hidden_bias",
        "logits",
        "logits_bias",
    ]

    def __init__(self, network: WaveNet) -> None:
        super().__init__()
        first = network.input_projection
        hidden, logits = (cast("nn.Linear", network.head[i]) for i in (1, 3))
        arrays = [
            first.weight,
            first.bias,
            _stack(network.dilated_past, "weight"),
            _stack(network.dilated_current, "weight"),
            _stack(network.dilated_current, "bias"),
            _stack(network.residual, "weight"),
            _stack(network.residual, "bias"),
            _stack(network.skip, "weight"),
            _stack(network.skip, "bias"),
            hidden.weight,
            hidden.bias,
            logits.weight,
            logits.bias,
        ]
        for name, array in zip(self.names, arrays, strict=True):
            self.register_buffer(f"all_{name}", torch.as_tensor(array).detach().clone())

    def forward(self, one: Tensor) -> tuple[Tensor, ...]:
        """All arrays; `one` is 1, so that they are no constants to the exporter."""
        return tuple(one * getattr(self, f"all_{name}") for name in self.names)


def _stack(layers: nn.ModuleList, kind: str) -> Tensor:
    return torch.stack([getattr(layer, kind) for layer in layers])


def mu_law(samples: Tensor) -> Tensor:
    """Samples coded so that soft ones have more of the levels."""
    mu = N_LEVELS - 1
    companded = samples.sign() * torch.log1p(mu * samples.abs().clamp_max(1.0)) / math.log1p(mu)
    return ((companded + 1) / 2 * mu + 0.5).long().clamp(0, mu)


class WaveNetTask(RollTask):
    """The WaveNet with its loss."""

    settings, system, card = WaveNetTraining, "wavenet", "play"
    config: WaveNetTraining
    network: WaveNet
    frame_rate_hz = FRAME_RATE_HZ

    def __init__(self, config: WaveNetTraining) -> None:
        super().__init__(config, WaveNet(config))
        self.sample_rate = config.sample_rate

    def forward(self, batch: Tensor, share: float) -> dict[str, Tensor]:
        """Loss of rows.

        batch: [B, ...].
        """
        config = self.config
        mel, roll, sound = unpack_batch(batch, config.sample_rate, FRAME_RATE_HZ)
        per_frame, context = config.per_frame, config.condition_context
        n = min(config.crop_frames, roll.shape[2])
        n_crops = config.n_crops if self.training else 1
        last = roll.shape[2] - n if self.training else 0
        firsts = [int(torch.randint(0, last + 1, ())) for _ in range(n_crops)]
        # Of the roll no more than the crop depends on; silence before and after the piece.
        padded = functional.pad(roll, (context, context))
        around = torch.cat([padded[:, :, at : at + n + 2 * context] for at in firsts])
        sounds = [sound[:, at * per_frame : (at + n) * per_frame] for at in firsts]
        levels = mu_law(TRAINING_RMS * torch.cat(sounds))
        timbre = self.encoder(mel).repeat(n_crops, 1)
        # Each sample is predicted by those before it: the input lies one behind.
        companded_previous = functional.pad(levels[:, :-1], (1, 0), value=N_LEVELS // 2) / 127.5 - 1
        condition = self.network.condition_inside(around, timbre, context)
        outputs = self.network(companded_previous, condition)
        # From the first sample on, though its past is cut off: with little or no past, as at the
        # beginning of a sampled piece, which note sounds is to be learnt from the roll.
        return {"loss": level_nats(outputs, levels).mean()}

    def validate(self, batches: list[Tensor], share: float) -> dict[str, float]:
        """Mean loss."""
        with torch.no_grad():
            losses = [self.forward(batch, share)["loss"] for batch in batches[:8]]
        return {"nats": float(torch.stack(losses).mean())}

    def onnx_parts(self) -> dict[str, OnnxPart]:
        """One sample further; a roll's condition of every layer; all arrays; the encoder."""
        n, width = len(self.config.dilations), self.config.width
        step = {
            "sample": torch.zeros(3, 1),
            "past": torch.zeros(3, n, width),
            "condition": torch.zeros(3, n, 2 * width),
        }
        roll = {"roll": torch.zeros(1, N_ROLL, 64), "timbre": torch.zeros(1, N_TIMBRE)}
        return {
            "": OnnxPart(
                Method(self.network, "step"),
                step,
                {name: {0: "batch"} for name in step},
                ["logits", "given"],
            ),
            "condition": OnnxPart(
                Method(self.network, "condition"), roll, {"roll": {2: "frames"}}, ["told"]
            ),
            "arrays": OnnxPart(
                NetworkArrays(self.network), {"one": torch.ones(1)}, {}, NetworkArrays.names
            ),
            "style": self.style_part(),
        }

    def onnx_facts(self, config: TrainingConfig, figures: Mapping[str, Any]) -> dict[str, Any]:
        """Sizes of the layers' past, and the RMS of what was learnt."""
        return {
            "dilations": list(self.config.dilations),
            "width": self.config.width,
            "level": TRAINING_RMS,
            "sample_rate": self.config.sample_rate,
            "condition_context": self.config.condition_context,
            "arrays": NetworkArrays.names,
        }


def _wavenet() -> TrainingConfig:
    # What two cores train in an hour: one piano (`benchmarks/pack_pieces.py piano`) at 2 kHz. Two
    # stacks of eight layers see back over a quarter of a second. Crops are short, so that in much
    # of what is learnt from the past is cut off and only the roll says which notes sound.
    task = WaveNetTraining(
        sample_rate=2000,
        n_layers=8,
        crop_frames=40,
        n_crops=4,
        n_condition_layers=3,
        n_mixture=2,
        keys_to_layers=True,
    )
    config = roll_training(task, 4, 240.0)
    loop = replace(config.loop, learning_rate=2e-3, weight_decay=0.01)
    return replace(config, loop=loop)


def _wavenet_8khz(*, held_keys: bool) -> TrainingConfig:
    # Two stacks of ten layers see back over a quarter of a second, too.
    task = WaveNetTraining(
        sample_rate=8000,
        width=64,
        n_skip=128,
        crop_frames=320,
        n_condition=128,
        n_condition_layers=4,
        held_keys=held_keys,
    )
    return roll_training(task, 16, 240.0)


PRESETS = {
    "wavenet": _wavenet,
    "wavenet-8khz": lambda: _wavenet_8khz(held_keys=True),
    "wavenet-strikes": lambda: _wavenet_8khz(held_keys=False),
}
