"""Fundamental frequency of one voice, frame by frame, and whether it has one.

Boersma, "Accurate short-term analysis of the fundamental frequency" (1993): autocorrelation over
the window's own, and the cheapest path through each frame's candidates. We differ in the range of
pitches, which is that of instruments as well. `partials.vibrato` tracks what it straightens by the
same likeness, without a path: it needs no octaves and no rests.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.fft

from cambiata.arrays import Samples
from cambiata.audio.source import resample

Floats = npt.NDArray[np.float64]

FRAME_S = 0.01
# From a bass's C2 less a third to the top of a violin. Three periods of the lowest make a window.
LOWEST_HZ, HIGHEST_HZ = 55.0, 2800.0
_RATE_HZ = 16000
_WINDOW, _N_FFT = 880, 2048
_FINER = 2  # points of the autocorrelation a sample: peaks of high pitches are narrow
_N_CANDIDATES = 8
_BATCH = 2048  # frames at once: bounded memory
# Praat's own: what is less like itself a period later, or softer than this share of the peak, has
# no pitch; and what it costs to leap an octave, or to begin and end a voice, within 10 ms.
_VOICING, _SILENCE = 0.45, 0.03
_OCTAVE_COST, _LEAP_COST, _VOICED_COST = 0.02, 0.35, 0.14


@dataclass(frozen=True, eq=False)
class PitchTrack:
    """Pitch of each frame of 10 ms, and how periodic it is."""

    hz: Floats  # [L], 0 where there is none
    likeness: Floats  # of a frame to itself a period later, 0 to 1 [L]

    @property
    def is_voiced(self) -> npt.NDArray[np.bool_]:
        """Frames that have a pitch [L]."""
        return self.hz > 0

    @property
    def midi(self) -> Floats:
        """MIDI numbers with fractions [L]; not a number where there is no pitch."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.hz > 0, 69 + 12 * np.log2(self.hz / 440), np.nan)


def track_pitch(samples: Samples, sample_rate: int, peak: float) -> PitchTrack:
    """Pitch of one voice [T], whose loudest sample anywhere is `peak`."""
    sound = resample(samples, sample_rate, _RATE_HZ)
    hop = round(FRAME_S * _RATE_HZ)
    half = _WINDOW // 2
    padded = np.pad(sound, (half, half + hop))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[: len(sound) + 1 : hop]
    lags, strengths, loudness = [], [], []
    for first in range(0, len(frames), _BATCH):
        lag, strength, level = _candidates(frames[first : first + _BATCH])
        lags.append(lag)
        strengths.append(strength)
        loudness.append(level)
    lag, strength = np.concatenate(lags), np.concatenate(strengths)
    level = np.concatenate(loudness) / max(peak, 1e-9)
    hz = _RATE_HZ / np.maximum(lag, 1.0)
    # Praat's strength of "no pitch": more where it is soft.
    unvoiced = _VOICING + np.maximum(0.0, 2 - level / _SILENCE * (1 + _VOICING))
    chosen = _cheapest_path(hz, strength, unvoiced)
    row = np.arange(len(hz))
    voiced = chosen < _N_CANDIDATES
    at = np.minimum(chosen, _N_CANDIDATES - 1)
    return PitchTrack(np.where(voiced, hz[row, at], 0.0), np.clip(strength.max(axis=1), 0, 1))


def _candidates(frames: Samples) -> tuple[Floats, Floats, Floats]:
    """Lags and strengths [N, K] of the highest peaks of the autocorrelation, and peaks [N]."""
    taper = np.hanning(_WINDOW).astype(np.float32)
    n = _FINER * _N_FFT
    own = scipy.fft.irfft(np.abs(scipy.fft.rfft(taper, _N_FFT)) ** 2, n)
    shortest, longest = (int(_FINER * _RATE_HZ / hz) for hz in (HIGHEST_HZ, LOWEST_HZ))
    level = np.abs(frames).max(axis=1).astype(np.float64)
    centred = (frames - frames.mean(axis=1, keepdims=True)) * taper
    power = np.abs(scipy.fft.rfft(centred, _N_FFT)) ** 2
    alike = scipy.fft.irfft(power, n)[:, : longest + 2]
    alike = alike / np.maximum(alike[:, :1], 1e-12) / (own[: longest + 2] / own[0])
    inner = alike[:, shortest : longest + 1]
    is_peak = (inner >= alike[:, shortest - 1 : longest]) & (inner > alike[:, shortest + 1 :])
    # Of two periods that fit alike, the shorter one.
    bonus = -_OCTAVE_COST * np.log2(np.arange(shortest, longest + 1) / shortest)
    heights = np.where(is_peak, inner + bonus, -1.0)
    top = np.argpartition(-heights, _N_CANDIDATES, axis=1)[:, :_N_CANDIDATES]
    row = np.arange(len(frames))[:, None]
    lag = top + shortest
    before, here, after = (alike[row, lag + k] for k in (-1, 0, 1))
    curve = np.minimum(before - 2 * here + after, -1e-9)
    shift = np.clip(0.5 * (before - after) / curve, -0.5, 0.5)
    height = np.minimum(here - 0.25 * (before - after) * shift, 1.0) + bonus[top]
    height = np.where(heights[row, top] > -1, height, -1.0)
    return (lag + shift) / _FINER, height, level


def _cheapest_path(hz: Floats, strength: Floats, unvoiced: Floats) -> npt.NDArray[np.int64]:
    """Candidate of every frame [L], the number of candidates standing for no pitch."""
    n_frames, n = hz.shape
    octaves = np.log2(hz)
    cost = np.concatenate([-strength, -unvoiced[:, None]], axis=1)
    came_from = np.zeros((n_frames, n + 1), np.int64)
    total = cost[0]
    change = np.full((n + 1, n + 1), _VOICED_COST)
    change[n, n] = 0.0
    columns = np.arange(n + 1)
    for i in range(1, n_frames):
        change[:n, :n] = _LEAP_COST * np.abs(octaves[i][:, None] - octaves[i - 1][None])
        ways = total[None] + change
        came_from[i] = ways.argmin(axis=1)
        total = ways[columns, came_from[i]] + cost[i]
    path = np.zeros(n_frames, np.int64)
    path[-1] = int(total.argmin())
    for i in range(n_frames - 1, 0, -1):
        path[i - 1] = came_from[i, path[i]]
    return path
