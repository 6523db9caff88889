"""Worksheets solved: the rules as constraints, the learned ranking as what is best.

A model has a variable for the pitch of every slot (`cambiata.counterpoint.rhythms`). Rules about
neighbours are tables of the pitches that may follow one another; the cantus is known, so that they
know its intervals too. What a line must remember (where its run began, the last pitch that differs)
are variables of their own.

A table's rows have prices, and a chain of tables has a cheapest path, found at once by dynamic
programming. No solution is cheaper. So only rows on paths that are little dearer are given to
CP-SAT, and more of them if it finds nothing: models stay small, and what it proves to be best among
them is best of all, if it is within what was allowed.

Every solution is judged by the checker before it is given; should the model ever let something
through, that passage is forbidden and the search goes on.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise, product
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from cambiata.counterpoint import ranking, rules
from cambiata.counterpoint.cantus import Cantus
from cambiata.counterpoint.checker import (
    Breach,
    Line,
    LineNote,
    Position,
    breaches,
    chord_breaches,
    motion_breaches,
    refuse_unknown,
    sheet_of,
    three_voice_breaches,
)
from cambiata.counterpoint.rhythms import Slot, slots
from cambiata.counterpoint.rules import FIFTH, FIRST, FOURTH, SECOND, THIRD
from cambiata.errors import InputError, MissingExtraError
from cambiata.files import SCORE, check_output
from cambiata.score import notation
from cambiata.score.notation import Sheet
from cambiata.score.sidecars import Sidecars
from cambiata.system import SystemFacts

MAX_BEST = 20
_SCALE = 100  # of log-probabilities, which become integers
_EFFORT = 1.0  # of each model, in CP-SAT's deterministic seconds
_THREE_EFFORT = 4.0
# What may be dearer than the cheapest path: the first step, its growth, how many steps.
_SLACK, _GROWTH, _SLACKS = 100, 1.4, 12
_INFINITE = 10**9
_RHYTHMS = 4  # florid rhythms that are tried
_MAX_RHYTHMS = 24  # florid rhythms before a cantus is given up
_MAX_REJECTED = 20
_DIFFERENT_SHARE = 0.15  # share of the notes in which two solutions differ

# What is preferred and not learned, in the ranking's units times _SCALE.
_REPEATED, _FLAT, _WEAK_UNISON, _UNTIED, _SECOND_PEAK = 300, 100, 150, 400, 60
_INCOMPLETE = 120  # a chord of three voices without its third or fifth

Pitches = tuple[int, ...]


class CounterpointSolver(SystemFacts):
    """Facts about solving and checking worksheets."""

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


@dataclass(frozen=True)
class Solution:
    """A worksheet that is solved.

    Parameters
    ----------
    sheet : Sheet
        The cantus and what was added, from the highest voice to the lowest.
    score : float
        Mean log-probability of the counterpoint's intervals and moves: higher is likelier.

    Examples
    --------
    >>> Solution(Sheet(()), -1.5).score
    -1.5
    """

    sheet: Sheet
    score: float


@dataclass(frozen=True)
class SolveReport:
    """What was solved and written.

    Parameters
    ----------
    outputs : tuple of str
        The files, the best solution first.
    scores : tuple of float
        Their scores, as in `Solution`.
    species : int
        1 to 5.
    position : {"above", "below"}
        Where the counterpoint lies.
    voices : int
        2 or 3.
    mode : str
        Mode of the cantus.
    n_bars : int
        Notes of the cantus.
    seed : int
        Of everything random.
    elapsed_s : float
        Seconds that it took.
    listen, picture : str or None
        Further files that were written, of the best solution.

    Examples
    --------
    >>> from dataclasses import fields
    >>> fields(SolveReport)[0].name
    'outputs'
    """

    outputs: tuple[str, ...]
    scores: tuple[float, ...]
    species: int
    position: Position
    voices: int
    mode: str
    n_bars: int
    seed: int
    elapsed_s: float
    listen: str | None = None
    picture: str | None = None


def solve_file(
    path: str | Path,
    output: str | Path,
    *,
    species: int = 1,
    position: str = "above",
    voices: int = 2,
    best: int = 1,
    seed: int = 0,
    listen: str | Path | None = None,
    picture: str | Path | None = None,
    force: bool = False,
) -> SolveReport:
    """Solutions of a cantus, from file to file.

    Parameters
    ----------
    path : str or pathlib.Path
        MIDI, MusicXML or ABC file of a cantus.
    output : str or pathlib.Path
        MIDI or MusicXML file to write. Where several solutions are asked for, each is a file of
        its own, numbered from the best: out-1.mid, out-2.mid, ...
    species : int
        1 to 5.
    position : {"above", "below"}
        Where the counterpoint lies.
    voices : int
        2, or 3 in first species.
    best : int
        How many solutions.
    seed : int
        Same seed, same solutions.
    listen : str or pathlib.Path, optional
        Write how the best one sounds there, as a sketch.
    picture : str or pathlib.Path, optional
        Draw the cantus and the best solution there, .svg.
    force : bool
        Replace outputs that exist.

    Returns
    -------
    SolveReport
        What was written.

    Raises
    ------
    InputError
        The file is no cantus, an option or an output cannot be used, or nothing satisfies the
        rules. Nothing has been written then.
    MissingExtraError
        OR-tools is not installed.

    Examples
    --------
    >>> solve_file("nowhere.mid", "out.mid")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.mid: no such file; check the path
    """
    started = time.perf_counter()
    refuse_unknown(species=species, position=position, voices=voices)
    _refuse_too_many(best)
    sheet = notation.read(path)
    place = Path(output)
    numbered = [place.with_stem(f"{place.stem}-{number}") for number in range(1, best + 1)]
    places = [place] if best == 1 else numbered
    for each in places:
        check_output(each, SCORE, force=force)
    sidecars = Sidecars(listen, picture, force)
    solved = solve(sheet, species=species, position=position, voices=voices, best=best, seed=seed)
    for each, solution in zip(places, solved, strict=False):
        notation.write(solution.sheet, each, force=force)
    rolls = {"cantus": sheet.to_score(), "with counterpoint": solved[0].sheet.to_score()}
    sidecars.write(rolls, Path(path).name)
    cantus = _cantus(sheet)
    return SolveReport(
        outputs=tuple(str(each) for each in places[: len(solved)]),
        scores=tuple(round(solution.score, 4) for solution in solved),
        species=species,
        position="above" if position == "above" else "below",
        voices=voices,
        mode=cantus.mode,
        n_bars=len(cantus.pitches),
        seed=seed,
        elapsed_s=time.perf_counter() - started,
        **sidecars.paths,
    )


def solve(
    cantus_sheet: Sheet,
    *,
    species: int = 1,
    position: str = "above",
    voices: int = 2,
    best: int = 1,
    seed: int = 0,
) -> tuple[Solution, ...]:
    """Solutions of a cantus, the best first.

    Parameters
    ----------
    cantus_sheet : Sheet
        A single voice of equal notes.
    species : int
        1 to 5.
    position : {"above", "below"}
        Where the counterpoint lies.
    voices : int
        2, or 3 in first species.
    best : int
        How many solutions, each different from the others in several notes; fewer are returned
        where there are no more.
    seed : int
        Same seed, same solutions.

    Returns
    -------
    tuple of Solution
        At least one; every one keeps all rules of `docs/counterpoint.md`.

    Raises
    ------
    InputError
        The sheet is no cantus, an option is out of range, or nothing satisfies the rules.
    MissingExtraError
        OR-tools is not installed.

    Examples
    --------
    >>> from cambiata.score.notation import Tone, Voice
    >>> pitches = (62, 65, 64, 69, 67, 65, 64, 62)
    >>> tones = (Tone(Fraction(4 * bar), Fraction(4), p) for bar, p in enumerate(pitches))
    >>> (solution,) = solve(Sheet((Voice(tuple(tones)),)))
    >>> [tone.pitch for tone in solution.sheet.voices[0].tones][-2:]
    [73, 74]
    """
    refuse_unknown(species=species, position=position, voices=voices)
    _refuse_too_many(best)
    cantus = _cantus(cantus_sheet)
    where: Position = "above" if position == "above" else "below"
    _refuse_without_ortools()
    found, exhausted = (
        _solve_three_voices(cantus, where, best, seed)
        if voices == 3
        else _solve_two_voices(cantus, species, where, best, seed)
    )
    if not found:
        rarely = f"no counterpoint {where} it {'keeps' if exhausted else 'was found that keeps'}"
        raise InputError(
            cantus.name,
            f"{rarely} every rule of species {species}",
            "choose another position or species, or a cantus with fewer leaps",
        )
    return tuple(
        Solution(sheet_of(cantus, lines, where, cantus_sheet), score) for score, lines in found
    )


def _refuse_too_many(best: int) -> None:
    if not 1 <= best <= MAX_BEST:
        raise InputError(f"best {best}", "is out of range", f"use 1 to {MAX_BEST}")


def _refuse_without_ortools() -> None:
    try:
        import ortools  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtraError("counterpoint solve", "notes") from error


def _cantus(sheet: Sheet) -> Cantus:
    voices = [voice for voice in sheet.voices if voice.tones]
    if len(voices) > 1:
        raise InputError(sheet.name, f"has {len(voices)} voices", "give the cantus alone")
    if not voices:
        raise InputError(sheet.name, "has no notes", "choose a cantus that sings something")
    return Cantus.of(voices[0], sheet.name, sheet.key)


def score_counterpoint(cantus: Cantus, line: Line, position: Position) -> float:
    """Mean log-probability of a counterpoint's intervals and moves.

    Parameters
    ----------
    cantus : Cantus
        The cantus.
    line : tuple of Struck
        The counterpoint.
    position : {"above", "below"}
        Where it lies.

    Returns
    -------
    float
        Higher is likelier.

    Examples
    --------
    >>> cantus = Cantus((60, 62, 64, 62, 60), Fraction(4), Fraction(4), Fraction(0), 0, 0)
    >>> line = tuple(LineNote(Fraction(4 * i), Fraction(4), p) for i, p in enumerate((67, 65, 67)))
    >>> -4 < score_counterpoint(cantus, line, "above") < 0
    True
    """
    chords = []
    for bar in range(1, len(cantus.pitches)):
        before = next((n for n in line if n.start < 4 * bar <= n.end), None)
        after = next((n for n in line if n.start <= 4 * bar < n.end), None)
        if before and after:
            pair = (cantus.pitches[bar - 1], before.pitch)
            chords.append((pair, (cantus.pitches[bar], after.pitch)))
    pitches = [n.pitch for i, n in enumerate(line) if i == 0 or line[i - 1].pitch != n.pitch]
    return ranking.shipped().score(position, chords, pitches)


def sample_lines(
    cantus: Cantus, position: Position, n_lines: int, *, species: int = 1, seed: int = 0
) -> list[Line]:
    """Counterpoints that keep every rule and are drawn without a thought of what is likely.

    Parameters
    ----------
    cantus : Cantus
        The cantus.
    position : {"above", "below"}
        Where the counterpoint lies.
    n_lines : int
        How many; they may repeat.
    species : int
        1 to 5.
    seed : int
        Same seed, same lines.

    Returns
    -------
    list of tuple of Struck
        As many as asked for, unless hundreds of draws for each find too few.

    Examples
    --------
    >>> cantus = Cantus((62, 65, 64, 62, 64, 62), Fraction(4), Fraction(4), Fraction(0), 0, 0)
    >>> len(sample_lines(cantus, "above", 2))
    2
    """
    rng = np.random.default_rng(seed)
    line = _LineRules(cantus, species, position, slots(species, len(cantus.pitches), rng))
    steps = _prune(line.steps, _INFINITE // 2)
    if steps is None:
        return []
    follows: list[dict[tuple[int, int], list[_Transition]]] = []
    for rows in steps:
        by_state: dict[tuple[int, int], list[_Transition]] = {}
        for row in rows:
            by_state.setdefault((row.before, row.pitch), []).append(row)
        follows.append(by_state)
    lines: list[Line] = []
    for _ in range(500 * n_lines):
        states = sorted(follows[0])
        state = states[int(rng.integers(len(states)))]
        pitches = [state[1]]
        for by_state in follows:
            rows = by_state[state]
            row = rows[int(rng.integers(len(rows)))]
            state = (row.remembered, row.after)
            pitches.append(row.after)
        made = line.line(pitches)
        if not breaches(cantus, made, species, position):
            lines.append(made)
            if len(lines) == n_lines:
                break
    return lines


# --- search -------------------------------------------------------------------------------------


class _Search(ABC):
    """Solutions from the cheapest, in models as small as can be."""

    def __init__(self) -> None:
        self.cuts: list[tuple[list[int], list[int], int]] = []
        self.is_exhausted = False

    @abstractmethod
    def model(self, slack: int) -> "_LineModel | _ChordModel | None":
        """The model of all that costs at most so much more than the cheapest path."""

    @abstractmethod
    def check_pitches(self, pitches: list[int]) -> tuple[tuple[Line, ...], tuple[Breach, ...]]:
        """The lines of a solution, and what the checker has to say."""

    @abstractmethod
    def places(self, bars: range) -> list[int]:
        """Which pitches lie in bars, counted from 1."""

    def solutions(self, best: int) -> Iterator[tuple[Line, ...]]:
        n_found = n_rejected = 0
        for slack in (*(round(_SLACK * _GROWTH**i) for i in range(_SLACKS)), _INFINITE // 2):
            model = self.model(slack)
            if model is None:
                self.is_exhausted = True
                return
            for cut in self.cuts:
                model.differ(*cut)
            while (
                n_found < best
                and n_rejected < _MAX_REJECTED
                and (pitches := model.solve()) is not None
            ):
                lines, breaches_found = self.check_pitches(pitches)
                if breaches_found:
                    n_rejected += 1
                    around = self.places(
                        range(breaches_found[0].bar - 3, breaches_found[0].bar + 2)
                    )
                    self.cuts.append((around, pitches, 1))
                else:
                    n_found += 1
                    yield lines
                    min_changed = max(2, round(_DIFFERENT_SHARE * len(pitches)))
                    self.cuts.append((list(range(len(pitches))), pitches, min_changed))
                model.differ(*self.cuts[-1])
            if n_found == best or n_rejected == _MAX_REJECTED:
                return
            self.is_exhausted = model.model.is_exhausted


# --- two voices ---------------------------------------------------------------------------------


def _solve_two_voices(
    cantus: Cantus, species: int, position: Position, best: int, seed: int
) -> tuple[list[tuple[float, tuple[Line, ...]]], bool]:
    rng = np.random.default_rng(seed)
    found: list[tuple[float, tuple[Line, ...]]] = []
    n_rhythms = _RHYTHMS if species == FIFTH else 1
    each, solved, exhausted = -(-best // n_rhythms), 0, species != FIFTH
    for _ in range(_MAX_RHYTHMS if species == FIFTH else 1):
        places = slots(species, len(cantus.pitches), rng)
        search = _LineSearch(_LineRules(cantus, species, position, places), seed)
        lines = list(search.solutions(each))
        found += [(score_counterpoint(cantus, line, position), (line,)) for (line,) in lines]
        exhausted &= search.is_exhausted
        solved += bool(lines)
        if solved == n_rhythms and len(found) >= best:
            break
    return sorted(found, key=lambda pair: -pair[0])[:best], exhausted


class _LineSearch(_Search):
    """Two voices, one rhythm."""

    def __init__(self, line: "_LineRules", seed: int) -> None:
        super().__init__()
        self.rules, self.seed = line, seed

    def model(self, slack: int) -> "_LineModel | None":
        steps = _prune(self.rules.steps, slack)
        return _LineModel(_Model(self.seed, _EFFORT), self.rules, steps) if steps else None

    def check_pitches(self, pitches: list[int]) -> tuple[tuple[Line, ...], tuple[Breach, ...]]:
        line = self.rules.line(pitches)
        check_pitches = breaches(self.rules.cantus, line, self.rules.species, self.rules.position)
        return (line,), check_pitches

    def places(self, bars: range) -> list[int]:
        return [i for i, slot in enumerate(self.rules.slots) if slot.bar + 1 in bars]


class _Model:
    """A CP-SAT model: what is common to two voices and three."""

    def __init__(self, seed: int, effort: float) -> None:
        from ortools.sat.python import cp_model

        self.cp = cp_model.CpModel()
        self.costs: list[Any] = []
        self._solver = cp_model.CpSolver()
        self._solver.parameters.random_seed = seed % 2**31
        self._solver.parameters.num_workers = 1
        self._solver.parameters.max_deterministic_time = effort
        # The tables are pruned already: presolving them again costs more than it saves.
        self._solver.parameters.cp_model_probing_level = 0
        self._solver.parameters.max_presolve_iterations = 1
        self._solver.parameters.symmetry_level = 0
        self._good, self._none = (cp_model.OPTIMAL, cp_model.FEASIBLE), cp_model.INFEASIBLE
        self.is_exhausted = False

    def pitch(self, allowed: Sequence[int], name: str) -> Any:
        from ortools.sat.python import cp_model

        return self.cp.new_int_var_from_domain(cp_model.Domain.from_values(list(allowed)), name)

    def cost(self, values: Iterable[int]) -> Any:
        """A variable that is added to the price."""
        made = self.pitch(sorted(values), "")
        self.costs.append(made)
        return made

    def number(self, low: int, high: int, name: str) -> Any:
        return self.cp.new_int_var(low, high, name)

    def table(self, variables: Sequence[Any], rows: Sequence[Sequence[int]]) -> None:
        self.cp.add_allowed_assignments(variables, rows)

    def forbid(self, variables: Sequence[Any], rows: Sequence[Sequence[int]]) -> None:
        if rows:
            self.cp.add_forbidden_assignments(variables, rows)

    def solve(self, pitches: Sequence[Any]) -> list[int] | None:
        self.cp.minimize(sum(self.costs))
        status = self._solver.solve(self.cp)
        self.is_exhausted = status == self._none
        return [self._solver.value(p) for p in pitches] if status in self._good else None

    def differ(self, pitches: Sequence[Any], values: Sequence[int], min_changed: int) -> None:
        """Ask for other values in so many places."""
        changed = []
        for pitch, value in zip(pitches, values, strict=True):
            other = self.cp.new_bool_var("")
            self.cp.add(pitch != value).only_enforce_if(other)
            changed.append(other)
        self.cp.add(sum(changed) >= min_changed)


@dataclass(frozen=True)
class _Transition:
    """Pitches that may follow one another, what the model must know of them, and their price."""

    before: int  # the last pitch that differs
    pitch: int
    after: int
    remembered: int  # the last pitch that differs from the one after
    leaps: int = 0
    alike: int = 0
    tie: int = 0
    turning: int = 0
    cost: int = 0


def _prune(
    steps: Sequence[Sequence["_Transition"]], slack: int
) -> list[list["_Transition"]] | None:
    """Rows on paths that cost at most so much more than the cheapest; None if there is none."""
    costs_to_go: list[dict[tuple[int, int], int]] = [{}]
    for row in steps[-1]:
        costs_to_go[0][row.remembered, row.after] = 0
    for rows in reversed(steps):
        costs: dict[tuple[int, int], int] = {}
        for row in rows:
            to_go = costs_to_go[0].get((row.remembered, row.after))
            if to_go is not None:
                state = (row.before, row.pitch)
                costs[state] = min(costs.get(state, _INFINITE), to_go + row.cost)
        costs_to_go.insert(0, costs)
    if not costs_to_go[0]:
        return None
    max_cost = min(costs_to_go[0].values()) + slack
    costs_so_far = dict.fromkeys(costs_to_go[0], 0)
    pruned = []
    for rows, to_go_by_state in zip(steps, costs_to_go[1:], strict=True):
        near_rows: list[_Transition] = []
        reached: dict[tuple[int, int], int] = {}
        for row in rows:
            so_far = costs_so_far.get((row.before, row.pitch), _INFINITE) + row.cost
            state = (row.remembered, row.after)
            if so_far + to_go_by_state.get(state, _INFINITE) <= max_cost:
                near_rows.append(row)
                reached[state] = min(reached.get(state, _INFINITE), so_far)
        pruned.append(near_rows)
        costs_so_far = reached
    return pruned


class _LineRules:
    """A line against a cantus: what may follow what, at which price."""

    def __init__(
        self,
        cantus: Cantus,
        species: int,
        position: Position,
        places: Sequence[Slot],
        *,
        alone: bool = True,
    ) -> None:
        self.cantus, self.species, self.position = cantus, species, position
        self.slots, self.alone = tuple(places), alone
        self.ranking = ranking.shipped()
        self.domains = [self._domain(index) for index in range(len(self.slots))]
        self._costs: dict[Pitches, int] = {}
        self.steps = self._steps()

    def _steps(self) -> list[list[_Transition]]:
        """Rows of every slot but the last."""
        steps: list[list[_Transition]] = []
        states = {(pitch, pitch) for pitch in self.domains[0]}
        for index in range(len(self.slots) - 1):
            rows = []
            for before, pitch in sorted(states):
                for after in self.domains[index + 1]:
                    found = self.row(index, before, pitch, after)
                    if found is not None:
                        remembered = before if pitch == after else pitch
                        rows.append(_Transition(before, pitch, after, remembered, *found))
            steps.append(rows)
            states = {(row.remembered, row.after) for row in rows}
        return steps

    # What each slot may have.

    def _domain(self, index: int) -> list[int]:
        cantus, slot = self.cantus.pitches, self.slots[index]
        at = cantus[slot.bar]
        pitches = range(at - rules.MAX_DISTANCE, at + rules.MAX_DISTANCE + 1)
        return [pitch for pitch in pitches if 0 <= pitch <= 127 and self._fits(index, pitch)]

    def _fits(self, index: int, pitch: int) -> bool:
        cantus, slot, n_bars = self.cantus.pitches, self.slots[index], len(self.cantus.pitches)
        at, last = cantus[slot.bar], index == len(self.slots) - 1
        low, high = (at, pitch) if self.position == "above" else (pitch, at)
        if low > high or not 0 <= pitch - self.cantus.shift <= 127:
            return False
        before_last = slot.bar == n_bars - 2
        if not rules.in_mode(pitch, self.cantus.final, before_last=before_last):
            return False
        nearby = cantus[max(slot.bar - 1, 0) : slot.bar + 2]
        if any(rules.is_false_relation(pitch, other) for other in nearby):
            return False
        if not self.alone:
            return True
        if index == 0:
            return rules.opens(at, pitch) if low == at else rules.is_octave(at, pitch)
        if last:
            return rules.is_octave(at, pitch)
        if index == len(self.slots) - 2:
            return pitch % 12 == rules.leading_note(cantus[-2], cantus[-1])
        if (slot.beat == 0 and not slot.may_repeat) or self.species == FIRST:
            return rules.is_consonant(at, pitch)
        return not self.slots[index + 1].must_repeat or rules.is_consonant(at, pitch)

    # What may follow.

    def row(
        self, index: int, one: int, two: int, three: int
    ) -> tuple[int, int, int, int, int] | None:
        """Flags and cost of a slot's pitch, the one before and the one after; None if forbidden."""
        slot, ahead = self.slots[index], self.slots[index + 1]
        cantus = self.cantus.pitches
        at, then = cantus[slot.bar], cantus[ahead.bar]
        has_moved = one != two  # the line has moved already
        if two == three:
            return self._repeated(index, at, then, two) if ahead.may_repeat else None
        if ahead.must_repeat or not rules.may_follow(two, three):
            return None
        if index == len(self.slots) - 2 and self.alone and not rules.is_step(two, three):
            return None
        if min(slot.length, ahead.length) < 1 and not rules.is_step(two, three):
            return None
        if has_moved:
            if rules.must_turn(one, two) and not rules.is_turn(one, two, three):
                return None
            if rules.leaps_too_far(one, two, three):
                return None
        cost, alike, turning = 0, 0, 0
        if self.alone:
            found = self._against(index, one, two, three)
            if found is None:
                return None
            cost, alike, turning = found
        elif ahead.beat == 0:
            cost += self._interval_cost((at, two), (then, three))
        if has_moved:
            cost += self._step_cost(one, two, three)
        if ahead.start % 4 == 0 and ahead.may_repeat and self.species in (FOURTH, FIFTH):
            cost += _UNTIED
        cost += _FLAT * (three % 12 == 10)
        leaps = int(has_moved and rules.leaps_on(one, two, three))
        return leaps, alike, 0, turning, cost

    def _repeated(
        self, index: int, at: int, then: int, pitch: int
    ) -> tuple[int, int, int, int, int] | None:
        """Flags and cost of a pitch that is tied, or in first species struck again."""
        if self.species == FIRST:
            inner = 0 < index + 1 < len(self.slots) - 1
            if self.alone and ((inner and pitch == then) or self._overlaps(at, pitch, then, pitch)):
                return None
            return 0, 0, 0, 0, _REPEATED + self._interval_cost((at, pitch), (then, pitch))
        if not rules.is_consonant(at, pitch):
            return None
        return 0, 0, 1, 0, self._interval_cost((at, pitch), (then, pitch))

    def _against(self, index: int, one: int, two: int, three: int) -> tuple[int, int, int] | None:
        """Cost, likeness and cambiata of a move against the cantus; None if it is forbidden."""
        slot, ahead = self.slots[index], self.slots[index + 1]
        cantus = self.cantus.pitches
        at, then = cantus[slot.bar], cantus[ahead.bar]
        turning = 0
        if not rules.is_consonant(at, two):
            if slot.beat == 0:
                if not self._suspends(index, at, two, three):
                    return None
            elif index > 0:
                begins_cambiata = self._ornament(index, one, two, three)
                if begins_cambiata is None:
                    return None
                turning = begins_cambiata
        if ahead.beat != 0:
            return _WEAK_UNISON * (three == at), 0, turning
        pair, following = (at, two), (then, three)
        inner = ahead.bar < len(cantus) - 1
        if inner and not rules.is_consonant(then, three):
            return None  # struck; a tied note repeats the last one
        if rules.parallel(pair, following) or rules.direct(pair, following):
            return None
        if inner and self.species != FOURTH and three == then:
            return None
        if self.species == FIRST and self._overlaps(*pair, *following):
            return None
        alike = (
            self.species == FIRST
            and rules.is_imperfect(*pair)
            and rules.is_imperfect(*following)
            and rules.is_similar(pair, following)
            and (rules.steps_between(*pair) - rules.steps_between(*following)) % 7 == 0
        )
        return self._interval_cost(pair, following), int(alike), turning

    def _overlaps(self, at: int, two: int, then: int, three: int) -> bool:
        sign = 1 if self.position == "above" else -1
        return sign * (three - at) < 0 or sign * (two - then) < 0

    def _suspends(self, index: int, at: int, suspended: int, after: int) -> bool:
        slot, ahead = self.slots[index], self.slots[index + 1]
        if ahead.beat == 2 or ahead.length < 1:
            return rules.resolves(at, suspended, after)
        return slot.length == 1 and rules.is_consonant(at, after)

    def _ornament(self, index: int, one: int, two: int, three: int) -> int | None:
        """0 where a dissonance passes or turns, 1 where it begins a cambiata, else None."""
        passing = rules.is_step(one, two) and rules.is_step(two, three)
        if passing and (one < two) == (two < three):
            return 0
        if self.species not in (THIRD, FIFTH):
            return None
        if passing and one == three:
            return 0
        slots = self.slots[index - 1 : index + 3]
        if len(slots) < 4 or slots[0].beat not in (0, 2) or slots[1].length != 1:
            return None
        down = rules.is_step(one, two) and two < one and rules.steps_between(two, three) == -2
        cantus = self.cantus.pitches
        sounds = rules.is_consonant(cantus[slots[0].bar], one) and rules.is_consonant(
            cantus[slots[2].bar], three
        )
        return 1 if down and sounds else None

    # What is likely.

    def _interval_cost(self, pair: tuple[int, int], following: tuple[int, int]) -> int:
        key = (*pair, *following)
        if key not in self._costs:
            log = self.ranking.interval(self.position, pair, following)
            self._costs[key] = round(-_SCALE * log)
        return self._costs[key]

    def _step_cost(self, one: int, two: int, three: int) -> int:
        key = (one, two, three)
        if key not in self._costs:
            self._costs[key] = round(-_SCALE * self.ranking.step(one, two, three))
        return self._costs[key]

    def line(self, pitches: Sequence[int]) -> Line:
        """The line that has these pitches; tied slots are one note."""
        notes: list[LineNote] = []
        for slot, pitch in zip(self.slots, pitches, strict=True):
            tied = slot.may_repeat and self.species != FIRST
            if tied and notes and notes[-1].pitch == pitch:
                notes[-1] = LineNote(notes[-1].start, notes[-1].length + slot.length, pitch)
            else:
                notes.append(LineNote(slot.start, slot.length, pitch))
        return tuple(notes)


