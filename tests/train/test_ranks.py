"""Trainings on two processes: the curve of one, and each goes on where the other number stopped."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from processes import launch_two
from sounds import SUPPORT

torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")

from cambiata.errors import InputError  # noqa: E402
from cambiata.train.config import LoopConfig  # noqa: E402
from cambiata.train.loop import fit, read_checkpoint, read_metrics  # noqa: E402
from cambiata.train.ranks import Ranks  # noqa: E402
from cambiata.train.tasks.groove import GrooveTask, GrooveTraining  # noqa: E402

N_CELLS = 288
SEEDS = (1, 2, 3)
LOOP = LoopConfig(
    batch_size=16,
    max_steps=200,
    warmup_steps=5,
    learning_rate=3e-3,
    schedule="constant",
    report_every_steps=10,
    validate_every_s=1e9,
    save_every_s=1e9,
    ema_decay=0.9,
    precision="32-true",
    n_workers=0,
)


class Windows:
    """Windows of grooves of four kinds, 64 to learn from and 16 others."""

    def __init__(self, n: int = 64, seed: int = 0) -> None:
        self.n = n
        rng = np.random.default_rng(9)
        kinds = rng.random((4, N_CELLS)) < 0.15
        rng = np.random.default_rng(seed)
        hits = kinds[rng.integers(0, 4, n)] ^ (rng.random((n, N_CELLS)) < 0.02)
        rest = rng.random((2, n, N_CELLS))
        windows = np.stack([hits, hits * rest[0], 0.3 * hits * rest[1]], 1)
        self.windows = windows.astype(np.float32)

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> Any:
        return self.windows[index]

    def validation(self) -> "Windows":
        return Windows(16, seed=1)


class Steady(GrooveTask):
    """Weighs its losses alike from the first step on, however many there are to be."""

    def forward(self, batch: torch.Tensor, share: float) -> dict[str, torch.Tensor]:
        del share
        return super().forward(batch, 1.0)


def train(run: Path, seed: int = 1, **loop: Any) -> dict[str, Any]:
    """A small groove autoencoder (dropout and sampled latents are drawn by chance), trained."""
    torch.manual_seed(seed)
    task = Steady(GrooveTraining(width=48, n_hits=4, n_performance=4, dropout=0.2))
    return fit(task, Windows(), replace(LOOP, seed=seed, **loop), run)


def on_two(folder: Path) -> None:
    """What two processes do; each runs this."""
    for seed in SEEDS:
        train(folder / f"two-{seed}", seed, n_devices=2)
    train(folder / "whole", 1, n_devices=2, max_steps=60)
    for steps in (25, 60):  # in two sessions
        train(folder / "parts", 1, n_devices=2, max_steps=steps)
    train(folder / "begun-by-one", 1, n_devices=2)
    train(folder / "begun-by-two", 1, n_devices=2, max_steps=100)
    often = {"validate_every_s": 0.05, "save_every_s": 0.07}
    train(folder / "by-time", 1, n_devices=2, max_steps=0, minutes=0.03, **often)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for seed in SEEDS:
        train(folder / f"one-{seed}", seed)
    train(folder / "begun-by-one", 1, max_steps=100)
    code = (
        f"import sys; sys.path[:0] = {[str(Path(__file__).parent), SUPPORT]!r}\n"
        f"import test_ranks, pathlib\ntest_ranks.on_two(pathlib.Path({str(folder)!r}))\n"
    )
    launch_two(folder, code, 900)
    train(folder / "begun-by-two", 1)
    return folder


def curve(run: Path) -> np.ndarray:
    """Losses of a run, each the mean of ten steps."""
    lines = [line for line in read_metrics(run) if "validation" not in line]
    assert [line["step"] for line in lines] == list(range(10, 201, 10))
    return np.array([line["loss"] for line in lines])


@pytest.mark.slow
def test_the_curve_of_two_is_that_of_one_within_the_noise_of_seeds(runs: Path) -> None:
    one, two = (np.array([curve(runs / f"{n}-{seed}") for seed in SEEDS]) for n in ("one", "two"))
    assert (one[:, -1] < 0.5 * one[:, 0]).all()  # it learns something
    by_seed = np.mean([np.abs(one[i] - one[j]) for i, j in ((0, 1), (0, 2), (1, 2))], 0)
    by_number = np.abs(one.mean(0) - two.mean(0))
    # Measured: 4.6 by the number of processes, 7.9 by the seed, of losses from 443 down to 78.
    assert by_number.mean() < 2 * by_seed.mean()
    ends = [
        [read_metrics(runs / f"{n}-{seed}")[-1]["validation"]["loss"] for seed in SEEDS]
        for n in ("one", "two")
    ]
    assert abs(np.mean(ends[0]) - np.mean(ends[1])) < np.ptp(ends[0]) + np.ptp(ends[1])


@pytest.mark.slow
def test_two_in_two_sessions_are_two_in_one(runs: Path) -> None:
    whole, parts = (read_checkpoint(runs / name) for name in ("whole", "parts"))
    for kind in ("task", "average"):
        for name, value in whole[kind].items():
            # Each session ends with a validation, in which this task looks for its best weights.
            if "best" not in name:
                assert torch.equal(parts[kind][name], value), name
    first, second = whole["random"], whole["other processes"][0]["random"]
    assert not torch.equal(first, second)  # each draws its own dropout
    assert torch.equal(parts["other processes"][0]["random"], second)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["begun-by-one", "begun-by-two"])
def test_a_run_goes_on_with_another_number_of_processes(runs: Path, name: str) -> None:
    state = read_checkpoint(runs / name)
    assert state["step"] == 200
    assert len(state["other processes"]) == (name == "begun-by-one")
    own, whole = curve(runs / name), np.array([curve(runs / f"one-{seed}") for seed in SEEDS])
    spread = np.ptp(whole, axis=0).mean()
    assert np.abs(own - whole[0])[10:].mean() < spread


@pytest.mark.slow
def test_the_clock_of_the_first_ends_all(runs: Path) -> None:
    lines = read_metrics(runs / "by-time")
    assert sum("validation" in line for line in lines) > 3
    assert read_checkpoint(runs / "by-time")["elapsed_s"] >= 0.03 * 60


def ranks(n: int, rank: int) -> Ranks:
    fabric: Any = SimpleNamespace(world_size=n, global_rank=rank, device=torch.device("cpu"))
    return Ranks(fabric)


def test_one_process_agrees_with_itself() -> None:
    one = ranks(1, 0)
    assert one.first_number(0.1) == 0.1
    assert one.means({"loss": 2.0}) == {"loss": 2.0}
    with torch.random.fork_rng():
        states = one.random_states()
        drawn = torch.rand(3)
        one.go_on(list(states), (0, 0))
        assert torch.equal(torch.rand(3), drawn)


def test_a_process_without_a_state_draws_what_no_other_does() -> None:
    with torch.random.fork_rng():
        states = ranks(1, 0).random_states()
        drawn = []
        for rank, step in ((0, 5), (1, 5), (2, 5), (1, 6), (1, 5)):
            ranks(3, rank).go_on(list(states), (4, step))
            drawn.append(tuple(torch.rand(3).tolist()))
    assert len(set(drawn)) == 4
    assert drawn[1] == drawn[4]


def test_a_figure_that_one_process_lacks_is_the_mean_of_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = [{"loss": 1.0}, {"loss": 2.0, "piano": 5.0}]
    monkeypatch.setattr(Ranks, "_gathered", lambda _self, _value: seen)
    assert ranks(2, 0).means(seen[0]) == {"loss": 1.5, "piano": 5.0}


def test_processes_that_would_each_train_alone_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match=r"but 2 processes are launched; set loop.n_devices=2"):
        train(tmp_path / "run")
    assert not (tmp_path / "run").exists()
