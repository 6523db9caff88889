"""Wide vibrato of one voice: followed by its pitch, and taken out, so that a note stays one note.

A voice that wavers by a semitone either way is a row of short notes to the detector. Where such a
row is heard, the pitch is tracked by autocorrelation (Boersma 1993: divided by the window's own),
and the sound is played faster and slower so that it stays at the middle of its vibrato: times move
by some 2 ms. What was taken out is given back to the notes as their deviation.
"""

import numpy as np
import numpy.typing as npt
import scipy.ndimage

from cambiata.arrays import Samples
from cambiata.audio.source import resample
from cambiata.partials.posteriors import BANDS, NoteEvents

Cents = npt.NDArray[np.float64]

# A row of short notes: three within a second, each of at most 0.28 s and followed within as long by
# one of the same pitch or up to two semitones away. Trills and runs are rows as well; the pitch,
# which is only tracked there, tells them apart.
_SHORT_FRAMES, _ROW, _ROW_FRAMES = 12.0, 3, 43.0
# Voices below 1.2 kHz, in windows of 46 ms: a quarter of a period of vibrato.
_RATE_HZ, _WINDOW, _HOP = 11025, 512, 110
_LOWEST_HZ, _HIGHEST_HZ = 70.0, 1200.0
_MIN_LIKENESS = 0.85  # of a wave to itself a period later: two voices, or noise, have less
_OCTAVE_SHARE = 0.9  # the shortest delay that is nearly as like as the best
_BLOCK = 4096  # windows at once: bounded memory
# The pitch of one note moves less than this from frame to frame (10 ms); vibrato of a semitone
# either way at 7 Hz by 44 cents.
_JUMP_CENTS = 90.0
# A period of vibrato lies within 0.26 s (4 Hz and more). From 40 cents either way on it is taken
# out, up to 180; crossings of its middle must fit 3.5 to 9 Hz.
_SPAN, _MIN_CENTS, _MAX_CENTS = 26, 40.0, 180.0
_CROSSINGS_HZ = (3.5, 9.0)
# Vibrato is smooth: it spends no more than half of the time near its ends, as trills do.
_END_SHARE, _MAX_AT_ENDS = 0.8, 0.62
_OVERSAMPLING = 2


def is_wavering(events: NoteEvents) -> bool:
    """Whether a row of short neighbouring notes is among a recording's."""
    order = np.argsort(events.start, kind="stable")
    start, pitch = events.start[order], events.pitch[order]
    is_short = (events.end - events.start)[order] <= _SHORT_FRAMES
    wavers = []
    for i in np.flatnonzero(is_short):
        following = slice(i + 1, int(np.searchsorted(start, start[i] + _SHORT_FRAMES)))
        if (np.abs(pitch[following] - pitch[i]) <= 2).any():
            wavers.append(start[i])
    at = np.array(wavers)
    return bool((at[_ROW - 1 :] - at[: max(0, len(at) - _ROW + 1)] <= _ROW_FRAMES).any())


def straighten(samples: Samples) -> tuple[Samples, npt.NDArray[np.float32]] | None:
    """A sound [T] at the rate of `BANDS` without its wide vibrato, and that vibrato in cents [L].

    None where it has none.
    """
    vibrato = _vibrato_cents(_pitch_cents(resample(samples, BANDS.sample_rate, _RATE_HZ)))
    if not vibrato.any():
        return None
    at = np.arange(len(vibrato)) * (_HOP / _RATE_HZ * BANDS.sample_rate)
    speed = np.interp(np.arange(len(samples)), at, 2 ** (vibrato / 1200))
    moved = np.cumsum(speed) * (len(samples) / speed.sum())
    # Where each sample of the straight sound comes from; both begin and end together.
    place = np.arange(len(samples), dtype=np.float64)
    source = np.interp(place + 1, moved, place)
    fine = resample(samples, BANDS.sample_rate, _OVERSAMPLING * BANDS.sample_rate)
    straight = np.interp(source * _OVERSAMPLING, np.arange(len(fine)), fine)
    frames = np.arange(BANDS.n_frames(len(samples))) * BANDS.hop_length
    return straight.astype(np.float32), np.interp(frames, at, vibrato).astype(np.float32)


