"""Pitch marks of a voice: where its periods lie, and where its waves are strongest within them.

Pitch-synchronous overlap-add (Moulines and Charpentier 1990) cuts a voice at its periods. The
phase of the period is followed by how fast the lowest harmonics turn from one period to the next,
and the marks are laid where the energy of a period is centred, so that a grain holds one pulse of
the voice and what it rings on with. Both are sums over whole periods: no pulse has to be searched.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from cambiata.arrays import Samples
from cambiata.ensemble.f0 import FRAME_S, PitchTrack

Floats = npt.NDArray[np.float64]

# Where there is no pitch: short enough that strokes of consonants stay where they are.
UNVOICED_S = 0.006
# Points of a period. Its first eight harmonics are sums over them; higher ones do not matter here.
_POINTS = 32
_N_HARMONICS = 6
_ROUNDS = 2  # of following the phase; the second corrects some hundredths of a percent
# Standard deviations in seconds: of the harmonics' turning (less would follow noise, more would
# smooth fast vibrato), and of the energy's place, which moves with vowels alone.
_TURNING_S, _PLACE_S = 0.006, 0.04
_STEP_S = 0.001  # of the grid on which phases are integrated
_LONGEST_RUN = 3000  # frames looked at together: bounded memory


@dataclass(frozen=True, eq=False)
class Marks:
    """Marks of a sound, from its first sample to beyond its last."""

    at_s: Floats  # times, rising [M]
    is_voiced: npt.NDArray[np.bool_]  # the interval from each mark to the next has a pitch [M]

    def index_at(self, time_s: Floats) -> Floats:
        """Number of the mark at a time, with its fraction."""
        return np.interp(time_s, self.at_s, np.arange(len(self.at_s), dtype=np.float64))


class Readable(Protocol):
    """One channel of sound that is read in slices."""

    def __len__(self) -> int: ...

    def __getitem__(self, span: slice) -> Samples: ...


def find_marks(samples: Readable, sample_rate: int, track: PitchTrack) -> Marks:
    """Marks of one voice [T] and its pitch track."""
    duration_s = len(samples) / sample_rate
    pieces: list[Floats] = []
    for first, last in voiced_runs(track.is_voiced):
        for begin in range(first, last, _LONGEST_RUN):
            run = _Run(samples, sample_rate, track, begin, min(last, begin + _LONGEST_RUN)).marks()
            run = run[(run > 0) & (run < duration_s)]
            if len(run) > 2:
                pieces.append(run)
    return _filled(pieces, duration_s)


def voiced_runs(is_voiced: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First frames of runs of three and more, and those after their last."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], is_voiced.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2) if b - a >= 3]


class _Run:
    """A stretch that has a pitch all through, whose phase is followed."""

    def __init__(
        self, samples: Readable, sample_rate: int, track: PitchTrack, first: int, last: int
    ) -> None:
        begin_s, end_s = (first - 0.5) * FRAME_S, (last - 0.5) * FRAME_S
        start = max(0, int((begin_s - FRAME_S) * sample_rate))
        sound = np.asarray(samples[start : int((end_s + FRAME_S) * sample_rate) + 1], np.float64)
        self._start, self._rate = start, sample_rate
        self._summed = np.concatenate([[0.0], np.cumsum(sound)])
        self._energy = np.concatenate([[0.0], np.cumsum(sound**2)])
        self._grid_s = np.arange(begin_s, end_s + _STEP_S, _STEP_S)
        hz = track.hz[first:last]
        self._typical_hz = float(np.median(hz))
        self._rate_hz = np.exp(
            np.interp(self._grid_s, np.arange(first, last) * FRAME_S, np.log(hz))
        )

    def marks(self) -> Floats:
        """Times of the marks; none where hardly a period has room."""
        for _ in range(_ROUNDS):
            if not self._follow():
                return np.zeros(0)
        return self._centred()

    def _follow(self) -> bool:
        """Correct the rate by how fast the lowest harmonics turn from one period to the next."""
        edges_s = self._edges_s(_integrated(self._rate_hz))
        if len(edges_s) <= 4 * _POINTS:
            return False
        harmonics = _harmonics(self._binned(self._summed, edges_s))
        turning = harmonics[1:] * harmonics[:-1].conj()
        weight = np.abs(turning)
        number = np.arange(1, _N_HARMONICS + 1)
        off = (weight * np.angle(turning) / number).sum(axis=1)
        off /= np.maximum(weight.sum(axis=1), 1e-20)
        width = max(0.3, _TURNING_S * self._typical_hz)
        off = gaussian_filter1d(off, width, mode="nearest") / (2 * np.pi)
        borders_s = edges_s[_POINTS:-1:_POINTS]
        self._rate_hz *= np.clip(1 + np.interp(self._grid_s, borders_s, off), 0.9, 1.1)
        return True

    def _centred(self) -> Floats:
        """Times at which the energy of each period has its centre."""
        phase = _integrated(self._rate_hz)
        edges_s = self._edges_s(phase)
        place = _harmonics(self._binned(self._energy, edges_s))[:, 0]
        width = max(1.0, _PLACE_S * self._typical_hz)
        place = gaussian_filter1d(place.real, width) + 1j * gaussian_filter1d(place.imag, width)
        centre = -np.unwrap(np.angle(place)) / (2 * np.pi)
        middles_s = np.interp(np.arange(len(centre)) + 0.5, phase, self._grid_s)
        shifted = np.maximum.accumulate(phase - np.interp(self._grid_s, middles_s, centre))
        numbers = np.arange(np.ceil(shifted[0]), np.floor(shifted[-1]) + 1)
        return np.asarray(np.interp(numbers, shifted, self._grid_s))

    def _edges_s(self, phase: Floats) -> Floats:
        """Times of the points of all whole periods."""
        numbers = np.arange(int(phase[-1]) * _POINTS + 1) / _POINTS
        return np.asarray(np.interp(numbers, phase, self._grid_s))

    def _binned(self, running: Floats, edges_s: Floats) -> Floats:
        """Sums between edges, of a running sum; a row a period [K, points]."""
        places = edges_s * self._rate - self._start
        at = np.interp(places, np.arange(len(running)), running)
        return np.diff(at).reshape(-1, _POINTS)


def _integrated(rate_hz: Floats) -> Floats:
    """Phase in periods on the grid."""
    steps = (rate_hz[1:] + rate_hz[:-1]) / 2 * _STEP_S
    return np.concatenate([[0.0], np.cumsum(steps)])


def _harmonics(periods: Floats) -> npt.NDArray[np.complex128]:
    """Lowest harmonics of each period [K, H], smoothed with its neighbours (1, 2, 1)."""
    found = np.fft.rfft(periods, axis=1)[:, 1 : _N_HARMONICS + 1]
    padded = np.pad(found, ((1, 1), (0, 0)), mode="edge")
    smooth: npt.NDArray[np.complex128] = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    return smooth


def _filled(pieces: list[Floats], duration_s: float) -> Marks:
    """Marks of all voiced stretches, and evenly spaced ones between them."""
    times: list[Floats] = []
    voiced: list[npt.NDArray[np.bool_]] = []
    at = -2 * UNVOICED_S
    for piece in [*pieces, np.array([duration_s + 3 * UNVOICED_S])]:
        if at > 0:
            piece = piece[piece > at + 1e-4]
        if not len(piece):
            continue
        n = max(1, round((piece[0] - at) / UNVOICED_S))
        gap = at + (piece[0] - at) * np.arange(n) / n
        times += [gap, piece[:-1]]
        voiced += [np.zeros(n, bool), np.ones(len(piece) - 1, bool)]
        at = float(piece[-1])
    times.append(np.array([at]))
    voiced.append(np.zeros(1, bool))
    return Marks(np.concatenate(times), np.concatenate(voiced))
