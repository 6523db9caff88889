"""Breaches of three voices, one by one; whole worksheets are in `test_worksheet`."""

from fractions import Fraction

from cambiata.counterpoint.cantus import Cantus
from cambiata.counterpoint.three_voices import (
    chord_breaches,
    motion_breaches,
    three_voice_breaches,
)
from cambiata.counterpoint.worksheet import whole_notes

CANTUS = Cantus((60, 62, 64, 62, 60), Fraction(4), Fraction(4), Fraction(0), 0, 0)


def test_octaves_with_the_cantus_are_marked() -> None:
    lines = [whole_notes((72, 74, 72, 71, 72)), whole_notes((67, 65, 67, 65, 64))]
    breaches = three_voice_breaches(CANTUS, lines, "above")
    assert [breach.rule for breach in breaches] == ["parallel-octaves"]


def test_a_six_four_chord_is_a_dissonance() -> None:
    breaches = [str(breach) for breach in chord_breaches(CANTUS, 2, (64, 69, 72))]
    assert breaches == ["bar 3: consonance: A4 is a fourth over the lowest voice"]


def test_fifths_between_any_two_voices_are_marked() -> None:
    breaches = motion_breaches(CANTUS, 1, (60, 67, 76), (62, 69, 74))
    assert [breach.rule for breach in breaches] == ["parallel-fifths"]