class _LineModel:
    """The rules of a line as a model."""

    def __init__(self, model: _Model, line: _LineRules, steps: list[list[_Transition]]) -> None:
        self.model, self.rules = model, line
        self.slots, self.cantus, self.species = line.slots, line.cantus, line.species
        self.domains = [sorted({row.pitch for row in rows}) for rows in steps]
        self.domains.append(sorted({row.after for row in steps[-1]}))
        self.pitches = [model.pitch(values, f"x{i}") for i, values in enumerate(self.domains)]
        self._follow(steps)
        self._runs()
        self._span()
        if self.species == FIRST:
            self._repeats()
        if line.alone:
            self._parallels()
            self._suspensions()

    def solve(self) -> list[int] | None:
        """Pitches of the slots."""
        return self.model.solve(self.pitches)

    def differ(self, indexes: Sequence[int], values: Sequence[int], min_changed: int) -> None:
        """Ask for other pitches in so many of these slots."""
        pitches, old = [self.pitches[i] for i in indexes], [values[i] for i in indexes]
        self.model.differ(pitches, old, min_changed)

    def _follow(self, steps: list[list[_Transition]]) -> None:
        model = self.model
        before = self.pitches[0]  # the last pitch that differs from the slot's
        leaps, alike, ties = [], [], []
        for index, rows in enumerate(steps):
            ahead = self.slots[index + 1]
            here = self.pitches[index]
            after = here
            if ahead.may_repeat:
                after = model.pitch(sorted({row.remembered for row in rows}), f"d{index}")
            flags = [model.cp.new_bool_var("") for _ in range(4)]
            cost = model.cost({row.cost for row in rows})
            columns = [(here, "pitch"), (self.pitches[index + 1], "after")]
            columns += [(before, "before")] * (index > 0)
            columns += [(after, "remembered")] * ahead.may_repeat
            columns += list(zip(flags, ("leaps", "alike", "tie", "turning"), strict=True))
            columns.append((cost, "cost"))
            model.table(
                [variable for variable, _ in columns],
                [[getattr(row, name) for _, name in columns] for row in rows],
            )
            leaps.append(flags[0])
            alike.append(flags[1])
            if ahead.may_repeat and self.species == FOURTH:
                ties.append(flags[2])
            self._turn(index, flags[3])
            before = after
        for named, most in ((leaps, 1), (alike, rules.MAX_IMPERFECT - 1)):
            for start in range(len(named) - most):
                model.cp.add(sum(named[start : start + most + 1]) <= most)
        for one, two in pairwise(ties):
            model.cp.add(one + two >= 1)

    def _turn(self, index: int, turning: Any) -> None:
        """After the third down of a cambiata the line goes up by step."""
        if index + 2 < len(self.pitches):
            rise = self.pitches[index + 2] - self.pitches[index + 1]
            self.model.cp.add_linear_constraint(rise, 1, 2).only_enforce_if(turning)
        else:
            self.model.cp.add(turning == 0)

    # What needs more than three neighbours.

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
            following = self.model.pitch(sorted(run_starts) or [0], f"t{index}")
            if index == 0:
                self.model.table([*self.pitches[:2], following], [row[1:] for row in rows])
            else:
                self.model.table([turn, *self.pitches[index : index + 2], following], rows)
            turn, turns = following, run_starts

    def _span(self) -> None:
        """The line's range, and a price for reaching its top more than once."""
        low, high = (self.model.number(0, 127, name) for name in ("low", "high"))
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
            self.model.table([self.pitches[index], self.pitches[later]], rows)
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
                self.model.table([self.pitches[i] for i in used], rows3)


