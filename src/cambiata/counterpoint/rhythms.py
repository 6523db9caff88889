"""Note values of a counterpoint before its pitches: slots to be filled."""

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np

from cambiata.counterpoint.rules import FIFTH, FIRST, FLORID, FOURTH, SECOND, THIRD

_BAR = 4  # quarters of a bar
# Weights with which bars of the fifth species are drawn: mostly quarters, some halves and dotted
# halves, few eighths. Tastes, as the examples in the textbooks look; a bar of greater weight comes
# more often.
_WEIGHTS = {(2.0, 2.0): 1.0, (2.0, 1.0, 1.0): 3.0, (3.0, 1.0): 2.0, (1.0,) * 4: 3.0}
_TIED_WEIGHT = 2.0  # of a bar whose half is tied on
_EIGHTHS_FACTOR = 0.35  # times its weight, of a bar with a pair of eighths
# The first bar after a half rest, and the last but one: halves that may be tied into a suspension.
_OPENINGS: tuple[tuple[float, ...], ...] = ((2.0, 2.0), (2.0, 1.0, 1.0))
_SUSPENDED: tuple[tuple[float, ...], ...] = ((2.0, 2.0), (1.0, 0.5, 0.5, 2.0))


@dataclass(frozen=True)
class Slot:
    """A place for a note."""

    start: Fraction  # in quarters of a bar
    length: Fraction  # likewise; a tie makes the note longer
    # Whether it may have the last slot's pitch: tied to it, in first species struck again.
    may_repeat: bool = False
    must_repeat: bool = False

    @property
    def bar(self) -> int:
        """Bar in which it lies, from 0."""
        return int(self.start // _BAR)

    @property
    def beat(self) -> Fraction:
        """Where it begins in its bar, from 0."""
        return self.start % _BAR


def slots(species: int, n_bars: int, rng: np.random.Generator) -> tuple[Slot, ...]:
    """Slots of a counterpoint, a bar for each note of the cantus; `rng` draws the fifth species.

    The second, fourth and fifth species begin with half a bar's rest.
    """
    if species == FIFTH:
        return _lay_out(_florid(n_bars, rng))
    values = {FIRST: (4.0,), SECOND: (2.0,) * 2, THIRD: (1.0,) * 4, FOURTH: (2.0,) * 2}[species]
    bars = [values] * (n_bars - 1) + [(4.0,)]
    laid = _lay_out(bars, rest=species in (SECOND, FOURTH), ties=species in (FIRST, FOURTH))
    if species == FOURTH:
        laid = (*laid[:-1], Slot(laid[-1].start, laid[-1].length))
    return laid


def _lay_out(
    bars: list[tuple[float, ...]], *, rest: bool = True, ties: bool = True
) -> tuple[Slot, ...]:
    """Slots of bars of note values, with the ties that may and must be."""
    placed: list[Slot] = []
    must_tie = False
    for bar, lengths in enumerate(bars):
        place = Fraction(_BAR * bar)
        before = bars[bar - 1][-1] if bar else 0.0
        for index, length in enumerate(lengths):
            starts = index == 0 and bar > 0
            may = ties and starts and before == lengths[0] == _BAR
            may |= ties and starts and before == 2 and lengths[0] in (1, 2)
            if not (rest and bar == index == 0):
                placed.append(Slot(place, Fraction(length), may, may and must_tie))
            place += Fraction(length)
        must_tie = FLORID.get(lengths, False) and bar + 2 < len(bars)
    return tuple(placed)


def _florid(n_bars: int, rng: np.random.Generator) -> list[tuple[float, ...]]:
    """Note values of the bars of a fifth species, drawn until they go together."""
    patterns = list(FLORID)
    weights = np.array([_weight(pattern) for pattern in patterns])
    weights /= weights.sum()
    while True:
        inner = [patterns[i] for i in rng.choice(len(patterns), n_bars - 3, p=weights)]
        bars = [
            _OPENINGS[int(rng.integers(2))],
            *inner,
            _SUSPENDED[int(rng.integers(2))],
        ]
        if _is_varied(bars):
            return [*bars, (4.0,)]


def _weight(pattern: tuple[float, ...]) -> float:
    """Weight with which a bar's rhythm is drawn."""
    factor = _EIGHTHS_FACTOR if 0.5 in pattern else 1.0
    return factor * (_TIED_WEIGHT if FLORID[pattern] else _WEIGHTS.get(pattern, 1.0))


def _is_varied(bars: list[tuple[float, ...]]) -> bool:
    """Whether ties can be, the last dissonance is tied, and no rhythm comes twice running."""
    follows = all(
        before != after and not (FLORID[before] and after[0] not in (1.0, 2.0))
        for before, after in pairwise(bars)
    )
    # Eighths in at most one bar of four, and one more: they are ornaments, not the pace.
    few_eighths = sum(0.5 in bar for bar in bars) <= 1 + len(bars) // 4
    return follows and bars[-2][-1] == 2 and few_eighths
