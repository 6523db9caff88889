"""Tones about and below the lowest key, which bands of a third of a semitone do not resolve.

The network hears such a tone as its second partial, an octave higher, with notes at its fifth
beside it. Where nothing but one tone sounds, its partials tell which it is: they stand at all
multiples of its fundamental, and none stands out as a note of its own would.
"""

import itertools
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio.log_frequency import decimate, hann_power
from cambiata.partials.posteriors import BANDS, LOWEST_PITCH, NoteEvents

# Every 16th sample is enough for partials up to 1.3 kHz, 40 of the highest tone, and a hop stays
# whole. Windows of 0.28 s tell partials 14 Hz apart: four bins.
_BY, _WINDOW = 16, 768
_HOP, _RATE_HZ = BANDS.hop_length // _BY, BANDS.sample_rate / _BY
# A sound is heard as a pitch from 16 Hz or so on (C0 of a 32' pipe); from C1 on the bands resolve.
_LOWEST, _HIGHEST = 11.5, 23.5  # MIDI numbers
# Partials lie within 26 dB of the highest; so do the first three of such a tone. What lies within
# 20 dB is a partial within an eighth of the fundamental's frequency, or another tone.
_PARTIAL_DB, _OTHER_DB, _OFF = 26.0, 20.0, 0.125
# A note of its own at a partial's place (an octave, a chord on a pedal) stands out from both
# neighbours; an octave of the same spectrum by 7 dB at the fourth partial.
_STANDS_OUT_DB = 4.0
# Halfway between its first partials a tone has nothing; noise has hardly less than at its peaks.
_APART_DB = 15.0
# Only frames are looked at whose bands below C2 come within 20 dB of the highest: there lies the
# fundamental or the second partial.
_GATE_BINS, _GATE_DB = 3 * (36 - 21), 20.0
_MIN_FRAMES = 9  # 0.2 s
_BOUNDARY_FRAMES = 16  # what changes within a window's length and a bit changes in the middle
_EDGE_FRAMES, _EDGE_DB = 12, 6.0  # a window that is half filled has half the amplitude
_INSIDE_FRAMES, _INSIDE_SHARE = 8, 0.7
_HIGHEST_PARTIAL, _NEAR_SEMITONES = 16, 0.6
# An octave above a key that was heard may be played with it; where the key was not, it is the key.
_LEAST_PARTIAL = 3
_CONFIDENCE = 0.5


class LowTone(NamedTuple):
    """One tone by itself, in frames of `BANDS`."""

    pitch: float
    start: int
    end: int


