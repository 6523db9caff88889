"""From one groove to another without learning: exact at both ends, monotone between.

Hits of the same drum on the same step are matched. What only one groove has comes or goes in the
order of metrical salience; velocities and offsets move from one groove's distribution to the
other's. Three sliders, none of which moves what another is for.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from cambiata.errors import InputError
from cambiata.groove.grid import (
    STRAIGHT,
    Array,
    Groove,
    Hit,
    Strike,
    straighten,
    swing,
)
from cambiata.score.midi import Metre
from cambiata.system import SystemFacts

# Fewer values than this of a drum at a kind of place say nothing: all of the drum's are taken, and
# where these are few, all of the groove's.
_MIN_VALUES = 4
_NO_VALUES = np.zeros(0)
_PHRASE_BARS = 2
# What a hit that differs weighs beside an octave of tempo and beside another feel, when the
# nearest groove of a drummer is sought; both in shares of the hits.
_TEMPO_WEIGHT, _FEEL_WEIGHT = 0.3, 0.2


@dataclass(frozen=True)
class GrooveAmounts:
    """How far of the way, slider by slider."""

    hits: float  # What is struck, 0 to 1
    velocity: float  # How hard, likewise
    timing: float  # When, likewise

    def __post_init__(self) -> None:
        for name in ("hits", "velocity", "timing"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise InputError(f"{name} {value:g}", "is out of range", "use 0 to 1")

    @classmethod
    def of(
        cls,
        amount: float,
        hits: float | None = None,
        velocity: float | None = None,
        timing: float | None = None,
    ) -> "GrooveAmounts":
        """Sliders of which those that are not given follow one amount."""
        if not 0 <= amount <= 1:
            raise InputError(f"amount {amount:g}", "is out of range", "use 0 to 1")
        return cls(*(amount if own is None else own for own in (hits, velocity, timing)))


class Interpolator(Protocol):
    """What leads from one groove to another."""

    def at(self, amounts: GrooveAmounts) -> tuple[Strike, ...]:
        """The groove that lies some part of the way."""
        ...


@dataclass(frozen=True, slots=True)
class HitPair:
    """A hit of one groove and the one that it becomes in the other."""

    a: Hit | None  # In the groove begun from; None for what is added
    b: Hit | None  # In the other; None for what is dropped

    @property
    def any_hit(self) -> Hit:
        """The one that there is, the first of two."""
        any_hit = self.a or self.b
        assert any_hit is not None
        return any_hit


def match_hits(a: Groove, b: Groove, *, straight: bool = False) -> list[HitPair]:
    """Hits of two grooves in pairs: same bar, same step, same drum.

    Of several strokes on one step (flams) those of equal pitch are matched first, the others in
    their order.
    """
    straight = straight or a.steps_per_quarter != b.steps_per_quarter

    def hits_by_cell(groove: Groove) -> dict[tuple[int, int, int], list[Hit]]:
        found: dict[tuple[int, int, int], list[Hit]] = {}
        for hit in groove.hits:
            step = groove.cell(hit) if straight else hit.step
            found.setdefault((hit.bar, step, hit.drum), []).append(hit)
        return found

    hits_a, hits_b = hits_by_cell(a), hits_by_cell(b)
    return [
        pair
        for key in sorted(hits_a.keys() | hits_b.keys())
        for pair in _paired(hits_a.get(key, []), hits_b.get(key, []))
    ]


def _paired(hits_a: Sequence[Hit], hits_b: Sequence[Hit]) -> Iterator[HitPair]:
    rest_a, rest_b = list(hits_a), list(hits_b)
    for hit in hits_a:
        same_pitch = next((hit_b for hit_b in rest_b if hit_b.pitch == hit.pitch), None)
        if same_pitch is not None:
            rest_a.remove(hit)
            rest_b.remove(same_pitch)
            yield HitPair(hit, same_pitch)
    for hit, hit_b in zip_longest(rest_a, rest_b):
        yield HitPair(hit, hit_b)


class QuantileMap:
    """A value of one distribution to the value of another that as many lie below."""

    def __init__(
        self, a: Groove, b: Sequence[Groove], value: Callable[[Groove, Hit], float]
    ) -> None:
        self._value = value
        self._values_a, self._values_b = _sorted_values([a], value), _sorted_values(b, value)

    def of(self, groove: Groove, hit: Hit) -> float:
        """What a hit's value becomes."""
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
    found: dict[tuple[int, ...], list[float]] = {}
    for groove in grooves:
        for hit in groove.hits:
            for key in ((hit.drum, groove.weight(hit)), (hit.drum,), ()):
                found.setdefault(key, []).append(value(groove, hit))
    return {key: np.sort(values) for key, values in found.items()}


def _at_rank(
    value: float, values_a: npt.NDArray[np.float64], values_b: npt.NDArray[np.float64]
) -> float:
    # Of equal values the middle one counts, so that a distribution is mapped onto itself exactly.
    low, high = np.searchsorted(values_a, value, "left"), np.searchsorted(values_a, value, "right")
    rank = (low + high) / 2 / len(values_a)
    ranks_b = (np.arange(len(values_b)) + 0.5) / len(values_b)
    return float(np.interp(rank, ranks_b, values_b))


