"""The rules of species counterpoint, and the predicates that they are made of.

Everything here is about white notes: a cantus is moved to one of the modes on D, E, F, G, A or C
first (`cambiata.counterpoint.cantus`), so that a black note can be spelled. `docs/counterpoint.md`
says which textbook each rule is from. The checker and the solver both use these predicates; the
referee in `cambiata.evaluate` uses none of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

FIRST, SECOND, THIRD, FOURTH, FIFTH = SPECIES = (1, 2, 3, 4, 5)
# Semitones; docs/counterpoint.md has each rule's textbook.
MAX_DISTANCE = 19  # a twelfth, between the voices
MAX_DISTANCE_ABOVE = 12  # between the upper two of three voices
TENTH = 16
MAX_REPEATED = 2  # notes running of one pitch in first species
MAX_IMPERFECT = 3  # thirds or sixths running
LEAD_MODES = (2, 7, 9)  # finals whose seventh is raised at the end: D, G, A
FLAT_MODES = (2, 5)  # finals whose mode may have B flat: D, F

B_FLAT, B_NATURAL = 10, 11  # pitch classes
# Diatonic steps of each pitch class above C, spelled C#, Eb, F#, G#, Bb.
_STEPS = (0, 0, 1, 2, 2, 3, 3, 4, 4, 5, 6, 6)
_FIFTHS = (0, 7, 2, -3, 4, -1, 6, 1, 8, 3, -2, 5)  # of each pitch class, from C
_WHITE = frozenset((0, 2, 4, 5, 7, 9, 11))
# Intervals as (diatonic steps, semitones), within an octave.
_CONSONANT = frozenset(((0, 0), (2, 3), (2, 4), (4, 7), (5, 8), (5, 9)))
_LEAPS = frozenset(((2, 3), (2, 4), (3, 5), (4, 7), (7, 12)))
_INTERVALS = (
    *("unison", "second", "third", "fourth", "fifth", "sixth", "seventh", "octave"),
    *("ninth", "tenth", "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth"),
)


@dataclass(frozen=True)
class Rule:
    """A rule that a teacher would name."""

    name: str  # as breaches of it are marked
    sentence: str  # its demand
    species: tuple[int, ...] = SPECIES  # that it holds in


_LATER = (SECOND, THIRD, FOURTH, FIFTH)

RULES = (
    Rule("consonance", "strong beats are consonant"),
    Rule("dissonance", "a dissonance off the strong beat passes or turns by step", _LATER),
    Rule("preparation", "a note tied over the bar line is struck as a consonance", (4, 5)),
    Rule("resolution", "a tied dissonance falls by step to an imperfect consonance", (4, 5)),
    Rule("opening", "it begins with a perfect consonance; below, with a unison or octave"),
    Rule("ending", "it ends on a unison or octave"),
    Rule("cadence", "the final is reached by step, against the cantus, from the leading note"),
    Rule("parallel-fifths", "no two fifths running"),
    Rule("parallel-octaves", "no two octaves or unisons running"),
    Rule("direct-fifths", "no fifth is reached in similar motion"),
    Rule("direct-octaves", "no octave or unison is reached in similar motion"),
    Rule("unison", "no unison on a strong beat but at the ends", (1, 2, 3, 5)),
    Rule("imperfect-run", "at most three thirds or sixths running in one direction", (1,)),
    Rule("distance", "voices stay within a twelfth"),
    Rule("crossing", "voices do not cross"),
    Rule("overlap", "no voice goes beyond where the other has just been", (1,)),
    Rule("false-relation", "no B flat against a B natural in the same bar or the next"),
    Rule("mode", "notes of the mode, B flat on D and F, the leading note at the end"),
    Rule("leap", "steps, thirds, perfect fourths, fifths and octaves, minor sixths upwards"),
    Rule("leap-recovery", "after a sixth or octave the line turns back"),
    Rule("leaps-running", "no three leaps in one direction, no two beyond an octave"),
    Rule("tritone", "no run from turn to turn spans a tritone"),
    Rule("repetition", "no note is struck twice running; in first species, three times"),
    Rule("range", "the line stays within a tenth; in third and fifth species, a twelfth"),
    Rule("rhythm", "the note values of the species"),
    Rule("ligature", "halves are tied over the bar line, at least over every other", (4,)),
    Rule("eighths", "eighths are reached and left by step", (5,)),
    Rule("variety", "no rhythm in three bars running", (5,)),
)


def rule_named(name: str) -> Rule:
    """Rule of a name."""
    return {rule.name: rule for rule in RULES}[name]


def pitch_name(pitch: int, fifths: int = 0) -> str:
    """Name of a pitch, without its octave."""
    fifths_above_f = _FIFTHS[pitch % 12] + fifths + 1
    accidentals = fifths_above_f // 7
    return "FCGDAEB"[fifths_above_f % 7] + ("#" * accidentals or "b" * -accidentals)


def is_white(pitch: int) -> bool:
    """Whether a pitch has no accidental."""
    return pitch % 12 in _WHITE


@cache
def steps_between(low: int, high: int) -> int:
    """Diatonic steps from one pitch to another."""
    return 7 * (high // 12 - low // 12) + _STEPS[high % 12] - _STEPS[low % 12]


def interval_name(one: int, other: int) -> str:
    """Name of the interval between two pitches."""
    steps = abs(steps_between(one, other))
    return _INTERVALS[steps] if steps < len(_INTERVALS) else f"{steps + 1}th"


@cache
def is_consonant(one: int, other: int) -> bool:
    """Whether two pitches are a consonance; a fourth is none."""
    low, high = min(one, other), max(one, other)
    return (steps_between(low, high) % 7, (high - low) % 12) in _CONSONANT


def is_fifth(one: int, other: int) -> bool:
    """Whether two pitches are a perfect fifth or its compound."""
    return abs(one - other) % 12 == 7 and is_consonant(one, other)


def is_octave(one: int, other: int) -> bool:
    """Whether two pitches are a unison, an octave or its compound."""
    return (one - other) % 12 == 0


@cache
def is_imperfect(one: int, other: int) -> bool:
    """Whether two pitches are a third, a sixth or a compound of these."""
    return is_consonant(one, other) and not is_fifth(one, other) and not is_octave(one, other)


@cache
def is_step(one: int, other: int) -> bool:
    """Whether a line goes from one pitch to the other by step."""
    return abs(steps_between(one, other)) == 1 and 1 <= abs(other - one) <= 2


def is_leap(one: int, other: int) -> bool:
    """Whether a line goes by more than a step."""
    return one != other and not is_step(one, other)


@cache
def may_follow(one: int, other: int) -> bool:
    """Whether a line may go from one pitch to another that differs (rule "leap")."""
    steps, size = steps_between(one, other), other - one
    if is_step(one, other) or (steps, size) == (5, 8):
        return True
    return steps * size > 0 and (abs(steps), abs(size)) in _LEAPS


def must_turn(one: int, other: int) -> bool:
    """Whether a line has to turn back after a leap (rule "leap-recovery")."""
    return may_follow(one, other) and abs(other - one) in (8, 12)


def is_turn(one: int, two: int, three: int) -> bool:
    """Whether a line goes back after its second note."""
    return (two - one) * (three - two) < 0


def leaps_too_far(one: int, two: int, three: int) -> bool:
    """Whether two leaps in one direction make more than an octave."""
    return leaps_on(one, two, three) and abs(three - one) > 12


@cache
def leaps_on(one: int, two: int, three: int) -> bool:
    """Whether two leaps go in one direction."""
    return is_leap(one, two) and is_leap(two, three) and (two - one) * (three - two) > 0


@cache
def outlines_tritone(turn: int, peak: int, after: int | None) -> bool:
    """Whether a run in one direction spans a tritone."""
    steps, size = abs(steps_between(turn, peak)), abs(peak - turn)
    if size != 6:
        return False
    return steps == 3 or after is None or not is_step(peak, after)


@cache
def parallel(pair: tuple[int, int], following: tuple[int, int]) -> str | None:
    """Rule that two chords breach as parallels."""
    if pair[0] == following[0] or pair[1] == following[1]:
        return None
    if is_fifth(*pair) and is_fifth(*following):
        return "parallel-fifths"
    if is_octave(*pair) and is_octave(*following):
        return "parallel-octaves"
    return None


@cache
def direct(pair: tuple[int, int], following: tuple[int, int]) -> str | None:
    """Rule that two chords breach as direct motion; parallels are not marked again."""
    if parallel(pair, following) or not is_similar(pair, following):
        return None
    if is_fifth(*following):
        return "direct-fifths"
    return "direct-octaves" if is_octave(*following) else None


@cache
def is_similar(pair: tuple[int, int], following: tuple[int, int]) -> bool:
    """Whether two voices move in one direction."""
    return (following[0] - pair[0]) * (following[1] - pair[1]) > 0


def resolves(cantus: int, suspended: int, falls_to: int) -> bool:
    """Whether a suspension resolves as it should."""
    if not (is_step(suspended, falls_to) and falls_to < suspended):
        return False
    if is_imperfect(cantus, falls_to):
        return True
    if falls_to < cantus:
        return is_fifth(cantus, falls_to)
    return is_octave(cantus, falls_to) and falls_to > cantus


def opens(cantus: int, pitch: int) -> bool:
    """Whether a counterpoint may begin with a pitch."""
    return is_octave(cantus, pitch) or (pitch > cantus and is_fifth(cantus, pitch))


def leading_note(before: int, final: int) -> int:
    """Pitch class from which a counterpoint reaches the final."""
    if before > final:
        return (final - (2 if final % 12 == 4 else 1)) % 12
    return (final + (1 if final % 12 == 4 else 2)) % 12


def in_mode(pitch: int, final: int, *, before_last: bool) -> bool:
    """Whether a mode has a pitch."""
    if is_white(pitch):
        return True
    if pitch % 12 == B_FLAT:
        return final % 12 in FLAT_MODES
    if not before_last or final % 12 not in LEAD_MODES:
        return False
    return (pitch - final) % 12 == 11 or (final % 12 == 9 and pitch % 12 == 6)


def is_false_relation(one: int, other: int) -> bool:
    """Whether two pitches are B flat and B natural."""
    return {one % 12, other % 12} == {B_FLAT, B_NATURAL}


def max_range(species: int) -> int:
    """Semitones that a line may span."""
    return MAX_DISTANCE if species in (THIRD, FIFTH) else TENTH


_QUARTERS = (1.0, 1.0, 1.0, 1.0)
# Lengths in quarters of a florid bar, and whether its last half has to be tied on.
_PLAIN = (
    ((2.0, 2.0), False),
    ((2.0, 1.0, 1.0), False),
    ((3.0, 1.0), False),
    (_QUARTERS, False),
    ((1.0, 1.0, 2.0), True),
)


def _with_eighths() -> Iterable[tuple[tuple[float, ...], bool]]:
    """Bars of `_PLAIN`, and each with a quarter on the second or fourth beat as two eighths."""
    for lengths, must_tie in _PLAIN:
        yield lengths, must_tie
        begin = 0.0
        for index, length in enumerate(lengths):
            if length == 1 and begin in (1, 3):
                yield (*lengths[:index], 0.5, 0.5, *lengths[index + 1 :]), must_tie
            begin += length


FLORID = dict(_with_eighths())
"""Rhythms of a bar of fifth species, and whether the last half of each has to be tied on."""
