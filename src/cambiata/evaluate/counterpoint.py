"""Counterpoint judged: an independent referee, planted breaches, and the ranking put to the test.

`referee` judges solutions by music21, `planted_breaches` tries the checker. The ranking is
to prefer what Bach and Fux wrote to what the rules merely allow.
"""

import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from cambiata.counterpoint.api import Solution, check, solve
from cambiata.counterpoint.cantus import Cantus
from cambiata.counterpoint.ranking import Ranking, shipped
from cambiata.counterpoint.solver import sample_lines, score_counterpoint
from cambiata.counterpoint.worksheet import LineNote, Position
from cambiata.data.chorales import PAIRS, read_chorales, successions
from cambiata.errors import InputError
from cambiata.evaluate.machine import describe_machine
from cambiata.evaluate.markdown import markdown_table, write_evaluation
from cambiata.evaluate.metrics import bootstrap_interval
from cambiata.evaluate.planted_breaches import PLANTS, is_found, plant_breaches
from cambiata.evaluate.referee import find_objections
from cambiata.score.sheet import Sheet, Tone, Voice

_BAR = 4  # quarter notes
# The cantus firmi of Fux's Gradus ad Parnassum (1725).
FUX = {
    "fux-dorian": (62, 65, 64, 62, 67, 65, 69, 67, 65, 64, 62),
    "fux-phrygian": (64, 60, 62, 60, 57, 69, 67, 64, 65, 64),
    "fux-lydian": (65, 67, 69, 65, 62, 64, 65, 72, 69, 65, 67, 65),
    "fux-mixolydian": (55, 60, 59, 55, 60, 64, 62, 67, 64, 60, 62, 59, 57, 55),
    "fux-aeolian": (57, 60, 59, 62, 60, 64, 65, 64, 62, 60, 59, 57),
    "fux-ionian": (60, 64, 65, 67, 64, 69, 67, 64, 65, 64, 62, 60),
}
# Composed for this test, two of each mode.
COMPOSED = {
    "own-dorian-1": (62, 64, 65, 67, 64, 65, 62, 64, 62),
    "own-dorian-2": (62, 69, 67, 65, 64, 67, 65, 64, 62),
    "own-phrygian-1": (64, 67, 65, 69, 67, 64, 62, 65, 64),
    "own-phrygian-2": (64, 62, 67, 65, 69, 67, 64, 65, 64),
    "own-lydian-1": (65, 69, 67, 65, 60, 62, 64, 67, 65),
    "own-lydian-2": (65, 64, 62, 67, 65, 69, 67, 65),
    "own-mixolydian-1": (67, 69, 71, 67, 72, 71, 69, 67),
    "own-mixolydian-2": (55, 62, 59, 60, 57, 59, 57, 55),
    "own-aeolian-1": (57, 64, 62, 60, 65, 64, 62, 59, 57),
    "own-aeolian-2": (57, 60, 62, 64, 60, 62, 59, 57),
    "own-ionian-1": (60, 62, 64, 67, 65, 69, 67, 64, 62, 60),
    "own-ionian-2": (60, 65, 64, 62, 69, 67, 64, 62, 60),
}
CANTUS = FUX | COMPOSED
# Fux's own first species, as remembered from the modern editions: cantus, where, his counterpoint.
FUX_SOLUTIONS = (
    ("fux-dorian", "above", (69, 69, 67, 69, 71, 72, 72, 71, 74, 73, 74)),
    ("fux-dorian", "below", (50, 50, 57, 53, 52, 50, 53, 60, 62, 61, 62)),
    ("fux-phrygian", "above", (71, 72, 65, 67, 69, 72, 71, 76, 74, 76)),
    ("fux-lydian", "above", (77, 76, 72, 77, 77, 79, 81, 79, 72, 74, 76, 77)),
)
# Species and number of voices.
TASKS = (*((species, 2) for species in range(1, 6)), (1, 3))
_N_SAMPLED = 200  # random counterpoints against which a real one is ranked
_N_NOTES = 12  # of a chorale's bass: about as many as a cantus has
_N_KEY_NOTES = 40  # of each voice, from which a chorale's scale is taken


def cantus_sheet(pitches: Sequence[int], name: str = "cantus") -> Sheet:
    """Sheet of a cantus in whole notes."""
    return Sheet((_whole_notes(pitches, "Cantus"),), name=name)


def _whole_notes(pitches: Sequence[int], name: str) -> Voice:
    length = Fraction(_BAR)
    return Voice(tuple(Tone(i * length, length, p) for i, p in enumerate(pitches)), name)


