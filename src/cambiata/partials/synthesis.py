"""Synthesis of predicted note frames: partials by inverse transforms, noise by filtering."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse
import scipy.special

from cambiata.arrays import Samples
from cambiata.audio.log_frequency import midi_to_hz
from cambiata.partials.bands import band_filters, band_hz, band_position, noise_interpolation
from cambiata.partials.long_term import filter_bands
from cambiata.partials.note_frames import (
    BIN_HZ,
    HIGHEST_HZ,
    HOP,
    WINDOW,
    NoteFrames,
    partial_hz,
)
from cambiata.partials.oscillators import HOP as SYNTHESIS_HOP
from cambiata.partials.oscillators import LONG, SHORT, Sinusoids, play_noise, play_sinusoids
from cambiata.partials.posteriors import BANDS

# Moments that are predicted in each frame of the listener: every 11.6 ms, as attacks ask for. Twice
# as many would cost the predictor twice the time.
PER_FRAME = 2
STEPS_PER_FRAME = HOP // SYNTHESIS_HOP
_STEPS_PER_MOMENT = STEPS_PER_FRAME // PER_FRAME
# Gains in bands are read just inside the lowest band and the highest: there are none beyond.
_LOWEST_GAIN_HZ, _HIGHEST_GAIN_HZ = 4.01 * BIN_HZ, HIGHEST_HZ - BIN_HZ
SILENCE_DB = -130.0
# Where every note has phases of its own, they are one of 997 sets, chosen by the note's onset in
# eighths of a frame (2.9 ms): the same in every stretch of a long score, and with no state between
# stretches. 997 is a prime, so that strikes at any even pace go through all sets before one comes
# again.
_N_PHASE_SETS, _ONSETS_PER_FRAME = 997, 8
N_MIDI = 128
_SEEDS_APART = 1009  # of the phases of one set of partials and the next; 1 and 2 are the noise's
_NEPERS_PER_DB = np.float32(np.log(10) / 10)  # of power

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class AddedPartials:
    """Partials of note frames beside the 48 that the networks know."""

    row: npt.NDArray[np.int64]  # the note frames that have them: all of a note, or none [R]
    hz: npt.NDArray[np.float64]  # of notes as they are tuned [R, P]
    level_db: Array  # relative to each note's strength [R, P]


@dataclass(frozen=True, eq=False)
class Prediction:
    """Partials and noise of note frames [Q], and the refiner's correction in bands."""

    partials_db: Array  # relative to each note's strength [Q, N_PARTIALS]
    noise_db: Array  # likewise [Q, N_NOISE]
    background_noise_db: Array  # noise that sounds throughout [N_NOISE]
    inharmonicity: float
    gain_db: Array  # correction of partials and noise [bands, L]
    residual_db: Array  # what else sounds, as noise [bands, L]
    added: tuple[AddedPartials, ...] = ()

    def gain_at(self, frames: NoteFrames, hz: npt.NDArray[np.float64]) -> Array:
        """Correction in dB of partials at frequencies [Q, P], of the same shape."""
        return bilinear(self.gain_db, gain_position(hz), frames.frame[:, None])


def synthesize(
    frames: NoteFrames,
    prediction: Prediction,
    deviation_cents: Array,
    n_samples: int,
    seed: int,
    first_frame: int = 0,
    phase_per_note: bool = False,
    level_db: npt.NDArray[np.float64] | None = None,
) -> Samples:
    """Sound [T] of predicted note frames, in units of RMS.

    `deviation_cents` [N, L] moves notes off their pitch. `first_frame` is where this stretch of a
    longer sound begins: phases go on from there. Every pitch has phases of its own, or, with
    `phase_per_note`, every note, as strings struck anew have. `level_db` [Q] makes the note frames
    louder or softer.
    """
    if level_db is None:
        level_db = np.zeros(len(frames))
    partials = _play_partials(
        frames, prediction, deviation_cents, n_samples, seed, level_db, first_frame, phase_per_note
    )
    return partials + _play_noise(frames, prediction, n_samples, seed, level_db)


@dataclass(frozen=True, eq=False)
class Played:
    """What `synthesize` plays, each by itself [T]."""

    partials: Samples
    noise: Samples  # of the notes, and the residual
    background: Samples

    @property
    def sound(self) -> Samples:
        """All of it."""
        return self.partials + self.noise + self.background


