"""Two grooves in the same bars, and the phrases of a drummer that are nearest."""

import pytest
from tiny_grooves import HAT, KICK, groove, jig, rock, shuffled, ticks

from cambiata import InputError
from cambiata.groove.grid import Groove, Hit, Strike
from cambiata.groove.matching import match_hits
from cambiata.groove.phrases import fit_bars, nearest_phrases
from cambiata.score.midi import Metre


def test_the_nearest_phrase_strikes_the_same_drums() -> None:
    a = Groove((Metre(),), 4, (Hit(0, 0, 0.0, 0.1, 36, 90),))
    far = Groove((Metre(),), 4, (Hit(0, 2, 0.5, 0.1, 38, 90),), "far")
    near = Groove((Metre(),), 4, (Hit(0, 0, 0.05, 0.1, 36, 50),), "near")
    assert nearest_phrases(a, [far, near]).hits == near.hits


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


def test_a_drummer_without_the_metre() -> None:
    with pytest.raises(InputError, match="Ann: plays nothing in 6/8; choose a drummer of grooves"):
        nearest_phrases(groove(jig(), Metre(6, 8)), [groove(rock())], "Ann")
