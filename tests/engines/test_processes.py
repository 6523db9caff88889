"""The pool's promises, with workers that really fail, die and hang."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from processes import eventually, running
from sounds import SUPPORT

from cambiata.engines.failure import Failure
from cambiata.engines.processes import run_tasks
from cambiata.errors import CambiataError, InputError

HERE = Path(__file__).parent


# What workers do: they import it from here.


def squared(number: int) -> int:
    return number * number


def refusing(number: int) -> int:
    if number == 1:
        raise InputError("one.wav", "is silent", "leave it out")
    if number == 2:
        raise ValueError("two\nlines")
    if number == 3:
        raise CambiataError
    return number


def dying(number: int) -> int:
    if number == 3:
        os._exit(7)
    if number == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


def unpicklable(number: int) -> Callable[[], int] | int:
    return (lambda: number) if number == 1 else number


def noted(folder: Path, number: int) -> int:
    """Leaves word of its process, and waits for ever on all but task 0."""
    (folder / f"{number}.pid").write_text(str(os.getpid()))
    while number:
        time.sleep(0.01)
        with (folder / f"{number}.beats").open("a") as beats:
            beats.write("x")
    return number


def stubborn(folder: Path, number: int) -> int:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return noted(folder, number)


def pids(folder: Path, n: int) -> list[int]:
    """Processes of tasks 1 to n, once all have begun."""
    files = [folder / f"{number}.pid" for number in range(1, n + 1)]
    assert eventually(lambda: all(file.exists() and file.read_text() for file in files))
    return [int(file.read_text()) for file in files]


@pytest.mark.parametrize("n_workers", [1, 3])
def test_every_task_gets_its_own_result(n_workers: int) -> None:
    results = list(run_tasks(squared, [3, 1, 4, 1, 5], n_workers))
    assert sorted(results) == [(1, 1), (1, 1), (3, 9), (4, 16), (5, 25)]


def test_no_task_starts_no_process() -> None:
    assert list(run_tasks(os.kill, [], 2)) == []


def test_errors_become_one_line_each() -> None:
    results = dict(run_tasks(refusing, range(5), 2))
    assert results == {
        0: 0,
        1: Failure("one.wav: is silent; leave it out"),
        2: Failure("ValueError: two lines"),
        3: Failure("CambiataError: "),
        4: 4,
    }


@pytest.mark.parametrize("n_workers", [1, 2])
def test_a_worker_that_dies_costs_its_own_task_alone(n_workers: int) -> None:
    results = dict(run_tasks(dying, range(8), n_workers))
    assert sorted(results) == list(range(8))
    failed = {task: result for task, result in results.items() if isinstance(result, Failure)}
    assert sorted(failed) == [3, 5]
    assert failed[3].message.startswith("its process died (exit status 7")
    assert failed[5].message.startswith("its process died (SIGKILL")
    assert os.getpid() not in results.values()


def test_a_script_that_starts_itself_again_is_told_what_it_lacks(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from cambiata.engines.processes import run_tasks\n"
        "print([result.message for _, result in run_tasks(abs, [-1], 1)])\n"
    )
    printed = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    assert 'needs `if __name__ == "__main__":`' in printed


def test_a_result_that_cannot_be_sent_fails_alone() -> None:
    results = dict(run_tasks(unpicklable, range(3), 1))
    assert (results[0], results[2]) == (0, 2)
    assert "pickle" in results[1].message


def test_closing_ends_the_workers(tmp_path: Path) -> None:
    results = run_tasks(partial(noted, tmp_path), [0, 1, 2], 2)
    assert next(results) == (0, 0)
    results.close()
    pids_started = [int(file.read_text() or 0) for file in tmp_path.glob("*.pid")]
    assert pids_started
    assert not any(running(pid) for pid in pids_started if pid)


def test_a_worker_that_does_not_listen_is_ended_all_the_same(tmp_path: Path) -> None:
    results = run_tasks(partial(stubborn, tmp_path), [1, 0], 2)
    assert next(results) == (0, 0)
    [stuck] = pids(tmp_path, 1)
    results.close()
    assert not running(stuck)


def _waiting(folder: Path) -> subprocess.Popen[bytes]:
    """A program whose two workers hang, in a process group of its own."""
    code = (
        f"import sys; sys.path[:0] = {[str(HERE), SUPPORT]!r}\n"
        # Where the tests are run in the background, interrupts are ignored by inheritance.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from functools import partial; from pathlib import Path\n"
        "from cambiata.engines.processes import run_tasks; from test_processes import noted\n"
        f"list(run_tasks(partial(noted, Path({str(folder)!r})), [1, 2], 2))\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, start_new_session=True
    )


def test_an_interrupt_from_the_keyboard_ends_all_and_only_the_parent_speaks(
    tmp_path: Path,
) -> None:
    with _waiting(tmp_path) as program:
        workers = pids(tmp_path, 2)
        os.killpg(program.pid, signal.SIGINT)
        _, stderr = program.communicate(timeout=60)
    assert stderr.count(b"KeyboardInterrupt") == 1
    assert not any(running(pid) for pid in workers)


def test_a_worker_takes_no_interrupt_from_the_keyboard(tmp_path: Path) -> None:
    results = run_tasks(partial(noted, tmp_path), [1, 0], 2)
    assert next(results) == (0, 0)
    [worker] = pids(tmp_path, 1)
    os.kill(worker, signal.SIGINT)
    beats = tmp_path / "1.beats"
    n_beats = beats.stat().st_size if beats.exists() else 0
    assert eventually(lambda: beats.exists() and beats.stat().st_size > n_beats + 2)
    results.close()


def test_results_that_nobody_closes_do_not_keep_python_from_ending() -> None:
    code = (
        f"import sys; sys.path[:0] = {[str(HERE), SUPPORT]!r}\n"
        "from cambiata.engines.processes import run_tasks; from test_processes import squared\n"
        "results = run_tasks(squared, [1, 2, 3], 1); next(results); sys.kept = results\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="tells running processes by /proc")
def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    with _waiting(tmp_path) as program:
        workers = pids(tmp_path, 2)
        assert all(running(pid) for pid in workers)
        program.kill()
        program.communicate(timeout=60)
    assert eventually(lambda: not any(running(pid) for pid in workers))
