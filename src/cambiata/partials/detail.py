"""What the predictor does not know of a style: its note frames themselves, and their texture.

Two closed forms stand beside the network. A note frame that the style has nearly alike is recalled
as it was measured (Nadaraya 1964, Watson 1964: regression by a kernel). And the level between two
partials is not that of a band: it falls away from partials into valleys, or rises to partials that
are no multiples. This texture is measured about every partial and drawn about the content's.
"""

from functools import lru_cache
from typing import Protocol

import numpy as np
import numpy.typing as npt
import scipy.sparse

from cambiata.partials.bands import noise_interpolation
from cambiata.partials.note_frames import (
    BIN_HZ,
    FEATURES,
    HIGHEST_HZ,
    N_PARTIALS,
    NOISE_CENTRES_HZ,
    WINDOW,
    NoteFrames,
    partial_hz,
)

# --- the kernel
# Standard deviations of what must be alike, in units of the features: two semitones; a factor of
# 1.5 in age, from 20 ms on; of 1.8 in the time since the offset, from 30 ms on; released or not;
# 5 dB of strength. They and the next two were chosen on 20 pairs of a training font (FluidR3).
_DEVIATIONS = {
    "pitch": 2 / 24,
    "log_age": 0.1,
    "log_release": 0.15,
    "released": 0.5,
    "relative_strength": 0.25,
}
_COLUMNS = [FEATURES.index(name) for name in _DEVIATIONS]
# Where the nearest note frame is as like as this, measured and predicted count alike.
_HALF_LIKENESS = 0.3
# Of several note frames the nearest shall count rather than the mean: their kernel is narrower by
# this factor (of squares), that of the texture, of which single values are noise, as much wider.
_NARROWER, _WIDER = 3.0, 4.0
# Partials that are another note's count little, yet more than none at all.
_LEAST_OWNERSHIP = 1e-3
_BATCH_FRAMES = 1024  # queries at a time: bounds memory, changes nothing else

# --- texture
# Places about a partial: half way and a quarter way down to the one below, three bins to either
# side (Hann's main lobe ends after two), a quarter way up. Three bins are no more than an eighth of
# the way, for low notes' partials lie close.
_SHARES, _BINS = (-0.5, -0.25, 0.0, 0.0, 0.25), (0.0, 0.0, -3.0, 3.0, 0.0)
N_PLACES, _MOST_SHARE = len(_SHARES), 0.125
TEXTURE_RANGE_DB, MISSING_DB = 40.0, 100.0
# A partial that stands 6 dB above the noise hides what lies within two bins of it.
_HIDDEN_BINS, _HIDDEN_DB = 2, 6.0
# The mean level of a bin of noise is 2.5 dB below the level of its mean power (the Euler-Mascheroni
# constant in dB); texture counts from where noise without any has 0 dB.
_MEAN_LOG_DB = 2.5
# Texture is drawn up to 8 kHz, less and less of it from 6 kHz on: higher up, bands in which sounds
# are told apart are wider than the distance of most pitches' partials.
_FADE_HZ, _HIGHEST_TEXTURE_HZ = 6000.0, 8000.0
_N_BINS, _ALL_BINS = round(_HIGHEST_TEXTURE_HZ / BIN_HZ), WINDOW // 2 + 1
# The long transform, which tells partials apart, would smear attacks: it draws noise from 46 ms of
# age on and all of it from 93 ms on, when its window has left the attack.
_LONG_FROM_S, _LONG_ALONE_S = 0.046, 0.093
_LEAST_DB = -60.0  # of what one of the transforms leaves to the other
_BLOCK_FRAMES = 256  # drawn at a time: bounds memory, changes nothing else

Array = npt.NDArray[np.float32]
Index = npt.NDArray[np.int64]


class Measured(Protocol):
    """Note frames of a style as they were measured (`analysis.MeasuredFrames`)."""

    @property
    def features(self) -> Array:
        """Of each note frame [M, N_FEATURES]."""

    @property
    def partials_db(self) -> Array:
        """Relative to the note's strength [M, N_PARTIALS]."""

    @property
    def mask(self) -> Array:
        """How much of each partial is the note's own [M, N_PARTIALS]."""

    @property
    def noise_db(self) -> Array:
        """Relative to the note's strength [M, N_NOISE]."""

    @property
    def texture_db(self) -> Array | None:
        """Of `measure_texture` [M, N_PARTIALS, N_PLACES]."""


