"""What can be made again: stored with its hash, and made anew where it is not whole.

A cache that is damaged, cut off, empty, of another version or something else altogether is as good
as none; one that cannot be written costs time, no more. Files are written beside their places and
renamed (`files`): of two processes that make one thing at once the later one's stays.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from cambiata.files import write_bytes

_MAGIC = b"cambiata cache 1 "  # a SHA-256 and a line's end follow, then what was stored
_HEAD = len(_MAGIC) + 65
_SUFFIX = ".sha256"  # of a file's hash beside it
_BLOCK_BYTES = 1 << 20


def read_cached(place: Path) -> bytes | None:
    """What was stored at a place; None where it is not there, whole and as it was.

    >>> read_cached(Path("nowhere")) is None
    True
    """
    try:
        if not place.is_file():
            return None
        data = place.read_bytes()
    except OSError:
        return None
    stored = data[_HEAD:]
    return stored if data[:_HEAD] == _head(stored) else None


def write_cached(place: Path, data: bytes) -> None:
    """Store bytes, or leave it where that cannot be done."""
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.is_dir():
            place.rmdir()  # not ours if anything is in it
        write_bytes(place, _head(data) + data)


def cached(place: Path, make: Callable[[], bytes]) -> bytes:
    """What was stored at a place, or else what `make` gives, which is stored."""
    stored = read_cached(place)
    if stored is None:
        stored = make()
        write_cached(place, stored)
    return stored


def _head(data: bytes) -> bytes:
    return _MAGIC + hashlib.sha256(data).hexdigest().encode() + b"\n"


def note_hash(place: Path) -> None:
    """Note a file's hash beside it, for `is_as_noted`."""
    write_bytes(_beside(place), file_hash(place).encode())


def is_as_noted(place: Path) -> bool:
    """Whether a file is there and as it was when its hash was noted."""
    with suppress(OSError):
        return place.is_file() and _beside(place).read_bytes() == file_hash(place).encode()
    return False


def file_hash(place: Path) -> str:
    """SHA-256 of a file, read block by block."""
    digest = hashlib.sha256()
    with place.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _beside(place: Path) -> Path:
    return place.with_name(place.name + _SUFFIX)
