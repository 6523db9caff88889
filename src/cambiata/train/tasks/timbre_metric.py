"""The timbre metric's network: trained here, shipped as ONNX, used by `cambiata.evaluate`.

Architecture, loss and optimiser of Cífka et al. 2021 (their ``experiments/timbre_metric``), whose
weights were never published. We differ in the data: theirs were stems of Mixing Secrets, ours are
tracks composed from sound-font banks, so that the network may be shipped and no recording of the
test sets was learnt from. Absolute distances therefore differ from the paper's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from cambiata.data.timbre_tracks import N_FEATURES, TracksConfig, record_tracks
from cambiata.train.config import LoopConfig, TrainingConfig
from cambiata.train.onnx import OnnxPart
from cambiata.train.task import Progress, Recorded, Task


@dataclass(frozen=True)
class TimbreMetricTraining:
    """Settings of `TimbreMetricTask`; the paper's."""

    margin: float = 0.1  # Of the triplet loss, between cosine similarities


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


@torch.no_grad()
def triplet_accuracy(network: TimbreNetwork, triplets: Tensor) -> float:
    """Share of triplets whose positive is nearer than the negative; 0.5 by chance.

    triplets: [N, 3, 12, L].
    """
    network.eval()
    embeddings = functional.normalize(network(triplets.flatten(0, 1)).unflatten(0, (-1, 3)), dim=2)
    anchor, positive, negative = embeddings.unbind(1)
    return float(((anchor * positive).sum(1) > (anchor * negative).sum(1)).double().mean())


class TimbreMetricTask(Task):
    """The timbre metric's network with its loss."""

    settings, system, card = TimbreMetricTraining, "timbre-metric", "timbre-metric"
    config: TimbreMetricTraining
    keeps_float32 = True  # 187 KiB; a metric should not change by how it is stored

    def __init__(self, config: TimbreMetricTraining) -> None:
        super().__init__(config)
        self.network = TimbreNetwork()

    @classmethod
    def record(cls, config: TrainingConfig, folder: str | None, progress: Progress) -> Recorded:
        """Tracks composed from banks."""
        return record_tracks(config.examples, folder, progress=progress)

    def forward(self, batch: Tensor, share: float) -> dict[str, Tensor]:
        """Loss of triplets, [B, 3, 12, L]."""
        anchor, positive, negative = self.network(batch.transpose(0, 1).flatten(0, 1)).chunk(3)
        return {"loss": triplet_loss(anchor, positive, negative, self.config.margin)}

    def validate(self, batches: list[Tensor], share: float) -> dict[str, float]:
        """Triplet accuracy."""
        return {"triplet_accuracy": triplet_accuracy(self.network, torch.cat(batches))}

    def onnx_facts(self, config: TrainingConfig, figures: Mapping[str, Any]) -> dict[str, Any]:
        """Triplet accuracy on tracks that nothing was chosen by."""
        test = record_tracks(config.examples, self.examples_folder).test()
        triplets = torch.stack([torch.from_numpy(test[i]) for i in range(len(test))])
        return {"test": {"triplet_accuracy": triplet_accuracy(self.network, triplets)}}

    def onnx_parts(self) -> dict[str, OnnxPart]:
        """Features [B, 12, L] to embeddings [B, 64]."""
        features = {"features": torch.zeros(2, N_FEATURES, 257)}
        lengths = {"features": {0: "batch", 2: "frames"}}
        # Pooling by 128 in all leaves nothing of fewer frames.
        return {
            "": OnnxPart(
                self.network, features, lengths, ["embedding"], min_lengths={"frames": 128}
            )
        }


def _timbre_metric() -> TrainingConfig:
    # The paper's optimiser, Adam at a constant rate, and its number of passes.
    loop = LoopConfig(
        batch_size=16,
        learning_rate=1e-3,
        schedule="constant",
        warmup_steps=1,
        clip_norm=0,
        ema_decay=0,
        precision="32-true",
        n_workers=0,
        report_every_steps=50,
        validate_every_s=60.0,
        max_steps=2 * (7381 // 16),
    )
    return TrainingConfig(TimbreMetricTraining(), TracksConfig(), loop)


PRESETS = {"timbre-metric": _timbre_metric}
