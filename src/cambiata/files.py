"""Output files: the one place that checks where an output may go, and the one that writes it whole.

Everything that can be refused about an output is refused before any work is done
(`check_output`, `check_not_input`). A file or a folder is made in a scratch folder beside its place
and moved there when it is whole; when anything fails on the way, what was there before stays
(`atomic_file`, `atomic_files`, `atomic_folder`).
"""

import os
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.errors import InputError
from cambiata.scratch import REPLACED, scratch_folder

Refusal = tuple[str, str]
"""A problem and its cure; {folder} stands for the folder that the output is to lie in."""

MIDI_SUFFIXES = (".mid", ".midi")
# Of MIDI files that are read; .kar has karaoke's words as well, .rmi is RIFF around it.
MIDI_INPUT_SUFFIXES = (*MIDI_SUFFIXES, ".kar", ".smf", ".rmi")
MUSICXML_SUFFIXES = (".musicxml", ".xml", ".mxl")


# Files that this process has put in their places, or was about to, and their inodes: the last ones.
_finished: deque[tuple[Path, int]] = deque(maxlen=64)
_OR_REPLACE = "choose another name, or replace it with `force=True`"


def is_sound(head: bytes) -> bool:
    """Whether a file that begins with these bytes is a recording of a usual kind.

    >>> is_sound(b"RIFF....WAVEfmt ")
    True
    """
    magic, kind = head[:4], head[8:12]
    in_chunks = magic in (b"RIFF", b"RF64") and kind == b"WAVE"
    in_chunks = in_chunks or (magic == b"FORM" and kind in (b"AIFF", b"AIFC"))
    is_mpeg = magic[:3] == b"ID3" or (magic[:1] == b"\xff" and magic[1:2] >= b"\xe0")
    return in_chunks or magic in (b"fLaC", b"OggS") or head[4:8] == b"ftyp" or is_mpeg


def is_midi(head: bytes) -> bool:
    """Whether a file that begins with these twelve bytes or more is MIDI, bare or in RIFF.

    >>> is_midi(b"RIFF....RMIDdata")
    True
    """
    return head[:4] == b"MThd" or (head[:4] == b"RIFF" and head[8:12] == b"RMID")


@dataclass(frozen=True)
class OutputKind:
    """The checks that an output of a kind has to pass, each with its message; None: no check."""

    suffixes: tuple[str, ...] = ()
    wrong_suffix: Refusal = ("has the wrong extension", "choose another name")
    no_folder: Refusal | None = ("its folder does not exist", "make it first")
    is_folder: Refusal | None = ("is a folder", "name a file")
    is_file: Refusal | None = None
    not_writable: Refusal | None = ("the folder {folder} may not be written", "choose another")
    exists: Refusal | None = ("exists", _OR_REPLACE)
    foreign: Refusal = ("is not of this command's making", "choose another name")
    ignores_case: bool = True  # of the extension
    names_folder: bool = False  # a missing folder is refused by its own name, not by the output's


