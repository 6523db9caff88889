"""Runs: a folder in which something is trained; started, gone on with, exported."""

import json
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from cambiata.data.scored_examples import JoinedExamples
from cambiata.errors import InputError
from cambiata.files import TRAINING_RUN, check_output, write_text
from cambiata.train.config import Recorded, TrainingConfig, as_dict, from_dict, override, training
from cambiata.train.loop import Report, fit, load_weights, read_checkpoint

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
    progress: Callable[[float], None] | None = None,
    report: Report | None = None,
) -> dict[str, Any]:
    """Train a preset in a folder of its own."""
    folder = Path(run)
    if not _is_first():
        return _join(folder, progress, report, begin_from)
    config = training(preset, settings)
    if minutes is not None:
        config = override(config, {"loop.minutes": str(minutes)})
    check_output(folder, TRAINING_RUN, force=force)
    if begin_from is not None:
        load_weights(config.make_task(), begin_from)  # refused before anything is made
    dataset = config.record_examples(None if examples is None else str(examples), progress)
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    facts = {
        "preset": preset,
        "training": as_dict(config),
        # Several sets are found again where they are found by default.
        "examples": None if isinstance(dataset, JoinedExamples) else str(dataset.folder),
        "data": dataset.facts["banks"],
        "commit": _commit(),
        "machine": _machine(),
    }
    if begin_from is not None:
        facts["begun from"] = {
            **read_run(begin_from)[0],
            "step": read_checkpoint(begin_from)["step"],
        }
    return _fit(config, dataset, folder, progress, report, begin_from, facts)


def _is_first() -> bool:
    """Whether this process is the one of several that makes and says what all of them use."""
    return os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0")) == "0"


def _join(
    folder: Path,
    progress: Callable[[float], None] | None,
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
    dataset = config.record_examples(facts["examples"], progress)
    return _fit(config, dataset, folder, progress, report, begin_from)


def _fit(
    config: TrainingConfig,
    dataset: Recorded,
    folder: Path,
    progress: Callable[[float], None] | None,
    report: Report | None,
    begin_from: str | Path | None = None,
    facts: dict[str, Any] | None = None,
) -> dict[str, Any]:
    torch.manual_seed(config.loop.seed)
    task = config.make_task()
    training_examples = config.training_examples(dataset, task, progress)
    if facts is not None:
        _write(folder, facts)  # now that all is there that other processes need
    if begin_from is not None:
        load_weights(task, begin_from)
    return fit(task, training_examples, config.loop, folder, report=report)


def resume(
    run: str | Path,
    *,
    minutes: float | None = None,
    progress: Callable[[float], None] | None = None,
    report: Report | None = None,
) -> dict[str, Any]:
    """Go on with a run from its checkpoint."""
    folder = Path(run)
    facts, config = read_run(folder)
    if minutes is not None:
        config = override(config, {"loop.minutes": str(minutes)})
        _write(folder, facts | {"training": as_dict(config)})
    dataset = config.record_examples(facts["examples"], progress)
    return _fit(config, dataset, folder, progress, report)


def read_run(run: str | Path) -> tuple[dict[str, Any], TrainingConfig]:
    """What a run is."""
    try:
        facts = json.loads((Path(run) / RUN_FILE).read_text())
        return facts, from_dict(facts["training"], facts["preset"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            str(run), "is no run", "start one: cambiata train run PRESET -o RUN"
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
