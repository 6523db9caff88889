"""The sliders of grooves, and what every system promises."""

import pytest
from tiny_grooves import groove, rock, shuffled

from cambiata import InputError
from cambiata.groove.phrases import fit_bars
from cambiata.groove.system import GrooveAmounts, GrooveSystem
from cambiata.registry import find_system, system_names


def test_sliders_that_are_not_given_follow_the_amount() -> None:
    assert GrooveAmounts.of(0.3, timing=1.0) == GrooveAmounts(0.3, 0.3, 1.0)


@pytest.mark.parametrize("name", system_names("groove"))
def test_every_system_is_exact_at_both_ends(name: str) -> None:
    system = find_system(name, "groove")
    assert issubclass(system, GrooveSystem)
    a, b, _ = fit_bars(groove(rock(2)), groove(shuffled()))
    interpolator = system.between(a, b, (), "groove")
    assert interpolator.at(GrooveAmounts.of(0.0)) == a.strikes
    assert interpolator.at(GrooveAmounts.of(1.0)) == b.strikes


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_amounts_out_of_range(share: float) -> None:
    with pytest.raises(InputError, match=r"amount .* is out of range; use 0 to 1"):
        GrooveAmounts.of(share)
    with pytest.raises(InputError, match=r"timing .* is out of range; use 0 to 1"):
        GrooveAmounts.of(0.5, timing=share)
