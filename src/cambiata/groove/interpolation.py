"""From one groove to another without learning: exact at both ends, monotone between.

Hits of the same drum on the same step are matched. What only one groove has comes or goes in the
order of metrical salience; velocities and offsets move from one groove's distribution to the
other's. Three sliders, none of which moves what another is for.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from cambiata.groove.grid import Groove, Hit, Strike
from cambiata.groove.matching import (
    HitPair,
    between,
    match_hits,
    regrid,
    strike,
    strike_duration,
    thresholds,
)
from cambiata.groove.system import GrooveAmounts, GrooveSystem

# Fewer values than this of a drum at a kind of place say nothing of a distribution: all of the
# drum's are taken, and where these are few, all of the groove's. Chosen; a bar of eighths has four.
_MIN_VALUES = 4
_NO_VALUES = np.zeros(0)


class Interpolation(GrooveSystem):
    """Interpolator without learning: hits by salience, velocities and offsets by quantiles.

    Where B is a drummer, hits that stay take velocities and offsets of the drummer's whole playing.
    """

    name: ClassVar[str] = "exact"
    summary: ClassVar[str] = (
        "a drum part part of the way to another: salience and quantiles, exact at both ends"
    )
    paper: ClassVar[str] = "this project"

    def __init__(self, a: Groove, b: Groove, drummer: Sequence[Groove] = ()) -> None:
        self.a, self.b, self.drummer = a, b, drummer
        self.pairs = match_hits(a, b)
        self._thresholds = thresholds(a, b, self.pairs)
        target = drummer or [b]
        self._velocities = (
            QuantileMap(a, target, lambda _, hit: float(hit.velocity)),
            QuantileMap(b, [a], lambda _, hit: float(hit.velocity)),
        )
        self._offsets = (
            QuantileMap(a, target, Groove.offset),
            QuantileMap(b, [a], Groove.offset),
        )
        self._ends = [self._ends_of(pair) for pair in self.pairs]

    @classmethod
    def between(
        cls, a: Groove, b: Groove, drummer: Sequence[Groove], weights: str
    ) -> "Interpolation":
        """The interpolator from A to B; it has no weights."""
        del weights
        return cls(a, b, drummer)

    def _ends_of(self, pair: HitPair) -> tuple[tuple[float, float], tuple[float, float]]:
        """Velocity at both ends, and place in the bar at both ends."""
        a, b = pair.a, pair.b
        follows_b = b is not None and (a is None or not self.drummer)
        if a is not None:
            velocity, place = float(a.velocity), a.onset
        else:
            assert b is not None
            velocity = self._velocities[1].of(self.b, b)
            place = regrid(b, self.b, self.a) + self._offsets[1].of(self.b, b)
        if follows_b:
            assert b is not None
            return (velocity, float(b.velocity)), (place, b.onset)
        assert a is not None
        place_b = regrid(a, self.a, self.b) + self._offsets[0].of(self.a, a)
        return (velocity, self._velocities[0].of(self.a, a)), (place, place_b)

    def at(self, amounts: GrooveAmounts) -> tuple[Strike, ...]:
        """The groove that lies some part of the way."""
        strikes = []
        for pair, threshold, (velocity, place) in zip(
            self.pairs, self._thresholds, self._ends, strict=True
        ):
            hit = pair.b if amounts.hits > threshold else pair.a
            if hit is not None:
                strikes.append(
                    strike(
                        self.a.bar_starts[hit.bar],
                        hit,
                        between(*velocity, amounts.velocity),
                        between(*place, amounts.timing),
                        strike_duration(pair, amounts.timing),
                    )
                )
        return tuple(sorted(strikes))


class QuantileMap:
    """Map of a value of one distribution to the value of another at the same rank."""

    def __init__(
        self, a: Groove, b: Sequence[Groove], value: Callable[[Groove, Hit], float]
    ) -> None:
        self._value = value
        self._values_a, self._values_b = _sorted_values([a], value), _sorted_values(b, value)

    def of(self, groove: Groove, hit: Hit) -> float:
        """The other distribution's value at the rank of a hit's value."""
        value = self._value(groove, hit)
        for key in ((hit.drum, groove.weight(hit)), (hit.drum,), ()):
            values_a, values_b = (
                self._values_a.get(key, _NO_VALUES),
                self._values_b.get(key, _NO_VALUES),
            )
            if min(len(values_a), len(values_b)) >= (_MIN_VALUES if key else 1):
                return _at_rank(value, values_a, values_b)
        return value


def _sorted_values(
    grooves: Sequence[Groove], value: Callable[[Groove, Hit], float]
) -> dict[tuple[int, ...], npt.NDArray[np.float64]]:
    """Sorted values of the hits by drum and kind of place, by drum, and of all."""
    values: dict[tuple[int, ...], list[float]] = {}
    for groove in grooves:
        for hit in groove.hits:
            for key in ((hit.drum, groove.weight(hit)), (hit.drum,), ()):
                values.setdefault(key, []).append(value(groove, hit))
    return {key: np.sort(of_key) for key, of_key in values.items()}


def _at_rank(
    value: float, values_a: npt.NDArray[np.float64], values_b: npt.NDArray[np.float64]
) -> float:
    # Of equal values the middle one counts, so that a distribution is mapped onto itself exactly.
    low, high = np.searchsorted(values_a, value, "left"), np.searchsorted(values_a, value, "right")
    rank = (low + high) / 2 / len(values_a)
    ranks_b = (np.arange(len(values_b)) + 0.5) / len(values_b)
    return float(np.interp(rank, ranks_b, values_b))
