"""``player``: the networks of ``oneshot`` with notes as they are written.

They begin with what ``oneshot`` has learnt. The queries change: true onsets, offsets and velocities
instead of those that a listener detects; and there is no content that the refiner could look at.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from cambiata.data.scored_examples import (
    JoinedExamples,
    PianoConfig,
    ScoredConfig,
    ScoredExamples,
)
from cambiata.data.shards import from_int16
from cambiata.partials.note_frames import N_FEATURES, events_from_part, score_note_frames
from cambiata.partials.posteriors import BANDS
from cambiata.train.config import LoopConfig, TrainingConfig
from cambiata.train.note_dataset import (
    Example,
    OneShotDataset,
    precompute_features,
    query_rows,
    split_waveform,
)
from cambiata.train.spectral_losses import multi_scale_loss
from cambiata.train.task import Progress, TrainingExamples
from cambiata.train.tasks.oneshot import OneShotTask, OneShotTraining
from cambiata.train.torch_synthesis import Levels, TorchSynthesis

Loss = Literal["levels", "l1", "multi-scale", "waveform"]
_SCALES = (1, 2, 4, 8, 16)  # bands and frames that are averaged
# Losses that were tried against the first one, brought to about its size by hand.
_L1_WEIGHT, _MULTI_SCALE_WEIGHT, _MAGNITUDE_WEIGHT = 100, 4, 10
_POWER_FLOOR, _MAGNITUDE_FLOOR = 1e-12, 1e-4  # where roots and logarithms stay finite
_KEYBOARD_TIMES = 2
_QUIETEST = 1e-9  # of a sound's RMS, so that silence can be divided by it


@dataclass(frozen=True)
class PlayerTraining(OneShotTraining):
    """Settings of `PlayerTask`: those of ``oneshot``, and the loss."""

    # "levels": that of ``oneshot``, differences in dB in the mean and as RMS over time; "l1": plain
    # L1 of magnitudes; "multi-scale": L1 of magnitudes and of their logarithms, as DDSP's loss
    # has them (Engel et al. 2020), at five resolutions of the bands; "waveform": that loss itself,
    # of waveforms, which are made of what is predicted as the sound is.
    loss: Loss = "levels"

    def __post_init__(self) -> None:
        if self.loss == "waveform" and self.equalise_db:
            raise ValueError("the loss of waveforms is without filters: set equalise_db to 0")


class PlayerDataset(OneShotDataset):
    """Queries of scores in place of detected notes; behind each half its waveform, if asked for."""

    def __init__(
        self,
        features: OneShotDataset,
        examples: ScoredExamples,
        validating: bool = False,
        waveforms: bool = False,
    ) -> None:
        super().__init__(features.folder, features.n, features.n_validation, validating)
        self.examples = examples.validation() if validating else examples
        self._training, self._waveforms = (features, examples), waveforms

    def __getitem__(self, index: Any) -> npt.NDArray[np.float16]:  # type: ignore[override]
        """One half, for `PlayerTask.unpack`."""
        packed = super().__getitem__(index)
        if not self._waveforms:
            return packed
        number, half = divmod(range(len(self))[index], 2)
        target = from_int16(self.examples.read(number)[2])
        target /= np.sqrt(np.mean(np.square(target))) + _QUIETEST
        # As many whole frames as `OneShotDataset` takes.
        n = BANDS.n_frames(len(target)) // 2 * BANDS.hop_length
        waveform = np.zeros(n, np.float16)
        there = target[half * n : (half + 1) * n]
        waveform[: len(there)] = there
        return np.concatenate([packed, waveform])

    def queries(self, number: int, cached: Mapping[str, Any]) -> npt.NDArray[Any]:
        """Rows of the note frames [Q, 22] of an example's score."""
        events = events_from_part(self.examples.keys(number))
        return query_rows(score_note_frames(events, cached["target"].shape[1]))

    def validation(self) -> "PlayerDataset":
        """The examples to validate with."""
        return PlayerDataset(*self._training, validating=True, waveforms=self._waveforms)