def recall(
    measured: Measured, features: Array, partials_db: Array, noise_db: Array
) -> tuple[Array, Array]:
    """Predicted partials and noise of note frames, brought towards those of the most alike.

    The weight of what was measured is ``k / (k + 0.3)``, with k the kernel of the nearest note
    frame; a partial of which the mask says that it is another's stays as it is predicted.
    """
    mask, key_features = measured.mask, measured.features
    ownership = mask**2 + np.float32(_LEAST_OWNERSHIP)
    values = np.concatenate(
        [ownership * measured.partials_db, ownership, measured.noise_db], axis=1
    )
    partials, noise = np.empty_like(partials_db), np.empty_like(noise_db)
    for at in range(0, len(features), _BATCH_FRAMES):
        batch = slice(at, at + _BATCH_FRAMES)
        kernel, nearest = _kernel(features[batch], key_features, _NARROWER)
        total = kernel.sum(axis=1, keepdims=True)
        own_db, own, measured_noise_db = np.split(
            kernel @ values, (N_PARTIALS, 2 * N_PARTIALS), axis=1
        )
        likeness = nearest * np.minimum(own / total, 1)
        share = likeness / (likeness + np.float32(_HALF_LIKENESS))
        partials[batch] = partials_db[batch] + share * (own_db / own - partials_db[batch])
        share = nearest / (nearest + np.float32(_HALF_LIKENESS))
        noise[batch] = noise_db[batch] + share * (measured_noise_db / total - noise_db[batch])
    return partials, noise


def _kernel(queries: Array, keys: Array, narrower: float) -> tuple[Array, Array]:
    """Weights of keys, 1 for the nearest [Q, M], and how like the query that one is [Q, 1]."""
    scale = np.array(list(_DEVIATIONS.values()), np.float32)
    a, b = queries[:, _COLUMNS] / scale, keys[:, _COLUMNS] / scale
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    least = np.maximum(squares.min(axis=1, keepdims=True), 0)
    return np.exp((least - squares) * np.float32(narrower / 2)), np.exp(-least / 2)


# --- texture: measured ----------------------------------------------------------------------------