def _pitch_cents(samples: Samples) -> Cents:
    """Pitch of one voice every 10 ms in cents above 1 Hz; not a number where there is none."""
    half = _WINDOW // 2
    padded = np.pad(samples, (half, half + _HOP))
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[: len(samples) : _HOP]
    taper = np.hanning(_WINDOW)
    shortest, longest = int(_RATE_HZ / _HIGHEST_HZ), int(_RATE_HZ / _LOWEST_HZ)
    own = np.fft.irfft(np.abs(np.fft.rfft(taper, 2 * _WINDOW)) ** 2)[: longest + 2]
    pitches = []
    for first in range(0, len(windows), _BLOCK):
        block = windows[first : first + _BLOCK] * taper
        alike = np.fft.irfft(np.abs(np.fft.rfft(block, 2 * _WINDOW)) ** 2)[:, : longest + 2]
        alike = alike / np.maximum(alike[:, :1], 1e-12) / (own / own[0])
        pitches.append(_period_cents(alike, shortest, longest))
    cents = np.concatenate(pitches)
    energy = np.concatenate([(w**2).sum(axis=1) for w in np.array_split(windows, 8)])
    return np.where(energy > 1e-4 * energy.max(), cents, np.nan)


def _period_cents(alike: Cents, shortest: int, longest: int) -> Cents:
    """Pitch of windows by their likeness to themselves [N, delays]."""
    inner = alike[:, shortest : longest + 1]
    before, after = alike[:, shortest - 1 : longest], alike[:, shortest + 1 : longest + 2]
    is_peak = (inner >= before) & (inner > after)
    heights = np.where(is_peak, inner, 0.0)
    best = heights.max(axis=1)
    lag = shortest + np.argmax(heights >= _OCTAVE_SHARE * best[:, None], axis=1)
    row = np.arange(len(alike))
    left, top, right = (alike[row, lag + k] for k in (-1, 0, 1))
    shift = 0.5 * (left - right) / np.minimum(left - 2 * top + right, -1e-9)
    cents = 1200 * np.log2(_RATE_HZ / (lag + shift.clip(-0.5, 0.5)))
    return np.where(best >= _MIN_LIKENESS, cents, np.nan)


def _vibrato_cents(pitch: Cents) -> Cents:
    """Deviation from the middle of the vibrato, 0 where there is none [N]."""
    vibrato = np.zeros(len(pitch))
    broken = np.isnan(pitch) | (np.abs(np.diff(pitch, prepend=pitch[:1])) > _JUMP_CENTS)
    borders = np.flatnonzero(np.append(broken, True))
    first = 0
    for border in borders.tolist():
        run = slice(first, border)
        if border - first >= 2 * _SPAN:
            vibrato[run] = _of_run(pitch[run])
        first = border if border < len(pitch) and not np.isnan(pitch[border]) else border + 1
    return vibrato


def _of_run(pitch: Cents) -> Cents:
    """Vibrato of a stretch of one voice without jumps."""
    # Extremes of whole periods: at its ends, windows are moved inside.
    upper = scipy.ndimage.maximum_filter1d(pitch, _SPAN, mode="nearest")
    lower = scipy.ndimage.minimum_filter1d(pitch, _SPAN, mode="nearest")
    inside = np.clip(np.arange(len(pitch)), _SPAN // 2, len(pitch) - 1 - _SPAN // 2)
    middle = ((upper + lower) / 2)[inside]
    middle = scipy.ndimage.uniform_filter1d(middle, _SPAN // 2, mode="nearest")
    extent = ((upper - lower) / 2)[inside]
    off = pitch - middle
    crossings = np.count_nonzero(np.diff(np.sign(off))) / 2 / (len(pitch) * _HOP / _RATE_HZ)
    at_ends = float(np.mean(np.abs(off) > _END_SHARE * extent))
    typical = float(np.median(extent))
    is_vibrato = (
        _MIN_CENTS <= typical <= _MAX_CENTS
        and _CROSSINGS_HZ[0] <= crossings <= _CROSSINGS_HZ[1]
        and at_ends <= _MAX_AT_ENDS
    )
    return off if is_vibrato else np.zeros(len(pitch))
