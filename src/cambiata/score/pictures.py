"""Piano rolls as pictures: what a score was before and after."""

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from html import escape
from pathlib import Path

from cambiata.files import PICTURE, check_output, write_text
from cambiata.score import midi
from cambiata.score.midi import Score

_WIDTH, _ROW, _LEFT, _TOP = 1200.0, 7.0, 60.0, 26.0  # pixels: panel, a pitch, margins
_UNCHANGED_COLOUR, _CHANGED_COLOUR, _BAR_COLOUR = "#4a6fa5", "#d1495b", "#c8c8c8"
_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
# Notes of one pitch that begin within this time are the same: writing to ticks moves one by less.
_SAME_S = 0.005


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


def draw_rolls(
    scores: Mapping[str, Score], path: str | Path, *, title: str = "", force: bool = False
) -> None:
    """Write piano rolls, one below the other, as an SVG picture.

    Notes that are not in the first score are drawn in another colour.

    Parameters
    ----------
    scores : mapping of str to Score
        Scores by the label above each.
    path : str or pathlib.Path
        File to write, .svg; it appears whole or not at all.
    title : str
        Title of the picture.
    force : bool
        Replace a file that exists.

    Raises
    ------
    InputError
        The path does not end in .svg, the file exists or its folder does not.

    Examples
    --------
    >>> draw_rolls({}, "roll.gif")
    Traceback (most recent call last):
    cambiata.errors.InputError: roll.gif: is no kind of picture that is drawn; name it .svg
    """
    write_text(check_output(path, PICTURE, force=force), _draw_svg(scores, title))


def _draw_svg(scores: Mapping[str, Score], title: str) -> str:
    end_s = max((score.end_s for score in scores.values()), default=1.0)
    first = next(iter(scores.values()), None)
    original_onsets: dict[int, list[float]] = {}  # by pitch, rising
    for start_s, _, pitch, _ in _notes(first) if first is not None else ():
        original_onsets.setdefault(pitch, []).append(start_s)
    rows = _label_rows(scores.values())
    elements = [
        f'<text x="{_LEFT}" y="16" font-size="14">{escape(title)}</text>' if title else "",
    ]
    top = _TOP
    for label, score in scores.items():
        elements.append(
            f'<text x="{_LEFT}" y="{top + 12:.1f}" font-size="12">{escape(label)}</text>'
        )
        top += 18
        elements += _draw_panel(score, rows, original_onsets, end_s, top)
        top += len(rows) * _ROW + 12
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH + _LEFT + 10:.0f}" '
        f'height="{top:.0f}" font-family="sans-serif">\n'
        '<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(elements) + "\n</svg>\n"
    )


def _label_rows(scores: Collection[Score]) -> dict[int, str]:
    """Labels by pitch, from the bottom row: a scale, or of drums those that are struck."""
    pitches = sorted({pitch for score in scores for *_, pitch, _ in _notes(score)})
    if all(part.is_drum for score in scores for part in score.parts):
        return {pitch: str(pitch) for pitch in pitches}
    low, high = (pitches[0] - 1, pitches[-1] + 1) if pitches else (60, 61)
    return {p: "" if p % 12 else note_name(p) for p in range(low, high + 1)}


def _draw_panel(
    score: Score,
    rows: Mapping[int, str],
    original_onsets: Mapping[int, list[float]],
    end_s: float,
    top: float,
) -> list[str]:
    bottom = top + len(rows) * _ROW
    elements = [
        f'<rect x="{_LEFT}" y="{top:.1f}" width="{_WIDTH}" height="{bottom - top:.1f}" '
        'fill="#f7f7f7"/>'
    ]
    for at_s in _bar_lines_s(score, end_s):
        x = _LEFT + _WIDTH * at_s / end_s
        elements.append(
            f'<line x1="{x:.1f}" y1="{top:.1f}" x2="{x:.1f}" y2="{bottom:.1f}" '
            f'stroke="{_BAR_COLOUR}"/>'
        )
    for row, label in enumerate(rows.values()):
        if label:
            y = bottom - row * _ROW
            elements.append(f'<text x="{_LEFT - 28}" y="{y:.1f}" font-size="8">{label}</text>')
    row_of = {pitch: row for row, pitch in enumerate(rows)}
    for start_s, stop_s, pitch, velocity in _notes(score):
        x, width = (_WIDTH * each / end_s for each in (start_s, stop_s - start_s))
        y = bottom - (row_of[pitch] + 1) * _ROW
        is_original = _is_near(start_s, original_onsets.get(pitch, []))
        colour = _UNCHANGED_COLOUR if is_original else _CHANGED_COLOUR
        elements.append(
            f'<rect x="{_LEFT + x:.1f}" y="{y + 0.5:.1f}" width="{max(1.5, width - 0.7):.1f}" '
            f'height="{_ROW - 1:.1f}" fill="{colour}" '
            f'opacity="{0.35 + 0.65 * velocity / 127:.2f}"><title>{note_name(pitch)}'
            "</title></rect>"
        )
    return elements


def _is_near(onset_s: float, onsets_s: Sequence[float]) -> bool:
    """Whether one of these rising onsets is the same one."""
    at = bisect_right(onsets_s, onset_s - _SAME_S)
    return at < len(onsets_s) and onsets_s[at] < onset_s + _SAME_S


def _notes(score: Score) -> list[tuple[float, float, int, int]]:
    return sorted(
        (note.start_s, note.end_s, note.pitch, note.velocity)
        for part in score.parts
        for note in part.notes
    )


def _bar_lines_s(score: Score, end_s: float) -> list[float]:
    clock, times_s = score.clock, []
    metres = clock.metres or ((0.0, midi.Metre()),)
    ends = [*(start for start, _ in metres[1:]), clock.quarters(end_s)]
    for (start, metre), end in zip(metres, ends, strict=True):
        at = start
        while at < end:
            times_s.append(clock.seconds(at))
            at += float(metre.bar)
    return times_s