def synthesize_apart(
    frames: NoteFrames,
    prediction: Prediction,
    deviation_cents: Array,
    n_samples: int,
    seed: int,
    level_db: npt.NDArray[np.float64],
) -> Played:
    """Partials, noise and background of predicted note frames, as `synthesize` plays them."""
    silence_db = np.full_like(prediction.background_noise_db, SILENCE_DB)
    notes = replace(prediction, background_noise_db=silence_db)
    return Played(
        _play_partials(frames, prediction, deviation_cents, n_samples, seed, level_db),
        _play_noise(frames, notes, n_samples, seed, level_db),
        _play_background(prediction.background_noise_db, n_samples, seed + 2),
    )


def _play_partials(
    frames: NoteFrames,
    prediction: Prediction,
    deviation_cents: Array,
    n_samples: int,
    seed: int,
    level_db: npt.NDArray[np.float64],
    first_frame: int = 0,
    phase_per_note: bool = False,
) -> Samples:
    """Partials of note frames."""
    begun = _has_begun(frames)
    strength_db = (frames.strength_db + level_db)[:, None].astype(np.float32)
    rows = np.arange(len(frames))
    tuned_hz = partial_hz(frames.tuned_pitch, prediction.inharmonicity)
    sets = AddedPartials(rows, tuned_hz, prediction.partials_db), *prediction.added
    sound = np.zeros(n_samples, np.float32)
    for i, partials in enumerate(sets):
        kept = np.flatnonzero(begun[partials.row])
        row, tuned_hz = partials.row[kept], partials.hz[kept]
        some = frames[row]
        levels_db = partials.level_db[kept] + strength_db[row] + prediction.gain_at(some, tuned_hz)
        sinusoids = _sinusoids(
            some,
            _interpolate(some, levels_db),
            tuned_hz / midi_to_hz(some.tuned_pitch)[:, None],
            deviation_cents,
            seed + _SEEDS_APART * i,
            first_frame * STEPS_PER_FRAME,
            phase_per_note,
        )
        sound += play_sinusoids(sinusoids, n_samples, BANDS.sample_rate)
    return sound


def _play_noise(
    frames: NoteFrames,
    prediction: Prediction,
    n_samples: int,
    seed: int,
    level_db: npt.NDArray[np.float64],
) -> Samples:
    """Noise of note frames, with background and residual."""
    strength_db = (frames.strength_db + level_db)[:, None].astype(np.float32)
    begun = _has_begun(frames)
    noise_db = (prediction.noise_db + strength_db)[begun]
    noise = _noise_sound(frames[begun], noise_db, prediction, n_samples, seed)
    return noise + _residual_sound(prediction.residual_db, n_samples, seed + 1)


def _has_begun(frames: NoteFrames) -> npt.NDArray[np.bool_]:
    """Note frames to be played: the moment before a note is needed for what lies between."""
    return np.asarray(frames.age_s > -BANDS.frame_s / PER_FRAME)


def _play_background(background_db: Array, n_samples: int, seed: int) -> Samples:
    """Noise that sounds throughout."""
    if background_db.max() <= SILENCE_DB:
        return np.zeros(n_samples, np.float32)
    white = np.random.default_rng(seed).standard_normal(n_samples, np.float32)
    level_db = background_db @ noise_interpolation(band_hz())
    return filter_bands(white, np.asarray(level_db + 10 * np.log10(WINDOW / 6), np.float32))


@dataclass(frozen=True, eq=False)
class _Moments:
    """Levels at steps of the synthesis."""

    step: npt.NDArray[np.int64]  # step of the synthesis [S]
    row: npt.NDArray[np.int64]  # the note frame that it follows [S]
    level_db: Array  # [S, ...]


