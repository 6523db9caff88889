"""Slots of the five species."""

from fractions import Fraction

import numpy as np
import pytest

from cambiata.counterpoint.rhythms import Slot, slots
from cambiata.counterpoint.rules import FLORID


def test_a_slot_knows_its_bar_and_beat() -> None:
    slot = Slot(Fraction(6), Fraction(2))
    assert (slot.bar, slot.beat) == (1, 2)


@pytest.mark.parametrize(
    ("species", "starts"),
    [
        (1, [0, 4, 8]),
        (2, [2, 4, 6, 8]),
        (3, [0, 1, 2, 3, 4, 5, 6, 7, 8]),
        (4, [2, 4, 6, 8]),
    ],
)
def test_slots_of_the_plain_species(species: int, starts: list[int]) -> None:
    assert [slot.start for slot in slots(species, 3, np.random.default_rng(0))] == starts


@pytest.mark.parametrize("seed", range(20))
def test_fifth_species_has_bars_of_the_list(seed: int) -> None:
    made = slots(5, 10, np.random.default_rng(seed))
    assert made[0].start == 2  # half a bar's rest
    assert [slot.length for slot in made if slot.bar == 9] == [4]
    for bar in range(1, 9):
        lengths = tuple(float(slot.length) for slot in made if slot.bar == bar)
        assert lengths in FLORID
        assert sum(lengths) == 4
