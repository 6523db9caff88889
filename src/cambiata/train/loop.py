"""One training loop for every network: Lightning Fabric underneath, all else in sight.

A run is a folder: ``run.json`` (what is trained and how, the code's commit, the machine),
``metrics.jsonl``, ``curves.png`` and ``checkpoint.pt``. A run that was stopped, killed or that ran
out of its time goes on from its checkpoint as though nothing had happened: which examples make up
a step is a function of the seed and the step alone.
"""

import json
import logging
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset, Sampler

from cambiata.errors import InputError
from cambiata.files import atomic_file, write_text
from cambiata.precision import cpu_multiplies_bfloat16
from cambiata.train.config import LoopConfig
from cambiata.train.exported import is_exported, load_exported
from cambiata.train.ranks import Ranks
from cambiata.train.task import Task, TrainingExamples

_READING_THREADS = 4  # of examples that are kept in memory: resampling leaves Python's lock

CHECKPOINT, METRICS, CURVES = "checkpoint.pt", "metrics.jsonl", "curves.png"
_TRAIN_AGAIN = "train it again with `cambiata train run PRESET -o RUN --force`"

Report = Callable[[dict[str, Any]], None]


class _BatchOrder(Sampler[list[int]]):
    """Which examples make up each step, from a step on; every process its own."""

    def __init__(self, n: int, config: LoopConfig, step: int, rank: int) -> None:
        self.n, self.config, self.step, self.rank = n, config, step, rank

    def __iter__(self) -> Iterator[list[int]]:
        size = self.config.batch_size
        n_own = size // self.config.n_devices
        step, epoch, order = self.step, -1, np.empty(0, np.int64)
        while True:
            indices = []
            for position in range(
                step * size + self.rank * n_own, step * size + (self.rank + 1) * n_own
            ):
                if position // self.n != epoch:
                    epoch = position // self.n
                    order = np.random.default_rng([self.config.seed, epoch]).permutation(self.n)
                indices.append(int(order[position % self.n]))
            yield indices
            step += 1


class _TorchDataset(Dataset[Tensor]):
    def __init__(self, examples: TrainingExamples) -> None:
        self.examples = examples

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> Tensor:
        return torch.from_numpy(self.examples[index])


def resolve_precision(config: LoopConfig) -> Literal["bf16-mixed", "32-true"]:
    """Precision that "auto" stands for on this machine."""
    if config.precision != "auto":
        return config.precision
    if torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "32-true"
    return "bf16-mixed" if cpu_multiplies_bfloat16() else "32-true"


def fit(
    task: Task,
    examples: TrainingExamples,
    config: LoopConfig,
    run: str | Path,
    *,
    report: Report | None = None,
) -> dict[str, Any]:
    """Figures of the last validation, of a task trained until its time or its steps are over.

    A run with a checkpoint is gone on with. Every line of metrics is reported too.
    """
    return _Loop(task, examples, config, Path(run), report or (lambda _line: None)).run()


