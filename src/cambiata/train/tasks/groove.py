"""The groove autoencoder's network and its whole training, from MIDI files to a shipped file.

    python -m cambiata.train.tasks.groove DATA/midi/groove -o groove.onnx

Data: the Groove MIDI Dataset (Gillick, Roberts, Engel, Eck and Bamman 2019, CC BY 4.0). After their
GrooVAE, but small, without recurrence, and with two latent vectors instead of one.
"""

import argparse
import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from cambiata.data.grooves import HELD_OUT, N_CELLS, SOURCE, read_recordings, training_windows
from cambiata.errors import InputError
from cambiata.files import WEIGHTS, atomic_file, check_output
from cambiata.train.onnx import LICENCE, OnnxPart, round_to_float16, write_parts
from cambiata.train.task import n_parameters

_HALVES = ("hits", "performance")


@dataclass(frozen=True)
class GrooveConfig:
    """The network and how it is trained."""

    width: int = 256  # Of the hidden layers
    n_hits: int = 32  # Latent dimensions of what is struck
    n_performance: int = 24  # Latent dimensions of how
    dropout: float = 0.1  # Share of inputs that are hidden in training
    # What the latents' divergence from a standard normal weighs beside the log-likelihood
    beta: float = 0.1
    velocity_deviation: float = 0.1  # Standard deviation granted to velocities, of 1
    offset_deviation: float = 0.1  # Standard deviation granted to offsets, in sixteenths
    learning_rate: float = 2e-3  # Of Adam at its height; it falls to none along half a cosine
    batch_size: int = 256  # Windows in a step
    seed: int = 0  # Of weights and order


