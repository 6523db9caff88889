"""What a sound file really holds, whatever its header says: parts, read one after the other."""

from dataclasses import dataclass
from io import SEEK_END
from typing import BinaryIO

from cambiata.audio.codecs.spliced import Piece


@dataclass(frozen=True)
class Part:
    """Stretch of a file that is one stream of sound to libsndfile."""

    pieces: tuple[Piece, ...] = ()  # as it should be read; none: the file as it is
    n_samples: int | None = None  # of each channel; None: as many as libsndfile says
    # A codec of fixed blocks fills up its last one: the sound's own length, and a block's.
    n_before_filling: int | None = None
    block_samples: int = 0


@dataclass(frozen=True)
class Layout:
    """All parts of a file, and what is wrong with it."""

    parts: tuple[Part, ...] = (Part(),)
    problem: str = ""  # in words that follow "NAME: "
    breaks_off: bool = False  # it ends where no whole file does
    missing_share: float = 0.0  # of what is there; 0 where the file does not say


class Window:
    """Bytes of a file near a position, read in large steps."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, SEEK_END)
        self._start, self._bytes = 0, b""

    def at(self, position: int, length: int) -> bytes:
        """So many bytes from a position on; fewer at the end."""
        if position >= self.size:  # a damaged header may name any place
            return b""
        inside = position - self._start
        if inside < 0 or inside + length > len(self._bytes):
            self._file.seek(position)
            # 64 KiB: hundreds of frames a read; more gains nothing.
            self._start, self._bytes = position, self._file.read(max(length, 1 << 16))
            inside = 0
        return self._bytes[inside : inside + length]


def patched(window: Window, changes: dict[int, bytes], end: int | None = None) -> tuple[Piece, ...]:
    """The file, up to a byte, with some bytes changed."""
    pieces: list[Piece] = []
    at = 0
    for place in sorted(changes):
        pieces += [(at, place), changes[place]]
        at = place + len(changes[place])
    return (*pieces, (at, window.size if end is None else end))
