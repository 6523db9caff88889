"""Input files: opened where they are files or pipes, and read up to what their kind may have.

A device has no end, a pipe may have no writer, and a header may claim any size: a reader that goes
through here neither hangs nor takes more memory than its kind of file needs.
"""

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from cambiata.errors import InputError

_PIECE_BYTES = 1 << 20
# A shell starts both ends of a named pipe at about the same time; nobody waits longer for a hang.
_WRITER_S = 5.0
_POLL_S = 0.02


def read_input(path: str | Path, what: str, *, most_bytes: int, too_large: str = "") -> bytes:
    """Bytes of a file or a pipe, of `most_bytes` at most; `too_large` is the cure beyond.

    >>> read_input("nowhere.mid", "a score", most_bytes=8)
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.mid: no such file; check the path
    """
    data = bytearray()
    for piece in input_pieces(path, what):
        data += piece
        if len(data) > most_bytes:
            problem = f"has more than {most_bytes / 2**20:g} MiB, too much for {what}"
            raise InputError(str(path), problem, too_large or "choose another file")
    return bytes(data)


def input_pieces(path: str | Path, what: str, name: str | None = None) -> Iterator[bytes]:
    """Bytes of a file or a pipe, piece by piece; refused where it is neither or may not be read.

    `what` it is to be ("a score") and its `name`, else its path, are for messages.
    """
    name = str(path) if name is None else name
    try:
        number = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | _nonblocking())
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:  # ValueError: a null byte
        raise InputError(name, "no such file", "check the path") from error
    except IsADirectoryError as error:
        raise InputError(name, "is a folder", f"name {what} in it") from error
    except PermissionError as error:
        # Windows says so of folders, too.
        if Path(path).is_dir():
            raise InputError(name, "is a folder", f"name {what} in it") from error
        raise InputError(name, "may not be read", "change its permissions") from error
    except OSError as error:
        raise _unreadable(name, error) from error
    try:
        yield from _pieces(number, name, what)
    except OSError as error:
        raise _unreadable(name, error) from error
    finally:
        os.close(number)


def _nonblocking() -> int:
    """Flag that lets a pipe without a writer be opened; Windows has neither."""
    return getattr(os, "O_NONBLOCK", 0)


def _unreadable(name: str, error: OSError) -> InputError:
    return InputError(name, f"cannot be read ({error.strerror})", "check the path")


def _pieces(number: int, name: str, what: str) -> Iterator[bytes]:
    mode = os.fstat(number).st_mode
    if stat.S_ISDIR(mode):
        raise InputError(name, "is a folder", f"name {what} in it")
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        raise InputError(name, "is a device, not a file", f"name {what}")
    if not stat.S_ISREG(mode):
        yield _first_of_pipe(number, name)
    while piece := os.read(number, _PIECE_BYTES):
        yield piece


def _first_of_pipe(number: int, name: str) -> bytes:
    """First bytes of a pipe: empty where a writer is there but has none yet, or is done."""
    end = time.monotonic() + _WRITER_S
    try:
        while not (first := os.read(number, _PIECE_BYTES)):
            if time.monotonic() > end:
                raise InputError(name, "is a pipe that nothing is written to", "name a file")
            time.sleep(_POLL_S)
    except BlockingIOError:  # a writer is there
        first = b""
    os.set_blocking(number, True)
    return first