FILE = OutputKind()
MIDI = OutputKind(MIDI_SUFFIXES, ("is not the name of a MIDI file", "name it NAME.mid"))
SCORE = OutputKind(
    (*MIDI_SUFFIXES, *MUSICXML_SUFFIXES),
    ("is not a score format that is written", "name it .mid or .musicxml"),
)
MUSICXML = OutputKind(
    MUSICXML_SUFFIXES, ("is not the name of a MusicXML file", "name it NAME.musicxml")
)
PICTURE = OutputKind((".svg", ".png"), ("is not a kind of picture", "name it .svg or .png"))
PAGE = OutputKind((".html", ".htm"), ("is not the name of a page", "name it .html"))
RESULTS = OutputKind(exists=None)
SOUND = OutputKind(
    no_folder=("the folder {folder} does not exist", "create it first"),
    is_folder=("is a folder", "name a file in it"),
    exists=("exists", _OR_REPLACE),
)
TIMBRE = OutputKind(
    (".timbre",),
    ("is not a .timbre file", "name it NAME.timbre"),
    no_folder=("the folder {folder} does not exist", "create it first"),
    exists=("exists", _OR_REPLACE),
    ignores_case=False,
)
WEIGHTS = OutputKind(
    (".onnx",),
    ("is not a .onnx file", "name it NAME.onnx"),
    no_folder=("is not a folder", "make it first"),
    exists=("exists", _OR_REPLACE),
    ignores_case=False,
    names_folder=True,
)
DOMAIN = OutputKind(no_folder=None, exists=("exists", _OR_REPLACE))
TRAINING_RUN = OutputKind(
    no_folder=None,
    is_folder=None,
    exists=("exists", "go on with `cambiata train resume`, or replace it with `force=True`"),
)
RENDERED_SCORES = OutputKind(is_folder=None)
NOTE_PACK = OutputKind(
    is_folder=None,
    is_file=("is a file", "name a folder"),
    foreign=("holds something other than a pack", "choose another name"),
)
REPORT = OutputKind(
    is_folder=None, foreign=("is not a report that may be replaced", "choose another name")
)
# Folders that a command goes on with where they are of its own making.
EVALUATION = OutputKind(
    no_folder=None,
    is_folder=None,
    is_file=("is a file", "choose another name"),
    exists=None,
    foreign=("is not empty and not a run", "choose another folder"),
)
BANK = OutputKind(
    no_folder=None,
    is_folder=None,
    is_file=("is a file", "name a folder"),
    exists=None,
    foreign=("holds something other than a bank", "name another"),
)


def check_output(
    path: str | Path,
    kind: OutputKind = FILE,
    *,
    force: bool = False,
    name: str | None = None,
    is_own: Callable[[Path], bool] = lambda _place: True,
) -> Path:
    """Place of an output, refused (`InputError`) where it may not be written.

    `force` lets it replace what is there, as long as `is_own` says that it may be replaced; `name`
    is what messages call it, else the path.
    """
    place = Path(path)

    def refuse(refusal: Refusal, subject: object = name or path) -> None:
        problem, cure = refusal
        raise InputError(str(subject), problem.format(folder=place.parent), cure)

    suffix = place.suffix.lower() if kind.ignores_case else place.suffix
    if kind.suffixes and suffix not in kind.suffixes:
        refuse(kind.wrong_suffix)
    folder = place.absolute().parent
    if kind.no_folder and not folder.is_dir():
        refuse(kind.no_folder, place.parent if kind.names_folder else path)
    if kind.is_folder and place.is_dir():
        refuse(kind.is_folder)
    if kind.is_file and place.exists() and not place.is_dir():
        refuse(kind.is_file)
    if kind.not_writable and folder.is_dir() and not os.access(folder, os.W_OK):
        refuse(kind.not_writable)
    if kind.exists and place.exists() and not force:
        refuse(kind.exists)
    if place.exists() and not is_own(place):
        refuse(kind.foreign)
    return place


def check_not_input(output: str | Path, role: str, path: str | Path) -> None:
    """Refuse an output that is an input, by whatever path; "-" is a pipe and never the same.

    >>> check_not_input("/", "the content", "/")
    Traceback (most recent call last):
    cambiata.errors.InputError: /: is also the content; choose another output
    """
    if str(output) == "-" or str(path) == "-":
        return
    with suppress(OSError):  # one of them does not exist: refused elsewhere
        if Path(path).samefile(output):
            raise InputError(str(output), f"is also {role}", "choose another output")


def cache_folder() -> Path:
    """Folder of what can be made again: by XDG_CACHE_HOME, else in the user's home, if any."""
    if named := os.environ.get("XDG_CACHE_HOME"):
        return Path(named) / "cambiata"
    try:
        return Path.home() / ".cache" / "cambiata"
    except RuntimeError:  # neither HOME nor an entry among the system's users
        return Path(tempfile.gettempdir()) / "cambiata"


