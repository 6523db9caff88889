"""The rules of species counterpoint: their names and reasons, and what they are made of.

Everything here is about white notes: a cantus is moved to one of the modes on D, E, F, G, A or C
first (`cambiata.counterpoint.cantus`), so that a black note can be spelled. `docs/counterpoint.md`
says which textbook each rule is from. The checker and the solver both use these predicates; the
referee in `cambiata.evaluate` uses none of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

FIRST, SECOND, THIRD, FOURTH, FIFTH = SPECIES = (1, 2, 3, 4, 5)
MAX_DISTANCE = 19  # semitones of a twelfth
MAX_DISTANCE_ABOVE = 12  # between the upper two of three voices
TENTH = 16
MAX_REPEATED = 2  # notes running of one pitch in first species
MAX_IMPERFECT = 3  # thirds or sixths running
LEAD_MODES = (2, 7, 9)  # finals whose seventh is raised at the end: D, G, A
FLAT_MODES = (2, 5)  # finals whose mode may have B flat: D, F

_STEPS = (0, 0, 1, 2, 2, 3, 3, 4, 4, 5, 6, 6)
_FIFTHS = (0, 7, 2, -3, 4, -1, 6, 1, 8, 3, -2, 5)  # of each pitch class, from C
_WHITE = frozenset((0, 2, 4, 5, 7, 9, 11))
_CONSONANT = frozenset(((0, 0), (2, 3), (2, 4), (4, 7), (5, 8), (5, 9)))
_LEAPS = frozenset(((2, 3), (2, 4), (3, 5), (4, 7), (7, 12)))
_INTERVALS = (
    *("unison", "second", "third", "fourth", "fifth", "sixth", "seventh", "octave"),
    *("ninth", "tenth", "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth"),
)


@dataclass(frozen=True)
class Rule:
    """A rule that a teacher would name.

    Parameters
    ----------
    name : str
        What breaches of it are marked with.
    sentence : str
        What it asks.
    species : tuple of int
        Species that it is asked of.

    Examples
    --------
    >>> rule_named("overlap").species
    (1,)
    """

    name: str
    sentence: str
    species: tuple[int, ...] = SPECIES


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
    """Rule of a name.

    Parameters
    ----------
    name : str
        One of those in `RULES`.

    Returns
    -------
    Rule
        The rule.

    Raises
    ------
    KeyError
        There is no such rule.

    Examples
    --------
    >>> rule_named("eighths").sentence
    'eighths are reached and left by step'
    """
    return {rule.name: rule for rule in RULES}[name]


def pitch_name(pitch: int, fifths: int = 0) -> str:
    """Name of a pitch, without its octave.

    Parameters
    ----------
    pitch : int
        MIDI number, in white notes.
    fifths : int
        How many fifths higher the music really is; its sharps, or its flats as a negative number.

    Returns
    -------
    str
        As it is spelled there.

    Examples
    --------
    >>> pitch_name(61), pitch_name(70), pitch_name(71, -1)
    ('C#', 'Bb', 'E')
    """
    fifths_above_f = _FIFTHS[pitch % 12] + fifths + 1
    accidentals = fifths_above_f // 7
    return "FCGDAEB"[fifths_above_f % 7] + ("#" * accidentals or "b" * -accidentals)


def is_white(pitch: int) -> bool:
    """Whether a pitch has no accidental.

    Parameters
    ----------
    pitch : int
        MIDI number.

    Returns
    -------
    bool
        True for C, D, E, F, G, A and B.

    Examples
    --------
    >>> is_white(60), is_white(61)
    (True, False)
    """
    return pitch % 12 in _WHITE


@cache
def steps_between(low: int, high: int) -> int:
    """Diatonic steps from one pitch to another.

    Parameters
    ----------
    low, high : int
        MIDI numbers; the first may be the higher.

    Returns
    -------
    int
        0 for a unison, 1 for a second, 2 for a third; negative downwards.

    Examples
    --------
    >>> steps_between(60, 64), steps_between(65, 59)
    (2, -4)
    """
    return 7 * (high // 12 - low // 12) + _STEPS[high % 12] - _STEPS[low % 12]


def interval_name(one: int, other: int) -> str:
    """Name of the interval between two pitches.

    Parameters
    ----------
    one, other : int
        MIDI numbers.

    Returns
    -------
    str
        "third", "tenth", ...

    Examples
    --------
    >>> interval_name(64, 60)
    'third'
    """
    steps = abs(steps_between(one, other))
    return _INTERVALS[steps] if steps < len(_INTERVALS) else f"{steps + 1}th"


@cache
def is_consonant(one: int, other: int) -> bool:
    """Whether two pitches are a consonance; a fourth is none.

    Parameters
    ----------
    one, other : int
        MIDI numbers.

    Returns
    -------
    bool
        True for unison, third, perfect fifth, sixth, octave and their compounds.

    Examples
    --------
    >>> is_consonant(60, 67), is_consonant(60, 65), is_consonant(59, 65)
    (True, False, False)
    """
    low, high = min(one, other), max(one, other)
    return (steps_between(low, high) % 7, (high - low) % 12) in _CONSONANT


def is_fifth(one: int, other: int) -> bool:
    """Whether two pitches are a perfect fifth or its compound.

    Parameters
    ----------
    one, other : int
        MIDI numbers.

    Returns
    -------
    bool
        Whether they are.

    Examples
    --------
    >>> is_fifth(60, 79), is_fifth(59, 65)
    (True, False)
    """
    return abs(one - other) % 12 == 7 and is_consonant(one, other)


def is_octave(one: int, other: int) -> bool:
    """Whether two pitches are a unison, an octave or its compound.

    Parameters
    ----------
    one, other : int
        MIDI numbers.

    Returns
    -------
    bool
        Whether they are.

    Examples
    --------
    >>> is_octave(60, 60), is_octave(60, 84)
    (True, True)
    """
    return (one - other) % 12 == 0


@cache
def is_imperfect(one: int, other: int) -> bool:
    """Whether two pitches are a third, a sixth or a compound of these.

    Parameters
    ----------
    one, other : int
        MIDI numbers.

    Returns
    -------
    bool
        Whether they are.

    Examples
    --------
    >>> is_imperfect(60, 64), is_imperfect(60, 67)
    (True, False)
    """
    return is_consonant(one, other) and not is_fifth(one, other) and not is_octave(one, other)


@cache
def is_step(one: int, other: int) -> bool:
    """Whether a line goes from one pitch to the other by step.

    Parameters
    ----------
    one, other : int
        MIDI numbers.

    Returns
    -------
    bool
        True for major and minor seconds, up or down.

    Examples
    --------
    >>> is_step(60, 62), is_step(58, 61)
    (True, False)
    """
    return abs(steps_between(one, other)) == 1 and 1 <= abs(other - one) <= 2


def is_leap(one: int, other: int) -> bool:
    """Whether a line goes by more than a step.

    Parameters
    ----------
    one, other : int
        MIDI numbers.

    Returns
    -------
    bool
        True for thirds and more, and whatever is no step.

    Examples
    --------
    >>> is_leap(60, 64), is_leap(60, 60)
    (True, False)
    """
    return one != other and not is_step(one, other)


@cache
def may_follow(one: int, other: int) -> bool:
    """Whether a line may go from one pitch to another that differs (rule "leap").

    Parameters
    ----------
    one, other : int
        MIDI numbers.

    Returns
    -------
    bool
        True for steps and the leaps that are sung well.

    Examples
    --------
    >>> may_follow(64, 72), may_follow(72, 64)
    (True, False)
    """
    steps, size = steps_between(one, other), other - one
    if is_step(one, other) or (steps, size) == (5, 8):
        return True
    return steps * size > 0 and (abs(steps), abs(size)) in _LEAPS


def must_turn(one: int, other: int) -> bool:
    """Whether a line has to turn back after a leap (rule "leap-recovery").

    Parameters
    ----------
    one, other : int
        MIDI numbers.

    Returns
    -------
    bool
        True for minor sixths upwards and octaves.

    Examples
    --------
    >>> must_turn(64, 72), must_turn(60, 67)
    (True, False)
    """
    return may_follow(one, other) and abs(other - one) in (8, 12)


def is_turn(one: int, two: int, three: int) -> bool:
    """Whether a line goes back after its second note.

    Parameters
    ----------
    one, two, three : int
        MIDI numbers.

    Returns
    -------
    bool
        Whether it changes its direction.

    Examples
    --------
    >>> is_turn(60, 64, 62)
    True
    """
    return (two - one) * (three - two) < 0


def leaps_too_far(one: int, two: int, three: int) -> bool:
    """Whether two leaps in one direction make more than an octave.

    Parameters
    ----------
    one, two, three : int
        MIDI numbers.

    Returns
    -------
    bool
        Whether they do.

    Examples
    --------
    >>> leaps_too_far(60, 67, 74), leaps_too_far(60, 67, 72)
    (True, False)
    """
    return leaps_on(one, two, three) and abs(three - one) > 12


@cache
def leaps_on(one: int, two: int, three: int) -> bool:
    """Whether two leaps go in one direction.

    Parameters
    ----------
    one, two, three : int
        MIDI numbers.

    Returns
    -------
    bool
        Whether they do.

    Examples
    --------
    >>> leaps_on(60, 64, 67), leaps_on(60, 64, 65)
    (True, False)
    """
    return is_leap(one, two) and is_leap(two, three) and (two - one) * (three - two) > 0


@cache
def outlines_tritone(turn: int, peak: int, after: int | None) -> bool:
    """Whether a run in one direction spans a tritone.

    Parameters
    ----------
    turn, peak : int
        Where the run begins and ends.
    after : int, optional
        What follows; nothing at the end of the line.

    Returns
    -------
    bool
        True for an augmented fourth, and for a diminished fifth without a step back.

    Examples
    --------
    >>> outlines_tritone(65, 71, 69), outlines_tritone(77, 71, 72)
    (True, False)
    """
    steps, size = abs(steps_between(turn, peak)), abs(peak - turn)
    if size != 6:
        return False
    return steps == 3 or after is None or not is_step(peak, after)


@cache
def parallel(pair: tuple[int, int], following: tuple[int, int]) -> str | None:
    """Rule that two chords breach as parallels.

    Parameters
    ----------
    pair, following : tuple of int
        The two voices, then and next.

    Returns
    -------
    str or None
        "parallel-fifths" or "parallel-octaves", by contrary motion also.

    Examples
    --------
    >>> parallel((60, 67), (62, 69)), parallel((60, 72), (60, 72))
    ('parallel-fifths', None)
    """
    if pair[0] == following[0] or pair[1] == following[1]:
        return None
    if is_fifth(*pair) and is_fifth(*following):
        return "parallel-fifths"
    if is_octave(*pair) and is_octave(*following):
        return "parallel-octaves"
    return None


@cache
def direct(pair: tuple[int, int], following: tuple[int, int]) -> str | None:
    """Rule that two chords breach as direct motion; that parallels do is not said again.

    Parameters
    ----------
    pair, following : tuple of int
        The two voices, then and next.

    Returns
    -------
    str or None
        "direct-fifths" or "direct-octaves".

    Examples
    --------
    >>> direct((60, 64), (65, 72)), direct((65, 69), (60, 72))
    ('direct-fifths', None)
    """
    if parallel(pair, following) or not is_similar(pair, following):
        return None
    if is_fifth(*following):
        return "direct-fifths"
    return "direct-octaves" if is_octave(*following) else None


@cache
def is_similar(pair: tuple[int, int], following: tuple[int, int]) -> bool:
    """Whether two voices move in one direction.

    Parameters
    ----------
    pair, following : tuple of int
        The two voices, then and next.

    Returns
    -------
    bool
        Whether they do.

    Examples
    --------
    >>> is_similar((60, 64), (62, 65))
    True
    """
    return (following[0] - pair[0]) * (following[1] - pair[1]) > 0


def resolves(cantus: int, suspended: int, falls_to: int) -> bool:
    """Whether a suspension resolves as it should.

    Parameters
    ----------
    cantus : int
        MIDI number of the cantus.
    suspended, falls_to : int
        The tied dissonance and what follows.

    Returns
    -------
    bool
        True for a fall by step to a third or sixth; 9-8 above and 4-5 below too.

    Examples
    --------
    >>> resolves(64, 74, 73), resolves(64, 74, 76), resolves(60, 62, 60)
    (True, False, False)
    """
    if not (is_step(suspended, falls_to) and falls_to < suspended):
        return False
    if is_imperfect(cantus, falls_to):
        return True
    if falls_to < cantus:
        return is_fifth(cantus, falls_to)
    return is_octave(cantus, falls_to) and falls_to > cantus


def opens(cantus: int, pitch: int) -> bool:
    """Whether a counterpoint may begin with a pitch.

    Parameters
    ----------
    cantus, pitch : int
        MIDI numbers.

    Returns
    -------
    bool
        Unison, fifth or octave above; unison or octave below.

    Examples
    --------
    >>> opens(62, 69), opens(62, 55)
    (True, False)
    """
    return is_octave(cantus, pitch) or (pitch > cantus and is_fifth(cantus, pitch))


def leading_note(before: int, final: int) -> int:
    """Pitch class from which a counterpoint reaches the final.

    Parameters
    ----------
    before, final : int
        The last two notes of the cantus.

    Returns
    -------
    int
        0 to 11: the seventh where the cantus falls, raised in D, G and A; else the second.

    Examples
    --------
    >>> leading_note(64, 62), leading_note(65, 64), leading_note(59, 60)
    (1, 2, 2)
    """
    if before > final:
        return (final - (2 if final % 12 == 4 else 1)) % 12
    return (final + (1 if final % 12 == 4 else 2)) % 12


def in_mode(pitch: int, final: int, *, before_last: bool) -> bool:
    """Whether a mode has a pitch.

    Parameters
    ----------
    pitch, final : int
        MIDI numbers.
    before_last : bool
        Whether it is in the last bar but one, where the leading note is raised.

    Returns
    -------
    bool
        True for white notes, B flat in D and F, C sharp, F sharp or G sharp at the cadence.

    Examples
    --------
    >>> in_mode(61, 62, before_last=True), in_mode(61, 62, before_last=False)
    (True, False)
    """
    if is_white(pitch):
        return True
    if pitch % 12 == 10:
        return final % 12 in FLAT_MODES
    if not before_last or final % 12 not in LEAD_MODES:
        return False
    return (pitch - final) % 12 == 11 or (final % 12 == 9 and pitch % 12 == 6)


def is_false_relation(one: int, other: int) -> bool:
    """Whether two pitches are B flat and B natural.

    Parameters
    ----------
    one, other : int
        MIDI numbers.

    Returns
    -------
    bool
        Whether they are.

    Examples
    --------
    >>> is_false_relation(70, 59)
    True
    """
    return {one % 12, other % 12} == {10, 11}


def max_range(species: int) -> int:
    """Semitones that a line may span.

    Parameters
    ----------
    species : int
        1 to 5.

    Returns
    -------
    int
        A tenth, or in third and fifth species a twelfth.

    Examples
    --------
    >>> max_range(1), max_range(3)
    (16, 19)
    """
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
    for lengths, bound in _PLAIN:
        yield lengths, bound
        begin = 0.0
        for index, length in enumerate(lengths):
            if length == 1 and begin in (1, 3):
                yield (*lengths[:index], 0.5, 0.5, *lengths[index + 1 :]), bound
            begin += length


FLORID = dict(_with_eighths())
