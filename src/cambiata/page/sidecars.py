"""Sound, page and picture of a score, written beside it on request."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cambiata.errors import InputError
from cambiata.files import FILE, PAGE, PICTURE, check_output, write_text
from cambiata.page.comparison import Exhibit, page_html
from cambiata.score.midi import Score
from cambiata.score.pictures import draw_rolls
from cambiata.score.preview import preview
from cambiata.score.rolls import roll_of

_LONGEST_S = 1800.0  # of a sketch: half an hour takes a gigabyte of memory


@dataclass(frozen=True)
class Sidecars:
    """Sound and picture of a score, written beside it on request.

    Parameters
    ----------
    listen : str or pathlib.Path, optional
        Sound file for the score played by plain oscillators; or a web page, .html, with players
        and piano rolls of before and after.
    picture : str or pathlib.Path, optional
        Picture of piano rolls before and after, .svg or .png.
    force : bool
        Replace files that exist.

    Raises
    ------
    InputError
        A file cannot be written there; refused before anything is made.

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
            kind = PAGE if self._is_page else FILE
            check_output(self.listen, kind, force=self.force)
        if self.picture is not None:
            check_output(self.picture, PICTURE, force=self.force)

    @property
    def _is_page(self) -> bool:
        return Path(self.listen or "").suffix.lower() in PAGE.suffixes

    @property
    def paths(self) -> dict[str, str | None]:
        """Paths of both, None where not asked for, as reports have them."""
        return {
            "listen": None if self.listen is None else str(self.listen),
            "picture": None if self.picture is None else str(self.picture),
        }

    def check_length(self, name: str, duration_s: float) -> None:
        """Refuse to sketch the sound of what is longer than half an hour.

        Parameters
        ----------
        name : str
            Of the score, for messages.
        duration_s : float
            How long it is.

        Raises
        ------
        InputError
            It is longer, and its sound was asked for.
        """
        if self.listen is not None and duration_s > _LONGEST_S:
            raise InputError(
                name,
                f"lasts {duration_s / 60:,.0f} minutes, too long for a sketch of how it sounds",
                "leave out `listen`",
            )

    def write(self, scores: Mapping[str, Score], title: str = "") -> None:
        """Write the files that were asked for.

        Parameters
        ----------
        scores : mapping of str to Score
            The score before and, last, after what was done to it, by the picture's labels.
        title : str
            Title of the picture.
        """
        if self.listen is not None and self._is_page:
            write_text(Path(self.listen), _scores_page(scores, title))
        elif self.listen is not None:
            preview(list(scores.values())[-1]).save(self.listen, force=self.force)
        if self.picture is not None:
            draw_rolls(scores, self.picture, title=title, force=self.force)


def _scores_page(scores: Mapping[str, Score], title: str) -> str:
    """Page with a roll and a player for each score; what is new since the first is coloured."""
    rolls = {label: roll_of(score) for label, score in scores.items()}
    original = next(iter(rolls.values()), None)
    exhibits = [
        Exhibit(label, "", preview(score), roll=rolls[label], original=original)
        for label, score in scores.items()
    ]
    return page_html(exhibits, title, {"played by": "plain oscillators, a sketch"})
