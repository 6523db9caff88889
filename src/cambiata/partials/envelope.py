"""Spectral envelope of a style's notes, by which notes below its range are played.

The predictor knows partials by their number: of a note an octave below all of the style's, the
tenth is played as loud as a tenth, and all of it sounds an octave darker. Bodies of instruments and
vocal tracts stay where they are instead.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cambiata.partials.analysis import MeasuredFrames
from cambiata.partials.note_frames import (
    FLOOR_DB,
    HIGHEST_HZ,
    RELEASED,
    NoteFrames,
    partial_hz,
    pitch_of_features,
)

# Half of the way to the envelope, an octave below the lowest note and further down; less above. Of
# 16 programs of training fonts that play 2 to 12 semitones below what the style has of them: none,
# half, all of the way LSD 10.24, 10.07, 10.33; timbre .203, .182, .183; centroid over the style's
# .73, .79, .85. How far a style's partials follow frequency rather than number (variance of levels
# by either) as the share was no better.
_SHARE, _FULL_SEMITONES = 0.5, 12.0
_LOWEST_QUANTILE = 0.05  # single low notes may be mistakes of the listener
_NEAR_SEMITONES = 6.0  # notes so far above the lowest count 1 / e of it
_BAND_HZ: npt.NDArray[np.float64] = np.geomspace(40, HIGHEST_HZ, 28)  # a third of an octave each
# Of what is measured in all bands together, least share in a band that is known.
_LEAST_SHARE, _MIN_BANDS = 0.03, 4

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]


def envelope_db(measured: MeasuredFrames, inharmonicity: float, lowest: float) -> Array | None:
    """Mean level of the partials of a style's notes near its lowest, in bands; None if unknown.

    Above the highest partial that is known there is nothing.
    """
    pitch = pitch_of_features(measured.features)
    held = measured.features[:, RELEASED] == 0
    near = np.exp(-np.maximum(pitch - lowest, 0) / _NEAR_SEMITONES) * held
    hz = partial_hz(pitch, inharmonicity)
    weights = (near[:, None] * measured.mask**2 * (hz < HIGHEST_HZ)).ravel()
    n = len(_BAND_HZ) - 1
    band = np.clip(np.searchsorted(_BAND_HZ, hz) - 1, 0, n - 1).ravel()
    total = np.bincount(band, weights, n)
    sums = np.bincount(band, weights * measured.partials_db.ravel(), n)
    known = np.flatnonzero(total > _LEAST_SHARE * max(float(near.sum()), 1e-9))
    if len(known) < _MIN_BANDS:
        return None
    level_db = np.interp(np.arange(n), known, sums[known] / total[known])
    level_db[known[-1] + 1 :] = FLOOR_DB
    return np.asarray(level_db, np.float32)


def with_envelope(
    partials_db: Array,
    frames: NoteFrames,
    styles: Sequence[tuple[float, MeasuredFrames, npt.NDArray[np.int64]]],
    inharmonicity: float,
) -> Array:
    """Predicted partials [Q, N_PARTIALS], those of notes below the styles' range by their envelope.

    Of each style its weight, its note frames and the pitches of its notes. A note's power stays.
    """
    change_db = np.zeros_like(partials_db)
    for weight, measured, pitches in styles:
        lowest = float(np.quantile(pitches, _LOWEST_QUANTILE))
        share = _SHARE * np.clip((lowest - frames.pitch) / _FULL_SEMITONES, 0, 1)
        rows = np.flatnonzero(share)
        envelope = envelope_db(measured, inharmonicity, lowest) if len(rows) else None
        if envelope is None:
            continue
        hz = partial_hz(frames.tuned_pitch[rows], inharmonicity)
        shape_db = np.interp(np.log(hz), np.log(np.sqrt(_BAND_HZ[1:] * _BAND_HZ[:-1])), envelope)
        own_db = partials_db[rows].astype(np.float64)
        power_db = _power_db(own_db, hz)
        shape_db += power_db - _power_db(shape_db, hz)
        mixed_db = own_db + share[rows, None] * (shape_db - own_db)
        mixed_db += power_db - _power_db(mixed_db, hz)
        change_db[rows] += np.float32(weight) * (mixed_db - own_db).astype(np.float32)
    return partials_db + change_db


def _power_db(level_db: Floats, hz: Floats) -> Floats:
    """Level of all audible partials [M, P] together, [M, 1]."""
    power = np.where(hz < HIGHEST_HZ, 10 ** (level_db / 10), 0).sum(axis=1, keepdims=True)
    return np.asarray(10 * np.log10(power + 1e-12))
