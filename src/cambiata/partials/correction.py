"""Correction of a style's noise, from the style playing itself.

The predictor plays the style's own notes, each without its own note frames, and the refiner
corrects them; what the style then has more or less of in a band of noise, it will have more or less
of as well where it plays a content. There is nothing to train: one average a band, shrunk by how
far it can be relied upon. Partials are left alone: what they lack of one half of a recording says
nothing of the other half (docs/models/oneshot.md).
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.partials.bands import (
    FLOOR,
    MIN_COVERAGE,
    band_hz,
    bands_db,
    noise_interpolation,
    partials_power,
    render_bands,
)
from cambiata.partials.note_frames import N_NOISE, N_PARTIALS, NoteFrames, coverage, note_frames
from cambiata.partials.predictor import (
    StyleMemory,
    StyleNotes,
    attention_inputs,
    inharmonic_partials,
    measure_notes,
)
from cambiata.partials.synthesis import AddedPartials
from cambiata.weights import Model

# Numbers were chosen on 42 pairs whose styles are programs of GeneralUser GS that no shipped
# network has learnt from, and on both halves of the 25 recordings that ship, one as the style of
# the other (docs/models/oneshot.md).
# A note is predicted from three quarters of the others: every fourth is left out with it, in order
# of pitch, so that its neighbours stay. Of 2, 4, 8 or one a note, all found the same residuals.
_N_FOLDS = 4
# Seconds of a style that it plays of itself, in stretches spread over it: half a second of work.
_STRETCH_FRAMES, _N_STRETCHES = 32, 8
# Note frames that are played at most: in dense chords fewer stretches are.
_MAX_NOTE_FRAMES = 1536
# Levels are compared from 70 dB below the mean power on: what lies below is silence in both.
_SILENCE = 1e-7
# Corrections that are expected before anything is measured (standard deviation), and how far
# residuals of one stretch stray by chance alone, at least. Priors of 2 and 5 dB did nearly as well.
_PRIOR_DB, _LEAST_SPREAD_DB = 3.0, 5.0
_MAX_DB = 18.0  # more is no correction but a failure of what is corrected

Array = npt.NDArray[np.float32]
Index = npt.NDArray[np.int64]


def measure_corrected_style(style: Samples, listener: str, model: Model) -> StyleMemory:
    """Memory of a style [T] with its correction for a model of the predictor and the refiner."""
    notes = measure_notes(style, listener)
    return replace(notes.memory, noise_correction_db=noise_correction_db(model, notes))


def noise_correction_db(model: Model, style: StyleNotes) -> Array:
    """Gain of noise that a style asks for when it plays itself, [N_NOISE].

    It is zero where there are not at least two notes to tell it by.
    """
    n_notes = len(np.unique(style.events.start))
    if not style.memory.is_pitched or n_notes < 2:
        return np.zeros(N_NOISE, np.float32)
    own_db = bands_db(style.power)
    frames = note_frames(style.events, len(style.power))
    chosen = _choose_stretches(frames, len(style.power))
    played_db = _play_itself(model, style, _at_chosen(frames, chosen), own_db[:, chosen])
    residual_db = _normalized(own_db[:, chosen]) - _normalized(played_db)
    weights = noise_interpolation(band_hz())
    return shrunk_mean_db(weights @ residual_db / weights.sum(axis=1)[:, None], n_notes)


def shrunk_mean_db(residual_db: Array, n_notes: int) -> Array:
    """Mean over time of residuals [N_NOISE, L], shrunk towards zero, [N_NOISE].

    The posterior mean of a normal distribution, whose observations are as many as there are notes
    or stretches of time, less the one that no spread can be told by.
    """
    n_stretches = max(1, residual_db.shape[1] // _STRETCH_FRAMES)
    stretches = np.array_split(residual_db, n_stretches, axis=1)
    variance = np.var([each.mean(axis=1) for each in stretches], axis=0) + _LEAST_SPREAD_DB**2
    n = min(n_stretches, n_notes) - 1
    trust = n * _PRIOR_DB**2 / (n * _PRIOR_DB**2 + variance)
    corrected_db = np.clip(trust * residual_db.mean(axis=1), -_MAX_DB, _MAX_DB)
    return np.asarray(corrected_db, np.float32)


def _choose_stretches(frames: NoteFrames, n_frames: int) -> Index:
    """Frames of a style that it plays of itself, in order."""
    n_stretches = min(_N_STRETCHES, max(1, n_frames // _STRETCH_FRAMES))
    while True:
        starts = np.linspace(0, max(0, n_frames - _STRETCH_FRAMES), n_stretches).astype(np.int64)
        chosen = np.unique(starts[:, None] + np.arange(min(_STRETCH_FRAMES, n_frames)))
        if n_stretches == 1 or np.isin(frames.frame, chosen).sum() <= _MAX_NOTE_FRAMES:
            return chosen
        n_stretches -= 1


def _at_chosen(frames: NoteFrames, chosen: Index) -> NoteFrames:
    """Note frames at chosen frames, counted by their place among these."""
    inside = frames[np.isin(frames.frame, chosen)]
    return replace(inside, frame=np.searchsorted(chosen, inside.frame).astype(np.float64))


def _play_itself(model: Model, style: StyleNotes, frames: NoteFrames, own_db: Array) -> Array:
    """Levels in the bands [bands, L] of a style's note frames, none predicted from its own note."""
    memory = style.memory
    partials = np.zeros((len(frames), N_PARTIALS), np.float32)
    noise = np.zeros((len(frames), N_NOISE), np.float32)
    n_folds = min(_N_FOLDS, style.events.n_notes)
    for fold in range(n_folds):
        queries = np.flatnonzero(frames.note % n_folds == fold)
        others = memory.measured[np.flatnonzero(style.note % n_folds != fold)]
        if len(queries):
            inputs = *attention_inputs(others), frames.features[queries]
            partials[queries], noise[queries] = model.part("")(*inputs)
    inputs = attention_inputs(memory.measured)
    background, timbre = model.part("style")(*inputs, memory.noise_floor_db)
    if memory.background_db is not None:
        background = memory.background_db
    rendered = render_bands(
        frames, partials, noise, background, memory.inharmonicity, own_db.shape[1]
    )
    gain, residual = model.part("refine")(rendered, own_db, memory.quantiles, timbre)
    # The floor of rendered bands is there for the refiner; nobody plays it.
    sounding = np.maximum(10 ** (rendered / 10) - FLOOR, 0)
    for added in inharmonic_partials(((1.0, memory),), frames):  # no noise that is missing
        sounding = sounding + _added_power(added, frames, own_db.shape[1]).T
    power = sounding * 10 ** (gain / 10) + 10 ** (residual / 10)
    return np.asarray(10 * np.log10(power), np.float32)


def _added_power(added: AddedPartials, frames: NoteFrames, n_frames: int) -> Array:
    """Power in the bands of partials that are added to those of the predictor, [L, bands]."""
    some = frames[added.row]
    cover_db = 20 * np.log10(np.maximum(coverage(some.age_s), MIN_COVERAGE))
    level_db = added.level_db + (some.strength_db + cover_db)[:, None]
    frame = some.frame.astype(np.int64)
    return partials_power(frame, added.hz, level_db, n_frames).astype(np.float32)


def _normalized(levels_db: Array) -> Array:
    """Levels relative to their mean power, with a floor."""
    power = 10 ** (levels_db / 10)
    return np.asarray(10 * np.log10(power / power.mean() + _SILENCE), np.float32)
