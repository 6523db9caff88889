"""Hits in pairs, the order in which they change, and values between two grooves."""

import pytest
from tiny_grooves import EDGE, HAT, groove, rock

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
from cambiata.score.midi import Metre


def test_straight_hits_are_matched_with_swung_ones() -> None:
    one = Groove((Metre(),), 4, (Hit(0, 2, 0.5, 0.1, 42, 90),))
    two = Groove((Metre(),), 3, (Hit(0, 2, 2 / 3, 0.1, 22, 60), Hit(0, 3, 1.0, 0.1, 36, 80)))
    pairs = [(pair.a is None, pair.b and pair.b.pitch) for pair in match_hits(one, two)]
    assert pairs == [(False, 22), (True, 36)]


def test_changes_are_spread_evenly_over_the_amounts() -> None:
    a = Groove((Metre(),), 4, ())
    b = Groove((Metre(),), 4, (Hit(0, 0, 0.0, 0.1, 36, 90), Hit(0, 3, 0.75, 0.1, 36, 80)))
    assert thresholds(a, b, match_hits(a, b)) == [0.25, 0.75]


def test_an_eighth_is_swung_on_a_grid_of_triplets() -> None:
    straight, triplets = Groove((), 4, ()), Groove((), 3, ())
    eighth = Hit(0, 2, 0.5, 0.1, 42, 90)
    assert regrid(eighth, straight, triplets) == pytest.approx(2 / 3)
    assert regrid(eighth, straight, straight) == 0.5
    assert regrid(Hit(0, 2, 2 / 3, 0.1, 42, 90), triplets, straight) == pytest.approx(0.5)


def test_values_between_are_exact_at_the_ends() -> None:
    assert between(1.0, 3.0, 0.25) == 1.5
    assert (between(0.1, 0.7, 0.0), between(0.1, 0.7, 1.0)) == (0.1, 0.7)
    alone = HitPair(Hit(0, 0, 0.0, 0.1, 36, 90), None)
    assert strike_duration(alone, 0.5) == 0.1
    assert alone.any_hit.pitch == 36
    both = HitPair(Hit(0, 0, 0.0, 0.1, 36, 90), Hit(0, 0, 0.0, 0.3, 36, 90))
    assert strike_duration(both, 0.5) == pytest.approx(0.2)


def test_strikes_stay_in_the_range_of_midi_and_of_time() -> None:
    hit = Hit(1, 0, 0.0, 0.1, 36, 90)
    assert strike(4.0, hit, 60.4, -0.02, 0.1) == Strike(4.0 - 0.02, 0.1, 36, 60)
    assert strike(0.0, hit, 200.0, -0.02, 0.1) == Strike(0.0, 0.1, 36, 127)
    assert strike(0.0, hit, -3.0, 0.0, 0.1).velocity == 1


def test_strong_places_are_first_to_come_and_last_to_go() -> None:
    a, b = groove(rock(1)), groove([Strike(i / 4, 0.1, 51, 80) for i in range(16)])
    pairs = match_hits(a, b)
    when = dict(zip(pairs, thresholds(a, b, pairs), strict=True))
    added = sorted((t, b.salience(pair.b)) for pair, t in when.items() if pair.b)
    dropped = sorted((t, a.salience(pair.a)) for pair, t in when.items() if pair.a)
    assert [s for _, s in added] == sorted((s for _, s in added), reverse=True)
    assert [s for _, s in dropped] == sorted(s for _, s in dropped)


def test_flams_match_by_pitch_first() -> None:
    a = groove([Strike(0, 0.1, HAT, 80), Strike(0.04, 0.1, EDGE, 90)])
    b = groove([Strike(0, 0.1, EDGE, 50)])
    pairs = match_hits(a, b)
    assert [(pair.any_hit.pitch, pair.b is None) for pair in pairs] == [(EDGE, False), (HAT, True)]
