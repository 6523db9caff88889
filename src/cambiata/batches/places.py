"""Files of a batch: on this machine by path, or by URL on any file system of fsspec (S3, ...)."""

import hashlib
import os
import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from cambiata.errors import InputError, MissingExtraError

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # two letters or more: C:// is a drive
# What file systems call the thing that changes with a file's content, the surest first.
_MARKS = ("ETag", "etag", "md5Hash", "checksum", "LastModified", "mtime", "created")
_PART = ".cambiata-part-"  # begins the names of what is not all there yet
_PIECE_BYTES = 1 << 20
_REASON_LENGTH = 200  # of what a file system says; S3's lines are shorter


def is_remote(place: str) -> bool:
    """Whether a place is a URL of a file system other than this machine's.

    >>> is_remote("s3://bucket/a.wav"), is_remote("file:///a.wav"), is_remote("a.wav")
    (True, False, False)
    """
    return bool(_URL.match(place)) and not place.startswith("file://")


def as_path(place: str) -> str:
    """A place as it is named here: file:// is left out.

    >>> as_path("file:///songs/a.wav"), as_path("s3://bucket/a.wav")
    ('/songs/a.wav', 's3://bucket/a.wav')
    """
    return place.removeprefix("file://")


def name_of(place: str) -> str:
    """Last part of a path or URL.

    >>> name_of("s3://bucket/songs/a.wav")
    'a.wav'
    """
    return PurePosixPath(place).name if is_remote(place) else Path(place).name


def folder_of(place: str) -> str:
    """All but the last part of a path or URL.

    >>> folder_of("s3://bucket/songs/a.wav"), folder_of("a.wav")
    ('s3://bucket/songs', '.')
    """
    return place.rpartition("/")[0] if is_remote(place) else str(Path(place).parent)


def identity(place: str) -> str:
    """The same for two names of one place, as far as names show it."""
    return place if is_remote(place) else os.path.normcase(Path(place).absolute())


def _open(url: str) -> tuple[Any, str]:
    """File system of a URL, and the path there."""
    try:
        import fsspec
    except ModuleNotFoundError as error:
        raise MissingExtraError(url, "cluster") from error
    try:
        fs, path = fsspec.core.url_to_fs(url)
    except ImportError as error:  # its line names the package
        reason = " ".join(str(error).split())
        raise InputError(url, f"needs another package ({reason})", "install that") from error
    except ValueError as error:
        raise InputError(url, "is on no file system that is known", "check the URL") from error
    return fs, path


@contextmanager
def _reached(url: str) -> Iterator[tuple[Any, str]]:
    """File system of a URL, and the path there; whatever fails on the way is refused by the URL.

    Each file system has errors of its own: no credentials, no answer, no permission.
    """
    fs, path = _open(url)
    try:
        yield fs, path
    except (InputError, FileNotFoundError):
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:_REASON_LENGTH] or type(error).__name__
        cure = "check the URL, and the credentials and endpoint that fsspec is configured with"
        raise InputError(url, f"cannot be reached ({reason})", cure) from error


def exists(place: str) -> bool:
    """Whether something is there."""
    if not is_remote(place):
        return Path(place).exists()
    with _reached(place) as (fs, path):
        fs.invalidate_cache()
        return bool(fs.exists(path))


def found_in(folder: str, suffixes: Sequence[str]) -> list[str] | None:
    """Files of a folder that end so, sorted; None where the place is no folder."""
    if not is_remote(folder):
        place = Path(folder)
        if not place.is_dir():
            return None
        inside = [str(each) for each in sorted(place.iterdir()) if each.is_file()]
    else:
        with _reached(folder) as (fs, path):
            if not fs.isdir(path):
                return None
            listed = sorted(fs.ls(path, detail=True), key=lambda each: str(each["name"]))
        inside = [fs.unstrip_protocol(each["name"]) for each in listed if each["type"] == "file"]
    names = [(each, name_of(each)) for each in inside]
    return [
        each
        for each, name in names
        if not name.startswith(".") and name.lower().endswith(tuple(suffixes))
    ]


def matches(pattern: str) -> list[str]:
    """Remote places that a pattern with stars names, sorted."""
    with _reached(pattern) as (fs, path):
        return sorted(fs.unstrip_protocol(each) for each in fs.glob(path))


def fingerprint(place: str) -> str:
    """What changes with a content: SHA-256 of a file or a folder; of a URL, its size and mark.

    A URL's content is not fetched for it: file systems keep a mark (an ETag, a time). Where nothing
    is there, FileNotFoundError is raised.
    """
    if is_remote(place):
        with _reached(place) as (fs, path):
            fs.invalidate_cache()
            facts = fs.info(path)
        mark = next((str(facts[each]) for each in _MARKS if facts.get(each)), "")
        return f"{facts.get('size')} {mark.strip(chr(34))}"
    here = Path(place)
    if not here.is_dir():
        facts = here.stat()
        return _sha256(str(here.absolute()), facts.st_size, facts.st_mtime_ns)
    digest = hashlib.sha256()
    for each in sorted(here.rglob("*")):
        if each.is_file():
            digest.update(f"{each.relative_to(here)}\0{fingerprint(str(each))}\0".encode())
    return digest.hexdigest()


# A style is every item's: it is read once a process. Few others come twice.
@lru_cache(maxsize=256)
def _sha256(path: str, _size: int, _mtime_ns: int) -> str:
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def check_buckets(folders: Iterable[str]) -> None:
    """Refuse remote folders in buckets that do not exist: some file systems would make these.

    Paths of file systems that have no buckets begin with a stroke.
    """
    checked = set()
    for folder in filter(is_remote, folders):
        with _reached(folder) as (fs, path):
            bucket = path.partition("/")[0]
            if bucket and (fs, bucket) not in checked and not fs.exists(bucket):
                raise InputError(folder, f"its bucket {bucket} does not exist", "make it first")
            checked.add((fs, bucket))


def fetch(url: str, folder: Path) -> Path:
    """A file or folder of a URL, copied into a folder of this machine."""
    place = folder / name_of(url)
    try:
        with _reached(url) as (fs, path):
            fs.get(path, str(place), recursive=bool(fs.isdir(path)))
    except FileNotFoundError as error:
        raise InputError(url, "no such file", "check the URL") from error
    return place


def publish(made: Path, folder: str, last: str) -> None:
    """Upload all that lies in a folder: under other names first, so that nothing is there by half.

    The file named `last` comes last: where it is, all is.
    """
    files = [each for each in sorted(made.rglob("*")) if each.is_file()]
    with _reached(folder) as (fs, path):
        for each in sorted(files, key=lambda file: file.name == last):
            place = f"{path}/{each.relative_to(made).as_posix()}"
            with suppress(FileExistsError):
                fs.makedirs(place.rpartition("/")[0], exist_ok=True)
            part = f"{path}/{_PART}{uuid.uuid4().hex}"
            try:
                fs.put_file(str(each), part)
                fs.mv(part, place)
            except BaseException:
                with suppress(Exception):
                    fs.rm(part)
                raise


def remove_parts(folder: str) -> None:
    """Remove what uploads of killed workers have left in a remote folder."""
    with _reached(folder) as (fs, path):
        fs.invalidate_cache()
        for part in fs.glob(f"{path}/{_PART}*"):
            with suppress(FileNotFoundError):
                fs.rm(part)