class Interpolation(SystemFacts):
    """The exact way from one groove to another."""

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
        self._moves = [self._move(pair) for pair in self.pairs]

    def _move(self, pair: HitPair) -> tuple[tuple[float, float], tuple[float, float]]:
        """Velocity at both ends, and place in the bar at both ends."""
        a, b = pair.a, pair.b
        follows_b = b is not None and (a is None or not self.drummer)
        if a is not None:
            velocity, place = float(a.velocity), a.place
        else:
            assert b is not None
            velocity = self._velocities[1].of(self.b, b)
            place = regrid(b, self.b, self.a) + self._offsets[1].of(self.b, b)
        if follows_b:
            assert b is not None
            return (velocity, float(b.velocity)), (place, b.place)
        assert a is not None
        to = regrid(a, self.a, self.b) + self._offsets[0].of(self.a, a)
        return (velocity, self._velocities[0].of(self.a, a)), (place, to)

    def at(self, amounts: GrooveAmounts) -> tuple[Strike, ...]:
        """The groove that lies some part of the way."""
        found = []
        for pair, threshold, (velocity, place) in zip(
            self.pairs, self._thresholds, self._moves, strict=True
        ):
            hit = pair.b if amounts.hits > threshold else pair.a
            if hit is not None:
                found.append(
                    strike(
                        self.a.bar_starts[hit.bar],
                        hit,
                        between(*velocity, amounts.velocity),
                        between(*place, amounts.timing),
                        strike_duration(pair, amounts.timing),
                    )
                )
        return tuple(sorted(found))


def regrid(hit: Hit, own: Groove, other: Groove) -> float:
    """Where a hit's step falls in another groove's feel."""
    place = hit.step / own.steps_per_quarter
    if own.is_triplet == other.is_triplet:
        return place
    return straighten(place) if own.is_triplet else swing(place)


def strike_duration(pair: HitPair, amount: float) -> float:
    """How long a pair's note lasts some part of the way."""
    if pair.a is None or pair.b is None:
        return pair.any_hit.duration
    return between(pair.a.duration, pair.b.duration, amount)


def between(a: float, b: float, amount: float) -> float:
    """The value some part of the way; at the ends exactly one and the other."""
    return a if a == b else (1 - amount) * a + amount * b


def strike(begin: float, hit: Hit, velocity: float, place: float, duration: float) -> Strike:
    """A hit as a strike, with what moved."""
    loud = min(max(int(velocity + 0.5), 1), 127)
    return Strike(max(begin + place, 0.0), duration, hit.pitch, loud)


def thresholds(a: Groove, b: Groove, pairs: Sequence[HitPair]) -> list[float]:
    """Beyond which amount of hits each pair is as in the other groove.

    Three kinds of change go on evenly beside each other: what only B has is added, strong places
    first; what only A has is dropped, weak places first; and a drum of another pitch (rim for head)
    changes, strong places first. So the number of hits moves in a straight line from one groove's
    to the other's, and whatever has come stays, whatever has gone stays away. Equal places of a
    drum follow one another through the bars, so that what repeats goes on repeating.
    """
    kinds: dict[str, list[tuple[tuple[int, ...], int]]] = {"add": [], "drop": [], "turn": []}
    for i, pair in enumerate(pairs):
        hit = pair.any_hit
        salience = (a if pair.a else b).salience(hit)
        order = (hit.drum, hit.step, hit.bar, i)
        if pair.a is None:
            kinds["add"].append(((-salience, *order), i))
        elif pair.b is None:
            kinds["drop"].append(((salience, *order), i))
        elif pair.a.pitch != pair.b.pitch:
            kinds["turn"].append(((-salience, *order), i))
    found = [0.5] * len(pairs)
    # What comes and what goes takes turns, so that equal amounts change as many hits; pitches
    # change beside.
    for together in (("add", "drop"), ("turn",)):
        merged = sorted(
            ((rank + 0.5) / len(kinds[kind]), kind, i)
            for kind in together
            for rank, (_, i) in enumerate(sorted(kinds[kind]))
        )
        for rank, (_, _, i) in enumerate(merged):
            found[i] = (rank + 0.5) / len(merged)
    return found


def fit_bars(a: Groove, b: Groove) -> tuple[Groove, Groove, float]:
    """Two grooves in the same bars: B repeated, or cut, to A's length."""
    a, b, stretch = _with_equal_bars(a, b)
    order = [bar % b.n_bars for bar in range(a.n_bars)]
    for bar, other in enumerate(order):
        if not _same_bars(a.metres[bar], b.metres[other]):
            raise InputError(
                b.name,
                f"is in {b.metres[other]} where {a.name} is in {a.metres[bar]}",
                "choose grooves of one metre",
            )
    b = b.bars(order)
    if not b.hits:
        raise InputError(
            b.name,
            f"is silent in the {a.n_bars} bars that {a.name} lasts",
            "cut off its silent beginning",
        )
    return a, b, stretch


