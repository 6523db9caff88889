"""Errors and warnings, named so that a caller can tell bad input from a bug."""


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


class CambiataWarning(UserWarning):
    """Something that the caller should know: what was done to the sound, a name that changed."""
