"""Interpolation without learning: exact ends, monotone and even between, sliders apart."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_grooves import HAT, RIM, SNARE, groove, played, rock, ticks

from cambiata.groove.grid import Groove, Strike, drum_class
from cambiata.groove.interpolation import Interpolation, QuantileMap
from cambiata.groove.matching import match_hits
from cambiata.groove.phrases import fit_bars, nearest_phrases
from cambiata.groove.system import GrooveAmounts
from cambiata.score.midi import Metre, Score

AMOUNTS = np.linspace(0, 1, 21)
FEW = settings(max_examples=30)
SHARES = st.floats(0, 1)


def _way(a: Score, b: Score) -> Interpolation:
    first, second, _ = fit_bars(Groove.of(a), Groove.of(b))
    return Interpolation(first, second)


def _whats_struck(strikes: tuple[Strike, ...]) -> list[tuple[int, float]]:
    return sorted((drum_class(s.pitch), s.onset) for s in strikes)


@FEW
@given(played(), played())
def test_ends_are_exact(a: Score, b: Score) -> None:
    interpolator = _way(a, b)
    assert interpolator.at(GrooveAmounts.of(0.0)) == interpolator.a.strikes
    assert interpolator.at(GrooveAmounts.of(1.0)) == interpolator.b.strikes


@FEW
@given(played(Metre(6, 8)), played(Metre(6, 8)))
def test_ends_are_exact_in_six_eight(a: Score, b: Score) -> None:
    interpolator = _way(a, b)
    assert interpolator.at(GrooveAmounts.of(0.0)) == interpolator.a.strikes
    assert interpolator.at(GrooveAmounts.of(1.0)) == interpolator.b.strikes


@FEW
@given(played(), SHARES)
def test_to_itself_is_itself(a: Score, share: float) -> None:
    interpolator = _way(a, a)
    assert ticks(interpolator.at(GrooveAmounts.of(share))) == ticks(interpolator.a.strikes)


@FEW
@given(played(), played())
def test_hits_are_monotone(a: Score, b: Score) -> None:
    interpolator = _way(a, b)
    # Places stay where they are while only the hits' slider moves, so that hits can be followed.
    heard = [set(interpolator.at(GrooveAmounts(share, 0, 0))) for share in AMOUNTS]
    for strike in set.union(*heard):
        there = [strike in own for own in heard]
        assert sum(x != y for x, y in pairwise(there)) <= 1


@FEW
@given(played(), played(), SHARES, SHARES)
def test_sliders_are_independent(a: Score, b: Score, share: float, other: float) -> None:
    interpolator = _way(a, b)
    before, louder = (
        interpolator.at(GrooveAmounts(share, velocity, share)) for velocity in (share, other)
    )
    assert sorted(s[:3] for s in before) == sorted(s[:3] for s in louder)
    later = interpolator.at(GrooveAmounts(share, share, other))
    assert sorted(s[2:] for s in before) == sorted(s[2:] for s in later)


def test_changes_come_evenly() -> None:
    a, b = groove(rock(4)), groove(rock(4))
    rng = np.random.default_rng(0)
    a = replace(a, hits=tuple(hit for hit in a.hits if rng.random() < 0.6))
    b = replace(b, hits=tuple(hit for hit in b.hits if rng.random() < 0.6))
    interpolator = Interpolation(a, b)
    ends = [set(_whats_struck(groove.strikes)) for groove in (a, b)]
    whole = len(ends[0] ^ ends[1])
    for share in AMOUNTS:
        heard = set(_whats_struck(interpolator.at(GrooveAmounts.of(share))))
        assert len(heard ^ ends[0]) == pytest.approx(share * whole, abs=1)
        assert len(heard) == pytest.approx((1 - share) * len(ends[0]) + share * len(ends[1]), abs=2)


def test_rim_and_head_are_one_drum() -> None:
    a, b = groove([Strike(1, 0.1, SNARE, 80)]), groove([Strike(1.02, 0.1, RIM, 40)])
    [pair] = match_hits(a, b)
    assert pair.a is not None
    assert pair.b is not None
    interpolator = Interpolation(a, b)
    assert [interpolator.at(GrooveAmounts.of(share))[0].pitch for share in (0.4, 0.6)] == [
        SNARE,
        RIM,
    ]


def test_matched_hits_move_in_straight_lines() -> None:
    interpolator = Interpolation(groove(rock(2, 60)), groove(rock(2, 100, late=0.06)))
    for strike, before in zip(
        interpolator.at(GrooveAmounts.of(0.25)), interpolator.a.strikes, strict=True
    ):
        assert strike.velocity == pytest.approx(before.velocity + 10, abs=0.5)
        assert strike.onset == pytest.approx(before.onset + 0.015)


def test_kept_hits_take_the_others_measure() -> None:
    # B has no hi-hats where A has, but strikes them half as hard elsewhere.
    a = groove([Strike(i / 2, 0.1, HAT, 90 + i) for i in range(8)])
    b = groove([Strike(i / 2 + 0.25, 0.1, HAT, 40 + i) for i in range(8)])
    louder = Interpolation(a, b).at(GrooveAmounts(0, 1, 0))
    assert [s.velocity for s in louder] == [40 + i for i in range(8)]
    added = Interpolation(a, b).at(GrooveAmounts(1, 0, 0))
    assert [s.velocity for s in added] == [90 + i for i in range(8)]


def test_swing_is_a_matter_of_timing() -> None:
    straight = groove([Strike(i / 2, 0.1, HAT, 80) for i in range(8)])
    swing = groove([Strike(i + part, 0.1, HAT, 80) for i in range(4) for part in (0, 2 / 3)])
    assert (straight.steps_per_quarter, swing.steps_per_quarter) == (4, 3)
    interpolator = Interpolation(straight, swing)
    assert all(pair.a and pair.b for pair in interpolator.pairs)
    half = [s.onset % 1 for s in interpolator.at(GrooveAmounts.of(0.5))]
    assert half == pytest.approx([0, 7 / 12] * 4)
    # What only A has is swung too.
    alone = Interpolation(straight, replace(swing, hits=swing.hits[:1]))
    assert [s.onset % 1 for s in alone.at(GrooveAmounts(0, 0, 1))] == pytest.approx([0, 2 / 3] * 4)


@given(st.lists(st.integers(1, 127), min_size=1, max_size=30))
def test_a_distribution_onto_itself(velocities: list[int]) -> None:
    made = groove([Strike(i / 4, 0.1, HAT, v) for i, v in enumerate(velocities)])
    onto = QuantileMap(made, [made], lambda _, hit: hit.velocity)
    assert [onto.of(made, hit) for hit in made.hits] == pytest.approx(
        [hit.velocity for hit in made.hits]
    )


def test_quantiles_are_numpys() -> None:
    rng = np.random.default_rng(0)
    a, b = (
        groove([Strike(i / 4, 0.1, HAT, int(v)) for i, v in enumerate(rng.permutation(low))])
        for low in (np.arange(20, 60), np.arange(48, 128, 2))
    )
    onto = QuantileMap(a, [b], lambda _, hit: hit.velocity)
    for weight in (0, 1, 2):
        ours = [hit.velocity for hit in a.hits if a.weight(hit) == weight]
        theirs = [hit.velocity for hit in b.hits if b.weight(hit) == weight]
        wanted = np.quantile(
            theirs, (np.argsort(np.argsort(ours)) + 0.5) / len(ours), method="hazen"
        )
        made = [onto.of(a, hit) for hit in a.hits if a.weight(hit) == weight]
        np.testing.assert_allclose(made, wanted)


def test_at_one_accents_are_as_in_a_in_the_drummers_measure() -> None:
    a, own = groove(rock(2, 100)), groove(rock(2, 50))
    interpolator = Interpolation(a, nearest_phrases(a, [own]), [own])
    wanted = [(s.onset, s.pitch, s.velocity) for s in own.strikes]
    assert [
        (s.onset, s.pitch, s.velocity) for s in interpolator.at(GrooveAmounts.of(1.0))
    ] == wanted
