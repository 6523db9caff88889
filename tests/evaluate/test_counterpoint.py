"""The referee judges as the hand-marked worksheets say, and planted breaches are found."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cambiata.counterpoint.api import check, solve
from cambiata.counterpoint.rules import RULES
from cambiata.evaluate.counterpoint import (
    CANTUS,
    COMPOSED,
    FUX,
    FUX_SOLUTIONS,
    TASKS,
    cantus_sheet,
    evaluate_counterpoint,
    rank_fux,
)
from cambiata.evaluate.planted_breaches import PLANTS, is_found, plant_breaches
from cambiata.evaluate.referee import find_objections
from cambiata.score.notation import Sheet

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


@pytest.mark.parametrize("rule", ["parallel-fifths", "direct-octaves", "consonance", "leap"])
def test_the_referee_finds_what_is_planted(rule: str) -> None:
    case = next(iter(plant_breaches(rule, [(FUX["fux-dorian"], _fux(0))])))
    assert any(text.startswith(f"bar {case.bar}:") for text in find_objections(case.sheet))


def test_there_are_cantus_firmi_enough() -> None:
    assert len(FUX) == 6
    assert len(COMPOSED) >= 12


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


def test_fux_ranks_above_chance() -> None:
    ranks = rank_fux(20)
    assert sum(rank["share_below"] for rank in ranks) / len(ranks) > 0.6


@pytest.mark.slow
def test_the_table_is_written(tmp_path: Path) -> None:
    cantus = ["own-mixolydian-1"]
    table = evaluate_counterpoint(tmp_path, cantus=cantus, tasks=[(1, 2)], n_lines=5)
    assert json.loads((tmp_path / "counterpoint.json").read_text())["seed"] == 0
    assert "| 1 | 2 | 2 | 2 | 2 | 2 |" in (tmp_path / "counterpoint.md").read_text()
    assert table["chorales"]["n"] > 50
