"""Phase vocoder: sound at another speed, its pitch kept, channels in step, transients whole.

Every bin is turned as far as the strongest partial near it is (Laroche & Dolson 1999, identity
phase locking). How far a partial turns in a hop is measured with a second window one hop earlier,
as in Bonada 2000, so that nothing is unwrapped and equal speed gives back the sound itself. All
channels turn alike: their differences of phase, the stereo image, stay.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.fft

from cambiata.arrays import Samples
from cambiata.audio.chunks import cut
from cambiata.transposition.transients import TimeMap, Transient

Spectra = npt.NDArray[np.complex64]  # [L, C, F]
Power = npt.NDArray[np.float32]  # [L, F]
Shaping = Callable[[Power], Power]
"""Gains of the bins [L, F] of spectra with these powers."""

_WINDOW_S = 0.093  # 4096 samples at 44.1 kHz
_OVERLAP = 4  # hops a window: Hann's squares add up to a constant
_AT_ONCE = 64  # frames: some megabytes
_WORKERS = 2
_FLOOR = np.float32(1e-20)


def window_samples(sample_rate: float) -> int:
    """Length of the window: a power of two."""
    return int(max(64, 2 ** round(np.log2(_WINDOW_S * sample_rate))))


def stretch_blocks(
    blocks: Iterator[Samples],
    n_channels: int,
    n_out: int,
    time_map: TimeMap,
    n_fft: int,
    transients: Sequence[Transient],
    shaping: Shaping | None = None,
) -> Iterator[Samples]:
    """Sound [C, T] at another speed; `time_map` gives samples of the input for those of the output.

    Parameters
    ----------
    blocks : iterator of numpy.ndarray
        Sound [C, T] each.
    n_channels : int
        Number of channels C.
    n_out : int
        Samples to give.
    time_map : callable
        Samples of the input that belong to samples of the output; rising.
    n_fft : int
        Length of the window.
    transients : list of Transient
        Where phases begin anew.
    shaping : callable, optional
        Gains of the spectra's bins.

    Yields
    ------
    numpy.ndarray
        Sound [C, T], together `n_out` long.
    """
    hop, half = n_fft // _OVERLAP, n_fft // 2
    # The first window is centred a hop before the sound: all that reach into it are there.
    n_frames = -(-(n_out + half) // hop) + 2
    centres = np.rint(time_map(np.arange(-1, n_frames - 1) * hop)).astype(np.int64)
    # Zeros ahead, so that no window begins before the sound.
    ahead = hop + half + max(0, -int(centres[0]))
    at = centres + ahead
    spans = [
        (int(part[0]) - hop - half, int(part[-1]) + half)
        for part in np.array_split(at, -(-n_frames // _AT_ONCE))
    ]
    padded = chain([np.zeros((n_channels, ahead), np.float32)], blocks, _silence(n_channels, n_fft))
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)).astype(np.float32)
    starting = _starting(transients, time_map, centres, hop)
    turning = _Turning(n_channels, n_fft)
    out = np.zeros((n_channels, 0), np.float32)
    given, frame = -half - hop, 0  # samples before the output's first are cut off
    for (start, _), part, chunk in zip(
        spans, np.array_split(at, len(spans)), cut(padded, spans), strict=True
    ):
        first = part - half - start
        spectra = _spectra(chunk, first, window)
        earlier = _spectra(chunk, first - hop, window)
        power = np.square(np.abs(spectra)).sum(axis=1) + _FLOOR
        turned = turning.turn(spectra, earlier, power, starting[frame : frame + len(part)])
        if shaping is not None:
            turned *= shaping(power)[:, None]
        frames = scipy.fft.irfft(turned, n_fft, axis=-1, workers=_WORKERS)
        frames *= window / np.float32(0.375 * _OVERLAP)  # the sum of its overlapping squares
        longer = np.zeros((n_channels, (len(part) - 1) * hop + n_fft), np.float32)
        longer[:, : out.shape[1]] = out
        for i in range(len(part)):
            longer[:, i * hop : i * hop + n_fft] += frames[i]
        n_ready = len(part) * hop
        ready, out = longer[:, :n_ready], longer[:, n_ready:]
        frame += len(part)
        skipped = max(0, -given)
        piece = ready[:, skipped : max(skipped, n_out - given)]
        given += n_ready
        if piece.shape[1]:
            yield piece


class _Start(NamedTuple):
    """A transient in a window of the output."""

    bins: npt.NDArray[np.bool_]  # those that it fills [F]
    late: float  # samples by which it lies later than in the window of the input


def _starting(
    transients: Sequence[Transient],
    time_map: TimeMap,
    centres: npt.NDArray[np.int64],
    hop: int,
) -> list[_Start | None]:
    """Transient that each window of the output has near its middle, if any."""
    starting: list[_Start | None] = [None] * len(centres)
    for i, each in enumerate(transients):
        first, last = time_map.out[2 * i : 2 * i + 2]
        frames = range(int(-(-first // hop)), int(last // hop) + 1)
        for frame in frames:
            if -1 <= frame < len(centres) - 1:
                there = (first + last) / 2 - frame * hop
                late = there - (each.at - int(centres[frame + 1]))
                starting[frame + 1] = _Start(each.bins, float(late))
    return starting


def _silence(n_channels: int, n_samples: int) -> Iterator[Samples]:
    """Zeros without end."""
    while True:
        yield np.zeros((n_channels, n_samples), np.float32)


def _spectra(chunk: Samples, first: npt.NDArray[np.int64], window: Samples) -> Spectra:
    """Spectra [L, C, F] of windows that begin at samples of a chunk [C, T]."""
    views = np.lib.stride_tricks.sliding_window_view(chunk, len(window), axis=1)
    frames = views[:, first].transpose(1, 0, 2) * window
    return np.asarray(scipy.fft.rfft(frames, axis=-1, workers=_WORKERS), np.complex64)


class _Turning:
    """Phases of the output, from frame to frame."""

    def __init__(self, n_channels: int, n_fft: int) -> None:
        self._n_fft = n_fft
        self._last: Spectra = np.zeros((n_channels, n_fft // 2 + 1), np.complex64)
        self._turn = np.ones(n_fft // 2 + 1, np.complex64)
        self._delay = -2j * np.pi * np.arange(n_fft // 2 + 1) / n_fft

    def turn(
        self,
        spectra: Spectra,
        earlier: Spectra,
        power: Power,
        starting: Sequence[_Start | None],
    ) -> Spectra:
        """Spectra [L, C, F] with the phases that they have in the output."""
        before = np.concatenate([self._last[None], spectra[:-1]])
        step = (before * earlier.conj()).sum(axis=1)
        size = np.abs(step)
        step = np.where(size > _FLOOR, step / np.maximum(size, _FLOOR), np.complex64(1))
        peak = nearest_peaks(power)
        turns = np.empty_like(step)
        turn = self._turn
        for i in range(len(step)):
            turn = (turn * step[i])[peak[i]]
            turn /= np.abs(turn)
            begun = starting[i]
            if begun is not None:
                turn[begun.bins] = np.exp(self._delay * begun.late)[begun.bins]
            turns[i] = turn
        self._last, self._turn = spectra[-1], turn
        return spectra * turns[:, None]


def nearest_peaks(power: Power) -> npt.NDArray[np.int64]:
    """Bin of the peak nearest to each bin [L, F]; a peak is higher than two bins on either side."""
    n_bins = power.shape[1]
    wide = np.pad(power, ((0, 0), (2, 2)))
    is_peak = np.ones(power.shape, bool)
    for offset in (0, 1, 3, 4):
        other = wide[:, offset : offset + n_bins]
        is_peak &= power > other if offset > 2 else power >= other
    bins = np.arange(n_bins)
    below = np.maximum.accumulate(np.where(is_peak, bins, -n_bins), axis=1)
    above = np.minimum.accumulate(np.where(is_peak, bins, 2 * n_bins)[:, ::-1], axis=1)[:, ::-1]
    nearest = np.where(bins - below <= above - bins, below, above)
    return np.where((nearest < 0) | (nearest >= n_bins), bins, nearest)
