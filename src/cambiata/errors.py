"""Errors and warnings, named so that a caller can tell bad input from a bug.

Cures speak the language of Python: a keyword stands in backticks, with its value where one is
meant (`force=True`). The command line says the same in its flags (`cambiata.cli.flags`).
"""

import sys
import warnings
from collections.abc import Sequence


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
        from difflib import get_close_matches  # seldom needed

        near = get_close_matches(keyword, arguments, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        super().__init__(
            function, f"has no keyword {keyword}{hint}", "it takes " + ", ".join(keywords)
        )


class CambiataWarning(UserWarning):
    """Something that the caller should know: what was done to the sound, a name that changed."""


def warn(message: str) -> None:
    """Warn of something, at the line of the caller's own code that led to it."""
    frame, level = sys._getframe(1), 2
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == "cambiata":
        frame, level = frame.f_back, level + 1
    warnings.warn(message, CambiataWarning, stacklevel=level)
