"""A search for the best lines, in constraint models as small as can be.

A model has a variable for the pitch of every slot (`cambiata.counterpoint.rhythms`). Rules about
neighbours are tables of the pitches that may follow one another; the cantus is known, so that they
know its intervals too. What a line must remember (where its run began, the last pitch that differs)
are variables of their own.

A table's rows have costs, and a chain of tables has a cheapest path, found at once by dynamic
programming. No solution is cheaper. So only rows on paths that are little dearer are given to
CP-SAT, and more of them if it finds nothing: models stay small, and what it proves to be best among
them is best of all, if it is within what was allowed.

Every solution is checked before it is given; should the model ever let something
through, that passage is forbidden and the search goes on.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cambiata.counterpoint.worksheet import Breach, Line

# How much dearer than the cheapest path a row's best path may be, in the units of costs (a
# hundredth of a nat): one nat first, 1.4 times as much in each later model, up to some forty nats,
# and at last anything. The first model that holds a solution ends the search, so models stay small.
# The schedule was measured as a whole only: docs/counterpoint/counterpoint.md has seconds by
# species.
_FIRST_SLACK, _SLACK_GROWTH, _N_SLACKS = 100, 1.4, 12
INFINITE = 10**9  # dearer than any path: a few hundred rows of at most a few thousand each
# Solutions that the checker refuses before the search gives up. The model is as strict as the
# checker or stricter, so none is expected; each costs one more run of CP-SAT.
_MAX_REJECTED = 20
# Of two solutions at least this share of the notes differs, and at least two: `--best` is to offer
# other lines, not the same with one note changed (docs/counterpoint.md promises it).
_DIFFERENT_SHARE = 0.15
# A refused passage is forbidden from this many bars before its breach to as many after it.
_BARS_BEFORE_BREACH, _BARS_AFTER_BREACH = 3, 1


@dataclass(frozen=True)
class Transition:
    """Pitches that may follow one another, what the model must know of them, and their cost.

    A row of a table; in three voices the numbers stand for chords.
    """

    before: int  # the last pitch that differs
    pitch: int
    after: int
    remembered: int  # the last pitch that differs from the one after
    leaps: int = 0  # 1: the second of two leaps in one direction
    alike: int = 0  # 1: the same imperfect consonance again, in similar motion
    tie: int = 0  # 1: tied over the bar line
    turning: int = 0  # 1: begins a cambiata, so that the note after next goes up by step
    cost: int = 0


def prune(steps: Sequence[Sequence[Transition]], slack: int) -> list[list[Transition]] | None:
    """Rows on paths that cost at most `slack` more than the cheapest; None if there is no path.

    Costs to go are summed from the end, then costs so far from the beginning (Dijkstra's sums on a
    chain): a row stays where both and its own cost are within the limit.
    """
    costs_to_go: list[dict[tuple[int, int], int]] = [{}]
    for row in steps[-1]:
        costs_to_go[0][row.remembered, row.after] = 0
    for rows in reversed(steps):
        costs: dict[tuple[int, int], int] = {}
        for row in rows:
            to_go = costs_to_go[0].get((row.remembered, row.after))
            if to_go is not None:
                state = (row.before, row.pitch)
                costs[state] = min(costs.get(state, INFINITE), to_go + row.cost)
        costs_to_go.insert(0, costs)
    if not costs_to_go[0]:
        return None
    max_cost = min(costs_to_go[0].values()) + slack
    costs_so_far = dict.fromkeys(costs_to_go[0], 0)
    pruned: list[list[Transition]] = []
    for rows, to_go_by_state in zip(steps, costs_to_go[1:], strict=True):
        rows_left: list[Transition] = []
        reached: dict[tuple[int, int], int] = {}
        for row in rows:
            so_far = costs_so_far.get((row.before, row.pitch), INFINITE) + row.cost
            state = (row.remembered, row.after)
            if so_far + to_go_by_state.get(state, INFINITE) <= max_cost:
                rows_left.append(row)
                reached[state] = min(reached.get(state, INFINITE), so_far)
        pruned.append(rows_left)
        costs_so_far = reached
    return pruned


class ConstraintModel:
    """A CP-SAT model: variables with tables of allowed values, and costs whose sum is least."""

    def __init__(self, seed: int, effort: float) -> None:
        from ortools.sat.python import cp_model

        self.cp = cp_model.CpModel()
        self.costs: list[Any] = []
        self._solver = cp_model.CpSolver()
        parameters = self._solver.parameters
        parameters.random_seed = seed % 2**31  # what CP-SAT takes
        # One worker and deterministic time: same seed, same solutions, on any machine.
        parameters.num_workers = 1
        parameters.max_deterministic_time = effort
        # The tables are pruned already: presolving them again costs more than it saves.
        parameters.cp_model_probing_level = 0
        parameters.max_presolve_iterations = 1
        parameters.symmetry_level = 0
        self._solved, self._infeasible = (
            (cp_model.OPTIMAL, cp_model.FEASIBLE),
            cp_model.INFEASIBLE,
        )
        self.is_exhausted = False

    def variable(self, values: Sequence[int], name: str) -> Any:
        """A variable that has one of some values."""
        from ortools.sat.python import cp_model

        return self.cp.new_int_var_from_domain(cp_model.Domain.from_values(list(values)), name)

    def integer(self, low: int, high: int, name: str) -> Any:
        """A variable of a range."""
        return self.cp.new_int_var(low, high, name)

    def cost(self, values: Iterable[int]) -> Any:
        """A variable that is added to the total cost."""
        cost = self.variable(sorted(values), "")
        self.costs.append(cost)
        return cost

    def allow(self, variables: Sequence[Any], rows: Sequence[Sequence[int]]) -> None:
        """Let variables have the values of one of the rows."""
        self.cp.add_allowed_assignments(variables, rows)

    def forbid(self, variables: Sequence[Any], rows: Sequence[Sequence[int]]) -> None:
        """Let variables have the values of none of the rows."""
        if rows:
            self.cp.add_forbidden_assignments(variables, rows)

    def solve(self, variables: Sequence[Any]) -> list[int] | None:
        """Values of variables in the cheapest solution found; None where there is none."""
        self.cp.minimize(sum(self.costs))
        status = self._solver.solve(self.cp)
        self.is_exhausted = status == self._infeasible
        return [self._solver.value(v) for v in variables] if status in self._solved else None

    def differ(self, variables: Sequence[Any], values: Sequence[int], min_changed: int) -> None:
        """Ask that so many of the variables have other values than these."""
        changed = []
        for variable, value in zip(variables, values, strict=True):
            other = self.cp.new_bool_var("")
            self.cp.add(variable != value).only_enforce_if(other)
            changed.append(other)
        self.cp.add(sum(changed) >= min_changed)


class PitchModel:
    """The pitches of one or two counterpoints as variables of a constraint model."""

    def __init__(self, model: ConstraintModel) -> None:
        self.model = model
        self.pitches: list[Any] = []

    def solve(self) -> list[int] | None:
        """Pitches of all slots, the higher line's first; None where there is no solution."""
        return self.model.solve(self.pitches)

    def differ(self, indexes: Sequence[int], values: Sequence[int], min_changed: int) -> None:
        """Ask for other pitches in so many of these slots."""
        pitches, old = [self.pitches[i] for i in indexes], [values[i] for i in indexes]
        self.model.differ(pitches, old, min_changed)


