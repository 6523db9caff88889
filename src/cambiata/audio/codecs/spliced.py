"""Files as decoders should find them: stretches of a file on disk, with bytes put in between."""

import os
from bisect import bisect_right
from itertools import accumulate
from pathlib import Path
from typing import Any

Piece = bytes | int | tuple[int, int]
"""Bytes, a number of zeros, or a stretch of the file: its first byte, the one after its last."""


class SplicedFile:
    """Binary file for reading, made of pieces of another; nothing is copied."""

    def __init__(self, path: Path, pieces: tuple[Piece, ...]) -> None:
        self._file = path.open("rb")
        self._pieces = pieces
        self._starts = [0, *accumulate(map(_size, pieces))]
        self._at = 0

    def close(self) -> None:
        """Close the file on disk."""
        self._file.close()

    def tell(self) -> int:
        """Position, in bytes of what is presented."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position, as `io.IOBase.seek` does."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._starts[-1]}[whence]
        self._at = max(0, origin + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with what comes next; fewer bytes only at the end."""
        view = memoryview(buffer).cast("B")
        n_read = 0
        while n_read < len(view) and self._at < self._starts[-1]:
            i = bisect_right(self._starts, self._at) - 1
            piece, inside = self._pieces[i], self._at - self._starts[i]
            n_wanted = min(len(view) - n_read, self._starts[i + 1] - self._at)
            if isinstance(piece, bytes):
                data = piece[inside : inside + n_wanted]
            elif isinstance(piece, int):
                data = bytes(n_wanted)
            else:
                self._file.seek(piece[0] + inside)
                data = self._file.read(n_wanted)
            if not data:  # the file on disk became shorter
                break
            view[n_read : n_read + len(data)] = data
            n_read += len(data)
            self._at += len(data)
        return n_read

    def read(self, size: int = -1) -> bytes:
        """Bytes that come next."""
        left = max(0, self._starts[-1] - self._at)
        buffer = bytearray(left if size < 0 else min(size, left))
        return bytes(buffer[: self.readinto(buffer)])


def _size(piece: Piece) -> int:
    if isinstance(piece, int):
        return piece
    return len(piece) if isinstance(piece, bytes) else piece[1] - piece[0]
