"""A score as a notebook shows it: its piano roll."""

from html import escape
from typing import Any

from cambiata.drawing.canvas import Canvas
from cambiata.score.rolls import LABEL_PIXELS, draw_roll, label_rows, roll_height, roll_of

_WIDTH, _LEFT, _TOP = 900.0, LABEL_PIXELS, 10.0  # pixels: panel, margins
_LONGEST_S = 120.0  # of what is drawn: notes of more would be no wider than their gaps


def score_html(score: Any, description: str) -> str:
    """The first two minutes of a score as a piano roll.

    Parameters
    ----------
    score : Score
        Any; not named by its type, as scores show themselves by this.
    description : str
        One line on it.

    Returns
    -------
    str
        HTML with an SVG picture inside.

    Examples
    --------
    >>> from cambiata.score.midi import Note, Part, Score
    >>> score_html(Score((Part((Note(0, 2.5, 60),)),)), "one note").count("<title>C4</title>")
    1
    """
    shown = score
    if score.end_s > _LONGEST_S:
        shown, description = score[:_LONGEST_S], f"{description}; the first two minutes"
    roll = roll_of(shown)
    rows = label_rows([roll])
    canvas = Canvas(_LEFT + _WIDTH + 10, _TOP + roll_height(rows) + 10)
    draw_roll(canvas, roll, rows, x=_LEFT, y=_TOP, width=_WIDTH, axis_s=roll.end_s or 1.0)
    return (
        f'<figure style="margin:0"><figcaption>{escape(description)}</figcaption>'
        f"{canvas.svg()}</figure>"
    )
