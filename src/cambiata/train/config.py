"""Every setting of a training: of the network, of what it learns from, of the loop."""

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from cambiata.errors import InputError, warn


@dataclass(frozen=True)
class LoopConfig:
    """Optimiser, limits, precision and rhythm of the loop."""

    # AdamW's own; a preset says what its network was found to learn best by.
    batch_size: int = 32  # Examples in a step, over all processes
    learning_rate: float = 4e-4  # Highest
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    # Whether the rate stays or falls to 1 % of itself, by whichever of `minutes` and `max_steps`
    # is further
    schedule: Literal["constant", "cosine"] = "cosine"
    warmup_steps: int = 100  # Steps over which the rate rises
    minutes: float = 0.0  # Most time to train, over all the sessions of a run; 0: no limit
    max_steps: int = 0  # 0: no limit
    clip_norm: float = 1.0  # Longer gradients are shortened to it; 0: never
    # Of the moving average of the weights, which is what is validated and exported; 0: none
    ema_decay: float = 0.999
    # "auto" takes bfloat16 where the processor multiplies in it
    precision: Literal["auto", "bf16-mixed", "32-true"] = "auto"
    # Of the arithmetic; 0: torch's choice. Two training processes on the same cores slow each other
    # down fortyfold.
    n_threads: int = 0
    n_workers: int = 1  # Processes that read examples; 0: none but the training's
    # All examples are read at the beginning and lie on the device: for those that fit there, and
    # machines on which it is too long until other processes are under way.
    in_memory: bool = False
    # Unix time by which training has ended, whatever else is asked for; 0: none. For machines that
    # are lent until a moment. `minutes` becomes what is left when the first step begins.
    deadline_s: float = 0.0
    n_devices: int = 1  # Processes that train, each on a device of its own
    validate_every_s: float = 300.0
    save_every_s: float = 120.0  # A run that is killed loses so much at most
    report_every_steps: int = 20  # Steps that one line of metrics is the mean of
    seed: int = 0  # Of weights, order and whatever else is drawn by chance

    def __post_init__(self) -> None:
        if self.batch_size < 1 or self.report_every_steps < 1 or self.n_devices < 1:
            raise ValueError("batch_size, report_every_steps and n_devices must be at least 1")
        if self.batch_size % self.n_devices:
            raise ValueError("batch_size must be a multiple of n_devices")
        limits = self.minutes, self.max_steps, self.deadline_s
        if min(self.learning_rate, self.clip_norm, *limits) < 0:
            raise ValueError("rates and limits must be at least 0")
        if not 0 <= self.ema_decay < 1 or self.schedule not in ("constant", "cosine"):
            raise ValueError("ema_decay must be 0 to 1, schedule constant or cosine")
        if self.precision not in ("auto", "bf16-mixed", "32-true"):
            raise ValueError("precision must be auto, bf16-mixed or 32-true")

    def share(self, step: int, elapsed_s: float) -> float:
        """How much of the training is done, 0 to 1; 0 where it has no limit."""
        by_steps = step / self.max_steps if self.max_steps else 0.0
        by_time = elapsed_s / (60 * self.minutes) if self.minutes else 0.0
        return min(1.0, max(by_steps, by_time))

    def rate(self, step: int, share: float) -> float:
        """Learning rate of a step."""
        rate = self.learning_rate * min(1.0, (step + 1) / max(1, self.warmup_steps))
        if self.schedule == "cosine":
            # Not to 0: steps at the end would be for nothing.
            rate *= 0.01 + 0.99 * (0.5 + 0.5 * math.cos(math.pi * share))
        return rate


@dataclass(frozen=True)
class TrainingConfig:
    """All settings of a run; the type of the task's settings says which network is trained."""

    # Names that settings had before 0.2.0: runs of then go on, and so does --set.
    old_names: ClassVar[Mapping[str, str]] = {"beside": "extra_examples"}

    task: Any  # Settings of the network and its losses, e.g. `VqVaeTraining`
    examples: Any  # Settings of what it learns from, e.g. `ExamplesConfig`
    loop: LoopConfig
    # Settings of further examples, which are not looked for where a folder of examples is given
    extra_examples: Any = None


def override(config: TrainingConfig, overrides: Mapping[str, str]) -> TrainingConfig:
    """A training with some settings changed: values by path, {"loop.minutes": "3"}."""
    result: TrainingConfig = _override(config, "", overrides)
    return result


def _override(config: Any, prefix: str, overrides: Mapping[str, str]) -> Any:
    """A dataclass with values at paths changed; all of one at once, as they may hang together."""
    hints = typing.get_type_hints(type(config))
    values: dict[str, Any] = {}
    inner: dict[str, dict[str, str]] = {}
    for path, value in overrides.items():
        name, dot, rest = path.partition(".")
        if (new := _old_names(config).get(name)) is not None:
            warning = f"the setting {prefix}{name} is called {prefix}{new} now"
            warn(warning)
            name = new
        full_path = prefix + path
        if name not in _fields(config):
            known = ", ".join(_fields(config))
            raise InputError(full_path, "is not a setting", f"use one of {known}")
        setting = getattr(config, name)
        is_group = dataclasses.is_dataclass(setting)
        if is_group and not dot:
            known = ", ".join(f"{full_path}.{field}" for field in _fields(setting))
            raise InputError(full_path, "is not a setting", f"use one of {known}")
        if dot and not is_group:
            raise InputError(full_path, "is not a setting", f"leave out .{rest}")
        if is_group:
            inner.setdefault(name, {})[rest] = value
            continue
        try:
            values[name] = _parse(hints[name], value)
        except ValueError as error:
            raise InputError(f"{full_path}={value}", str(error), "correct the value") from None
    for name, paths in inner.items():
        values[name] = _override(getattr(config, name), f"{prefix}{name}.", paths)
    try:
        return dataclasses.replace(config, **values)
    except ValueError as error:
        settings = ", ".join(f"{prefix}{path}={value}" for path, value in overrides.items())
        raise InputError(settings, str(error), "correct the value") from None


def _fields(config: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(config)]


def _old_names(config: Any) -> Mapping[str, str]:
    names: Mapping[str, str] = getattr(config, "old_names", {})
    return names


def _parse(kind: Any, text: str) -> Any:
    """A setting's value of its type; ValueError where the text is none."""
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
    """A training for JSON; `from_dict` reads it."""
    return dataclasses.asdict(config)


def from_dict(stored: Mapping[str, Any], template: TrainingConfig) -> TrainingConfig:
    """The training that JSON holds, of the types that another one has (its preset)."""
    result: TrainingConfig = _from_json(template, stored)
    return result


def _from_json(template: Any, stored: Any) -> Any:
    if stored is None:
        return None
    if dataclasses.is_dataclass(template) and not isinstance(template, type):
        values = {}
        for stored_name, value in stored.items():
            name = _old_names(template).get(stored_name, stored_name)
            values[name] = _from_json(getattr(template, name), value)
        return type(template)(**values)
    return tuple(stored) if isinstance(stored, list) else stored
