"""Inharmonic partials of a style: those of bells, bars and FM, at other than whole multiples.

The predictor knows the 48 harmonics of a note and the noise between them. What sounds besides, at
one ratio to the pitch in most of a style's notes, is found here and is played as it was measured.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.ndimage

from cambiata.audio.log_frequency import midi_to_hz
from cambiata.partials.note_frames import (
    BIN_HZ,
    FLOOR_DB,
    NoteFrames,
    coverage,
    inharmonicity_at,
    last_frames,
    partial_hz,
)
from cambiata.partials.posteriors import BANDS, NoteEvents
from cambiata.partials.synthesis import AddedPartials

# Numbers without a source or a measurement beside them were chosen by hand.
# --- notes that sound alone: none other begins within 93 ms of them or before their peaks are read.
# The window of analysis lies after the onset from two frames on, and ends before it two earlier.
_ALONE_FRAMES, _WINDOW_FRAMES = 4, 2
_READ_FRAMES, _MIN_READ_FRAMES = 6, 2  # 0.14 s, over which noise is evened out
_N_NOTES = 64  # of many, spread over the style, as many as tell all of it
# --- peaks: 12 dB above the median about them, no more than 55 dB below the loudest of the note,
# 6 dB louder than before the onset (what rings on from earlier notes is not), and no sidelobe,
# which 30 dB down within 6 bins might be.
_PEAK_DB, _MEDIAN_BINS, _RANGE_DB, _RISE_DB = 12.0, 61, 55.0, 6.0
_SIDELOBE_DB, _SIDELOBE_BINS = 30.0, 6
# Below 86 Hz bins do not tell ratios apart; above 16 kHz lossy recordings have nothing.
_LOWEST_PEAK, _HIGHEST_PEAK_HZ = 8.0, 16000.0
# A harmonic lies within Hann's main lobe of its place, within 30 cents where it is out of tune; of
# the note itself also within what its stiffness may be off, up to .3 of the fundamental.
_HARMONIC_BINS, _HARMONIC_CENTS = 2.5, 30.0
_LEAST_INHARMONICITY, _HARMONIC_SHARE = 1e-4, 0.3
# --- ratios in common: within 15 cents in two thirds of the notes that sound alone, and in four of
# three pitches at least (at one frequency in all of them it would be a resonance).
_RATIO_CENTS, _APART_CENTS, _NOTE_SHARE = 15.0, 40.0, 0.65
_MIN_NOTES, _MIN_PITCHES = 4, 3
# The lowest partial of a bell is its hum, half of the pitch; what lies lower are knocks.
_LOWEST_RATIO, _HIGHEST_RATIO, _MAX_TRIES = 0.4, 24.0, 32
_LEAST_DB = -40.0  # softer ones are not heard beside the harmonics
# --- levels over age: straight lines between these ages. They bend by some 3 dB (standard
# deviation); single frames stray by 6. A note that is let go falls by some 60 dB a second faster
# where it is not known, and levels hang on pitch by no more than some 6 dB an octave.
AGES_S = np.array([0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6])
_BEND_DB, _STRAY_DB = 3.0, 6.0
_RELEASE_DB_S, _RELEASE_SPREAD_DB_S, _SLOPE_DB = 60.0, 40.0, 6.0
_MAX_RELEASE_DB_S, _MAX_SLOPE_DB = 250.0, 24.0
_ABOVE_NOISE_DB = 6.0  # what is nearer to the noise tells nothing of a partial's level
_BEYOND_SEMITONES = 6.0  # so far outside of the style's pitches levels still change with pitch
N_COLUMNS = 1 + len(AGES_S) + 2

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Alone:
    """A note of a style that sounds alone."""

    note: int
    f1: float  # its fundamental, in bins
    frames: slice  # after its onset and before the next
    spectrum: Array  # mean power in the first of them [F]
    before: Array  # power before the onset [F]


def find_inharmonic(power: Array, events: NoteEvents, inharmonicity: float) -> Array | None:
    """Inharmonic partials of the notes of a power spectrogram [L, F], [K, N_COLUMNS].

    None where there are none.
    Columns are the ratio of the frequency to the note's pitch, the level at `AGES_S` in dB over the
    note's strength, how much faster it falls once the note is let go (dB a second), and the level's
    slope over pitch (dB an octave).
    """
    alone = list(_alone_notes(power, events))
    if len(alone) < _MIN_NOTES:
        return None
    found = [_free_peaks(each, events, inharmonicity) for each in alone]
    rows = []
    for ratio, members in _common_ratios(found, alone, events):
        row = _measure(power, events, [alone[i] for i in members], ratio)
        if row is not None:
            rows.append(row)
    return np.array(sorted(rows, key=lambda x: x[0]), np.float32) if rows else None


def _alone_notes(power: Array, events: NoteEvents) -> Iterator[_Alone]:
    chosen = np.unique(
        np.linspace(0, events.n_notes - 1, min(events.n_notes, 4 * _N_NOTES)).astype(np.int64)
    )
    n_found = 0
    last = last_frames(events, len(power))
    for i in chosen:
        apart = np.delete(events.start, i) - events.start[i]
        first = int(np.ceil(events.start[i] + _WINDOW_FRAMES))
        following = apart[apart >= _ALONE_FRAMES] + events.start[i] - _WINDOW_FRAMES
        stop = int(min(np.floor(following.min(initial=len(power))), np.ceil(last[i])))
        if (np.abs(apart) < _ALONE_FRAMES).any() or stop - first < _MIN_READ_FRAMES:
            continue
        begun = max(0, int(events.start[i]) - _WINDOW_FRAMES)
        before = power[max(0, begun - _WINDOW_FRAMES) : begun]
        pitch = np.array([events.pitch[i] + events.tuning_cents / 100])
        yield _Alone(
            int(i),
            float(midi_to_hz(pitch)[0]) / BIN_HZ,
            slice(first, stop),
            power[first : min(stop, first + _READ_FRAMES)].mean(axis=0),
            before.max(axis=0, initial=0),
        )
        n_found += 1
        if n_found == _N_NOTES:
            return


def _free_peaks(alone: _Alone, events: NoteEvents, inharmonicity: float) -> Floats:
    """Peaks of a note that are none of its harmonics, as ratios to its pitch."""
    power = alone.spectrum
    least = scipy.ndimage.median_filter(power, _MEDIAN_BINS) * 10 ** (_PEAK_DB / 10)
    least = np.maximum(least, power.max() * 10 ** (-_RANGE_DB / 10))
    louder = scipy.ndimage.maximum_filter1d(alone.before, 3) * 10 ** (_RISE_DB / 10)
    near = scipy.ndimage.maximum_filter1d(power, 2 * _SIDELOBE_BINS + 1)
    sidelobes = near * 10 ** (-_SIDELOBE_DB / 10)
    k = np.arange(2, len(power) - 2)
    here = power[k]
    peaks = (here > power[k - 1]) & (here >= power[k + 1])
    peaks &= here > np.maximum(np.maximum(least, louder), sidelobes)[k]
    k = k[peaks]
    # A parabola through the logarithms of three bins has its vertex at the peak.
    below, here, above = (np.log(power[k + i] + 1e-20) for i in (-1, 0, 1))
    place = k + 0.5 * (below - above) / np.minimum(below - 2 * here + above, -1e-6)
    place = place[(place > _LOWEST_PEAK) & (place * BIN_HZ < _HIGHEST_PEAK_HZ)]
    pitch = events.pitch[[alone.note]] + np.float64(events.tuning_cents / 100)
    # From where harmonics of a string without stiffness lie to where this one's do.
    own = partial_hz(pitch, inharmonicity)[0] / BIN_HZ
    harmonics = np.arange(1, len(own) + 1)
    b = float(inharmonicity_at(pitch, inharmonicity)[0])
    stretch = harmonics**3 * max(b, _LEAST_INHARMONICITY) / 2
    reach = np.maximum(
        np.maximum(_HARMONIC_BINS, own * (2 ** (_HARMONIC_CENTS / 1200) - 1)),
        np.minimum(_HARMONIC_SHARE, stretch) * alone.f1,
    )
    free = (place[:, None] > own + reach) | (place[:, None] < harmonics * alone.f1 - reach)
    ratio = place[free.all(axis=1)] / alone.f1
    return np.asarray(ratio[(ratio > _LOWEST_RATIO) & (ratio < _HIGHEST_RATIO)])


def _common_ratios(
    found: list[Floats], alone: list[_Alone], events: NoteEvents
) -> Iterator[tuple[float, list[int]]]:
    """Ratios that most notes have in common, and the notes that have each."""
    cents = 1200 * np.log2(np.concatenate(found))
    owner = np.repeat(np.arange(len(found)), [len(ratios) for ratios in found])
    left = np.ones(len(cents), bool)
    pitches = np.array([events.pitch[each.note] for each in alone])
    f1 = np.array([each.f1 for each in alone])
    for _ in range(_MAX_TRIES):
        near = (np.abs(cents[:, None] - cents) <= _RATIO_CENTS) & left & left[:, None]
        counts = np.array([len(np.unique(owner[row])) for row in near])
        if not len(counts) or counts.max() < _MIN_NOTES:
            return
        # Of equal ones the tightest.
        spread = np.where(near, np.abs(cents[:, None] - cents), 0).sum(axis=1)
        best = near[np.lexsort((spread, -counts))[0]]
        middle = float(np.median(cents[best]))
        members = np.unique(owner[best])
        left &= np.abs(cents - middle) > _APART_CENTS
        ratio = 2 ** (middle / 1200)
        place = ratio * f1
        n_inside = np.sum((place > _LOWEST_PEAK) & (place * BIN_HZ < _HIGHEST_PEAK_HZ))
        if len(members) < _NOTE_SHARE * n_inside or len(np.unique(pitches[members])) < _MIN_PITCHES:
            continue
        yield ratio, [int(i) for i in members]


def _measure(power: Array, events: NoteEvents, notes: list[_Alone], ratio: float) -> Floats | None:
    """Row of a partial at a ratio, from the notes that have it; None where it is too soft."""
    ages, released, octaves, levels = [], [], [], []
    middle = float(np.median(events.pitch))
    for each in notes:
        place = ratio * each.f1
        reach = max(1.0, place * (2 ** (_RATIO_CENTS / 1200) - 1))
        low, high = int(np.floor(place - reach)), int(np.ceil(place + reach)) + 1
        span = np.arange(each.frames.start - 1, each.frames.stop)  # one more: half in the window
        level = power[span, low:high].max(axis=1)
        around = slice(max(0, low - _MEDIAN_BINS // 2), high + _MEDIAN_BINS // 2)
        noise = np.median(power[span, around], axis=1)
        age_s = (span - events.start[each.note]) * BANDS.frame_s
        drowned = np.flatnonzero(level < noise * 10 ** (_ABOVE_NOISE_DB / 10))
        n = drowned[0] if len(drowned) else len(span)
        cover_db = 20 * np.log10(coverage(age_s[:n]))
        levels.append(10 * np.log10(level[:n]) - cover_db - events.strength_db[each.note])
        ages.append(age_s[:n])
        released.append(np.maximum(0, span[:n] - events.end[each.note]) * BANDS.frame_s)
        octaves.append(np.full(n, (events.pitch[each.note] - middle) / 12))
    level_db, age_s = np.concatenate(levels), np.concatenate(ages)
    if not len(level_db):
        return None
    fitted = _fit(level_db, age_s, np.concatenate(released), np.concatenate(octaves))
    heard = fitted[: len(AGES_S)].max()
    return np.append(ratio, fitted) if heard > _LEAST_DB else None


def _hats(age_s: Floats) -> Floats:
    """Weights by which levels at `AGES_S` give those at ages [M], [M, ages]."""
    inside = np.clip(age_s, AGES_S[0], AGES_S[-1])
    return np.stack([np.interp(inside, AGES_S, row) for row in np.eye(len(AGES_S))], axis=1)


def _fit(level_db: Floats, age_s: Floats, released_s: Floats, octaves: Floats) -> Floats:
    """Levels at `AGES_S`, fall after the offset and slope over pitch, by regularized regression."""
    n = len(AGES_S)
    data = np.column_stack([_hats(age_s), -released_s, octaves]) / _STRAY_DB
    steps = np.diff(AGES_S)
    straight = np.zeros((n - 2, n + 2))
    for i in range(n - 2):
        longer = steps[i + 1] / steps[i]
        straight[i, i : i + 3] = longer, -1 - longer, 1
    prior = np.zeros((2, n + 2))
    prior[0, n], prior[1, n + 1] = 1 / _RELEASE_SPREAD_DB_S, 1 / _SLOPE_DB
    matrix = np.concatenate([data, straight / _BEND_DB, prior])
    right = np.concatenate(
        [level_db / _STRAY_DB, np.zeros(n - 2), [_RELEASE_DB_S / _RELEASE_SPREAD_DB_S, 0]]
    )
    fitted = np.linalg.lstsq(matrix, right, rcond=None)[0]
    # Beyond the oldest frame levels may fall on, never rise.
    known = max(1, int(np.searchsorted(AGES_S, age_s.max(), side="right")))
    fitted[known:n] = np.minimum.accumulate(np.minimum(fitted[known:n], fitted[known - 1]))
    fitted[:n] = fitted[:n].clip(FLOOR_DB, 30)
    fitted[n] = fitted[n].clip(0, _MAX_RELEASE_DB_S)
    fitted[n + 1] = fitted[n + 1].clip(-_MAX_SLOPE_DB, _MAX_SLOPE_DB)
    return np.asarray(fitted)


def inharmonic_levels_db(
    inharmonic: Array, pitches: npt.NDArray[np.int64], frames: NoteFrames
) -> Array:
    """Levels of a style's inharmonic partials [K, N_COLUMNS] in note frames, [Q, K].

    `pitches` are those of the style's notes.
    """
    n = len(AGES_S)
    middle = float(np.median(pitches))
    low, high = pitches.min() - _BEYOND_SEMITONES, pitches.max() + _BEYOND_SEMITONES
    octaves = (np.clip(frames.pitch, low, high) - middle) / 12
    slopes = (inharmonic[:, n] - inharmonic[:, n - 1]) / (AGES_S[-1] - AGES_S[-2])
    beyond_s = np.maximum(0, frames.age_s - AGES_S[-1])
    level_db = _hats(frames.age_s) @ inharmonic[:, 1 : n + 1].T + beyond_s[:, None] * np.minimum(
        slopes, 0
    )
    level_db -= frames.released_s[:, None] * inharmonic[:, n + 1]
    level_db += octaves[:, None] * inharmonic[:, n + 2]
    return np.asarray(np.maximum(level_db, FLOOR_DB), np.float32)


def mixed_partials(
    styles: Sequence[tuple[float, Array, npt.NDArray[np.int64]]], frames: NoteFrames
) -> AddedPartials | None:
    """Inharmonic partials of styles with weights, as they are in note frames; None for none.

    Of each style its weight, its partials and the pitches of its notes. Levels are means in dB by
    weight, as of harmonics; what a style has not is silent.
    """
    ratios: list[float] = []
    levels_db: list[Array] = []
    for weight, inharmonic, pitches in styles:
        own_db = inharmonic_levels_db(inharmonic, pitches, frames)
        for i, ratio in enumerate(inharmonic[:, 0]):
            cents = 1200 * np.abs(np.log2(np.array(ratios) / ratio))
            same = int(cents.argmin()) if len(cents) and cents.min() <= _RATIO_CENTS else None
            if same is None:
                same = len(ratios)
                ratios.append(float(ratio))
                levels_db.append(np.full(len(frames), FLOOR_DB, np.float32))
            levels_db[same] += np.float32(weight) * (own_db[:, i] - np.float32(FLOOR_DB))
    if not ratios or not len(frames):
        return None
    hz = midi_to_hz(frames.tuned_pitch)[:, None] * np.array(ratios)
    return AddedPartials(np.arange(len(frames)), hz, np.stack(levels_db, axis=1))
