"""Worker processes as the server has them: started when needed, stopped when idle."""

import multiprocessing
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any

from cambiata.web.refusals import Refusal
from cambiata.web.worker import Message, work

# Time for work to notice that it is cancelled, at its next report of progress; then it is ended.
_GRACE_S = 1.5
# How long to sleep between looks whether a job was cancelled; messages wake it at once.
_LOOK_S = 0.1
# A process that has nothing to do for so long is stopped, or replaced by a fresh one, which has a
# third of the memory; people who try things out ask again sooner.
IDLE_S = 60.0
# Nothing that only reads a sound takes so long, whatever the sound.
_READING_S = 180.0

Tell = Callable[[str, Any], None]


class Worker:
    """A process; one thread at a time may use it."""

    def __init__(self, warm: str) -> None:
        self._warm = warm
        self._process: Any = None
        self._pipe: Connection | None = None
        self._cancelled: Any = None
        self._lock = threading.Lock()
        self._is_closed = False
        self.is_used = False
        self.idle_since = time.monotonic()

    def start(self) -> None:
        """Start the process if it does not run; it warms up by itself."""
        with self._lock:
            if self._is_closed or (self._process is not None and self._process.is_alive()):
                return
            # Spawned, not forked: the server has threads, whose locks a fork would copy.
            context = multiprocessing.get_context("spawn")
            self._pipe, theirs = context.Pipe()
            self._cancelled = context.Event()
            process = context.Process(
                target=work, args=(theirs, self._cancelled, self._warm), daemon=True
            )
            process.start()
            self._process = process
            theirs.close()
            self.is_used = False

    def run(
        self,
        task: Mapping[str, Any],
        tell: Tell = lambda _kind, _value: None,
        is_cancelled: Callable[[], bool] = lambda: False,
        limit_s: float = float("inf"),
    ) -> Message:
        """What a task ends with; ("died", words) where the process does."""
        self.start()
        pipe, process = self._pipe, self._process
        if pipe is None:
            return "died", "the studio is closing"
        self._cancelled.clear()
        self.is_used = True
        ends_at, over_at = float("inf"), time.monotonic() + limit_s
        try:
            pipe.send(dict(task))
            while True:
                if pipe.poll(_LOOK_S):
                    kind, value = pipe.recv()
                    if kind in ("progress", "warning"):
                        tell(kind, value)
                    elif kind != "ready":
                        return kind, value
                elif not process.is_alive():
                    raise EOFError
                now = time.monotonic()
                if ends_at == float("inf") and (is_cancelled() or now > over_at):
                    self._cancelled.set()
                    ends_at = now + _GRACE_S
                if now > ends_at:
                    self.stop()
                    return "cancelled", None
        except (EOFError, OSError):
            self.stop()
            return "died", "the process that worked on it ended (out of memory, maybe)"
        finally:
            self.idle_since = time.monotonic()

    def rest(self, *, fresh: bool) -> None:
        """Stop the process if it has been idle for long; start a fresh one in its place."""
        idle_s = time.monotonic() - self.idle_since
        if self._process is None or idle_s < IDLE_S or (fresh and not self.is_used):
            return
        self.stop()
        if fresh:
            self.start()

    def stop(self) -> None:
        """End the process, whatever it does."""
        with self._lock:
            if self._process is None:
                return
            self._process.terminate()
            self._process.join(2)
            if self._process.is_alive():
                self._process.kill()
                self._process.join(2)
            if self._pipe is not None:
                self._pipe.close()
            self._process = self._pipe = None

    def close(self) -> None:
        """End the process for good."""
        self._is_closed = True
        self.stop()


class ReadingLane:
    """Processes that read sounds while jobs run: facts, peaks, pictures."""

    def __init__(self, n_workers: int = 2) -> None:
        self._workers = [Worker("reading") for _ in range(n_workers)]
        self._free = list(self._workers)
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(n_workers, thread_name_prefix="reading")

    def call(self, task: Mapping[str, Any], warnings: list[str] | None = None) -> Any:
        """What a task gives; whatever it refuses is a `Refusal`. Blocks: call it in a thread."""
        return self._threads.submit(self._call, task, [] if warnings is None else warnings).result()

    def _call(self, task: Mapping[str, Any], warnings: list[str]) -> Any:
        def tell(kind: str, value: Any) -> None:
            if kind == "warning":
                warnings.append(value)

        with self._lock:
            # The one used last, which is warm; the other stays asleep as long as it can.
            worker = self._free.pop()
        try:
            kind, value = worker.run(task, tell, limit_s=_READING_S)
        finally:
            with self._lock:
                self._free.append(worker)
        if kind == "done":
            return value
        if kind == "refused":
            subject, problem, cure, error = value
            status = 413 if error in ("TooLongError", "MemoryError") else 422
            raise Refusal(status, subject, problem, cure)
        if kind == "cancelled":
            raise Refusal(422, "the sound", "takes too long to read", "give a shorter one")
        raise Refusal(422, "the sound", f"cannot be read: {value}", "give another")

    def rest(self) -> None:
        """Stop what has been idle for long."""
        with self._lock:
            for worker in self._free:
                worker.rest(fresh=False)

    def close(self) -> None:
        """End all processes."""
        for worker in self._workers:
            worker.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
