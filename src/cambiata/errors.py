"""Errors and warnings, named so that a caller can tell bad input from a bug.

Cures speak the language of Python: a keyword stands in backticks, with its value where one is
meant (`force=True`). The command line says the same in its flags (`cambiata.cli.flags`).
"""

import sys
import threading
import warnings
from collections.abc import Sequence
from typing import Any, SupportsFloat

from cambiata.names import nearest_names


class CambiataError(Exception):
    """Base of every error that Cambiata raises on purpose."""


class InputError(CambiataError):
    """Something the caller gave cannot be used, and what would cure it.

    Parameters
    ----------
    subject : str
        The file or the argument at fault.
    problem : str
        What is wrong with it.
    cure : str
        What to do about it.

    Examples
    --------
    >>> print(InputError("a.wav", "is silent", "choose a recording with sound"))
    a.wav: is silent; choose a recording with sound
    """

    def __init__(self, subject: str, problem: str, cure: str) -> None:
        super().__init__(f"{subject}: {problem}; {cure}")
        self.subject = subject
        self.problem = problem
        self.cure = cure


class MissingExtraError(InputError):
    """A system needs packages that the base install does not bring."""

    def __init__(self, system: str, extra: str) -> None:
        super().__init__(
            system, "needs packages that are not installed", f'pip install "cambiata[{extra}]"'
        )


class KeywordError(InputError, TypeError):
    """A function was given a keyword argument that it does not take.

    Parameters
    ----------
    function : str
        Its name.
    keyword : str
        The one that it does not take.
    arguments : sequence of str
        All arguments that can be given by name.
    keywords : sequence of str
        Those of them that need not be given.
    """

    def __init__(
        self, function: str, keyword: str, arguments: Sequence[str], keywords: Sequence[str]
    ) -> None:
        near = nearest_names(keyword, arguments)
        hint = f" ({near})" if near else ""
        super().__init__(
            function, f"has no keyword {keyword}{hint}", "it takes " + ", ".join(keywords)
        )


def check_type(argument: str, value: object, kinds: Any, takes: str) -> None:
    """Refuse an argument of another type, by what it takes.

    >>> check_type("content", "a.wav", bytes, "sound (cambiata.load(path))")
    Traceback (most recent call last):
    TypeError: content takes sound (cambiata.load(path)), not str
    """
    if not isinstance(value, kinds):
        raise TypeError(f"{argument} takes {takes}, not {type(value).__name__}")


def check_numbers(takes: str, **values: object) -> None:
    """Refuse arguments that are no numbers; None stands for one that is not given.

    >>> check_numbers("a number of seconds, as in 61.5", start_s=1.0, end_s="1:01")
    Traceback (most recent call last):
    TypeError: end_s takes a number of seconds, as in 61.5, not str
    """
    for argument, value in values.items():
        check_type(argument, value, SupportsFloat | None, takes)


def check_between(low: float, high: float, **values: float) -> None:
    """Refuse arguments that are lower or higher than they may be.

    >>> check_between(1, 16, velocities=20)
    Traceback (most recent call last):
    cambiata.errors.InputError: velocities 20: is out of range; use 1 to 16
    """
    for argument, value in values.items():
        if not low <= value <= high:
            raise InputError(f"{argument} {value:g}", "is out of range", f"use {low} to {high}")


def check_seed(seed: int) -> None:
    """Refuse a seed that not every generator of random numbers takes.

    >>> check_seed(-1)
    Traceback (most recent call last):
    cambiata.errors.InputError: seed: -1 is out of range; use 0 to 4294967295
    """
    if not 0 <= seed < 2**32:
        raise InputError("seed", f"{seed} is out of range", "use 0 to 4294967295")


# What arguments of several functions take.
SOUND = "Audio, as from cambiata.load(path) or Audio(samples, rate)"
SCORE = "a Score, as from cambiata.load_score(path) or a Sheet's .to_score()"
SHEET = "a Sheet, as from cambiata.load_sheet(path) or Sheet.of(score)"
SECONDS, SHARE = "a number of seconds, as in 61.5", "a number from 0 to 1, as in 0.5"


class CambiataWarning(UserWarning):
    """Something that the caller should know: what was done to the sound, a name that changed."""


# Held by the one thread that silences a decoder for a moment: another would take what is nowhere
# for standard error and put that back, or lose a warning there.
STDERR = threading.RLock()


def warn(message: str) -> None:
    """Warn of something, at the line of the caller's own code that led to it."""
    frame, level = sys._getframe(1), 2
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == "cambiata":
        frame, level = frame.f_back, level + 1
    with STDERR:
        warnings.warn(message, CambiataWarning, stacklevel=level)
