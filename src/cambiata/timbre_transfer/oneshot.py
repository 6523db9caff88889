"""Our own one-shot transfer: a listener hears the notes, a player plays them as the style does."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt
import scipy.sparse
import scipy.special

from cambiata.arrays import Samples
from cambiata.audio.log_frequency import midi_to_hz
from cambiata.audio.stft import Stft
from cambiata.audio.vocoder import invert, morph
from cambiata.partials.note_frames import (
    BIN_HZ,
    HIGHEST_HZ,
    HOP,
    N_FEATURES,
    N_NOISE,
    N_PARTIALS,
    WINDOW,
    MeasuredFrames,
    NoteFrames,
    band_filters,
    band_hz,
    band_position,
    band_quantiles_db,
    bands_db,
    choose_frames,
    detect_hits,
    is_pitched,
    measure,
    measure_hits,
    noise_floor_db,
    noise_interpolation,
    note_frames,
    partial_hz,
    pitch_deviation_cents,
    power_spectrum,
    render_bands,
)
from cambiata.partials.oscillators import HOP as SYNTHESIS_HOP
from cambiata.partials.oscillators import LONG, SHORT, Sinusoids, play_noise, play_sinusoids
from cambiata.partials.posteriors import BANDS, NoteEvents, detect_notes
from cambiata.system import Arrays, Progress, TransferConfig, TransferSystem
from cambiata.weights import Model, load_model

Dynamics = Literal["content", "style"]

_STFT = Stft()
_N_MEMORY_FRAMES = 768
_BATCH_FRAMES = 1024
_PER_FRAME = 2  # moments asked of the player in each frame of the listener
_OCTAVES = 4
_N_PHASE_SETS = 997


@dataclass(frozen=True)
class OneShotConfig(TransferConfig):
    """Settings of `OneShot`."""

    # See `TransferConfig`; the listener hears 44100 Hz only
    chunk_s: float = 60.0
    overlap_s: float = 0.5
    # Shipped weights of the player by name, or the path of an ONNX file of your own
    weights: str = "oneshot"
    listener: str = "listener"  # Likewise, of the listener
    # Whose loud and soft notes: the content's, or as loud and soft as the style's are
    dynamics: str = "content"
    # Octaves by which the notes are moved, or "auto": as near to the style's range as can be
    octave: str = "0"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sample_rate != BANDS.sample_rate:
            raise ValueError(
                f"sample_rate must be {BANDS.sample_rate}: the listener knows no other"
            )
        if self.dynamics not in get_args(Dynamics):
            raise ValueError("dynamics must be content or style")
        if self.octave != "auto" and self.octave.lstrip("+-") not in map(str, range(_OCTAVES + 1)):
            raise ValueError(f"octave must be auto or -{_OCTAVES} to {_OCTAVES}")


@dataclass(frozen=True, eq=False)
class StyleMemory:
    """A style, as the player knows it."""

    measured: MeasuredFrames  # Its note frames
    inharmonicity: float  # Of its strings
    noise_floor_db: npt.NDArray[np.float32]  # Its level where it is quietest, in bands of noise
    quantiles: npt.NDArray[np.float32]  # How loud it is in every band, [3, bands]
    pitches: npt.NDArray[np.int64]  # Pitches of its notes
    strengths_db: npt.NDArray[np.float64]  # How loud they are

    def arrays(self) -> Arrays:
        """All of it, for a file."""
        measured = self.measured
        half_precision: dict[str, npt.NDArray[Any]] = {
            "features": measured.features,
            "partials_db": measured.partials_db,
            "clean": measured.mask,
            "noise_db": measured.noise_db,
            "floor_db": self.noise_floor_db,
            "quantiles": self.quantiles,
            "strengths_db": self.strengths_db,
        }
        return {name: array.astype(np.float16) for name, array in half_precision.items()} | {
            "pitches": self.pitches.astype(np.int16),
            "stiffness": np.array(self.inharmonicity, np.float32),
        }

    @classmethod
    def of(cls, arrays: Arrays) -> "StyleMemory":
        """What `arrays` gave."""
        names = ("features", "partials_db", "clean", "noise_db")
        widths = (N_FEATURES, N_PARTIALS, N_PARTIALS, N_NOISE)
        measured = [np.asarray(arrays[name], np.float32) for name in names]
        shapes = [array.shape for array in measured]
        floor, quantiles = (np.asarray(arrays[x], np.float32) for x in ("floor_db", "quantiles"))
        if shapes != [(shapes[0][0], width) for width in widths]:
            raise ValueError("note frames of another shape")
        if floor.shape != (N_NOISE,) or quantiles.shape != (3, len(band_hz())):
            raise ValueError("levels of another shape")
        if not all(np.isfinite(array).all() for array in (*measured, floor, quantiles)):
            raise ValueError("levels that are not finite")
        return cls(
            MeasuredFrames(*measured),
            float(arrays["stiffness"]),
            floor,
            quantiles,
            np.asarray(arrays["pitches"], np.int64),
            np.asarray(arrays["strengths_db"], np.float64),
        )


@dataclass(frozen=True, eq=False)
class Prediction:
    """What the player said, and the refiner of it."""

    # Of every note frame, relative to its note's strength, [Q, N_PARTIALS]
    partials_db: npt.NDArray[np.float32]
    noise_db: npt.NDArray[np.float32]  # Likewise, [Q, N_NOISE]
    background_noise_db: npt.NDArray[np.float32]  # Noise that sounds throughout, [N_NOISE]
    inharmonicity: float  # Of the strings
    gain_db: npt.NDArray[np.float32]  # What all that was drawn is corrected by, [bands, L]
    residual_db: npt.NDArray[np.float32]  # What sounds besides, as noise, [bands, L]

    def gain_at(self, frames: NoteFrames, hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        """Correction of partials.

        frames: [Q]; hz: [Q, N_PARTIALS]; returns [Q, N_PARTIALS].
        """
        place = band_position(np.clip(hz, 4.01 * BIN_HZ, HIGHEST_HZ - BIN_HZ))
        return bilinear(self.gain_db, place, frames.frame[:, None])


StyleMix = tuple[tuple[float, StyleMemory], ...]
"""A timbre: voices with their weights, which add up to 1."""


class OneShot(TransferSystem[OneShotConfig, StyleMix]):
    """The content's notes, as a listener hears them, played by a player that attends to the style.

    The listener (Bittner et al. 2022 in outline) says which pitches begin when, how long they are
    held and how loud they are from frame to frame. Of every moment of the style's own notes the
    partials and the noise between them are measured; for each moment of a note that is wanted the
    player finds the moments of the style's notes most like it, takes what was measured there and
    corrects it. Partials and noise become sound by inverse transforms (Rodet & Depalle 1992), so
    there is no phase to guess and the full band is played.

    A style that is not made of notes (`note_frames.is_pitched`: drums, noise) is measured hit
    by hit; the content's notes then sound as its hits do, without pitch.

    `amount` between 0 and 1 morphs from the content's spectrogram to the full transfer's, in dB
    and bin by bin (`cambiata.audio.vocoder.morph`).
    """

    name: ClassVar[str] = "oneshot"
    summary: ClassVar[str] = "hears the notes, plays them as the style does; one-shot, 44.1 kHz"
    paper: ClassVar[str] = "this project: docs/models/oneshot.md"
    trained: ClassVar[bool] = True
    weights_licence: ClassVar[str] = "Apache-2.0"
    presets: ClassVar[Mapping[str, OneShotConfig]] = {"default": OneShotConfig()}

    def __init__(self, config: OneShotConfig) -> None:
        super().__init__(config)
        self._player = load_model(config.weights, self.name)

    @property
    def min_samples(self) -> int:
        """A tenth of a second."""
        return WINDOW

    def capture(self, style: Samples) -> StyleMix:
        """Note frames of the style, measured.

        style: [T].
        """
        return ((1.0, measure_style(style, self.config.listener)),)

    @property
    def weights_sha256(self) -> str:
        """Hash of the player's weights."""
        return self._player.sha256

    def timbre_arrays(self, timbre: StyleMix) -> Sequence[tuple[float, Arrays]]:
        """A timbre as voices; what was measured is kept as float16."""
        return timbre_arrays(timbre)

    def timbre_from_arrays(self, memories: Sequence[tuple[float, Arrays]]) -> StyleMix:
        """What `timbre_arrays` gave, or several of them mixed, to render with."""
        return memories_from_arrays(memories)

    def render(
        self,
        content: Samples,
        timbre: StyleMix,
        *,
        amount: float,
        seed: int,
        progress: Progress,
    ) -> Samples:
        """The content's notes played with a timbre.

        content: [T]; returns [T].
        """
        events = detect_notes(content, self.config.listener)
        n_frames, power = BANDS.n_frames(len(content)), power_spectrum(content)
        deviation_cents = pitch_deviation_cents(power, events, n_frames)
        octave = self._octave(events, timbre)
        events, chosen = events.transposed(12 * octave)
        events = self._with_dynamics(events, timbre)
        progress(0.4)
        frames = note_frames(events, n_frames, _PER_FRAME)
        content_db = _shift_octaves(bands_db(power), octave)
        prediction = predict(
            self._player, timbre, frames, n_frames, content_db, lambda: progress(0.7)
        )
        level = np.float32(np.sqrt(np.mean(np.square(content, dtype=np.float64))))
        sound = synthesize(frames, prediction, deviation_cents[chosen], len(content), seed) * level
        if amount < 1:
            # Both ends have phases of their own: no need to integrate any.
            magnitude, phase = morph(_STFT.analyse(content), _STFT.analyse(sound), amount)
            sound = invert(magnitude, _STFT, len(content), phase=phase, seed=seed)
        progress(1.0)
        return sound

    def _octave(self, events: NoteEvents, timbre: StyleMix) -> int:
        """By how many octaves the content's notes are moved."""
        if self.config.octave != "auto":
            return int(self.config.octave)
        pitches = np.concatenate([memory.pitches for _, memory in timbre])
        if not events.n_notes or not len(pitches):
            return 0
        return round(float(np.median(pitches) - np.median(events.pitch)) / 12)

    def _with_dynamics(self, events: NoteEvents, timbre: StyleMix) -> NoteEvents:
        """The content's notes as loud as is wanted."""
        strengths = np.concatenate([memory.strengths_db for _, memory in timbre])
        if self.config.dynamics == "content" or not len(strengths) or not events.n_notes:
            return events
        rank = np.argsort(np.argsort(events.strength_db)) / max(1, events.n_notes - 1)
        return replace(events, strength_db=np.quantile(strengths, rank))


