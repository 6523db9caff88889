"""The timbre metric's network: trained here, shipped as ONNX, used by `cambiata.evaluate`.

Architecture, loss and optimiser of Cífka et al. 2021 (their ``experiments/timbre_metric``), whose
weights were never published. We differ in the data: theirs were stems of Mixing Secrets, ours are
tracks composed from sound-font banks, so that the network may be shipped and no recording of the
test sets was ever heard. Absolute distances therefore differ from the paper's.

    python -m cambiata.train.tasks.timbre_metric BANK ... -o timbre-metric.onnx
"""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from cambiata.audio.mel import mfcc
from cambiata.audio.source import resample
from cambiata.data.bank import Bank
from cambiata.data.pairs import PairComposer, PairConfig
from cambiata.data.processes import Failure, run_tasks
from cambiata.data.soundfont import RENDER_RATE_HZ

Features = npt.NDArray[np.float32]

RATE_HZ = 16000
N_FEATURES = 12
HOP_SAMPLES = 500


@dataclass(frozen=True)
class TimbreMetricConfig:
    """How the network is trained; the paper's figures where it gives them."""

    n_tracks: int = 7381  # Tracks for training, of two segments each
    n_validation: int = 200  # Tracks for validation and, as many again, for the test
    margin: float = 0.1  # Of the triplet loss, between cosine similarities
    learning_rate: float = 1e-3  # Of Adam
    batch_size: int = 16  # Triplets in a step
    n_epochs: int = 2  # Passes over the tracks
    seed: int = 0  # Seed of data, weights and order