class Search(ABC):
    """Solutions from the cheapest, in models as small as can be."""

    def __init__(self) -> None:
        self.cuts: list[tuple[list[int], list[int], int]] = []  # see `PitchModel.differ`
        self.is_exhausted = False

    @abstractmethod
    def model(self, slack: int) -> PitchModel | None:
        """The model of all that costs at most so much more than the cheapest path."""

    @abstractmethod
    def check_pitches(self, pitches: list[int]) -> tuple[tuple[Line, ...], tuple[Breach, ...]]:
        """The lines of a solution, and the breaches that the checker finds in them."""

    @abstractmethod
    def slots_in(self, bars: range) -> list[int]:
        """Indexes of the pitches that lie in bars, counted from 1."""

    def solutions(self, best: int) -> Iterator[tuple[Line, ...]]:
        """Lines of as many solutions as asked for, the cheapest first; fewer if there are no more.

        `is_exhausted` says afterwards whether it is proved that there are no more.
        """
        n_found = n_rejected = 0
        slacks = (round(_FIRST_SLACK * _SLACK_GROWTH**i) for i in range(_N_SLACKS))
        for slack in (*slacks, INFINITE // 2):
            model = self.model(slack)
            if model is None:
                self.is_exhausted = True
                return
            for cut in self.cuts:
                model.differ(*cut)
            while n_found < best and n_rejected < _MAX_REJECTED:
                pitches = model.solve()
                if pitches is None:
                    break
                lines, breaches = self.check_pitches(pitches)
                if breaches:
                    n_rejected += 1
                    bar = breaches[0].bar
                    bars = range(bar - _BARS_BEFORE_BREACH, bar + _BARS_AFTER_BREACH + 1)
                    self.cuts.append((self.slots_in(bars), pitches, 1))
                else:
                    n_found += 1
                    yield lines
                    min_changed = max(2, round(_DIFFERENT_SHARE * len(pitches)))
                    self.cuts.append((list(range(len(pitches))), pitches, min_changed))
                model.differ(*self.cuts[-1])
            if n_found == best or n_rejected == _MAX_REJECTED:
                return
            self.is_exhausted = model.model.is_exhausted
