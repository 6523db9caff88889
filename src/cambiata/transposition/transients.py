"""Transients: where notes and strokes begin, and a course of time that leaves them as fast.

After Duxbury, Davies & Sandler 2002 and Roebel 2003: around a transient sound goes at its own
speed and bins that it fills take its phases; between transients it goes the faster or slower.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.ndimage

from cambiata.arrays import Samples
from cambiata.audio.chunks import cut

# Frames in which energy is compared.
_HOP_S, _WINDOW_S = 0.0058, 0.0232
_BANDS, _LOWEST_HZ, _HIGHEST_HZ = 40, 60.0, 16000.0
# A transient is the steepest rise within 40 ms, by so many dB (mean over bands) more than around.
_ALONE_S, _AROUND_S, _RISE_DB = 0.04, 0.15, 3.0
# Bands count from so far below the sound's loudest on.
_FLOOR_DB = 70.0
# Bins whose power grows by this factor at a transient take its phases; the others go on.
_GROWTH = 4.0
# Share of half a window at whose end the window has fallen to 4 %: as far time is not changed.
_REACH = 0.7
_CHUNK_S = 10.0

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Transient:
    """A place where something begins."""

    at: int  # sample
    bins: npt.NDArray[np.bool_]  # those that it fills [F]


def find_transients(
    blocks: Iterator[Samples], n_samples: int, sample_rate: int, n_fft: int
) -> list[Transient]:
    """Transients of a sound [C, T] that comes in blocks, in their order."""
    context = 2 * n_fft
    step = round(_CHUNK_S * sample_rate)
    starts = range(0, n_samples, step)
    spans = [(start, start + step + 2 * context) for start in starts]
    mixed = (block.mean(axis=0, keepdims=True) for block in blocks)
    silence = np.zeros((1, step + 2 * context), np.float32)
    padded = chain([silence[:, :context]], mixed, [silence])
    found: list[Transient] = []
    loudest = 0.0
    for start, chunk in zip(starts, cut(padded, spans), strict=True):
        sound = chunk[0]
        places, loudest = _places(sound, sample_rate, loudest)
        for place in places[(places >= context) & (places < context + step)]:
            at = _steepest(sound, int(place), sample_rate)
            found.append(Transient(start + at - context, _filled(sound, at, n_fft)))
    return found


def _places(
    sound: Samples, sample_rate: int, loudest: float
) -> tuple[npt.NDArray[np.int64], float]:
    """Samples about which a sound [T] rises steeply, and the power of its loudest band so far."""
    hop = round(_HOP_S * sample_rate)
    length = 4 * hop
    window = np.hanning(length + 1)[:-1].astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(sound, length)[::hop] * window
    power = np.square(np.abs(scipy.fft.rfft(frames, axis=1, workers=2)))
    edges_hz = np.geomspace(_LOWEST_HZ, min(_HIGHEST_HZ, 0.45 * sample_rate), _BANDS + 1)
    edges = np.unique(np.rint(edges_hz * length / sample_rate).astype(int))
    bands = np.add.reduceat(power, edges[:-1], axis=1)
    loudest = max(loudest, float(bands.max(initial=0.0)))
    floor = np.float32(loudest * 10 ** (-_FLOOR_DB / 10) + 1e-20)
    level = 10 * np.log10(bands + floor)
    # Compared with the neighbouring bands' highest, so that vibrato does not rise (Boeck 2013).
    before = scipy.ndimage.maximum_filter1d(level, 3, axis=1)
    rise = np.zeros(len(level))
    rise[2:] = np.maximum(level[2:] - before[:-2], 0).mean(axis=1)
    alone = 2 * round(_ALONE_S / _HOP_S / 2) + 1
    around = 2 * round(_AROUND_S / _HOP_S) + 1
    is_peak = rise == scipy.ndimage.maximum_filter1d(rise, alone)
    is_peak &= rise > scipy.ndimage.uniform_filter1d(rise, around) + _RISE_DB
    return np.flatnonzero(is_peak) * hop + length // 2, loudest


def _steepest(sound: Samples, place: int, sample_rate: int) -> int:
    """Sample near a place from which on energy grows most over 3 ms."""
    n, reach = round(0.003 * sample_rate), round(0.02 * sample_rate)
    part = sound[max(0, place - reach - n) : place + reach + n].astype(np.float64)
    energy = np.concatenate([[0.0], np.cumsum(part**2)])
    after = energy[2 * n :] - energy[n:-n]
    before = energy[n:-n] - energy[: -2 * n]
    return max(0, place - reach - n) + n + int(np.argmax(after - before))


def _filled(sound: Samples, at: int, n_fft: int) -> npt.NDArray[np.bool_]:
    """Bins whose power is greater after a sample than before it."""
    window = np.hanning(n_fft + 1)[:-1].astype(np.float32)
    before, after = (
        np.square(np.abs(scipy.fft.rfft(sound[first : first + n_fft] * window)))
        for first in (at - n_fft, at - n_fft // 4)
    )
    return np.asarray(after > _GROWTH * before)


@dataclass(frozen=True, eq=False)
class TimeMap:
    """Samples of a sound that belong to those of its stretched form: straight between knots."""

    factor: float
    out: Array
    into: Array

    def __call__(self, samples: npt.NDArray[np.int64]) -> Array:
        """Samples of the input."""
        if not len(self.out):
            return np.asarray(samples / self.factor)
        found = np.interp(samples, self.out, self.into)
        before, after = samples < self.out[0], samples > self.out[-1]
        found[before] = self.into[0] + (samples[before] - self.out[0]) / self.factor
        found[after] = self.into[-1] + (samples[after] - self.out[-1]) / self.factor
        return np.asarray(found)


def map_time(
    transients: Sequence[Transient], factor: float, n_fft: int, *, evenly: bool = False
) -> TimeMap:
    """Course of time, stretched by a factor; around transients it is as it was, or goes evenly."""
    at = np.array([each.at for each in transients], np.float64)
    if not len(at):
        return TimeMap(factor, at, at)
    # No more than half of the way to the next, before or after stretching.
    gaps = np.diff(at, prepend=-np.inf, append=np.inf) * min(1.0, factor) / 4
    reach = np.minimum(_REACH * n_fft / 2, np.minimum(gaps[:-1], gaps[1:]))
    there = np.rint(at * factor)
    out = np.stack([there - reach, there + reach], axis=1).ravel()
    if evenly:
        reach = reach / factor
    into = np.stack([at - reach, at + reach], axis=1).ravel()
    return TimeMap(factor, out, into)
