"""The groove autoencoder: what is struck and how it is played, each in a latent vector of its own.

After GrooVAE (Gillick, Roberts, Engel, Eck and Bamman, "Learning to Groove with Inverse Sequence
Transformations", ICML 2019), but small, without recurrence, and with two latent vectors instead of
one.
"""

import copy
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from cambiata.data.grooves import N_CELLS, GroovesConfig, record_grooves
from cambiata.train.config import LoopConfig, TrainingConfig
from cambiata.train.onnx import Method, OnnxPart
from cambiata.train.task import Progress, Recorded, Task

_HALVES = ("hits", "performance")  # of the network, which share nothing but their teacher
# Share of the training after which a half may be the best: before it the divergence weighs less,
# so that losses cannot be compared.
_WARMUP_SHARE = 0.1


@dataclass(frozen=True)
class GrooveTraining:
    """Sizes of `GrooveVae` and weights of its loss."""

    # Sizes for less than 2 MB in all (half a million numbers a half); not tuned further
    width: int = 256  # Of the hidden layers
    n_hits: int = 32  # Numbers of the latent of hits
    n_performance: int = 24  # Numbers of the latent of velocities and offsets
    dropout: float = 0.1  # Share of cells whose inputs are hidden in training
    beta: float = 0.1  # Weight of the latents' divergence, against the log-likelihood of windows
    # Deviations of the Gaussians of velocities (of 1) and offsets (of a sixteenth): the smaller
    # one is, the more its errors weigh
    velocity_deviation: float = 0.1
    offset_deviation: float = 0.1


def _layers(*widths: int) -> nn.Sequential:
    """Linear layers of some widths, with SiLU between them."""
    layers: list[nn.Module] = []
    for i, (before, after) in enumerate(pairwise(widths)):
        layers.append(nn.Linear(before, after))
        if i < len(widths) - 2:
            layers.append(nn.SiLU())
    return nn.Sequential(*layers)


class GrooveVae(nn.Module):
    """Windows of drums to two latent vectors, of hits and of performance, and back."""

    def __init__(self, config: GrooveTraining) -> None:
        super().__init__()
        self.config = config
        width, n_hits, n_performance = config.width, config.n_hits, config.n_performance
        self.hits_in = _layers(N_CELLS, width, width, 2 * n_hits)
        self.hits_out = _layers(n_hits, width, width, N_CELLS)
        self.performance_in = _layers(3 * N_CELLS, width, width, 2 * n_performance)
        self.performance_out = _layers(n_performance + N_CELLS, width, width, 2 * N_CELLS)

    def encode_hits(self, hits: Tensor) -> Tensor:
        """Latent vectors of what is struck, [B, n_hits].

        hits: [B, 288].
        """
        mean: Tensor = self.hits_in(hits)[:, : self.config.n_hits]
        return mean

    def decode_hits(self, latent: Tensor) -> Tensor:
        """Logits of hits, [B, 288].

        latent: [B, n_hits].
        """
        logits: Tensor = self.hits_out(latent)
        return logits

    def encode_performance(self, hits: Tensor, velocity: Tensor, offset: Tensor) -> Tensor:
        """Latent vectors of how it is played, [B, n_performance].

        hits: [B, 288].
        """
        inputs = torch.cat([hits, velocity, offset], 1)
        mean: Tensor = self.performance_in(inputs)[:, : self.config.n_performance]
        return mean

    def decode_performance(self, latent: Tensor, hits: Tensor) -> tuple[Tensor, Tensor]:
        """Velocities and offsets, were something struck there.

        latent: [B, n_performance]; hits: [B, 288]; returns [B, 288].
        """
        output: Tensor = self.performance_out(torch.cat([latent, hits], 1))
        velocity, offset = output.chunk(2, 1)
        return torch.sigmoid(velocity), torch.tanh(offset)

    def loss(self, windows: Tensor, *, beta: float) -> dict[str, Tensor]:
        """The loss and its terms, means over windows.

        windows: [B, 3, 288].
        """
        hits, velocity, offset = windows.unbind(1)
        masked = windows
        if self.training and self.config.dropout:
            # A hidden cell is hidden in all three.
            mask = torch.rand_like(hits) >= self.config.dropout
            masked = windows * mask[:, None]
        latents, divergences = [], []
        for posterior in (self.hits_in(masked[:, 0]), self.performance_in(masked.flatten(1))):
            mean, log_variance = posterior.chunk(2, 1)
            log_variance = log_variance.clamp(-8, 8)
            latent = mean
            if self.training:
                latent = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
            latents.append(latent)
            each = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
            divergences.append(each.sum(1).mean())
        logits = self.decode_hits(latents[0])
        decoded_velocity, decoded_offset = self.decode_performance(latents[1], hits)
        config = self.config
        terms = {
            "hits": functional.binary_cross_entropy_with_logits(logits, hits, reduction="none"),
            "velocity": 0.5
            * hits
            * ((decoded_velocity - velocity) / config.velocity_deviation).square(),
            "offset": 0.5 * hits * ((decoded_offset - offset) / config.offset_deviation).square(),
        }
        losses = {name: term.sum(1).mean() for name, term in terms.items()}
        losses["divergence"] = divergences[0] + divergences[1]
        # The two halves share nothing but their teacher.
        losses["hits_loss"] = losses["hits"] + beta * divergences[0]
        losses["performance_loss"] = losses["velocity"] + losses["offset"] + beta * divergences[1]
        losses["loss"] = losses["hits_loss"] + losses["performance_loss"]
        return losses


