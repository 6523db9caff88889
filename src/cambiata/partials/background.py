"""Noise between the partials of a recording: its constant background, and what comes with notes.

A room and a preamplifier sound all the time and at one level; breath and bow come with the notes
and are louder where those are. Both lie between the partials, of which the power there is the sum.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.ndimage

from cambiata.arrays import Samples
from cambiata.audio.log_frequency import hann_power
from cambiata.partials.bands import (
    MIN_COVERAGE,
    NOISE_RANGE_DB,
    band_filters,
    band_position,
)
from cambiata.partials.note_frames import (
    BIN_HZ,
    HOP,
    N_NOISE,
    NOISE_CENTRES_HZ,
    NOISE_HZ,
    RELEASED,
    WINDOW,
    NoteFrames,
    coverage,
)
from cambiata.partials.synthesis import Prediction

# Numbers without a source or a measurement beside them were chosen by hand.
# The 20 % quantile of exponentially distributed power is 0.223 of its mean. A low quantile lies
# between the partials, a mean would not. What the networks know is the first; the second, steadier
# against partials that are near each other and wavers more, is read where time evens it out.
_QUANTILE, _QUANTILE_OF_MEAN, _LOW_QUANTILE = 0.2, 0.223, 0.04
_MIN_NOISE_BINS = 4  # the lowest bands are narrower than that
_QUIET_QUANTILE = 0.1  # a sound is quietest in a tenth of its frames
# Total of a frame of the power spectrum of a sound of unit mean power: 3 (Hann's window).
UNIT_TOTAL_DB = float(10 * np.log10(3))
_WINDOWS = (2048, WINDOW, 8192)  # 46 to 186 ms
# A sound that is never 6 dB softer than its mean power does not show what is constant in it.
_QUIET_SHARE = 0.25
# Of a band: a room is not louder than 40 dB below the music in a third of an octave. What is so is
# a sound that never changes its level, and stops with its notes.
_LOUDEST_BACKGROUND = 1e-4
_SILENT_POWER = 1e-13  # -130 dB of the mean power

# The lower envelope over time is the quietest tenth of levels that are smoothed over 0.2 s.
_SMOOTHED_FRAMES = 9
# Held notes are older than a tenth of a second, by when what began them has died away, and
# within 25 dB of the loudest; fewer frames than five of them tell nothing.
_ATTACK_S, _FAINTEST, _MIN_HELD_FRAMES = 0.1, 10**-2.5, 5
# The bound of held notes is for these: in its first 50 ms the noise of a note is its attack. Bound
# as well, it cost .14 dB of LSD [.01, .25] on 49 pairs of training fonts, and .012 [.004, .024] of
# the distance of timbres on 40 pairs of recordings; by half, .013 [.002, .028] of the latter.
_BOUND_AGES_S, _BEFORE_ATTACK_S = (0.05, 0.1), 0.03
_HELD_QUANTILE = 0.2  # what passes (onsets of others, which a window smears) lies above
# 85 dB below all that sounds, noise of a third of an octave is not heard beside it.
_INAUDIBLE_DB = -85.0
# Noise is only lowered: raised, it would fill what the style leaves empty. A decibel above the
# style's nobody hears, and what is lowered without need costs distance to targets.
_MARGIN_DB = 1.0
_NOISE_GAIN_RANGE_DB = (-25.0, 0.0)
UNBOUNDED_DB = 100.0  # ratio of a style of which it is not known: noise is played as predicted
# Multiples of the lower envelope that are tried as the constant part; noise that is constant has a
# lower envelope below its mean.
_CONSTANT_SHARES = (0.0, 0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 1.0, 1.2, 1.45, 1.75)
# Ratios of noise to the sound's power that are tried, in dB about the median one; and none.
_RATIOS_DB = np.append(-np.inf, np.arange(-24.0, 6.1, 1.5))
# A constant part must explain the levels better by so much (nepers of power, mean error): where
# the sound hardly changes its level, nothing tells the two apart, and what follows the notes is
# the safer of the two, since it stops with them.
_CONSTANT_GAIN = 0.02
_FITTED_FRAMES = 1000  # 23 s that are spread over the recording tell as much as all of it
# The estimate of a band of n bins varies by 2.2 / sqrt(n) of its mean (the quantile's standard
# error); neighbours under Hann's window are alike, so that half of them count. What lies within
# one deviation of the constant part is that part.
_STANDARD_ERROR, _INDEPENDENT_SHARE, _N_DEVIATIONS = 2.24, 0.5, 1.0

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class StyleNoise:
    """Noise between a style's partials, in bands."""

    background_db: Array  # constant, per bin of a sound of unit mean power [N_NOISE]
    ratio_db: Array  # what comes with held notes, over the frame's power [N_NOISE]

    @property
    def is_bounded(self) -> bool:
        """Whether what comes with notes is known."""
        return bool(self.ratio_db.max() < UNBOUNDED_DB)


def band_edges(window: int = WINDOW) -> list[tuple[int, int]]:
    """First bin and end of each of the noise's bands, at least four bins."""
    edges = np.round(NOISE_HZ / BIN_HZ * window / WINDOW).astype(np.int64)
    return [(int(a), max(int(b), int(a) + _MIN_NOISE_BINS)) for a, b in pairwise(edges)]


