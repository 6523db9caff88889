"""Exponential sweeps (Farina 2000): made for measuring a room, and read again from their file.

"Simultaneous measurement of impulse response and distortion with a swept-sine technique", 108th
AES convention. A short chirp before and after the sweep passes through the same room: how far the
two lie apart in a recording tells by how much its clock runs faster than the player's.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.errors import InputError

# Silence around and between; the first gap lets the marker's reverb die down before the lowest
# frequencies, which a loudspeaker plays weakly.
_EDGE_S, _GAP_S = 0.5, 2.0
# The markers: in the middle of what a phone plays and records, short, yet 28 dB above noise.
_MARKER_S, _MARKER_HZ = 0.2, (500.0, 4000.0)
# Fades: of the lowest frequency a period and a half at 20 Hz; of the highest as short as not to
# click.
_FADE_IN_S, _FADE_OUT_S = 0.08, 0.01
# Parts of a file are apart where there is at least this silence, at this level below the peak.
_SILENCE_S, _SILENCE_DB = 0.1, -60.0
_N_POINTS = 80  # of the fit of frequency over time
# Largest difference from an exponential, in natural logarithms of frequency.
_TOLERANCE = 0.03


@dataclass(frozen=True)
class Sweep:
    """A sweep in a sound: where it lies, its frequencies, and its markers."""

    samples: Samples  # the whole sound, one channel [T]
    sample_rate: int
    start: int
    stop: int
    low_hz: float
    high_hz: float
    markers: tuple[int, int] | None = None  # first samples of both
    marker_samples: int = 0

    @property
    def duration_s(self) -> float:
        """Seconds from its lowest to its highest frequency."""
        return (self.stop - self.start) / self.sample_rate

    @property
    def growth_s(self) -> float:
        """Seconds in which the frequency grows by e: L of Farina's equations."""
        return self.duration_s / float(np.log(self.high_hz / self.low_hz))

    @property
    def tail_s(self) -> float:
        """Silence after it, up to the second marker or to the end."""
        end = len(self.samples) if self.markers is None else self.markers[1]
        return (end - self.stop) / self.sample_rate


def make_sweep(
    duration_s: float,
    low_hz: float,
    high_hz: float,
    sample_rate: int,
    tail_s: float,
    level_db: float,
) -> Samples:
    """Sound [T]: a marker, the sweep, silence for the room to ring, and the marker again."""
    level = 10 ** (level_db / 20)
    sweep = _exponential(duration_s, low_hz, high_hz, sample_rate)
    _fade(sweep, round(_FADE_IN_S * sample_rate), round(_FADE_OUT_S * sample_rate))
    marker = _exponential(_MARKER_S, *_MARKER_HZ, sample_rate)
    _fade(marker, len(marker) // 4, len(marker) // 4)
    edge, gap = np.zeros(round(_EDGE_S * sample_rate)), np.zeros(round(_GAP_S * sample_rate))
    tail = np.zeros(round(tail_s * sample_rate))
    parts = (edge, marker, gap, sweep, tail, marker, edge)
    sound: Samples = (level * np.concatenate(parts)).astype(np.float32)
    return sound


def _exponential(
    duration_s: float, low_hz: float, high_hz: float, sample_rate: int
) -> npt.NDArray[np.float64]:
    growth_s = duration_s / np.log(high_hz / low_hz)
    t = np.arange(round(duration_s * sample_rate)) / sample_rate
    phase = 2 * np.pi * low_hz * growth_s * np.expm1(t / growth_s)
    sweep: npt.NDArray[np.float64] = np.sin(phase)
    return sweep


def _fade(sound: npt.NDArray[np.float64], n_in: int, n_out: int) -> None:
    sound[:n_in] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(n_in) / n_in)
    sound[len(sound) - n_out :] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(n_out) / n_out)


def read_sweep(sound: Samples, sample_rate: int, name: str) -> Sweep:
    """Sweep of a sound [T]: the longest part of it, and the parts of one length around it."""
    parts = _parts(sound, sample_rate)
    if not parts:
        raise InputError(name, "is silent", "give the sweep that was played")
    start, stop = max(parts, key=lambda part: part[1] - part[0])
    fitted = _fit(sound[start:stop], sample_rate)
    if fitted is None:
        cure = "make one with `cambiata.reverb_sweep`, and play that"
        raise InputError(name, "is not an exponential sweep", cure)
    low_hz, high_hz = fitted
    before = [part for part in parts if part[1] <= start]
    after = [part for part in parts if part[0] >= stop]
    markers, length = None, 0
    if before and after:
        first, last = before[-1], after[0]
        length = first[1] - first[0]
        if abs(length - (last[1] - last[0])) <= 4:
            markers = (first[0], last[0])
    return Sweep(sound, sample_rate, start, stop, low_hz, high_hz, markers, length)


def _parts(sound: Samples, sample_rate: int) -> list[tuple[int, int]]:
    """Parts of a sound between silences: first sample, and the one after the last."""
    level = np.abs(sound)
    if not level.any():
        return []
    loud = np.flatnonzero(level > level.max() * 10 ** (_SILENCE_DB / 20))
    breaks = np.flatnonzero(np.diff(loud) > _SILENCE_S * sample_rate)
    starts = loud[np.concatenate([[0], breaks + 1])]
    stops = loud[np.concatenate([breaks, [len(loud) - 1]])] + 1
    return [(int(a), int(b)) for a, b in zip(starts, stops, strict=True)]


def _fit(sound: Samples, sample_rate: int) -> tuple[float, float] | None:
    """Frequencies at both ends of an exponential sweep, by its zero crossings; None for others."""
    sign = np.signbit(sound)
    at = np.flatnonzero(sign[1:] != sign[:-1])
    if len(at) < 2 * _N_POINTS:
        return None
    before, after = sound[at].astype(np.float64), sound[at + 1].astype(np.float64)
    times_s = (at + before / (before - after)) / sample_rate
    # Crossings are counted between times that are evenly spaced.
    grid_s = np.linspace(times_s[2], times_s[-3], _N_POINTS)
    picks = np.unique(np.searchsorted(times_s, grid_s))
    frequency_hz = np.diff(picks) / 2 / np.diff(times_s[picks])
    middle_s = (times_s[picks][1:] + times_s[picks][:-1]) / 2
    slope, offset = np.polyfit(middle_s, np.log(frequency_hz), 1)
    residual = np.log(frequency_hz) - (slope * middle_s + offset)
    duration_s = len(sound) / sample_rate
    if slope * duration_s < np.log(2) or np.median(np.abs(residual)) > _TOLERANCE:
        return None
    return float(np.exp(offset)), float(np.exp(offset + slope * duration_s))
