"""Notes on a grid: onsets and offsets at parts of the beat."""

import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from cambiata.errors import InputError
from cambiata.score.midi import Note
from cambiata.transcription.onset_events import group_chords
from cambiata.transcription.tempo import BeatGrid

_VALUE = re.compile(r"1/(1|2|4|8|16|32|64)([Tt]?)")


def parse_step(text: str) -> Fraction:
    """Step of a grid in quarter notes: "1/16" is a quarter of one, "1/16T" a third less.

    Examples
    --------
    >>> parse_step("1/16"), parse_step("1/8T")
    (Fraction(1, 4), Fraction(1, 3))
    """
    match = _VALUE.fullmatch(text.strip())
    if match is None:
        cure = "use 1/4, 1/8, 1/16, 1/32, or with T for triplets, as 1/8T"
        raise InputError(f"quantise {text}", "is not a note value", cure)
    step = Fraction(4, int(match[1]))
    return step * 2 / 3 if match[2] else step


def quantise_notes(notes: Sequence[Note], grid: BeatGrid, step: Fraction) -> list[tuple[Note, int]]:
    """Notes moved to the nearest places of a grid, and which each was; chords begin together.

    A note lasts a step at least, and not beyond the next of its pitch. Of two that fall together
    one is left, as loud as the louder and as long as the longer.
    """
    start_s = np.array([note.start_s for note in notes], np.float64)
    groups = group_chords(start_s)
    begins = grid.quarters(np.array([start_s[group].mean() for group in groups]))
    ends = grid.quarters(np.array([note.end_s for note in notes], np.float64))
    found: dict[tuple[int, Fraction], tuple[Fraction, Note, int]] = {}
    for group, begin in zip(groups, begins.tolist(), strict=True):
        at = max(Fraction(0), _nearest(begin, grid.origin, step))
        for i in group.tolist():
            end = max(_nearest(float(ends[i]), grid.origin, step), at + step)
            note = notes[i]
            if (known := found.get((note.pitch, at))) is not None:
                end = max(end, known[0])
                note = replace(note, velocity=max(note.velocity, known[1].velocity))
            found[note.pitch, at] = end, note, i
    quantised: list[tuple[Note, int]] = []
    following: dict[int, Fraction] = {}
    for (pitch, at), (end, note, i) in sorted(found.items(), key=lambda item: -item[0][1]):
        end = min(end, following.get(pitch, end))
        following[pitch] = at
        start, until = (grid.clock.seconds(float(place)) for place in (at, end))
        quantised.append((replace(note, start_s=start, end_s=until), i))
    return sorted(quantised)


def _nearest(quarters: float, origin: Fraction, step: Fraction) -> Fraction:
    """Nearest place of a grid that the first bar begins on."""
    return origin + round((quarters - float(origin)) / float(step)) * step
