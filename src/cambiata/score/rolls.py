"""Piano rolls drawn on a canvas: notes as bars, a row for each pitch."""

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cambiata.drawing.canvas import Canvas, Line, Rect, Text
from cambiata.score.drums import drum_name

# Height of a row: of a scale, where few rows have labels, and of drums, where all have.
_ROW_PIXELS, _DRUM_ROW_PIXELS = 7.0, 11.0
_UNCHANGED_COLOUR, _CHANGED_COLOUR, _BAR_COLOUR = "#4a6fa5", "#d1495b", "#c8c8c8"
_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
# Notes of one pitch that begin within this time are the same: writing to ticks moves one by less.
_SAME_S = 0.005
LABEL_PIXELS = 66.0
"""Space left of a roll for its labels: ten letters."""

_GAP_PIXELS = 4.0  # between a label and the roll
_BAR_QUARTERS = 4.0  # of a score without a metre


@dataclass(frozen=True)
class Roll:
    """What a picture shows of a score.

    Parameters
    ----------
    notes : tuple of tuple
        Start, end, pitch and velocity of each, rising.
    is_drum : bool
        Whether all of its pitches mean drums.
    bar_lines_s : tuple of float
        Where its bars begin, in seconds.
    end_s : float
        When its last note ends.

    Examples
    --------
    >>> Roll(((0.0, 1.0, 60, 64),), False, (0.0,), 1.0).end_s
    1.0
    """

    notes: tuple[tuple[float, float, int, int], ...]
    is_drum: bool
    bar_lines_s: tuple[float, ...]
    end_s: float


def roll_of(score: Any) -> Roll:
    """Roll of a score.

    Parameters
    ----------
    score : Score
        Any; not named by its type, as scores draw themselves by this.

    Returns
    -------
    Roll
        Its notes and bars.

    Examples
    --------
    >>> from cambiata.score.midi import Note, Part, Score
    >>> roll_of(Score((Part((Note(0, 2.5, 60),)),))).bar_lines_s
    (0.0, 2.0)
    """
    notes = sorted(
        (note.start_s, note.end_s, note.pitch, note.velocity)
        for part in score.parts
        for note in part.notes
    )
    is_drum = all(part.is_drum for part in score.parts)
    end_s = score.end_s
    return Roll(tuple(notes), is_drum, tuple(_bar_lines_s(score.clock, end_s)), end_s)


def _bar_lines_s(clock: Any, end_s: float) -> list[float]:
    times_s: list[float] = []
    metres = [(start, float(metre.bar)) for start, metre in clock.metres] or [(0.0, _BAR_QUARTERS)]
    ends = [*(start for start, _ in metres[1:]), clock.quarters(end_s)]
    for (start, bar), end in zip(metres, ends, strict=True):
        at = start
        while at < end:
            times_s.append(clock.seconds(at))
            at += bar
    return times_s


def note_name(pitch: int) -> str:
    """Name of a pitch with its octave.

    Parameters
    ----------
    pitch : int
        A MIDI number; 60 is C4.

    Returns
    -------
    str
        The name, black keys as sharps.

    Examples
    --------
    >>> note_name(58)
    'A#3'
    """
    return f"{_NAMES[pitch % 12]}{pitch // 12 - 1}"


def label_rows(rolls: Collection[Roll]) -> dict[int, str]:
    """Labels by pitch, from the bottom row: a scale, or of drums those that are struck.

    Parameters
    ----------
    rolls : collection of Roll
        Rolls that share their rows.

    Returns
    -------
    dict of int to str
        A label for every C, or for every drum; others are empty.

    Examples
    --------
    >>> label_rows([Roll(((0.0, 1.0, 60, 64),), False, (), 1.0)])
    {59: '', 60: 'C4', 61: ''}
    """
    pitches = sorted({pitch for roll in rolls for _, _, pitch, _ in roll.notes})
    if all(roll.is_drum for roll in rolls):
        return {pitch: drum_name(pitch) for pitch in pitches}
    low, high = (pitches[0] - 1, pitches[-1] + 1) if pitches else (60, 61)
    return {p: "" if p % 12 else note_name(p) for p in range(low, high + 1)}


def roll_height(rows: Mapping[int, str]) -> float:
    """Height of a roll.

    Parameters
    ----------
    rows : mapping of int to str
        Labels by pitch (`label_rows`).

    Returns
    -------
    float
        In pixels.

    Examples
    --------
    >>> roll_height({60: "C4", 61: ""}), roll_height({36: "kick", 38: "snare"})
    (14.0, 22.0)
    """
    return len(rows) * _row_pixels(rows)


def _row_pixels(rows: Mapping[int, str]) -> float:
    return _DRUM_ROW_PIXELS if all(rows.values()) else _ROW_PIXELS


def draw_roll(
    canvas: Canvas,
    roll: Roll,
    rows: Mapping[int, str],
    *,
    x: float,
    y: float,
    width: float,
    axis_s: float,
    original: Roll | None = None,
) -> None:
    """Draw a roll, `roll_height` high; labels need `LABEL_PIXELS` to its left.

    Parameters
    ----------
    canvas : Canvas
        Where to.
    roll : Roll
        What is drawn.
    rows : mapping of int to str
        Labels by pitch (`label_rows`).
    x, y, width : float
        Place of its upper left corner, and its width, in pixels.
    axis_s : float
        Seconds from left to right.
    original : Roll, optional
        Notes that are not in this one are drawn in another colour.

    Examples
    --------
    >>> canvas, roll = Canvas(400, 100), Roll(((0.0, 1.0, 60, 64),), False, (), 1.0)
    >>> draw_roll(canvas, roll, label_rows([roll]), x=30, y=0, width=300, axis_s=1.0)
    >>> [shape.title for shape in canvas.shapes if isinstance(shape, Rect)]
    ['', 'C4']
    """
    row_pixels = _row_pixels(rows)
    bottom = y + roll_height(rows)
    canvas.add(Rect(x, y, width, bottom - y, "#f7f7f7"))
    for at_s in roll.bar_lines_s:
        at = x + width * at_s / axis_s
        canvas.add(Line(at, y, at, bottom, _BAR_COLOUR))
    for row, label in enumerate(rows.values()):
        if label:
            at = bottom - row * row_pixels - (row_pixels - _ROW_PIXELS) / 2
            canvas.add(Text(x - _GAP_PIXELS, at, 8, label, ends_there=True))
    row_of = {pitch: row for row, pitch in enumerate(rows)}
    onsets_s: dict[int, list[float]] = {}  # of the original, by pitch, rising
    for start_s, _, pitch, _ in (original or roll).notes:
        onsets_s.setdefault(pitch, []).append(start_s)
    for start_s, stop_s, pitch, velocity in roll.notes:
        left, length = width * start_s / axis_s, width * (stop_s - start_s) / axis_s
        is_original = _is_near(start_s, onsets_s.get(pitch, []))
        canvas.add(
            Rect(
                x + left,
                bottom - (row_of[pitch] + 1) * row_pixels + 0.5,
                max(1.5, length - 0.7),
                row_pixels - 1,
                _UNCHANGED_COLOUR if is_original else _CHANGED_COLOUR,
                0.35 + 0.65 * velocity / 127,
                drum_name(pitch) if roll.is_drum else note_name(pitch),
            )
        )


def _is_near(onset_s: float, onsets_s: Sequence[float]) -> bool:
    """Whether one of these rising onsets is the same one."""
    at = bisect_right(onsets_s, onset_s - _SAME_S)
    return at < len(onsets_s) and onsets_s[at] < onset_s + _SAME_S
