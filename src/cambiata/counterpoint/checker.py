"""Breaches of the rules, in words: what a teacher would mark on a worksheet."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations, pairwise
from pathlib import Path
from typing import Literal

from cambiata.counterpoint import rules
from cambiata.counterpoint.cantus import Cantus, has_equal_notes
from cambiata.counterpoint.rules import FIFTH, FIRST, FOURTH, SECOND, THIRD
from cambiata.errors import InputError
from cambiata.score.notation import Sheet, Tone, Voice, read

Position = Literal["above", "below"]
POSITIONS: tuple[Position, Position] = ("above", "below")
_BAR = 4


@dataclass(frozen=True, order=True)
class Breach:
    """A rule that is not kept."""

    bar: int  # Where, from 1
    rule: str  # Name of the rule, as in ``docs/counterpoint.md``.
    words: str  # What happens there

    def __str__(self) -> str:
        return f"bar {self.bar}: {self.rule}: {self.words}"


@dataclass(frozen=True)
class CheckReport:
    """What was found on a worksheet."""

    breaches: tuple[Breach, ...]  # In the order of their bars; none where all is well
    species: int  # 1 to 5
    position: Position  # Where the counterpoint lies
    voices: int  # Voices, the cantus among them
    cantus: str  # Name of the voice that was taken for the cantus, or its number
    mode: str  # Mode of the cantus
    n_bars: int  # Bars, one for each note of the cantus

    @property
    def is_correct(self) -> bool:
        """Whether nothing was found."""
        return not self.breaches


@dataclass(frozen=True)
class LineNote:
    """A note of a counterpoint, counted in quarters of a bar whatever the cantus' length."""

    start: Fraction  # Where it begins; 4 is the second bar
    length: Fraction  # How long it sounds, over bar lines if it is tied
    pitch: int  # MIDI number in white notes

    @property
    def end(self) -> Fraction:
        """Where it ends."""
        return self.start + self.length

    @property
    def bar(self) -> int:
        """Bar in which it begins, from 0."""
        return int(self.start // _BAR)

    @property
    def beat(self) -> Fraction:
        """Where it begins in its bar, from 0."""
        return self.start % _BAR

    @property
    def is_tied(self) -> bool:
        """Whether it sounds on in the next bar."""
        return self.end > (self.bar + 1) * _BAR


Line = tuple[LineNote, ...]


def check_file(
    path: str | Path, *, species: int | None = None, position: str | None = None
) -> CheckReport:
    """Breaches in a score file."""
    return check(read(path), species=species, position=position)


def check(sheet: Sheet, *, species: int | None = None, position: str | None = None) -> CheckReport:
    """Breaches in a worksheet.

    Parameters
    ----------
    sheet : Sheet
        A cantus and one or two voices, each a part of its own.
    species : int, optional
        1 to 5; told from the rhythm where not given.
    position : {"above", "below"}, optional
        Where the counterpoint lies; told from the voices where not given.

    Returns
    -------
    Checked
        What was found.

    Raises
    ------
    InputError
        There are not two or three voices, one of them sounds several notes at once, none is a
        cantus, or an option is out of range.

    Examples
    --------
    >>> def whole(pitches, name):
    ...     tones = (Tone(Fraction(4 * bar), Fraction(4), p) for bar, p in enumerate(pitches))
    ...     return Voice(tuple(tones), name)
    >>> cantus = whole([60, 64, 62, 67, 65, 64, 62, 60], "cantus")
    >>> found = check(Sheet((whole([67, 71, 69, 71, 69, 72, 71, 72], "upper"), cantus)))
    >>> print(found.breaches[0])
    bar 2: parallel-fifths: C-G to E-B between cantus and counterpoint
    """
    refuse_unknown(species=species, position=position)
    voices = [voice for voice in sheet.voices if voice.tones]
    _refuse_no_worksheet(voices, sheet.name)
    if species is None and len(voices) > 2:
        species = FIRST
    at = _cantus_index(voices, sheet, position)
    cantus = Cantus.of(voices[at], sheet.name, sheet.key)
    others = [voice for index, voice in enumerate(voices) if index != at]
    lines = [_line_of_voice(voice, cantus) for voice in others]
    lines.sort(key=lambda line: -sum(note.pitch * note.length for note in line))
    where: Position = (
        "above" if mean_pitch(lines[0]) >= mean_pitch(whole_notes(cantus.pitches)) else "below"
    )
    if position is not None:
        where = "above" if position == "above" else "below"
    kind = species if species is not None else _species(lines[0], len(cantus.pitches))
    if len(lines) == 2:
        if kind != FIRST:
            raise InputError(
                sheet.name, "has three voices", "three voices are checked in first species only"
            )
        found = three_voice_breaches(cantus, lines, where)
    else:
        found = breaches(cantus, lines[0], kind, where)
    return CheckReport(
        found,
        kind,
        where,
        len(voices),
        voices[at].name or f"voice {at + 1}",
        cantus.mode,
        len(cantus.pitches),
    )


def refuse_unknown(
    *, species: int | None = None, position: str | None = None, voices: int = 2
) -> None:
    """Refuse a species, position or number of voices that there is none of."""
    if species is not None and species not in rules.SPECIES:
        raise InputError(f"species {species}", "there is none", "use 1 to 5")
    if position is not None and position not in POSITIONS:
        raise InputError(f"position {position}", "there is none", "use above or below")
    if voices not in (2, 3):
        raise InputError(f"{voices} voices", "cannot be written", "use 2 or 3")
    if voices == 3 and species not in (None, FIRST):
        raise InputError("3 voices", "are written in first species only", "use species 1")


def _refuse_no_worksheet(voices: Sequence[Voice], name: str) -> None:
    if not 2 <= len(voices) <= 3:
        problem = f"has {len(voices)} voice{'s' * (len(voices) != 1)}"
        raise InputError(name, problem, "give a cantus and one or two voices, each a part of it")
    for number, voice in enumerate(voices, 1):
        if not voice.is_melody:
            raise InputError(
                name,
                f"{voice.name or f'voice {number}'} sounds several notes at once",
                "write each voice as a part of its own",
            )


def _cantus_index(voices: Sequence[Voice], sheet: Sheet, position: str | None) -> int:
    """Which voice is the cantus: named so, else of equal notes that end like one."""
    even = [index for index, voice in enumerate(voices) if has_equal_notes(voice)]
    if not even:
        raise InputError(
            sheet.name, "no voice has notes of one length", "give the cantus in equal long notes"
        )
    slowest = max(voices[index].tones[0].length for index in even)
    even = [index for index in even if voices[index].tones[0].length == slowest]

    def order(index: int) -> tuple[int, int, float]:
        name = voices[index].name.lower().replace(".", "")
        named = "cantus" in name or name.split()[:1] == ["cf"]
        try:
            pitches = Cantus.of(voices[index], sheet.name, sheet.key).pitches
            likeness = 2 if pitches[-2] > pitches[-1] else 1
        except InputError:
            likeness = 0
        height = _mean_pitch(voices[index])
        return (named, likeness, height if position == "below" else -height)

    return max(even, key=order)


def _mean_pitch(voice: Voice) -> float:
    return sum(tone.pitch for tone in voice.tones) / len(voice.tones)


def mean_pitch(line: Line) -> float:
    return float(sum(n.pitch * n.length for n in line) / sum(n.length for n in line))


def whole_notes(pitches: Sequence[int]) -> Line:
    bars = range(len(pitches))
    return tuple(LineNote(Fraction(_BAR * i), Fraction(_BAR), pitches[i]) for i in bars)


def _line_of_voice(voice: Voice, cantus: Cantus) -> Line:
    """A voice in white notes and quarters of a bar; the last bar has no end of its own."""
    end = Fraction(_BAR * len(cantus.pitches))
    notes = []
    for tone in voice.tones:
        start, stop = cantus.bars(tone.start), cantus.bars(tone.end)
        if start < 0 or start >= end:
            raise InputError(
                cantus.name, "a voice sounds outside the cantus", "let them begin and end together"
            )
        if start >= end - _BAR and stop > end:
            stop = end
        notes.append(LineNote(start, stop - start, tone.pitch + cantus.shift))
    return tuple(notes)


def _species(line: Line, n_bars: int) -> int:
    """Species whose note values a line has."""
    inner = [note for note in line if note.bar < n_bars - 1]
    lengths = {note.length for note in inner}
    ties = any(note.is_tied for note in inner)
    if lengths <= {4} and not ties:
        return FIRST
    if lengths <= {1}:
        return THIRD
    if min(lengths) < 2:
        quarters = sum(note.length == 1 for note in inner)
        return THIRD if quarters >= 0.9 * len(inner) and min(lengths) == 1 else FIFTH
    return FOURTH if ties else SECOND


# --- two voices ---------------------------------------------------------------------------------


def breaches(cantus: Cantus, line: Line, species: int, position: Position) -> tuple[Breach, ...]:
    """Breaches of a line against a cantus."""
    sheet = _TwoVoices(cantus, line, species, position)
    found = [*line_breaches(cantus, line, species, ""), *sheet.found()]
    return sort_breaches(found, species)


def sort_breaches(found: Sequence[Breach], species: int) -> tuple[Breach, ...]:
    once: dict[tuple[int, str], Breach] = {}
    for breach in found:
        if species in rules.rule_named(breach.rule).species:
            once.setdefault((breach.bar, breach.rule), breach)
    return tuple(sorted(once.values()))


@dataclass(frozen=True)
class _TwoVoices:
    cantus: Cantus
    line: Line
    species: int
    position: Position

    def found(self) -> Iterator[Breach]:
        if not self.line:
            return
        yield from self.ends()
        yield from self.strong_beats()
        yield from self.weak_beats()
        yield from self.motion()
        yield from self.hidden_parallels()
        yield from self.places()
        if self.species == FIRST:
            yield from self.first_species()
        yield from rhythm_breaches(self.line, self.species, len(self.pitches))

    @property
    def pitches(self) -> tuple[int, ...]:
        return self.cantus.pitches

    def name(self, pitch: int) -> str:
        return rules.pitch_name(pitch, self.cantus.fifths)

    def against(self, bar: int, pitch: int) -> str:
        side = "over" if pitch >= self.pitches[bar] else "under"
        return f"{self.name(pitch)} {side} {self.name(self.pitches[bar])}"

    def interval_words(self, bar: int, pitch: int) -> str:
        return f"{self.against(bar, pitch)} is {with_article(rules.interval_name(self.pitches[bar], pitch))}"

    def consonant(self, note: LineNote) -> bool:
        return rules.is_consonant(self.pitches[note.bar], note.pitch)

    def note_at(self, place: int) -> LineNote | None:
        return next((note for note in self.line if note.start == place), None)

    def tied_over(self, bar: int) -> LineNote | None:
        return next((n for n in self.line if n.start < _BAR * bar < n.end), None)

    def ends(self) -> Iterator[Breach]:
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
            struck = self.note_at(_BAR * bar)
            if struck and not self.consonant(struck):
                yield Breach(bar + 1, "consonance", self.interval_words(bar, struck.pitch))
            if struck and struck.pitch == self.pitches[bar]:
                yield Breach(bar + 1, "unison", f"a unison on {self.name(struck.pitch)}")
            tied = self.tied_over(bar)
            if tied and not rules.is_consonant(self.pitches[bar], tied.pitch):
                yield from self.suspension(bar, tied)

    def suspension(self, bar: int, tied: LineNote) -> Iterator[Breach]:
        resolution = self.note_at(_BAR * bar + 2)
        between = [n for n in self.line if _BAR * bar < n.start < _BAR * bar + 2]
        cantus = self.pitches[bar]
        falls = resolution is not None and rules.resolves(cantus, tied.pitch, resolution.pitch)
        if resolution is None or not falls or not self.is_decorated(between, resolution):
            after = resolution.pitch if resolution else (between[0].pitch if between else None)
            to = "nothing on the third beat" if after is None else self.name(after)
            yield Breach(
                bar + 1,
                "resolution",
                f"{self.interval_words(bar, tied.pitch)} and goes to {to}",
            )

    def is_decorated(self, between: Sequence[LineNote], resolution: LineNote) -> bool:
        lengths = [note.length for note in between]
        if not between:
            return True
        if self.species != FIFTH:
            return False
        if lengths == [1]:
            return self.consonant(between[0])
        return (
            lengths == [Fraction(1, 2)] * 2
            and between[0].pitch == resolution.pitch
            and between[1].pitch < resolution.pitch
            and rules.is_step(between[1].pitch, resolution.pitch)
        )

    def weak_beats(self) -> Iterator[Breach]:
        for index, note in enumerate(self.line):
            if index == 0 or note.beat == 0 or self.consonant(note):
                continue
            if note.is_tied:
                yield Breach(
                    note.bar + 1,
                    "preparation",
                    f"{self.interval_words(note.bar, note.pitch)} where it is struck, and is tied on",
                )
            elif not self.is_ornament(index):
                yield Breach(
                    note.bar + 1,
                    "dissonance",
                    f"{self.interval_words(note.bar, note.pitch)} and neither passes nor turns by step",
                )

    def is_ornament(self, index: int) -> bool:
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
        return self.cambiata(index) or self.is_double_neighbour(index)

    def cambiata(self, index: int) -> bool:
        four = self.line[index - 1 : index + 3]
        if len(four) < 4 or four[0].beat not in (0, 2) or four[1].length != 1:
            return False
        one, two, three, last = (note.pitch for note in four)
        return (
            rules.is_consonant(self.pitches[four[1].bar], one)
            and self.consonant(four[2])
            and rules.is_step(one, two)
            and two < one
            and rules.steps_between(two, three) == -2
            and rules.is_step(three, last)
            and last > three
        )

    def is_double_neighbour(self, index: int) -> bool:
        start = self.line[index].bar * _BAR
        four = [note for note in self.line if start <= note.start < start + _BAR]
        if [note.beat for note in four] != [0, 1, 2, 3] or not self.consonant(four[0]):
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
                yield from self.between(bar, 0)
            tied = self.tied_over(bar)
            if tied and not rules.is_consonant(self.pitches[bar], tied.pitch):
                yield from self.between(bar, 2)

    def between(self, bar: int, beat: int) -> Iterator[Breach]:
        """Parallels between the same beats of two neighbouring bars."""
        one, two = self.note_at(_BAR * (bar - 1) + beat), self.note_at(_BAR * bar + beat)
        if not one or not two:
            return
        pair = (self.pitches[bar - 1], one.pitch)
        following = (self.pitches[bar], two.pitch)
        rule_broken = rules.parallel(pair, following)
        if rule_broken and self.species == SECOND:
            weak = self.note_at(_BAR * (bar - 1) + 2)
            if weak and abs(rules.steps_between(one.pitch, weak.pitch)) >= 3:
                return
        if rule_broken:
            yield self.motion_breach(bar, rule_broken, pair, following)

    def places(self) -> Iterator[Breach]:
        for note in self.line:
            last = min(int(-(-note.end // _BAR)), len(self.pitches))
            for bar in range(note.bar, last):
                cantus = self.pitches[bar]
                if abs(note.pitch - cantus) > rules.MAX_DISTANCE:
                    words = f"{self.interval_words(bar, note.pitch)}; a twelfth is the most"
                    yield Breach(bar + 1, "distance", words)
                if is_crossed(cantus, note.pitch, self.position):
                    words = f"the counterpoint crosses the cantus: {self.against(bar, note.pitch)}"
                    yield Breach(bar + 1, "crossing", words)
                for other in range(max(bar - 1, 0), min(bar + 2, len(self.pitches))):
                    if rules.is_false_relation(self.pitches[other], note.pitch):
                        words = f"{self.name(note.pitch)} against {self.name(self.pitches[other])}"
                        yield Breach(max(bar, other) + 1, "false-relation", words)

    def first_species(self) -> Iterator[Breach]:
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
            if any(is_crossed(*chord, self.position) for chord in (pair, following)):
                continue
            if sign * (following[1] - pair[0]) < 0:
                words = f"the counterpoint's {self.name(following[1])} goes beyond the cantus' last"
                yield Breach(bar + 1, "overlap", f"{words} note, {self.name(pair[0])}")
            if sign * (pair[1] - following[0]) < 0:
                words = f"the cantus' {self.name(following[0])} goes beyond the counterpoint's last"
                yield Breach(bar + 1, "overlap", f"{words} note, {self.name(pair[1])}")


def with_article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeio" else f"a {noun}"


def is_crossed(cantus: int, pitch: int, position: Position) -> bool:
    return pitch < cantus if position == "above" else pitch > cantus


def motion_words(
    cantus: Cantus, pair: tuple[int, int], following: tuple[int, int], voices: str
) -> str:
    chords = (
        "-".join(rules.pitch_name(pitch, cantus.fifths) for pitch in sorted(chord))
        for chord in (pair, following)
    )
    return " to ".join(chords) + f" between {voices}"


def cadence_breaches(cantus: Cantus, before: int, last: int, ends_well: bool) -> Iterator[Breach]:
    required = rules.leading_note(cantus.pitches[-2], cantus.final)
    if before % 12 != required or (ends_well and not rules.is_step(before, last)):
        names = (
            rules.pitch_name(pitch, cantus.fifths) for pitch in (before, required, cantus.final)
        )
        words = "{} before the end; {} has to lead to {} by step".format(*names)
        yield Breach(len(cantus.pitches) - 1, "cadence", words)


# --- one line -----------------------------------------------------------------------------------


def line_breaches(cantus: Cantus, line: Line, species: int, voice: str) -> Iterator[Breach]:
    prefix = f"{voice}: " if voice else ""

    def breach(note: LineNote, rule: str, words: str) -> Breach:
        return Breach(note.bar + 1, rule, prefix + words)

    def name(pitch: int) -> str:
        return rules.pitch_name(pitch, cantus.fifths)

    n_bars = len(cantus.pitches)
    for note in line:
        if not rules.in_mode(note.pitch, cantus.final, before_last=note.bar == n_bars - 2):
            yield breach(note, "mode", f"{name(note.pitch)} is not in {cantus.mode}")
    equal = 1
    max_repeated = rules.MAX_REPEATED if species == FIRST else 1
    for one, two in pairwise(line):
        equal = equal + 1 if one.pitch == two.pitch else 1
        if equal > max_repeated:
            yield breach(two, "repetition", f"{name(two.pitch)} is struck again")
        if one.pitch != two.pitch and not rules.may_follow(one.pitch, two.pitch):
            size = rules.interval_name(one.pitch, two.pitch)
            direction = "up" if two.pitch > one.pitch else "down"
            yield breach(two, "leap", f"{name(one.pitch)}-{name(two.pitch)}, a {size} {direction}")
    low = high = line[0].pitch if line else 0
    for note in line:
        was_within = high - low <= rules.max_range(species)
        low, high = min(low, note.pitch), max(high, note.pitch)
        if was_within and high - low > rules.max_range(species):
            words = f"{name(low)} to {name(high)} is {with_article(rules.interval_name(low, high))}"
            yield breach(note, "range", words)
    yield from (breach(*found) for found in _shape(line, name))


def _shape(line: Line, name: Callable[[int], str]) -> Iterator[tuple[LineNote, str, str]]:
    moves = [note for i, note in enumerate(line) if i == 0 or note.pitch != line[i - 1].pitch]
    pitches = [note.pitch for note in moves]
    turn = 0
    for i in range(1, len(moves)):
        one, two = pitches[i - 1], pitches[i]
        after = pitches[i + 1] if i + 1 < len(pitches) else None
        last = moves[i].end == line[-1].end
        goes_on = after is not None and not last and not rules.is_turn(one, two, after)
        if goes_on and rules.must_turn(one, two):
            words = f"after {name(one)}-{name(two)} the line goes on"
            yield moves[i], "leap-recovery", words
        if after is not None and rules.leaps_too_far(one, two, after):
            words = f"{name(one)}-{name(two)}-{name(after)} is more than an octave"
            yield moves[i + 1], "leaps-running", words
        four = pitches[i - 1 : i + 3]
        if len(four) == 4 and rules.leaps_on(*four[:3]) and rules.leaps_on(*four[1:]):
            words = "three leaps: " + "-".join(name(pitch) for pitch in four)
            yield moves[i + 2], "leaps-running", words
        if after is None or rules.is_turn(one, two, after):
            if rules.outlines_tritone(pitches[turn], two, after):
                words = f"the line runs from {name(pitches[turn])} to {name(two)}, a tritone"
                yield moves[i], "tritone", words
            turn = i


# --- rhythm -------------------------------------------------------------------------------------


def rhythm_breaches(line: Line, species: int, n_bars: int) -> Iterator[Breach]:
    parts = _bars(line, n_bars)
    for bar, lengths in enumerate(parts):
        if not _rhythm_fits(line, parts, bar, species):
            rhythm = " ".join(f"{length:g}" for length in lengths) or "nothing"
            words = f"{rhythm} (in quarters of a bar) is no rhythm of species {species}"
            yield Breach(bar + 1, "rhythm", words)
    ties = {note.bar + 1 for note in line if note.is_tied}
    if species == FOURTH:
        for bar in range(2, n_bars - 1):
            if bar not in ties and bar - 1 not in ties:
                yield Breach(bar + 1, "ligature", "a second bar line without a tie")
    if species != FIFTH:
        return
    for index, note in enumerate(line):
        if note.length != Fraction(1, 2):
            continue
        for other in line[max(index - 1, 0) : index + 2 : 2] if index else line[1:2]:
            if not rules.is_step(note.pitch, other.pitch):
                yield Breach(note.bar + 1, "eighths", "an eighth is reached or left by leap")
    for bar in range(2, n_bars - 1):
        if parts[bar] == parts[bar - 1] == parts[bar - 2]:
            yield Breach(bar + 1, "variety", "the same rhythm for the third time running")


def _bars(line: Line, n_bars: int) -> list[tuple[float, ...]]:
    """Lengths that sound in each bar, cut at the bar lines; a rest has none."""
    parts: list[list[float]] = [[] for _ in range(n_bars)]
    for note in line:
        for bar in range(note.bar, n_bars):
            begin = max(note.start, Fraction(_BAR * bar))
            end = min(note.end, Fraction(_BAR * (bar + 1)))
            if end > begin:
                parts[bar].append(float(end - begin))
    return [tuple(lengths) for lengths in parts]


def _rhythm_fits(line: Line, parts: Sequence[tuple[float, ...]], bar: int, species: int) -> bool:
    lengths, n_bars = parts[bar], len(parts)
    tied = any(note.start < _BAR * bar < note.end for note in line)
    tied_on = any(note.start < _BAR * (bar + 1) < note.end for note in line)
    rest = _BAR - sum(lengths)
    begins = min((note.start for note in line if note.bar == bar), default=None)
    if rest and (bar > 0 or begins != rest or (bar + 1 == n_bars)):
        return False
    if bar + 1 == n_bars:
        return lengths == (4,) and not tied
    if species == FIRST:
        return lengths == (4,) and not tied and not tied_on
    if species == THIRD:
        return lengths == (1,) * (4 - int(rest)) and rest in (0, 1) and not tied and not tied_on
    if species in (SECOND, FOURTH):
        if (tied or tied_on) and species == SECOND:
            return False
        if lengths == (4,):
            return bar + 2 == n_bars and not tied_on
        return lengths == (2,) * (2 - int(rest) // 2) and rest in (0, 2)
    return _florid_fits(lengths, rest, tied, tied_on, bar + 2 == n_bars)


def _florid_fits(
    lengths: tuple[float, ...], rest: float, tied: bool, tied_on: bool, before_last: bool
) -> bool:
    if rest:
        lengths = (rest, *lengths)
        if rest != 2:
            return False
    bound = rules.FLORID.get(lengths)
    if bound is None or (tied and lengths[0] not in (1, 2)):
        return False
    if tied_on and lengths[-1] != 2:
        return False
    return tied_on or not bound or before_last


# --- three voices -------------------------------------------------------------------------------


def three_voice_breaches(
    cantus: Cantus, lines: Sequence[Line], position: Position
) -> tuple[Breach, ...]:
    """Breaches of two lines against a cantus, first species."""
    found: list[Breach] = []
    n_bars = len(cantus.pitches)
    names = ("the upper counterpoint", "the lower counterpoint")
    for line, name in zip(lines, names, strict=True):
        found += line_breaches(cantus, line, FIRST, name)
        found += rhythm_breaches(line, FIRST, n_bars)
    found += _three_cadence(cantus, lines)
    by_bar = [{note.bar: note.pitch for note in line} for line in lines]
    full = [bar for bar in range(n_bars) if all(bar in line for line in by_bar)]
    chords: dict[int, tuple[int, int, int]] = {}
    for bar in full:
        high, low = (line[bar] for line in by_bar)
        at = cantus.pitches[bar]
        chords[bar] = (at, low, high) if position == "above" else (low, high, at)
    voices = ("cantus", *names[::-1]) if position == "above" else (*names[::-1], "cantus")
    for bar, chord in chords.items():
        found += chord_breaches(cantus, bar, chord, voices)
        if bar - 1 in chords:
            found += motion_breaches(cantus, bar, chords[bar - 1], chord, voices)
    return sort_breaches(found, FIRST)


def _three_cadence(cantus: Cantus, lines: Sequence[Line]) -> list[Breach]:
    each = [
        list(cadence_breaches(cantus, line[-2].pitch, line[-1].pitch, True))
        for line in lines
        if len(line) > 1
    ]
    good = any(not found for found in each)
    return [] if good or not each else [replace(each[0][0], words="no voice has the leading note")]


def chord_breaches(
    cantus: Cantus, bar: int, chord: tuple[int, int, int], voices: Sequence[str] = "123"
) -> Iterator[Breach]:
    """Breaches of one chord of three voices."""
    names = [rules.pitch_name(pitch, cantus.fifths) for pitch in chord]
    low, middle, high = chord
    at_end = bar in (0, len(cantus.pitches) - 1)
    if at_end:
        rule = "ending" if bar else "opening"
        thirds = (4,) if bar else (3, 4)
        if (low - cantus.final) % 12 or any(
            (pitch - low) % 12 not in (0, 7, *thirds) for pitch in (middle, high)
        ):
            yield Breach(bar + 1, rule, f"{'-'.join(names)} is no chord for it")
    else:
        for pitch, name in ((middle, names[1]), (high, names[2])):
            if not rules.is_consonant(low, pitch):
                words = f"{name} is {with_article(rules.interval_name(low, pitch))} over the lowest voice"
                yield Breach(bar + 1, "consonance", words)
        steps = abs(rules.steps_between(middle, high)) % 7
        if not rules.is_consonant(middle, high) and abs(high - middle) % 12 not in (5, 6):
            words = f"{names[1]}-{names[2]} is a dissonance between the upper voices"
            yield Breach(bar + 1, "consonance", words)
        elif abs(high - middle) % 12 in (5, 6) and steps not in (3, 4):
            words = f"{names[1]}-{names[2]} is a chromatic interval"
            yield Breach(bar + 1, "consonance", words)
        for one, two in combinations(range(3), 2):
            if chord[one] == chord[two]:
                yield Breach(bar + 1, "unison", f"{voices[one]} and {voices[two]} on {names[one]}")
    if high - middle > rules.MAX_DISTANCE_ABOVE or middle - low > rules.MAX_DISTANCE:
        yield Breach(bar + 1, "distance", f"{'-'.join(names)} lie too far apart")
    if not low <= middle <= high:
        yield Breach(bar + 1, "crossing", f"{'-'.join(names)}: voices cross")
    for one, two in combinations(range(3), 2):
        if rules.is_false_relation(chord[one], chord[two]):
            yield Breach(bar + 1, "false-relation", f"{names[one]} against {names[two]}")


def motion_breaches(
    cantus: Cantus,
    bar: int,
    chord: tuple[int, int, int],
    following: tuple[int, int, int],
    voices: Sequence[str] = "123",
) -> Iterator[Breach]:
    """Breaches between two chords of three voices."""
    for one, two in combinations(range(3), 2):
        pair, after = (chord[one], chord[two]), (following[one], following[two])
        rules_broken = [rules.parallel(pair, after)]
        if (one, two) == (0, 2):
            rules_broken.append(rules.direct(pair, after))
        for rule in rules_broken:
            if rule:
                between = f"{voices[one]} and {voices[two]}"
                yield Breach(bar + 1, rule, motion_words(cantus, pair, after, between))
        for a, b in ((one, two), (two, one)):
            if rules.is_false_relation(chord[a], following[b]):
                names = [rules.pitch_name(p, cantus.fifths) for p in (chord[a], following[b])]
                yield Breach(bar + 1, "false-relation", " then ".join(names))


def sheet_of(cantus: Cantus, lines: Sequence[Line], position: Position, template: Sheet) -> Sheet:
    """Sheet of a cantus and its counterpoint, where the cantus really is."""
    unit = cantus.length / _BAR
    end = _BAR * (len(cantus.pitches) - 1)

    def tones(line: Line, shift: int) -> tuple[Tone, ...]:
        return tuple(
            Tone(
                cantus.start + note.start * unit,
                cantus.last if note.start == end else note.length * unit,
                note.pitch - shift,
            )
            for note in line
        )

    number = ("",) if len(lines) == 1 else (" I", " II")
    added = [
        Voice(tones(line, cantus.shift), f"Counterpoint{suffix}")
        for line, suffix in zip(lines, number, strict=True)
    ]
    own = Voice(tones(whole_notes(cantus.pitches), cantus.shift), "Cantus")
    voices = (*added, own) if position == "above" else (own, *added)
    return replace(template, voices=voices)
