"""Measured note frames without what their window sees of other notes.

`analysis.measure` reads every note as if it sounded alone: two notes whose partials coincide both
have the power of both, and what rings on has the attack that follows it 46 ms before it comes.
The networks learnt with that, so that only what is plainly another note's is taken away.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import scipy.sparse

from cambiata.partials.analysis import MeasuredFrames
from cambiata.partials.bands import noise_interpolation
from cambiata.partials.note_frames import (
    BIN_HZ,
    FLOOR_DB,
    HIGHEST_HZ,
    WINDOW,
    NoteFrames,
    coverage,
    partial_hz,
)
from cambiata.partials.posteriors import NoteEvents

# The window reaches two frames to either side. Notes that begin within one frame of each other are
# a chord, whose attack is their own.
_WINDOW_FRAMES, _CHORD_FRAMES = 2.0, 1.0
# Steps of the updates, and bins to either side to which a partial's lobe is drawn. Four steps leave
# half a decibel in the mean, of which the mask lets through a part.
_N_STEPS, LOBE_BINS = 4, 4
_POWER_FLOOR = np.float32(1e-9)  # -90 dB of the mean power: silence
_MIN_COVERAGE = 0.25  # as in `analysis.measure`
_BLOCK_FRAMES = 128  # moments solved at a time: bounds memory, changes nothing else
_CEILING_DB = 30.0

Array = npt.NDArray[np.float32]
Index = npt.NDArray[np.int64]


def separated(
    measured: MeasuredFrames,
    frames: NoteFrames,
    events: NoteEvents,
    power: Array,
    inharmonicity: float,
) -> MeasuredFrames:
    """All that is measured of a style's note frames [M], less other notes' shares of it.

    A partial that the mask gives to another note is no louder than it is where all that sounds is
    solved together; one that is the note's own stays as it is measured. Before another note's onset
    nothing is louder than it was before the window reached it.
    """
    partials_db, noise_db = measured.partials_db.copy(), measured.noise_db.copy()
    for i in np.flatnonzero(_sees_attack(frames, events)):
        if i and frames.note[i - 1] == frames.note[i]:
            np.minimum(partials_db[i], partials_db[i - 1], out=partials_db[i])
            np.minimum(noise_db[i], noise_db[i - 1], out=noise_db[i])
    solved_db = _solved_db(measured, frames, power, inharmonicity)
    excess_db = np.maximum(partials_db - solved_db, 0)
    return replace(
        measured, partials_db=partials_db - (1 - measured.mask) * excess_db, noise_db=noise_db
    )


def _sees_attack(frames: NoteFrames, events: NoteEvents) -> npt.NDArray[np.bool_]:
    """Whether another note begins in the second half of a note frame's window [M]."""
    starts = np.sort(events.start)
    last = np.searchsorted(starts, frames.frame + _WINDOW_FRAMES, side="left") - 1
    latest = starts[np.maximum(last, 0)] if len(starts) else np.zeros(len(frames))
    own = events.start[frames.note]
    return np.asarray((latest > frames.frame) & (latest > own + _CHORD_FRAMES))


def _solved_db(
    measured: MeasuredFrames, frames: NoteFrames, power: Array, inharmonicity: float
) -> Array:
    """Levels of partials [M, N_PARTIALS], as `measured`, all that sounds solved together."""
    at = np.minimum(np.round(frames.frame).astype(np.int64), len(power) - 1)
    cover_db = 20 * np.log10(np.maximum(coverage(frames.age_s), _MIN_COVERAGE))
    base_db = (frames.strength_db + cover_db)[:, None]
    filters = noise_interpolation(np.arange(WINDOW // 2 + 1, dtype=np.float64) * BIN_HZ)
    solved_db = np.full_like(measured.partials_db, FLOOR_DB)
    for first in range(0, len(power), _BLOCK_FRAMES):
        rows = np.flatnonzero((at >= first) & (at < first + _BLOCK_FRAMES))
        if len(rows):
            partials = 10 ** ((measured.partials_db[rows] + base_db[rows]) / 10)
            hz = partial_hz(frames.tuned_pitch[rows], inharmonicity)
            block = power[first : first + _BLOCK_FRAMES]
            solved, _ = solve_together(block, at[rows] - first, hz, partials, filters, _N_STEPS)
            solved_db[rows] = 10 * np.log10(solved + 1e-12) - base_db[rows]
    return np.asarray(np.clip(solved_db, FLOOR_DB, _CEILING_DB), np.float32)


def solve_together(
    power: Array,
    at: Index,
    hz: npt.NDArray[np.float64],
    partials: npt.NDArray[np.floating],
    filters: Array,
    n_steps: int,
) -> tuple[Array, Array]:
    """Powers of partials [M, P] and of noise in bands [L, bands], most likely for a spectrogram.

    Multiplicative updates for the Itakura-Saito divergence (Févotte et al. 2009): power in a bin is
    exponentially distributed about the sum of the partials' lobes and of the noise. `at` are the
    moments [M] of the spectrogram [L, F] at which partials of frequencies `hz` [M, P] sound;
    `partials` is where to begin, `filters` [bands, F] spread the noise over the bins.
    """
    n_bins = power.shape[1]
    bins = np.round(hz / BIN_HZ).astype(np.int64)[:, :, None] + np.arange(-LOBE_BINS, LOBE_BINS + 1)
    inside = (bins >= 0) & (bins < n_bins) & (hz < HIGHEST_HZ)[:, :, None]
    lobes = np.where(inside, _lobe(bins - hz[:, :, None] / BIN_HZ), 0).astype(np.float32)
    index = (at[:, None, None] * n_bins + np.where(inside, bins, 0)).astype(np.int32)
    partials = np.asarray(partials, np.float32)
    spread = scipy.sparse.csr_array(filters)  # two bands a bin
    # Peaks count for the mean of a band, too: there is less noise than that.
    noise = spread @ power.T / filters.sum(axis=1)[:, None] * np.float32(0.3)
    noise = np.maximum(noise, _POWER_FLOOR)
    for _ in range(n_steps):
        summed = np.bincount(index.ravel(), (lobes * partials[:, :, None]).ravel(), power.size)
        inverse = 1 / (
            summed.reshape(power.shape).astype(np.float32) + (spread.T @ noise).T + _POWER_FLOOR
        )
        ratio = (power + _POWER_FLOOR) * inverse**2
        more = (ratio.ravel()[index] * lobes).sum(axis=2)
        less = (inverse.ravel()[index] * lobes).sum(axis=2)
        # Without the square root, by which they would surely never go astray, they are twice as
        # fast and do not either.
        partials = partials * more / np.maximum(less, np.float32(1e-20))
        noise = noise * (spread @ ratio.T) / (spread @ inverse.T)
    return partials, np.asarray(noise.T, np.float32)


def _lobe(distance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Power of a sinusoid under Hann's window, so many bins from its place."""
    near_one = np.abs(distance**2 - 1) < 1e-9
    ratio = np.sinc(distance) / np.where(near_one, 1, 1 - distance**2)
    return np.asarray(np.where(near_one, 0.5, ratio) ** 2)
