"""Scratch files and folders, and locks on them, by which what killed runs have left is told."""

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from cambiata.errors import CambiataError, InputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_SCRATCH = ".cambiata-scratch-"
# Of a file that one run at a time may use; removed as scratch is.
_IN_USE = f"{_SCRATCH}in-use-"
REPLACED = "replaced"  # in a scratch folder: what is on its way out
# A scratch folder is locked a moment after it is made; younger ones are let be.
_STALE_S = 60.0
# Others hold the lock for microseconds, or until a stopped one goes on.
_LOCK_TRIES, _LOCK_STEP_S = 100, 0.005


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """A folder for unfinished files, gone when the block ends, as is what killed runs left there.

    It is locked as long as its process lives, so that the next run in `parent` knows what is stale.
    """
    try:
        _remove_stale(parent)
        with _new_folder(parent) as (folder, lock):
            try:
                yield Path(folder)
            finally:
                if lock is not None:
                    os.close(lock)
    except OSError as error:
        if parent.is_dir():
            raise
        problem, cure = "was removed in the meantime", "make it again, then run this again"
        raise InputError(str(parent), problem, cure) from error


@contextmanager
def scratch_file(folder: str | None = None) -> Iterator[IO[bytes]]:
    """A nameless file that is gone when the block ends; too little room for it is said."""
    with room_needed(folder), tempfile.TemporaryFile(dir=folder) as file:
        yield file


@contextmanager
def room_needed(folder: str | None) -> Iterator[None]:
    """Say which folder has too little room for what the block writes there."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        place = folder or tempfile.gettempdir()
        problem = "has no room for a scratch file; free some there"
        raise CambiataError(f"{place}: {problem}") from error


@contextmanager
def _new_folder(parent: Path) -> Iterator[tuple[str, int | None]]:
    """A new folder, and its lock.

    Another run, or another thread of this one, may hold the lock for the moment that it takes to
    see that the folder is young; where clocks have jumped, it may take it for old and remove it.
    """
    for last_try in (False, False, True):
        with tempfile.TemporaryDirectory(dir=parent, prefix=_SCRATCH) as folder:
            lock = _lock_own(folder)
            if Path(folder).is_dir() or last_try:
                yield folder, lock
                return
            if lock is not None:
                os.close(lock)


def _lock_own(folder: str) -> int | None:
    """As `_lock`, once whoever looks at the folder has seen that it is young."""
    for _ in range(_LOCK_TRIES):
        with suppress(BlockingIOError):
            return _open_locked(folder)
        time.sleep(_LOCK_STEP_S)
    return None


def _remove_stale(parent: Path) -> None:
    """Remove scratch folders whose processes are gone, first putting back what they had moved."""
    for folder in parent.glob(f"{_SCRATCH}*"):
        lock = _lock(folder)
        if lock is None:
            continue
        with suppress(OSError):
            # Either way: a folder from the future was made before a clock was set back.
            if abs(time.time() - folder.stat().st_mtime) > _STALE_S:
                for moved in (folder / REPLACED).glob("*"):
                    if not (parent / moved.name).exists():
                        moved.replace(parent / moved.name)
                shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _lock(folder: str | Path) -> int | None:
    """Descriptor that holds a folder's lock until it is closed or the process ends.

    None where another process has it, or where folders cannot be locked: on Windows and on some
    network drives nothing is ever stale.
    """
    with suppress(BlockingIOError):
        return _open_locked(folder)
    return None


def _open_locked(folder: str | Path) -> int | None:
    """As `_lock`, but BlockingIOError is raised where another process has the lock."""
    if fcntl is None:
        return None
    try:
        number = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(number)
        if isinstance(error, BlockingIOError):
            raise
        return None
    return number


@contextmanager
def sole_user(place: Path) -> Iterator[None]:
    """Refuse (`InputError`) a file that another caller uses so, in this process or in another.

    A folder beside the file is locked until the block or its process ends, however that ends. Where
    folders cannot be locked (`_lock`) nothing is refused.
    """
    folder = place.absolute().parent / f"{_IN_USE}{place.name}"
    try:
        lock = _lock_sole(folder)
    except BlockingIOError:
        problem, cure = "is in use by another run", "wait for that to end, or name another file"
        raise InputError(str(place), problem, cure) from None
    try:
        yield
    finally:
        with suppress(OSError):
            folder.rmdir()  # first, so that who locks it next sees that it is gone
        if lock is not None:
            os.close(lock)


def _lock_sole(folder: Path) -> int | None:
    """Descriptor that holds the lock of a folder, which is made; None where none can be locked.

    Raises BlockingIOError where another has it.
    """
    for _ in range(_LOCK_TRIES):
        with suppress(OSError):
            folder.mkdir()
        with suppress(BlockingIOError):
            lock = _open_locked(folder)
            if lock is None or _is_at(folder, lock):
                return lock
            os.close(lock)  # another has removed it meanwhile
        time.sleep(_LOCK_STEP_S)
    raise BlockingIOError


def _is_at(folder: Path, number: int) -> bool:
    """Whether what a descriptor holds is still there by its name."""
    with suppress(OSError):
        return folder.stat().st_ino == os.fstat(number).st_ino
    return False
