"""Batches on a Ray cluster of several nodes on this machine, of which workers and nodes are killed.

Slow: starting Ray takes half a minute on two cores.
"""

import csv
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sounds import RATE, SUPPORT, melody
from tiny import DYING, TinySet, tools
from tiny_fonts import Program, Zone, fluidsynth, plucked, write_font

import cambiata
from cambiata.audio.sound import Audio
from cambiata.cli.main import outcome
from cambiata.engines.engine import opened, run_tasks, using
from cambiata.engines.failure import Failure
from cambiata.evaluate.rows import find_row
from cambiata.evaluate.run import run
from cambiata.evaluate.scoring import read_lines

ray = pytest.importorskip("ray", reason="ray is not installed")
from ray.cluster_utils import Cluster  # noqa: E402

# Ray leaves sockets and processes to be collected at its end, and warns of itself.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

N_ITEMS = 10
CONTENT, TARGET = find_row("copy-content"), find_row("target")


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head without room for work, and two nodes of one worker each."""
    path = [SUPPORT, *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    made = None
    for tries_left in reversed(range(3)):
        try:
            made = _started()
            break
        except Exception as error:
            # Ray lets a node start for 30 s, whatever it is told: too short on a busy machine.
            if "timed out during startup" not in str(error) or not tries_left:
                raise
    assert made is not None
    yield made
    ray.shutdown()
    made.shutdown()


def _started() -> Any:
    memory = {"object_store_memory": 100 * 2**20}
    made = Cluster()
    try:
        made.add_node(num_cpus=0, include_dashboard=False, **memory)
        for _ in range(2):
            made.add_node(num_cpus=1, **memory)
    except BaseException:
        made.shutdown()
        raise
    return made


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "songs").mkdir()
    for i in range(N_ITEMS):
        sound = Audio(melody([48 + i, 60 + i, 55 + i]), RATE, "PCM_16")
        sound.save(f"songs/{i:02d}.wav")
    Audio(melody([60, 64, 67, 72]), RATE, "PCM_16").save("style.wav")
    return tmp_path


def transfer_all(output: str, manifest: str, **options: Any) -> cambiata.BatchReport:
    arguments = {"style": "style.wav", "amount": 0.5}
    return cambiata.batch(
        "transfer", "songs", output, arguments=arguments, manifest=manifest, **options
    )


def check_same_as_serial(report: cambiata.BatchReport) -> None:
    """Every item once, done, with the bytes of a run without Ray; nothing half-written."""
    assert [item.status for item in report.items] == ["done"] * N_ITEMS, report.items
    with Path("ray.csv").open(newline="") as file:
        rows = [(row["input"], row["status"]) for row in csv.DictReader(file)]
    assert rows == [(f"songs/{i:02d}.wav", "done") for i in range(N_ITEMS)]
    transfer_all("serial/{stem}.wav", "serial.csv", n_workers=1)
    names = [f"{i:02d}.wav" for i in range(N_ITEMS)]
    for name in names:
        assert Path("ray", name).read_bytes() == Path("serial", name).read_bytes(), name
    whole = [path.name for path in Path("ray").iterdir() if not path.name.startswith(".")]
    assert sorted(whole) == names


def when_some_are_done(act: Callable[[], None]) -> threading.Thread:
    """Do something in the middle of a run."""

    def wait_and_act() -> None:
        while not Path("ray").is_dir() or len(list(Path("ray").glob("*.wav"))) < 2:
            time.sleep(0.05)
        act()

    thread = threading.Thread(target=wait_and_act, daemon=True)
    thread.start()
    return thread


def worker_pids() -> list[int]:
    """Ray's workers that are at work."""
    found = []
    for each in Path("/proc").iterdir():
        try:
            name = (each / "cmdline").read_bytes()
        except OSError:
            continue
        if name.startswith(b"ray::_run"):
            found.append(int(each.name))
    return found


