"""The training loop: it learns, ends in time, and goes on after a kill as if nothing happened."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from processes import eventually
from sounds import SUPPORT
from tiny_examples import TINY, tiny_examples

from cambiata.errors import InputError

torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")

from cambiata.train.config import LoopConfig  # noqa: E402
from cambiata.train.loop import (  # noqa: E402
    CHECKPOINT,
    CURVES,
    METRICS,
    _BatchOrder,
    draw_curves,
    fit,
    read_checkpoint,
    read_metrics,
)
from cambiata.train.task import Task  # noqa: E402

SIX = LoopConfig(
    batch_size=4,
    max_steps=6,
    warmup_steps=1,
    learning_rate=0.05,
    report_every_steps=2,
    validate_every_s=1e9,
    save_every_s=1e9,
    ema_decay=0.5,
    precision="32-true",
    n_workers=0,
    seed=3,
)


class Gain(Task):
    """Learns the gain from content to target; draws from torch's generator, as dropout would."""

    def __init__(self, diverges: bool = False) -> None:
        super().__init__(None)
        self.gain = torch.nn.Parameter(torch.zeros(3))
        self.diverges = diverges
        self.shares: list[float] = []

    def forward(self, batch: torch.Tensor, share: float) -> dict[str, torch.Tensor]:
        self.shares.append(share)
        kept = torch.rand(3) < 0.9
        error = ((self.gain * kept).sum() * batch[:, 0] - batch[:, 2]).square().mean()
        loss = error * torch.inf if self.diverges else error
        return {"loss": loss, "error": error}

    def validate(self, batches: list[torch.Tensor], _share: float) -> dict[str, float]:
        torch.rand(100)  # a careless task: must not change what is learnt
        errors = [(self.gain.sum() * x[:, 0] - x[:, 2]).square().mean() for x in batches]
        return {"error": float(torch.stack(errors).mean().detach())}


def test_it_learns_reports_and_ends(tmp_path: Path) -> None:
    examples = tiny_examples(tmp_path)
    task, lines = Gain(), list[dict[str, Any]]()
    run = tmp_path / "run"
    found = fit(task, examples, replace(SIX, max_steps=40), run, report=lines.append)
    assert found["step"] == 40
    errors = [line["error"] for line in lines if "error" in line]
    assert errors[-1] < 0.7 * errors[0]
    assert read_metrics(run) == lines
    assert {"rate", "examples_per_s", "waited", "gradient"} <= set(lines[0])
    assert all(0 <= line["waited"] <= 1 for line in lines if "waited" in line)
    assert lines[-1]["validation"]["error"] == found["error"]
    assert task.shares == [step / 40 for step in range(40)]
    assert (run / CURVES).read_bytes()[:4] == b"\x89PNG"


def _weights(run: Path) -> list[float]:
    state = read_checkpoint(run)
    return [*state["task"]["gain"].tolist(), *state["average"]["module.gain"].tolist()]


