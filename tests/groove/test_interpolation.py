"""The exact way: exact at both ends, monotone and even between, each slider for itself."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_grooves import EDGE, HAT, KICK, RIM, SNARE, groove, jig, played, rock, shuffled, ticks

from cambiata import InputError
from cambiata.groove.grid import Groove, Strike, drum_class
from cambiata.groove.interpolation import Interpolation, QuantileMap
from cambiata.groove.matching import match_hits, thresholds
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


def test_strong_places_are_first_to_come_and_last_to_go() -> None:
    a, b = groove(rock(1)), groove([Strike(i / 4, 0.1, 51, 80) for i in range(16)])
    pairs = match_hits(a, b)
    when = dict(zip(pairs, thresholds(a, b, pairs), strict=True))
    added = sorted((t, b.salience(pair.b)) for pair, t in when.items() if pair.b)
    dropped = sorted((t, a.salience(pair.a)) for pair, t in when.items() if pair.a)
    assert [s for _, s in added] == sorted((s for _, s in added), reverse=True)
    assert [s for _, s in dropped] == sorted(s for _, s in dropped)


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


def test_flams_match_by_pitch_first() -> None:
    a = groove([Strike(0, 0.1, HAT, 80), Strike(0.04, 0.1, EDGE, 90)])
    b = groove([Strike(0, 0.1, EDGE, 50)])
    pairs = match_hits(a, b)
    assert [(pair.any_hit.pitch, pair.b is None) for pair in pairs] == [(EDGE, False), (HAT, True)]


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


def test_b_is_repeated_and_cut() -> None:
    a, b, _ = fit_bars(groove(rock(5)), groove(rock(2, late=0.02)))
    assert [len([h for h in b.hits if h.bar == bar]) for bar in range(5)] == [12] * 5
    assert ticks(b.strikes) == ticks(groove(rock(5, late=0.02)).strikes)
    assert fit_bars(groove(rock(1)), groove(rock(3)))[1].n_bars == 1
    assert a.n_bars == 5


def test_bars_of_two_and_of_four_go_together() -> None:
    two = [Strike(i / 2, 0.1, KICK, 90) for i in range(4)]
    a, b, _ = fit_bars(groove(rock(2)), groove(two, Metre(2, 4)))
    assert {str(metre) for metre in (*a.metres, *b.metres)} == {"2/4"}
    assert a.strikes == groove(rock(2)).strikes
    assert len(b.hits) == 16


def test_twelve_eight_is_four_four_in_triplets() -> None:
    compound = [Strike(i / 2, 0.1, HAT, 80) for i in range(24)]
    triplets = [Strike(i / 3, 0.1, HAT, 80) for i in range(24)]
    a, b, stretch = fit_bars(groove(triplets), groove(compound, Metre(12, 8)))
    assert stretch == 1
    assert [s.onset for s in b.strikes] == pytest.approx([i / 3 for i in range(24)])
    assert all(pair.a and pair.b for pair in match_hits(a, b))
    _, _, stretch = fit_bars(groove(compound, Metre(12, 8)), groove(triplets))
    assert stretch == 1.5


@pytest.mark.parametrize("metre", [Metre(6, 8), Metre(3, 4), Metre(5, 4)], ids=str)
def test_other_metres_are_refused(metre: Metre) -> None:
    with pytest.raises(InputError, match=f"is in {metre} where score is in 4/4; choose grooves"):
        fit_bars(groove(rock()), groove(jig(), metre))


def test_silence_is_no_target() -> None:
    late = groove([Strike(8, 0.1, KICK, 90)])
    with pytest.raises(InputError, match="is silent in the 1 bars that score lasts"):
        fit_bars(groove(rock(1)), late)


def test_a_drummer_answers_each_phrase_alike() -> None:
    heavy = [Strike(i, 0.1, KICK, 120) for i in range(8)]
    drummer = [groove(heavy), groove(rock(2, 50)), groove(shuffled())]
    a = groove(rock(4))
    target = nearest_phrases(a, drummer)
    assert target.n_bars == 4
    assert ticks(target.strikes) == ticks(groove(rock(4, 50)).strikes)


def test_at_one_accents_are_as_in_a_in_the_drummers_measure() -> None:
    a, own = groove(rock(2, 100)), groove(rock(2, 50))
    interpolator = Interpolation(a, nearest_phrases(a, [own]), [own])
    wanted = [(s.onset, s.pitch, s.velocity) for s in own.strikes]
    assert [
        (s.onset, s.pitch, s.velocity) for s in interpolator.at(GrooveAmounts.of(1.0))
    ] == wanted


def test_a_drummer_without_the_metre() -> None:
    with pytest.raises(InputError, match="Ann: plays nothing in 6/8; choose a drummer of grooves"):
        nearest_phrases(groove(jig(), Metre(6, 8)), [groove(rock())], "Ann")


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_amounts_out_of_range(share: float) -> None:
    with pytest.raises(InputError, match=r"amount .* is out of range; use 0 to 1"):
        GrooveAmounts.of(share)
    with pytest.raises(InputError, match=r"timing .* is out of range; use 0 to 1"):
        GrooveAmounts.of(0.5, timing=share)
