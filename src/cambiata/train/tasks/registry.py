"""All networks that can be trained, found in the modules beside this one."""

import pkgutil
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from cambiata.aliases import ALIASES, current_name
from cambiata.errors import InputError
from cambiata.train import config as configs
from cambiata.train import tasks
from cambiata.train.config import TrainingConfig
from cambiata.train.task import Task


def _modules() -> Iterator[ModuleType]:
    for found in pkgutil.iter_modules(tasks.__path__, tasks.__name__ + "."):
        if found.name != __name__:
            yield import_module(found.name)


PRESETS: dict[str, Callable[[], TrainingConfig]] = {}
"""Trainings by name, from every module's own ``PRESETS``."""
_TASKS: dict[type, type[Task]] = {}

for _module in _modules():
    PRESETS |= getattr(_module, "PRESETS", {})
    for _class in vars(_module).values():
        if isinstance(_class, type) and issubclass(_class, Task) and "settings" in vars(_class):
            _TASKS[_class.settings] = _class


def training(preset: str, overrides: Mapping[str, str] | None = None) -> TrainingConfig:
    """The training that a preset names, with some settings changed."""
    preset = current_name("training preset", preset)
    if preset not in PRESETS:
        raise InputError(preset, "is not a training preset", "use one of " + ", ".join(PRESETS))
    return configs.override(PRESETS[preset](), overrides or {})


def from_dict(stored: Mapping[str, Any], preset: str) -> TrainingConfig:
    """The training that a run's JSON holds, by the preset that it was started as."""
    return configs.from_dict(stored, PRESETS[ALIASES["training preset"].get(preset, preset)]())


def task_type(config: TrainingConfig) -> type[Task]:
    """The task that a training's settings are of."""
    return _TASKS[type(config.task)]


def make_task(config: TrainingConfig) -> Task:
    """The task of a training, its weights drawn anew from torch's generator."""
    return task_type(config)(config.task)


def load_published(path: str | Path) -> tuple[Task, dict[str, Any]]:
    """The task and the facts of a published checkpoint."""
    for task in _TASKS.values():
        if (loaded := task.load_published(path)) is not None:
            return loaded
    raise InputError(str(path), "is not a published checkpoint", "give a run's folder")