def measure_style(style: Samples, listener: str) -> StyleMemory:
    """A style, measured.

    style: [T].
    """
    power = power_spectrum(style)
    events = detect_notes(style, listener)
    measured, frames, inharmonicity = measure(power, events)
    if not is_pitched(power, frames, inharmonicity):
        events = detect_hits(power)
        measured, frames = measure_hits(power, events)
    chosen = choose_frames(frames, _N_MEMORY_FRAMES, np.random.default_rng(0))
    return StyleMemory(
        measured[chosen],
        inharmonicity,
        noise_floor_db(power),
        band_quantiles_db(power),
        events.pitch,
        events.strength_db,
    )


def timbre_arrays(timbre: StyleMix) -> Sequence[tuple[float, Arrays]]:
    """A timbre as arrays, for a file."""
    return [(weight, memory.arrays()) for weight, memory in timbre]


def memories_from_arrays(memories: Sequence[tuple[float, Arrays]]) -> StyleMix:
    """What `timbre_arrays` gave."""
    return tuple((weight, StyleMemory.of(arrays)) for weight, arrays in memories)


def predict(
    player: Model,
    timbre: StyleMix,
    frames: NoteFrames,
    n_frames: int,
    content_db: npt.NDArray[np.float32] | None = None,
    on_predicted: Callable[[], None] = lambda: None,
) -> Prediction:
    """What a player says of note frames, and its refiner of all it said."""
    styles = [
        player.part("style")(*_memory_tokens(memory.measured), memory.noise_floor_db)
        for _, memory in timbre
    ]
    partials = np.zeros((len(frames), N_PARTIALS), np.float32)
    noise = np.zeros((len(frames), N_NOISE), np.float32)
    background_noise = np.zeros(N_NOISE, np.float32)
    for (weight, memory), (background_noise_db, _) in zip(timbre, styles, strict=True):
        keys, share = _memory_tokens(memory.measured), np.float32(weight)
        for at in range(0, len(frames), _BATCH_FRAMES):
            some = slice(at, at + _BATCH_FRAMES)
            output = player.part("")(*keys, frames.features[some])
            partials[some] += share * output[0]
            noise[some] += share * output[1]
        background_noise += share * background_noise_db
    on_predicted()
    inharmonicity = sum(weight * memory.inharmonicity for weight, memory in timbre)
    rendered = render_bands(frames, partials, noise, background_noise, inharmonicity, n_frames)
    gain, residual_db = np.zeros_like(rendered), np.zeros_like(rendered)
    reference_db = rendered if content_db is None else content_db
    for (weight, memory), (_, vector) in zip(timbre, styles, strict=True):
        refined = player.part("refine")(rendered, reference_db, memory.quantiles, vector)
        gain += np.float32(weight) * refined[0]
        residual_db += np.float32(weight) * refined[1]
    return Prediction(partials, noise, background_noise, inharmonicity, gain, residual_db)


