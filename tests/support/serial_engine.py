"""An engine of one process, this one: for what does not concern processes, and memory://."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from cambiata.engines.failure import attempt


class SerialEngine:
    """Tasks in reverse, so that nothing depends on the order in which they end."""

    n_cores = 3

    def __init__(self, stop_after: int | None = None) -> None:
        self.done: list[Any] = []
        self.given: tuple[str, str | None] | None = None
        self._stop_after = stop_after

    def run_tasks(
        self, function: Callable[[Any], Any], tasks: Sequence[Any], _n_workers: int
    ) -> Generator[tuple[Any, Any]]:
        for task in reversed(tasks):
            if len(self.done) == self._stop_after:
                raise KeyboardInterrupt
            self.done.append(task)
            yield task, attempt(function, task)

    @contextmanager
    def opened(self, engine: str, address: str | None) -> Iterator["SerialEngine"]:
        self.given = (engine, address)
        yield self
