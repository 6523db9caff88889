"""What can be trained, by name; and every setting of it that may be changed from outside."""

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import torch

from cambiata.aliases import current_name
from cambiata.data.domains import DomainsConfig, record_domains
from cambiata.data.examples import ExamplesConfig, cache_features, record_examples
from cambiata.data.melody_bars import TunesConfig, record_tunes
from cambiata.data.melody_notes import NotesConfig, record_notes
from cambiata.data.scored_examples import JoinedExamples, PianoConfig, ScoredConfig, record_scored
from cambiata.errors import InputError
from cambiata.train.loop import LoopConfig, TrainingExamples
from cambiata.train.task import Task
from cambiata.train.tasks.listener import ListenerExamples, ListenerTask, ListenerTraining
from cambiata.train.tasks.melody import MelodyTask, MelodyTraining
from cambiata.train.tasks.mor2018 import DomainSounds, Mor2018Task, Mor2018Training
from cambiata.train.tasks.oneshot import OneShotTask, OneShotTraining, precompute_features
from cambiata.train.tasks.pati2018 import Pati2018Task, Pati2018Training
from cambiata.train.tasks.performancenet import PerformanceNetTask, PerformanceNetTraining
from cambiata.train.tasks.player import (
    ConcatDataset,
    PlayerDataset,
    PlayerTask,
    PlayerTraining,
)
from cambiata.train.tasks.rolls import RollExamples
from cambiata.train.tasks.transcriber import (
    TranscriberExamples,
    TranscriberTask,
    TranscriberTraining,
)
from cambiata.train.tasks.translation import (
    TranslationTask,
    TranslationTraining,
    precompute_excerpts,
)
from cambiata.train.tasks.vqvae import Learning, VqVaeShape, VqVaeTask, VqVaeTraining
from cambiata.train.tasks.wavenet import WaveNetTask, WaveNetTraining

Progress = Callable[[float], None] | None

_N_PREPARING = 64


class Recorded(Protocol):
    """Examples on disk."""

    @property
    def folder(self) -> Path:
        """Where they lie."""

    @property
    def facts(self) -> dict[str, Any]:
        """What they are made of."""


@dataclass(frozen=True)
class TrainingConfig:
    """All that a run is made of; the task's settings say what is trained."""

    task: Any  # The network and its losses
    examples: ExamplesConfig | TunesConfig | NotesConfig  # What it learns from
    loop: LoopConfig  # How
    # Further examples, which are not looked for where the folder of the first is given
    extra_examples: ScoredConfig | None = None

    def make_task(self) -> Task:
        """The task, its weights drawn anew from torch's generator."""
        return _TASKS[type(self.task)](self.task)

    def record_examples(self, folder: str | None, progress: Progress) -> Recorded:
        """The examples, composed where they are missing."""
        if isinstance(self.examples, TunesConfig):
            return record_tunes(self.examples, folder, progress=progress)
        if isinstance(self.examples, NotesConfig):
            return record_notes(self.examples, folder, progress=progress)
        if isinstance(self.examples, DomainsConfig):
            return record_domains(self.examples, folder, progress=progress)
        if isinstance(self.examples, ScoredConfig):
            dataset = record_scored(self.examples, folder, progress=progress)
            if self.extra_examples is None or folder is not None:
                return dataset
            return JoinedExamples([dataset, record_scored(self.extra_examples, progress=progress)])
        return record_examples(self.examples, folder, progress=progress)

    def training_examples(self, dataset: Any, task: Task, progress: Progress) -> TrainingExamples:
        """What the task learns from, of the examples."""
        if isinstance(self.examples, DomainsConfig):
            if self.task.domains != self.examples.domains:
                raise InputError("domains", "are not those of the examples", "name the same")
            if isinstance(self.task, Mor2018Training):
                return DomainSounds(dataset)
            requests = precompute_excerpts(
                dataset, self.task.listener, pairs=self.task.pairs, progress=progress
            )
            cast("TranslationTask", task).measure_domains(requests)
            return requests
        if isinstance(self.task, PerformanceNetTraining | WaveNetTraining):
            kind = _TASKS[type(self.task)]
            return RollExamples(dataset, kind.sample_rate, kind.frame_rate_hz)  # type: ignore[attr-defined]
        if isinstance(self.task, TranscriberTraining):
            return TranscriberExamples(dataset)
        if isinstance(self.task, ListenerTraining):
            return ListenerExamples(dataset)
        if isinstance(self.task, MelodyTraining | Pati2018Training):
            return cast("TrainingExamples", dataset)
        if isinstance(self.task, PlayerTraining):
            sets = dataset.sets if isinstance(dataset, JoinedExamples) else (dataset,)
            request_sets = [
                PlayerDataset(
                    precompute_features(each, self.task.listener, progress=progress), each
                )
                for each in sets
            ]
            # Keyboards first of all: each of theirs is seen as often as two of all others.
            return ConcatDataset(request_sets, [1, 2][: len(request_sets)])
        if isinstance(self.task, OneShotTraining):
            return precompute_features(dataset, self.task.listener, progress=progress)
        n_seen = min(_N_PREPARING, len(dataset))
        task.prepare(torch.stack([torch.from_numpy(dataset[i]) for i in range(n_seen)]))
        if not task.kept:
            return cast("TrainingExamples", dataset)
        return cache_features(
            dataset, task.kept, lambda batch: task.keep(torch.from_numpy(batch)).numpy(), progress
        )


