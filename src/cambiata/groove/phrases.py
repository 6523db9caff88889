"""Two grooves in the same bars, and the phrases of a drummer that are nearest to a groove."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from cambiata.errors import InputError
from cambiata.groove.grid import STRAIGHT, Array, Groove, Hit
from cambiata.score.midi import Metre

# Long enough to tell grooves apart, short enough that a drummer has played something like it; the
# autoencoder's windows of 4/4 are as long.
_PHRASE_BARS = 2
# What an octave of tempo and another feel (straight, triplets) weigh beside hits that differ, in
# shares of the hits. Chosen, not measured. Higher: a drummer's phrases of like tempo and feel come
# first, and strike less of what the groove strikes.
_TEMPO_WEIGHT, _FEEL_WEIGHT = 0.3, 0.2
_MAX_OCTAVES = 2.0  # beyond, a tempo is only "far"


def fit_bars(a: Groove, b: Groove) -> tuple[Groove, Groove, float]:
    """Two grooves in the same bars: B repeated, or cut, to A's length.

    The third value is how much longer A's own quarter notes are than those of the two: where one
    has compound beats (12/8) and the other as many plain ones (4/4), both get quarter notes for
    beats.
    """
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
    """Both grooves in bars of one metre where that can be; the factor is that of `fit_bars`."""
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
    """The phrases of a drummer that are nearest to a groove's, one after another, all on one grid.

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
    """Total distance of the nearest phrases in grooves of one grid, and their hits."""
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
                place = max(hit.onset, 0.0) if bar == 0 else hit.onset
                hits.append(replace(hit, bar=bar, onset=place))
    return distance, hits


def _phrase_cells(groove: Groove, bars: range) -> Array:
    """Hits of some bars on the grid of sixteenths [L, 9]."""
    cells, bar_starts = groove.straight_hits, groove.bar_starts
    return cells[round(bar_starts[bars[0]] * STRAIGHT) : round(bar_starts[bars[-1] + 1] * STRAIGHT)]


def _phrase_distances(
    a: Groove, target_cells: Array, metres: Sequence[Metre], grooves: Sequence[Groove]
) -> Iterator[tuple[float, int, int]]:
    """Distance of every phrase of every groove, its groove and its first bar."""
    for number, groove in enumerate(grooves):
        octaves = abs(np.log2(groove.quarters_per_minute / a.quarters_per_minute))
        penalty = _TEMPO_WEIGHT * min(float(octaves), _MAX_OCTAVES)
        penalty += _FEEL_WEIGHT * (groove.is_triplet != a.is_triplet)
        for bar in range(groove.n_bars - len(metres) + 1):
            own = groove.metres[bar : bar + len(metres)]
            if not all(_same_bars(x, y) for x, y in zip(own, metres, strict=True)):
                continue
            cells = _phrase_cells(groove, range(bar, bar + len(metres)))
            if cells.any():
                distance = np.abs(cells - target_cells).sum() / (cells.sum() + target_cells.sum())
                yield float(distance) + penalty, number, bar