def _band_widths() -> npt.NDArray[np.int64]:
    return np.array([last - first for first, last in band_edges()])


def noise_power(power: Array, window: int = WINDOW, quantile: float = _QUANTILE) -> Array:
    """Power between the partials in bands, per bin, [L, N_NOISE].

    Infinite for bands that hold too few bins of a window shorter than `WINDOW`.
    """
    levels = np.empty((len(power), N_NOISE), np.float32)
    widths = np.diff(NOISE_HZ) / BIN_HZ * window / WINDOW
    for i, (first, last) in enumerate(band_edges(window)):
        band = power[:, first:last]
        k = int(quantile * band.shape[1])
        # Of n exponentially distributed powers the one of rank k has this share of their mean; the
        # networks have learnt with that of a band of very many.
        share = (1 / np.arange(band.shape[1] - k, band.shape[1] + 1)).sum()
        share = _QUANTILE_OF_MEAN if quantile == _QUANTILE else float(share)
        levels[:, i] = np.partition(band, k, axis=1)[:, k] / share
        if window < WINDOW and widths[i] < _MIN_NOISE_BINS:
            levels[:, i] = np.inf
    return levels


def between_power(samples: Samples) -> Array:
    """Power between the partials of a sound [T] in bands, per bin of `WINDOW`, [L, N_NOISE].

    It is relative to the sound's mean power. Of each band it is read through the window in which it
    is lowest: a long one keeps the partials of low notes and of chords apart, a short one those
    that vibrato smears. Noise reads the same in all.
    """
    unit = 16 / WINDOW / (float(np.mean(np.square(samples, dtype=np.float64))) + 1e-12)
    readings = []
    for window in _WINDOWS:
        reading = noise_power(hann_power(samples, window, HOP), window, _LOW_QUANTILE)
        readings.append(reading * np.float32(unit / window))
    middle = np.median(readings, axis=1)
    best = np.argmin(middle, axis=0)
    return np.stack([readings[window][:, band] for band, window in enumerate(best)], axis=1)


def background_power(noise: Array, total: Array) -> Array:
    """Power of the constant part of the noise [L, N_NOISE] in bands, [N_NOISE]; 0 for none.

    The noise of every frame is taken as a constant and a share of the frame's power `total` [L];
    both are fitted to its logarithm, the constant about as loud as the quietest frames at most.
    """
    # Medians: what the windows smear of onsets is 30 dB louder, and would be spread by means.
    smooth = scipy.ndimage.median_filter(noise, (_SMOOTHED_FRAMES, 1))
    chosen = np.linspace(0, len(noise) - 1, min(len(noise), _FITTED_FRAMES)).astype(np.int64)
    constant = np.zeros(N_NOISE, np.float32)
    loudness = scipy.ndimage.uniform_filter1d(total, min(_SMOOTHED_FRAMES, len(total)))
    if np.quantile(loudness, _QUIET_QUANTILE) > _QUIET_SHARE * total.mean():
        return constant
    for i in range(N_NOISE):
        quiet = smooth[:, i] <= np.quantile(smooth[:, i], _QUIET_QUANTILE)
        envelope = float(noise[quiet, i].mean())
        constant[i] = envelope * _constant_share(smooth[chosen, i], total[chosen], envelope)
    # A band in which neither explains the noise is as its neighbours are.
    constant = scipy.ndimage.median_filter(constant, 3)
    constant[constant * _band_widths() > _LOUDEST_BACKGROUND] = 0
    return np.asarray(constant, np.float32)


def _constant_share(noise: Array, total: Array, envelope: float) -> float:
    """Share of the lower envelope that best explains the noise [L] as a constant part."""
    observed = np.log(noise + _SILENT_POWER)
    middle = float(np.median(noise / np.maximum(total, _SILENT_POWER)))
    ratios = middle * 10 ** (_RATIOS_DB / 10)
    best, best_error = 0.0, np.inf
    for share in _CONSTANT_SHARES:
        fitted = np.log(share * envelope + ratios[:, None] * total + _SILENT_POWER)
        error = float(np.abs(fitted - observed).mean(axis=1).min())
        if error < best_error - _CONSTANT_GAIN:
            best, best_error = share, error
    return best


