"""Bars encoded for networks: indexes of rhythms, and pitches above the tonic."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.melody.bars import Bar, MelodyLine, Pattern

# Sizes that shipped weights are built for: a change needs new training.
N_BEATS = 4  # the most of a bar
N_CONTOUR = 48  # moments of a bar at which its pitch is taken: twelve of each beat
MAX_ONSETS = 24  # tones of a bar that are learnt from: as many as sextuplets in 4/4
# Semitones above the tonic that lies below the melody's mean: more than three octaves. Pitches
# further away are moved by octaves.
LOWEST, N_PITCHES = -15, 43
REST, PADDING = N_PITCHES, N_PITCHES + 1  # further values of a contour
N_CONTEXT = (
    9  # number of beats [3], whether they divide into three, place in the phrase [4], last bar
)
N_BEAT_POSITIONS = 12  # of a tone in its beat
N_PACKED = N_BEATS + N_CONTOUR + 2 * MAX_ONSETS + 2 + N_CONTEXT + 12

_TONE_STEPS = 36  # a tone too many or too few counts as much as one moved by a whole beat

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Vocabulary:
    """Rhythms of a beat that networks know, by index from 1; 0 is no beat."""

    simple: tuple[Pattern, ...]  # of beats that divide into two
    compound: tuple[Pattern, ...]  # of beats that divide into three
    _indexes: dict[tuple[Pattern, bool], int] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        for kind, patterns in ((False, self.simple), (True, self.compound)):
            for pattern in patterns:
                self._indexes[pattern, kind] = len(self._indexes) + 1

    def __len__(self) -> int:
        return 1 + len(self.simple) + len(self.compound)

    def pattern(self, index: int) -> Pattern:
        """The rhythm of an index."""
        return (*self.simple, *self.compound)[index - 1]

    def index(self, pattern: Pattern, is_compound: bool) -> int:
        """Index of a rhythm, or of the one of its kind that is most like it."""
        key = pattern, is_compound
        if key not in self._indexes:
            patterns = self.compound if is_compound else self.simple
            nearest = min(patterns, key=lambda other: _difference(pattern, other))
            self._indexes[key] = self._indexes[nearest, is_compound]
        return self._indexes[key]

    @cached_property
    def kinds(self) -> npt.NDArray[np.bool_]:
        """Masks of the indexes of beats that divide into two, and into three [2, n]."""
        indexes = np.arange(len(self))
        simple = (indexes > 0) & (indexes <= len(self.simple))
        return np.stack([simple, indexes > len(self.simple)])

    def to_json(self) -> list[list[Any]]:
        """Both kinds of rhythms, for `from_json`."""
        return [[list(map(list, each)) for each in kind] for kind in (self.simple, self.compound)]

    @classmethod
    def from_json(cls, patterns_json: Sequence[Any]) -> "Vocabulary":
        """The vocabulary that `to_json` wrote."""
        simple, compound = (
            tuple(tuple((int(at), bool(tone)) for at, tone in pattern) for pattern in kind)
            for kind in patterns_json
        )
        return cls(simple, compound)

    @classmethod
    def of(cls, lines: Iterable[MelodyLine], min_count: int) -> "Vocabulary":
        """Rhythms of at least so many beats of melodies, the more frequent first."""
        counts: tuple[dict[Pattern, int], dict[Pattern, int]] = ({}, {})
        for line in lines:
            of_kind = counts[line.counting.is_compound]
            for i in line.full_bars:
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
    """Distance of two rhythms: of their numbers of tones and the tones' steps, then of rests."""
    tones_a, tones_b = ([at for at, is_tone in pattern if is_tone] for pattern in (a, b))
    n_steps_apart = sum(abs(x - y) for x, y in zip(tones_a, tones_b, strict=False))
    return abs(len(tones_a) - len(tones_b)) * _TONE_STEPS + n_steps_apart, len(set(a) ^ set(b))


