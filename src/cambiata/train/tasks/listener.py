"""``listener``: posteriors of onsets and of activation for every pitch, and levels.

A convolutional network on harmonically stacked bands (Bittner et al., "A lightweight
instrument-agnostic model for polyphonic note transcription and multipitch estimation", ICASSP
2022), small enough for two cores, with onsets regressed between frames (Kong et al. 2021) and, as
neither has, the level of every pitch in every frame: known exactly, since each note of an example
was rendered alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from cambiata.data.scored_examples import (
    BAND_BYTES,
    ENERGY_BYTES,
    JoinedExamples,
    ScoredConfig,
    ScoredExamples,
    record_joined,
)
from cambiata.partials.posteriors import (
    BANDS,
    LEVEL_SCALE_DB,
    LOWEST_PITCH,
    N_PITCHES,
    ONSET_REACH_FRAMES,
    pick_onsets,
)
from cambiata.train.config import LoopConfig, TrainingConfig
from cambiata.train.onnx import OnnxPart
from cambiata.train.task import Progress, Recorded, Task, TrainingExamples
from cambiata.train.tensors import to_numpy

# Bins by which the partials 1/2 (a false octave), 1, 2, 3, ... 6 and 8 lie above a pitch.
_HARMONIC_BINS = (-36, 0, 36, 57, 72, 84, 93, 108)
_BINS_PER_SEMITONE = 3
_OCTAVE = 12  # semitones; the second convolution of a block sees the octaves above and below
# Onset thresholds of which validation finds the best, and the tolerance of mir_eval's onset F1.
_THRESHOLDS = tuple(round(0.1 + 0.05 * i, 2) for i in range(15))
_TOLERANCE_S = 0.05
_ACTIVE = 0.5  # posterior from which a pitch counts as active
# Nearly nothing sounds: logits begin at 1 and 5 %, levels at -20 dB.
_HEAD_BIAS = (-4.5, -3.0, -1.0)
_SILENT_INPUT = -2.0  # -80 dB, as the network takes levels
_MIDDLE_DB = 40  # added to levels before they are scaled: -80 to 0 dB become -2 to 2
_SOUNDING_DB = -45  # cells louder than that, of the mean power, are those that losses count by
_ONSET_WEIGHT = 2  # onsets are rare, and what notes hang on; chosen by hand
_N_KNOTS = 6  # of an equalizer's curve over the nine octaves
_BYTE = 255  # rolls are stored as bytes


@dataclass(frozen=True)
class ListenerTraining:
    """Settings of `ListenerTask`."""

    width: int = 32  # channels
    n_blocks: int = 5  # residual blocks, of dilations 1, 2, 4, ...
    crop_s: float = 4.0  # seconds of each clip in a step
    # Augmentation: clips are moved by so many semitones at most, their level by so many dB, and
    # equalized by smooth curves of so many.
    n_semitones: int = 3
    gain_db: float = 5.0
    tilt_db: float = 6.0


class _Block(nn.Module):
    """Residual block: neighbours in time and pitch, then octaves, then distant frames."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(
                width, width, (3, 1), padding=(_OCTAVE, 0), dilation=(_OCTAVE, 1), bias=False
            ),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(
                width, width, (1, 3), padding=(0, dilation), dilation=(1, dilation), bias=False
            ),
            nn.BatchNorm2d(width),
        )
        # It begins as the identity, so that deep stacks learn from the first step.
        nn.init.zeros_(self.layers[-1].weight)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.layers(x))


