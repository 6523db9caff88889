"""Lengths in quarter notes as note values, dotted, in tuplets, or several that are tied."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

_NAMES = (
    "breve", "whole", "half", "quarter", "eighth", "16th", "32nd", "64th", "128th", "256th",
    "512th", "1024th",
)  # fmt: skip
_VALUES = [
    (Fraction(8, 2**i) * (2 - Fraction(1, 2**n_dots)), name, n_dots)
    for i, name in enumerate(_NAMES)
    for n_dots in (2, 1, 0)
]
_VALUES.sort(reverse=True)


@dataclass(frozen=True)
class NoteValue:
    """A note or rest that is written as one sign."""

    length: Fraction  # in quarter notes
    name: str
    n_dots: int = 0
    actual: int = 1  # notes of a tuplet in the time of `normal`
    normal: int = 1
    tuplet: str = ""  # "start" or "stop" at its ends

    @property
    def n_beams(self) -> int:
        """Beams or flags."""
        return max(0, _NAMES.index(self.name) - _NAMES.index("quarter"))


def split_length(start: Fraction, length: Fraction) -> list[NoteValue]:
    """Values that together last so long, from a place in a bar on.

    What begins or ends within a tuplet is cut at quarter notes, so that tuplets end with them.
    """
    end = start + length
    cuts = [start, end]
    if _odd_part(start) > 1 or _odd_part(end) > 1:
        cuts += [Fraction(i) for i in range(int(start) + 1, -int(-end // 1))]
    cuts.sort()
    return [value for begin, stop in pairwise(cuts) for value in _split(stop - begin)]


def _odd_part(length: Fraction) -> int:
    denominator = length.denominator
    return denominator // (denominator & -denominator)


def _split(length: Fraction) -> Iterator[NoteValue]:
    actual = _odd_part(length)
    normal = 2 ** (actual.bit_length() - 1)
    ratio = Fraction(normal, actual)
    left = length / ratio
    while left > 0:
        found = next((each for each in _VALUES if each[0] <= left), None)
        if found is None:
            # Finer than any sign: what is left is given to the shortest.
            yield NoteValue(left * ratio, _NAMES[-1], 0, actual, normal)
            return
        value, name, n_dots = found
        yield NoteValue(value * ratio, name, n_dots, actual, normal)
        left -= value


def mark_tuplets(values: Sequence[NoteValue]) -> list[NoteValue]:
    """Values that follow each other, with the ends of their tuplets."""
    marked: list[NoteValue] = []
    total, first = Fraction(0), 0
    for value in values:
        here = len(marked)
        marked.append(value)
        if value.actual == 1 and total == 0:
            continue
        if total == 0:
            first = here
        total += value.length
        if _odd_part(total) == 1:
            if here > first:
                marked[first] = replace(marked[first], tuplet="start")
                marked[here] = replace(marked[here], tuplet="stop")
            total = Fraction(0)
    return marked
