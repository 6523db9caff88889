"""Bands in which sounds are compared: those of a spectrum, and those of partials and noise."""

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

from cambiata.partials.note_frames import (
    BIN_HZ,
    HIGHEST_HZ,
    N_NOISE,
    NOISE_CENTRES_HZ,
    WINDOW,
    NoteFrames,
    coverage,
    partial_hz,
)

# The shipped refiners know these 210 bands and no others.
# The lowest band lies at bin 4 (43 Hz), below which Hann's main lobe reaches over zero; bands are a
# third of a semitone apart, as the listener's, but never less than 1.5 bins, in which alone the
# spectrum tells frequencies apart.
_LOWEST_BIN, _BAND_STEP, _MIN_STEP_BINS = 4.0, 2 ** (1 / 36), 1.5
# Power below which a band is silent, added so that its logarithm exists: -75 dB of the mean power.
FLOOR = 10**-7.5
_SPECTRUM_FLOOR = 1e-10  # of a measured spectrum, which knows more exactly when it is silent
# The lobe of a sinusoid: so many bands that it may touch, and places told apart between two bins.
LOBE_BANDS, LOBE_STEPS = 8, 16
_LOBE_BINS = 3  # beyond three bins Hann's lobe lies below -41 dB
_LOBE_FLOOR = 1e-7  # what a band must have of a sinusoid's power to be the first that it touches
# Predictions beyond these levels are numerical accidents of a network.
PARTIAL_RANGE_DB, NOISE_RANGE_DB = (-100, 40), (-130, 30)
MIN_COVERAGE = 1e-3  # 60 dB down, a note has not begun
# Seldom exceeded from below, the middle, seldom exceeded from above.
_QUANTILES = (0.1, 0.5, 0.9)

Array = npt.NDArray[np.float32]


