"""``drums``: posteriors of hits of a drum kit, how hard they are, and which tom or cymbal it is.

A convolutional network on bands a semitone wide, as Vogl, Widmer and Knees (DAFx 2018) have it,
with dilated convolutions in place of their recurrence, so that a recording may be heard in chunks.
Its examples are mixed while it learns: grooves of drummers, played with random kits
(`cambiata.train.drum_mixing`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from cambiata.data.drum_grooves import DrumGrooves, DrumGroovesConfig, record_drum_grooves
from cambiata.train.config import LoopConfig, TrainingConfig
from cambiata.train.drum_mixing import N_FRAMES, Clips, DrumMixer
from cambiata.train.onnx import OnnxPart
from cambiata.train.task import Progress, Recorded, Task, TrainingExamples
from cambiata.train.tensors import to_numpy
from cambiata.transcription.drum_bands import DRUM_BANDS
from cambiata.transcription.drum_hits import (
    CYMBAL,
    CYMBAL_KINDS,
    GROUPS,
    N_OUTPUTS,
    TOM,
    TOM_KINDS,
    pick_peaks,
)

# Thresholds of which validation finds the best for each drum, and the tolerance of its F1.
_THRESHOLDS = tuple(round(0.1 + 0.05 * i, 2) for i in range(17))
_TOLERANCE_S = 0.03
_STRUCK = 0.55  # height of the triangle from which a frame counts as struck: the nearest two
_ONSET_BIAS, _VELOCITY_BIAS = -4.0, 0.5  # nearly nothing is struck, and that at half strength


@dataclass(frozen=True)
class DrumsTraining:
    """Settings of `DrumsTask`."""

    width: int = 24  # channels of the first convolutions
    n_hidden: int = 80  # of those over time
    n_blocks: int = 6  # over time, of dilations 1, 2, 4, ...: 0.63 s to either side
    dropout: float = 0.1


class _Block(nn.Module):
    """Residual block over time."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Conv1d(width, width, 1, bias=False),
            nn.BatchNorm1d(width),
        )
        # It begins as the identity, so that deep stacks learn from the first step.
        nn.init.zeros_(self.layers[-1].weight)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.layers(x))


def _convolution(n_in: int, n_out: int) -> list[nn.Module]:
    return [nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU()]


class DrumNetwork(nn.Module):
    """Outputs [B, 17, L] (`cambiata.transcription.drum_hits`) of levels [B, M, L]."""

    def __init__(self, config: DrumsTraining) -> None:
        super().__init__()
        width = config.width
        self.front = nn.Sequential(
            nn.BatchNorm2d(1),
            *_convolution(1, width),
            *_convolution(width, width),
            nn.MaxPool2d((3, 1)),
            *_convolution(width, 2 * width),
            *_convolution(2 * width, 2 * width),
            nn.MaxPool2d((3, 1)),
        )
        n_rows = DRUM_BANDS.n_bands // 3 // 3
        self.join = nn.Sequential(
            nn.Conv1d(2 * width * n_rows, config.n_hidden, 1, bias=False),
            nn.BatchNorm1d(config.n_hidden),
            nn.ReLU(),
        )
        self.blocks = nn.Sequential(
            *(_Block(config.n_hidden, 2**i, config.dropout) for i in range(config.n_blocks))
        )
        self.heads = nn.Conv1d(config.n_hidden, N_OUTPUTS, 1)
        with torch.no_grad():
            self.heads.bias.zero_()  # type: ignore[union-attr]
            self.heads.bias[: len(GROUPS)] = _ONSET_BIAS  # type: ignore[index]
            self.heads.bias[len(GROUPS) : 2 * len(GROUPS)] = _VELOCITY_BIAS  # type: ignore[index]

    def forward(self, levels: Tensor) -> Tensor:
        hidden: Tensor = self.front(levels[:, None])
        outputs: Tensor = self.heads(self.blocks(self.join(hidden.flatten(1, 2))))
        return outputs


