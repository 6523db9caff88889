"""A melody's bars as networks see them: numbers of rhythms and of pitches above the tonic."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.melody.bars import Bar, MelodyLine, Pattern

N_BEATS = 4
N_CONTOUR = 48  # moments of a bar at which the melody is looked at: twelve of each beat
MAX_ONSETS = 24  # tones of a bar that are learnt from
LOWEST, N_PITCHES = -15, 43  # semitones above the tonic below the melody's mean
REST, PADDING = N_PITCHES, N_PITCHES + 1
N_CONTEXT = 9  # number of beats, whether they divide into three, place in the phrase, the last bar
N_BEAT_POSITIONS = 12  # of a beat
N_PACKED = N_BEATS + N_CONTOUR + 2 * MAX_ONSETS + 2 + N_CONTEXT + 12

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Vocabulary:
    """Rhythms of a beat that networks know, by number; 0 is no beat."""

    # Rhythms of beats that divide into two and into three
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
        """The rhythm of a number."""
        return (*self.simple, *self.compound)[number - 1]

    def number(self, pattern: Pattern, is_compound: bool) -> int:
        """The number of a rhythm, or of the one that is most like it."""
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
        """Both kinds of rhythms."""
        return [[list(map(list, each)) for each in kind] for kind in (self.simple, self.compound)]

    @classmethod
    def from_json(cls, patterns_json: Sequence[Any]) -> "Vocabulary":
        """What `to_json` gave."""
        simple, compound = (
            tuple(tuple((int(at), bool(tone)) for at, tone in pattern) for pattern in kind)
            for kind in patterns_json
        )
        return cls(simple, compound)

    @classmethod
    def of(cls, lines: Iterable[MelodyLine], min_count: int) -> "Vocabulary":
        """The rhythms that beats of melodies have."""
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
                if count >= min_count
            )
            for kind in counts
        )
        return cls(simple, compound)


def _difference(a: Pattern, b: Pattern) -> tuple[int, int]:
    tones_a, tones_b = ([at for at, is_tone in pattern if is_tone] for pattern in (a, b))
    n_steps_apart = sum(abs(x - y) for x, y in zip(tones_a, tones_b, strict=False))
    return abs(len(tones_a) - len(tones_b)) * 36 + n_steps_apart, len(set(a) ^ set(b))


@dataclass(frozen=True)
class EncodedBars:
    """Bars as networks see them."""

    rhythm: Integers  # Numbers of the beats' rhythms [B, N_BEATS]
    # Pitches above the tonic at moments of the bar, from `LOWEST` as 0 [B, N_CURVE]
    contour: Integers
    onsets: Integers  # Where tones begin, in thirty-sixths of a beat [B, N_ONSETS]; -1 for none
    pitches: Integers  # Their pitches, from `LOWEST` as 0 [B, N_ONSETS]
    before: Integers  # The pitches of the two tones before the bar, the last first [B, 2]
    context: Reals  # How bars are counted and where they stand [B, N_FRAME]
    scale: Reals  # Which pitch classes above the tonic the melody uses [B, 12]

    @property
    def encoder_inputs(self) -> tuple[Integers, Integers, Reals, Reals]:
        """What encoders see of them, in their order."""
        return self.rhythm, self.contour, self.context, self.scale

    def packed(self) -> npt.NDArray[np.int16]:
        """All of it in one array.

        returns [B, N_NUMBERS].
        """
        parts = (
            self.rhythm, self.contour, self.onsets, self.pitches, self.before, self.context, self.scale
        )  # fmt: skip
        return np.concatenate(parts, axis=1).astype(np.int16)

    @classmethod
    def unpacked(cls, packed: npt.NDArray[np.int16]) -> "EncodedBars":
        """What `packed` gave.

        packed: [B, N_NUMBERS].
        """
        boundaries = np.cumsum([N_BEATS, N_CONTOUR, MAX_ONSETS, MAX_ONSETS, 2, N_CONTEXT])
        parts = np.split(packed, boundaries, axis=1)
        rhythm, contour, onsets, pitches, before = (part.astype(np.int64) for part in parts[:5])
        context, scale = (part.astype(np.float32) for part in parts[5:])
        return cls(rhythm, contour, onsets, pitches, before, context, scale)


def encode_context(line: MelodyLine, index: int) -> Reals:
    """How a bar is counted and where it stands.

    returns [N_FRAME].
    """
    context = np.zeros(N_CONTEXT, np.float32)
    context[line.counting.n_beats - 2] = 1
    context[3] = line.counting.is_compound
    context[4 + (index - line.own.start) % 4] = 1
    context[8] = index == len(line.bars) - 1
    return context


def encode_pitch(line: MelodyLine, pitch: int) -> int:
    """A pitch above the tonic, from `LOWEST` as 0."""
    number = pitch - line.tonic - LOWEST
    while number < 0:
        number += 12
    while number >= N_PITCHES:
        number -= 12
    return number


def encode_bars(line: MelodyLine, indices: Sequence[int], vocabulary: Vocabulary) -> EncodedBars:
    """Bars of a melody as networks see them."""
    n = len(indices)
    rhythm = np.zeros((n, N_BEATS), np.int64)
    contour = np.full((n, N_CONTOUR), PADDING, np.int64)
    onsets = np.full((n, MAX_ONSETS), -1, np.int64)
    pitches = np.zeros((n, MAX_ONSETS), np.int64)
    before = np.full((n, 2), REST, np.int64)
    context = np.zeros((n, N_CONTEXT), np.float32)
    counting = line.counting
    preceding = _preceding_pitches(line)
    for row, index in enumerate(indices):
        bar = line.bars[index]
        for beat, pattern in enumerate(line.patterns(bar)):
            rhythm[row, beat] = vocabulary.number(pattern, counting.is_compound)
        for place, pitch in enumerate(preceding[index][::-1][:2]):
            before[row, place] = encode_pitch(line, pitch)
        contour[row] = _pitch_contour(line, bar, line.sounding(index))
        tones = [(step, event) for step, event in line.steps(bar) if event.is_tone][:MAX_ONSETS]
        for place, (step, event) in enumerate(tones):
            onsets[row, place] = step * 36 // counting.beat_steps
            pitches[row, place] = encode_pitch(line, event.pitch or 0)
        context[row] = encode_context(line, index)
    return EncodedBars(
        rhythm, contour, onsets, pitches, before, context, np.repeat(line.scale[None], n, axis=0)
    )


def _preceding_pitches(line: MelodyLine) -> list[list[int]]:
    """The last two pitches before each bar."""
    preceding: list[list[int]] = []
    latest: list[int] = []
    for bar in line.bars:
        preceding.append(latest)
        latest = [*latest, *(event.pitch for event in bar if event.pitch is not None)][-2:]
    return preceding


def _pitch_contour(line: MelodyLine, bar: Bar, sounding: int | None) -> Integers:
    counting = line.counting
    contour = np.full(N_CONTOUR, PADDING, np.int64)
    n = counting.n_beats * 12
    contour[:n] = REST if sounding is None else encode_pitch(line, sounding)
    for step, event in line.steps(bar):
        moment = -(-step * 12 // counting.beat_steps)
        contour[moment:n] = REST if event.pitch is None else encode_pitch(line, event.pitch)
    return contour
