"""Streams that wait for changes of jobs, which happen in other threads."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Listener:
    """One stream: the ids of jobs that have changed since it last looked."""

    def __init__(self, job: str | None) -> None:
        self.job = job
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._ids: dict[str, None] = {}
        self._lock = threading.Lock()

    def tell(self, job: str) -> None:
        """Note that a job has changed; called from any thread."""
        with self._lock:
            self._ids[job] = None
        try:
            self._loop.call_soon_threadsafe(self._event.set)
        except RuntimeError:  # the server is closing
            return

    async def changed(self, timeout_s: float) -> list[str]:
        """Ids that have changed, in their order; none where nothing has for so long."""
        try:
            await asyncio.wait_for(self._event.wait(), timeout_s)
        except TimeoutError:
            return []
        self._event.clear()
        with self._lock:
            ids, self._ids = list(self._ids), {}
        return ids


class Changes:
    """All streams."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._listeners)

    @contextmanager
    def listen(self, job: str | None = None) -> Iterator[Listener]:
        """A stream for one job, or for all; it counts as long as the block lasts."""
        listener = Listener(job)
        with self._lock:
            self._listeners.add(listener)
        try:
            yield listener
        finally:
            with self._lock:
                self._listeners.discard(listener)

    def publish(self, job: str) -> None:
        """Tell streams that a job has changed."""
        with self._lock:
            listeners = [each for each in self._listeners if each.job in (None, job)]
        for listener in listeners:
            listener.tell(job)
