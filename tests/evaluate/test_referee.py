"""The referee of worksheets: music21 on Fux and on our solutions."""

from dataclasses import replace

import pytest

from cambiata.counterpoint.api import check, solve
from cambiata.evaluate.counterpoint import (
    CANTUS,
    FUX_SOLUTIONS,
    TASKS,
    cantus_sheet,
)
from cambiata.evaluate.referee import find_objections
from cambiata.score.sheet import Sheet

pytest.importorskip("music21")
pytest.importorskip("ortools")


def _fux(index: int) -> Sheet:
    name, position, pitches = FUX_SOLUTIONS[index]
    cantus = cantus_sheet(CANTUS[name]).voices[0]
    added = replace(cantus_sheet(pitches).voices[0], name="")
    return Sheet((added, cantus) if position == "above" else (cantus, added))


@pytest.mark.parametrize("index", range(len(FUX_SOLUTIONS)))
def test_neither_objects_to_fux(index: int) -> None:
    assert find_objections(_fux(index)) == ()
    assert check(_fux(index)).is_correct


@pytest.mark.parametrize(("species", "voices"), TASKS)
def test_the_referee_passes_solutions(species: int, voices: int) -> None:
    for position in ("above", "below")[: 1 if species == 5 else 2]:
        given = cantus_sheet(CANTUS["own-aeolian-2"])
        (solution,) = solve(given, species=species, position=position, voices=voices)
        assert find_objections(solution.sheet) == ()


@pytest.mark.slow
@pytest.mark.parametrize(("species", "voices"), TASKS)
def test_the_referee_passes_every_solution(species: int, voices: int) -> None:
    for pitches in CANTUS.values():
        for position in ("above", "below"):
            given = cantus_sheet(pitches)
            (solution,) = solve(given, species=species, position=position, voices=voices)
            assert find_objections(solution.sheet) == ()
            assert check(solution.sheet, species=species, position=position).is_correct
