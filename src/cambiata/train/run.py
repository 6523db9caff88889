"""Runs: a folder in which something is trained; started, gone on with, exported."""

import json
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from cambiata.aliases import current_name
from cambiata.errors import InputError
from cambiata.files import TRAINING_RUN, check_output, write_text
from cambiata.train.config import TrainingConfig, as_dict, override
from cambiata.train.exported import exported_facts, is_exported
from cambiata.train.loop import CHECKPOINT, Report, fit, load_weights, read_checkpoint
from cambiata.train.task import Progress, Recorded
from cambiata.train.tasks.registry import from_dict, make_task, task_type, training

RUN_FILE = "run.json"


def start(
    preset: str,
    run: str | Path,
    *,
    minutes: float | None = None,
    settings: Mapping[str, str] | None = None,
    examples: str | Path | None = None,
    begin_from: str | Path | None = None,
    force: bool = False,
    progress: Progress = None,
    report: Report | None = None,
) -> dict[str, Any]:
    """Figures of the last validation, of a preset trained in a folder of its own.

    Recording the examples comes first, and is not counted in `minutes`. With `begin_from` the
    network begins with the weights of another run of the same kind, or of an exported network.
    """
    folder = Path(run)
    if not _is_first():
        return _join(folder, progress, report, begin_from)
    preset = current_name("training preset", preset)
    config = training(preset, settings)
    if minutes is not None:
        config = override(config, {"loop.minutes": str(minutes)})
    check_output(folder, TRAINING_RUN, force=force)
    if begin_from is not None:
        load_weights(make_task(config), begin_from)  # refused before anything is made
    recorded = _record(config, None if examples is None else str(examples), progress)
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    facts = {
        "preset": preset,
        "training": as_dict(config),
        # Several sets are found again where they are found by default.
        "examples": str(recorded.folder) if examples or not config.extra_examples else None,
        "data": recorded.facts["banks"],
        "commit": _commit(),
        "machine": _machine(),
    }
    if begin_from is not None:
        facts["begun from"] = _origin(begin_from)
    return _fit(config, recorded, folder, progress, report, begin_from, facts)


def _origin(source: str | Path) -> dict[str, Any]:
    """Facts of the training that weights to begin with are from."""
    if is_exported(source):
        return exported_facts(source)
    return {**read_run(source)[0], "step": read_checkpoint(source)["step"]}


def _is_first() -> bool:
    """Whether this process is the one of several that makes the run and its examples."""
    return os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0")) == "0"


def _join(
    folder: Path,
    progress: Progress,
    report: Report | None,
    begin_from: str | Path | None,
) -> dict[str, Any]:
    """Train with a first process, once it has made the run."""
    # Launched together with it, there may be another run's file still; launched by it, there is
    # its own.
    earliest_s = time.time() - 1 if "TORCHELASTIC_RUN_ID" in os.environ else 0.0
    file = folder / RUN_FILE
    while not file.exists() or file.stat().st_mtime < earliest_s:
        time.sleep(0.2)
    facts, config = read_run(folder)
    recorded = _record(config, facts["examples"], progress)
    return _fit(config, recorded, folder, progress, report, begin_from)


def _record(config: TrainingConfig, folder: str | None, progress: Progress) -> Recorded:
    return task_type(config).record(config, folder, progress)


def _fit(
    config: TrainingConfig,
    recorded: Recorded,
    folder: Path,
    progress: Progress,
    report: Report | None,
    begin_from: str | Path | None = None,
    facts: dict[str, Any] | None = None,
) -> dict[str, Any]:
    torch.manual_seed(config.loop.seed)
    task = make_task(config)
    if begin_from is not None:
        load_weights(task, begin_from)
    elif (folder / CHECKPOINT).exists():
        load_weights(task, folder)  # its statistics; `fit` takes the rest
    dataset = task.dataset(recorded, progress)
    if facts is not None:
        _write(folder, facts)  # now that all is there that other processes need
    return fit(task, dataset, config.loop, folder, report=report)


def resume(
    run: str | Path,
    *,
    minutes: float | None = None,
    n_devices: int | None = None,
    progress: Progress = None,
    report: Report | None = None,
) -> dict[str, Any]:
    """Figures of the last validation, of a run gone on with from its checkpoint.

    `minutes` is a new limit, counted from the run's very beginning, `n_devices` a new number of
    processes: the same examples make up every step, whatever their number.
    """
    folder = Path(run)
    facts, config = read_run(folder)
    changes = {"loop.minutes": minutes, "loop.n_devices": n_devices}
    changes = {path: value for path, value in changes.items() if value is not None}
    if changes:
        config = override(config, {path: str(value) for path, value in changes.items()})
        if _is_first():
            _write(folder, facts | {"training": as_dict(config)})
    recorded = _record(config, facts["examples"], progress)
    return _fit(config, recorded, folder, progress, report)


def read_run(run: str | Path) -> tuple[dict[str, Any], TrainingConfig]:
    """Facts of a run (its ``run.json``), and its settings."""
    try:
        facts = json.loads((Path(run) / RUN_FILE).read_text())
        return facts, from_dict(facts["training"], facts["preset"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            str(run), "is not a run", "start one with `cambiata train run PRESET -o RUN`"
        ) from error
    except AttributeError as error:  # of the settings of today's preset
        raise InputError(
            str(run),
            f"has a setting that is unknown here, {error.name}",
            "go on with the version that began it, or start a run anew",
        ) from error


def _write(folder: Path, facts: dict[str, Any]) -> None:
    write_text(folder / RUN_FILE, json.dumps(facts, indent=1))


def _commit() -> str:
    """The code's commit, where it lies in a repository; marked where the code has changed since."""
    here = Path(__file__).parent
    try:
        completed = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40"],
            cwd=here,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return completed.stdout.strip()


def _machine() -> str:
    name = platform.processor() or platform.machine()
    if torch.cuda.is_available():
        name = torch.cuda.get_device_name()
    return f"{name}, {torch.get_num_threads()} threads, torch {torch.__version__}"
