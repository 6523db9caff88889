"""Tasks on a Ray cluster: workers and nodes may die, and every task still gets one result."""

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import ray

from cambiata.engines.failure import Failure, ResultT, TaskT, attempt
from cambiata.errors import InputError

# Of a task whose worker or node died. A node that goes takes what was under way with it, which is
# nobody's fault; a task that kills its worker each time (out of memory) is given up after these.
_RETRIES = 3
# Ray keeps workers of finished tasks, with the models that they have loaded, as long as they have
# one function; threads as `engine.one_thread_each`.
_ENVIRONMENT = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


# Raised there and here, of what cannot be pickled or unpickled.
_UNSENT = (ray.exceptions.RayTaskError, ray.exceptions.RaySystemError)


class RayEngine:
    """Workers of a cluster that this process has joined."""

    @property
    def n_cores(self) -> int:
        """Cores of all nodes that are there now."""
        return max(1, int(ray.cluster_resources().get("CPU", 1)))

    def run_tasks(
        self, function: Callable[[TaskT], ResultT], tasks: Sequence[TaskT], n_workers: int
    ) -> Generator[tuple[TaskT, ResultT | Failure]]:
        """Tasks with their results, in the order in which they end."""
        shared, folder = ray.put(function), str(Path.cwd())
        pending = list(reversed(tasks))
        under_way: dict[Any, TaskT] = {}
        try:
            while pending or under_way:
                while pending and len(under_way) < n_workers:
                    task = pending.pop()
                    under_way[_run.remote(folder, shared, task)] = task
                ready, _ = ray.wait(list(under_way), num_returns=1)
                for reference in ready:
                    yield under_way.pop(reference), _result(reference)
        finally:
            for reference in under_way:
                ray.cancel(reference, force=True)


@ray.remote(num_cpus=1, max_retries=_RETRIES)  # type: ignore[untyped-decorator]
def _run(folder: str, function: Callable[[Any], Any], task: Any) -> Any:
    _enter(folder)
    return attempt(function, task)


@cache
def _enter(folder: str) -> None:
    """Go where the caller is, as processes of one machine do; once a process."""
    if Path(folder).is_dir():  # a node without it works on URLs and whole paths
        os.chdir(folder)


def _result(reference: Any) -> Any:
    try:
        return ray.get(reference)
    except _UNSENT as error:  # before the function or after it
        reason = next(
            iter(str(getattr(error, "cause", error)).splitlines()), ""
        )  # traceback follows
        return Failure(f"cannot be sent to its process or back ({reason})")
    except ray.exceptions.RayError as error:
        how = type(error).__name__
        return Failure(f"its process died {_RETRIES + 1} times ({how}; out of memory, or a fault)")


@contextmanager
def ray_engine(address: str | None = None) -> Iterator[RayEngine]:
    """Engine of the cluster at an address; else of a cluster on this machine, ended with the block.

    A cluster that this process has joined before is used, and is not left.
    """
    if ray.is_initialized():
        yield RayEngine()
        return
    try:
        ray.init(
            address=address or "local",
            num_cpus=None if address else os.cpu_count(),
            include_dashboard=False if address is None else None,
            log_to_driver=False,
            logging_level="ERROR",
            runtime_env={"env_vars": dict.fromkeys(_ENVIRONMENT, "1")},
        )
    except Exception as error:  # Ray has no class of its own for it
        reason = " ".join(str(error).split())[:200]
        if address is None:
            subject, problem = "engine ray", f"does not start ({reason})"
            cure = 'try again when the machine is less busy, or use `engine="local"`'
        else:
            subject, problem = f"address {address}", f"does not answer ({reason})"
            cure = "start one, or leave out `address`"
        raise InputError(subject, problem, cure) from None
    try:
        yield RayEngine()
    finally:
        ray.shutdown()
