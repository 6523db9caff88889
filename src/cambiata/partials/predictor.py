"""A style as its measured note frames, and the prediction of other note frames from them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.partials.analysis import (
    MeasuredFrames,
    choose_frames,
    detect_hits,
    is_pitched,
    measure,
    measure_hits,
    noise_floor_db,
    power_spectrum,
)
from cambiata.partials.background import (
    UNBOUNDED_DB,
    UNIT_TOTAL_DB,
    StyleNoise,
    background_power,
    between_power,
    bound_share,
    bound_share_of_frames,
    breath_power,
    breath_ratio_db,
    held_frames,
    noise_gain_db,
    power_db,
    total_db,
)
from cambiata.partials.bands import (
    band_hz,
    band_quantiles_db,
    noise_interpolation,
    render_bands,
)
from cambiata.partials.detail import recall
from cambiata.partials.envelope import with_envelope
from cambiata.partials.inharmonic import (
    N_COLUMNS,
    find_inharmonic,
    mixed_partials,
)
from cambiata.partials.long_term import long_term_db
from cambiata.partials.note_frames import (
    FLOOR_DB,
    N_FEATURES,
    N_NOISE,
    N_PARTIALS,
    NOISE_CENTRES_HZ,
    RELEASED,
    NoteFrames,
    partial_hz,
)
from cambiata.partials.posteriors import BANDS, NoteEvents, detect_notes
from cambiata.partials.separation import separated
from cambiata.partials.synthesis import AddedPartials, Prediction
from cambiata.partials.tuning import tuning_cents
from cambiata.weights import Model

# Frames that are kept of a style: chosen by hand between time and memory, as attention costs as
# much as there are frames. The player gets by with half of them (see performance/player.py).
_N_MEMORY_FRAMES = 768
_MEMORY_SEED = 0  # one style, one memory, whatever the seed of the rendering
# Attack and damping are over: the shortest of the features' times within which a note changes are
# 20, 50 and 80 ms.
_STEADY_S = 0.15
_BATCH_FRAMES = 1024  # frames predicted in one call: bounds memory, changes nothing else
# Twice what is kept of a style, and more notes and partials than any has: attention costs memory as
# frames do, and a file states any number of them.
_MOST_FRAMES, _MOST_NOTES, _MOST_INHARMONIC = 2 * _N_MEMORY_FRAMES, 100_000, 256
# What version 2 of the timbre files added, and the shape of each; None is any number of partials.
_OPTIONAL: dict[str, tuple[int | None, ...]] = {
    "noise_correction_db": (N_NOISE,),
    "background_db": (N_NOISE,),
    "breath_ratio_db": (N_NOISE,),
    "long_term_db": (len(band_hz()),),
    "inharmonic": (None, N_COLUMNS),
}
_TOKEN_WIDTHS = (N_FEATURES, N_PARTIALS, N_PARTIALS, N_NOISE)

Array = npt.NDArray[np.float32]
Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class StyleMemory:
    """Memory of a style: the note frames that are attended to, and its overall levels."""

    measured: MeasuredFrames
    inharmonicity: float
    noise_floor_db: Array  # level where it is quietest [N_NOISE]
    quantiles: Array  # quantiles of its levels in the bands [3, bands]
    pitches: npt.NDArray[np.int64]  # of all its notes
    strengths_db: npt.NDArray[np.float64]  # of all its notes
    # Gain of noise that it asks for when it plays itself (`correction`) [N_NOISE]; None in timbre
    # files of version 1, whose noise is not corrected.
    noise_correction_db: Array | None = None
    # Constant noise, per bin, and what comes with held notes over all that sounds (`background`)
    # [N_NOISE]; likewise.
    background_db: Array | None = None
    breath_ratio_db: Array | None = None
    long_term_db: Array | None = None  # its long-term spectrum [bands]; likewise
    # Partials at other than whole multiples (`inharmonic`) [K, N_COLUMNS]; None for none.
    inharmonic: Array | None = None

    @property
    def is_pitched(self) -> bool:
        """Whether it is made of notes, rather than of hits and noise: any partial sounds."""
        partials_db = self.measured.partials_db
        return not self.measured.n_frames or float(partials_db.max()) > FLOOR_DB

    def arrays(self) -> Arrays:
        """All of it in half precision, by the names that timbre files have always used."""
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
        optional = {name: getattr(self, name) for name in _OPTIONAL}
        half_precision |= {name: x for name, x in optional.items() if x is not None}
        return {name: array.astype(np.float16) for name, array in half_precision.items()} | {
            "pitches": self.pitches.astype(np.int16),
            "stiffness": np.array(self.inharmonicity, np.float32),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> "StyleMemory":
        """The memory whose `arrays` these are, as nearly as float16 keeps it.

        Raises KeyError or ValueError where an array is missing or has another shape or kind.
        """
        names = ("features", "partials_db", "clean", "noise_db")
        measured = [_checked(arrays[name], np.float32) for name in names]
        shapes = [array.shape for array in measured]
        floor, quantiles = (_checked(arrays[x], np.float32) for x in ("floor_db", "quantiles"))
        inharmonicity = _checked(arrays["stiffness"], np.float64)
        pitches = _checked(arrays["pitches"], np.int64)
        strengths_db = _checked(arrays["strengths_db"], np.float64)
        n_frames = shapes[0][0] if shapes[0] else 0
        if not n_frames or shapes != [(n_frames, width) for width in _TOKEN_WIDTHS]:
            raise ValueError("note frames of another shape")
        if n_frames > _MOST_FRAMES or pitches.size > _MOST_NOTES:
            raise ValueError("more than any style has")
        if floor.shape != (N_NOISE,) or quantiles.shape != (3, len(band_hz())):
            raise ValueError("levels of another shape")
        if pitches.ndim != 1 or pitches.shape != strengths_db.shape or inharmonicity.shape:
            raise ValueError("notes of another shape")
        optional: dict[str, Array | None] = {}
        for name, shape in _OPTIONAL.items():
            if name in arrays:
                optional[name] = _checked(arrays[name], np.float32)
                if not _has_shape(arrays[name], shape):
                    raise ValueError("levels of another shape")
        return cls(
            MeasuredFrames(*measured),
            float(inharmonicity),
            floor,
            quantiles,
            pitches,
            strengths_db,
            **optional,
        )


def _has_shape(array: npt.NDArray[Any], shape: tuple[int | None, ...]) -> bool:
    """Whether an array has a shape, in which None is any number of partials."""
    if array.ndim != len(shape):
        return False
    pairs = zip(array.shape, shape, strict=True)
    return all(0 < n <= _MOST_INHARMONIC if wanted is None else n == wanted for n, wanted in pairs)


def _checked(array: npt.NDArray[Any], kind: type[Any]) -> npt.NDArray[Any]:
    """An array of a file as numbers of a kind, all of them such as a style may have."""
    if array.dtype.kind not in "fiu":
        raise ValueError("no numbers")
    # Levels in dB lie within 120 of 0, everything else within less: 300 is damage.
    if not (np.isfinite(array).all() and (np.abs(array.astype(np.float64)) <= 300).all()):
        raise ValueError("numbers that no style has")
    return np.asarray(array, kind)


StyleMix = tuple[tuple[float, StyleMemory], ...]
"""A timbre: styles with their weights, which add up to 1."""


@dataclass(frozen=True, eq=False)
class StyleNotes:
    """A style as it is measured: its memory, and the notes and the spectrum it was taken from."""

    memory: StyleMemory
    note: npt.NDArray[np.int64]  # index of the note of each note frame of the memory [M]
    events: NoteEvents
    power: Array  # power spectrogram [L, F]


def measure_style(style: Samples, listener: str) -> StyleMemory:
    """Memory of a style [T]; `listener` names the weights that detect its notes.

    For the player, with which separated notes were not tried.
    """
    return measure_notes(style, listener, separate=False).memory


def measure_notes(style: Samples, listener: str, *, separate: bool = True) -> StyleNotes:
    """Memory of a style [T], with its notes and its spectrum.

    With `separate`, notes are measured without what their window sees of others.
    """
    power = power_spectrum(style)
    events = detect_notes(style, listener, tuning_cents=tuning_cents(style, BANDS.sample_rate))
    measured, frames, inharmonicity = measure(power, events)
    between, total = between_power(style), power.sum(axis=1)
    background = background_power(between, total)
    ratio_db = breath_ratio_db(
        breath_power(between, background), total, held_frames(frames, len(between))
    )
    inharmonic = None
    if is_pitched(power, frames, inharmonicity):
        inharmonic = find_inharmonic(power, events, inharmonicity)
        if separate:
            measured = separated(measured, frames, events, power, inharmonicity)
    else:
        events = detect_hits(power)
        measured, frames = measure_hits(power, events)
        ratio_db = np.full_like(ratio_db, UNBOUNDED_DB)
    chosen = choose_frames(frames, _N_MEMORY_FRAMES, np.random.default_rng(_MEMORY_SEED))
    memory = StyleMemory(
        measured[chosen],
        inharmonicity,
        noise_floor_db(power),
        band_quantiles_db(power),
        events.pitch,
        events.strength_db,
        background_db=power_db(background),
        breath_ratio_db=ratio_db,
        long_term_db=long_term_db(power),
        inharmonic=inharmonic,
    )
    return StyleNotes(memory, frames.note[chosen], events, power)


def mix_is_pitched(mix: StyleMix) -> bool:
    """Whether any of the styles is made of notes, rather than of hits and noise."""
    return any(memory.is_pitched for _, memory in mix)


def mix_long_term_db(mix: StyleMix) -> Array | None:
    """Long-term spectrum of a mix of notes [bands]; None where it is not known of all styles."""
    spectra = [memory.long_term_db for _, memory in mix]
    if not mix_is_pitched(mix) or any(spectrum is None for spectrum in spectra):
        return None
    weights = np.array([weight for weight, _ in mix], np.float32)
    return np.asarray(weights @ np.stack([x for x in spectra if x is not None]), np.float32)


def mix_noise(mix: StyleMix) -> StyleNoise | None:
    """Noise of a mix; None where it is not known of all styles."""
    levels = []
    for weight, memory in mix:
        if memory.background_db is None or memory.breath_ratio_db is None:
            return None
        levels.append(np.float32(weight) * np.stack([memory.background_db, memory.breath_ratio_db]))
    return StyleNoise(*np.sum(levels, axis=0))


def mix_to_arrays(mix: StyleMix) -> Sequence[tuple[float, Arrays]]:
    """A timbre as weights and arrays by name, for a file."""
    return [(weight, memory.arrays()) for weight, memory in mix]


def mix_from_arrays(weighted_arrays: Sequence[tuple[float, Arrays]]) -> StyleMix:
    """The timbre that `mix_to_arrays` turned into arrays."""
    return tuple((weight, StyleMemory.from_arrays(arrays)) for weight, arrays in weighted_arrays)


def predict(
    model: Model,
    mix: StyleMix,
    frames: NoteFrames,
    n_frames: int,
    content_db: Array | None = None,
    on_predicted: Callable[[], None] = lambda: None,
) -> Prediction:
    """Partials and noise of note frames as a style has them, and the refiner's correction.

    Of several styles it is the mean by weight, in dB. The refiner compares what was predicted with
    the content's levels in the bands [bands, L], or with itself where there is no content but a
    score: how strong its notes are is written, not heard, and nothing is recalled by it.
    `on_predicted` is called before the refiner is.
    """
    styles = [model.part("style")(*attention_inputs(m.measured), m.noise_floor_db) for _, m in mix]
    partials = np.zeros((len(frames), N_PARTIALS), np.float32)
    noise = np.zeros((len(frames), N_NOISE), np.float32)
    background = np.zeros(N_NOISE, np.float32)
    between = _between_others(frames)
    asked = np.setdiff1d(np.arange(len(frames)), between)
    for (weight, memory), (background_db, _) in zip(mix, styles, strict=True):
        tokens, share = attention_inputs(memory.measured), np.float32(weight)
        for at in range(0, len(asked), _BATCH_FRAMES):
            batch = asked[at : at + _BATCH_FRAMES]
            partials_db, noise_db = model.part("")(*tokens, frames.features[batch])
            partials[batch] += share * partials_db
            noise[batch] += share * noise_db
        measured_db = memory.background_db
        if measured_db is None or content_db is None:
            measured_db = background_db
        background += share * measured_db
    for levels in (partials, noise):
        levels[between] = (levels[between - 1] + levels[between + 1]) / 2
    on_predicted()
    inharmonicity = sum(weight * memory.inharmonicity for weight, memory in mix)
    rendered = render_bands(frames, partials, noise, background, inharmonicity, n_frames)
    gain, residual = np.zeros_like(rendered), np.zeros_like(rendered)
    reference_db = rendered if content_db is None else content_db
    for (weight, memory), (_, timbre) in zip(mix, styles, strict=True):
        gain_db, residual_db = model.part("refine")(
            rendered, reference_db, memory.quantiles, timbre
        )
        gain += np.float32(weight) * gain_db
        residual += np.float32(weight) * residual_db
    # The refiner has learnt with uncorrected noise.
    correction = np.zeros(N_NOISE, np.float32)
    for weight, memory in mix:
        if memory.noise_correction_db is not None:
            correction += np.float32(weight) * memory.noise_correction_db
    residual += (correction @ noise_interpolation(band_hz()))[:, None]
    noise = noise + correction
    added = inharmonic_partials(mix, frames)
    prediction = Prediction(partials, noise, background, inharmonicity, gain, residual, added=added)
    if content_db is not None:
        prediction = _with_recalled(prediction, mix, frames)
    pitched = [(w, m.measured, m.pitches) for w, m in mix if m.is_pitched and len(m.pitches)]
    continued_db = with_envelope(prediction.partials_db, frames, pitched, inharmonicity)
    prediction = replace(prediction, partials_db=continued_db)
    # A stretch of a score is one of many, which must not differ in their noise.
    return prediction if content_db is None else _as_in_style(prediction, mix, frames, rendered)


def _between_others(frames: NoteFrames) -> npt.NDArray[np.int64]:
    """Note frames that are as good as the mean of the two beside them: steady ones.

    Every second, of those that lie between frames; attention takes half of a transfer's time.
    """
    note = frames.note
    lasted_s = frames.age_s > _STEADY_S
    released = frames.features[:, RELEASED] > 0
    lasted_s &= ~released | (frames.released_s > _STEADY_S)
    steady = lasted_s & (frames.frame % 1 != 0)
    inner = np.zeros(len(frames), np.bool_)
    inner[1:-1] = (note[:-2] == note[2:]) & (released[:-2] == released[2:])
    return np.flatnonzero(steady & inner)


def inharmonic_partials(mix: StyleMix, frames: NoteFrames) -> tuple[AddedPartials, ...]:
    """Inharmonic partials of a mix in note frames: one set of them, or none."""
    styles = [(w, m.inharmonic, m.pitches) for w, m in mix if m.inharmonic is not None]
    partials = mixed_partials(styles, frames)
    return () if partials is None else (partials,)


def _with_recalled(prediction: Prediction, mix: StyleMix, frames: NoteFrames) -> Prediction:
    """The prediction, with what the styles have nearly alike as it was measured there.

    The refiner corrects the predictor, not what was measured.
    """
    hz = partial_hz(frames.tuned_pitch, prediction.inharmonicity)
    noise_hz = np.broadcast_to(NOISE_CENTRES_HZ, (len(frames), N_NOISE))
    gains = prediction.gain_at(frames, hz), prediction.gain_at(frames, noise_hz)
    partials, noise = prediction.partials_db + gains[0], prediction.noise_db + gains[1]
    recalled = np.zeros_like(partials), np.zeros_like(noise)
    for weight, memory in mix:
        levels = partials, noise
        if memory.measured.n_frames and memory.is_pitched:
            levels = recall(memory.measured, frames.features, *levels)
        for total, level in zip(recalled, levels, strict=True):
            total += np.float32(weight) * level
    return replace(prediction, partials_db=recalled[0] - gains[0], noise_db=recalled[1] - gains[1])


def _as_in_style(
    prediction: Prediction, mix: StyleMix, frames: NoteFrames, rendered_db: Array
) -> Prediction:
    """A prediction whose noise is as loud between the partials as the styles' own."""
    if (style := mix_noise(mix)) is None:
        return prediction
    gain = noise_gain_db(frames, prediction, rendered_db, style.ratio_db)
    of_bands = (gain @ noise_interpolation(band_hz()))[:, None]
    of_bands = of_bands * bound_share_of_frames(frames, rendered_db.shape[1])
    # Constant, and so far below the loudness of all that is drawn as below the style's.
    level_db = 10 * np.log10(np.mean(10 ** (total_db(rendered_db + prediction.gain_db) / 10)))
    return replace(
        prediction,
        background_noise_db=prediction.background_noise_db + np.float32(level_db - UNIT_TOTAL_DB),
        noise_db=prediction.noise_db + bound_share(frames.age_s)[:, None] * gain,
        residual_db=prediction.residual_db + of_bands,
    )


def attention_inputs(measured: MeasuredFrames) -> tuple[Array, ...]:
    """Inputs of attention; a style without notes is one frame of zeros."""
    if not measured.n_frames:
        return tuple(np.zeros((1, n), np.float32) for n in _TOKEN_WIDTHS)
    return measured.features, measured.partials_db, measured.mask, measured.noise_db
