"""Breaches of the rules between a cantus and one counterpoint, in all five species."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from cambiata.counterpoint import rules
from cambiata.counterpoint.cantus import Cantus
from cambiata.counterpoint.one_line import (
    cadence_breaches,
    line_breaches,
    motion_words,
    rhythm_breaches,
    sort_breaches,
    with_article,
)
from cambiata.counterpoint.rules import FIFTH, FIRST, FOURTH, SECOND, THIRD
from cambiata.counterpoint.worksheet import BAR, Breach, Line, LineNote, Position


def two_voice_breaches(
    cantus: Cantus, line: Line, species: int, position: Position
) -> tuple[Breach, ...]:
    """Breaches of a counterpoint against a cantus, by bar, each rule once a bar."""
    voices = _TwoVoices(cantus, line, species, position)
    breaches = [*line_breaches(cantus, line, species, ""), *voices.breaches()]
    return sort_breaches(breaches, species)


@dataclass(frozen=True)
class _TwoVoices:
    """A cantus and a counterpoint; each method finds the breaches of some rules."""

    cantus: Cantus
    line: Line
    species: int
    position: Position

    def breaches(self) -> Iterator[Breach]:
        if not self.line:
            return
        yield from self.opening_and_ending()
        yield from self.strong_beats()
        yield from self.weak_beats()
        yield from self.motion()
        yield from self.hidden_parallels()
        yield from self.spacing()
        if self.species == FIRST:
            yield from self.first_species()
        yield from rhythm_breaches(self.line, self.species, len(self.pitches))

    @property
    def pitches(self) -> tuple[int, ...]:
        return self.cantus.pitches

    def name(self, pitch: int) -> str:
        """Name of a pitch in the cantus' key."""
        return self.cantus.name_of(pitch)

    def against(self, bar: int, pitch: int) -> str:
        """A pitch and the cantus' note, in words."""
        side = "over" if pitch >= self.pitches[bar] else "under"
        return f"{self.name(pitch)} {side} {self.name(self.pitches[bar])}"

    def interval_words(self, bar: int, pitch: int) -> str:
        """A pitch, the cantus' note and their interval, in words."""
        interval = rules.interval_name(self.pitches[bar], pitch)
        return f"{self.against(bar, pitch)} is {with_article(interval)}"

    def is_consonant(self, note: LineNote) -> bool:
        return rules.is_consonant(self.pitches[note.bar], note.pitch)

    def note_at(self, place: int) -> LineNote | None:
        """The note struck at a place, counted in quarters of a bar."""
        return next((note for note in self.line if note.start == place), None)

    def tied_over(self, bar: int) -> LineNote | None:
        """The note tied into a bar."""
        return next((n for n in self.line if n.start < BAR * bar < n.end), None)

    def opening_and_ending(self) -> Iterator[Breach]:
        first, last, n_bars = self.line[0], self.line[-1], len(self.pitches)
        opens = rules.opens if self.position == "above" else rules.is_octave
        if not opens(self.pitches[first.bar], first.pitch):
            required = (
                "a unison, fifth or octave" if self.position == "above" else "a unison or octave"
            )
            yield Breach(
                1, "opening", f"{self.interval_words(first.bar, first.pitch)}; {required} is asked"
            )
        ends_well = rules.is_octave(self.cantus.final, last.pitch)
        if not ends_well:
            yield Breach(n_bars, "ending", self.interval_words(n_bars - 1, last.pitch))
        if len(self.line) > 1:
            yield from cadence_breaches(self.cantus, self.line[-2].pitch, last.pitch, ends_well)

    def strong_beats(self) -> Iterator[Breach]:
        for bar in range(1, len(self.pitches) - 1):
            struck = self.note_at(BAR * bar)
            if struck and not self.is_consonant(struck):
                yield Breach(bar + 1, "consonance", self.interval_words(bar, struck.pitch))
            if struck and struck.pitch == self.pitches[bar]:
                yield Breach(bar + 1, "unison", f"a unison on {self.name(struck.pitch)}")
            tied = self.tied_over(bar)
            if tied and not rules.is_consonant(self.pitches[bar], tied.pitch):
                yield from self.suspension(bar, tied)

    def suspension(self, bar: int, tied: LineNote) -> Iterator[Breach]:
        """Resolution of a tied dissonance, on the third beat."""
        resolution = self.note_at(BAR * bar + 2)
        between = [n for n in self.line if BAR * bar < n.start < BAR * bar + 2]
        cantus = self.pitches[bar]
        falls = resolution is not None and rules.resolves(cantus, tied.pitch, resolution.pitch)
        if resolution is None or not falls or not self.may_fill(between, resolution):
            after = resolution.pitch if resolution else (between[0].pitch if between else None)
            goal = "nothing on the third beat" if after is None else self.name(after)
            yield Breach(
                bar + 1,
                "resolution",
                f"{self.interval_words(bar, tied.pitch)} and goes to {goal}",
            )

    def may_fill(self, between: Sequence[LineNote], resolution: LineNote) -> bool:
        """Whether notes may stand between a suspension and its resolution."""
        lengths = [note.length for note in between]
        if not between:
            return True
        if self.species != FIFTH:
            return False
        if lengths == [1]:
            return self.is_consonant(between[0])
        return (
            lengths == [Fraction(1, 2)] * 2
            and between[0].pitch == resolution.pitch
            and between[1].pitch < resolution.pitch
            and rules.is_step(between[1].pitch, resolution.pitch)
        )

    def weak_beats(self) -> Iterator[Breach]:
        for index, note in enumerate(self.line):
            if index == 0 or note.beat == 0 or self.is_consonant(note):
                continue
            words = self.interval_words(note.bar, note.pitch)
            if note.is_tied:
                yield Breach(
                    note.bar + 1,
                    "preparation",
                    f"{words} where it is struck, and is tied on",
                )
            elif not self.is_ornament(index):
                yield Breach(
                    note.bar + 1,
                    "dissonance",
                    f"{words} and neither passes nor turns by step",
                )

    def is_ornament(self, index: int) -> bool:
        """Whether a dissonance off the strong beat is one that the species allows."""
        if index + 1 == len(self.line):
            return False
        before, note, after = (n.pitch for n in self.line[index - 1 : index + 2])
        by_steps = rules.is_step(before, note) and rules.is_step(note, after)
        if by_steps and (before < note) == (note < after):
            return True
        if self.species not in (THIRD, FIFTH):
            return False
        if by_steps and before == after:
            return True
        return self.is_cambiata(index) or self.is_double_neighbour(index)

    def is_cambiata(self, index: int) -> bool:
        """Whether a note is the second of a cambiata: step down, third down, step up."""
        four = self.line[index - 1 : index + 3]
        if len(four) < 4 or four[0].beat not in (0, 2) or four[1].length != 1:
            return False
        one, two, three, last = (note.pitch for note in four)
        return (
            rules.is_consonant(self.pitches[four[1].bar], one)
            and self.is_consonant(four[2])
            and rules.is_step(one, two)
            and two < one
            and rules.steps_between(two, three) == -2
            and rules.is_step(three, last)
            and last > three
        )

    def is_double_neighbour(self, index: int) -> bool:
        """Whether a note is in a bar of quarters that circle round its first note."""
        start = self.line[index].bar * BAR
        four = [note for note in self.line if start <= note.start < start + BAR]
        if [note.beat for note in four] != [0, 1, 2, 3] or not self.is_consonant(four[0]):
            return False
        one, two, three, last = (note.pitch for note in four)
        both = rules.is_step(one, two) and rules.is_step(one, three)
        return both and rules.is_turn(two, one, three) is False and last == one

    def motion(self) -> Iterator[Breach]:
        for before, after in pairwise(self.line):
            if after.beat != 0:
                continue
            pair = (self.pitches[after.bar - 1], before.pitch)
            following = (self.pitches[after.bar], after.pitch)
            for rule_broken in (rules.parallel(pair, following), rules.direct(pair, following)):
                if rule_broken:
                    yield self.motion_breach(after.bar, rule_broken, pair, following)

    def motion_breach(
        self, bar: int, rule: str, pair: tuple[int, int], following: tuple[int, int]
    ) -> Breach:
        return Breach(
            bar + 1, rule, motion_words(self.cantus, pair, following, "cantus and counterpoint")
        )

    def hidden_parallels(self) -> Iterator[Breach]:
        if self.species == FIRST:
            return
        for bar in range(1, len(self.pitches)):
            if self.species != FOURTH:
                yield from self.parallels_at(bar, 0)
            tied = self.tied_over(bar)
            if tied and not rules.is_consonant(self.pitches[bar], tied.pitch):
                yield from self.parallels_at(bar, 2)

    def parallels_at(self, bar: int, beat: int) -> Iterator[Breach]:
        """Parallels between the same beats of two neighbouring bars."""
        one, two = self.note_at(BAR * (bar - 1) + beat), self.note_at(BAR * bar + beat)
        if not one or not two:
            return
        pair = (self.pitches[bar - 1], one.pitch)
        following = (self.pitches[bar], two.pitch)
        rule_broken = rules.parallel(pair, following)
        if rule_broken and self.species == SECOND:
            weak = self.note_at(BAR * (bar - 1) + 2)
            if weak and abs(rules.steps_between(one.pitch, weak.pitch)) >= 3:
                return  # a leap of a fourth or more between them hides the parallels
        if rule_broken:
            yield self.motion_breach(bar, rule_broken, pair, following)

    def spacing(self) -> Iterator[Breach]:
        """Distance, crossing and false relations, in every bar that a note sounds in."""
        for note in self.line:
            last = min(int(-(-note.end // BAR)), len(self.pitches))
            for bar in range(note.bar, last):
                cantus = self.pitches[bar]
                if abs(note.pitch - cantus) > rules.MAX_DISTANCE:
                    words = f"{self.interval_words(bar, note.pitch)}; a twelfth is the most"
                    yield Breach(bar + 1, "distance", words)
                if _is_crossed(cantus, note.pitch, self.position):
                    words = f"the counterpoint crosses the cantus: {self.against(bar, note.pitch)}"
                    yield Breach(bar + 1, "crossing", words)
                for other in range(max(bar - 1, 0), min(bar + 2, len(self.pitches))):
                    if rules.is_false_relation(self.pitches[other], note.pitch):
                        words = f"{self.name(note.pitch)} against {self.name(self.pitches[other])}"
                        yield Breach(max(bar, other) + 1, "false-relation", words)

    def first_species(self) -> Iterator[Breach]:
        """Runs of thirds or sixths, and voices that overlap."""
        chords = [(self.pitches[note.bar], note.pitch) for note in self.line]
        run = 1
        for index, (pair, following) in enumerate(pairwise(chords), 1):
            bar = self.line[index].bar
            kinds = {abs(rules.steps_between(*chord)) % 7 for chord in (pair, following)}
            alike = len(kinds) == 1 and rules.is_imperfect(*pair) and rules.is_imperfect(*following)
            run = run + 1 if alike and rules.is_similar(pair, following) else 1
            if run == rules.MAX_IMPERFECT + 1:
                kind = rules.interval_name(*following)
                yield Breach(bar + 1, "imperfect-run", f"the fourth {kind} running")
            sign = 1 if self.position == "above" else -1
            if any(_is_crossed(*chord, self.position) for chord in (pair, following)):
                continue
            if sign * (following[1] - pair[0]) < 0:
                words = f"the counterpoint's {self.name(following[1])} goes beyond the cantus' last"
                yield Breach(bar + 1, "overlap", f"{words} note, {self.name(pair[0])}")
            if sign * (pair[1] - following[0]) < 0:
                words = f"the cantus' {self.name(following[0])} goes beyond the counterpoint's last"
                yield Breach(bar + 1, "overlap", f"{words} note, {self.name(pair[1])}")


def _is_crossed(cantus: int, pitch: int, position: Position) -> bool:
    """Whether a counterpoint lies on the wrong side of its cantus."""
    return pitch < cantus if position == "above" else pitch > cantus
