"""One item's work, in a worker process: the verb is run as the command line runs it."""

import io
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path

from cambiata.batches import places
from cambiata.errors import CambiataError, CambiataWarning, InputError
from cambiata.scratch import scratch_folder

_MESSAGE_LENGTH = 1000  # of a message, which a file's name may make long


@dataclass(frozen=True)
class Task:
    """One item, as it is sent to a worker."""

    index: int  # among the batch's items
    words: tuple[str, ...]  # of the whole command
    reads: tuple[str, ...]
    writes: tuple[str, ...]  # the output first


@dataclass(frozen=True)
class Outcome:
    """What became of it."""

    is_done: bool
    seconds: float
    message: str = ""
    inputs: dict[str, str] = field(default_factory=dict)
    output_sha256: str = ""


def work(task: Task) -> Outcome:
    """Run a verb on one item."""
    began = time.perf_counter()
    _prepare()
    inputs: dict[str, str] = {}
    try:
        inputs = {place: _fingerprint_of_input(place) for place in task.reads}
        with _brought_here(task) as words:
            code, message = _run(words)
            message = _in_own_names(message, task.words, words)
            if code:
                raise CambiataError(message or f"ended with exit code {code}")
        made = places.fingerprint(task.writes[0])
    except (CambiataError, OSError) as error:
        made = _made_nevertheless(task.writes[0])
        seconds = time.perf_counter() - began
        return Outcome(False, seconds, str(error)[:_MESSAGE_LENGTH], inputs, made)
    return Outcome(True, time.perf_counter() - began, message[:_MESSAGE_LENGTH], inputs, made)


def _fingerprint_of_input(place: str) -> str:
    try:
        return places.fingerprint(place)
    except FileNotFoundError as error:  # of a URL, whose file system may say nothing but the name
        raise InputError(place, "no such file", "check the URL") from error


def _made_nevertheless(output: str) -> str:
    """Fingerprint of an output that is there although its item failed, so that it is ours."""
    with suppress(CambiataError, OSError):
        return places.fingerprint(output)
    return ""


@cache
def _prepare() -> None:
    """Set the process up as the command line does; once a process."""
    import_module("cambiata.cli.main").limit_heaps()


def _run(words: Sequence[str]) -> tuple[int, str]:
    """Exit code of a command and its message: why it failed, else its warnings."""
    main = import_module("cambiata.cli.main")  # stands above: by name, as verbs are
    printed = io.StringIO()
    with (
        redirect_stdout(io.StringIO()),
        redirect_stderr(printed),
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("always", CambiataWarning)
        code, message = main.outcome(list(words))
    if code:
        lines = printed.getvalue().strip().splitlines()
        return code, message or (lines[-1] if lines else "")
    ours = [str(each.message) for each in caught if issubclass(each.category, CambiataWarning)]
    return 0, "; ".join(main.in_line(each) for each in ours)


@contextmanager
def _brought_here(task: Task) -> Iterator[list[str]]:
    """Words with paths of this machine; what is written goes to its URLs at the end."""
    reads = [each for each in task.reads if places.is_remote(each)]
    writes = [each for each in task.writes if places.is_remote(each)]
    for place in task.writes:
        if not places.is_remote(place):
            Path(place).parent.mkdir(parents=True, exist_ok=True)
    if not reads and not writes:
        yield list(task.words)
        return
    with scratch_folder(Path(tempfile.gettempdir())) as scratch:
        here: dict[str, str] = {}
        for number, url in enumerate((*reads, *writes)):
            folder = scratch / str(number)
            folder.mkdir()
            is_read = number < len(reads)
            local = places.fetch(url, folder) if is_read else folder / places.name_of(url)
            here[url] = str(local)
        yield [_replaced(word, here) for word in task.words]
        for url in reversed(writes):  # the output last
            made = Path(here[url])
            if made.exists():
                places.publish(made.parent, places.folder_of(url), made.name)
            elif url == task.writes[0]:
                raise InputError(url, "was not written", "see what the verb says of this input")


def _replaced(word: str, here: dict[str, str]) -> str:
    """A word whose URL has become a path: alone, as an option's value, or with a share."""
    for url, path in here.items():
        if word == url or word.endswith(f"={url}") or word.startswith(f"{url}="):
            return word.replace(url, path)
    return word


def _in_own_names(message: str, words: Sequence[str], local: Sequence[str]) -> str:
    """A message that names URLs, not the scratch files in their places."""
    for word, other in zip(words, local, strict=True):
        if word != other:
            message = message.replace(other.rpartition("=")[2], word.rpartition("=")[2])
    return message