@torch.no_grad()
def reconstruction_figures(network: GrooveVae, windows: Tensor) -> dict[str, float]:
    """Losses, F1 of hits, and errors of velocity (of 127) and offset (of a sixteenth) at hits.

    windows: [N, 3, 288].
    """
    hits, velocity, offset = windows.unbind(1)
    terms = network.loss(windows, beta=network.config.beta)
    decoded_hits = network.decode_hits(network.encode_hits(hits)) > 0
    is_hit = hits > 0.5
    decoded_velocity, decoded_offset = network.decode_performance(
        network.encode_performance(hits, velocity, offset), hits
    )
    n_right = float((decoded_hits & is_hit).sum())
    return {name: float(value) for name, value in terms.items()} | {
        "hits_f1": 2 * n_right / max(float(decoded_hits.sum() + is_hit.sum()), 1.0),
        "velocity_error": 127 * float((decoded_velocity - velocity)[is_hit].abs().mean()),
        "offset_error": float((decoded_offset - offset)[is_hit].abs().mean()),
    }


class GrooveTask(Task):
    """The groove autoencoder with its loss."""

    settings, system, card = GrooveTraining, "groove", "groove"
    config: GrooveTraining
    best_losses: Tensor

    def __init__(self, config: GrooveTraining) -> None:
        super().__init__(config)
        self.network = GrooveVae(config)
        # Of each half the weights that served best in validation, which are those exported: the
        # performance overfits long before the hits have learnt all they can.
        self.best = _as_buffers(copy.deepcopy(self.network))
        self.register_buffer("best_losses", torch.full((len(_HALVES),), math.inf))

    @classmethod
    def record(cls, config: TrainingConfig, folder: str | None, progress: Progress) -> Recorded:
        """Windows of the Groove MIDI Dataset."""
        return record_grooves(config.examples, folder, progress=progress)

    def forward(self, batch: Tensor, share: float) -> dict[str, Tensor]:
        """Losses of windows, [B, 3, 288]."""
        # The divergence counts for more and more in the first tenth.
        beta = self.config.beta * min(1.0, 0.01 + share / _WARMUP_SHARE)
        return self.network.loss(batch, beta=beta)

    def validate(self, batches: list[Tensor], share: float) -> dict[str, float]:
        """Figures of all windows together."""
        return reconstruction_figures(self.network, torch.cat(batches))

    def validated(self, figures: Mapping[str, float], share: float) -> None:
        """Keep each half that is the best so far."""
        state = self.network.state_dict()
        for i, half in enumerate(_HALVES):
            loss = figures[f"{half}_loss"]
            if share > _WARMUP_SHARE and loss < self.best_losses[i]:
                self.best_losses[i] = loss
                own = {name: value for name, value in state.items() if name.startswith(half)}
                self.best.load_state_dict(own, strict=False)

    def exported(self) -> GrooveVae:
        """The network of the best halves; as it is, where a training was too short to choose."""
        network = copy.deepcopy(self.network)
        for half, loss in zip(_HALVES, self.best_losses, strict=True):
            if loss.isfinite():
                best = self.best.state_dict()
                own = {name: value for name, value in best.items() if name.startswith(half)}
                network.load_state_dict(own, strict=False)
        return network.eval()

    @property
    def n_parameters(self) -> int:
        """Numbers that the network learns."""
        return sum(parameter.numel() for parameter in self.network.parameters())

    def onnx_facts(self, config: TrainingConfig, figures: Mapping[str, Any]) -> dict[str, Any]:
        """Sizes, and the loss at which each half was best."""
        losses = dict(zip(_HALVES, self.best_losses.tolist(), strict=True))
        best = {half: loss for half, loss in losses.items() if math.isfinite(loss)}
        return {"config": asdict(self.config), "best_losses": best}

    def onnx_parts(self) -> dict[str, OnnxPart]:
        """Each of the network's four ways: hits and performance, into latents and back."""
        config, network = self.config, self.exported()
        cells = torch.zeros(2, N_CELLS)
        hits, performance = torch.zeros(2, config.n_hits), torch.zeros(2, config.n_performance)

        def part(method: str, inputs: Mapping[str, Tensor], outputs: list[str]) -> OnnxPart:
            lengths = {name: {0: "n_windows"} for name in inputs}
            return OnnxPart(Method(network, method), inputs, lengths, outputs)

        played = {"hits": cells, "velocity": cells.clone(), "offset": cells.clone()}
        return {
            "": part("encode_hits", {"hits": cells}, ["latent"]),
            "decode_hits": part("decode_hits", {"latent": hits}, ["logits"]),
            "encode_performance": part("encode_performance", played, ["latent"]),
            "decode_performance": part(
                "decode_performance", {"latent": performance, "hits": cells}, ["velocity", "offset"]
            ),
        }


def _as_buffers(network: nn.Module) -> nn.Module:
    """A network whose weights are kept but not learnt."""
    for module in network.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            delattr(module, name)
            module.register_buffer(name, parameter.detach().clone())
    return network


def _groove() -> TrainingConfig:
    loop = LoopConfig(
        batch_size=256,
        learning_rate=2e-3,
        warmup_steps=1,
        clip_norm=50.0,
        ema_decay=0,  # the best halves are exported instead
        precision="32-true",
        n_threads=1,
        n_workers=0,
        report_every_steps=48,  # a pass over the dataset's windows
        validate_every_s=3.0,  # about as often
        save_every_s=60.0,
        minutes=5.0,
    )
    return TrainingConfig(GrooveTraining(), GroovesConfig(), loop)


PRESETS = {"groove": _groove}
