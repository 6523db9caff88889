"""What was heard in a content, kept from `listen` until it is played."""

import threading
from typing import Generic, TypeVar

from cambiata.arrays import Samples

_Heard = TypeVar("_Heard")


class Listened(Generic[_Heard]):
    """What was heard in the content that a thread listened to last; each thread has its own."""

    def __init__(self) -> None:
        self._last = threading.local()

    def to(self, content: Samples) -> _Heard | None:
        """What was heard in this very array, if it was the last."""
        last: tuple[Samples, _Heard] | None = getattr(self._last, "pair", None)
        return last[1] if last is not None and last[0] is content else None

    def keep(self, content: Samples, heard: _Heard) -> _Heard:
        """What was heard, now kept."""
        self._last.pair = content, heard
        return heard

    def forget(self) -> None:
        """Give the memory back."""
        self._last.pair = None
