"""One counterpoint as a constraint model, and the search for its best lines."""

from fractions import Fraction
from itertools import pairwise, product
from typing import Any

from cambiata.counterpoint import rules
from cambiata.counterpoint.line_rules import LineRules
from cambiata.counterpoint.rules import FIFTH, FIRST, FOURTH, SECOND
from cambiata.counterpoint.search import ConstraintModel, PitchModel, Search, Transition, prune
from cambiata.counterpoint.two_voices import two_voice_breaches
from cambiata.counterpoint.worksheet import Breach, Line

# Of each model, in CP-SAT's deterministic seconds. All 180 worksheets of the evaluation in
# two voices are solved with it; with more, more solutions are proved to be the best.
_EFFORT = 1.0
# Cost of reaching the line's top once more, in the units of costs: a taste, six tenths of a nat.
# The textbooks want a single highest note, and Fux himself does without (docs/counterpoint.md).
_SECOND_PEAK = 60


class LineSearch(Search):
    """Two voices, one rhythm."""

    def __init__(self, line: LineRules, seed: int) -> None:
        super().__init__()
        self.rules, self.seed = line, seed

    def model(self, slack: int) -> "LineModel | None":
        """The model of all lines that cost at most so much more than the cheapest path."""
        steps = prune(self.rules.steps, slack)
        return LineModel(ConstraintModel(self.seed, _EFFORT), self.rules, steps) if steps else None

    def check_pitches(self, pitches: list[int]) -> tuple[tuple[Line, ...], tuple[Breach, ...]]:
        """The line of a solution, and the breaches that the checker finds in it."""
        line, its = self.rules.line(pitches), self.rules
        return (line,), two_voice_breaches(its.cantus, line, its.species, its.position)

    def slots_in(self, bars: range) -> list[int]:
        """Indexes of the slots in bars, counted from 1."""
        return [i for i, slot in enumerate(self.rules.slots) if slot.bar + 1 in bars]


