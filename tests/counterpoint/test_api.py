"""Solutions keep every rule, in the checker's eyes and in music21's."""

import sys
from dataclasses import asdict, replace
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from sheets import cantus, sheet, worksheets

from cambiata.counterpoint.api import check, solve, solve_file
from cambiata.errors import InputError, MissingExtraError
from cambiata.score.notation import read, write
from cambiata.score.sheet import Sheet, Voice

pytest.importorskip("ortools")

DORIAN, SHORT = "D4 F4 E4 A4 G4 F4 E4 D4", "D4 F4 E4 F4 E4 D4"
KINDS = [*((species, 2) for species in range(1, 6)), (1, 3)]


@cache
def solved(species: int, voices: int, position: str) -> Sheet:
    """The best solution of the Dorian cantus, solved once."""
    (solution,) = solve(cantus(DORIAN), species=species, position=position, voices=voices)
    return solution.sheet


@pytest.mark.parametrize("position", ["above", "below"])
@pytest.mark.parametrize(("species", "voices"), KINDS)
def test_solutions_keep_the_rules(species: int, voices: int, position: str) -> None:
    sheet = solved(species, voices, position)
    report = check(sheet)
    assert report.is_correct
    assert (report.species, report.position, report.voices) == (species, position, voices)
    index = -1 if position == "above" else 0
    assert sheet.voices[index].tones == cantus(DORIAN).voices[0].tones


def test_same_seed_same_solutions() -> None:
    first, again = (solve(cantus(SHORT), species=5, best=2, seed=3) for _ in range(2))
    assert first == again
    other = solve(cantus(SHORT), species=5, best=2, seed=4)
    assert [s.sheet for s in other] != [s.sheet for s in first]


def test_the_best_are_different_and_in_order() -> None:
    solutions = solve(cantus(DORIAN), species=2, best=4)
    scores = [solution.score for solution in solutions]
    assert len(solutions) == 4
    assert scores == sorted(scores, reverse=True)
    lines = [[tone.pitch for tone in s.sheet.voices[0].tones] for s in solutions]
    for one, two in ((a, b) for i, a in enumerate(lines) for b in lines[:i]):
        assert sum(x != y for x, y in zip(one, two, strict=True)) >= 2


def test_fourth_species_is_tied() -> None:
    counterpoint = solved(4, 2, "above").voices[0]
    over = [tone for tone in counterpoint.tones if tone.start // 4 != (tone.end - 1) // 4]
    assert len(over) >= len(DORIAN.split()) - 4


def test_fifth_species_mixes_values() -> None:
    assert len({tone.length for tone in solved(5, 2, "above").voices[0].tones}) >= 3


def test_a_cantus_elsewhere_and_shorter_is_solved_alike() -> None:
    plain = cantus(DORIAN)
    tones = tuple(
        replace(t, start=t.start / 2 + 3, length=t.length / 2, pitch=t.pitch + 5)
        for t in plain.voices[0].tones
    )
    (elsewhere,) = solve(replace(plain, voices=(Voice(tones),), key="F"), species=3)
    moved = [(2 * (t.start - 3), t.pitch - 5) for t in elsewhere.sheet.voices[0].tones]
    assert moved == [(t.start, t.pitch) for t in solved(3, 2, "above").voices[0].tones]


def test_what_cannot_be_solved_is_said() -> None:
    highest = cantus("G9 E9 F9 D9 E9 F9 G9")  # 127: there is no A above it that leads back
    with pytest.raises(InputError, match="no counterpoint above it keeps every rule of species 1"):
        solve(highest)


def test_several_voices_are_no_cantus() -> None:
    with pytest.raises(InputError, match="has 2 voices; give the cantus alone"):
        solve(sheet(worksheets()[0]))


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"species": 0}, "species 0"),
        ({"position": "beside"}, "position beside"),
        ({"voices": 4}, "4 voices"),
        ({"voices": 3, "species": 2}, "first species only"),
        ({"best": 0}, "best 0"),
    ],
)
def test_options_are_refused(options: dict[str, object], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        solve(cantus(DORIAN), **options)  # type: ignore[arg-type]


def test_without_ortools_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ortools", None)
    with pytest.raises(MissingExtraError, match=r"cambiata\[notes\]"):
        solve(cantus(DORIAN))
    assert not check(sheet(worksheets()[5])).is_correct  # the checker needs none of it


def test_files(tmp_path: Path) -> None:
    source = tmp_path / "cantus.mid"
    write(cantus(DORIAN), source)
    report = solve_file(source, tmp_path / "out.mid", best=2)
    assert [Path(name).name for name in report.outputs] == ["out-1.mid", "out-2.mid"]
    assert not (tmp_path / "out.mid").exists()
    for name in report.outputs:
        assert check(read(name)).is_correct
    assert asdict(report)["mode"] == "D Dorian"
    assert all(a >= b for a, b in pairwise(report.scores))
    with pytest.raises(InputError, match=r"out-1\.mid: exists"):
        solve_file(source, tmp_path / "out.mid", best=2)
    one = solve_file(source, tmp_path / "out.mid")
    assert [Path(name).name for name in one.outputs] == ["out.mid"]
    assert read(tmp_path / "out.mid").voices[0].tones[-1].end == Fraction(32)
