"""Voices by pitch-synchronous overlap-add: other pitches and other times, with the vowels kept.

Moulines and Charpentier, "Pitch-synchronous waveform processing techniques" (1990). Every grain is
two periods long, between the marks on either side, so that a voice at its own pitch is itself to
the sample; closer or further apart, grains make another pitch with the same spectral envelope.
Where there is no pitch, grains stand as far apart as they were cut: consonants move in time alone.
We differ in that the times of grains follow from integrated phases, not from a search, and that
grains can be read faster or slower, which moves formants by that ratio.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio.source import resample
from cambiata.ensemble.marks import Marks

Floats = npt.NDArray[np.float64]

# Grid on which the phase of a voice is integrated: half a millisecond; between, periods are even.
STEP_S = 0.0005
# Grains that are added at once: their arrays stay in the processor's cache.
_AT_ONCE = 64
# Grains are read between samples on straight lines, at twice the rate: 0.4 dB off at 11 kHz.
_FINER = 2


@dataclass(frozen=True, eq=False)
class Line:
    """What a voice does, at times of the output: all functions of time in seconds."""

    source_s: Callable[[Floats], Floats]  # where in the source it is
    ratio: Callable[[Floats], Floats]  # its pitch over the source's, at source times
    formant_ratio: float  # its formants over the source's
    breath: float = 0.0  # noise added (below 0) or taken (above), see `VoiceGrains`


class VoiceGrains:
    """Grains of one voice, asked for block after block.

    Successive periods of a voice differ by its noise. A share of the period after is put in the
    place of as much of this one: from 0 to a half, noise falls by up to 3 dB; below 0 it rises.
    """

    def __init__(self, marks: Marks, line: Line) -> None:
        self._marks, self._line = marks, line
        # In grains, at the next block; a voice as it was has its grains where they were.
        self._phase = float(marks.index_at(line.source_s(np.zeros(1)))[0])
        lengths = np.diff(marks.at_s)
        self._before = np.concatenate([lengths[:1], lengths])
        self._after = np.concatenate([lengths, lengths[-1:]])

    def span_s(self, start_s: float, end_s: float) -> tuple[float, float]:
        """Times of the source that a block is made of."""
        source = self._line.source_s(np.array([start_s, end_s]))
        margin = 3 * float(max(self._before.max(), 0.02)) + 0.1
        return float(source[0]) - margin, float(source[1]) + margin

    def grains(self, start_s: float, end_s: float) -> "Grains":
        """Grains whose centres lie in a block; blocks follow each other."""
        n_steps = max(1, round((end_s - start_s) / STEP_S))
        grid_s = np.linspace(start_s, end_s, n_steps + 1)
        source_s = self._line.source_s(grid_s)
        index = self._marks.index_at(source_s)
        speed = np.maximum(np.diff(source_s) / np.diff(grid_s), 0.05)
        middle = (source_s[1:] + source_s[:-1]) / 2
        at = np.clip(self._marks.index_at(middle).astype(np.int64), 0, len(self._before) - 1)
        ratio = np.where(self._marks.is_voiced[at], self._line.ratio(middle), 1.0)
        phase = self._phase + np.concatenate([[0.0], np.cumsum(np.diff(index) / speed * ratio)])
        numbers = np.arange(np.ceil(phase[0]), np.ceil(phase[-1]))
        numbers_s = np.interp(numbers, phase, grid_s)
        self._phase = float(phase[-1])
        return self._cut(numbers_s)

    def _cut(self, centre_s: Floats) -> "Grains":
        where_s = self._line.source_s(centre_s)
        mark = np.round(self._marks.index_at(where_s)).astype(np.int64)
        mark = np.clip(mark, 0, len(self._before) - 1)
        is_voiced = self._marks.is_voiced[mark]
        stretch = np.where(is_voiced, self._line.formant_ratio, 1.0)
        ratio = np.where(is_voiced, self._line.ratio(where_s), 1.0)
        follows = is_voiced & self._marks.is_voiced[np.minimum(mark + 1, len(self._before) - 1)]
        return Grains(
            centre_s,
            # Unvoiced sound is read where it is, not where a mark happens to lie.
            np.where(is_voiced, self._marks.at_s[mark], where_s),
            self._before[mark],
            self._after[mark],
            stretch,
            # As many more grains a second as have the same energy.
            1 / np.sqrt(ratio),
            np.where(follows, self._after[mark], 0.0),
            self._line.breath,
        )


@dataclass(frozen=True, eq=False)
class Grains:
    """Grains of a block: where they go, what they are cut from, how they are read; each [K]."""

    centre_s: Floats
    source_s: Floats
    before_s: Floats
    after_s: Floats
    stretch: Floats
    gain: Floats
    next_s: Floats  # how far the following period lies; 0 where there is none
    breath: float

    def add_to(self, out: Floats, start_s: float, source: "Excerpt") -> None:
        """Add the grains to a block [T] that begins at a time."""
        for first in range(0, len(self.centre_s), _AT_ONCE):
            self._add(slice(first, first + _AT_ONCE), out, start_s, source)

    def _add(self, some: slice, out: Floats, start_s: float, source: "Excerpt") -> None:
        """Add neighbouring grains, a row each: they are of nearly one length."""
        rate, stretch = source.sample_rate, self.stretch[some, None]
        centre = (self.centre_s[some, None] - start_s) * rate
        before, after = (
            each[some, None] * rate / stretch for each in (self.before_s, self.after_s)
        )
        first = np.ceil(centre - before).astype(np.int64)
        length = int(np.ceil((centre + after).max(axis=1) - first[:, 0]).max()) + 1
        place = first + np.arange(length)
        away = (place - centre).astype(np.float32)
        scale = np.where(away < 0, (1 / before).astype(np.float32), (1 / after).astype(np.float32))
        window = np.cos(np.float32(np.pi / 2) * np.minimum(np.abs(scale * away), np.float32(1)))
        window *= window * self.gain[some, None].astype(np.float32)
        at = self.source_s[some, None] * rate + away * stretch
        share = np.where(self.next_s[some, None] > 0, self.breath, 0.0).astype(np.float32)
        sound = source.at(at, self.next_s[some, None] * rate, share if self.breath else None)
        lowest = int(place.min())
        sound *= window
        added = np.bincount((place - lowest).ravel(), sound.ravel())
        skipped = max(0, -lowest)
        begin = lowest + skipped
        added = added[skipped : max(skipped, len(out) - lowest)]
        out[begin : begin + len(added)] += added


class Excerpt:
    """Part of a source, read between its samples."""

    def __init__(self, samples: Samples, first: int, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._first = first * _FINER
        self._fine = np.pad(resample(samples, sample_rate, _FINER * sample_rate), (0, 1))

    def at(
        self, place: Floats, ahead: Floats | float = 0.0, share: Samples | None = None
    ) -> Samples:
        """Sound at places in samples of the source, with fractions; silence outside.

        With `share`, that much of it is what lies `ahead`, to the nearest half sample.
        """
        fine = place * _FINER - self._first
        whole = fine.astype(np.int64)
        rest = (fine - whole).astype(np.float32)
        sound = self._between(whole, rest)
        if share is not None:
            further = whole + np.round(np.asarray(ahead) * _FINER).astype(np.int64)
            sound += share * (self._between(further, rest) - sound)
        return sound

    def _between(self, whole: npt.NDArray[np.int64], rest: Samples) -> Samples:
        last = len(self._fine) - 2
        if whole.min() < 0 or whole.max() > last:
            whole = np.clip(whole, 0, last)
        left = self._fine[whole]
        sound: Samples = left + rest * (self._fine[whole + 1] - left)
        return sound
