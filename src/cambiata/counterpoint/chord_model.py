"""Two counterpoints and their chords with the cantus as a constraint model, first species."""

from collections.abc import Sequence

import numpy as np

from cambiata.counterpoint import rules
from cambiata.counterpoint.cantus import Cantus
from cambiata.counterpoint.line_model import LineModel
from cambiata.counterpoint.line_rules import LineRules
from cambiata.counterpoint.rhythms import slots
from cambiata.counterpoint.rules import FIRST
from cambiata.counterpoint.search import ConstraintModel, PitchModel, Search, Transition, prune
from cambiata.counterpoint.three_voices import (
    chord_breaches,
    motion_breaches,
    three_voice_breaches,
)
from cambiata.counterpoint.worksheet import Breach, Line, Position

# Of each model, in CP-SAT's deterministic seconds: two lines and their chords are more to search
# than one line (four times what that is given).
_EFFORT = 4.0
# Cost of a chord without its third or fifth, in the units of costs: a taste. Complete triads are
# preferred, not asked for (docs/counterpoint.md).
_INCOMPLETE = 120


class ChordSearch(Search):
    """Three voices, first species: chords over or under a cantus."""

    def __init__(self, cantus: Cantus, position: Position, seed: int) -> None:
        super().__init__()
        self.cantus, self.position, self.seed = cantus, position, seed
        places = slots(FIRST, len(cantus.pitches), np.random.default_rng(seed))
        self.line = LineRules(cantus, FIRST, position, places, alone=False)
        self.chords = [self._legal_chords(bar) for bar in range(len(cantus.pitches))]
        self.steps = self._steps()

    def model(self, slack: int) -> "ChordModel | None":
        """The model of all chords that cost at most so much more than the cheapest path."""
        steps = prune(self.steps, slack)
        return ChordModel(ConstraintModel(self.seed, _EFFORT), self, steps) if steps else None

    def check_pitches(self, pitches: list[int]) -> tuple[tuple[Line, ...], tuple[Breach, ...]]:
        """The two lines of a solution, and the breaches that the checker finds in them."""
        n_bars = len(self.cantus.pitches)
        lines = (self.line.line(pitches[:n_bars]), self.line.line(pitches[n_bars:]))
        return lines, three_voice_breaches(self.cantus, lines, self.position)

    def slots_in(self, bars: range) -> list[int]:
        """Indexes of both lines' pitches in bars, counted from 1."""
        n_bars = len(self.cantus.pitches)
        return [i for i in range(2 * n_bars) if i % n_bars + 1 in bars]

    def _ordered(self, bar: int, pair: tuple[int, int]) -> tuple[int, int, int]:
        """A chord from its lowest voice, of the two added voices."""
        cantus = self.cantus.pitches[bar]
        return (cantus, *pair) if self.position == "above" else (*pair, cantus)

    def _legal_chords(self, bar: int) -> list[tuple[int, int]]:
        """Chords that a bar may have: pitches of the two added voices, the lower first."""
        domain = self.line.domains[bar]
        pairs = ((low, high) for low in domain for high in domain)
        return [
            pair
            for pair in pairs
            if next(chord_breaches(self.cantus, bar, self._ordered(bar, pair)), None) is None
        ]

    def _steps(self) -> list[list[Transition]]:
        """Which chord may follow which two; numbers stand for chords."""
        steps: list[list[Transition]] = []
        states = {(number, number) for number in range(len(self.chords[0]))}
        for bar in range(1, len(self.chords)):
            follows = self._follows(bar)
            rows = []
            for before, now in sorted(states):
                for after in follows[now]:
                    cost = self._cost(bar, before, now, after)
                    if cost is not None:
                        rows.append(Transition(before, now, after, now, cost=cost))
            steps.append(rows)
            states = {(row.remembered, row.after) for row in rows}
        return steps

    def _follows(self, bar: int) -> list[list[int]]:
        """Numbers of the chords that may follow each chord of the bar before."""
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
        """The two added voices' moves from a chord of the bar before to one of this bar."""
        return list(zip(self.chords[bar - 1][now], self.chords[bar][after], strict=True))

    def _leads(self, moves: Sequence[tuple[int, int]]) -> bool:
        """Whether an added voice has the leading note, and goes to the final."""
        leading = rules.leading_note(self.cantus.pitches[-2], self.cantus.final)
        return any(one % 12 == leading and rules.is_step(one, two) for one, two in moves)

    def _cost(self, bar: int, before: int, now: int, after: int) -> int | None:
        """Least cost of a chord after two; what was before a repeated note is not known here."""
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


class ChordModel(PitchModel):
    """Two lines and the chords that they make with the cantus, as a model."""

    def __init__(
        self, model: ConstraintModel, search: ChordSearch, steps: list[list[Transition]]
    ) -> None:
        super().__init__(model)
        high, low = (self._line(voice, search, steps) for voice in (1, 0))
        self.pitches = [*high.pitches, *low.pitches]
        used = [{row.pitch for row in rows} for rows in steps]
        used.append({row.after for row in steps[-1]})
        numbers = [model.variable(sorted(numbers), f"c{bar}") for bar, numbers in enumerate(used)]
        for bar, number in enumerate(numbers):
            chords = [(index, *search.chords[bar][index]) for index in sorted(used[bar])]
            model.allow([number, low.pitches[bar], high.pitches[bar]], chords)
            if bar:
                missing = [
                    (i, _INCOMPLETE * search.missing(bar, search.chords[bar][i]))
                    for i in sorted(used[bar])
                ]
                cost = model.cost({each for _, each in missing})
                model.allow([number, cost], missing)
        for bar, rows in enumerate(steps):
            follows = sorted({(row.pitch, row.after) for row in rows})
            model.allow(numbers[bar : bar + 2], follows)

    def _line(self, voice: int, search: ChordSearch, steps: list[list[Transition]]) -> LineModel:
        """The model of one added voice, of the moves that it makes in these chords."""
        moves = [
            {
                (search.chords[bar][row.pitch][voice], search.chords[bar + 1][row.after][voice])
                for row in rows
            }
            for bar, rows in enumerate(steps)
        ]
        pruned = [
            [row for row in rows if (row.pitch, row.after) in allowed]
            for rows, allowed in zip(search.line.steps, moves, strict=True)
        ]
        return LineModel(self.model, search.line, pruned)
