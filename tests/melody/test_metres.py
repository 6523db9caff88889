"""Melodies counted in other metres."""

from fractions import Fraction

import pytest
from tiny_melodies import tune

from cambiata.errors import InputError
from cambiata.melody.bars import MelodyLine
from cambiata.melody.metres import change_metre, with_pickup
from cambiata.score.midi import Metre
from cambiata.score.sheet import Sheet, Tone, Voice


def test_a_jigs_long_and_short_become_crotchet_and_quaver() -> None:
    made = change_metre(tune(Metre(6, 8), *([12] * 6)), Metre())
    assert [str(event.onset) for event in made.bars[0]] == ["0", "1", "3/2", "2", "3", "7/2"]


@pytest.mark.parametrize(
    ("before", "after"),
    [(Metre(6, 8), Metre(4, 4)), (Metre(9, 8), Metre(3, 4)), (Metre(6, 8), Metre(2, 4))],
)
def test_metres_are_changed_there_and_back(before: Metre, after: Metre) -> None:
    n = before.beats
    line = tune(before, *([12] * n * 2))
    made = change_metre(line, after)
    assert made.metre == after
    assert len(made.bars) == len(line.bars)
    assert [len(bar) for bar in made.bars] == [len(bar) for bar in line.bars]
    assert change_metre(made, before).bars == line.bars


def test_a_pickup_changes_its_metre_with_its_tune() -> None:
    tones = [Tone(Fraction(i, 2), Fraction(1, 2), 60 + i % 5) for i in range(13)]
    line = MelodyLine.of(Voice(tuple(tones)), Metre(6, 8), Fraction(1, 2))
    made = change_metre(line, Metre(4, 4))
    assert made.pickup == Fraction(1, 2)
    assert len(made.bars[0]) == 1
    with pytest.raises(InputError, match="metre 3/4: does not divide as 6/8 does"):
        change_metre(line, Metre(3, 4))


def test_a_pickup_is_what_is_given() -> None:
    tones = tuple(Tone(Fraction(i, 2), Fraction(1, 2), 60 + i % 5) for i in range(17))
    sheet = Sheet((Voice(tones),), pickup=Fraction(1))
    assert with_pickup(sheet, None) is sheet
    assert with_pickup(sheet, "1/2").pickup == Fraction(1, 2)
    assert with_pickup(sheet, "0.5").n_bars == 2
    assert with_pickup(sheet, "0").pickup == 0
    for wrong in ("4", "-1", "a bar", "1/0", "nan"):
        with pytest.raises(InputError, match=r"is not the length .* less than 4"):
            with_pickup(sheet, wrong)