@pytest.mark.parametrize("n_workers", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_going_on_is_as_good_as_never_stopping(tmp_path: Path, n_workers: int) -> None:
    examples = tiny_examples(tmp_path)
    config = replace(SIX, n_workers=n_workers, schedule="constant")
    fit(Gain(), examples, config, tmp_path / "whole")
    torch.rand(17)  # what happens in between is of no account
    fit(Gain(), examples, replace(config, max_steps=3), tmp_path / "parts")
    resumed = Gain()
    fit(resumed, examples, config, tmp_path / "parts")
    assert _weights(tmp_path / "parts") == _weights(tmp_path / "whole")
    whole, parts = (
        [{k: v for k, v in line.items() if k in ("step", "loss")} for line in read_metrics(run)]
        for run in (tmp_path / "whole", tmp_path / "parts")
    )
    # Three steps are no whole line of metrics; what was summed of it is lost, and nothing else.
    assert parts[-2] == whole[-2]


def test_lines_after_the_checkpoint_are_said_once(tmp_path: Path) -> None:
    examples = tiny_examples(tmp_path)
    run = tmp_path / "run"
    fit(Gain(), examples, replace(SIX, max_steps=2), run)
    with (run / METRICS).open("a") as file:
        file.write('{"step": 4, "loss": 1.0}\n{"step": 5, "lo')  # killed while it wrote
    fit(Gain(), examples, SIX, run)
    steps = [line["step"] for line in read_metrics(run) if "validation" not in line]
    assert steps == [2, 4, 6]


@pytest.mark.slow
def test_a_killed_run_leaves_its_last_checkpoint(tmp_path: Path) -> None:
    tiny_examples(tmp_path)
    code = f"""
import sys
sys.path[:0] = {[str(Path(__file__).parent), SUPPORT]!r}
from dataclasses import replace
from pathlib import Path
from test_loop import SIX, Gain, TINY, fit
from cambiata.data.examples import Examples
config = replace(SIX, max_steps=10**9, save_every_s=0.0)
fit(Gain(), Examples(Path({str(tmp_path)!r}), TINY), config, {str(tmp_path / "run")!r})
"""
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        assert eventually((tmp_path / "run" / CHECKPOINT).exists)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    step = read_checkpoint(tmp_path / "run")["step"]
    found = fit(Gain(), tiny_examples(tmp_path), replace(SIX, max_steps=step + 3), tmp_path / "run")
    assert found["step"] == step + 3


def test_time_is_a_limit_over_all_sessions(tmp_path: Path) -> None:
    examples = tiny_examples(tmp_path)
    config = replace(SIX, max_steps=0, minutes=0.005)
    task = Gain()
    found = fit(task, examples, config, tmp_path / "run")
    assert found["elapsed_s"] >= 0.2
    assert found["step"] > 1
    assert task.shares == sorted(task.shares)
    again = fit(Gain(), examples, config, tmp_path / "run")
    assert again["step"] == found["step"]


@pytest.mark.parametrize("n_devices", [1, 2])
def test_every_example_is_seen_once_an_epoch(n_devices: int) -> None:
    config = replace(SIX, batch_size=4, n_devices=n_devices)
    orders = [iter(_BatchOrder(10, config, 0, rank)) for rank in range(n_devices)]
    steps = [[i for order in orders for i in next(order)] for _ in range(5)]
    seen = [i for step in steps for i in step]
    assert sorted(seen[:10]) == list(range(10)) == sorted(seen[10:])
    assert seen[:10] != seen[10:]
    # And what a step is made of does not depend on where one begins.
    assert [
        i for r in range(n_devices) for i in next(iter(_BatchOrder(10, config, 3, r)))
    ] == steps[3]


def test_a_run_of_before_a_layer_was_renamed_goes_on(tmp_path: Path) -> None:
    examples = tiny_examples(tmp_path)
    fit(Gain(), examples, SIX, tmp_path / "run")
    place = tmp_path / "run" / CHECKPOINT
    state = torch.load(place, weights_only=True)
    first = next(iter(state["task"]))
    gain = float(state["task"][first].flatten()[0])
    state["task"] = {f"old.{name}": value for name, value in state["task"].items()}
    torch.save(state, place)
    task = Gain()
    fit(task, examples, SIX, tmp_path / "run")
    assert float(task.state_dict()[first].flatten()[0]) == gain
    state["task"] = {"another": torch.zeros(3, 3)}
    torch.save(state, place)
    with pytest.raises(InputError, match="run: is of another network; train it again with"):
        fit(Gain(), examples, SIX, tmp_path / "run")


def test_the_rate_rises_and_falls() -> None:
    config = LoopConfig(learning_rate=1.0, warmup_steps=10, max_steps=100)
    rates = [config.rate(step, config.share(step, 0.0)) for step in range(100)]
    assert np.argmax(rates) == 9
    assert rates[9:] == sorted(rates[9:], reverse=True)
    assert rates[-1] < 0.02
    constant = replace(config, schedule="constant")
    assert {constant.rate(step, step / 100) for step in range(10, 100)} == {1.0}


def test_a_loss_that_is_not_finite_is_said(tmp_path: Path) -> None:
    examples = tiny_examples(tmp_path)
    with pytest.raises(InputError, match=r"loss is not finite; lower loop\.learning_rate"):
        fit(Gain(diverges=True), examples, SIX, tmp_path / "run")
    assert not (tmp_path / "run" / CHECKPOINT).exists()


def test_a_run_without_an_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no end; set loop\.minutes or loop\.max_steps"):
        fit(Gain(), tiny_examples(tmp_path), replace(SIX, max_steps=0), tmp_path / "run")


def test_a_checkpoint_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / CHECKPOINT).write_text("no")
    with pytest.raises(InputError, match=r"checkpoint\.pt: cannot be read"):
        read_checkpoint(tmp_path)


def test_curves_of_a_run_that_has_just_begun(tmp_path: Path) -> None:
    (tmp_path / METRICS).write_text(json.dumps({"step": 1, "elapsed_s": 1.0, "loss": 2.0}) + "\n")
    assert draw_curves(tmp_path).exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch_size": 0},
        {"batch_size": 3, "n_devices": 2},
        {"minutes": -1.0},
        {"ema_decay": 1.0},
        {"precision": "8"},
        {"schedule": "steps"},
    ],
)
def test_settings_that_do_not_fit_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        replace(SIX, **wrong)


def test_tiny_examples_are_what_they_say(tmp_path: Path) -> None:
    assert len(tiny_examples(tmp_path)) == TINY.n_examples


def test_examples_in_memory_are_the_same(tmp_path: Path) -> None:
    examples = tiny_examples(tmp_path)
    fit(Gain(), examples, SIX, tmp_path / "read")
    fit(Gain(), examples, replace(SIX, in_memory=True), tmp_path / "kept")
    assert _weights(tmp_path / "kept") == _weights(tmp_path / "read")


def test_training_ends_by_the_clock(tmp_path: Path) -> None:
    examples = tiny_examples(tmp_path)
    task, end_s = Gain(), time.time() + 2
    fit(task, examples, replace(SIX, max_steps=0, deadline_s=end_s), tmp_path / "run")
    assert 0 <= time.time() - end_s < 10
    # The rate falls as though the time until then had been asked for.
    assert task.shares[0] < 0.1
    assert task.shares[-1] > 0.8
