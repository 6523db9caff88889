"""Many tasks over the cores; neither an error nor a crash of one loses the others."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Generic, TypeVar

from cambiata.errors import CambiataError

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Failed:
    """What became of a task that failed.

    Parameters
    ----------
    message : str
        One line.

    Examples
    --------
    >>> Failed("is silent").message
    'is silent'
    """

    message: str


@dataclass(frozen=True)
class _Guarded(Generic[Task, Result]):
    """The function with its errors made values, so that they travel whole."""

    function: Callable[[Task], Result]

    def __call__(self, task: Task) -> Result | Failed:
        try:
            return self.function(task)
        except CambiataError as error:
            return Failed(str(error))
        except Exception as error:
            return Failed(f"{type(error).__name__}: {' '.join(str(error).split())}")


def completed(
    function: Callable[[Task], Result], tasks: Sequence[Task], n_workers: int
) -> Iterator[tuple[Task, Result | Failed]]:
    """Tasks and what came of them, in the order in which they end.

    Each worker is a process of its own. Where one dies (out of memory, a fault in compiled code),
    all tasks not yet done are tried once more, one at a time, so that the task at fault is found
    and reported and the others get done.

    Parameters
    ----------
    function : callable
        From a task to its result; importable, as processes are spawned.
    tasks : sequence
        What to do; picklable.
    n_workers : int
        How many processes.

    Yields
    ------
    tuple
        A task and its result, or `Failed`.

    Examples
    --------
    >>> sorted(completed(abs, [-2, 1], 1))
    [(-2, 2), (1, 1)]
    """
    guarded = _Guarded(function)
    done: set[int] = set()
    try:
        with ProcessPoolExecutor(n_workers, mp_context=get_context("spawn")) as pool:
            futures: dict[Future[Result | Failed], int] = {
                pool.submit(guarded, task): index for index, task in enumerate(tasks)
            }
            try:
                for future in as_completed(futures):
                    result = future.result()
                    done.add(futures[future])
                    yield tasks[futures[future]], result
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    except BrokenProcessPool:
        left = [task for index, task in enumerate(tasks) if index not in done]
        yield from _one_by_one(guarded, left)


def _one_by_one(
    guarded: "_Guarded[Task, Result]", tasks: list[Task]
) -> Iterator[tuple[Task, Result | Failed]]:
    pool: ProcessPoolExecutor | None = None
    try:
        for task in tasks:
            pool = pool or ProcessPoolExecutor(1, mp_context=get_context("spawn"))
            result: Result | Failed
            try:
                result = pool.submit(guarded, task).result()
            except BrokenProcessPool:
                result = Failed("its process died (out of memory, or a fault in compiled code)")
                pool.shutdown()
                pool = None
            yield task, result
    finally:
        if pool:
            pool.shutdown(wait=False, cancel_futures=True)