@pytest.mark.usefixtures("folder")
def test_a_worker_is_killed_in_the_middle(cluster: Any) -> None:
    killed: list[int] = []

    def kill_one() -> None:
        while not (pids := worker_pids()):
            time.sleep(0.02)
        killed.append(pids[0])
        os.kill(pids[0], signal.SIGKILL)

    thread = when_some_are_done(kill_one)
    report = transfer_all("ray/{stem}.wav", "ray.csv", engine="ray", address=cluster.address)
    thread.join(1)
    assert len(killed) == 1
    check_same_as_serial(report)


@pytest.mark.usefixtures("folder")
def test_a_node_is_killed_in_the_middle(cluster: Any) -> None:
    gone: list[Any] = []

    def kill_node() -> None:
        node = cluster.worker_nodes.pop()
        gone.append(node)
        node.kill_all_processes(check_alive=False, allow_graceful=False)

    thread = when_some_are_done(kill_node)
    report = transfer_all("ray/{stem}.wav", "ray.csv", engine="ray", address=cluster.address)
    thread.join(60)
    assert len(gone) == 1
    check_same_as_serial(report)


def test_a_bank_and_an_evaluation_are_those_of_this_machine(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fluidsynth()
    pytest.importorskip("mir_eval", reason='pip install "cambiata[eval]"')
    monkeypatch.chdir(tmp_path)
    programs = [Program(n, f"No. {n}", (Zone(plucked(60 + n), 60, (60, 62)),)) for n in range(3)]
    write_font(Path("tiny.sf2"), programs)
    for name, engine in (("here", ()), ("there", ("--engine", "ray", "--address"))):
        given = (*engine, cluster.address) if engine else ("--jobs", "1")
        words = ("data", "bank", "tiny.sf2", "--velocities", "80", "-o", f"bank-{name}", *given)
        assert outcome([*words, "--quiet"]) == (0, "")
        with opened("ray", cluster.address) if engine else opened() as chosen, using(chosen):
            failures = run(name, [TinySet()], [CONTENT, TARGET, DYING], n_workers=2, tools=tools)
        assert [failure.partition(" died")[0] for failure in failures] == [
            "0001 dying: its process"
        ]
    for kind in ("bank-here/*", "here/artificial/audio/*/*.flac"):
        files = sorted(Path().glob(kind))
        assert len(files) >= 4
        for file in files:
            other = Path(str(file).replace("here", "there"))
            assert file.read_bytes() == other.read_bytes()
    found = [
        {
            (line["pair"], line["row"]): line["scores"]["lsd"]
            for line in read_lines(Path(name, "artificial", "scores.jsonl"))
            if "scores" in line
        }
        for name in ("here", "there")
    ]
    assert len(found[0]) == 8
    assert found[1] == pytest.approx(found[0])


def test_a_task_that_kills_its_worker_each_time_is_given_up(cluster: Any) -> None:
    def failing(number: int) -> int:
        if number == 1:
            raise ValueError("one")
        if number == 2:
            os._exit(7)
        return number

    with opened("ray", cluster.address) as engine:
        assert engine.n_cores == 2
        with using(engine):
            results = dict(run_tasks(failing, range(4), 2))
    assert (results[0], results[1], results[3]) == (0, Failure("ValueError: one"), 3)
    assert isinstance(results[2], Failure)
    assert results[2].message.startswith("its process died 4 times (WorkerCrashedError")


def test_what_cannot_be_read_where_it_is_sent_is_named(cluster: Any) -> None:
    class Unreadable:
        def __reduce__(self) -> Any:
            return int, ("no number",)

    with opened("ray", cluster.address) as engine:
        [(_, sent)] = engine.run_tasks(str, [Unreadable()], 1)
        [(_, made)] = engine.run_tasks(lambda _number: Unreadable(), [1], 1)
    for result in (sent, made):
        assert isinstance(result, Failure)
        assert result.message.startswith("cannot be sent to its process or back (")
        assert "no number" in result.message
