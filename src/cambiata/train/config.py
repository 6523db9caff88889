"""What can be trained, by name; and every setting of it that may be changed from outside."""

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import torch

from cambiata.data.domains import DomainsConfig, record_domains
from cambiata.data.examples import ExamplesConfig, keep, record
from cambiata.data.scored_examples import Joined, PianoConfig, ScoredConfig, record_scored
from cambiata.errors import InputError
from cambiata.train.loop import Learnable, LoopConfig
from cambiata.train.task import Task
from cambiata.train.tasks.listener import ListenerExamples, ListenerTask, ListenerTraining
from cambiata.train.tasks.melody import MelodyTask, MelodyTraining, TunesConfig, record_tunes
from cambiata.train.tasks.mor2018 import DomainSounds, Mor2018Task, Mor2018Training
from cambiata.train.tasks.oneshot import PlayerTask, PlayerTraining, ask
from cambiata.train.tasks.pati2018 import NotesConfig, Pati2018Task, Pati2018Training, record_notes
from cambiata.train.tasks.performancenet import PerformanceNetTask, PerformanceNetTraining
from cambiata.train.tasks.player import (
    ScoreExamples,
    ScorePlayerTask,
    ScorePlayerTraining,
    Together,
)
from cambiata.train.tasks.rolls import RollExamples
from cambiata.train.tasks.transcriber import (
    TranscriberExamples,
    TranscriberTask,
    TranscriberTraining,
)
from cambiata.train.tasks.translation import TranslationTask, TranslationTraining, ask_domains
from cambiata.train.tasks.vqvae import Learning, VqVaeShape, VqVaeTask, VqVaeTraining
from cambiata.train.tasks.wavenet import WaveNetTask, WaveNetTraining

Told = Callable[[float], None] | None

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
class Training:
    """All that a run is made of; the task's settings say what is trained.

    Parameters
    ----------
    task : object
        The network and its losses.
    examples : ExamplesConfig
        What it learns from.
    loop : LoopConfig
        How.
    beside : ScoredConfig, optional
        Further examples, which are not looked for where the folder of the first is given.

    Examples
    --------
    >>> PRESETS["vqvae"]().task.learning
    'self-supervised'
    """

    task: Any
    examples: ExamplesConfig | TunesConfig | NotesConfig
    loop: LoopConfig
    beside: ScoredConfig | None = None

    def make_task(self) -> Task:
        """The task, its weights drawn anew from torch's generator.

        Returns
        -------
        Task
            What `fit` trains.
        """
        return _TASKS[type(self.task)](self.task)

    def recorded(self, folder: str | None, progress: Told) -> Recorded:
        """The examples, composed where they are missing.

        Parameters
        ----------
        folder : str or None
            Where they lie; a folder of their own in the cache where not given.
        progress : callable or None
            Called with the share that is done.

        Returns
        -------
        Recorded
            Examples that know their folder and their facts.
        """
        if isinstance(self.examples, TunesConfig):
            return record_tunes(self.examples, folder, progress=progress)
        if isinstance(self.examples, NotesConfig):
            return record_notes(self.examples, folder, progress=progress)
        if isinstance(self.examples, DomainsConfig):
            return record_domains(self.examples, folder, progress=progress)
        if isinstance(self.examples, ScoredConfig):
            found = record_scored(self.examples, folder, progress=progress)
            if self.beside is None or folder is not None:
                return found
            return Joined([found, record_scored(self.beside, progress=progress)])
        return record(self.examples, folder, progress=progress)

    def learnable(self, found: Any, task: Task, progress: Told) -> Learnable:
        """What the task learns from, of the examples.

        Parameters
        ----------
        found : Recorded
            What `recorded` returned.
        task : Task
            What learns.
        progress : callable or None
            Called with the share that is done.

        Returns
        -------
        Learnable
            What `fit` reads.
        """
        if isinstance(self.examples, DomainsConfig):
            if self.task.domains != self.examples.domains:
                raise InputError("domains", "are not those of the examples", "name the same")
            if isinstance(self.task, Mor2018Training):
                return DomainSounds(found)
            told = ask_domains(found, self.task.listener, pairs=self.task.pairs, progress=progress)
            cast("TranslationTask", task).observe(told)
            return told
        if isinstance(self.task, PerformanceNetTraining | WaveNetTraining):
            kind = _TASKS[type(self.task)]
            return RollExamples(found, kind.sample_rate, kind.frame_rate_hz)  # type: ignore[attr-defined]
        if isinstance(self.task, TranscriberTraining):
            return TranscriberExamples(found)
        if isinstance(self.task, ListenerTraining):
            return ListenerExamples(found)
        if isinstance(self.task, MelodyTraining | Pati2018Training):
            return cast("Learnable", found)
        if isinstance(self.task, ScorePlayerTraining):
            sets = found.sets if isinstance(found, Joined) else (found,)
            asked = [
                ScoreExamples(ask(each, self.task.listener, progress=progress), each)
                for each in sets
            ]
            # Keyboards first of all: each of theirs is seen as often as two of all others.
            return Together(asked, [1, 2][: len(asked)])
        if isinstance(self.task, PlayerTraining):
            return ask(found, self.task.listener, progress=progress)
        n_seen = min(_N_PREPARING, len(found))
        task.prepare(torch.stack([torch.from_numpy(found[i]) for i in range(n_seen)]))
        if not task.kept:
            return cast("Learnable", found)
        return keep(
            found, task.kept, lambda batch: task.keep(torch.from_numpy(batch)).numpy(), progress
        )


