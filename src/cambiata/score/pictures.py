"""Piano rolls as pictures: what a score was before and after."""

from collections.abc import Mapping
from pathlib import Path

from cambiata.drawing.canvas import Canvas, Text
from cambiata.files import PICTURE, check_output
from cambiata.score.midi import Score
from cambiata.score.rolls import LABEL_PIXELS, draw_roll, label_rows, roll_height, roll_of

_WIDTH, _LEFT, _TOP = 1200.0, LABEL_PIXELS, 26.0  # pixels: panel, margins


def draw_rolls(
    scores: Mapping[str, Score], path: str | Path, *, title: str = "", force: bool = False
) -> None:
    """Write piano rolls, one below the other, as a picture.

    Notes that are not in the first score are drawn in another colour.

    Parameters
    ----------
    scores : mapping of str to Score
        Scores by the label above each.
    path : str or pathlib.Path
        File to write, .svg or .png; it appears whole or not at all.
    title : str
        Title of the picture.
    force : bool
        Replace a file that exists.

    Raises
    ------
    InputError
        The path ends in neither .svg nor .png, the file exists or its folder does not.

    Examples
    --------
    >>> draw_rolls({}, "roll.gif")
    Traceback (most recent call last):
    cambiata.errors.InputError: roll.gif: is not a kind of picture; name it .svg or .png
    """
    _drawn(scores, title).write(check_output(path, PICTURE, force=force), force=force)


def _drawn(scores: Mapping[str, Score], title: str) -> Canvas:
    rolls = {label: roll_of(score) for label, score in scores.items()}
    axis_s = max((roll.end_s for roll in rolls.values()), default=1.0)
    rows, original = label_rows(rolls.values()), next(iter(rolls.values()), None)
    canvas = Canvas(_WIDTH + _LEFT + 10)
    if title:
        canvas.add(Text(_LEFT, 16, 14, title))
    top = _TOP
    for label, roll in rolls.items():
        canvas.add(Text(_LEFT, top + 12, 12, label))
        top += 18
        draw_roll(
            canvas, roll, rows, x=_LEFT, y=top, width=_WIDTH, axis_s=axis_s, original=original
        )
        top += roll_height(rows) + 12
    canvas.height = top
    return canvas