class LineModel(PitchModel):
    """The rules of a line as constraints."""

    def __init__(
        self, model: ConstraintModel, line: LineRules, steps: list[list[Transition]]
    ) -> None:
        super().__init__(model)
        self.slots, self.cantus, self.species = line.slots, line.cantus, line.species
        self.domains = [sorted({row.pitch for row in rows}) for rows in steps]
        self.domains.append(sorted({row.after for row in steps[-1]}))
        self.pitches = [model.variable(values, f"x{i}") for i, values in enumerate(self.domains)]
        self._follow(steps)
        self._runs()
        self._span()
        if self.species == FIRST:
            self._repeats()
        if line.alone:
            self._parallels()
            self._suspensions()

    def _follow(self, steps: list[list[Transition]]) -> None:
        """Tables of what may follow what, and what the flags of their rows allow."""
        model = self.model
        before = self.pitches[0]  # the last pitch that differs from the slot's
        leaps, alike, ties = [], [], []
        for index, rows in enumerate(steps):
            ahead = self.slots[index + 1]
            here = self.pitches[index]
            after = here
            if ahead.may_repeat:
                after = model.variable(sorted({row.remembered for row in rows}), f"d{index}")
            flags = [model.cp.new_bool_var("") for _ in range(4)]
            cost = model.cost({row.cost for row in rows})
            columns = [(here, "pitch"), (self.pitches[index + 1], "after")]
            columns += [(before, "before")] * (index > 0)
            columns += [(after, "remembered")] * ahead.may_repeat
            columns += list(zip(flags, ("leaps", "alike", "tie", "turning"), strict=True))
            columns.append((cost, "cost"))
            model.allow(
                [variable for variable, _ in columns],
                [[getattr(row, name) for _, name in columns] for row in rows],
            )
            leaps.append(flags[0])
            alike.append(flags[1])
            if ahead.may_repeat and self.species == FOURTH:
                ties.append(flags[2])
            self._turn(index, flags[3])
            before = after
        for run, longest in ((leaps, 1), (alike, rules.MAX_IMPERFECT - 1)):
            for start in range(len(run) - longest):
                model.cp.add(sum(run[start : start + longest + 1]) <= longest)
        for one, two in pairwise(ties):
            model.cp.add(one + two >= 1)

    def _turn(self, index: int, turning: Any) -> None:
        """After the third down of a cambiata the line goes up by step."""
        if index + 2 < len(self.pitches):
            rise = self.pitches[index + 2] - self.pitches[index + 1]
            self.model.cp.add_linear_constraint(rise, 1, 2).only_enforce_if(turning)
        else:
            self.model.cp.add(turning == 0)

    def _runs(self) -> None:
        """No run from turn to turn spans a tritone."""
        turn, turns = self.pitches[0], set(self.domains[0])
        last = len(self.slots) - 1
        for index in range(last):
            rows, run_starts = [], set()
            for start, one in product(sorted(turns), self.domains[index]):
                if index == 0 and start != one:
                    continue
                for two in self.domains[index + 1]:
                    goes_on = start == one or one == two or (one - start) * (two - one) > 0
                    if not goes_on and rules.outlines_tritone(start, one, two):
                        continue
                    run_start = start if goes_on else one
                    if index + 1 == last and rules.outlines_tritone(run_start, two, None):
                        continue
                    rows.append((start, one, two, run_start))
                    run_starts.add(run_start)
            following = self.model.variable(sorted(run_starts) or [0], f"t{index}")
            if index == 0:
                self.model.allow([*self.pitches[:2], following], [row[1:] for row in rows])
            else:
                self.model.allow([turn, *self.pitches[index : index + 2], following], rows)
            turn, turns = following, run_starts

    def _span(self) -> None:
        """The line's range, and a cost for reaching its top more than once."""
        low, high = (self.model.integer(0, 127, name) for name in ("low", "high"))
        self.model.cp.add_max_equality(high, self.pitches)
        self.model.cp.add_min_equality(low, self.pitches)
        self.model.cp.add(high - low <= rules.max_range(self.species))
        for index, pitch in enumerate(self.pitches):
            if index and self.slots[index].may_repeat and self.species != FIRST:
                continue
            below = self.model.cp.new_bool_var("")
            self.model.cp.add(pitch <= high - 1).only_enforce_if(below)
            self.model.costs.append(_SECOND_PEAK * (1 - below))

    def _repeats(self) -> None:
        """No pitch three times running in first species."""
        for index in range(len(self.slots) - 2):
            same = set.intersection(*map(set, self.domains[index : index + 3]))
            rows = [(pitch,) * 3 for pitch in sorted(same)]
            self.model.forbid(self.pitches[index : index + 3], rows)

    def _parallels(self) -> None:
        """Parallels that a note between does not hide."""
        if self.species == FIRST:
            return
        at = {slot.start: index for index, slot in enumerate(self.slots)}
        for bar in range(1, len(self.cantus.pitches)):
            beats = (0, 2) if self.species == FIFTH else (2,) if self.species == FOURTH else (0,)
            for beat in beats:
                one, two = at.get(Fraction(4 * bar - 4 + beat)), at.get(Fraction(4 * bar + beat))
                if one is None or two is None:
                    continue
                weak = at.get(Fraction(4 * bar - 2)) if self.species == SECOND else None
                self._forbid_parallels(bar, beat, one, two, weak)

    def _forbid_parallels(self, bar: int, beat: int, one: int, two: int, weak: int | None) -> None:
        """No parallels between two slots, but where the weak one leaps a fourth between them."""
        cantus = self.cantus.pitches
        rows: list[tuple[int, ...]] = []
        for a, b in product(self.domains[one], self.domains[two]):
            if not rules.parallel((cantus[bar - 1], a), (cantus[bar], b)):
                continue
            if beat == 2 and rules.is_consonant(cantus[bar], a):
                continue
            if weak is None or weak == two:
                rows.append((a, b))
                continue
            rows += [(a, c, b) for c in self.domains[weak] if abs(rules.steps_between(a, c)) < 3]
        used = [one, two] if weak is None or weak == two else [one, weak, two]
        self.model.forbid([self.pitches[index] for index in used], rows)

    def _suspensions(self) -> None:
        """Resolutions that come later than the next note."""
        if self.species != FIFTH:
            return
        at = {slot.start: index for index, slot in enumerate(self.slots)}
        for index, slot in enumerate(self.slots):
            if slot.beat != 0 or not slot.may_repeat or slot.length != 1:
                continue
            later = at[slot.start + 2]
            cantus = self.cantus.pitches[slot.bar]
            rows = [
                (suspended, after)
                for suspended, after in product(self.domains[index], self.domains[later])
                if rules.is_consonant(cantus, suspended) or rules.resolves(cantus, suspended, after)
            ]
            self.model.allow([self.pitches[index], self.pitches[later]], rows)
            if later == index + 3:
                rows3 = [
                    (suspended, lower, after)
                    for suspended, lower, after in product(
                        self.domains[index], self.domains[index + 2], self.domains[later]
                    )
                    if rules.is_consonant(cantus, suspended)
                    or (rules.is_step(lower, after) and lower < after)
                ]
                used = (index, index + 2, later)
                self.model.allow([self.pitches[i] for i in used], rows3)