_TASKS: dict[type, Callable[[Any], Task]] = {
    VqVaeTraining: VqVaeTask,
    ListenerTraining: ListenerTask,
    TranscriberTraining: TranscriberTask,
    PlayerTraining: PlayerTask,
    ScorePlayerTraining: ScorePlayerTask,
    PerformanceNetTraining: PerformanceNetTask,
    WaveNetTraining: WaveNetTask,
    Mor2018Training: Mor2018Task,
    TranslationTraining: TranslationTask,
    MelodyTraining: MelodyTask,
    Pati2018Training: Pati2018Task,
}


def _small(learning: Learning) -> Training:
    # Widths, batch and rate chosen by measurement: docs/models/vqvae.md.
    shape = VqVaeShape(
        width=256, n_codes=1024, decoder_grus=False, codebook="moving-average", n_components=256
    )
    return Training(
        VqVaeTraining(shape, learning, crop_s=2.0, quantised_from=0.3),
        ExamplesConfig(n_examples=8192),
        LoopConfig(
            batch_size=16, learning_rate=1e-3, ema_decay=0.998, report_every_steps=200, minutes=40.0
        ),
    )


def _cifka2021() -> Training:
    # 26,000 steps of 256 pairs at a constant rate; 20 hours on a V100, weeks on two cores.
    loop = LoopConfig(
        batch_size=256,
        schedule="constant",
        warmup_steps=1,
        clip_norm=0,
        ema_decay=0,
        max_steps=26000,
    )
    return Training(VqVaeTraining(), ExamplesConfig(), loop)


def _listener() -> Training:
    loop = LoopConfig(
        batch_size=4,
        learning_rate=2e-3,
        ema_decay=0.998,
        report_every_steps=50,
        validate_every_s=400.0,
        minutes=40.0,
    )
    return Training(ListenerTraining(), ScoredConfig(n_examples=4608), loop)


def _transcriber() -> Training:
    loop = LoopConfig(
        batch_size=4,
        learning_rate=1e-3,
        ema_decay=0.998,
        report_every_steps=50,
        validate_every_s=400.0,
        minutes=25.0,
    )
    examples = ScoredConfig(n_examples=4608)
    return Training(TranscriberTraining(), examples, loop, beside=PianoConfig())


