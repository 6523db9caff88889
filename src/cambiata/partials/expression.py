"""Expression: how a content's notes swell and fade beyond what its instrument does by itself.

Of every note the level over time is read off the content's spectrum. What all notes have in common,
by their age, is the instrument's decay, which the style has in its own way. What is left is how
this note was played: its crescendo, its accents, its place in the phrase.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.ndimage

from cambiata.partials.note_frames import (
    BIN_HZ,
    HIGHEST_HZ,
    WINDOW,
    NoteFrames,
    note_frames,
    partial_hz,
)
from cambiata.partials.posteriors import BANDS, LOWEST_PITCH, NoteEvents
from cambiata.partials.synthesis import Prediction

# Of a note's power hardly any lies above its 16th partial; within 2 bins or a quarter tone of its
# place lies a lobe that wavers, and within 0.45 of the distance to its neighbours no other one.
_N_PARTIALS, _REACH_BINS, _REACH_SHARE, _REACH_DISTANCE = 16, 2.0, 0.03, 0.45
# Partial h of a note is expected to have 1 / h^2 of the fundamental's power, as in `analysis`;
# pitches that the listener hears as silent count as 60 dB down.
_SILENCE_DB = -60.0
# The first 50 ms are the attack, and half a window's (46 ms) sight ends with the note: levels there
# are those beside them.
_ATTACK_S, _SIGHT_S = 0.05, WINDOW / 2 / BANDS.sample_rate
# Ages (seconds) at which what notes have in common is known; straight lines lie between. Dense at
# first, as decays are.
_AGES_S = np.array([0.06, 0.12, 0.18, 0.27, 0.4, 0.6, 0.9, 1.3, 2.0, 3.0, 4.5, 7.0])
NO_DECAY = np.zeros(len(_AGES_S))
# A decay that one note has is believed by a half, as it may be a diminuendo; of five, by 5 in 6.
_DOUBTED_NOTES, _POLISHINGS = 1.0, 3
# A pitch of which another note has most of the power tells little: a quarter is believed by 5/8.
# In the 0.1 s after another's onset, and two frames before, its attack is what is seen.
_DOUBTED_SHARE = 0.25
_DISTURBED_FRAMES, _LEAST_TRUST = 5.0, 0.01
_ABOVE_HEARD_DB = 6.0  # more than the listener hears of a pitch is another's
# Deviations of 3 dB are believed by a half, those of 5 by seven eighths: the samples of one
# instrument differ by one or two.
_DOUBTED_DB = 3.0
# Notes that all fall by 3 dB within 0.4 s, or far more, are struck or plucked: nobody can make
# them swell. Where that is 9 dB, nothing beyond a note's strength is its player's doing.
_STRUCK_AGE_S, _STRUCK_DB = 0.4, (3.0, 9.0)
# How far a prediction follows the expression is known where that moves: 100 frames by 1 dB.
_DOUBTED_SQUARES = 100.0
_SMOOTH_S = 0.03  # standard deviation; with the window's own 33 ms that is 45
# Beyond these a level is silence, or a noise that the note did not make.
_RANGE_DB = (-40.0, 25.0)

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Expression:
    """How a content's notes were played, beyond their strengths."""

    level_db: Array  # of every note in every frame, beyond its strength and decay [N, L]
    decay_db: Floats  # what the instrument does with any note, at `_AGES_S`
    sustains: float  # 1 for an instrument whose player shapes a note, 0 for a struck one


def measure_expression(power: Array, events: NoteEvents) -> Expression:
    """The expression of notes; `power` [L, F] is that of the sound they were detected in."""
    n_frames = len(power)
    level = np.zeros((events.n_notes, n_frames), np.float32)
    frames = note_frames(events, n_frames)
    frames = frames[(frames.age_s >= 0) & (frames.frame < events.end[frames.note])]
    if not len(frames):
        return Expression(level, NO_DECAY, 1.0)
    level_db, share = note_levels_db(power, events, frames)
    level_db = level_db - frames.strength_db
    settled = _is_settled(events, frames)
    decay_db = common_decay_db(frames, level_db, settled)
    struck_db = -float(np.interp(_STRUCK_AGE_S, _AGES_S, decay_db))
    sustains = float(np.interp(struck_db, _STRUCK_DB, (1.0, 0.0)))
    level_db -= np.interp(frames.age_s, _AGES_S, decay_db)
    level_db -= np.median(level_db[settled])
    trust = share / (share + _DOUBTED_SHARE) * (1 + _DOUBTED_SHARE)
    trust = np.where(_is_disturbed(events, frames), _LEAST_TRUST, trust)
    begins = np.flatnonzero(np.diff(frames.note, prepend=-1))
    for first, last in zip(begins, np.append(begins[1:], len(frames)), strict=True):
        own = np.arange(first, last)[settled[first:last]]
        smooth, sure = _smooth(level_db[own], trust[own])
        level[frames.note[first]] = np.interp(
            np.arange(n_frames), frames.frame[own], sustains * np.minimum(sure, 1) * smooth
        )
    level *= level**4 / (level**4 + np.float32(_DOUBTED_DB**4))
    return Expression(np.clip(level, *_RANGE_DB).astype(np.float32), decay_db, sustains)