def _same_bars(one: Metre, other: Metre) -> bool:
    return one.bar == other.bar and one.is_compound == other.is_compound


def _with_equal_bars(a: Groove, b: Groove) -> tuple[Groove, Groove, float]:
    if len(set(a.metres)) > 1 or len(set(b.metres)) > 1:
        return a, b, 1.0
    metre_a, metre_b = a.metres[0], b.metres[0]
    if metre_a.is_compound and a.in_quarters().metres[0] == metre_b:
        return a.in_quarters(), b, 1.5
    if metre_b.is_compound and b.in_quarters().metres[0] == metre_a:
        return a, b.in_quarters(), 1.0
    if metre_a.is_compound == metre_b.is_compound and not _same_bars(metre_a, metre_b):
        shorter, longer = sorted((metre_a, metre_b), key=lambda metre: metre.bar)
        if (longer.bar / shorter.bar).denominator == 1:
            return a.in_bars_of(shorter), b.in_bars_of(shorter), 1.0
    return a, b, 1.0


def nearest_phrases(a: Groove, drummer: Sequence[Groove], name: str = "drummer") -> Groove:
    """What a drummer played that is nearest to a groove, phrase by phrase.

    Phrases are two bars. Near is what strikes the same drums at the same places at a like tempo and
    with the same feel; equal phrases meet equal answers, silent ones silence.
    """
    phrases = [
        range(start, min(start + _PHRASE_BARS, a.n_bars))
        for start in range(0, a.n_bars, _PHRASE_BARS)
    ]
    answers: dict[int, tuple[float, list[Hit]]] = {}
    for per_quarter in sorted({groove.steps_per_quarter for groove in drummer}):
        grooves = [g for g in drummer if g.steps_per_quarter == per_quarter]
        answer = _nearest_answers(a, phrases, grooves)
        if answer is not None:
            answers[per_quarter] = answer
    if not answers:
        metre = a.metres[0]
        raise InputError(
            name, f"plays nothing in {metre}", f"choose a drummer of grooves in {metre}"
        )
    per_quarter = min(answers, key=lambda each: answers[each][0])
    return replace(a, steps_per_quarter=per_quarter, hits=tuple(answers[per_quarter][1]), name=name)


def _nearest_answers(
    a: Groove, phrases: Sequence[range], grooves: Sequence[Groove]
) -> tuple[float, list[Hit]] | None:
    """How far grooves of one grid are from each phrase, and the hits of the nearest."""
    inside: dict[tuple[int, int], list[Hit]] = {}
    for number, groove in enumerate(grooves):
        for hit in groove.hits:
            inside.setdefault((number, hit.bar), []).append(hit)
    distance, hits = 0.0, []
    best_by_phrase: dict[tuple[bytes, tuple[Metre, ...]], tuple[float, int, int] | None] = {}
    for phrase in phrases:
        target_cells, metres = _phrase_cells(a, phrase), tuple(a.metres[bar] for bar in phrase)
        if not target_cells.any():
            continue
        key = target_cells.tobytes(), metres
        if key not in best_by_phrase:
            best_by_phrase[key] = min(
                _phrase_distances(a, target_cells, metres, grooves), default=None
            )
        best = best_by_phrase[key]
        if best is None:
            return None
        distance += best[0]
        for i, bar in enumerate(phrase):
            for hit in inside.get((best[1], best[2] + i), ()):
                place = max(hit.place, 0.0) if bar == 0 else hit.place
                hits.append(replace(hit, bar=bar, place=place))
    return distance, hits


def _phrase_cells(groove: Groove, bars: range) -> Array:
    cells, bar_starts = groove.straight_hits, groove.bar_starts
    return cells[round(bar_starts[bars[0]] * STRAIGHT) : round(bar_starts[bars[-1] + 1] * STRAIGHT)]


def _phrase_distances(
    a: Groove, target_cells: Array, metres: Sequence[Metre], grooves: Sequence[Groove]
) -> Iterator[tuple[float, int, int]]:
    """How far every phrase of every groove is, its groove and its bar."""
    for number, groove in enumerate(grooves):
        octaves = abs(np.log2(groove.quarters_per_minute / a.quarters_per_minute))
        penalty = _TEMPO_WEIGHT * min(float(octaves), 2.0)
        penalty += _FEEL_WEIGHT * (groove.is_triplet != a.is_triplet)
        for bar in range(groove.n_bars - len(metres) + 1):
            own = groove.metres[bar : bar + len(metres)]
            if not all(_same_bars(x, y) for x, y in zip(own, metres, strict=True)):
                continue
            cells = _phrase_cells(groove, range(bar, bar + len(metres)))
            if cells.any():
                distance = np.abs(cells - target_cells).sum() / (cells.sum() + target_cells.sum())
                yield float(distance) + penalty, number, bar