def _oneshot() -> Training:
    loop = LoopConfig(
        batch_size=4,
        learning_rate=1e-3,
        ema_decay=0.998,
        report_every_steps=100,
        validate_every_s=300.0,
        minutes=70.0,
    )
    return Training(PlayerTraining(), ScoredConfig(n_examples=4608), loop)


def _play() -> Training:
    loop = LoopConfig(
        batch_size=4,
        learning_rate=5e-4,
        ema_decay=0.998,
        report_every_steps=100,
        validate_every_s=300.0,
        minutes=35.0,
    )
    examples = ScoredConfig(n_examples=4608)
    return Training(ScorePlayerTraining(), examples, loop, beside=PianoConfig())


def _on_rolls(task: PerformanceNetTraining | WaveNetTraining, minutes: float) -> Training:
    loop = LoopConfig(
        batch_size=4,
        learning_rate=1e-3,
        ema_decay=0.99,
        report_every_steps=20,
        validate_every_s=240.0,
        minutes=minutes,
    )
    return Training(task, PianoConfig(), loop)


def _translation() -> Training:
    loop = LoopConfig(
        batch_size=4,
        learning_rate=1.5e-3,
        ema_decay=0.998,
        report_every_steps=50,
        validate_every_s=240.0,
        minutes=25.0,
    )
    return Training(TranslationTraining(), DomainsConfig(), loop)


def _mor2018() -> Training:
    # The published size and rate; its decay of the rate by the epoch is the cosine's here.
    loop = LoopConfig(
        batch_size=32, learning_rate=1e-3, warmup_steps=1, ema_decay=0, max_steps=1_000_000
    )
    return Training(Mor2018Training(), DomainsConfig(), loop)


def _mor2018_small() -> Training:
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
    return Training(task, DomainsConfig(), loop)


def _melody() -> Training:
    loop = LoopConfig(
        batch_size=128,
        learning_rate=1e-3,
        ema_decay=0.998,
        n_threads=1,
        report_every_steps=200,
        validate_every_s=60.0,
        minutes=8.0,
    )
    return Training(MelodyTraining(), TunesConfig(), loop)


def _pati2018() -> Training:
    loop = LoopConfig(
        batch_size=64,
        learning_rate=3e-3,
        ema_decay=0.99,
        n_threads=1,
        report_every_steps=100,
        validate_every_s=60.0,
        minutes=4.0,
    )
    return Training(Pati2018Training(), NotesConfig(), loop)


PRESETS: dict[str, Callable[[], Training]] = {
    "vqvae": lambda: _small("self-supervised"),
    "vqvae-supervised": lambda: _small("supervised"),
    "vqvae-supervised-contrastive": lambda: _small("supervised-contrastive"),
    "vqvae-cifka2021": _cifka2021,
    "listener": _listener,
    "transcriber": _transcriber,
    "oneshot": _oneshot,
    "play": _play,
    "performancenet": lambda: _on_rolls(PerformanceNetTraining(), 12.0),
    "performancenet-l1": lambda: _on_rolls(PerformanceNetTraining(loss="l1"), 12.0),
    "wavenet": lambda: _on_rolls(WaveNetTraining(), 15.0),
    "translation": _translation,
    "mor2018": _mor2018,
    "mor2018-small": _mor2018_small,
    "melody": _melody,
    "pati2018": _pati2018,
}


def training(preset: str, overrides: Mapping[str, str] | None = None) -> Training:
    """A preset, with some settings changed.

    Parameters
    ----------
    preset : str
        A key of `PRESETS`.
    overrides : mapping of str to str, optional
        Values by path, as in ``{"loop.batch_size": "16"}``.

    Returns
    -------
    Training
        It.

    Raises
    ------
    InputError
        There is no such preset or setting, or a value does not fit it.

    Examples
    --------
    >>> training("vqvae", {"task.shape.width": "64"}).task.shape.width
    64
    >>> training("vqvae", {"loop.speed": "11"})
    Traceback (most recent call last):
    cambiata.errors.InputError: loop.speed: is no setting; use one of batch_size, ...
    """
    if preset not in PRESETS:
        raise InputError(preset, "is no training preset", "use one of " + ", ".join(PRESETS))
    return changed(PRESETS[preset](), overrides or {})