# --- the ranking --------------------------------------------------------------------------------


def _share_below(value: float, others: Sequence[float]) -> float:
    return sum((other < value) + 0.5 * (other == value) for other in others) / len(others)


def rank_fux(n_lines: int = _N_SAMPLED, *, seed: int = 0) -> list[dict[str, Any]]:
    """Rank of each of Fux's solutions among random counterpoints that keep the rules."""
    ranks: list[dict[str, Any]] = []
    for name, position, pitches in FUX_SOLUTIONS:
        cantus = Cantus.of(cantus_sheet(FUX[name]).voices[0], name)
        side: Position = "above" if position == "above" else "below"
        length = Fraction(_BAR)
        line = tuple(LineNote(i * length, length, pitch) for i, pitch in enumerate(pitches))
        sampled = sample_lines(cantus, side, n_lines, seed=seed)
        scores = [score_counterpoint(cantus, other, side) for other in sampled]
        share = _share_below(score_counterpoint(cantus, line, side), scores)
        ranks.append(
            {"cantus": name, "position": position, "share_below": share, "n": len(sampled)}
        )
    return ranks


def rank_chorales(
    ranking: Ranking, *, n_lines: int = _N_SAMPLED, n_notes: int = _N_NOTES, seed: int = 0
) -> list[float]:
    """Rank of each of Bach's sopranos among random consonant ones, over held-out basses."""
    rng = np.random.default_rng(seed)
    shares = []
    for _, parts in read_chorales("test"):
        high, low = PAIRS[0]
        pairs = successions(parts[low], parts[high])[:n_notes]
        if len(pairs) < n_notes:
            continue
        # Where the soprano passes between notes of the bass, what sounds with each note counts.
        bass, soprano = ([pairs[0][0][i], *(after[i] for _, after in pairs)] for i in (0, 1))
        scale = {note.pitch % 12 for part in parts for note in part.notes[:_N_KEY_NOTES]}
        scores = [
            _score_line(ranking, bass, _sample_consonant_line(bass, soprano[0], scale, rng))
            for _ in range(n_lines)
        ]
        shares.append(_share_below(_score_line(ranking, bass, soprano), scores))
    return shares


def _score_line(ranking: Ranking, bass: Sequence[int], line: Sequence[int]) -> float:
    chords = list(zip(bass, line, strict=True))
    pairs = list(pairwise(chords))
    moved = [p for i, p in enumerate(line) if i == 0 or line[i - 1] != p]
    return ranking.score("above", pairs, moved)


def _sample_consonant_line(
    bass: Sequence[int], first: int, scale: set[int], rng: np.random.Generator
) -> list[int]:
    """A line of consonances in the key, by steps and thirds, without perfect parallels."""
    line = [first]
    for before, low in pairwise(bass):
        apart = (line[-1] - before) % 12
        choices = [
            pitch
            for pitch in range(line[-1] - 4, line[-1] + 5)
            if pitch >= low and (pitch - low) % 12 in (0, 3, 4, 7, 8, 9) and pitch % 12 in scale
            if before == low or (pitch - low) % 12 != apart or apart not in (0, 7)
        ]
        line.append(int(rng.choice(choices)) if choices else line[-1])
    return line


# --- all of it ----------------------------------------------------------------------------------


def evaluate_counterpoint(
    output: str | Path,
    *,
    cantus: Sequence[str] = tuple(CANTUS),
    tasks: Sequence[tuple[int, int]] = TASKS,
    n_planted: int = 40,
    n_lines: int = _N_SAMPLED,
    seed: int = 0,
    progress: Callable[[str, float], None] | None = None,
) -> dict[str, Any]:
    """Solutions judged by the referee, breaches planted and found, the ranking tested."""
    for name in cantus:
        if name not in CANTUS:
            raise InputError(name, "no such cantus", "use " + ", ".join(CANTUS))
    rows, solved = _solve_all(cantus, tasks, seed, progress)
    plants = []
    for done, rule in enumerate(PLANTS, 1):
        plants.append(_plant_rule(rule, solved, n_planted))
        if progress:
            progress("planting", done / len(PLANTS))
    shares = rank_chorales(shipped(), n_lines=n_lines, seed=seed)
    table = {
        "machine": describe_machine(),
        "seed": seed,
        "solutions": [_summary(rows, *task) for task in tasks],
        "planted": plants,
        "fux": rank_fux(n_lines, seed=seed),
        "chorales": {
            "n": len(shares),
            "share_below": float(np.mean(shares)),
            "interval": bootstrap_interval(shares),
        },
        "rows": rows,
    }
    write_evaluation(output, "counterpoint", table, markdown(table))
    return table