class DrumsTask(Task):
    """The network with its losses, and the mixer that plays what it learns from."""

    settings, system, card = DrumsTraining, "drums", "drums"
    config: DrumsTraining

    def __init__(self, config: DrumsTraining) -> None:
        super().__init__(config)
        self.network = DrumNetwork(config)
        self.mixer: DrumMixer | None = None

    @classmethod
    def record(cls, config: TrainingConfig, folder: str | None, progress: Progress) -> Recorded:
        """Grooves, hits and rooms."""
        return record_drum_grooves(config.examples, folder, progress)

    def dataset(self, recorded: Any, progress: Progress) -> TrainingExamples:
        """Windows of grooves; their hits go into the mixer."""
        grooves: DrumGrooves = recorded
        self.mixer = DrumMixer(grooves.bank(), grooves.rooms())
        return grooves

    def onnx_parts(self) -> dict[str, OnnxPart]:
        """Levels to all outputs."""
        levels = torch.zeros(1, DRUM_BANDS.n_bands, 64)
        return {"": OnnxPart(self.network, {"levels": levels}, {"levels": {2: "frames"}}, ["hits"])}

    def onnx_facts(self, config: TrainingConfig, figures: Mapping[str, Any]) -> dict[str, Any]:
        """The threshold of each drum that validation found best."""
        return {"thresholds": [figures[f"threshold_{_key(name)}"] for name in GROUPS]}

    def mix(self, batch: Tensor, *, train: bool) -> Clips:
        """Clips of windows of grooves [B, 160, 3]."""
        assert self.mixer is not None, "the dataset makes the mixer"
        return self.mixer.mix(batch, train=train)

    def forward(self, batch: Tensor, share: float) -> dict[str, Tensor]:
        """Losses of windows [B, 160, 3], mixed."""
        clips = self.mix(batch, train=True)
        assert self.mixer is not None
        return self._losses(self.network(self.mixer.levels(clips.sound)), clips)

    def _losses(self, outputs: Tensor, clips: Clips) -> dict[str, Tensor]:
        """Losses per hit, so that silence does not dilute what there is to learn."""
        n = len(GROUPS)
        onset, velocity, toms, cymbals = torch.split(
            outputs.float(), [n, n, len(TOM_KINDS), len(CYMBAL_KINDS)], 1
        )
        struck = clips.onset > _STRUCK
        n_struck = struck.sum().clamp_min(1)
        losses = {
            "onset": functional.binary_cross_entropy_with_logits(
                onset, clips.onset, reduction="sum"
            )
            / n_struck,
            "velocity": ((velocity - clips.velocity).abs() * struck).sum() / n_struck,
            "tom": _kind_loss(toms, clips.kind[:, TOM], struck[:, TOM]),
            "cymbal": _kind_loss(cymbals, clips.kind[:, CYMBAL], struck[:, CYMBAL]),
        }
        # Onsets first; the others are easier, and share what they need. Chosen by hand.
        losses["loss"] = (
            losses["onset"] + losses["velocity"] + 0.2 * (losses["tom"] + losses["cymbal"])
        )
        return losses

    def validate(self, batches: list[Tensor], share: float) -> dict[str, float]:
        """Losses, and F1 of each drum at its best threshold, with a kit that is not learnt from."""
        torch.manual_seed(0)  # the same clips each time; the loop restores its own state
        totals: dict[str, list[float]] = {}
        counts = np.zeros((len(GROUPS), len(_THRESHOLDS), 2))
        with torch.no_grad():
            for batch in batches:
                clips = self.mix(batch, train=False)
                assert self.mixer is not None
                outputs = self.network(self.mixer.levels(clips.sound)).float()
                for name, value in self._losses(outputs, clips).items():
                    totals.setdefault(name, []).append(float(value))
                posteriors = to_numpy(torch.sigmoid(outputs[:, : len(GROUPS)]))
                counts += _count_hits(posteriors, to_numpy(clips.onset))
        f1 = 2 * counts[..., 0] / np.maximum(counts[..., 1], 1)
        best = f1.argmax(axis=1)
        figures = {name: float(np.mean(values)) for name, values in totals.items()}
        for group, name in enumerate(GROUPS):
            figures[f"f1_{_key(name)}"] = float(f1[group, best[group]])
            figures[f"threshold_{_key(name)}"] = _THRESHOLDS[best[group]]
        return figures | {"f1": float(f1.max(axis=1).mean())}


def _key(name: str) -> str:
    return name.replace(" ", "_")


def _kind_loss(logits: Tensor, kind: Tensor, struck: Tensor) -> Tensor:
    """Cross entropy of kinds [B, K, L] where something is struck."""
    each = functional.cross_entropy(logits, kind, reduction="none")
    return (each * struck).sum() / struck.sum().clamp_min(1)


def _count_hits(posteriors: Any, onsets: Any) -> Any:
    """By drum and threshold: hits that are right, and hits found and true together."""
    counts = np.zeros((len(GROUPS), len(_THRESHOLDS), 2))
    for posterior, onset in zip(posteriors, onsets, strict=True):
        for group in range(len(GROUPS)):
            true, _ = pick_peaks(onset[group], _STRUCK)
            found, at = pick_peaks(posterior[group], _THRESHOLDS[0])
            for i, threshold in enumerate(_THRESHOLDS):
                above = found[posterior[group][at] >= threshold]
                counts[group, i] += count_matches(above, true), len(above) + len(true)
    return counts


def count_matches(found: Any, true: Any, tolerance: float = _TOLERANCE_S / 0.01) -> int:
    """Places within the tolerance of each other, each matched once, in order."""
    i, n = 0, 0
    for place in true:
        while i < len(found) and found[i] < place - tolerance:
            i += 1
        if i < len(found) and found[i] <= place + tolerance:
            n, i = n + 1, i + 1
    return n


def _drums() -> TrainingConfig:
    """Of the weights that ship (docs/models/drums.md)."""
    loop = LoopConfig(
        batch_size=16,
        learning_rate=2e-3,
        ema_decay=0.998,
        report_every_steps=50,
        validate_every_s=300.0,
        minutes=15.0,
        n_workers=0,  # there is nothing to read
    )
    return TrainingConfig(DrumsTraining(), DrumGroovesConfig(), loop)


PRESETS = {"drums": _drums}

__all__ = ["N_FRAMES", "PRESETS", "DrumsTask", "DrumsTraining"]