def changed(config: Training, overrides: Mapping[str, str]) -> Training:
    """A training with some settings changed.

    Parameters
    ----------
    config : Training
        Any.
    overrides : mapping of str to str
        Values by path.

    Returns
    -------
    Training
        Another one.

    Raises
    ------
    InputError
        There is no such setting, or a value does not fit it.

    Examples
    --------
    >>> changed(training("vqvae"), {"loop.minutes": "3"}).loop.minutes
    3.0
    """
    made: Training = _with(config, "", overrides)
    return made


def _with(config: Any, prefix: str, overrides: Mapping[str, str]) -> Any:
    """A dataclass with values at paths changed; all of one at once, as they may hang together."""
    known = typing.get_type_hints(type(config))
    values: dict[str, Any] = {}
    inner: dict[str, dict[str, str]] = {}
    for path, value in overrides.items():
        name, dot, rest = path.partition(".")
        whole = prefix + path
        if name not in known:
            raise InputError(whole, "is no setting", "use one of " + ", ".join(known))
        is_group = dataclasses.is_dataclass(getattr(config, name))
        if is_group and not dot:
            inside = (
                f"{whole}.{field}" for field in typing.get_type_hints(type(getattr(config, name)))
            )
            raise InputError(whole, "is no setting", "use one of " + ", ".join(inside))
        if dot and not is_group:
            raise InputError(whole, "is no setting", f"leave out .{rest}")
        if is_group:
            inner.setdefault(name, {})[rest] = value
            continue
        try:
            values[name] = _parsed(known[name], value)
        except ValueError as error:
            raise InputError(f"{whole}={value}", str(error), "correct the value") from None
    for name, paths in inner.items():
        values[name] = _with(getattr(config, name), f"{prefix}{name}.", paths)
    try:
        return dataclasses.replace(config, **values)
    except ValueError as error:
        told = ", ".join(f"{prefix}{path}={value}" for path, value in overrides.items())
        raise InputError(told, str(error), "correct the value") from None


def _parsed(kind: Any, text: str) -> Any:
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        if text not in inside:
            raise ValueError("must be one of " + ", ".join(inside))
        return text
    if origin is tuple:
        return tuple(_parsed(inside[0], each) for each in text.split(",") if each)
    if origin is types.UnionType:
        return _parsed(inside[0], text)
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise ValueError("must be true or false")
        return text.lower() == "true"
    return kind(text)


def as_dict(config: Training) -> dict[str, Any]:
    """A training for JSON.

    Parameters
    ----------
    config : Training
        Any.

    Returns
    -------
    dict
        What `from_dict` reads.

    Examples
    --------
    >>> as_dict(training("vqvae"))["task"]["learning"]
    'self-supervised'
    """
    return dataclasses.asdict(config)


def from_dict(found: Mapping[str, Any], preset: str) -> Training:
    """A training as a run keeps it.

    Parameters
    ----------
    found : mapping
        What `as_dict` gave, from JSON.
    preset : str
        What the run was started as.

    Returns
    -------
    Training
        The same again.

    Examples
    --------
    >>> config = training("vqvae")
    >>> from_dict(as_dict(config), "vqvae") == config
    True
    """
    made: Training = _from(PRESETS[preset](), found)
    return made


def _from(like: Any, found: Any) -> Any:
    """What JSON kept of a dataclass like another."""
    if found is None:
        return None
    if dataclasses.is_dataclass(like) and not isinstance(like, type):
        kept = {name: _from(getattr(like, name), value) for name, value in found.items()}
        return type(like)(**kept)
    return tuple(found) if isinstance(found, list) else found