def decay_at_db(decay_db: Floats, age_s: Floats) -> Floats:
    """A decay that is known at `_AGES_S`, at other ages."""
    return np.asarray(np.interp(age_s, _AGES_S, decay_db))


def _is_disturbed(events: NoteEvents, frames: NoteFrames) -> npt.NDArray[np.bool_]:
    """Frames [M] in which the attack of another note is in sight."""
    starts = np.sort(events.start)
    first = np.searchsorted(starts, frames.frame - _DISTURBED_FRAMES)
    last = np.searchsorted(starts, frames.frame + 2)
    own = np.abs(frames.frame - events.start[frames.note] - (_DISTURBED_FRAMES - 2) / 2)
    return np.asarray(last - first > (own <= (_DISTURBED_FRAMES + 2) / 2))


def at_frames(expression: Array, frames: NoteFrames) -> Floats:
    """What [N, L] says of note frames [Q]; between two frames on a straight line."""
    first = np.minimum(frames.frame.astype(np.int64), expression.shape[1] - 1)
    following = np.minimum(first + 1, expression.shape[1] - 1)
    share = frames.frame - first
    now, then = expression[frames.note, first], expression[frames.note, following]
    return np.asarray(now + share * (then - now), np.float64)


def note_levels_db(power: Array, events: NoteEvents, frames: NoteFrames) -> tuple[Floats, Floats]:
    """Level of note frames [M] by the power at their partials, and their own share of that."""
    at = np.minimum(np.round(frames.frame).astype(np.int64), len(power) - 1)
    n_bins = power.shape[1]
    hz = partial_hz(frames.tuned_pitch, 0.0)[:, :_N_PARTIALS]
    place = hz / BIN_HZ
    reach = np.maximum(_REACH_BINS, _REACH_SHARE * place)
    reach = np.minimum(reach, np.maximum(1.0, _REACH_DISTANCE * place[:, :1]))
    low = np.clip(np.round(place - reach), 0, n_bins - 1).astype(np.int64)
    high = np.clip(np.round(place + reach) + 1, 0, n_bins).astype(np.int64)
    audible = hz < HIGHEST_HZ
    heard_db = np.maximum(events.level_db[frames.pitch - LOWEST_PITCH, at], _SILENCE_DB)
    own = 10 ** (heard_db[:, None] / 10) / np.arange(1, _N_PARTIALS + 1) ** 2 * audible
    index = at[:, None] * n_bins + np.minimum(np.round(place).astype(np.int64), n_bins - 1)
    expected = np.bincount(index.ravel(), own.ravel(), power.size).reshape(power.shape)
    found = _between(power, at, low, high)
    share = own / np.maximum(_between(expected, at, low, high), own + 1e-20)
    total = np.maximum(found.sum(axis=1), 1e-12)
    owned = np.maximum((found * share * audible).sum(axis=1), 1e-12)
    level_db = np.minimum(10 * np.log10(owned), heard_db + _ABOVE_HEARD_DB)
    return np.asarray(level_db), np.asarray(owned / total)


def _between(grid: npt.NDArray[Any], at: Index, low: Index, high: Index) -> Floats:
    """Sums of a grid [L, F] from one bin up to another [M, P], at frames [M]."""
    summed = np.zeros((grid.shape[0], grid.shape[1] + 1))
    np.cumsum(grid, axis=1, dtype=np.float64, out=summed[:, 1:])
    sums = summed[at[:, None], high] - summed[at[:, None], low]
    return np.asarray(np.maximum(sums, 0.0))


def _is_settled(events: NoteEvents, frames: NoteFrames) -> npt.NDArray[np.bool_]:
    """Frames after the attack and before the end is in sight; of a short note its middle."""
    left_s = (events.end[frames.note] - frames.frame) * BANDS.frame_s
    settled = (frames.age_s >= _ATTACK_S) & (left_s >= _SIGHT_S)
    lacking = np.setdiff1d(frames.note, frames.note[settled])
    middle = (events.start + events.end)[frames.note] / 2
    nearest = np.abs(frames.frame - middle) <= 0.5
    return np.asarray(settled | (nearest & np.isin(frames.note, lacking)))


