"""Breaches of the rules of one voice by itself: its pitches, its shape and its rhythm."""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise

from cambiata.counterpoint import rules
from cambiata.counterpoint.cantus import Cantus
from cambiata.counterpoint.rules import FIFTH, FIRST, FOURTH, SECOND, THIRD
from cambiata.counterpoint.worksheet import BAR, Breach, Line, LineNote


def line_breaches(cantus: Cantus, line: Line, species: int, voice: str) -> Iterator[Breach]:
    """Breaches of the rules of a line's pitches: mode, leaps, range, shape."""
    prefix = f"{voice}: " if voice else ""

    def breach(note: LineNote, rule: str, words: str) -> Breach:
        return Breach(note.bar + 1, rule, prefix + words)

    def name(pitch: int) -> str:
        return cantus.name_of(pitch)

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
    yield from (breach(*place) for place in _shape(line, name))


def _shape(line: Line, name: Callable[[int], str]) -> Iterator[tuple[LineNote, str, str]]:
    """Where a line does not turn, leaps on or runs through a tritone: note, rule and words."""
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


def rhythm_breaches(line: Line, species: int, n_bars: int) -> Iterator[Breach]:
    """Breaches of the rules of a line's note values, ties and eighths."""
    parts = _bars(line, n_bars)
    for bar, lengths in enumerate(parts):
        if not _rhythm_fits(line, parts, bar, species):
            rhythm = " ".join(f"{length:g}" for length in lengths) or "nothing"
            words = f"{rhythm} (in quarters of a bar) is not a rhythm of species {species}"
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
            begin = max(note.start, Fraction(BAR * bar))
            end = min(note.end, Fraction(BAR * (bar + 1)))
            if end > begin:
                parts[bar].append(float(end - begin))
    return [tuple(lengths) for lengths in parts]


def _rhythm_fits(line: Line, parts: Sequence[tuple[float, ...]], bar: int, species: int) -> bool:
    """Whether a bar's note values, rests and ties are those of the species."""
    lengths, n_bars = parts[bar], len(parts)
    tied = any(note.start < BAR * bar < note.end for note in line)
    tied_on = any(note.start < BAR * (bar + 1) < note.end for note in line)
    rest = BAR - sum(lengths)
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
    """Whether a bar of fifth species has one of the rhythms of `rules.FLORID`."""
    if rest:
        lengths = (rest, *lengths)
        if rest != 2:
            return False
    must_tie = rules.FLORID.get(lengths)
    if must_tie is None or (tied and lengths[0] not in (1, 2)):
        return False
    if tied_on and lengths[-1] != 2:
        return False
    return tied_on or not must_tie or before_last


def cadence_breaches(cantus: Cantus, before: int, last: int, ends_well: bool) -> Iterator[Breach]:
    """Breach of the rule that the final is reached by step from the leading note."""
    required = rules.leading_note(cantus.pitches[-2], cantus.final)
    if before % 12 != required or (ends_well and not rules.is_step(before, last)):
        # Which octave the leading note lies in is free.
        wanted, final = (rules.pitch_name(p, cantus.fifths) for p in (required, cantus.final))
        words = f"{cantus.name_of(before)} before the end; {wanted} has to lead to {final} by step"
        yield Breach(len(cantus.pitches) - 1, "cadence", words)


def motion_words(
    cantus: Cantus, pair: tuple[int, int], following: tuple[int, int], voices: str
) -> str:
    """Two intervals running, in words."""
    chords = (
        "-".join(cantus.name_of(pitch) for pitch in sorted(chord)) for chord in (pair, following)
    )
    return " to ".join(chords) + f" between {voices}"


def with_article(noun: str) -> str:
    """A noun with its article."""
    return f"an {noun}" if noun[0] in "aeio" else f"a {noun}"


def sort_breaches(breaches: Sequence[Breach], species: int) -> tuple[Breach, ...]:
    """Breaches of a species' rules in the order of their bars, each rule once a bar."""
    once: dict[tuple[int, str], Breach] = {}
    for breach in breaches:
        if species in rules.rule_named(breach.rule).species:
            once.setdefault((breach.bar, breach.rule), breach)
    return tuple(sorted(once.values()))