def _shift_octaves(levels_db: npt.NDArray[np.float32], octave: int) -> npt.NDArray[np.float32]:
    """Levels in bands, moved by octaves; what comes in is silent."""
    if octave == 0:
        return levels_db
    place = np.round(band_position(band_hz() / 2**octave)).astype(np.int64)
    moved: npt.NDArray[np.float32] = np.where(place[:, None] >= 0, levels_db[place], -100)
    return moved.astype(np.float32)


def _memory_tokens(measured: MeasuredFrames) -> tuple[npt.NDArray[np.float32], ...]:
    if not measured.n_frames:
        widths = (N_FEATURES, N_PARTIALS, N_PARTIALS, N_NOISE)
        return tuple(np.zeros((1, n), np.float32) for n in widths)
    return measured.features, measured.partials_db, measured.mask, measured.noise_db


def synthesize(
    frames: NoteFrames,
    prediction: Prediction,
    deviation_cents: npt.NDArray[np.float32],
    n_samples: int,
    seed: int,
    first_frame: int = 0,
    phase_per_note: bool = False,
) -> Samples:
    """Sound of what the player said.

    deviation_cents: [N, L]; returns [T].
    """
    # The moment before a note begins tells what lies between it and the next.
    begun = np.flatnonzero(frames.age_s > -BANDS.frame_s / _PER_FRAME)
    frames, partials_db, noise_db = (
        frames[begun],
        prediction.partials_db[begun],
        prediction.noise_db[begun],
    )
    level = frames.strength_db[:, None].astype(np.float32)
    partials_db = (
        partials_db
        + level
        + prediction.gain_at(frames, partial_hz(frames.pitch, prediction.inharmonicity))
    )
    noise_db = noise_db + level
    per = HOP // SYNTHESIS_HOP // _PER_FRAME
    before = first_frame * (HOP // SYNTHESIS_HOP)
    sound = _partials_sound(
        frames,
        partials_db,
        prediction.inharmonicity,
        deviation_cents,
        per,
        n_samples,
        seed,
        before,
        phase_per_note,
    )
    sound += _noise_sound(frames, noise_db, prediction, per, n_samples, seed)
    # What the refiner adds is drawn with the long window that it was learnt with.
    n_frames = LONG.n_frames(n_samples)
    residual_db = prediction.residual_db[
        :, np.minimum(np.arange(n_frames), prediction.residual_db.shape[1] - 1)
    ]
    widths_db = 10 * np.log10(band_filters().sum(axis=1))
    residual_db = residual_db + (_mean_log_deficit_db() - widths_db)[:, None].astype(np.float32)
    level_db = _bands_to_bins() @ residual_db
    level_db[band_filters().sum(axis=0) == 0] = -130
    sound += play_noise(_noise_gain(level_db), LONG, n_samples, seed + 1)
    return sound


def _interpolate_frames(
    frames: NoteFrames, values: npt.NDArray[np.float32], per: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Frames of synthesis, of which moment each is, and levels: straight between two, in dB."""
    whole = np.round(frames.frame * _PER_FRAME).astype(np.int64) * per
    following = np.append(frames.note[1:] == frames.note[:-1], False)[: len(frames)]
    after = np.where(following[:, None], np.roll(values, -1, axis=0), values)
    begins = (frames.frame - frames.age_s / BANDS.frame_s) * _PER_FRAME * per
    places, rows, levels = [], [], []
    for step in range(per):
        # The first moment that sounds is risen to during the step before it: that step begins
        # within half a step of where the note was heard to begin.
        sounding = np.flatnonzero(whole + step >= begins + 0.5)
        rows.append(sounding)
        places.append(whole[sounding] + step)
        between = values + np.float32(step / per) * (after - values)
        levels.append(between[sounding])
    return np.concatenate(places), np.concatenate(rows), np.concatenate(levels)


def _partials_sound(
    frames: NoteFrames,
    partials_db: npt.NDArray[np.float32],
    inharmonicity: float,
    deviation_cents: npt.NDArray[np.float32],
    per: int,
    n_samples: int,
    seed: int,
    frames_before: int,
    phase_per_note: bool,
) -> Samples:
    frame, rows, level_db = _interpolate_frames(frames, partials_db, per)
    note = frames.note[rows]
    order = np.lexsort((frame, note))
    frame, note, level_db = frame[order], note[order], level_db[order]
    pitch = frames.pitch[rows[order]]
    at = np.minimum(frame / (HOP // SYNTHESIS_HOP), deviation_cents.shape[1] - 1)
    cents = bilinear(deviation_cents, note, at) if len(deviation_cents) else np.zeros(0)
    deviation_ratio = 2 ** (cents / 1200)
    hz = partial_hz(pitch, inharmonicity) * deviation_ratio[:, None]
    # The fundamental's turns since the sound began: those of its pitch, and what bends add.
    first = np.append(True, note[1:] != note[:-1])[: len(note)]
    begun = np.maximum.accumulate(np.where(first, np.arange(len(note)), 0))
    added = np.cumsum(midi_to_hz(pitch) * (deviation_ratio - 1))
    cycles = midi_to_hz(pitch) * (frame + frames_before) + added - added[begun]
    # The same phases for a pitch in every channel, so that the channels of one sound agree.
    phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, (128, N_PARTIALS))
    start_phase = phases[pitch]
    if phase_per_note:
        begun_at = (frames.frame - frames.age_s / BANDS.frame_s)[rows[order]]
        begun_at += frames_before / (HOP // SYNTHESIS_HOP)
        phase_sets = np.random.default_rng(seed + 1).uniform(
            0, 2 * np.pi, (_N_PHASE_SETS, N_PARTIALS)
        )
        start_phase = (
            start_phase + phase_sets[np.round(8 * begun_at).astype(np.int64) % _N_PHASE_SETS]
        )
    ratio = partial_hz(pitch, inharmonicity) / midi_to_hz(pitch)[:, None]
    phase_cycles = np.mod(ratio * (cycles * (SYNTHESIS_HOP / BANDS.sample_rate))[:, None], 1)
    amplitude = np.where(hz < HIGHEST_HZ, 10 ** (level_db / 20), 0).astype(np.float32)
    sinusoids = Sinusoids(frame, hz, amplitude, 2 * np.pi * phase_cycles + start_phase)
    return play_sinusoids(sinusoids, n_samples, BANDS.sample_rate)


def _noise_sound(
    frames: NoteFrames,
    noise_db: npt.NDArray[np.float32],
    prediction: Prediction,
    per: int,
    n_samples: int,
    seed: int,
) -> Samples:
    frame, _, level_db = _interpolate_frames(frames, noise_db, per)
    n_frames = SHORT.n_frames(n_samples)
    inside = np.flatnonzero(frame < n_frames)
    summation = scipy.sparse.csr_array(
        (np.ones(len(inside), np.float32), (frame[inside], inside)), (n_frames, len(frame))
    )
    power = summation @ 10 ** (level_db / 10) + 10 ** (prediction.background_noise_db / 10)
    hz = np.arange(SHORT.n_bins, dtype=np.float64) * BANDS.sample_rate / SHORT.n_fft
    level = (10 * np.log10(power + 1e-13)).astype(np.float32) @ noise_interpolation(hz)
    rows = np.maximum(0, band_position(np.clip(hz, 4.01 * BIN_HZ, HIGHEST_HZ - BIN_HZ)))
    # First at all frequencies, then at all times, of which there are four for each of the gains'.
    gain = bilinear(prediction.gain_db, rows[:, None], np.arange(prediction.gain_db.shape[1])[None])
    gain += np.interp(rows, np.arange(len(band_hz())), _mean_log_deficit_db())[:, None].astype(
        np.float32
    )
    at = np.minimum(np.arange(n_frames) * (SYNTHESIS_HOP / HOP), gain.shape[1] - 1)
    first = np.minimum(at.astype(np.int64), max(0, gain.shape[1] - 2))
    share = (at - first).astype(np.float32)
    slope = np.diff(gain, axis=1, append=gain[:, -1:])
    level = level.T + gain[:, first] + slope[:, first] * share
    level[hz > HIGHEST_HZ] = -130
    return play_noise(_noise_gain(level), SHORT, n_samples, seed)


@lru_cache(maxsize=1)
def _mean_log_deficit_db() -> npt.NDArray[np.float64]:
    """How far the mean level of noise in a band lies below the level of its mean power, [bands].

    The player learns levels; noise must have the power whose mean level is the one that was learnt.
    In a single bin power is exponentially distributed (2.5 dB); a band of many has nearly none.
    """
    weights = band_filters().astype(np.float64)
    # Neighbours under Hann's window are alike: squared correlations of 4 / 9 and 1 / 36.
    correlation = (weights**2).sum(axis=1)
    for apart, squared_correlation in ((1, 4 / 9), (2, 1 / 36)):
        correlation += (
            2 * squared_correlation * (weights[:, apart:] * weights[:, :-apart]).sum(axis=1)
        )
    n = weights.sum(axis=1) ** 2 / correlation
    return np.asarray(10 / np.log(10) * (np.log(n) - scipy.special.digamma(n)))


def _noise_gain(level_db: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float32]:
    """Gain of white noise: a bin of the measuring transform has 6 / WINDOW of its variance."""
    nepers = np.asarray(level_db, np.float32) * np.float32(np.log(10) / 20)
    return np.ascontiguousarray(np.exp(nepers)) * np.float32(np.sqrt(WINDOW / 6))


def _bands_to_bins() -> scipy.sparse.csr_array:
    """Weights from levels of bands to levels of the long transform's bins."""
    return scipy.sparse.csr_array(band_filters().T)


def bilinear(
    grid: npt.NDArray[np.float32], rows: npt.NDArray[Any], columns: npt.NDArray[Any]
) -> npt.NDArray[np.float32]:
    """Values between the points of a grid.

    grid: [R, C].
    """
    rows = np.clip(rows, 0, grid.shape[0] - 1)
    columns = np.clip(columns, 0, grid.shape[1] - 1)
    r = np.minimum(rows.astype(np.int64), max(0, grid.shape[0] - 2))
    c = np.minimum(columns.astype(np.int64), max(0, grid.shape[1] - 2))
    down, right = (rows - r).astype(np.float32), (columns - c).astype(np.float32)
    below, right_column = np.minimum(r + 1, grid.shape[0] - 1), np.minimum(c + 1, grid.shape[1] - 1)
    above = grid[r, c] * (1 - right) + grid[r, right_column] * right
    under = grid[below, c] * (1 - right) + grid[below, right_column] * right
    value: npt.NDArray[np.float32] = above * (1 - down) + under * down
    return value