_TASKS: dict[type, Callable[[Any], Task]] = {
    VqVaeTraining: VqVaeTask,
    ListenerTraining: ListenerTask,
    TranscriberTraining: TranscriberTask,
    OneShotTraining: OneShotTask,
    PlayerTraining: PlayerTask,
    PerformanceNetTraining: PerformanceNetTask,
    WaveNetTraining: WaveNetTask,
    Mor2018Training: Mor2018Task,
    TranslationTraining: TranslationTask,
    MelodyTraining: MelodyTask,
    Pati2018Training: Pati2018Task,
}


def _small(learning: Learning) -> TrainingConfig:
    # Widths, batch and rate chosen by measurement: docs/models/vqvae.md.
    shape = VqVaeShape(
        width=256, n_codes=1024, decoder_grus=False, codebook="moving-average", n_components=256
    )
    return TrainingConfig(
        VqVaeTraining(shape, learning, crop_s=2.0, quantised_from=0.3),
        ExamplesConfig(n_examples=8192),
        LoopConfig(
            batch_size=16, learning_rate=1e-3, ema_decay=0.998, report_every_steps=200, minutes=40.0
        ),
    )


def _cifka2021() -> TrainingConfig:
    # 26,000 steps of 256 pairs at a constant rate; 20 hours on a V100, weeks on two cores.
    loop = LoopConfig(
        batch_size=256,
        schedule="constant",
        warmup_steps=1,
        clip_norm=0,
        ema_decay=0,
        max_steps=26000,
    )
    return TrainingConfig(VqVaeTraining(), ExamplesConfig(), loop)


def _listener() -> TrainingConfig:
    loop = LoopConfig(
        batch_size=4,
        learning_rate=2e-3,
        ema_decay=0.998,
        report_every_steps=50,
        validate_every_s=400.0,
        minutes=40.0,
    )
    return TrainingConfig(ListenerTraining(), ScoredConfig(n_examples=4608), loop)


def _transcriber() -> TrainingConfig:
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


def _oneshot() -> TrainingConfig:
    loop = LoopConfig(
        batch_size=4,
        learning_rate=1e-3,
        ema_decay=0.998,
        report_every_steps=100,
        validate_every_s=300.0,
        minutes=70.0,
    )
    return TrainingConfig(OneShotTraining(), ScoredConfig(n_examples=4608), loop)


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


def _on_rolls(task: PerformanceNetTraining | WaveNetTraining, minutes: float) -> TrainingConfig:
    loop = LoopConfig(
        batch_size=4,
        learning_rate=1e-3,
        ema_decay=0.99,
        report_every_steps=20,
        validate_every_s=240.0,
        minutes=minutes,
    )
    return TrainingConfig(task, PianoConfig(), loop)


def _translation() -> TrainingConfig:
    loop = LoopConfig(
        batch_size=4,
        learning_rate=1.5e-3,
        ema_decay=0.998,
        report_every_steps=50,
        validate_every_s=240.0,
        minutes=25.0,
    )
    return TrainingConfig(TranslationTraining(), DomainsConfig(), loop)


def _mor2018() -> TrainingConfig:
    # The published size and rate; its decay of the rate by the epoch is the cosine's here.
    loop = LoopConfig(
        batch_size=32, learning_rate=1e-3, warmup_steps=1, ema_decay=0, max_steps=1_000_000
    )
    return TrainingConfig(Mor2018Training(), DomainsConfig(), loop)


def _mor2018_small() -> TrainingConfig:
    task = Mor2018Training(
        width=32,
        n_blocks=2,
        n_layers=9,
        n_decoder_blocks=2,
        n_decoder_layers=10,
        crop_samples=8000,
    )
    loop = LoopConfig(
        batch_size=8,
        learning_rate=2e-3,
        warmup_steps=30,
        ema_decay=0.98,
        report_every_steps=20,
        validate_every_s=400.0,
        minutes=25.0,
    )
    return TrainingConfig(task, DomainsConfig(), loop)


