"""The solver of worksheets: the rules as constraints, the learned ranking as what is best."""

from typing import ClassVar

import numpy as np

from cambiata.counterpoint import ranking
from cambiata.counterpoint.cantus import Cantus
from cambiata.counterpoint.chord_model import ChordSearch
from cambiata.counterpoint.line_model import LineSearch
from cambiata.counterpoint.line_rules import LineRules
from cambiata.counterpoint.rhythms import slots
from cambiata.counterpoint.rules import FIFTH
from cambiata.counterpoint.search import INFINITE, Transition, prune
from cambiata.counterpoint.two_voices import two_voice_breaches
from cambiata.counterpoint.worksheet import BAR, Line, Position
from cambiata.errors import MissingExtraError
from cambiata.system import SystemFacts

ScoredLines = tuple[float, tuple[Line, ...]]
"""A solution: its score and its lines, the higher first."""

# Florid rhythms whose solutions are compared, and rhythms tried before a cantus is given up: not
# every rhythm can be filled. More compared: better ranked and slower, in proportion.
_N_RHYTHMS, _MAX_RHYTHMS = 4, 24
# Lines drawn for each that is asked for: some break rules that a chain of neighbours does not know.
_DRAWS_EACH = 500


class CounterpointSolver(SystemFacts):
    """Constraint solver (CP-SAT) of species counterpoint: five in two voices, first in three."""

    name: ClassVar[str] = "counterpoint"
    summary: ClassVar[str] = "species counterpoint solved by constraints, and checked"
    paper: ClassVar[str] = "Fux 1725, Gradus ad Parnassum"
    trained: ClassVar[bool] = True
    weights_licence: ClassVar[str] = "Apache-2.0"
    extra: ClassVar[str | None] = "notes"

    @classmethod
    def needs(cls) -> str:
        """What has to be installed for it."""
        return f"{super().needs()} to solve; the base install to check"

    def __init__(self) -> None:
        try:
            import ortools  # noqa: F401
        except ModuleNotFoundError as error:
            raise MissingExtraError("counterpoint solve", "notes") from error

    def solve(
        self, cantus: Cantus, species: int, position: Position, voices: int, best: int, seed: int
    ) -> tuple[list[ScoredLines], bool]:
        """Solutions from the best, and whether it is proved that there are no more."""
        if voices == 3:
            return self._solve_three_voices(cantus, position, best, seed)
        return self._solve_two_voices(cantus, species, position, best, seed)

    def _solve_two_voices(
        self, cantus: Cantus, species: int, position: Position, best: int, seed: int
    ) -> tuple[list[ScoredLines], bool]:
        rng = np.random.default_rng(seed)
        solutions: list[ScoredLines] = []
        n_rhythms = _N_RHYTHMS if species == FIFTH else 1
        n_each, n_solved, is_exhausted = -(-best // n_rhythms), 0, species != FIFTH
        for _ in range(_MAX_RHYTHMS if species == FIFTH else 1):
            rhythm = slots(species, len(cantus.pitches), rng)
            search = LineSearch(LineRules(cantus, species, position, rhythm), seed)
            lines = list(search.solutions(n_each))
            solutions += [
                (score_counterpoint(cantus, line, position), (line,)) for (line,) in lines
            ]
            is_exhausted &= search.is_exhausted
            n_solved += bool(lines)
            if n_solved == n_rhythms and len(solutions) >= best:
                break
        return sorted(solutions, key=lambda solution: -solution[0])[:best], is_exhausted

    def _solve_three_voices(
        self, cantus: Cantus, position: Position, best: int, seed: int
    ) -> tuple[list[ScoredLines], bool]:
        search = ChordSearch(cantus, position, seed)
        solutions = [
            (sum(score_counterpoint(cantus, line, position) for line in lines) / 2, lines)
            for lines in search.solutions(best)
        ]
        return sorted(solutions, key=lambda solution: -solution[0]), search.is_exhausted


def score_counterpoint(cantus: Cantus, line: Line, position: Position) -> float:
    """Mean log-probability of a counterpoint's intervals and moves; higher is likelier."""
    chords = []
    for bar in range(1, len(cantus.pitches)):
        before = next((n for n in line if n.start < BAR * bar <= n.end), None)
        after = next((n for n in line if n.start <= BAR * bar < n.end), None)
        if before and after:
            pair = (cantus.pitches[bar - 1], before.pitch)
            chords.append((pair, (cantus.pitches[bar], after.pitch)))
    pitches = [n.pitch for i, n in enumerate(line) if i == 0 or line[i - 1].pitch != n.pitch]
    return ranking.shipped().score(position, chords, pitches)


def sample_lines(
    cantus: Cantus, position: Position, n_lines: int, *, species: int = 1, seed: int = 0
) -> list[Line]:
    """Counterpoints that keep every rule, drawn at random whatever is likely.

    As many as asked for, with repetitions, unless hundreds of draws for each find too few.
    """
    rng = np.random.default_rng(seed)
    line_rules = LineRules(cantus, species, position, slots(species, len(cantus.pitches), rng))
    steps = prune(line_rules.steps, INFINITE // 2)
    if steps is None:
        return []
    rows_by_state: list[dict[tuple[int, int], list[Transition]]] = []
    for rows in steps:
        by_state: dict[tuple[int, int], list[Transition]] = {}
        for row in rows:
            by_state.setdefault((row.before, row.pitch), []).append(row)
        rows_by_state.append(by_state)
    lines: list[Line] = []
    for _ in range(_DRAWS_EACH * n_lines):
        states = sorted(rows_by_state[0])
        state = states[int(rng.integers(len(states)))]
        pitches = [state[1]]
        for by_state in rows_by_state:
            rows = by_state[state]
            row = rows[int(rng.integers(len(rows)))]
            state = (row.remembered, row.after)
            pitches.append(row.after)
        line = line_rules.line(pitches)
        if not two_voice_breaches(cantus, line, species, position):
            lines.append(line)
            if len(lines) == n_lines:
                break
    return lines
