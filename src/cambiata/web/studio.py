"""The studio as a whole: what the routes share, begun and ended with the server."""

import shutil
import threading
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from cambiata.web.changes import Changes
from cambiata.web.jobs import Jobs
from cambiata.web.lanes import ReadingLane
from cambiata.web.limits import Limits
from cambiata.web.sounds import Sounds
from cambiata.web.store import Store

_HOUSEKEEPING_S = 30.0


class Studio:
    """Store, processes and jobs."""

    def __init__(
        self,
        folder: Path,
        limits: Limits | None = None,
        *,
        n_workers: int,
        token: str | None = None,
        examples: bool = True,
        warm: bool = True,
    ) -> None:
        self.limits = limits or Limits()
        self.token = token
        self._has_examples = examples
        self.store = Store(folder)
        self.changes = Changes()
        self._lane = ReadingLane()
        self.sounds = Sounds(self.store, self.limits, self._lane)
        self.jobs = Jobs(self.store, self.limits, self.changes, n_workers, warm=warm)
        self.has_ffmpeg = shutil.which("ffmpeg") is not None
        self.examples_ready = threading.Event()
        self._closing = threading.Event()
        self._housekeeper = threading.Thread(target=self._keep_house, daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self.jobs.start()
        self._housekeeper.start()

    def close(self) -> None:
        """Stop all processes; what is not done is done by the next server."""
        self._closing.set()
        self.jobs.close()
        self._lane.close()
        self._housekeeper.join(5)
        self.store.close()

    def _keep_house(self) -> None:
        """Put the examples into place, then forget what has expired and stop what is idle."""
        try:
            if self._has_examples:
                self.sounds.add_examples()
        except Exception:
            if not self._closing.is_set():
                raise
        finally:
            self.examples_ready.set()
        while not self._closing.wait(_HOUSEKEEPING_S):
            self.sounds.forget_expired(self.jobs.needs)
            self._lane.rest()


def _studio_of(request: Request) -> Studio:
    studio: Studio = request.app.state.studio
    return studio


Here = Annotated[Studio, Depends(_studio_of)]
"""The studio that a route belongs to."""