def check_not_inputs(output: str | Path, inputs: Mapping[str, str | Path]) -> None:
    """Refuse an output that is one of several inputs, which are given by their roles."""
    for role, path in inputs.items():
        check_not_input(output, role, path)


@contextmanager
def atomic_files(*places: Path, force: bool = True) -> Iterator[list[Path]]:
    """Paths to write, moved to their places in the order given when the block ends well.

    They lie in a scratch folder beside the first place, under their own names. A folder of its own
    also gives a new file the permissions of any other, which `tempfile.mkstemp` does not; one that
    is replaced hands on its own. Without `force`, a place that another process has taken meanwhile
    is refused (`InputError`).
    """
    with scratch_folder(places[0].absolute().parent) as scratch:
        unfinished = [scratch / place.name for place in places]
        yield unfinished
        for each, place in zip(unfinished, places, strict=True):
            _put(each, place, force)


def _put(unfinished: Path, place: Path, force: bool) -> None:
    """Move a whole file to its place."""
    _finished.append((place, unfinished.stat().st_ino))
    if force:
        with suppress(FileNotFoundError):
            shutil.copymode(place, unfinished)
        unfinished.replace(place)
        return
    try:
        _put_anew(unfinished, place)
    except FileExistsError as error:
        raise InputError(str(place), "exists", _OR_REPLACE) from error


def _put_anew(unfinished: Path, place: Path) -> None:
    """Move a whole file to a place where none is: of two processes one is refused."""
    try:
        os.link(unfinished, place)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        os.close(os.open(place, os.O_CREAT | os.O_EXCL))
        unfinished.replace(place)


def finished_files() -> list[Path]:
    """Files that this process has put in their places and that are there: for interruptions."""
    found = []
    for place, number in list(_finished):  # other threads may put more in their places
        with suppress(OSError):
            if place.stat().st_ino == number:
                found.append(place)
    return found


@contextmanager
def atomic_file(place: Path, *, force: bool = True) -> Iterator[Path]:
    """A path to write, moved to its place when the block ends well; `force` as in `atomic_files`.

    >>> place = Path(tempfile.mkdtemp()) / "a.txt"
    >>> with atomic_file(place) as unfinished:
    ...     _ = unfinished.write_text("whole")
    >>> [path.name for path in place.parent.iterdir()]
    ['a.txt']
    """
    with atomic_files(place, force=force) as [unfinished]:
        yield unfinished


@contextmanager
def atomic_folder(place: Path) -> Iterator[Path]:
    """An empty folder to fill, put in the place of what lay there when the block ends well."""
    with scratch_folder(place.absolute().parent) as scratch:
        unfinished = scratch / "new"
        unfinished.mkdir()
        yield unfinished
        replaced = scratch / REPLACED / place.name
        replaced.parent.mkdir()
        try:
            if place.exists():
                place.replace(replaced)
            unfinished.replace(place)
        except BaseException:  # a signal, too: what lay there comes back
            if replaced.exists() and not place.exists():
                replaced.replace(place)
            raise


def write_text(place: Path, text: str, *, force: bool = True) -> None:
    """Write text in UTF-8, whole or not at all; what is no Unicode, as in old names, as "?"."""
    with atomic_file(place, force=force) as unfinished:
        unfinished.write_text(text, "utf-8", errors="replace")


def write_bytes(place: Path, data: bytes, *, force: bool = True) -> None:
    """Write bytes, whole or not at all."""
    with atomic_file(place, force=force) as unfinished:
        unfinished.write_bytes(data)


def write_array(place: Path, array: npt.NDArray[Any]) -> None:
    """Write an array as .npy, whole or not at all."""
    with atomic_file(place) as unfinished, unfinished.open("wb") as file:
        np.save(file, array)


def write_arrays(place: Path, **arrays: npt.NDArray[Any]) -> None:
    """Write arrays by their names as .npz, whole or not at all."""
    with atomic_file(place) as unfinished, unfinished.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