# By species, voices, position and name of the cantus.
_Solved = dict[tuple[int, int, str, str], Sheet]


def _solve_all(
    cantus: Sequence[str],
    tasks: Sequence[tuple[int, int]],
    seed: int,
    progress: Callable[[str, float], None] | None,
) -> tuple[list[dict[str, Any]], _Solved]:
    rows: list[dict[str, Any]] = []
    solved: _Solved = {}
    jobs = [
        (*task, where, name) for task in tasks for where in ("above", "below") for name in cantus
    ]
    for done, (species, voices, where, name) in enumerate(jobs, 1):
        row, solution = _solve_one(name, species, voices, where, seed)
        rows.append(row)
        if solution is not None:
            solved[species, voices, where, name] = solution.sheet
        if progress:
            progress("solving", done / len(jobs))
    return rows, solved


def _plant_rule(rule: str, solved: _Solved, n_planted: int) -> dict[str, Any]:
    """Numbers of a rule's breaches that are planted, all over its solutions, and found."""
    species, position, _ = PLANTS[rule]
    sheets = [
        (CANTUS[name], sheet)
        for (kind, voices, where, name), sheet in solved.items()
        if (kind, voices, where) == (species, 2, position)
    ]
    cases = list(plant_breaches(rule, sheets))
    chosen = cases[:: max(1, len(cases) // n_planted)][:n_planted]
    return {"rule": rule, "planted": len(chosen), "found": sum(map(is_found, chosen))}


def _solve_one(
    name: str, species: int, voices: int, where: str, seed: int
) -> tuple[dict[str, Any], Solution | None]:
    row: dict[str, Any] = {"cantus": name, "species": species, "voices": voices, "position": where}
    began = time.perf_counter()
    try:
        (solution,) = solve(
            cantus_sheet(CANTUS[name], name),
            species=species,
            position=where,
            voices=voices,
            seed=seed,
        )
    except InputError as error:
        return row | {"s": time.perf_counter() - began, "unsolved": error.problem}, None
    row["s"] = time.perf_counter() - began
    row["score"] = solution.score
    breaches = check(solution.sheet, species=species, position=where).breaches
    row["breaches"] = [str(breach) for breach in breaches]
    row["objections"] = list(find_objections(solution.sheet))
    return row, solution


def _summary(rows: Sequence[dict[str, Any]], species: int, voices: int) -> dict[str, Any]:
    selected = [row for row in rows if (row["species"], row["voices"]) == (species, voices)]
    done = [row for row in selected if "unsolved" not in row]
    return {
        "species": species,
        "voices": voices,
        "asked": len(selected),
        "solved": len(done),
        "pass_checker": sum(not row["breaches"] for row in done),
        "pass_referee": sum(not row["objections"] for row in done),
        "median_s": median(row["s"] for row in selected),
        "worst_s": max(row["s"] for row in selected),
    }


def markdown(table: dict[str, Any]) -> str:
    """The tables."""
    heads = ("species", "voices", "asked", "solved", "pass checker", "pass music21")
    counts = ("species", "voices", "asked", "solved", "pass_checker", "pass_referee")
    solutions = [
        [*(str(row[name]) for name in counts), f"{row['median_s']:.2f}", f"{row['worst_s']:.2f}"]
        for row in table["solutions"]
    ]
    planted = [
        [f"`{row['rule']}`", str(row["planted"]), str(row["found"])] for row in table["planted"]
    ]
    ranked = [
        [
            f"Fux, {row['cantus']}, {row['position']}",
            f"{row['n']} legal, drawn at random",
            f"{row['share_below']:.2f}",
        ]
        for row in table["fux"]
    ]
    chorales = table["chorales"]
    low, high = chorales["interval"]
    ranked.append(
        [
            f"Bach, {chorales['n']} held-out chorales, soprano over bass",
            "consonant lines by steps and thirds, drawn at random",
            f"{chorales['share_below']:.2f} [{low:.2f}, {high:.2f}]",
        ]
    )
    lines = [
        f"Machine: {table['machine']}. Seed {table['seed']}.",
        "",
        *markdown_table((*heads, "median s", "worst s"), solutions),
        "",
        *markdown_table(("rule", "planted", "found"), planted),
        "",
        *markdown_table(("ranked", "among", "share below it"), ranked),
    ]
    return "\n".join(lines) + "\n"