def _melody() -> TrainingConfig:
    loop = LoopConfig(
        batch_size=128,
        learning_rate=1e-3,
        ema_decay=0.998,
        n_threads=1,
        report_every_steps=200,
        validate_every_s=60.0,
        minutes=8.0,
    )
    return TrainingConfig(MelodyTraining(), TunesConfig(), loop)


def _pati2018() -> TrainingConfig:
    loop = LoopConfig(
        batch_size=64,
        learning_rate=3e-3,
        ema_decay=0.99,
        n_threads=1,
        report_every_steps=100,
        validate_every_s=60.0,
        minutes=4.0,
    )
    return TrainingConfig(Pati2018Training(), NotesConfig(), loop)


PRESETS: dict[str, Callable[[], TrainingConfig]] = {
    "vqvae": lambda: _small("self-supervised"),
    "vqvae-supervised": lambda: _small("supervised"),
    "vqvae-supervised-contrastive": lambda: _small("supervised-contrastive"),
    "vqvae-cifka2021": _cifka2021,
    "listener": _listener,
    "transcriber": _transcriber,
    "oneshot": _oneshot,
    "player": _player,
    "performancenet": lambda: _on_rolls(PerformanceNetTraining(), 12.0),
    "performancenet-l1": lambda: _on_rolls(PerformanceNetTraining(loss="l1"), 12.0),
    "wavenet": lambda: _on_rolls(WaveNetTraining(), 15.0),
    "translation": _translation,
    "mor2018": _mor2018,
    "mor2018-small": _mor2018_small,
    "melody": _melody,
    "pati2018": _pati2018,
}


def training(preset: str, overrides: Mapping[str, str] | None = None) -> TrainingConfig:
    """A preset, with some settings changed."""
    preset = current_name("training preset", preset)
    if preset not in PRESETS:
        raise InputError(preset, "is no training preset", "use one of " + ", ".join(PRESETS))
    return override(PRESETS[preset](), overrides or {})


def override(config: TrainingConfig, overrides: Mapping[str, str]) -> TrainingConfig:
    """A training with some settings changed."""
    result: TrainingConfig = _override(config, "", overrides)
    return result


def _override(config: Any, prefix: str, overrides: Mapping[str, str]) -> Any:
    """A dataclass with values at paths changed; all of one at once, as they may hang together."""
    types_by_name = typing.get_type_hints(type(config))
    values: dict[str, Any] = {}
    inner: dict[str, dict[str, str]] = {}
    for path, value in overrides.items():
        name, dot, rest = path.partition(".")
        full_path = prefix + path
        if name not in types_by_name:
            raise InputError(full_path, "is no setting", "use one of " + ", ".join(types_by_name))
        is_group = dataclasses.is_dataclass(getattr(config, name))
        if is_group and not dot:
            arguments = (
                f"{full_path}.{field}"
                for field in typing.get_type_hints(type(getattr(config, name)))
            )
            raise InputError(full_path, "is no setting", "use one of " + ", ".join(arguments))
        if dot and not is_group:
            raise InputError(full_path, "is no setting", f"leave out .{rest}")
        if is_group:
            inner.setdefault(name, {})[rest] = value
            continue
        try:
            values[name] = _parse(types_by_name[name], value)
        except ValueError as error:
            raise InputError(f"{full_path}={value}", str(error), "correct the value") from None
    for name, paths in inner.items():
        values[name] = _override(getattr(config, name), f"{prefix}{name}.", paths)
    try:
        return dataclasses.replace(config, **values)
    except ValueError as error:
        settings = ", ".join(f"{prefix}{path}={value}" for path, value in overrides.items())
        raise InputError(settings, str(error), "correct the value") from None


def _parse(kind: Any, text: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        if text not in arguments:
            raise ValueError("must be one of " + ", ".join(arguments))
        return text
    if origin is tuple:
        return tuple(_parse(arguments[0], each) for each in text.split(",") if each)
    if origin is types.UnionType:
        return _parse(arguments[0], text)
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise ValueError("must be true or false")
        return text.lower() == "true"
    return kind(text)


def as_dict(config: TrainingConfig) -> dict[str, Any]:
    """A training for JSON."""
    return dataclasses.asdict(config)


def from_dict(stored: Mapping[str, Any], preset: str) -> TrainingConfig:
    """A training as a run keeps it."""
    result: TrainingConfig = _rebuild(PRESETS[current_name("training preset", preset)](), stored)
    return result


def _rebuild(template: Any, stored: Any) -> Any:
    """What JSON kept of a dataclass like another."""
    if stored is None:
        return None
    if dataclasses.is_dataclass(template) and not isinstance(template, type):
        values = {name: _rebuild(getattr(template, name), value) for name, value in stored.items()}
        return type(template)(**values)
    return tuple(stored) if isinstance(stored, list) else stored