class _Loop:
    """A run under way."""

    def __init__(
        self, task: Task, examples: TrainingExamples, config: LoopConfig, run: Path, report: Report
    ) -> None:
        from lightning_fabric import Fabric

        # It announces what it runs on in lines that would end up in `--json`.
        logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
        if not config.minutes and not config.max_steps and not config.deadline_s:
            raise InputError(str(run), "has no end", "set loop.minutes or loop.max_steps")
        self.config, self.folder, self.examples, self.report = config, run, examples, report
        _check_launched(config)
        if config.n_threads:
            torch.set_num_threads(config.n_threads)
        gpu = torch.cuda.is_available()
        self.fabric = Fabric(
            accelerator="cuda" if gpu else "cpu",
            devices=config.n_devices,
            # Not all of a network need have a part in every step: a decoder of whose domain one
            # process has no example, a classifier in the turn of its opponents.
            strategy="ddp_find_unused_parameters_true" if config.n_devices > 1 else "auto",
            precision=resolve_precision(config),
        )
        if config.n_devices > 1:
            self.fabric.launch()
        self.ranks = Ranks(self.fabric)
        if gpu:
            # What bfloat16 leaves in float32 is multiplied in TensorFloat-32.
            torch.set_float32_matmul_precision("high")
        torch.manual_seed(config.seed + self.fabric.global_rank)
        optimizer = torch.optim.AdamW(
            task.parameters(),
            config.learning_rate,
            config.betas,
            weight_decay=config.weight_decay,
            fused=True,
        )
        self.average = (
            AveragedModel(
                task,
                multi_avg_fn=get_ema_multi_avg_fn(config.ema_decay),  # type: ignore[no-untyped-call]
                use_buffers=True,
            )
            if config.ema_decay
            else None
        )
        if self.average is not None:
            self.average.to(self.fabric.device)
        self.module = task
        self.task, self.optimizer = self.fabric.setup(task, optimizer)
        self.step, self.elapsed_s, self.latest = 0, 0.0, dict[str, Any]()
        if (run / CHECKPOINT).exists():
            self._load()
        run.mkdir(parents=True, exist_ok=True)

    def run(self) -> dict[str, Any]:
        loader = self._loader()
        validation = self._validation_batches()
        config = _until_deadline(self.config, self.elapsed_s)
        config = self.config = replace(config, minutes=self.ranks.first_number(config.minutes))
        sums: dict[str, list[float]] = {}
        waited_s, n_summed = 0.0, 0
        saved_s = validated_s = self.elapsed_s
        self.task.train()
        previous_s = report_start_s = time.perf_counter()
        while (share := config.share(self.step, self.elapsed_s)) < 1:
            batch = self.fabric.to_device(next(loader))
            waited_s += time.perf_counter() - previous_s
            rate = config.rate(self.step, share)
            losses = self._update(batch, share, rate)
            for name, value in losses.items():
                sums.setdefault(name, []).append(value)
            n_summed += 1
            self.step += 1
            now = time.perf_counter()
            self.elapsed_s = self.ranks.first_number(self.elapsed_s + now - previous_s)
            previous_s = now
            if self.step % config.report_every_steps == 0:
                means = self.ranks.means(
                    {name: float(np.mean(values)) for name, values in sums.items()}
                )
                if not math.isfinite(means["loss"]):
                    raise InputError(
                        str(self.folder), "its loss is not finite", "lower loop.learning_rate"
                    )
                duration_s = now - report_start_s
                self._write(
                    {
                        "rate": rate,
                        **means,
                        "examples_per_s": n_summed * config.batch_size / duration_s,
                        "waited": waited_s / duration_s,
                    }
                )
                sums, waited_s, n_summed, report_start_s = {}, 0.0, 0, now
            if self.elapsed_s - validated_s >= config.validate_every_s:
                self._validate(validation)
                validated_s = self.elapsed_s
                # Neither training nor waiting: validation has a clock of its own.
                previous_s = report_start_s = time.perf_counter()
                sums, waited_s, n_summed = {}, 0.0, 0
            if self.elapsed_s - saved_s >= config.save_every_s:
                self._save()
                saved_s = self.elapsed_s
        if self.latest.get("step") != self.step:
            self._validate(validation)
        self._save()
        if self.fabric.is_global_zero:
            draw_curves(self.folder)
        return self.latest

    def _update(self, batch: Tensor, share: float, rate: float) -> dict[str, float]:
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        figures: dict[str, float] = {}
        for turn in range(self.module.turns):
            self.module.turn = turn
            with self._device_context():
                losses = self.task(batch, share)
            # Set to none: what has no part in a turn is not touched by it, nor are its moments.
            self.optimizer.zero_grad()
            self.fabric.backward(losses["loss"])
            norm = 0.0
            if self.config.clip_norm:
                length = self.fabric.clip_gradients(
                    self.task,
                    self.optimizer,
                    max_norm=self.config.clip_norm,
                    error_if_nonfinite=False,
                )
                norm = float(length) if length is not None else 0.0
            self.optimizer.step()
            figures |= {name: float(value.detach()) for name, value in losses.items()}
            figures["gradient"] = norm
        if self.average is not None:
            self.average.update_parameters(self.module)
        return figures

    def _device_context(self) -> AbstractContextManager[Any]:
        """Where tensors are made that a task makes for itself: on the device of its batches."""
        on_cpu = self.fabric.device.type == "cpu"
        return nullcontext() if on_cpu else self.fabric.device

    def _loader(self) -> Iterator[Tensor]:
        order = _BatchOrder(len(self.examples), self.config, self.step, self.fabric.global_rank)
        if self.config.in_memory:
            return _batches_in_memory(self.examples, order, self.fabric.device)
        loader = DataLoader(
            _TorchDataset(self.examples),
            batch_sampler=order,
            num_workers=self.config.n_workers,
            # Of its own, or making the loader would draw from what the network draws from.
            generator=torch.Generator().manual_seed(self.config.seed),
            multiprocessing_context="spawn" if self.config.n_workers else None,
            prefetch_factor=4 if self.config.n_workers else None,
            pin_memory=self.fabric.device.type == "cuda",
        )
        return iter(loader)

    def _validation_batches(self) -> list[Tensor]:
        validation_set = self.examples.validation()
        size = min(self.config.batch_size, len(validation_set))
        return [
            torch.stack(
                [
                    torch.from_numpy(validation_set[i])
                    for i in range(at, min(at + size, len(validation_set)))
                ]
            )
            for at in range(0, len(validation_set), size)
        ]

    def _validate(self, batches: list[Tensor]) -> None:
        evaluated: Task = self.module if self.average is None else self.average.module  # type: ignore[assignment]
        share, figures = self.config.share(self.step, self.elapsed_s), dict[str, float]()
        if self.fabric.is_global_zero:
            evaluated.eval()
            # What validation draws must not change what is learnt afterwards.
            with self.fabric.autocast(), torch.random.fork_rng(), self._device_context():
                figures = evaluated.validate([self.fabric.to_device(x) for x in batches], share)
            evaluated.train()
        # All wait for it: what a task keeps of its best weights, each process keeps.
        figures = self.ranks.first(figures)
        self.module.validated(figures, share)
        self.latest = {"step": self.step, "elapsed_s": round(self.elapsed_s, 1), **figures}
        self._write({"validation": figures})

    def _write(self, figures: Mapping[str, Any]) -> None:
        line = {"step": self.step, "elapsed_s": round(self.elapsed_s, 1), **figures}
        if self.fabric.is_global_zero:
            with (self.folder / METRICS).open("a") as file:
                file.write(json.dumps(line) + "\n")
            self.report(line)

    def _state(self) -> dict[str, Any]:
        first, *others = self.ranks.random_states()
        return {
            "task": self.module.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "elapsed_s": self.elapsed_s,
            "latest": self.latest,
            **first,
            "other processes": others,
        }

    def _save(self) -> None:
        state = self._state()
        # Written beside and renamed: a kill in the middle leaves the one before.
        if self.fabric.is_global_zero:
            with atomic_file(self.folder / CHECKPOINT) as unfinished:
                torch.save(state, unfinished)
        self.fabric.barrier()

    def _load(self) -> None:
        state = read_checkpoint(self.folder)
        try:
            self.module.load_state_dict(own_names(state["task"], self.module))
            if self.average is not None and state["average"] is not None:
                self.average.load_state_dict(own_names(state["average"], self.average))
            self.optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError) as error:
            raise InputError(str(self.folder), "is of another network", _TRAIN_AGAIN) from error
        self.step, self.elapsed_s = state["step"], state["elapsed_s"]
        self.latest = state["latest"]
        self.ranks.go_on([state, *state.get("other processes", ())], (self.config.seed, self.step))
        # What was reported after the checkpoint will be reported again.
        place = self.folder / METRICS
        if place.exists() and self.fabric.is_global_zero:
            lines = [
                line for line in place.read_text().splitlines(keepends=True) if line.endswith("\n")
            ]
            write_text(place, "".join(x for x in lines if json.loads(x)["step"] <= self.step))