def _interpolate(frames: NoteFrames, level_db: Array) -> _Moments:
    """Levels at every step of the synthesis, straight lines in dB between two note frames."""
    at = np.round(frames.frame * PER_FRAME).astype(np.int64) * _STEPS_PER_MOMENT
    followed = np.append(frames.note[1:] == frames.note[:-1], False)[: len(frames)]
    following_db = np.where(followed[:, None], np.roll(level_db, -1, axis=0), level_db)
    onset = (frames.frame - frames.age_s / BANDS.frame_s) * PER_FRAME * _STEPS_PER_MOMENT
    steps, rows, levels = [], [], []
    for step in range(_STEPS_PER_MOMENT):
        # The oscillators rise to the first step that sounds during the step before it, which
        # therefore begins within half a step of the onset.
        sounding = np.flatnonzero(at + step >= onset + 0.5)
        rows.append(sounding)
        steps.append(at[sounding] + step)
        share = np.float32(step / _STEPS_PER_MOMENT)
        levels.append((level_db + share * (following_db - level_db))[sounding])
    return _Moments(np.concatenate(steps), np.concatenate(rows), np.concatenate(levels))


def _sinusoids(
    frames: NoteFrames,
    moments: _Moments,
    ratios: npt.NDArray[np.float64],
    deviation_cents: Array,
    seed: int,
    steps_before: int,
    phase_per_note: bool,
) -> Sinusoids:
    """Frequencies, amplitudes and phases of all partials at all steps.

    `ratios` [Q, P] are those of the partials' frequencies to the notes' pitches.
    """
    n_partials = ratios.shape[1]
    note = frames.note[moments.row]
    order = np.lexsort((moments.step, note))
    step, note = moments.step[order], note[order]
    level_db, row = moments.level_db[order], moments.row[order]
    pitch = frames.pitch[row]
    at = np.minimum(step / STEPS_PER_FRAME, deviation_cents.shape[1] - 1)
    cents = bilinear(deviation_cents, note, at) if len(deviation_cents) else np.zeros(0)
    deviation = 2 ** (cents / 1200)
    ratio = ratios[row]
    hz = midi_to_hz(pitch)[:, None] * ratio * deviation[:, None]
    # Cycles of the fundamental since the sound began, times steps a second: those of its pitch, and
    # what its deviation has added since the note began.
    first = np.append(True, note[1:] != note[:-1])[: len(note)]
    begun = np.maximum.accumulate(np.where(first, np.arange(len(note)), 0))
    added = np.cumsum(midi_to_hz(pitch) * (deviation - 1))
    cycles = midi_to_hz(pitch) * (step + steps_before) + added - added[begun]
    # One set of phases for a pitch in every channel, so that the channels of one sound agree.
    phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, (N_MIDI, n_partials))
    start_phase = phases[pitch]
    if phase_per_note:
        onset = (frames.frame - frames.age_s / BANDS.frame_s)[row]
        onset += steps_before / STEPS_PER_FRAME
        rng = np.random.default_rng(seed + 1)
        phase_sets = rng.uniform(0, 2 * np.pi, (_N_PHASE_SETS, n_partials))
        chosen = np.round(_ONSETS_PER_FRAME * onset).astype(np.int64) % _N_PHASE_SETS
        start_phase = start_phase + phase_sets[chosen]
    partial_cycles = np.mod(ratio * (cycles * (SYNTHESIS_HOP / BANDS.sample_rate))[:, None], 1)
    amplitude = np.where(hz < HIGHEST_HZ, 10 ** (level_db / 20), 0).astype(np.float32)
    return Sinusoids(step, hz, amplitude, 2 * np.pi * partial_cycles + start_phase)


def _noise_sound(
    frames: NoteFrames, noise_db: Array, prediction: Prediction, n_samples: int, seed: int
) -> Samples:
    """Noise of the notes and of the background, through the short transform: attacks stay sharp."""
    moments = _interpolate(frames, noise_db)
    n_frames = SHORT.n_frames(n_samples)
    inside = np.flatnonzero(moments.step < n_frames)
    summation = scipy.sparse.csr_array(
        (np.ones(len(inside), np.float32), (moments.step[inside], inside)),
        (n_frames, len(moments.step)),
    )
    power = summation @ 10 ** (moments.level_db / 10)
    hz = np.arange(SHORT.n_bins, dtype=np.float64) * BANDS.sample_rate / SHORT.n_fft
    level = (10 * np.log10(power + 1e-13)).astype(np.float32) @ noise_interpolation(hz)
    rows = gain_position(hz)
    # First at all frequencies, then at all times, of which there are four for each of the gains'.
    gain_db = prediction.gain_db
    gain = bilinear(gain_db, rows[:, None], np.arange(gain_db.shape[1])[None])
    deficit_db = np.interp(rows, np.arange(len(band_hz())), mean_log_deficit_db())
    gain += deficit_db[:, None].astype(np.float32)
    at = np.minimum(np.arange(n_frames) * (SYNTHESIS_HOP / HOP), gain.shape[1] - 1)
    first = np.minimum(at.astype(np.int64), max(0, gain.shape[1] - 2))
    share = (at - first).astype(np.float32)
    slope = np.diff(gain, axis=1, append=gain[:, -1:])
    level = level.T + gain[:, first] + slope[:, first] * share
    background_db = prediction.background_noise_db @ noise_interpolation(hz)
    level = np.logaddexp(level * _NEPERS_PER_DB, background_db[:, None] * _NEPERS_PER_DB)
    level = level / _NEPERS_PER_DB
    level[hz > HIGHEST_HZ] = SILENCE_DB
    return play_noise(_noise_gain(level), SHORT, n_samples, seed)


