"""The process that works: warm, told what to do through a pipe, ended where it does not stop."""

import gc
import os
import signal
import sys
import warnings
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from cambiata.errors import CambiataError, CambiataWarning, InputError

Task = Mapping[str, Any]
Message = tuple[str, Any]


class CancelledError(BaseException):
    """Raised from within the work when it is to stop; nothing on the way takes it for its own."""


def work(pipe: Connection, cancelled: Any, warm: str) -> None:
    """Do what comes through the pipe until it is closed.

    Messages back: ("ready", None), then for each task any number of ("progress", share) and
    ("warning", text), and at the end ("done", result), ("refused", words), ("failed", words) or
    ("cancelled", None).
    """
    # The terminal's interrupt is the server's affair, which closes the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)  # "-" would mean standard input
    _warm(warm)
    pipe.send(("ready", None))
    while True:
        try:
            task = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            pipe.send(_done(task, pipe, cancelled))
        except (BrokenPipeError, OSError):
            return
        _give_back_memory()


def _warm(kind: str) -> None:
    """Load what the first task will need."""
    if kind == "jobs":
        import numpy as np

        import cambiata

        t = np.arange(11025, dtype=np.float32) / 22050
        tone = sum(np.sin(2 * np.pi * 220 * k * t) / k for k in range(1, 6))
        sound = cambiata.Audio(0.2 * np.asarray(tone, np.float32), 22050)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cambiata.transfer(sound, sound)
            import cambiata.web.verb_work
    elif kind == "reading":
        import cambiata.web.sound_facts


def _give_back_memory() -> None:
    """Return to the system what a long sound took; glibc would keep it."""
    gc.collect()
    if sys.platform == "linux":
        import ctypes

        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def _done(task: Task, pipe: Connection, cancelled: Any) -> Message:
    """What a task ends with; its warnings and its progress are sent on the way."""

    def tell(share: float) -> None:
        if cancelled.is_set():
            raise CancelledError
        pipe.send(("progress", float(share)))

    def show(message: Warning | str, category: type[Warning], *_rest: Any, **_more: Any) -> None:
        if issubclass(category, CambiataWarning):
            pipe.send(("warning", str(message)))

    folder = Path(task["folder"])
    try:
        os.chdir(folder)
        with warnings.catch_warnings():
            warnings.simplefilter("always", CambiataWarning)
            warnings.showwarning = show
            return "done", _functions()[task["do"]](task, tell)
    except CancelledError:
        return "cancelled", None
    except InputError as error:
        kind = type(error).__name__
        return "refused", (error.subject, error.problem, error.cure, kind)
    except CambiataError as error:
        return "failed", str(error)
    except MemoryError:
        return "refused", ("the sound", "needs more memory than there is", "cut it", "MemoryError")
    except Exception as error:  # a bug, or a disk that is full: the server goes on
        return "failed", f"{type(error).__name__}: {error}"
    finally:
        os.chdir(folder.parent)


def _functions() -> dict[str, Callable[[Task, Callable[[float], None]], Any]]:
    """What a worker can do, by name."""
    from cambiata.web import score_notes, sound_facts, timbre_map, tool_work, verb_work
    from cambiata.web.limits import Limits

    def path(task: Task, name: str = "path") -> Path:
        return Path(task[name])

    return {
        "verb": verb_work.do,
        "tool": tool_work.do,
        "facts": lambda task, _: sound_facts.sound_facts(path(task), Limits(**task["limits"])),
        "playable": lambda task, _: sound_facts.write_playable(path(task), path(task, "output")),
        "convert": lambda task, _: sound_facts.convert(path(task), path(task, "output")),
        "peaks": lambda task, _: sound_facts.peaks(path(task), task["columns"]),
        "spectrogram": lambda task, _: sound_facts.spectrogram_png(path(task), task["columns"]),
        "notes": lambda task, _: score_notes.notes_of(path(task)),
        "write-score": lambda task, _: score_notes.write_score(
            path(task, "output"),
            task["parts"],
            None if task["like"] is None else path(task, "like"),
            task["tempo"],
            task["metre"],
        ),
        "timbre-facts": lambda task, _: verb_work.timbre_file_facts(path(task)),
        "named-timbre": lambda task, _: verb_work.write_named_timbre(
            task["name"], path(task, "output")
        ),
        "timbre-map": lambda task, _: timbre_map.timbre_map(
            [
                (ref, name, kind, place and Path(place))
                for ref, name, kind, place in task["timbres"]
            ],
            path(task, "cache"),
            task["limit_s"],
        ),
    }