@lru_cache(maxsize=1)
def band_filters() -> Array:
    """Triangular filters from the spectrum's bins to the bands, [bands, WINDOW / 2 + 1].

    They are narrow in the bass, a third of a semitone above, and share each bin's power.
    """
    place = band_position(np.arange(WINDOW // 2 + 1, dtype=np.float64) * BIN_HZ)
    n_bands = len(_band_centres())
    filters = np.maximum(0, 1 - np.abs(place[None] - np.arange(n_bands)[:, None]))
    filters[:, (place < 0)] = 0
    return np.asarray(filters, np.float32)


def bands_db(power: Array) -> Array:
    """Levels of a power spectrogram [L, F] in the bands, [bands, L]."""
    level: Array = 10 * np.log10(_sparse_filters() @ power.T + np.float32(_SPECTRUM_FLOOR))
    return level


@lru_cache(maxsize=1)
def _sparse_filters() -> scipy.sparse.csr_array:
    return scipy.sparse.csr_array(band_filters())


def band_quantiles_db(power: Array) -> Array:
    """Quantiles over time of a sound's levels in the bands, [3, bands]."""
    return np.asarray(np.quantile(bands_db(power), _QUANTILES, axis=1), np.float32)


def render_bands(
    frames: NoteFrames,
    partials_db: Array,
    noise_db: Array,
    background_noise_db: Array,
    inharmonicity: float,
    n_frames: int,
) -> Array:
    """Levels in the bands of predicted partials and noise, as they would be measured, [bands, L].

    Only note frames at whole frames count. Levels are at least -75 dB.
    """
    whole = np.flatnonzero((frames.frame % 1 == 0) & (frames.frame < n_frames))
    frame = frames.frame[whole].astype(np.int64)
    cover = np.maximum(coverage(frames.age_s[whole]), MIN_COVERAGE)
    base = (frames.strength_db[whole] + 20 * np.log10(cover))[:, None]
    widths = band_filters().sum(axis=1)
    hz = partial_hz(frames.tuned_pitch[whole], inharmonicity)
    level_db = np.clip(partials_db[whole], *PARTIAL_RANGE_DB) + base
    rendered = partials_power(frame, hz, level_db, n_frames)
    interpolation = noise_interpolation(band_hz())
    noise = 10 ** ((np.clip(noise_db[whole], *NOISE_RANGE_DB) + base) @ interpolation / 10)
    summation = scipy.sparse.csr_array(
        (np.ones(len(whole)), (frame, np.arange(len(whole)))), (n_frames, len(whole))
    )
    rendered += (summation @ noise + 10 ** (background_noise_db @ interpolation / 10)) * widths
    return np.asarray(10 * np.log10(rendered.T + FLOOR), np.float32)


def partials_power(
    frame: npt.NDArray[np.int64],
    hz: npt.NDArray[np.float64],
    level_db: npt.NDArray[Any],
    n_frames: int,
) -> npt.NDArray[np.float64]:
    """Power in the bands of partials [M, P] at frames [M], as it would be measured, [L, bands]."""
    first, powers = sinusoid_lobes()
    n_bands = len(band_filters())
    row = np.round(hz / BIN_HZ * LOBE_STEPS)
    inside = row < len(first)
    row = np.minimum(row, len(first) - 1).astype(np.int64)
    power = np.where(inside, 10 ** (level_db / 10), 0)
    at = (frame[:, None] * n_bands + first[row])[:, :, None] + np.arange(LOBE_BANDS)
    weights = power[:, :, None] * powers[row]
    rendered = np.bincount(at.ravel(), weights.ravel(), n_frames * n_bands).astype(np.float64)
    return rendered.reshape(n_frames, n_bands)


def noise_interpolation(hz: npt.NDArray[np.float64]) -> Array:
    """Weights from levels in the noise's bands to levels at frequencies [F], [N_NOISE, F].

    Straight lines over the logarithm of frequency; columns add up to 1.
    """
    centres = np.log(NOISE_CENTRES_HZ)
    place = np.interp(np.log(np.maximum(hz, 1)), centres, np.arange(N_NOISE))
    weights = np.maximum(0, 1 - np.abs(place[:, None] - np.arange(N_NOISE)))
    return np.ascontiguousarray(weights.T, np.float32)


def band_hz() -> npt.NDArray[np.float64]:
    """Frequencies of the bands' centres, [bands]."""
    return np.array(_band_centres()) * BIN_HZ


def band_position(hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Positions of frequencies among the bands, mostly between two; -1 outside of all."""
    centres = _band_centres()
    n = len(centres)
    return np.asarray(np.interp(hz / BIN_HZ, centres, np.arange(n), left=-1, right=-1))


@lru_cache(maxsize=1)
def _band_centres() -> tuple[float, ...]:
    centres = [_LOWEST_BIN]
    while centres[-1] * BIN_HZ < HIGHEST_HZ:
        centres.append(max(centres[-1] + _MIN_STEP_BINS, centres[-1] * _BAND_STEP))
    return tuple(centres)


@lru_cache(maxsize=1)
def sinusoid_lobes() -> tuple[npt.NDArray[np.int64], Array]:
    """Powers that a sinusoid of amplitude 1 adds to the bands.

    Row r is for a frequency of r / LOBE_STEPS bins: the first band that it touches [R], and the
    powers in that one and the following [R, LOBE_BANDS].
    """
    filters = band_filters()
    n_bands, n_bins = filters.shape
    # A bin belongs to two bands at most: the one below its place and the one above.
    lower = np.minimum(np.argmax(filters > 0, axis=0), n_bands - 2)
    n = int(HIGHEST_HZ / BIN_HZ) * LOBE_STEPS
    place = np.arange(n) / LOBE_STEPS
    power = np.zeros((n, n_bands), np.float32)
    for shift in range(-_LOBE_BINS, _LOBE_BINS + 1):
        bins = np.round(place).astype(np.int64) + shift
        d = bins - place
        # Transform of Hann's window at d bins from the sinusoid, 1 at its peak and 1/2 at 1.
        lobe = np.sinc(d) / np.where(np.abs(d**2 - 1) < 1e-9, 1, 1 - d**2)
        lobe = np.where(np.abs(np.abs(d) - 1) < 1e-9, 0.5, lobe)
        row = np.flatnonzero((bins >= 0) & (bins < n_bins))
        for band in (lower[bins[row]], lower[bins[row]] + 1):
            power[row, band] += (lobe[row] ** 2) * filters[band, bins[row]]
    first = np.minimum(np.argmax(power > _LOBE_FLOOR, axis=1), n_bands - LOBE_BANDS)
    columns = first[:, None] + np.arange(LOBE_BANDS)
    return first.astype(np.int64), np.take_along_axis(power, columns, axis=1)