def texture_hz(partials_hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Places about partials [M, N_PARTIALS] at which texture is measured, [M, N_PARTIALS, 5]."""
    gap = partials_hz[:, :1, None]
    beside = np.minimum(np.abs(_BINS) * BIN_HZ, _MOST_SHARE * gap) * np.sign(_BINS)
    return np.asarray(partials_hz[:, :, None] + gap * np.array(_SHARES) + beside)


def measure_texture(
    power: Array,
    frames: NoteFrames,
    level_db: Array,
    between_db: Array,
    inharmonicity: float,
    chosen: Index,
) -> Array:
    """Levels about the partials of chosen note frames, [K, N_PARTIALS, N_PLACES].

    `power` [L, F] is the style's spectrogram, `level_db` [M, N_PARTIALS] the level of all partials
    in it, `between_db` [L, N_NOISE] what lies between them in bands, from which the texture is
    counted. Where a partial hides the place, it is `MISSING_DB`.
    """
    n_bins = power.shape[1]
    at = np.minimum(np.round(frames.frame).astype(np.int64), len(power) - 1)
    hz = partial_hz(frames.tuned_pitch, inharmonicity)
    stands_out = level_db > _between_at(between_db, at, hz) + _HIDDEN_DB
    row, column = np.nonzero(stands_out & (hz < HIGHEST_HZ))
    hidden = np.zeros(power.shape, bool)
    hidden[at[row], np.round(hz[row, column] / BIN_HZ).astype(np.int64)] = True
    narrow = hidden.copy()
    for shift in range(1, _HIDDEN_BINS + 1):
        hidden[:, shift:] |= narrow[:, :-shift]
        hidden[:, :-shift] |= narrow[:, shift:]
    at, places_hz = at[chosen], texture_hz(hz[chosen])
    place = np.clip(places_hz / BIN_HZ, 0, n_bins - 2)
    low = place.astype(np.int64)
    share = (place - low).astype(np.float32)
    rows = at[:, None, None]
    level_at = 10 * np.log10(power[rows, low] + np.float32(1e-12)) * (1 - share)
    level_at += 10 * np.log10(power[rows, low + 1] + np.float32(1e-12)) * share
    texture = level_at - _between_at(between_db, at, places_hz) + _MEAN_LOG_DB
    missing = hidden[rows, low] | hidden[rows, low + 1] | (places_hz > HIGHEST_HZ)
    missing |= places_hz < NOISE_CENTRES_HZ[0] / 2
    texture = np.clip(texture, -TEXTURE_RANGE_DB, TEXTURE_RANGE_DB)
    return np.where(missing, MISSING_DB, texture).astype(np.float32)


def _between_at(between_db: Array, at: Index, hz: npt.NDArray[np.float64]) -> Array:
    """Levels in the noise's bands [L, N_NOISE], at frequencies of note frames [M, ...]."""
    n = len(NOISE_CENTRES_HZ)
    place = np.interp(np.log(np.maximum(hz, 1)), np.log(NOISE_CENTRES_HZ), np.arange(n))
    low = np.minimum(place.astype(np.int64), n - 2)
    share = (place - low).astype(np.float32)
    rows = at.reshape(-1, *[1] * (hz.ndim - 1))
    return np.asarray(between_db[rows, low] * (1 - share) + between_db[rows, low + 1] * share)


def recall_texture(measured: Measured, features: Array) -> Array:
    """Texture of queries, as that of the note frames most alike, [Q, N_PARTIALS, 5]; else 0."""
    if measured.texture_db is None:
        return np.zeros((len(features), N_PARTIALS, N_PLACES), np.float32)
    key_features = measured.features
    weights = np.repeat(measured.mask**2 + np.float32(_LEAST_OWNERSHIP), N_PLACES, axis=1)
    flat = measured.texture_db.reshape(len(key_features), -1)
    weights = np.where(flat < TEXTURE_RANGE_DB + 1, weights, 0)
    values = np.concatenate([weights * flat, weights], axis=1)
    found = np.empty((len(features), flat.shape[1]), np.float32)
    for at in range(0, len(features), _BATCH_FRAMES):
        batch = slice(at, at + _BATCH_FRAMES)
        kernel, _ = _kernel(features[batch], key_features, 1 / _WIDER)
        sums, total = np.split(kernel @ values, 2, axis=1)
        found[batch] = sums / np.maximum(total, _LEAST_OWNERSHIP)
    return found.reshape(-1, N_PARTIALS, N_PLACES)


# --- texture: drawn -------------------------------------------------------------------------------


def in_long_transform(frames: NoteFrames, n_frames: int) -> Index:
    """Indices of the note frames whose noise the long transform draws."""
    whole = (frames.frame % 1 == 0) & (frames.frame < n_frames)
    return np.flatnonzero(whole & (frames.age_s > _LONG_FROM_S))


def shares_db(age_s: npt.NDArray[np.float64]) -> tuple[Array, Array]:
    """What the short transform and the long one draw of noise of an age, in dB of its power."""
    share = np.clip((age_s - _LONG_FROM_S) / (_LONG_ALONE_S - _LONG_FROM_S), 0, 1)
    least = 10 ** (_LEAST_DB / 10)
    short = np.where(share == 1, -300, 10 * np.log10(np.maximum(1 - share, least)))
    return short.astype(np.float32), (10 * np.log10(np.maximum(share, least))).astype(np.float32)


def textured_power(
    frames: NoteFrames, noise_db: Array, texture_db: Array, inharmonicity: float, n_frames: int
) -> Array:
    """Power of the noise of note frames in the long transform's bins, [L, bins].

    `frames` are those of `in_long_transform`, with their noise [Q, N_NOISE] and texture.
    """
    at = frames.frame.astype(np.int64)
    interpolation = noise_interpolation(BIN_HZ * np.arange(_ALL_BINS, dtype=np.float64))
    nepers = np.float32(np.log(10) / 10)
    drawn = np.empty((n_frames, _ALL_BINS), np.float32)
    order = np.argsort(at, kind="stable")
    for first in range(0, n_frames, _BLOCK_FRAMES):
        last = min(first + _BLOCK_FRAMES, n_frames)
        rows = order[np.searchsorted(at[order], first) : np.searchsorted(at[order], last)]
        # Above the texture, notes have levels in bands alone, which are added up first.
        summation = scipy.sparse.csr_array(
            (np.ones(len(rows), np.float32), (at[rows] - first, np.arange(len(rows)))),
            (last - first, len(rows)),
        )
        bands = np.log(summation @ np.exp(noise_db[rows] * nepers) + np.float32(1e-30))
        drawn[first:last] = np.exp(bands @ interpolation)
        if len(rows):
            level_db = noise_db[rows] @ interpolation[:, :_N_BINS]
            level_db += _texture_at_bins(frames[rows], texture_db[rows], inharmonicity)
            drawn[first:last, :_N_BINS] = summation @ np.exp(level_db * nepers)
    return drawn


def _texture_at_bins(frames: NoteFrames, texture_db: Array, inharmonicity: float) -> Array:
    """Texture of note frames in the long transform's lowest bins, [Q, _N_BINS]."""
    flat = texture_db.reshape(len(texture_db), -1)
    levels = np.empty((len(flat), _N_BINS), np.float32)
    for pitch in np.unique(frames.pitch):
        chosen = np.flatnonzero(frames.pitch == pitch)
        hz = partial_hz(frames[chosen[:1]].tuned_pitch, inharmonicity)
        levels[chosen] = (_places_to_bins(tuple(texture_hz(hz).ravel())) @ flat[chosen].T).T
    return levels


@lru_cache(maxsize=128)
def _places_to_bins(places_hz: tuple[float, ...]) -> scipy.sparse.csr_array:
    """Weights from the places of a pitch's texture to bins [_N_BINS, places]; they fade high up."""
    bins_hz = np.arange(_N_BINS) * BIN_HZ
    order = np.argsort(places_hz)
    place = np.interp(bins_hz, np.array(places_hz)[order], np.arange(len(order)), left=-1, right=-1)
    row = np.flatnonzero(place >= 0)
    low = np.minimum(place[row].astype(np.int64), len(order) - 2)
    share = place[row] - low
    fade = np.clip((_HIGHEST_TEXTURE_HZ - bins_hz[row]) / (_HIGHEST_TEXTURE_HZ - _FADE_HZ), 0, 1)
    weights = np.concatenate([(1 - share) * fade, share * fade]).astype(np.float32)
    columns = np.concatenate([order[low], order[low + 1]])
    return scipy.sparse.csr_array((weights, (np.tile(row, 2), columns)), (_N_BINS, len(order)))