def _check_launched(config: LoopConfig) -> None:
    """Refuse several processes of which each would train by itself, into one folder."""
    launched = int(os.environ.get("WORLD_SIZE", "1"))
    if launched not in (1, config.n_devices):
        problem = f"is trained by {config.n_devices}, but {launched} processes are launched"
        raise InputError("the run", problem, f"set loop.n_devices={launched}")


def _until_deadline(config: LoopConfig, elapsed_s: float) -> LoopConfig:
    """Settings by which training ends when its time or the deadline is over."""
    if not config.deadline_s:
        return config
    left_s = max(1.0, config.deadline_s - time.time())
    minutes = (elapsed_s + left_s) / 60
    return replace(config, minutes=min(minutes, config.minutes or minutes))


def _batches_in_memory(
    examples: TrainingExamples, order: _BatchOrder, device: torch.device
) -> Iterator[Tensor]:
    """Batches of examples that are all read before the first of them."""
    with ThreadPoolExecutor(_READING_THREADS) as threads:
        rows = list(threads.map(examples.__getitem__, range(len(examples))))
    stacked = torch.from_numpy(np.stack(rows)).to(device)
    return (stacked[torch.tensor(indices, device=device)] for indices in order)


def read_checkpoint(run: str | Path) -> dict[str, Any]:
    """States of a run's task, average and optimiser, its step, seconds and last validation."""
    place = Path(run) / CHECKPOINT
    if not place.exists():
        raise InputError(str(run), "has no checkpoint", "train it with `cambiata train run`")
    try:
        state: dict[str, Any] = torch.load(place, map_location="cpu", weights_only=True)
    except Exception as error:
        raise InputError(str(place), "cannot be read", _TRAIN_AGAIN) from error
    return state