def _residual_sound(residual_db: Array, n_samples: int, seed: int) -> Samples:
    """Noise of the refiner's residual, through the long transform that it was learnt with."""
    n_frames = LONG.n_frames(n_samples)
    residual_db = residual_db[:, np.minimum(np.arange(n_frames), residual_db.shape[1] - 1)]
    widths_db = 10 * np.log10(band_filters().sum(axis=1))
    residual_db = residual_db + (mean_log_deficit_db() - widths_db)[:, None].astype(np.float32)
    level_db = _bands_to_bins() @ residual_db
    level_db[band_filters().sum(axis=0) == 0] = SILENCE_DB
    return play_noise(_noise_gain(level_db), LONG, n_samples, seed)


def gain_position(hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Positions among the bands at which the gains of frequencies are read."""
    return band_position(np.clip(hz, _LOWEST_GAIN_HZ, _HIGHEST_GAIN_HZ))


@lru_cache(maxsize=1)
def mean_log_deficit_db() -> npt.NDArray[np.float64]:
    """How far the mean level of noise in a band lies below the level of its mean power, [bands].

    The predictor learns levels; noise must have the power whose mean level is the one learnt. In
    a single bin power is exponentially distributed (2.5 dB); a band of many has nearly none.
    """
    weights = band_filters().astype(np.float64)
    # Neighbours under Hann's window are alike: squared correlations of 4 / 9 and 1 / 36.
    correlated = (weights**2).sum(axis=1)
    for distance, squared in ((1, 4 / 9), (2, 1 / 36)):
        products = weights[:, distance:] * weights[:, :-distance]
        correlated += 2 * squared * products.sum(axis=1)
    n = weights.sum(axis=1) ** 2 / correlated
    return np.asarray(10 / np.log(10) * (np.log(n) - scipy.special.digamma(n)))


def _noise_gain(level_db: npt.NDArray[np.floating[Any]]) -> Array:
    """Gain of white noise: a bin of the analysis has 6 / WINDOW of its variance (Hann's window)."""
    nepers = np.asarray(level_db, np.float32) * np.float32(np.log(10) / 20)
    return np.ascontiguousarray(np.exp(nepers)) * np.float32(np.sqrt(WINDOW / 6))


def _bands_to_bins() -> scipy.sparse.csr_array:
    """Weights from levels of bands to levels of the long transform's bins."""
    return scipy.sparse.csr_array(band_filters().T)


def bilinear(grid: Array, rows: npt.NDArray[Any], columns: npt.NDArray[Any]) -> Array:
    """Values between the points of a grid [R, C], at places that are brought inside it."""
    rows = np.clip(rows, 0, grid.shape[0] - 1)
    columns = np.clip(columns, 0, grid.shape[1] - 1)
    r = np.minimum(rows.astype(np.int64), max(0, grid.shape[0] - 2))
    c = np.minimum(columns.astype(np.int64), max(0, grid.shape[1] - 2))
    down, right = (rows - r).astype(np.float32), (columns - c).astype(np.float32)
    next_r, next_c = np.minimum(r + 1, grid.shape[0] - 1), np.minimum(c + 1, grid.shape[1] - 1)
    upper = grid[r, c] * (1 - right) + grid[r, next_c] * right
    lower = grid[next_r, c] * (1 - right) + grid[next_r, next_c] * right
    value: Array = upper * (1 - down) + lower * down
    return value