# --- three voices -------------------------------------------------------------------------------


def _solve_three_voices(
    cantus: Cantus, position: Position, best: int, seed: int
) -> tuple[list[tuple[float, tuple[Line, ...]]], bool]:
    search = _ChordSearch(cantus, position, seed)
    found = [
        (sum(score_counterpoint(cantus, line, position) for line in lines) / 2, lines)
        for lines in search.solutions(best)
    ]
    return sorted(found, key=lambda pair: -pair[0]), search.is_exhausted


class _ChordSearch(_Search):
    """Three voices, first species: chords over or under a cantus."""

    def __init__(self, cantus: Cantus, position: Position, seed: int) -> None:
        super().__init__()
        self.cantus, self.position, self.seed = cantus, position, seed
        places = slots(FIRST, len(cantus.pitches), np.random.default_rng(seed))
        self.line = _LineRules(cantus, FIRST, position, places, alone=False)
        self.chords = [self._fitting(bar) for bar in range(len(cantus.pitches))]
        self.steps = self._steps()

    def model(self, slack: int) -> "_ChordModel | None":
        steps = _prune(self.steps, slack)
        return _ChordModel(_Model(self.seed, _THREE_EFFORT), self, steps) if steps else None

    def check_pitches(self, pitches: list[int]) -> tuple[tuple[Line, ...], tuple[Breach, ...]]:
        n_bars = len(self.cantus.pitches)
        lines = (self.line.line(pitches[:n_bars]), self.line.line(pitches[n_bars:]))
        return lines, three_voice_breaches(self.cantus, lines, self.position)

    def places(self, bars: range) -> list[int]:
        n_bars = len(self.cantus.pitches)
        return [i for i in range(2 * n_bars) if i % n_bars + 1 in bars]

    def _ordered(self, bar: int, pair: tuple[int, int]) -> tuple[int, int, int]:
        at = self.cantus.pitches[bar]
        return (at, *pair) if self.position == "above" else (*pair, at)

    def _fitting(self, bar: int) -> list[tuple[int, int]]:
        """Pitches of the two added voices, the lower first."""
        domain = self.line.domains[bar]
        pairs = ((low, high) for low in domain for high in domain)
        return [
            pair
            for pair in pairs
            if next(chord_breaches(self.cantus, bar, self._ordered(bar, pair)), None) is None
        ]

    def _steps(self) -> list[list[_Transition]]:
        """Which chord may follow which two; numbers stand for chords."""
        steps: list[list[_Transition]] = []
        states = {(number, number) for number in range(len(self.chords[0]))}
        for bar in range(1, len(self.chords)):
            follows = self._follows(bar)
            rows = []
            for before, now in sorted(states):
                for after in follows[now]:
                    cost = self._cost(bar, before, now, after)
                    if cost is not None:
                        rows.append(_Transition(before, now, after, now, cost=cost))
            steps.append(rows)
            states = {(row.remembered, row.after) for row in rows}
        return steps

    def _follows(self, bar: int) -> list[list[int]]:
        ordered = [[self._ordered(at, pair) for pair in self.chords[at]] for at in (bar - 1, bar)]
        return [
            [
                number
                for number, after in enumerate(ordered[1])
                if all(a == b or rules.may_follow(a, b) for a, b in self._moves(bar, i, number))
                and next(motion_breaches(self.cantus, bar, now, after), None) is None
                and (bar < len(self.chords) - 1 or self._leads(self._moves(bar, i, number)))
            ]
            for i, now in enumerate(ordered[0])
        ]

    def _moves(self, bar: int, now: int, after: int) -> list[tuple[int, int]]:
        return list(zip(self.chords[bar - 1][now], self.chords[bar][after], strict=True))

    def _leads(self, moves: Sequence[tuple[int, int]]) -> bool:
        """Whether an added voice has the leading note, and goes to the final."""
        leading = rules.leading_note(self.cantus.pitches[-2], self.cantus.final)
        return any(one % 12 == leading and rules.is_step(one, two) for one, two in moves)

    def _cost(self, bar: int, before: int, now: int, after: int) -> int | None:
        """Least price of a chord after two; what was before a repeated note is not known here."""
        total = _INCOMPLETE * self.missing(bar, self.chords[bar][after])
        earlier = self.chords[max(bar - 2, 0)][before]
        for one, (two, three) in zip(earlier, self._moves(bar, now, after), strict=True):
            row = self.line.row(bar - 1, one, two, three)
            if row is None:
                return None
            total += row[-1]
        return total

    def missing(self, bar: int, pair: tuple[int, int]) -> int:
        """How many notes of a triad a chord lacks."""
        return 3 - len({pitch % 12 for pitch in self._ordered(bar, pair)})


