"""Rows of a counterpoint's tables: pitches that may follow one another, and their cost."""

from collections.abc import Sequence

from cambiata.counterpoint import ranking, rules
from cambiata.counterpoint.cantus import Cantus
from cambiata.counterpoint.rhythms import Slot
from cambiata.counterpoint.rules import B_FLAT, FIFTH, FIRST, FOURTH, THIRD
from cambiata.counterpoint.search import Transition
from cambiata.counterpoint.worksheet import Line, LineNote, Position

# CP-SAT counts in integers: a cost of 100 is one nat of the learned ranking.
_SCALE = 100
# Costs of what is legal and not liked, on the same scale. They are tastes ("Preferred, not marked"
# in docs/counterpoint.md), set by looking at solutions; nobody measured them one by one. Higher:
# rarer.
_REPEATED = 300  # a note struck twice running in first species
_FLAT = 100  # each B flat
_WEAK_UNISON = 150  # a unison off the strong beat
_UNTIED = 400  # a bar line without a tie in fourth and fifth species, where there could be one

RowFacts = tuple[int, int, int, int, int]
"""Flags and cost of a `Transition`: leaps, alike, tie, turning, cost."""


class LineRules:
    """A line against a cantus: pitches of each slot, and rows of what may follow at which cost.

    `alone` is whether it is the only counterpoint. Where it is one of two, rules between voices are
    left to the chords (`cambiata.counterpoint.chord_model`).
    """

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
        self._costs: dict[tuple[int, ...], int] = {}
        self.steps = self._steps()

    def _steps(self) -> list[list[Transition]]:
        """Rows of every slot but the last."""
        steps: list[list[Transition]] = []
        states = {(pitch, pitch) for pitch in self.domains[0]}
        for index in range(len(self.slots) - 1):
            rows = []
            for before, pitch in sorted(states):
                for after in self.domains[index + 1]:
                    facts = self.row(index, before, pitch, after)
                    if facts is not None:
                        remembered = before if pitch == after else pitch
                        rows.append(Transition(before, pitch, after, remembered, *facts))
            steps.append(rows)
            states = {(row.remembered, row.after) for row in rows}
        return steps

    def _domain(self, index: int) -> list[int]:
        """Pitches that a slot may have, whatever is around it."""
        cantus, slot = self.cantus.pitches, self.slots[index]
        cantus_now = cantus[slot.bar]
        pitches = range(cantus_now - rules.MAX_DISTANCE, cantus_now + rules.MAX_DISTANCE + 1)
        return [pitch for pitch in pitches if 0 <= pitch <= 127 and self._fits(index, pitch)]

    def _fits(self, index: int, pitch: int) -> bool:
        cantus, slot, n_bars = self.cantus.pitches, self.slots[index], len(self.cantus.pitches)
        cantus_now, last = cantus[slot.bar], index == len(self.slots) - 1
        low, high = (cantus_now, pitch) if self.position == "above" else (pitch, cantus_now)
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
            return (
                rules.opens(cantus_now, pitch)
                if low == cantus_now
                else rules.is_octave(cantus_now, pitch)
            )
        if last:
            return rules.is_octave(cantus_now, pitch)
        if index == len(self.slots) - 2:
            return pitch % 12 == rules.leading_note(cantus[-2], cantus[-1])
        if (slot.beat == 0 and not slot.may_repeat) or self.species == FIRST:
            return rules.is_consonant(cantus_now, pitch)
        return not self.slots[index + 1].must_repeat or rules.is_consonant(cantus_now, pitch)

    def row(self, index: int, one: int, two: int, three: int) -> RowFacts | None:
        """Flags and cost of three pitches running, the second in this slot; None if forbidden.

        The first is the last pitch that differs from the second, or the second where there is none.
        """
        slot, ahead = self.slots[index], self.slots[index + 1]
        cantus = self.cantus.pitches
        cantus_now, cantus_next = cantus[slot.bar], cantus[ahead.bar]
        has_moved = one != two  # the line has moved already
        if two == three:
            return self._repeated(index, cantus_now, cantus_next, two) if ahead.may_repeat else None
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
            against_cantus = self._against(index, one, two, three)
            if against_cantus is None:
                return None
            cost, alike, turning = against_cantus
        elif ahead.beat == 0:
            cost += self._interval_cost((cantus_now, two), (cantus_next, three))
        if has_moved:
            cost += self._step_cost(one, two, three)
        if ahead.beat == 0 and ahead.may_repeat and self.species in (FOURTH, FIFTH):
            cost += _UNTIED
        cost += _FLAT * (three % 12 == B_FLAT)
        leaps = int(has_moved and rules.leaps_on(one, two, three))
        return leaps, alike, 0, turning, cost

    def _repeated(
        self, index: int, cantus_now: int, cantus_next: int, pitch: int
    ) -> RowFacts | None:
        """Flags and cost of a pitch that is tied, or in first species struck again."""
        if self.species == FIRST:
            inner = 0 < index + 1 < len(self.slots) - 1
            if self.alone and (
                (inner and pitch == cantus_next)
                or self._overlaps(cantus_now, pitch, cantus_next, pitch)
            ):
                return None
            return (
                0,
                0,
                0,
                0,
                _REPEATED + self._interval_cost((cantus_now, pitch), (cantus_next, pitch)),
            )
        if not rules.is_consonant(cantus_now, pitch):
            return None
        return 0, 0, 1, 0, self._interval_cost((cantus_now, pitch), (cantus_next, pitch))

    def _against(self, index: int, one: int, two: int, three: int) -> tuple[int, int, int] | None:
        """Cost, `alike` and `turning` of a move against the cantus; None if it is forbidden."""
        slot, ahead = self.slots[index], self.slots[index + 1]
        cantus = self.cantus.pitches
        cantus_now, cantus_next = cantus[slot.bar], cantus[ahead.bar]
        turning = 0
        if not rules.is_consonant(cantus_now, two):
            if slot.beat == 0:
                if not self._suspends(index, cantus_now, two, three):
                    return None
            elif index > 0:
                begins_cambiata = self._ornament(index, one, two, three)
                if begins_cambiata is None:
                    return None
                turning = begins_cambiata
        if ahead.beat != 0:
            return _WEAK_UNISON * (three == cantus_now), 0, turning
        pair, following = (cantus_now, two), (cantus_next, three)
        inner = ahead.bar < len(cantus) - 1
        if inner and not rules.is_consonant(cantus_next, three):
            return None  # it is struck: a tied note repeats the last one (`_repeated`)
        if rules.parallel(pair, following) or rules.direct(pair, following):
            return None
        if inner and self.species != FOURTH and three == cantus_next:
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

    def _overlaps(self, cantus_now: int, two: int, cantus_next: int, three: int) -> bool:
        sign = 1 if self.position == "above" else -1
        return sign * (three - cantus_now) < 0 or sign * (two - cantus_next) < 0

    def _suspends(self, index: int, cantus_now: int, suspended: int, after: int) -> bool:
        slot, ahead = self.slots[index], self.slots[index + 1]
        if ahead.beat == 2 or ahead.length < 1:
            return rules.resolves(cantus_now, suspended, after)
        return slot.length == 1 and rules.is_consonant(cantus_now, after)

    def _ornament(self, index: int, one: int, two: int, three: int) -> int | None:
        """0 where a dissonance passes or turns, 1 where it begins a cambiata, else None."""
        passing = rules.is_step(one, two) and rules.is_step(two, three)
        if passing and (one < two) == (two < three):
            return 0
        if self.species not in (THIRD, FIFTH):
            return None
        if passing and one == three:
            return 0
        around = self.slots[index - 1 : index + 3]
        if len(around) < 4 or around[0].beat not in (0, 2) or around[1].length != 1:
            return None
        down = rules.is_step(one, two) and two < one and rules.steps_between(two, three) == -2
        cantus = self.cantus.pitches
        is_prepared = rules.is_consonant(cantus[around[0].bar], one) and rules.is_consonant(
            cantus[around[2].bar], three
        )
        return 1 if down and is_prepared else None

    def _interval_cost(self, pair: tuple[int, int], following: tuple[int, int]) -> int:
        """Cost of an interval after another, by the learned ranking."""
        key = (*pair, *following)
        if key not in self._costs:
            log_probability = self.ranking.interval(self.position, pair, following)
            self._costs[key] = round(-_SCALE * log_probability)
        return self._costs[key]

    def _step_cost(self, one: int, two: int, three: int) -> int:
        """Cost of a line's move after another, by the learned ranking."""
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
