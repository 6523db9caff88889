"""The interface of all engines: a function is mapped over tasks, and gives results as they end.

Everything that works on many things goes through `run_tasks`: batches, `evaluate`, `data bank`,
the recording of training examples. By default it is the pool of processes of this machine; within
`using(engine)`, whatever that engine runs on.
"""

import os
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal, Protocol, get_args

from cambiata.engines import processes
from cambiata.engines.failure import Failure, ResultT, TaskT
from cambiata.errors import InputError, MissingExtraError

EngineName = Literal["local", "ray"]

# Libraries of linear algebra read these when they are loaded.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Engine(Protocol):
    """Maps a function that can be pickled over tasks that can be pickled."""

    @property
    def n_cores(self) -> int:
        """How many workers it has room for."""

    def run_tasks(
        self, function: Callable[[TaskT], ResultT], tasks: Sequence[TaskT], n_workers: int
    ) -> Generator[tuple[TaskT, ResultT | Failure]]:
        """Every task once, with its result, in the order in which they end.

        A task that fails, or whose process dies of it, is a `Failure` and costs no other. Of tasks
        not more than `n_workers` are under way. Closing the generator ends them.
        """


class LocalEngine:
    """Processes of this machine."""

    @property
    def n_cores(self) -> int:
        """Cores of this machine."""
        return os.cpu_count() or 1

    def run_tasks(
        self, function: Callable[[TaskT], ResultT], tasks: Sequence[TaskT], n_workers: int
    ) -> Generator[tuple[TaskT, ResultT | Failure]]:
        """Tasks with their results, in the order in which they end."""
        return processes.run_tasks(function, tasks, n_workers)


_engine: ContextVar[Engine] = ContextVar("engine", default=LocalEngine())  # noqa: B039


@contextmanager
def using(engine: Engine) -> Iterator[Engine]:
    """Run all tasks within the block on an engine."""
    token = _engine.set(engine)
    try:
        yield engine
    finally:
        _engine.reset(token)


@contextmanager
def opened(engine: EngineName = "local", address: str | None = None) -> Iterator[Engine]:
    """Engine by its name, closed at the block's end; `address` is a cluster's."""
    if engine not in get_args(EngineName):
        names = " or ".join(get_args(EngineName))
        raise InputError(f"engine {engine}", "is unknown", f"use {names}")
    if engine == "local":
        if address is not None:
            cure = 'leave out `address`, or use `engine="ray"`'
            raise InputError(f"address {address}", "is of a cluster", cure)
        yield LocalEngine()
        return
    try:
        from cambiata.engines.cluster import ray_engine
    except ModuleNotFoundError as error:
        raise MissingExtraError("engine ray", "cluster") from error
    with ray_engine(address) as cluster:
        yield cluster


def n_cores() -> int:
    """How many workers the engine in use has room for."""
    return _engine.get().n_cores


def run_tasks(
    function: Callable[[TaskT], ResultT], tasks: Sequence[TaskT], n_workers: int
) -> Generator[tuple[TaskT, ResultT | Failure]]:
    """Tasks with their results on the engine in use, in the order in which they end."""
    return _engine.get().run_tasks(function, tasks, n_workers)


def run_all(
    function: Callable[[TaskT], ResultT],
    tasks: Sequence[TaskT],
    n_workers: int | None,
    place: str,
    progress: Callable[[float], None] | None,
) -> None:
    """Do many tasks that write their results themselves, or stop at the first that fails."""
    done = run_tasks(function, tasks, n_workers or n_cores())
    for i, (_, result) in enumerate(done):
        if isinstance(result, Failure):
            raise InputError(place, result.message, "correct that, then run it again")
        if progress is not None:
            progress((i + 1) / len(tasks))


class _OneThreadEach:
    """Variables that several threads may want at once: the first sets, the last puts them back."""

    def __init__(self) -> None:
        self._lock, self._n_inside = threading.Lock(), 0
        self._before: dict[str, str | None] = {}

    def enter(self) -> None:
        with self._lock:
            if not self._n_inside:
                self._before = {name: os.environ.get(name) for name in _THREADS}
                os.environ.update(dict.fromkeys(_THREADS, "1"))
            self._n_inside += 1

    def leave(self) -> None:
        with self._lock:
            self._n_inside -= 1
            if self._n_inside:
                return
            for name, value in self._before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value


_one_thread_each = _OneThreadEach()


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Tell processes begun meanwhile to use a thread each: more would wait for one another."""
    _one_thread_each.enter()
    try:
        yield
    finally:
        _one_thread_each.leave()