class Listener(nn.Module):
    """Logits of onsets and of activation, and levels, of bands."""

    def __init__(self, config: ListenerTraining) -> None:
        super().__init__()
        width = config.width
        # The three bins of a semitone are channels: at a semitone's resolution all is cheap.
        self.front = nn.Sequential(
            nn.Conv2d(_BINS_PER_SEMITONE * len(_HARMONIC_BINS), width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )
        dilations = [2**i for i in range(config.n_blocks)]
        self.blocks = nn.Sequential(*(_Block(width, dilation) for dilation in dilations))
        self.heads = nn.Conv2d(width, 3, 1)
        with torch.no_grad():
            self.heads.bias.copy_(torch.tensor(_HEAD_BIAS))  # type: ignore[union-attr]

    def forward(self, bands: Tensor) -> Tensor:
        """Outputs [B, 3, 88, L] of bands [B, 312, L]."""
        n_bins = _BINS_PER_SEMITONE * N_PITCHES
        below, above = -min(_HARMONIC_BINS), max(_HARMONIC_BINS) + n_bins - BANDS.n_bins
        # What lies outside is as quiet as the quietest.
        padded = functional.pad(bands, (0, 0, below, above), value=_SILENT_INPUT)
        stacked = torch.cat(
            [
                padded[:, below + by : below + by + n_bins].reshape(
                    -1, N_PITCHES, _BINS_PER_SEMITONE, bands.shape[2]
                )
                for by in _HARMONIC_BINS
            ],
            dim=2,
        ).transpose(1, 2)
        return self.apply_heads(self.blocks(self.front(stacked)))

    def apply_heads(self, hidden: Tensor) -> Tensor:
        """Outputs [B, 3, 88, L] of the last block's hidden state [B, width, 88, L]."""
        logits: Tensor = self.heads(hidden)
        return logits


class ListenerDataset(Sequence[npt.NDArray[np.uint8]]):
    """Bands and targets of clips: content and style of every example."""

    def __init__(self, examples: ScoredExamples | JoinedExamples) -> None:
        self.examples = examples

    def __len__(self) -> int:
        return 2 * len(self.examples)

    def __getitem__(self, index: Any) -> npt.NDArray[np.uint8]:  # type: ignore[override]
        """[312 + 3 * 88, L] in bytes: bands, onsets, activation, levels."""
        number, which = divmod(range(len(self))[index], 2)
        bands, energies, notes = self.examples.stored(number)
        rolls = (np.round(_BYTE * x) for x in targets(notes[which], bands.shape[-1]))
        return np.concatenate([bands[which], *rolls, energies[which]]).astype(np.uint8)

    def validation(self) -> "ListenerDataset":
        """The examples to validate with."""
        return ListenerDataset(self.examples.validation())


def targets(rows: Sequence[Sequence[float]], n_frames: int) -> tuple[Any, Any]:
    """Onsets and activation [88, L] of notes: start and end in seconds, pitch, velocity."""
    onsets = np.zeros((N_PITCHES, n_frames), np.float32)
    active = np.zeros((N_PITCHES, n_frames), np.float32)
    at = np.arange(n_frames)
    for start_s, end_s, pitch, _ in rows:
        row = int(pitch) - LOWEST_PITCH
        if not 0 <= row < N_PITCHES:
            continue
        start, end = start_s / BANDS.frame_s, end_s / BANDS.frame_s
        # A triangle about the onset, whose peak is placed between frames (Kong et al. 2021).
        near = np.maximum(0, 1 - np.abs(at - start) / ONSET_REACH_FRAMES)
        onsets[row] = np.maximum(onsets[row], near)
        active[row, int(np.ceil(start - 0.5)) : int(np.floor(end + 0.5)) + 1] = 1
    return onsets, active


class ListenerTask(Task):
    """The listener with its losses."""

    settings, system, card = ListenerTraining, "listener", "oneshot"
    config: ListenerTraining

    def __init__(self, config: ListenerTraining) -> None:
        super().__init__(config)
        self.network = Listener(config)

    @classmethod
    def record(cls, config: TrainingConfig, folder: str | None, progress: Progress) -> Recorded:
        """Examples with their notes, further ones beside them where none are given."""
        return record_joined(config.examples, config.extra_examples, folder, progress=progress)

    def dataset(self, recorded: Any, progress: Progress) -> TrainingExamples:
        """Content and style of every example, each by itself."""
        return ListenerDataset(recorded)

    def onnx_parts(self) -> dict[str, OnnxPart]:
        """Bands to all rolls."""
        bands = torch.zeros(1, BANDS.n_bins, 64)
        return {"": OnnxPart(self.network, {"bands": bands}, {"bands": {2: "frames"}}, ["heard"])}

    def onnx_facts(self, config: TrainingConfig, figures: Mapping[str, Any]) -> dict[str, Any]:
        """The onset threshold that validation found best."""
        return {"threshold": figures["threshold"]}

    def _unpack(self, batch: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Bands in dB, and the targets: onsets, activation, scaled levels."""
        n = BANDS.n_bins
        onsets, activation, energy = batch[:, n:].float().chunk(3, dim=1)
        bands_db, energy_db = (
            BAND_BYTES.decode(batch[:, :n].float()),
            ENERGY_BYTES.decode(energy),
        )
        return bands_db, onsets / _BYTE, activation / _BYTE, energy_db / LEVEL_SCALE_DB

    def augment(self, batch: Tensor) -> Tensor:
        """A crop of every clip [B, 312 + n 88, L], moved in pitch by whole semitones."""
        n_frames = round(self.config.crop_s / BANDS.frame_s)
        n, crops = BANDS.n_bins, []
        for clip in batch:
            at = int(torch.randint(0, max(1, clip.shape[1] - n_frames + 1), ()))
            crop = clip[:, at : at + n_frames]
            by = int(torch.randint(-self.config.n_semitones, self.config.n_semitones + 1, ()))
            rolls = crop[n:].view(-1, N_PITCHES, crop.shape[1])
            crops.append(
                torch.cat(
                    [
                        _shift_rows(crop[:n], _BINS_PER_SEMITONE * by),
                        _shift_rows(rolls, by).flatten(0, 1),
                    ]
                )
            )
        return torch.stack(crops)

    def forward(self, batch: Tensor, share: float) -> dict[str, Tensor]:
        """Losses of clips [B, 576, L]."""
        bands_db, onsets, activation, energy = self._unpack(self.augment(batch))
        return self._losses(self.network(self.equalize(bands_db)), onsets, activation, energy)

    def equalize(self, bands_db: Tensor) -> Tensor:
        """Bands [B, 312, L] at random levels and equalized, scaled for the network."""
        n_batch = bands_db.shape[0]
        gain = (2 * torch.rand(n_batch, 1, 1) - 1) * self.config.gain_db
        knots = (2 * torch.rand(n_batch, 1, _N_KNOTS) - 1) * self.config.tilt_db
        tilt = functional.interpolate(knots, BANDS.n_bins, mode="linear").transpose(1, 2)
        return (
            (bands_db + gain + tilt).clamp_min(BAND_BYTES.floor_db) + _MIDDLE_DB
        ) / LEVEL_SCALE_DB

    def _losses(
        self, outputs: Tensor, onsets: Tensor, activation: Tensor, energy: Tensor
    ) -> dict[str, Tensor]:
        """Losses per cell that sounds, so that silence does not dilute what there is to learn."""
        onset, activation_logits, level = outputs[:, :3].unbind(1)
        sounding = (energy > _SOUNDING_DB / LEVEL_SCALE_DB).float()
        n = sounding.sum().clamp_min(1)
        losses = {
            "onset": functional.binary_cross_entropy_with_logits(onset, onsets, reduction="sum")
            / n,
            "held": functional.binary_cross_entropy_with_logits(
                activation_logits, activation, reduction="sum"
            )
            / n,
            "level": ((level - energy).abs() * sounding).sum() / n,
        }
        losses["loss"] = _ONSET_WEIGHT * losses["onset"] + losses["held"] + losses["level"]
        return losses

    def validate(self, batches: list[Tensor], share: float) -> dict[str, float]:
        """Losses, and note onset F1 at the best threshold."""
        totals: dict[str, list[float]] = {}
        n_predicted_and_true, n_hits = 0, 0
        counts = np.zeros((len(_THRESHOLDS), 2))
        with torch.no_grad():
            for batch in batches:
                bands_db, onsets, activation, energy = self._unpack(batch)
                outputs = self.network((bands_db + _MIDDLE_DB) / LEVEL_SCALE_DB)[:, :3]
                for name, value in self._losses(outputs, onsets, activation, energy).items():
                    totals.setdefault(name, []).append(float(value))
                predicted, true = outputs[:, 1] > 0, activation > _ACTIVE
                n_predicted_and_true += int(predicted.sum() + true.sum())
                n_hits += int((predicted & true).sum())
                onset_posteriors = to_numpy(torch.sigmoid(outputs[:, 0]))
                for posterior, target in zip(onset_posteriors, to_numpy(onsets), strict=True):
                    reference = pick_onsets(target, _ACTIVE)
                    n_true_onsets = len(reference[0])
                    for i, threshold in enumerate(_THRESHOLDS):
                        detected = pick_onsets(posterior, threshold)
                        counts[i] += (
                            _count_matches(detected, reference),
                            n_true_onsets + len(detected[0]),
                        )
        f1 = 2 * counts[:, 0] / np.maximum(counts[:, 1], 1)
        best = int(f1.argmax())
        return {name: float(np.mean(values)) for name, values in totals.items()} | {
            "frame_f1": 2 * n_hits / max(1, n_predicted_and_true),
            "onset_f1": float(f1[best]),
            "threshold": _THRESHOLDS[best],
        }


def _shift_rows(x: Tensor, by: int) -> Tensor:
    """Rows moved up along the last axis but one; those that come in are 0."""
    if by == 0:
        return x
    out = torch.zeros_like(x)
    if by > 0:
        out[..., by:, :] = x[..., :-by, :]
    else:
        out[..., :by, :] = x[..., -by:, :]
    return out


def _count_matches(detected: tuple[Any, Any, Any], reference: tuple[Any, Any, Any]) -> int:
    """Onsets of one pitch within the tolerance of each other, each matched once, in order."""
    count = 0
    for pitch in np.unique(reference[0]):
        times_s = np.sort(detected[1][detected[0] == pitch]) * BANDS.frame_s
        i = 0
        for true_s in np.sort(reference[1][reference[0] == pitch]) * BANDS.frame_s:
            while i < len(times_s) and times_s[i] < true_s - _TOLERANCE_S:
                i += 1
            if i < len(times_s) and times_s[i] <= true_s + _TOLERANCE_S:
                count += 1
                i += 1
    return count


def _listener() -> TrainingConfig:
    """Of the weights that ship (docs/models/oneshot.md)."""
    loop = LoopConfig(
        batch_size=4,
        learning_rate=2e-3,
        ema_decay=0.998,
        report_every_steps=50,
        validate_every_s=400.0,
        minutes=40.0,
    )
    return TrainingConfig(ListenerTraining(), ScoredConfig(n_examples=4608), loop)


PRESETS = {"listener": _listener}
