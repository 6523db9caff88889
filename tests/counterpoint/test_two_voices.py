"""Breaches of two voices, one by one; whole worksheets are in `test_worksheet`."""

from fractions import Fraction

import pytest

from cambiata.counterpoint.cantus import Cantus
from cambiata.counterpoint.two_voices import two_voice_breaches
from cambiata.counterpoint.worksheet import LineNote, whole_notes

CANTUS = Cantus((60, 62, 64, 62, 60), Fraction(4), Fraction(4), Fraction(0), 0, 0)


@pytest.mark.parametrize(
    ("pitches", "rules"),
    [
        ((67, 65, 67, 71, 72), []),
        ((67, 69, 67, 71, 72), ["parallel-fifths"]),
        ((72, 74, 72, 71, 72), ["parallel-octaves"]),
        ((67, 64, 67, 71, 72), ["consonance"]),
    ],
)
def test_breaches_of_first_species(pitches: tuple[int, ...], rules: list[str]) -> None:
    breaches = two_voice_breaches(CANTUS, whole_notes(pitches), 1, "above")
    assert [breach.rule for breach in breaches] == rules


def test_an_empty_line_has_no_breach() -> None:
    assert two_voice_breaches(CANTUS, (), 1, "above") == ()


def test_a_note_knows_where_it_lies() -> None:
    note = LineNote(Fraction(6), Fraction(4), 60)
    assert (note.bar, note.beat, note.is_tied) == (1, 2, True)
