"""Planted breaches: every rule has one, and the checker and the referee find it."""

from dataclasses import replace

import pytest

from cambiata.counterpoint.api import solve
from cambiata.counterpoint.rules import RULES
from cambiata.evaluate.counterpoint import (
    CANTUS,
    FUX,
    FUX_SOLUTIONS,
    cantus_sheet,
)
from cambiata.evaluate.planted_breaches import PLANTS, is_found, plant_breaches
from cambiata.evaluate.referee import find_objections
from cambiata.score.sheet import Sheet

pytest.importorskip("music21")
pytest.importorskip("ortools")


def _fux(index: int) -> Sheet:
    name, position, pitches = FUX_SOLUTIONS[index]
    cantus = cantus_sheet(CANTUS[name]).voices[0]
    added = replace(cantus_sheet(pitches).voices[0], name="")
    return Sheet((added, cantus) if position == "above" else (cantus, added))


@pytest.mark.parametrize("rule", ["parallel-fifths", "direct-octaves", "consonance", "leap"])
def test_the_referee_finds_what_is_planted(rule: str) -> None:
    case = next(iter(plant_breaches(rule, [(FUX["fux-dorian"], _fux(0))])))
    assert any(text.startswith(f"bar {case.bar}:") for text in find_objections(case.sheet))


def test_every_rule_is_planted() -> None:
    assert set(PLANTS) == {rule.name for rule in RULES}


@pytest.mark.parametrize("species", range(1, 6))
def test_planted_breaches_are_found(species: int) -> None:
    solved = [
        (CANTUS[name], solve(cantus_sheet(CANTUS[name]), species=species)[0].sheet)
        for name in ("own-mixolydian-1", "own-ionian-1")[: 1 if species == 5 else 2]
    ]
    for rule, (kind, _, _) in PLANTS.items():
        if kind == species:
            cases = list(plant_breaches(rule, solved))[:8]
            assert cases or rule == "variety"
            assert all(map(is_found, cases)), rule