def low_pitches(samples: Samples, bands_db: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """MIDI number of the low tone that sounds by itself in each frame [L] of a sound [T], or NaN.

    `bands_db` [312, L] are the sound's at the rate of `BANDS`; A = 440 Hz.
    """
    pitch = np.full(bands_db.shape[1], np.nan, np.float32)
    low = bands_db[:_GATE_BINS].max(axis=0) >= bands_db.max(axis=0) - _GATE_DB
    if not low.any():
        return pitch
    power = hann_power(decimate(samples, _BY), _WINDOW, _HOP)[: len(pitch)]
    level_db = 10 * np.log10(power + 1e-20)
    hz = np.arange(level_db.shape[1]) * _RATE_HZ / _WINDOW
    first, last = np.searchsorted(hz, 440 * 2 ** ((np.array([_LOWEST, _HIGHEST]) - 69) / 12))
    fundamental_db = level_db[:, first - 1 : last + 1].max(axis=1)
    low[: len(level_db)] &= fundamental_db >= level_db.max(axis=1) - _PARTIAL_DB
    for at in np.flatnonzero(low[: len(level_db)]):
        pitch[at] = _pitch(level_db[at])
    return pitch


def _pitch(level_db: Samples) -> float:
    """The low tone of a spectrum [F] that holds nothing else, or NaN."""
    top_db = float(level_db.max())
    before, here, after = level_db[:-2], level_db[1:-1], level_db[2:]
    at = 1 + np.flatnonzero((here > before) & (here >= after) & (here >= top_db - _PARTIAL_DB))
    a, b, c = level_db[at - 1], level_db[at], level_db[at + 1]
    bins = at + 0.5 * (a - c) / (a - 2 * b + c)
    if not len(bins):
        return np.nan
    first = float(bins[0])
    for i in range(min(len(bins), _HIGHEST_PARTIAL)):
        order = np.round(bins[: i + 1] / first)  # each more partial places the first more exactly
        first = float(order @ bins[: i + 1] / (order @ order))
    pitch = 69 + 12 * np.log2(first * _RATE_HZ / _WINDOW / 440)
    off = np.abs(bins - first * np.round(bins / first))
    if not _LOWEST <= pitch < _HIGHEST or (off > _OFF * first)[b >= top_db - _OTHER_DB].any():
        return np.nan
    n_partials = min(_HIGHEST_PARTIAL + 1, int((len(level_db) - 2) / first))
    places = np.round(first * np.arange(1, n_partials + 1)).astype(np.int64)
    partial_db = np.max([level_db[places + d] for d in (-1, 0, 1)], axis=0)
    beside_db = np.maximum(partial_db[:-2], partial_db[2:])
    is_partial = partial_db[1:-1] >= top_db - _PARTIAL_DB
    stands_out = (partial_db[1:-1] > beside_db + _STANDS_OUT_DB) & is_partial
    whole = (partial_db[:3] >= top_db - _PARTIAL_DB).all()
    between_db = level_db[np.round(first * np.arange(1.5, 4)).astype(np.int64)]
    apart = (partial_db[:3] - between_db).mean() >= _APART_DB
    return float(pitch) if whole and apart and not stands_out.any() else np.nan


def low_tones(pitch: npt.NDArray[np.float32], level_db: npt.NDArray[np.float32]) -> list[LowTone]:
    """Tones of 0.2 s and more from the pitch of each frame [L]; levels [88, L] place their ends."""
    key = np.where(np.isnan(pitch), -1, np.round(np.nan_to_num(pitch))).astype(np.int64)
    changes = np.flatnonzero(np.diff(key, prepend=-1, append=-1)).tolist()
    runs = [(a, b) for a, b in itertools.pairwise(changes) if key[a] >= 0]
    runs = [(a, b) for a, b in runs if b - a >= _MIN_FRAMES]
    loudest = level_db.max(axis=0)
    tones: list[LowTone] = []
    for a, b in runs:
        head, tail = loudest[a:b][:_EDGE_FRAMES], loudest[a:b][-_EDGE_FRAMES:]
        start = a + int(np.argmax(head >= head.max() - _EDGE_DB))
        end = b - int(np.argmax(tail[::-1] >= tail.max() - _EDGE_DB))
        if tones and a - tones[-1].end <= _BOUNDARY_FRAMES:
            start = (a + tones[-1].end) // 2
            tones[-1] = tones[-1]._replace(end=start)
        tones.append(LowTone(float(np.median(pitch[a:b])), start, end))
    return tones


def with_low_tones(events: NoteEvents, tones: list[LowTone]) -> tuple[NoteEvents, float]:
    """The notes with low tones for what was heard of them, and the seconds that lie below A0."""
    keep = np.ones(events.n_notes, bool)
    added: list[tuple[int, int, int]] = []
    below = 0
    for tone in tones:
        ratio = 2 ** ((events.pitch - tone.pitch) / 12)
        partial = np.maximum(np.round(ratio), 1)
        near = np.abs(12 * np.log2(ratio / partial)) <= _NEAR_SEMITONES
        begin, until = tone.start - _INSIDE_FRAMES, tone.end + _INSIDE_FRAMES
        shared = np.minimum(events.end, until) - np.maximum(events.start, begin)
        inside = shared >= _INSIDE_SHARE * (events.end - events.start)
        key = round(tone.pitch)
        own = ((shared > 0) & (events.pitch == key)).any()
        least = _LEAST_PARTIAL if own else 2
        keep &= ~(near & inside & (partial >= least) & (partial <= _HIGHEST_PARTIAL))
        if key < LOWEST_PITCH:
            below += tone.end - tone.start
        elif not own:
            added.append((key, tone.start, tone.end))
    if keep.all() and not added:
        return events, below * BANDS.frame_s
    rows = np.array(added, np.int64).reshape(-1, 3)
    strength = [float(events.level_db[p - LOWEST_PITCH, a:b].max()) for p, a, b in added]
    joined = [
        np.concatenate([old[keep], new])
        for old, new in (
            (events.pitch, rows[:, 0]),
            (events.start, rows[:, 1]),
            (events.end, rows[:, 2]),
            (events.confidence, np.full(len(rows), _CONFIDENCE)),
            (events.strength_db, np.array(strength, np.float64)),
        )
    ]
    order = np.lexsort((joined[1], joined[0]))
    pitch, start, end, confidence, strength_db = (column[order] for column in joined)
    corrected = replace(
        events,
        pitch=pitch,
        start=start,
        end=end,
        confidence=confidence,
        strength_db=strength_db,
    )
    return corrected, below * BANDS.frame_s
