"""``transcriber``: the listener, and two more heads, for offsets and velocities.

Onsets and Frames' four heads (Hawthorne et al. 2018; velocity after their MAESTRO paper of 2019) on
the listener's body, onsets and offsets regressed between frames (Kong et al. 2021). It begins with
what a listener has learnt, and learns from keyboards beside all other instruments.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from cambiata.data.scored_examples import PianoConfig, ScoredConfig
from cambiata.partials.posteriors import (
    BANDS,
    LEVEL_SCALE_DB,
    LOWEST_PITCH,
    N_PITCHES,
    ONSET_REACH_FRAMES,
)
from cambiata.score.piano_roll import MAX_VELOCITY
from cambiata.train.config import LoopConfig, TrainingConfig
from cambiata.train.task import Progress, TrainingExamples
from cambiata.train.tasks.listener import Listener, ListenerDataset, ListenerTask, ListenerTraining

# Offsets begin as rare as onsets, velocities in the middle.
_HEAD_BIAS = (-4.5, 0.0)
_N_FRAMES = 5  # that the new heads see: an offset is a change, which a single frame does not show
_SOUNDING = -2.25  # in units of 20 dB: the listener's -45 dB
_VELOCITY_WEIGHT = 2  # chosen by hand
_MIDDLE_DB, _BYTE = 40, 255  # as in the listener


@dataclass(frozen=True)
class TranscriberTraining(ListenerTraining):
    """Settings of `TranscriberTask`: the listener's."""


class Transcriber(Listener):
    """Logits of onsets, activation, offsets and velocities, and levels, of bands."""

    def __init__(self, config: TranscriberTraining) -> None:
        super().__init__(config)
        self.extra_heads = nn.Sequential(
            nn.Conv2d(config.width, config.width, (1, _N_FRAMES), padding=(0, _N_FRAMES // 2)),
            nn.ReLU(),
            nn.Conv2d(config.width, 2, 1),
        )
        with torch.no_grad():
            self.extra_heads[-1].bias.copy_(torch.tensor(_HEAD_BIAS))  # type: ignore[operator]

    def apply_heads(self, hidden: Tensor) -> Tensor:
        """Outputs [B, 5, 88, L] of the last block's hidden state [B, width, 88, L]."""
        return torch.cat([super().apply_heads(hidden), self.extra_heads(hidden)], dim=1)


class TranscriberDataset(ListenerDataset):
    """Bands and targets of clips, offsets and velocities too."""

    def __getitem__(self, index: Any) -> npt.NDArray[np.uint8]:  # type: ignore[override]
        """[312 + 5 * 88, L] in bytes: bands, onsets, activation, levels, offsets, velocities."""
        number, which = divmod(range(len(self))[index], 2)
        rows = self.examples.stored(number)[2][which]
        listener_row = super().__getitem__(index)
        rolls = (np.round(_BYTE * x) for x in offset_targets(rows, listener_row.shape[1]))
        return np.concatenate([listener_row, *(x.astype(np.uint8) for x in rolls)])

    def validation(self) -> "TranscriberDataset":
        """The examples to validate with."""
        return TranscriberDataset(self.examples.validation())


def offset_targets(
    rows: Sequence[Sequence[float]], n_frames: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Offsets, and velocities near onsets, 0 to 1, [88, L]."""
    offsets = np.zeros((N_PITCHES, n_frames), np.float32)
    velocities = np.zeros((N_PITCHES, n_frames), np.float32)
    at = np.arange(n_frames)
    for start_s, end_s, pitch, velocity in rows:
        row = int(pitch) - LOWEST_PITCH
        if not 0 <= row < N_PITCHES:
            continue
        start, end = start_s / BANDS.frame_s, end_s / BANDS.frame_s
        near = np.maximum(0, 1 - np.abs(at - end) / ONSET_REACH_FRAMES)
        offsets[row] = np.maximum(offsets[row], near)
        velocities[row, np.abs(at - start) < ONSET_REACH_FRAMES] = velocity / MAX_VELOCITY
    return offsets, velocities


class TranscriberTask(ListenerTask):
    """The transcriber with its losses."""

    settings, system, card = TranscriberTraining, "transcriber", "transcription"
    config: TranscriberTraining
    optional_weights = ("network.extra_heads.",)

    def __init__(self, config: TranscriberTraining) -> None:
        super().__init__(config)
        self.network = Transcriber(config)

    def dataset(self, recorded: Any, progress: Progress) -> TrainingExamples:
        """Content and style of every example, each by itself."""
        return TranscriberDataset(recorded)

    def forward(self, batch: Tensor, share: float) -> dict[str, Tensor]:
        """Losses of clips [B, 752, L]."""
        clips = self.augment(batch)
        bands_db, *rolls = self._unpack(clips[:, : -2 * N_PITCHES])
        outputs = self.network(self.equalize(bands_db))
        return self._all_losses(outputs, rolls, clips)

    def _all_losses(self, outputs: Tensor, rolls: list[Tensor], rows: Tensor) -> dict[str, Tensor]:
        """The listener's losses, and those of the new heads; velocities count near onsets."""
        losses = self._losses(outputs[:, :3], *rolls)
        offset, velocity = outputs[:, 3], outputs[:, 4]
        offsets, velocities = (rows[:, -2 * N_PITCHES :].float() / _BYTE).chunk(2, dim=1)
        n = (rolls[2] > _SOUNDING).float().sum().clamp_min(1)
        near = (velocities > 0) * rolls[0]
        losses["offset"] = (
            functional.binary_cross_entropy_with_logits(offset, offsets, reduction="sum") / n
        )
        velocity_error = (torch.sigmoid(velocity) - velocities).abs() * near
        losses["velocity"] = velocity_error.sum() / near.sum().clamp_min(1)
        losses["loss"] = losses["loss"] + losses["offset"] + _VELOCITY_WEIGHT * losses["velocity"]
        return losses

    def validate(self, batches: list[Tensor], share: float) -> dict[str, float]:
        """Losses, onset F1 at the best threshold, and how far velocities are off."""
        figures = super().validate([batch[:, : -2 * N_PITCHES] for batch in batches], share)
        further: list[tuple[float, float]] = []
        with torch.no_grad():
            for batch in batches:
                bands_db, *rolls = self._unpack(batch[:, : -2 * N_PITCHES])
                outputs = self.network((bands_db + _MIDDLE_DB) / LEVEL_SCALE_DB)
                losses = self._all_losses(outputs, rolls, batch)
                further.append((float(losses["offset"]), MAX_VELOCITY * float(losses["velocity"])))
        offset, velocity = np.mean(further, axis=0)
        return figures | {"offset": float(offset), "velocity": float(velocity)}


def _transcriber() -> TrainingConfig:
    """Of the weights that ship, begun from a listener (docs/models/transcription.md)."""
    loop = LoopConfig(
        batch_size=4,
        learning_rate=1e-3,
        ema_decay=0.998,
        report_every_steps=50,
        validate_every_s=400.0,
        minutes=25.0,
    )
    examples = ScoredConfig(n_examples=4608)
    return TrainingConfig(TranscriberTraining(), examples, loop, extra_examples=PianoConfig())


PRESETS = {"transcriber": _transcriber}
