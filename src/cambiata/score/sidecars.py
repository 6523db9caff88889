"""What is written beside a score on request: how it sounds, and how it looks."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cambiata.files import PICTURE, check_output
from cambiata.score.midi import Score
from cambiata.score.pictures import draw_rolls
from cambiata.score.preview import preview


@dataclass(frozen=True)
class Sidecars:
    """Files beside a score.

    Parameters
    ----------
    listen : str or pathlib.Path, optional
        Sound file for the score played by plain oscillators.
    picture : str or pathlib.Path, optional
        Picture of piano rolls before and after, .svg.
    force : bool
        Replace files that exist.

    Raises
    ------
    InputError
        A file cannot be written there: said before anything is made.

    Examples
    --------
    >>> Sidecars(picture="/nowhere/roll.svg")
    Traceback (most recent call last):
    cambiata.errors.InputError: /nowhere/roll.svg: its folder does not exist; make it first
    """

    listen: str | Path | None = None
    picture: str | Path | None = None
    force: bool = False

    def __post_init__(self) -> None:
        if self.listen is not None:
            check_output(self.listen, force=self.force)
        if self.picture is not None:
            check_output(self.picture, PICTURE, force=self.force)

    @property
    def paths(self) -> dict[str, str | None]:
        """The files' names, for a report."""
        return {
            "listen": None if self.listen is None else str(self.listen),
            "picture": None if self.picture is None else str(self.picture),
        }

    def write(self, scores: Mapping[str, Score], title: str = "") -> None:
        """Write what is asked for.

        Parameters
        ----------
        scores : mapping of str to Score
            What it was, and last what it is, by what the picture calls them.
        title : str
            Of the picture.
        """
        if self.listen is not None:
            preview(list(scores.values())[-1]).save(self.listen, force=self.force)
        if self.picture is not None:
            draw_rolls(scores, self.picture, title=title, force=self.force)