def _layers(*widths: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for i, (before, after) in enumerate(pairwise(widths)):
        layers.append(nn.Linear(before, after))
        if i < len(widths) - 2:
            layers.append(nn.SiLU())
    return nn.Sequential(*layers)


class GrooveVae(nn.Module):
    """Windows of drums as two latent vectors, and back."""

    def __init__(self, config: GrooveConfig) -> None:
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
        """What training lowers, and what it is made of, per window.

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


def _batches(n: int, config: GrooveConfig, epoch: int) -> Iterator[npt.NDArray[np.int64]]:
    order = np.random.default_rng((config.seed, epoch)).permutation(n)
    size = min(config.batch_size, n)
    for start in range(0, n - size + 1, size):
        yield order[start : start + size]


@torch.no_grad()
def validate(network: GrooveVae, windows: npt.NDArray[np.float32]) -> dict[str, float]:
    """How well windows come back.

    windows: [N, 3, 288].
    """
    network.eval()
    batch = torch.from_numpy(windows)
    hits, velocity, offset = batch.unbind(1)
    terms = network.loss(batch, beta=network.config.beta)
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


def train_groove(
    data_folder: str | Path,
    output: str | Path,
    *,
    minutes: float = 5.0,
    config: GrooveConfig | None = None,
    n_threads: int = 1,
    resume: bool = False,
    force: bool = False,
) -> dict[str, Any]:
    """Train the groove autoencoder and write it as ONNX.

    Beside the output lie its other parts, ``NAME.json`` with all that is known of them, and
    ``NAME.ckpt``, from which a training that was broken off goes on.
    """
    place = check_output(output, WEIGHTS, force=force)
    played = [each for each in read_recordings(data_folder) if not each.is_held_out]
    training, validation = (
        training_windows([each.groove() for each in played if (each.split == "train") == wanted])
        for wanted in (True, False)
    )
    config = config or GrooveConfig()
    torch.set_num_threads(n_threads)
    network, facts = _trained(
        config, training, validation, 60 * minutes, place.with_suffix(".ckpt"), resume
    )
    facts |= {
        "n_windows": len(training),
        "n_validation_windows": len(validation),
        "n_files": len(played),
        "n_threads": n_threads,
    }
    return export_groove(network, place, facts)


def _trained(
    config: GrooveConfig,
    training: npt.NDArray[np.float32],
    validation: npt.NDArray[np.float32],
    budget_s: float,
    checkpoint: Path,
    resume: bool,
) -> tuple[GrooveVae, dict[str, Any]]:
    """The halves that served best in validation, and the story of their training."""
    torch.manual_seed(config.seed)
    network = GrooveVae(config)
    optimizer = torch.optim.Adam(network.parameters(), config.learning_rate)
    state: dict[str, Any] = {"epoch": 0, "step": 0, "elapsed_s": 0.0, "best": {}, "curve": []}
    if resume and checkpoint.is_file():
        read = torch.load(checkpoint, weights_only=True)
        if read["config"] != asdict(config):
            raise InputError(str(checkpoint), "is of another configuration", "begin anew")
        network.load_state_dict(read["network"])
        optimizer.load_state_dict(read["optimizer"])
        state = read["state"]
    windows = torch.from_numpy(training)
    while state["elapsed_s"] < budget_s or not state["curve"]:
        begun = time.perf_counter()
        network.train()
        share = min(state["elapsed_s"] / budget_s, 1.0) if budget_s else 1.0
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * max(0.5 * (1 + math.cos(math.pi * share)), 0.01)
        for chosen in _batches(len(training), config, state["epoch"]):
            # The divergence counts for more and more in the first tenth.
            beta = config.beta * min(1.0, 0.01 + 10 * share)
            terms = network.loss(windows[torch.from_numpy(chosen)], beta=beta)
            optimizer.zero_grad()
            terms["loss"].backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 50.0)
            optimizer.step()
            state["step"] += 1
        state["epoch"] += 1
        figures = validate(network, validation) | {"epoch": state["epoch"]}
        state["elapsed_s"] += time.perf_counter() - begun
        state["curve"].append(figures | {"elapsed_s": state["elapsed_s"]})
        for half in _HALVES:
            # Early epochs have another loss.
            best = state["best"].get(half)
            if share > 0.1 and (best is None or figures[f"{half}_loss"] < best["loss"]):
                state["best"][half] = {
                    "loss": figures[f"{half}_loss"],
                    "epoch": state["epoch"],
                    "weights": {
                        name: value.clone()
                        for name, value in network.state_dict().items()
                        if name.startswith(half)
                    },
                }
        if state["epoch"] % 20 == 0:
            _save_checkpoint(checkpoint, config, network, optimizer, state)
    _save_checkpoint(checkpoint, config, network, optimizer, state)
    for best in state["best"].values():
        network.load_state_dict(best["weights"], strict=False)
    return network.eval(), {
        "validation": validate(network, validation),
        "best_epochs": {half: best["epoch"] for half, best in state["best"].items()},
        "n_epochs": state["epoch"],
        "n_steps_trained": state["step"],
        "elapsed_s": round(state["elapsed_s"], 1),
        "curve": state["curve"][:: max(1, len(state["curve"]) // 20)],
    }


def _save_checkpoint(
    place: Path,
    config: GrooveConfig,
    network: GrooveVae,
    optimizer: torch.optim.Optimizer,
    state: Mapping[str, Any],
) -> None:
    checkpoint = {
        "config": asdict(config),
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "state": dict(state),
    }
    with atomic_file(place) as unfinished:
        torch.save(checkpoint, unfinished)


class _HitsIn(nn.Module):
    """Hits to their latent vectors."""

    def __init__(self, network: GrooveVae) -> None:
        super().__init__()
        self.network = network

    def forward(self, hits: Tensor) -> Tensor:
        return self.network.encode_hits(hits)


class _HitsOut(_HitsIn):
    """And back."""

    def forward(self, latent: Tensor) -> Tensor:
        return self.network.decode_hits(latent)


class _PerformanceIn(nn.Module):
    """Hits, velocities and offsets to latent vectors."""

    def __init__(self, network: GrooveVae) -> None:
        super().__init__()
        self.network = network

    def forward(self, hits: Tensor, velocity: Tensor, offset: Tensor) -> Tensor:
        return self.network.encode_performance(hits, velocity, offset)


class _PerformanceOut(nn.Module):
    """Latent vectors and hits to velocities and offsets."""

    def __init__(self, network: GrooveVae) -> None:
        super().__init__()
        self.network = network

    def forward(self, latent: Tensor, hits: Tensor) -> tuple[Tensor, Tensor]:
        return self.network.decode_performance(latent, hits)


def _parts(network: GrooveVae) -> dict[str, OnnxPart]:
    config = network.config
    cells, batch = torch.zeros(2, N_CELLS), {0: "n_windows"}
    described: dict[str, tuple[nn.Module, dict[str, Tensor], list[str]]] = {
        "": (_HitsIn(network), {"hits": cells}, ["latent"]),
        "decode_hits": (
            _HitsOut(network),
            {"latent": torch.zeros(2, config.n_hits)},
            ["logits"],
        ),
        "encode_performance": (
            _PerformanceIn(network),
            {"hits": cells, "velocity": cells.clone(), "offset": cells.clone()},
            ["latent"],
        ),
        "decode_performance": (
            _PerformanceOut(network),
            {"latent": torch.zeros(2, config.n_performance), "hits": cells},
            ["velocity", "offset"],
        ),
    }
    return {
        name: OnnxPart(module, inputs, dict.fromkeys(inputs, batch), outputs)
        for name, (module, inputs, outputs) in described.items()
    }


def export_groove(
    network: GrooveVae, output: str | Path, facts: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Write a groove autoencoder as ONNX, compared with torch."""
    place = Path(output)
    if not place.parent.is_dir():
        raise InputError(str(place.parent), "is no folder", "make it first")
    network = network.eval()
    round_to_float16(network)
    parts = _parts(network)
    metadata: dict[str, Any] = {
        "system": "groove",
        "licence": LICENCE,
        "config": asdict(network.config),
        "n_parameters": n_parameters(network),
        "data": SOURCE | {"held_out": list(HELD_OUT)},
    }
    written = write_parts(parts, place, metadata, half=True) | {"training": dict(facts or {})}
    place.with_suffix(".json").write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n")
    return written


def main(arguments: Sequence[str] | None = None) -> None:
    """Train from the command line."""
    parser = argparse.ArgumentParser(description="Train the groove autoencoder.")
    parser.add_argument("data", help="folder of the Groove MIDI Dataset")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--beta", type=float, default=GrooveConfig().beta)
    parser.add_argument("--dropout", type=float, default=GrooveConfig().dropout)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--force", action="store_true")
    options = parser.parse_args(arguments)
    facts = train_groove(
        options.data,
        options.output,
        minutes=options.minutes,
        config=GrooveConfig(beta=options.beta, dropout=options.dropout),
        resume=options.resume,
        force=options.force,
    )
    print(json.dumps({key: facts[key] for key in ("sha256", "size_mb", "parity", "training")}))


if __name__ == "__main__":
    main()