@dataclass(frozen=True)
class EncodedBars:
    """Bars as inputs of networks."""

    rhythm: Integers  # indexes of the beats' rhythms [B, N_BEATS]
    # Pitches above the tonic at moments of the bar, from `LOWEST` as 0 [B, N_CONTOUR].
    contour: Integers
    onsets: Integers  # of tones, in thirty-sixths of a beat [B, MAX_ONSETS]; -1 for none
    pitches: Integers  # of these tones, from `LOWEST` as 0 [B, MAX_ONSETS]
    before: Integers  # pitches of the two tones before the bar, the last first [B, 2]
    context: Reals  # how bars are counted and where they stand [B, N_CONTEXT]
    scale: Reals  # mask of the pitch classes above the tonic that the melody uses [B, 12]

    @property
    def encoder_inputs(self) -> tuple[Integers, Integers, Reals, Reals]:
        """Inputs of the encoders, in their order."""
        return self.rhythm, self.contour, self.context, self.scale

    def packed(self) -> npt.NDArray[np.int16]:
        """All of it in one array [B, N_PACKED]."""
        parts = (
            *(self.rhythm, self.contour, self.onsets, self.pitches),
            *(self.before, self.context, self.scale),
        )
        return np.concatenate(parts, axis=1).astype(np.int16)

    @classmethod
    def unpacked(cls, packed: npt.NDArray[np.int16]) -> "EncodedBars":
        """The bars that `packed` made one array of [B, N_PACKED]."""
        boundaries = np.cumsum([N_BEATS, N_CONTOUR, MAX_ONSETS, MAX_ONSETS, 2, N_CONTEXT])
        parts = np.split(packed, boundaries, axis=1)
        rhythm, contour, onsets, pitches, before = (part.astype(np.int64) for part in parts[:5])
        context, scale = (part.astype(np.float32) for part in parts[5:])
        return cls(rhythm, contour, onsets, pitches, before, context, scale)


def encode_context(line: MelodyLine, index: int) -> Reals:
    """How a bar is counted and where it stands [N_CONTEXT]."""
    context = np.zeros(N_CONTEXT, np.float32)
    context[line.counting.n_beats - 2] = 1
    context[3] = line.counting.is_compound
    context[4 + (index - line.full_bars.start) % 4] = 1
    context[8] = index == len(line.bars) - 1
    return context


def encode_pitch(line: MelodyLine, pitch: int) -> int:
    """A pitch above the tonic, from `LOWEST` as 0."""
    index = pitch - line.tonic - LOWEST
    while index < 0:
        index += 12
    while index >= N_PITCHES:
        index -= 12
    return index


def encode_bars(line: MelodyLine, indices: Sequence[int], vocabulary: Vocabulary) -> EncodedBars:
    """Some bars of a melody as inputs of networks."""
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
            rhythm[row, beat] = vocabulary.index(pattern, counting.is_compound)
        for i, pitch in enumerate(preceding[index][::-1][:2]):
            before[row, i] = encode_pitch(line, pitch)
        contour[row] = _pitch_contour(line, bar, line.sounding(index))
        tones = [(step, event) for step, event in line.steps(bar) if event.is_tone][:MAX_ONSETS]
        for i, (step, event) in enumerate(tones):
            onsets[row, i] = step * 36 // counting.beat_steps
            pitches[row, i] = encode_pitch(line, event.pitch or 0)
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
    """Pitches above the tonic at moments of a bar, from `LOWEST` as 0 [N_CONTOUR]."""
    counting = line.counting
    contour = np.full(N_CONTOUR, PADDING, np.int64)
    n = counting.n_beats * 12
    contour[:n] = REST if sounding is None else encode_pitch(line, sounding)
    for step, event in line.steps(bar):
        moment = -(-step * 12 // counting.beat_steps)
        contour[moment:n] = REST if event.pitch is None else encode_pitch(line, event.pitch)
    return contour
