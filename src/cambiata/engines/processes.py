"""Many tasks over the cores; neither an error nor a crash of one loses the others' results."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic

from cambiata.engines.failure import Failure, ResultT, TaskT, attempt, format_error

# Time to end by itself: a worker in compiled code does not notice that it should. Longer delays
# the caller's own end; shorter kills workers that are tidying up.
_JOIN_TIMEOUT_S = 2.0


def run_tasks(
    function: Callable[[TaskT], ResultT], tasks: Sequence[TaskT], n_workers: int
) -> Generator[tuple[TaskT, ResultT | Failure]]:
    """Tasks with their results, in the order in which they end.

    Each worker is a process of its own and has one task at a time, so that where one dies (out of
    memory, a fault in compiled code) it is known which task was at fault; another worker takes its
    place. (The standard library's pool would lose every task that is under way.) Workers end with
    the loop over the results, however that ends, and with this process.
    """
    pending = list(reversed(tasks))
    workers: list[_Worker[TaskT, ResultT]] = []
    try:
        while pending or any(worker.busy for worker in workers):
            while pending and len(workers) < n_workers:
                workers.append(_Worker(function))
            for worker in workers:
                if pending and not worker.busy:
                    worker.assign(pending.pop())
            ready = wait([worker.pipe for worker in workers if worker.busy])
            for worker in [worker for worker in workers if worker.pipe in ready]:
                yield worker.receive()
            workers = [worker for worker in workers if worker.alive]
    finally:
        _stop(workers)


class _Worker(Generic[TaskT, ResultT]):
    """A process, and the task that it is doing."""

    def __init__(self, function: Callable[[TaskT], ResultT]) -> None:
        context = get_context("spawn")
        self.pipe, child_pipe = context.Pipe()
        # A daemon, so that results nobody closes do not keep Python from ending.
        self.process: BaseProcess = context.Process(
            target=_serve, args=(function, child_pipe), daemon=True
        )
        self.alive, self._task = True, list[TaskT]()
        self.process.start()
        child_pipe.close()

    @property
    def busy(self) -> bool:
        return bool(self._task)

    def assign(self, task: TaskT) -> None:
        self._task = [task]
        with suppress(BrokenPipeError):  # already dead: the answer will tell
            self.pipe.send(task)

    def receive(self) -> tuple[TaskT, ResultT | Failure]:
        [task] = self._task
        self._task = []
        try:
            result: ResultT | Failure = self.pipe.recv()
        except (EOFError, ConnectionResetError):
            self.alive = False
            self.process.join(_JOIN_TIMEOUT_S)
            result = Failure(f"its process died ({_describe_exit(self.process.exitcode)})")
            self.pipe.close()
        except Exception as error:  # it cannot be unpickled
            result = Failure(format_error(error))
        return task, result


def _describe_exit(exit_code: int | None) -> str:
    """How a process ended, and what may be the cause."""
    causes = "out of memory, or a fault in compiled code"
    if exit_code == 1:
        # Tasks' errors are answers: what raises here is the caller's own script, which every
        # worker imports anew and which would start workers in turn.
        causes = 'a script that uses several cores needs `if __name__ == "__main__":`'
    how = f"exit status {exit_code}"
    with suppress(ValueError, TypeError):
        how = signal.Signals(-(exit_code or 0)).name
    return f"{how}; {causes}"


def _stop(workers: Sequence[_Worker[Any, Any]]) -> None:
    """End all workers: by a signal, so that they tidy up, then by force."""
    for worker in workers:
        worker.pipe.close()
        if worker.busy:
            worker.process.terminate()
    for worker in workers:
        worker.process.join(_JOIN_TIMEOUT_S)
        if worker.process.exitcode is None:
            worker.process.kill()
            worker.process.join()


def _serve(function: Callable[[Any], Any], pipe: Connection) -> None:
    """Do one task after another until the other end is closed; runs in the worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which then ends us
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, BrokenPipeError):
        while True:
            result = attempt(function, pipe.recv())
            try:
                pipe.send(result)
            except BrokenPipeError:
                raise
            except Exception as error:  # it cannot be pickled
                pipe.send(Failure(format_error(error)))


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
