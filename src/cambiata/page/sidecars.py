"""Sound, page and picture of a score, written beside it on request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cambiata.errors import InputError
from cambiata.files import PAGE, PICTURE, SOUND, check_not_inputs, check_output, write_text
from cambiata.page.comparison import Exhibit, page_html
from cambiata.score.midi import Score
from cambiata.score.pictures import draw_rolls
from cambiata.score.preview import check_preview, preview, sounding_s
from cambiata.score.rolls import roll_of

# Of a sketch: half an hour takes half a gigabyte of memory, and so many seconds of notes together
# (an orchestra's 28 parts) some ten seconds.
_LONGEST_S, _MOST_NOTES_S = 1800.0, 50_000.0


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
    output : str or pathlib.Path, optional
        The score that is written beside them, which none of them may be.
    inputs : mapping of str to str or pathlib.Path
        Files that are read, by their roles, which none of them may be.

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
    output: str | Path | None = None
    inputs: Mapping[str, str | Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.listen is not None:
            check_output(self.listen, PAGE if self._is_page else SOUND, force=self.force)
            if not self._is_page:
                check_preview(self.listen, force=self.force)
        if self.picture is not None:
            check_output(self.picture, PICTURE, force=self.force)
        for place in (self.listen, self.picture):
            if place is None:
                continue
            if self.output is not None and Path(place).absolute() == Path(self.output).absolute():
                raise InputError(str(place), "is also the output", "choose another name")
            check_not_inputs(place, self.inputs)

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

    def check_length(self, name: str, score: Score) -> None:
        """Refuse to sketch the sound of what is longer than half an hour, or has too many notes.

        Parameters
        ----------
        name : str
            Of the score, for messages.
        score : Score
            What is to be sketched.

        Raises
        ------
        InputError
            It is longer, and its sound was asked for.
        """
        if self.listen is None:
            return
        problem = ""
        if score.end_s > _LONGEST_S:
            minutes = f"{score.end_s / 60:,.0f} minutes"
            problem = f"lasts {minutes}, too long for a sketch of how it sounds"
        elif sounding_s(score) > _MOST_NOTES_S:
            problem = "has too many long notes for a sketch of how it sounds"
        if problem:
            raise InputError(name, problem, "leave out `listen`")

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
            write_text(Path(self.listen), _scores_page(scores, title), force=self.force)
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