class _ChordModel:
    """Two lines and the chords that they make with the cantus, as a model."""

    def __init__(self, model: _Model, search: _ChordSearch, steps: list[list[_Transition]]) -> None:
        self.model = model
        voices = []
        for voice in (1, 0):  # the higher first
            pairs = [
                {
                    (search.chords[bar][row.pitch][voice], search.chords[bar + 1][row.after][voice])
                    for row in rows
                }
                for bar, rows in enumerate(steps)
            ]
            pruned = [
                [row for row in rows if (row.pitch, row.after) in allowed]
                for rows, allowed in zip(search.line.steps, pairs, strict=True)
            ]
            voices.append(_LineModel(model, search.line, pruned))
        high, low = voices
        self.pitches = [*high.pitches, *low.pitches]
        used = [{row.pitch for row in rows} for rows in steps]
        used.append({row.after for row in steps[-1]})
        numbers = [model.pitch(sorted(numbers), f"c{bar}") for bar, numbers in enumerate(used)]
        for bar, number in enumerate(numbers):
            chords = [(index, *search.chords[bar][index]) for index in sorted(used[bar])]
            model.table([number, low.pitches[bar], high.pitches[bar]], chords)
            if bar:
                missing = [
                    (i, _INCOMPLETE * search.missing(bar, search.chords[bar][i]))
                    for i in sorted(used[bar])
                ]
                cost = model.cost({price for _, price in missing})
                model.table([number, cost], missing)
        for bar, rows in enumerate(steps):
            follows = sorted({(row.pitch, row.after) for row in rows})
            model.table(numbers[bar : bar + 2], follows)

    def solve(self) -> list[int] | None:
        """Pitches of the higher line, then of the lower."""
        return self.model.solve(self.pitches)

    def differ(self, indexes: Sequence[int], values: Sequence[int], min_changed: int) -> None:
        """Ask for other pitches in so many of these places."""
        pitches, old = [self.pitches[i] for i in indexes], [values[i] for i in indexes]
        self.model.differ(pitches, old, min_changed)