def own_names(weights: Mapping[str, Tensor], network: nn.Module) -> Mapping[str, Tensor]:
    """Weights by the names that a network has for them today.

    A run of an earlier version may have other names for the same layers; both have them in one
    order, so that shapes tell whether they are the same.
    """
    own = network.state_dict()
    if weights.keys() == own.keys():
        return weights
    shapes = [[value.shape for value in each.values()] for each in (weights, own)]
    if shapes[0] != shapes[1]:
        return weights
    return dict(zip(own, weights.values(), strict=True))


def load_weights(task: Task, run: str | Path) -> None:
    """Give a task the averaged weights of another run, or its weights where it has no average.

    The run may lack the task's `optional_weights`. An exported network serves in place of a run.
    """
    task.begun = True
    if is_exported(run):
        load_exported(task, run)
        return
    state = read_checkpoint(run)
    weights = state["task"]
    if state["average"] is not None:
        prefix = "module."
        weights = {
            name.removeprefix(prefix): value
            for name, value in state["average"].items()
            if name.startswith(prefix)
        }
    weights = own_names(weights, task)
    optional = {name for name in task.state_dict() if name.startswith(task.optional_weights)}
    try:
        missing, _ = task.load_state_dict(weights, strict=not (optional - weights.keys()))
    except RuntimeError as error:
        raise InputError(str(run), "is of another network", "name a run of this one") from error
    if set(missing) - optional or weights.keys() - task.state_dict().keys():
        raise InputError(str(run), "is of another network", "name a run of this one")


def read_metrics(run: str | Path) -> list[dict[str, Any]]:
    """Every whole line of a run's metrics."""
    place = Path(run) / METRICS
    if not place.exists():
        return []
    return [json.loads(line) for line in place.read_text().splitlines() if line.endswith("}")]


def draw_curves(run: str | Path) -> Path:
    """A picture of a run's losses and validations."""
    from matplotlib.figure import Figure

    lines = read_metrics(run)
    rows = {
        "training": [line for line in lines if "validation" not in line],
        "validation": [
            line["validation"] | {"elapsed_s": line["elapsed_s"]}
            for line in lines
            if "validation" in line
        ],
    }
    left_out = {"step", "elapsed_s"}
    names = [
        (kind, name)
        for kind, lines_of_kind in rows.items()
        for name in dict.fromkeys(key for row in lines_of_kind for key in row)
        if name not in left_out
    ]
    n_columns = 4
    n_rows = max(1, math.ceil(len(names) / n_columns))
    figure = Figure(figsize=(4 * n_columns, 2.6 * n_rows), layout="constrained")
    for i, (kind, name) in enumerate(names):
        axes = figure.add_subplot(n_rows, n_columns, i + 1)
        points = [(row["elapsed_s"] / 60, row[name]) for row in rows[kind] if name in row]
        axes.plot(*zip(*points, strict=True), marker="." if kind == "validation" else "")
        axes.set_title(f"{kind}: {name}", fontsize=9)
        axes.set_xlabel("minutes", fontsize=8)
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.3)
    place = Path(run) / CURVES
    with atomic_file(place) as unfinished:
        figure.savefig(unfinished, dpi=80)
    return place