def common_decay_db(frames: NoteFrames, level_db: Floats, settled: npt.NDArray[np.bool_]) -> Floats:
    """What levels [M] of the notes have in common at `_AGES_S`: a decay or a plateau.

    Medians over the notes, each from a level of its own. It falls or stays: that all notes grow
    louder is no instrument's doing but a player's.
    """
    # Frames at an onset have no age: the first is theirs.
    age_s = np.maximum(frames.age_s, _AGES_S[0])
    bins = np.abs(np.log(age_s[:, None] / _AGES_S)).argmin(axis=1)
    cells = frames.note * len(_AGES_S) + bins
    used = np.flatnonzero(settled)
    n_cells = (int(frames.note.max()) + 1) * len(_AGES_S)
    counts = np.bincount(cells[used], minlength=n_cells)
    means = np.bincount(cells[used], level_db[used], n_cells) / np.maximum(counts, 1)
    table = np.where(counts, means, np.nan).reshape(-1, len(_AGES_S))
    table = table[~np.isnan(table).all(axis=1)]
    n_notes = (~np.isnan(table)).sum(axis=0)
    known = n_notes > 0
    decay = np.zeros(len(_AGES_S))
    for _ in range(_POLISHINGS):
        own = np.nanmedian(table - decay, axis=1)
        medians = np.nanmedian((table - own[:, None])[:, known], axis=0)
        falling = _falling(medians, n_notes[known])
        decay = np.interp(_AGES_S, _AGES_S[known], falling)
    steps = np.diff(decay) * (n_notes / (n_notes + _DOUBTED_NOTES))[1:]
    return np.append(0.0, np.cumsum(steps))


def _falling(values: Floats, weights: Index) -> Floats:
    """The values [K] that never rise and are nearest to others: isotonic regression.

    By its minimax formula (Barlow et al. 1972), as there are few.
    """
    sums = np.append(0.0, np.cumsum(values * weights))
    counts = np.append(0, np.cumsum(weights))
    n = len(values)
    means = np.full((n, n), -np.inf)  # from one of them up to another
    for i in range(n):
        means[i, i:] = (sums[i + 1 :] - sums[i]) / (counts[i + 1 :] - counts[i])
    return np.array([means[: i + 1, i:].max(axis=1).min() for i in range(n)])


def _smooth(values: Floats, trust: Floats) -> tuple[Floats, Floats]:
    """Values smoothed over time, those that are trusted most of all, and the trust in that."""
    sigma = _SMOOTH_S / BANDS.frame_s
    weights = scipy.ndimage.gaussian_filter1d(trust, sigma, mode="nearest")
    smooth = scipy.ndimage.gaussian_filter1d(values * trust, sigma, mode="nearest")
    return np.asarray(smooth / np.maximum(weights, 1e-9)), weights


def missing_db(
    expression: Array, events: NoteEvents, frames: NoteFrames, prediction: Prediction
) -> Floats:
    """What of the expression [N, L] the prediction of note frames [Q] does not have by itself.

    The predictor knows the content's level and follows it a little, the refiner more: by how much
    is the slope of their levels over the expression, each note from its own mean.
    """
    wanted = at_frames(expression, frames)
    held, level_db = _predicted_levels_db(events, frames, prediction)
    x, y = (_from_mean(values, frames.note[held]) for values in (wanted[held], level_db))
    slope = float(x @ y) / (float(x @ x) + _DOUBTED_SQUARES)
    return wanted * (1 - min(max(slope, 0.0), 1.0))


def predicted_decay_db(events: NoteEvents, frames: NoteFrames, prediction: Prediction) -> Floats:
    """What all predicted notes do by themselves at `_AGES_S`: the style's decay."""
    held, level_db = _predicted_levels_db(events, frames, prediction)
    if not len(held):
        return NO_DECAY
    return common_decay_db(frames[held], level_db, np.ones(len(held), bool))


def _predicted_levels_db(
    events: NoteEvents, frames: NoteFrames, prediction: Prediction
) -> tuple[Index, Floats]:
    """Note frames [M] that are held, and the levels of their predicted partials."""
    is_held = (frames.age_s >= _ATTACK_S) & (frames.frame <= events.end[frames.note])
    held = np.flatnonzero(is_held & (frames.frame % 1 == 0))
    some = frames[held]
    hz = partial_hz(some.tuned_pitch, prediction.inharmonicity)
    predicted_db = prediction.partials_db[held] + prediction.gain_at(some, hz)
    power = np.where(hz < HIGHEST_HZ, 10 ** (predicted_db / 10), 0).sum(axis=1)
    return held, 10 * np.log10(power + 1e-12)


def _from_mean(values: Floats, note: npt.NDArray[np.int64]) -> Floats:
    """Values [M] less the mean of their note's."""
    counts = np.maximum(np.bincount(note), 1)
    return np.asarray(values - (np.bincount(note, values) / counts)[note])