class ConcatDataset(Sequence[npt.NDArray[Any]]):
    """Several sequences one after another, some of them more than once."""

    def __init__(self, parts: Sequence[Any], times: Sequence[int]) -> None:
        self.parts, self.times = list(parts), list(times)

    def __len__(self) -> int:
        return sum(len(part) * n for part, n in zip(self.parts, self.times, strict=True))

    def __getitem__(self, index: Any) -> npt.NDArray[Any]:  # type: ignore[override]
        """One of all."""
        index = range(len(self))[index]
        for part, n in zip(self.parts, self.times, strict=True):
            if index < n * len(part):
                array: npt.NDArray[Any] = part[index % len(part)]
                return array
            index -= n * len(part)
        raise IndexError(index)

    def validation(self) -> "ConcatDataset":
        """Those to validate with, each once."""
        return ConcatDataset([part.validation() for part in self.parts], [1] * len(self.parts))


class PlayerTask(OneShotTask):
    """Predictor and refiner of scores with their losses."""

    settings, system, card = PlayerTraining, "player", "play"
    config: PlayerTraining

    def __init__(self, config: PlayerTraining) -> None:
        super().__init__(config)
        self._loss = config.loss
        if config.loss == "waveform":
            self.synthesis = TorchSynthesis()

    def dataset(self, recorded: Any, progress: Progress) -> TrainingExamples:
        """Queries and targets of every example, keyboards more often than the rest."""
        sets = recorded.sets if isinstance(recorded, JoinedExamples) else (recorded,)
        waveforms = self._loss == "waveform"
        datasets = [
            PlayerDataset(
                precompute_features(each, self.config.listener, progress=progress),
                each,
                waveforms=waveforms,
            )
            for each in sets
        ]
        # Keyboards first of all, which are the second set: most scores are played by one.
        return ConcatDataset(datasets, [1, _KEYBOARD_TIMES][: len(datasets)])

    def refiner_reference(self, example: Example, rendered_db: Tensor) -> Tensor:
        """Levels that the refiner compares with those rendered: the same, without a content."""
        return rendered_db

    def unpack(self, packed: Tensor) -> Example:
        """Parts of an array of the dataset, without the waveform."""
        if self._loss == "waveform":
            packed, _ = split_waveform(packed, self.n_bands)
        return super().unpack(packed)

    def waveform_losses(
        self, packed: Tensor, example: Example, levels: Levels
    ) -> dict[str, Tensor]:
        """DDSP's loss of the waveform, where that is what is learnt by."""
        if self._loss != "waveform":
            return {}
        pitch = example.queries[:, N_FEATURES + 1]
        hz = self.partial_hz(pitch, example.inharmonicity)
        output = self.synthesis(levels, example.queries, hz)
        target = split_waveform(packed, self.n_bands)[1].float()
        return {"waveform": multi_scale_loss(output[None], target[None])}

    def total_loss(self, losses: dict[str, Tensor]) -> Tensor:
        """What is learnt by."""
        return losses["waveform"] if self._loss == "waveform" else super().total_loss(losses)

    def distance(self, estimate: Tensor, target: Tensor) -> Tensor:
        """Distance of two powers, by the loss that was chosen."""
        if self._loss in ("levels", "waveform"):
            return super().distance(estimate, target)
        if self._loss == "l1":
            ours, true = (x.clamp_min(_POWER_FLOOR).sqrt() for x in (estimate, target))
            return _L1_WEIGHT * (ours - true).abs().mean()
        losses = []
        for n in _SCALES:
            pair = [
                functional.avg_pool2d(x[None, None], n, ceil_mode=True) for x in (estimate, target)
            ]
            ours, true = (x.clamp_min(_POWER_FLOOR).sqrt() for x in pair)
            logs = [torch.log(x + _MAGNITUDE_FLOOR) for x in (ours, true)]
            magnitude = _MAGNITUDE_WEIGHT * (ours - true).abs().mean()
            losses.append(magnitude + (logs[0] - logs[1]).abs().mean())
        return _MULTI_SCALE_WEIGHT * torch.stack(losses).mean()


def _player() -> TrainingConfig:
    """Of the weights that ship, begun from ``oneshot`` (docs/models/play.md)."""
    loop = LoopConfig(
        batch_size=4,
        learning_rate=5e-4,
        ema_decay=0.998,
        report_every_steps=100,
        validate_every_s=300.0,
        minutes=35.0,
    )
    examples = ScoredConfig(n_examples=4608)
    return TrainingConfig(PlayerTraining(), examples, loop, extra_examples=PianoConfig())


PRESETS = {"player": _player}