def power_db(power: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Level of a power, which may be none."""
    level_db: npt.NDArray[Any] = 10 * np.log10(power + power.dtype.type(_SILENT_POWER))
    return level_db


def breath_power(noise: Array, constant: Array) -> Array:
    """What of the noise [L, N_NOISE] comes with the notes, of a constant part [N_NOISE]."""
    deviation = _STANDARD_ERROR / np.sqrt(_INDEPENDENT_SHARE * _band_widths())
    louder = noise > constant * (1 + _N_DEVIATIONS * deviation)
    return np.where(louder, noise - constant, 0).astype(np.float32)


def breath_ratio_db(breath: Array, total: Array, held: npt.NDArray[np.bool_]) -> Array:
    """Level of what comes with held notes between the partials, over the frame's, [N_NOISE].

    The frames' powers are `total` [L], and `held` says in which of them notes are. What the ear
    takes for the level between partials is the level that always lies there: a low quantile over
    these frames.
    """
    held = held & (total > total.max() * _FAINTEST)
    if held.sum() < _MIN_HELD_FRAMES:
        return np.full(N_NOISE, UNBOUNDED_DB, np.float32)
    ratio = scipy.ndimage.median_filter(breath / (total[:, None] + _SILENT_POWER), (5, 1))[held]
    return np.asarray(np.quantile(power_db(ratio), _HELD_QUANTILE, axis=0), np.float32)


def held_frames(frames: NoteFrames, n_frames: int) -> npt.NDArray[np.bool_]:
    """Whether notes are held in each frame [L], of which none has just begun."""
    held = np.zeros(n_frames, bool)
    at = np.round(frames.frame).astype(np.int64)
    sounding = (frames.age_s >= 0) & (frames.features[:, RELEASED] == 0) & (at < n_frames)
    held[at[sounding]] = True
    held[at[sounding & (frames.age_s < _ATTACK_S)]] = False
    return held


def noise_gain_db(
    frames: NoteFrames, prediction: Prediction, rendered_db: Array, ratio_db: Array
) -> Array:
    """Gain by which predicted noise of held notes lies between the partials as the style's.

    Of each of the noise's bands, [N_NOISE].

    Its level in the style is relative to the power of all that sounds (`ratio_db`, of
    `breath_ratio_db`), not to a note's: so it is the same however many notes ring, and is no louder
    for a correction that makes partials louder. One gain for all the time leaves its course over
    held notes as predicted. `rendered_db` are the levels of all that is predicted, before its gain.
    """
    n_frames = rendered_db.shape[1]
    level_db = total_db(rendered_db + prediction.gain_db)
    held = held_frames(frames, n_frames) & (level_db > level_db.max() + 10 * np.log10(_FAINTEST))
    if held.sum() < _MIN_HELD_FRAMES:
        return np.zeros(N_NOISE, np.float32)
    predicted_db = power_db(_predicted_noise(frames, prediction))
    own_db = np.quantile((predicted_db - level_db)[:, held], _HELD_QUANTILE, axis=1)
    gain_db = np.clip(loudest_ratio_db(ratio_db) - own_db, *_NOISE_GAIN_RANGE_DB)
    return np.asarray(gain_db, np.float32)


def loudest_ratio_db(ratio_db: Array) -> Array:
    """What may come with held notes, of a style's `breath_ratio_db` [N_NOISE]."""
    inaudible_db = _INAUDIBLE_DB - 10 * np.log10(_band_widths())
    return np.asarray(np.maximum(ratio_db + _MARGIN_DB, inaudible_db), np.float32)


def bound_share(age_s: npt.NDArray[np.float64]) -> Array:
    """Share of the gain that applies to note frames of an age: none at their attack."""
    return np.asarray(np.interp(age_s, _BOUND_AGES_S, (0.0, 1.0)), np.float32)


def bound_share_of_frames(frames: NoteFrames, n_frames: int) -> Array:
    """Share of the gain that applies to frames [L]: that of the youngest note."""
    youngest_s = np.full(n_frames, np.inf)
    begun = np.flatnonzero((frames.age_s > -_BEFORE_ATTACK_S) & (frames.frame < n_frames))
    at = np.minimum(np.round(frames.frame[begun]).astype(np.int64), n_frames - 1)
    np.minimum.at(youngest_s, at, frames.age_s[begun])
    return bound_share(youngest_s)


def _predicted_noise(frames: NoteFrames, prediction: Prediction) -> npt.NDArray[np.float64]:
    """Power of predicted noise in the noise's bands, per bin, [N_NOISE, L]."""
    n_frames = prediction.gain_db.shape[1]
    whole = np.flatnonzero((frames.frame % 1 == 0) & (frames.frame < n_frames))
    cover_db = 20 * np.log10(np.maximum(coverage(frames.age_s[whole]), MIN_COVERAGE))
    level_db = np.clip(prediction.noise_db[whole], *NOISE_RANGE_DB)
    power = 10 ** ((level_db + (frames.strength_db[whole] + cover_db)[:, None]) / 10)
    index = frames.frame[whole].astype(np.int64)[:, None] * N_NOISE + np.arange(N_NOISE)
    drawn = np.bincount(index.ravel(), power.ravel(), n_frames * N_NOISE)
    place = np.round(np.maximum(0, band_position(NOISE_CENTRES_HZ))).astype(np.int64)
    widths_db = 10 * np.log10(band_filters().sum(axis=1))
    predicted = drawn.reshape(n_frames, N_NOISE).T * 10 ** (prediction.gain_db[place] / 10)
    predicted += 10 ** ((prediction.residual_db - widths_db[:, None])[place] / 10)
    return np.asarray(predicted)


def total_db(rendered_db: Array) -> Array:
    """Level of all bands [bands, L] together, [L]."""
    return np.asarray(10 * np.log10((10 ** (rendered_db / 10)).sum(axis=0)), np.float32)
