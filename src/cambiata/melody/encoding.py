"""A melody's bars as networks see them: numbers of rhythms and of pitches above the tonic."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.melody.bars import Bar, Line, Pattern

N_BEATS = 4
N_CURVE = 48  # moments of a bar at which the melody is looked at: twelve of each beat
N_ONSETS = 24  # tones of a bar that are learnt from
LOWEST, N_PITCHES = -15, 43  # semitones above the tonic below the melody's mean
RESTING, ABSENT = N_PITCHES, N_PITCHES + 1
N_FRAME = 9  # number of beats, whether they divide into three, place in the phrase, the last bar
N_PLACES = 12  # of a beat
N_NUMBERS = N_BEATS + N_CURVE + 2 * N_ONSETS + 2 + N_FRAME + 12

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Vocabulary:
    """Rhythms of a beat that networks know, by number; 0 is no beat.

    Parameters
    ----------
    simple, compound : tuple of Pattern
        Rhythms of beats that divide into two and into three.

    Examples
    --------
    >>> words = Vocabulary((((0, True),), ((0, True), (12, True))), (((0, True),),))
    >>> words.number(((0, True), (11, True)), False), len(words), words.pattern(3)
    (2, 4, ((0, True),))
    """

    simple: tuple[Pattern, ...]
    compound: tuple[Pattern, ...]
    _known: dict[tuple[Pattern, bool], int] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        for kind, patterns in ((False, self.simple), (True, self.compound)):
            for pattern in patterns:
                self._known[pattern, kind] = len(self._known) + 1

    def __len__(self) -> int:
        return 1 + len(self.simple) + len(self.compound)

    def pattern(self, number: int) -> Pattern:
        """The rhythm of a number.

        Parameters
        ----------
        number : int
            From 1.

        Returns
        -------
        Pattern
            It.
        """
        return (*self.simple, *self.compound)[number - 1]

    def number(self, pattern: Pattern, is_compound: bool) -> int:
        """The number of a rhythm, or of the one that is most like it.

        Parameters
        ----------
        pattern : Pattern
            Any.
        is_compound : bool
            Whether the beat divides into three.

        Returns
        -------
        int
            From 1.
        """
        key = pattern, is_compound
        if key not in self._known:
            known = self.compound if is_compound else self.simple
            nearest = min(known, key=lambda other: _difference(pattern, other))
            self._known[key] = self._known[nearest, is_compound]
        return self._known[key]

    @cached_property
    def kinds(self) -> npt.NDArray[np.bool_]:
        """Which numbers are of beats that divide into two, and which into three [2, n]."""
        numbers = np.arange(len(self))
        simple = (numbers > 0) & (numbers <= len(self.simple))
        return np.stack([simple, numbers > len(self.simple)])

    def to_json(self) -> list[list[Any]]:
        """Both kinds of rhythms.

        Returns
        -------
        list
            What `from_json` reads.
        """
        return [[list(map(list, each)) for each in kind] for kind in (self.simple, self.compound)]

    @classmethod
    def from_json(cls, found: Sequence[Any]) -> "Vocabulary":
        """What `to_json` gave.

        Parameters
        ----------
        found : sequence
            From JSON.

        Returns
        -------
        Vocabulary
            The same again.
        """
        simple, compound = (
            tuple(tuple((int(at), bool(tone)) for at, tone in pattern) for pattern in kind)
            for kind in found
        )
        return cls(simple, compound)

    @classmethod
    def of(cls, lines: Iterable[Line], least: int) -> "Vocabulary":
        """The rhythms that beats of melodies have.

        Parameters
        ----------
        lines : iterable of Line
            The melodies.
        least : int
            How often a rhythm must occur.

        Returns
        -------
        Vocabulary
            The more frequent first.
        """
        counts: tuple[dict[Pattern, int], dict[Pattern, int]] = ({}, {})
        for line in lines:
            of_kind = counts[line.counting.is_compound]
            for i in line.own:
                for pattern in line.patterns(line.bars[i]):
                    of_kind[pattern] = of_kind.get(pattern, 0) + 1
        simple, compound = (
            tuple(
                pattern
                for pattern, count in sorted(kind.items(), key=lambda item: (-item[1], item[0]))
                if count >= least
            )
            for kind in counts
        )
        return cls(simple, compound)


def _difference(a: Pattern, b: Pattern) -> tuple[int, int]:
    tones_a, tones_b = ([at for at, is_tone in pattern if is_tone] for pattern in (a, b))
    moved = sum(abs(x - y) for x, y in zip(tones_a, tones_b, strict=False))
    return abs(len(tones_a) - len(tones_b)) * 36 + moved, len(set(a) ^ set(b))


@dataclass(frozen=True)
class Numbers:
    """Bars as networks see them.

    Parameters
    ----------
    rhythm : numpy.ndarray
        Numbers of the beats' rhythms [B, N_BEATS].
    curve : numpy.ndarray
        Pitches above the tonic at moments of the bar, from `LOWEST` as 0 [B, N_CURVE].
    at : numpy.ndarray
        Where tones begin, in thirty-sixths of a beat [B, N_ONSETS]; -1 for none.
    pitches : numpy.ndarray
        Their pitches, from `LOWEST` as 0 [B, N_ONSETS].
    before : numpy.ndarray
        The pitches of the two tones before the bar, the last first [B, 2].
    frame : numpy.ndarray
        How bars are counted and where they stand [B, N_FRAME].
    scale : numpy.ndarray
        Which pitch classes above the tonic the melody uses [B, 12].

    Examples
    --------
    >>> packed = np.zeros((3, N_NUMBERS), np.int16)
    >>> bool((Numbers.unpacked(packed).packed() == packed).all())
    True
    """

    rhythm: Integers
    curve: Integers
    at: Integers
    pitches: Integers
    before: Integers
    frame: Reals
    scale: Reals

    @property
    def seen(self) -> tuple[Integers, Integers, Reals, Reals]:
        """What encoders see of them, in their order."""
        return self.rhythm, self.curve, self.frame, self.scale

    def packed(self) -> npt.NDArray[np.int16]:
        """All of it in one array.

        Returns
        -------
        numpy.ndarray
            [B, N_NUMBERS].
        """
        parts = (
            self.rhythm, self.curve, self.at, self.pitches, self.before, self.frame, self.scale
        )  # fmt: skip
        return np.concatenate(parts, axis=1).astype(np.int16)

    @classmethod
    def unpacked(cls, packed: npt.NDArray[np.int16]) -> "Numbers":
        """What `packed` gave.

        Parameters
        ----------
        packed : numpy.ndarray
            [B, N_NUMBERS].

        Returns
        -------
        Numbers
            The same again.
        """
        places = np.cumsum([N_BEATS, N_CURVE, N_ONSETS, N_ONSETS, 2, N_FRAME])
        parts = np.split(packed, places, axis=1)
        rhythm, curve, at, pitches, before = (part.astype(np.int64) for part in parts[:5])
        frame, scale = (part.astype(np.float32) for part in parts[5:])
        return cls(rhythm, curve, at, pitches, before, frame, scale)


def frame_of(line: Line, index: int) -> Reals:
    """How a bar is counted and where it stands.

    Parameters
    ----------
    line : Line
        The melody.
    index : int
        The bar's number.

    Returns
    -------
    numpy.ndarray
        [N_FRAME].

    Examples
    --------
    >>> from cambiata.score.midi import Metre
    >>> from cambiata.melody.bars import Counting
    >>> line = Line(((), ()), Metre(3, 4), Counting(3, False))
    >>> frame_of(line, 1).tolist()
    [0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0]
    """
    frame = np.zeros(N_FRAME, np.float32)
    frame[line.counting.n_beats - 2] = 1
    frame[3] = line.counting.is_compound
    frame[4 + (index - line.own.start) % 4] = 1
    frame[8] = index == len(line.bars) - 1
    return frame


def pitch_number(line: Line, pitch: int) -> int:
    """A pitch above the tonic, from `LOWEST` as 0.

    Parameters
    ----------
    line : Line
        The melody.
    pitch : int
        MIDI number.

    Returns
    -------
    int
        0 to `N_PITCHES` - 1: pitches further away are moved by octaves.

    Examples
    --------
    >>> from cambiata.score.notation import Tone, Voice
    >>> from cambiata.score.midi import Metre
    >>> from fractions import Fraction
    >>> tones = [Tone(Fraction(i), Fraction(1), p) for i, p in enumerate((60, 62, 64, 60))]
    >>> pitch_number(Line.of(Voice(tuple(tones)), Metre()), 62)
    17
    """
    number = pitch - line.tonic - LOWEST
    while number < 0:
        number += 12
    while number >= N_PITCHES:
        number -= 12
    return number


def numbers_of(line: Line, indices: Sequence[int], words: Vocabulary) -> Numbers:
    """Bars of a melody as networks see them.

    Parameters
    ----------
    line : Line
        The melody.
    indices : sequence of int
        Numbers of bars.
    words : Vocabulary
        Rhythms that are known.

    Returns
    -------
    Numbers
        Of those bars.

    Examples
    --------
    >>> from cambiata.score.notation import Tone, Voice
    >>> from cambiata.score.midi import Metre
    >>> from fractions import Fraction
    >>> tones = [Tone(Fraction(i), Fraction(1), p) for i, p in enumerate((60, 62, 64, 60))]
    >>> line = Line.of(Voice(tuple(tones)), Metre())
    >>> found = numbers_of(line, [0], Vocabulary((((0, True),),), ()))
    >>> found.rhythm.tolist(), found.pitches[0, :4].tolist(), found.curve[0, ::12].tolist()
    ([[1, 1, 1, 1]], [15, 17, 19, 15], [15, 17, 19, 15])
    """
    n = len(indices)
    rhythm = np.zeros((n, N_BEATS), np.int64)
    curve = np.full((n, N_CURVE), ABSENT, np.int64)
    at = np.full((n, N_ONSETS), -1, np.int64)
    pitches = np.zeros((n, N_ONSETS), np.int64)
    before = np.full((n, 2), RESTING, np.int64)
    frame = np.zeros((n, N_FRAME), np.float32)
    counting = line.counting
    heard = _heard(line)
    for row, index in enumerate(indices):
        bar = line.bars[index]
        for beat, pattern in enumerate(line.patterns(bar)):
            rhythm[row, beat] = words.number(pattern, counting.is_compound)
        for place, pitch in enumerate(heard[index][::-1][:2]):
            before[row, place] = pitch_number(line, pitch)
        curve[row] = _curve(line, bar, line.sounding(index))
        tones = [(step, event) for step, event in line.steps(bar) if event.is_tone][:N_ONSETS]
        for place, (step, event) in enumerate(tones):
            at[row, place] = step * 36 // counting.beat_steps
            pitches[row, place] = pitch_number(line, event.pitch or 0)
        frame[row] = frame_of(line, index)
    return Numbers(
        rhythm, curve, at, pitches, before, frame, np.repeat(line.scale[None], n, axis=0)
    )


def _heard(line: Line) -> list[list[int]]:
    """The last two pitches before each bar."""
    found: list[list[int]] = []
    last: list[int] = []
    for bar in line.bars:
        found.append(last)
        last = [*last, *(event.pitch for event in bar if event.pitch is not None)][-2:]
    return found


def _curve(line: Line, bar: Bar, sounding: int | None) -> Integers:
    counting = line.counting
    curve = np.full(N_CURVE, ABSENT, np.int64)
    n = counting.n_beats * 12
    curve[:n] = RESTING if sounding is None else pitch_number(line, sounding)
    for step, event in line.steps(bar):
        moment = -(-step * 12 // counting.beat_steps)
        curve[moment:n] = RESTING if event.pitch is None else pitch_number(line, event.pitch)
    return curve