class TimbreNetwork(nn.Module):
    """Embedding of a sound's timbre, from its MFCCs 2 to 13.

    Three blocks of Conv1d(64, 4), batch norm, ReLU and max-pooling by 4, one of width and pooling
    2, then the mean over time; 44,800 parameters and 512 running statistics, 64 dimensions out.
    """

    def __init__(self) -> None:
        super().__init__()
        widths, channels = (4, 4, 4, 2), (N_FEATURES, 64, 64, 64)
        convolutions = [nn.Conv1d(n, 64, width) for n, width in zip(channels, widths, strict=True)]
        # Keras's own momentum and epsilon, as the authors used its defaults.
        self.norms = nn.ModuleList(nn.BatchNorm1d(64, eps=1e-3, momentum=0.01) for _ in widths)
        self.widths = widths
        for convolution in convolutions:
            nn.init.kaiming_uniform_(convolution.weight, nonlinearity="relu")
            if convolution.bias is not None:
                nn.init.zeros_(convolution.bias)
        self.convolutions = nn.ModuleList(convolutions)

    def forward(self, features: Tensor) -> Tensor:
        """Embeddings of a batch.

        features: [B, 12, L]; returns [B, 64].
        """
        x = features
        for convolution, norm, width in zip(
            self.convolutions, self.norms, self.widths, strict=True
        ):
            # "same" padding as TensorFlow does it for even widths: one more at the end.
            x = functional.pad(x, ((width - 1) // 2, width // 2))
            x = torch.relu(norm(convolution(x)))
            # In two dimensions, since exporting pooling in one fixes the length.
            x = functional.max_pool2d(x.unsqueeze(2), (1, width)).squeeze(2)
        return x.mean(dim=2)


def triplet_loss(anchor: Tensor, positive: Tensor, negative: Tensor, margin: float) -> Tensor:
    """Mean of how far the negative comes within the margin of the positive.

    anchor, positive, negative: [B, D].
    """
    positive_similarity = functional.cosine_similarity(anchor, positive)
    negative_similarity = functional.cosine_similarity(anchor, negative)
    return torch.relu(margin + negative_similarity - positive_similarity).mean()


@lru_cache(maxsize=1)
def _pair_maker(banks: tuple[str, ...], seed: int) -> PairComposer:
    opened = [Bank(bank) for bank in banks]
    return PairComposer(opened, config=PairConfig(), seed=seed)


def _make_track(banks: tuple[str, ...], seed: int, number: int) -> tuple[Features, Features, str]:
    example = _pair_maker(banks, seed).self_supervised(number)
    first, second = (
        mfcc(resample(sound, RENDER_RATE_HZ, RATE_HZ), RATE_HZ, hop_length=HOP_SAMPLES)[1:]
        for sound in (example.content, example.style)
    )
    return first.astype(np.float32), second.astype(np.float32), str(example.facts["content"])


def tracks(
    banks: tuple[str, ...], seed: int, n_tracks: int, n_workers: int
) -> tuple[Features, npt.NDArray[np.str_]]:
    """Features of both segments of many tracks.

    returns [N, 2, 12, L], [N].
    """
    by_number: dict[int, Any] = {}
    for number, track in run_tasks(partial(_make_track, banks, seed), range(n_tracks), n_workers):
        if isinstance(track, Failure):
            raise RuntimeError(track.message)
        by_number[number] = track
    rows = [by_number[number] for number in range(n_tracks)]
    features = np.array([row[:2] for row in rows], np.float32)
    names = np.array([row[2] for row in rows], np.str_)
    return features.reshape(n_tracks, 2, N_FEATURES, -1 if n_tracks else 0), names


def _negatives(names: npt.NDArray[np.str_], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """For each track another one, of another instrument."""
    if len(np.unique(names)) < 2:
        raise ValueError("there is no negative without a second instrument")
    chosen = rng.integers(len(names), size=len(names))
    while (same := names[chosen] == names).any():
        chosen[same] = rng.integers(len(names), size=int(same.sum()))
    return chosen


def _batches(
    names: npt.NDArray[np.str_], batch_size: int, rng: np.random.Generator
) -> Iterator[npt.NDArray[np.int64]]:
    order = rng.permutation(len(names))
    triplets = np.stack([order, _negatives(names, rng)[order]])
    for start in range(0, len(names) - batch_size + 1, batch_size):
        yield triplets[:, start : start + batch_size]


@torch.no_grad()
def triplet_accuracy(
    network: TimbreNetwork, features: Features, names: npt.NDArray[np.str_], seed: int = 0
) -> float:
    """Share of triplets whose positive is nearer than the negative.

    features: [N, 2, 12, L]; names: [N].
    """
    network.eval()
    embeddings = functional.normalize(
        network(torch.from_numpy(features).flatten(0, 1)).unflatten(0, (-1, 2)), dim=2
    )
    chosen = torch.from_numpy(_negatives(names, np.random.default_rng(seed)))
    positive_similarity = (embeddings[:, 0] * embeddings[:, 1]).sum(1)
    negative_similarity = (embeddings[:, 0] * embeddings[chosen, 1]).sum(1)
    return float((positive_similarity > negative_similarity).double().mean())


def train(
    banks: tuple[str, ...], config: TimbreMetricConfig, n_workers: int
) -> tuple[TimbreNetwork, dict[str, Any]]:
    """The trained network, and how well it does."""
    start_s = time.perf_counter()
    features, names = tracks(
        banks, config.seed, config.n_tracks + 2 * config.n_validation, n_workers
    )
    composed_s = time.perf_counter() - start_s
    bounds = config.n_tracks, config.n_tracks + config.n_validation
    training, validation, test = np.split(np.arange(len(names)), bounds)
    torch.manual_seed(config.seed)
    rng = np.random.default_rng(config.seed)
    network = TimbreNetwork()

    def accuracy(which: npt.NDArray[np.int64]) -> float:
        return triplet_accuracy(network, features[which], names[which])

    report: dict[str, Any] = {"untrained": accuracy(validation), "validation": []}
    optimizer = torch.optim.Adam(network.parameters(), config.learning_rate)
    for _ in range(config.n_epochs):
        network.train()
        for tracks_at, negatives_at in _batches(names[training], config.batch_size, rng):
            anchor, positive = (torch.from_numpy(features[tracks_at, i]) for i in (0, 1))
            negative = torch.from_numpy(features[negatives_at, int(rng.integers(2))])
            first, second, other = network(torch.cat([anchor, positive, negative])).chunk(3)
            loss = triplet_loss(first, second, other, config.margin)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        report["validation"].append(accuracy(validation))
    report |= {"test": accuracy(test), "composed_s": composed_s}
    report["elapsed_s"] = time.perf_counter() - start_s
    return network, report


def export(network: TimbreNetwork, path: str | Path) -> None:
    """Write the network as ONNX: "features" [B, 12, L] in, "embedding" [B, 64] out."""
    _check_output(path)
    batch, frames = torch.export.Dim("batch"), torch.export.Dim("frames", min=256)
    program = torch.onnx.export(
        network.eval(),
        (torch.zeros(2, N_FEATURES, 257),),
        input_names=["features"],
        output_names=["embedding"],
        dynamic_shapes=({0: batch, 2: frames},),
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    program.save(str(path), external_data=False)


def _check_output(path: str | Path) -> None:
    if not Path(path).parent.is_dir():
        raise FileNotFoundError(Path(path).parent)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train on the banks named and write the network and a report beside it."""
    parser = argparse.ArgumentParser(description=str(main.__doc__).partition("\n")[0])
    parser.add_argument("banks", nargs="+")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--n-workers", type=int, default=2)
    parser.add_argument("--n-tracks", type=int, default=TimbreMetricConfig.n_tracks)
    options = parser.parse_args(arguments)
    _check_output(options.output)
    config = TimbreMetricConfig(n_tracks=options.n_tracks)
    network, report = train(tuple(options.banks), config, options.n_workers)
    export(network, options.output)
    Path(options.output).with_suffix(".json").write_text(json.dumps(report, indent=1))
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
