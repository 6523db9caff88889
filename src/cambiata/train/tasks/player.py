"""The player of scores: the one-shot player, asked about notes as they are written.

It begins with what the player of recordings has learnt; what changes is what it is asked: true
beginnings, ends and velocities instead of what a listener made of a recording, and no recording to
look at beside what it draws.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

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
from cambiata.partials.note_frames import events_from_part, score_note_frames
from cambiata.train.config import LoopConfig, TrainingConfig
from cambiata.train.note_dataset import Example, OneShotDataset, precompute_features, query_rows
from cambiata.train.task import Progress, TrainingExamples
from cambiata.train.tasks.oneshot import OneShotTask, OneShotTraining

Loss = Literal["levels", "l1", "multi-scale"]
_SCALES = (1, 2, 4, 8, 16)


@dataclass(frozen=True)
class PlayerTraining(OneShotTraining):
    """Settings of `PlayerTask`: the player's, and the loss."""

    # "levels": the player's own, differences in dB in the mean and as RMS over time; "l1": plain
    # L1 of magnitudes; "multi-scale": L1 of magnitudes and of their logarithms, as DDSP's loss
    # has them (Engel et al. 2020), at five resolutions of the bands.
    loss: Loss = "levels"


class PlayerDataset(OneShotDataset):
    """What a player of scores is asked and what is true."""

    def __init__(
        self, features: OneShotDataset, examples: ScoredExamples, validating: bool = False
    ) -> None:
        super().__init__(features.folder, features.n, features.n_validation, validating)
        self.examples = examples.validation() if validating else examples
        self._training = features, examples

    def queries(self, number: int, cached: Mapping[str, Any]) -> npt.NDArray[Any]:
        """What the player is asked of an example: its score.

        returns [Q, 22].
        """
        events = events_from_part(self.examples.keys(number))
        return query_rows(score_note_frames(events, cached["target"].shape[1]))

    def validation(self) -> "PlayerDataset":
        """The examples to validate with."""
        return PlayerDataset(*self._training, validating=True)


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
                found: npt.NDArray[Any] = part[index % len(part)]
                return found
            index -= n * len(part)
        raise IndexError(index)

    def validation(self) -> "ConcatDataset":
        """Those to validate with, each once."""
        return ConcatDataset([part.validation() for part in self.parts], [1] * len(self.parts))


class PlayerTask(OneShotTask):
    """The player of scores with its losses."""

    settings, system, card = PlayerTraining, "player", "play"
    config: PlayerTraining

    def __init__(self, config: PlayerTraining) -> None:
        super().__init__(config)
        self._loss = config.loss

    def dataset(self, recorded: Any, progress: Progress) -> TrainingExamples:
        """Queries and targets of every example, keyboards more often than the rest."""
        sets = recorded.sets if isinstance(recorded, JoinedExamples) else (recorded,)
        datasets = [
            PlayerDataset(precompute_features(each, self.config.listener, progress=progress), each)
            for each in sets
        ]
        # Keyboards first of all: each of theirs is seen as often as two of all others.
        return ConcatDataset(datasets, [1, 2][: len(datasets)])

    def refiner_reference(self, example: Example, rendered_db: Tensor) -> Tensor:
        """What the refiner sees beside what was drawn: the same again."""
        return rendered_db

    def distance(self, estimate: Tensor, target: Tensor) -> Tensor:
        """How far powers are apart, by the loss that was chosen."""
        if self._loss == "levels":
            return super().distance(estimate, target)
        if self._loss == "l1":
            return (
                100
                * (estimate.clamp_min(1e-12).sqrt() - target.clamp_min(1e-12).sqrt()).abs().mean()
            )
        losses = []
        for n in _SCALES:
            pair = [
                functional.avg_pool2d(x[None, None], n, ceil_mode=True) for x in (estimate, target)
            ]
            low, high = (x.clamp_min(1e-12).sqrt() for x in pair)
            logs = [torch.log(x + 1e-4) for x in (low, high)]
            losses.append(10 * (low - high).abs().mean() + (logs[0] - logs[1]).abs().mean())
        return 4 * torch.stack(losses).mean()


def _player() -> TrainingConfig:
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
