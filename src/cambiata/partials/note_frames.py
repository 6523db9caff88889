"""What a note is like from moment to moment: what the player is asked, and what a style answers.

A *note frame* is a note at one moment of its life. Of a style's note frames the partials and the
noise are measured; of a content's they are wanted. Both are described by the same features, by
which the player finds for each wanted frame the style's frames that are most like it.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import scipy.ndimage
import scipy.signal
import scipy.sparse

from cambiata.arrays import Samples
from cambiata.audio.log_frequency import hann_power, midi_to_hz
from cambiata.partials.posteriors import BANDS, LOWEST_PITCH, N_PITCHES, NoteEvents
from cambiata.score.midi import Part
from cambiata.score.piano_roll import split_at_keyboard

N_PARTIALS, N_NOISE = 48, 24
N_FEATURES = 18
RELEASE_S, LEAD_FRAMES = 1.0, 2
HIGHEST_HZ = 18000.0

WINDOW, HOP = 4096, BANDS.hop_length
BIN_HZ = BANDS.sample_rate / WINDOW
NOISE_HZ: npt.NDArray[np.float64] = np.geomspace(60, 18000, N_NOISE + 1)
NOISE_CENTRES_HZ = np.sqrt(NOISE_HZ[1:] * NOISE_HZ[:-1])

# Inharmonicity of middle C tried for a style, and how fast it grows with pitch: a piano's treble
# strings are stiffer, twofold in about ten semitones.
_INHARMONICITIES = (0.0, 5e-5, 1e-4, 2e-4, 4e-4, 8e-4)
_INHARMONICITY_SEMITONES = 10.0
_SEARCH_CENTS = 22.0
_HALF_WIDTHS = (1, 2, 3, 5, 8, 12, 18, 26)
# A partial's power lies in the peak's bin and its neighbours; of Hann's window 1 + 2 / 4.
_PEAK_SUM = 1.5
_QUANTILE, _QUANTILE_OF_MEAN = 0.2, 0.223  # of exponentially distributed power
FLOOR_DB = -100.0
FLOOR = 10**-7.5  # of power drawn, so that its logarithm is one
LOBE_BANDS = 8  # bands that a partial's lobe may touch
LOBE_STEPS = 16  # frequencies told apart between two bins of the transform
# Bends are read where the window holds the note alone, off this many partials.
_SETTLED_S, _N_DEVIATION_PARTIALS, _MAX_DEVIATION_CENTS, _MIN_EVIDENCE = 0.06, 8, 70.0, 15.0
_HIT_PITCH, _HIT_RISE_DB, _HIT_FALL_DB = 60, 6.0, 40.0
_HIT_RANGE_DB = 50.0
# Fewer note frames than this are no notes but a chance likeness of them.
_MIN_FRAMES = 6
_N_TONAL, _TONAL_REACH, _PEAK_DB = 24, 3, 15.0
_MIN_TONAL_SHARE, _MIN_STEADY_SHARE = 0.45, 0.55
_RELATIVE_STRENGTH_FEATURE, _LEVEL_FEATURE = 13, 14

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class NoteFrames:
    """Moments of notes."""

    note: npt.NDArray[np.int64]  # Which note [M]
    frame: npt.NDArray[np.float64]  # Which moment, in frames and not necessarily whole [M]
    pitch: npt.NDArray[np.int64]  # MIDI number [M]
    age_s: npt.NDArray[np.float64]  # Seconds since the note began, negative before [M]
    strength_db: npt.NDArray[np.float64]  # Strength of its note [M]
    features: Array  # [M, N_FEATURES]

    def __len__(self) -> int:
        return len(self.note)

    def __getitem__(self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> "NoteFrames":
        """Some of them."""
        return NoteFrames(
            self.note[chosen],
            self.frame[chosen],
            self.pitch[chosen],
            self.age_s[chosen],
            self.strength_db[chosen],
            self.features[chosen],
        )


def last_frames(events: NoteEvents, n_frames: int) -> npt.NDArray[np.float64]:
    """Where each note has died away: after its release, or where its pitch begins anew.

    returns [N].
    """
    last = np.minimum(events.end + RELEASE_S / BANDS.frame_s, n_frames)
    same = np.flatnonzero(events.pitch[1:] == events.pitch[:-1])
    last[same] = np.minimum(last[same], np.maximum(events.start[same + 1], events.end[same]))
    return last


def note_frames(events: NoteEvents, n_frames: int, per_frame: int = 1) -> NoteFrames:
    """All moments of all notes, on one grid."""
    last = last_frames(events, n_frames)
    first = np.maximum(0, np.ceil((events.start - LEAD_FRAMES) * per_frame)).astype(np.int64)
    stop = np.minimum(np.ceil(last * per_frame), n_frames * per_frame).astype(np.int64)
    counts = np.maximum(stop - first, 0)
    note = np.repeat(np.arange(events.n_notes), counts)
    start_frame = np.repeat(first - (np.cumsum(counts) - counts), counts)
    frame = (np.arange(len(note)) + start_frame) / per_frame
    return describe_frames(events, note, frame)


def describe_frames(
    events: NoteEvents, note: npt.NDArray[np.int64], frame: npt.NDArray[np.float64]
) -> NoteFrames:
    """Moments of notes with their features.

    note: [M]; frame: [M].
    """
    if not events.n_notes:
        none = np.zeros(0)
        index = none.astype(np.int64)
        nothing = np.zeros((0, N_FEATURES), np.float32)
        return NoteFrames(index, none, index, none, none, nothing)
    pitch = events.pitch[note]
    age_s = (frame - events.start[note]) * BANDS.frame_s
    since_s = (frame - events.end[note]) * BANDS.frame_s
    duration_s = (events.end - events.start)[note] * BANDS.frame_s
    strength = events.strength_db[note]
    at = np.clip(np.round(frame), 0, events.level_db.shape[1] - 1).astype(np.int64)
    level = events.level_db[pitch - LOWEST_PITCH, at] - strength
    age, since = np.maximum(age_s, 0), np.maximum(since_s, 0)
    features = [
        (pitch - 64) / 24,
        np.abs(pitch - 64) / 24,
        np.log1p(age / 0.02) / 4,
        np.exp(-age / 0.02),
        np.exp(-age / 0.08),
        np.exp(-age / 0.3),
        np.exp(-age / 1.2),
        since_s >= 0,
        np.log1p(since / 0.03) / 4,
        np.exp(-since / 0.05),
        np.exp(-since / 0.3),
        np.log(np.maximum(duration_s, 0.02) / 0.3) / 2,
        strength / 20,
        (strength - np.median(events.strength_db)) / 20,
        np.clip(level / 20, -3, 1),
        events.confidence[note],
        np.minimum(age_s, 0) * 20,
        np.log1p(duration_s),
    ]
    describe_frames = np.stack(features, axis=1).astype(np.float32)
    return NoteFrames(note, frame, pitch, age_s, strength, describe_frames)


def events_from_part(part: Part) -> NoteEvents:
    """The notes of a score, as a listener who misses nothing would hear them."""
    pedalled = split_at_keyboard(part.with_pedal())[0]
    notes = sorted(pedalled.notes, key=lambda n: (n.pitch, n.start_s))
    columns = [(n.pitch, n.start_s, n.end_s, n.velocity) for n in notes]
    pitch, start_s, end_s, velocity = np.array(columns, np.float64).reshape(-1, 4).T
    strength = 40 * np.log10(np.maximum(velocity, 1) / 80)
    # Long notes decay: what sounds after a second counts no more.
    power = float((10 ** (strength / 10) * np.minimum(end_s - start_s, 1.0)).sum())
    strength = strength - 10 * np.log10(max(power, 1e-9) / max(pedalled.sounding_s, 1e-9))
    return NoteEvents(
        pitch.astype(np.int64),
        start_s / BANDS.frame_s,
        end_s / BANDS.frame_s,
        np.ones(len(notes)),
        strength,
        np.zeros((N_PITCHES, 1), np.float32),
    )


def score_note_frames(
    events: NoteEvents, n_frames: int, per_frame: int = 1, middle_db: float | None = None
) -> NoteFrames:
    """All moments of the notes of a score."""
    frames = note_frames(events, n_frames, per_frame)
    frames.features[:, _LEVEL_FEATURE] = 0
    if middle_db is not None:
        frames.features[:, _RELATIVE_STRENGTH_FEATURE] = (frames.strength_db - middle_db) / 20
    return frames


def partial_hz(
    pitch: npt.NDArray[np.int64] | npt.NDArray[np.float64], inharmonicity: float
) -> npt.NDArray[np.float64]:
    """Frequencies of the partials of pitches.

    A stiff string's (Fletcher 1964): ``f_h = h f_1 sqrt((1 + B h^2) / (1 + B))``.

    pitch: [M]; returns [M, N_PARTIALS].
    """
    h = np.arange(1, N_PARTIALS + 1)
    b = (
        inharmonicity
        * 2 ** ((np.asarray(pitch, np.float64) - 60) / _INHARMONICITY_SEMITONES)[:, None]
    )
    ratio = h * np.sqrt((1 + b * h**2) / (1 + b))
    return np.asarray(midi_to_hz(pitch)[:, None] * ratio)


def coverage(age_s: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Share of the analysis window's weight that lies after a note's beginning."""
    x = np.clip(age_s * BANDS.sample_rate / WINDOW, -0.5, 0.5)
    return np.asarray(np.clip(0.5 + x + np.sin(2 * np.pi * x) / (2 * np.pi), 0, 1))


@dataclass(frozen=True, eq=False)
class MeasuredFrames:
    """What a style's note frames sound like."""

    features: Array  # [M, N_FEATURES]
    partials_db: Array  # Power of each partial relative to the note's strength, [M, N_PARTIALS]
    mask: Array  # How much of what lies at each partial is this note's, 0 to 1, [M, N_PARTIALS]
    noise_db: Array  # Noise in bands, per bin of the transform, likewise relative, [M, N_NOISE]

    @property
    def n_frames(self) -> int:
        """How many note frames."""
        return len(self.features)

    def __getitem__(self, chosen: npt.NDArray[np.int64]) -> "MeasuredFrames":
        """Some of them."""
        return MeasuredFrames(
            self.features[chosen],
            self.partials_db[chosen],
            self.mask[chosen],
            self.noise_db[chosen],
        )


def power_spectrum(samples: Samples) -> Array:
    """The power spectrum that partials are measured in, at unit mean power.

    samples: [T]; returns [L, WINDOW / 2 + 1].
    """
    mean = float(np.mean(np.square(samples, dtype=np.float64))) + 1e-12
    return hann_power(samples, WINDOW, HOP) * np.float32(16 / WINDOW**2 / mean)


def measure(power: Array, events: NoteEvents) -> tuple[MeasuredFrames, NoteFrames, float]:
    """Partials and noise of all note frames of a style."""
    frames = note_frames(events, len(power))
    frames = frames[frames.age_s >= -1e-9]
    at = np.minimum(np.round(frames.frame).astype(np.int64), len(power) - 1)
    peaks = power.copy()
    peaks[:, 1:] += power[:, :-1]
    peaks[:, :-1] += power[:, 1:]
    peaks /= _PEAK_SUM
    inharmonicity = _estimate_inharmonicity(peaks, events, frames, at)
    hz = partial_hz(frames.pitch, inharmonicity)
    audible = hz < HIGHEST_HZ
    place = hz / BIN_HZ
    reach = np.minimum(place * (2 ** (_SEARCH_CENTS / 1200) - 1), 0.3 * hz[:, :1] / BIN_HZ)
    bins = np.minimum(np.round(place), peaks.shape[1] - 1).astype(np.int64)
    size = np.searchsorted(_HALF_WIDTHS, reach).clip(max=len(_HALF_WIDTHS) - 1)
    levels = np.empty(hz.shape, np.float32)
    for i, half in enumerate(_HALF_WIDTHS):
        rows, columns = np.nonzero(size == i)
        if len(rows):
            loudest = scipy.ndimage.maximum_filter1d(peaks, 2 * half + 1, axis=1)
            levels[rows, columns] = loudest[at[rows], bins[rows, columns]]
    cover_db = 20 * np.log10(np.maximum(coverage(frames.age_s), 0.25))[:, None]
    base = frames.strength_db[:, None] + cover_db
    partials_db = np.where(audible, 10 * np.log10(levels + 1e-12) - base, FLOOR_DB)
    mask = np.where(audible, _ownership_mask(frames, events, at, bins, power.shape), 0.0)
    sounding = np.maximum(np.bincount(at, minlength=len(power)), 1)[at]
    noise_db = _noise_db(power)[at] - base - 10 * np.log10(sounding)[:, None]
    measured = MeasuredFrames(
        frames.features,
        np.clip(partials_db, FLOOR_DB, 30).astype(np.float32),
        mask.astype(np.float32),
        np.clip(noise_db, -130, 30).astype(np.float32),
    )
    return measured, frames, inharmonicity


def is_pitched(power: Array, frames: NoteFrames, inharmonicity: float) -> bool:
    """Whether notes are what a sound is made of.

    They are where enough was heard, and either the notes heard hold much of its power or steady
    peaks do, as those of bells and of organs whose registers sound elsewhere than their keys. Of
    the training fonts' drum kits notes hold 0.03 to 0.44 and steady peaks 0.04 to 0.45; no
    instrument that was tried is that low in both.
    """
    if len(frames) < _MIN_FRAMES:
        return False
    total = max(float(power.sum()), 1e-20)
    at = np.minimum(np.round(frames.frame).astype(np.int64), len(power) - 1)
    bins = np.round(partial_hz(frames.pitch, inharmonicity)[:, :_N_TONAL] / BIN_HZ).astype(np.int64)
    near = bins[:, :, None] + np.arange(-_TONAL_REACH, _TONAL_REACH + 1)
    inside = (near >= 0) & (near < power.shape[1])
    tonal = np.zeros(power.shape, bool)
    tonal[np.broadcast_to(at[:, None, None], near.shape)[inside], near[inside]] = True
    if float(power[tonal].sum()) > _MIN_TONAL_SHARE * total:
        return True
    level_db = 10 * np.log10(power + 1e-9)
    peaks = level_db > scipy.ndimage.median_filter(level_db, (1, 61)) + _PEAK_DB
    peaks = scipy.ndimage.binary_dilation(peaks, np.ones((1, 3)))
    wide = scipy.ndimage.binary_dilation(peaks, np.ones((1, 3)))
    steady = peaks & np.roll(wide, 2, axis=0) & np.roll(wide, -2, axis=0)
    return float(power[steady].sum()) > _MIN_STEADY_SHARE * total


def _estimate_inharmonicity(
    peaks: Array, events: NoteEvents, frames: NoteFrames, at: npt.NDArray[np.int64]
) -> float:
    """Which stiffness finds most partials where it says that they are."""
    settled = np.flatnonzero((frames.age_s > 0.05) & (frames.features[:, 7] == 0))
    if len(settled) < 8 or not events.n_notes:
        return 0.0
    settled = settled[:: max(1, len(settled) // 200)]
    scores = []
    for inharmonicity in _INHARMONICITIES:
        hz = partial_hz(frames.pitch[settled], inharmonicity)[:, 5:24]
        bins = np.minimum(np.round(hz / BIN_HZ), peaks.shape[1] - 1).astype(np.int64)
        level = np.log10(peaks[at[settled][:, None], bins] + 1e-9)
        inside = hz < HIGHEST_HZ / 2
        scores.append(float((level * inside).sum() / max(1, inside.sum())))
    # Exact multiples, unless another finds clearly more: half a decibel.
    best = int(np.argmax(scores))
    return _INHARMONICITIES[best] if scores[best] > scores[0] + 0.05 else 0.0


def _ownership_mask(
    frames: NoteFrames,
    events: NoteEvents,
    at: npt.NDArray[np.int64],
    bins: npt.NDArray[np.int64],
    shape: tuple[int, ...],
) -> npt.NDArray[np.float32]:
    """Share of the power near each partial that is the note's own, as notes usually are."""
    level_db = np.maximum(events.level_db[frames.pitch - LOWEST_PITCH, at], -60)
    own = 10 ** (level_db[:, None] / 10) / np.arange(1, N_PARTIALS + 1) ** 2
    expected = np.zeros(shape[0] * shape[1])
    index = at[:, None] * shape[1] + bins
    np.add.at(expected, index.ravel(), own.ravel())
    near = scipy.ndimage.uniform_filter1d(expected.reshape(shape), 5, axis=1) * 5
    return np.asarray((own / np.maximum(near.ravel()[index], 1e-20)).clip(0, 1), np.float32)


def pitch_deviation_cents(power: Array, events: NoteEvents, n_frames: int) -> Array:
    """How far notes are from their pitch, from frame to frame: tuning, vibrato, slides.

    Read off the peaks of the lowest partials, each weighted by how much of it is the note's own.

    returns [N, L].
    """
    frames = note_frames(events, n_frames)
    frames = frames[(frames.age_s > _SETTLED_S) & (frames.features[:, 7] == 0)]
    out = np.zeros((events.n_notes, n_frames), np.float32)
    if not len(frames):
        return out
    at = np.minimum(frames.frame.astype(np.int64), len(power) - 1)
    h = np.arange(_N_DEVIATION_PARTIALS)
    place = partial_hz(frames.pitch, 0.0)[:, h] / BIN_HZ
    reach = np.minimum(place * (2 ** (_MAX_DEVIATION_CENTS / 1200) - 1), 0.3 * place[:, :1])
    centre = np.round(place).astype(np.int64)
    offsets = np.arange(-4, 5)
    near = power[at[:, None, None], (centre[:, :, None] + offsets).clip(1, power.shape[1] - 2)]
    inside = np.abs(centre[:, :, None] + offsets - place[:, :, None]) <= reach[:, :, None] + 0.7
    best = np.where(inside, near, 0).argmax(axis=2)
    peak = (centre + offsets[best]).clip(1, power.shape[1] - 2)
    below, here, above = (np.log(power[at[:, None], peak + k] + 1e-12) for k in (-1, 0, 1))
    curve = below - 2 * here + above
    shift = np.where(curve < 0, 0.5 * (below - above) / np.minimum(curve, -1e-6), 0)
    cents = 1200 * np.log2(np.maximum(peak + shift.clip(-0.5, 0.5), 0.5) / place)
    mask = _ownership_mask(
        frames,
        events,
        at,
        np.round(partial_hz(frames.pitch, 0.0) / BIN_HZ)
        .clip(0, power.shape[1] - 1)
        .astype(np.int64),
        power.shape,
    )[:, h]
    level = 10 * np.log10(np.exp(here)) - frames.strength_db[:, None]
    usable = (np.abs(cents) < _MAX_DEVIATION_CENTS) & (mask > 0.8) & (level > -40) & (curve < 0)
    weight = usable * np.minimum(place, 60) * (here > above) * (here > below)
    total = weight.sum(axis=1)
    mean = (weight * cents).sum(axis=1) / np.maximum(total, 1e-9)
    reliable = total > _MIN_EVIDENCE
    tuning = float(np.median(mean[reliable])) if reliable.any() else 0.0
    out += tuning
    for note in np.unique(frames.note[reliable]):
        own = np.flatnonzero(reliable & (frames.note == note))
        if len(own) >= 3:
            smooth = scipy.ndimage.median_filter(mean[own], 3, mode="nearest")
            out[note] = np.interp(np.arange(n_frames), frames.frame[own], smooth)
    return out


def _noise_db(power: Array) -> Array:
    """Level between the partials, in bands, [L, N_NOISE]."""
    edges = np.round(NOISE_HZ / BIN_HZ).astype(np.int64)
    levels = np.empty((len(power), N_NOISE), np.float32)
    for i in range(N_NOISE):
        band = power[:, edges[i] : max(edges[i + 1], edges[i] + 4)]
        k = int(_QUANTILE * band.shape[1])
        levels[:, i] = np.partition(band, k, axis=1)[:, k]
    return np.asarray(10 * np.log10(levels / _QUANTILE_OF_MEAN + 1e-13), np.float32)


def choose_frames(frames: NoteFrames, n: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Note frames to keep of a style: attacks, most of all."""
    if len(frames) <= n:
        return np.arange(len(frames))
    released = frames.features[:, 7] > 0
    weight = np.where(released, 0.25, np.where(frames.age_s < 0.15, 1.0, 0.4))
    # Efraimidis and Spirakis 2006: a weighted draw without replacement.
    keys = rng.random(len(frames)) ** (1 / weight)
    return np.sort(np.argpartition(-keys, n)[:n])


def noise_floor_db(power: Array) -> Array:
    """Level between the partials of a sound where it is quietest, in bands.

    returns [N_NOISE].
    """
    quiet = np.quantile(_noise_db(power), 0.1, axis=0)
    return np.asarray(np.maximum(quiet, FLOOR_DB), np.float32)


# --- bands ----------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def band_filters() -> Array:
    """Bands in which spectra are compared: narrow in the bass, a third of a semitone above."""
    place = band_position(np.arange(WINDOW // 2 + 1, dtype=np.float64) * BIN_HZ)
    n_bands = len(_band_centres())
    filters = np.maximum(0, 1 - np.abs(place[None] - np.arange(n_bands)[:, None]))
    filters[:, (place < 0)] = 0
    return np.asarray(filters, np.float32)


def bands_db(power: Array) -> Array:
    """Levels in the bands."""
    level: Array = 10 * np.log10(_sparse_filters() @ power.T + np.float32(1e-10))
    return level


@lru_cache(maxsize=1)
def _sparse_filters() -> scipy.sparse.csr_array:
    return scipy.sparse.csr_array(band_filters())


def band_quantiles_db(power: Array) -> Array:
    """How loud a style is in every band: seldom exceeded from below, in the middle, from above.

    returns [3, bands].
    """
    return np.asarray(np.quantile(bands_db(power), (0.1, 0.5, 0.9), axis=1), np.float32)


def render_bands(
    frames: NoteFrames,
    partials_db: Array,
    noise_db: Array,
    background_noise_db: Array,
    inharmonicity: float,
    n_frames: int,
) -> Array:
    """Levels in the bands of what a player said, as they would be measured.

    background_noise_db: [N_NOISE].
    """
    whole = np.flatnonzero((frames.frame % 1 == 0) & (frames.frame < n_frames))
    frame = frames.frame[whole].astype(np.int64)
    cover = np.maximum(coverage(frames.age_s[whole]), 1e-3)
    base = (frames.strength_db[whole] + 20 * np.log10(cover))[:, None]
    first, powers = sinusoid_lobes()
    widths = band_filters().sum(axis=1)
    n_bands = len(widths)
    row = np.round(partial_hz(frames.pitch[whole], inharmonicity) / BIN_HZ * LOBE_STEPS)
    inside = row < len(first)
    row = np.minimum(row, len(first) - 1).astype(np.int64)
    power = np.where(inside, 10 ** ((np.clip(partials_db[whole], -100, 40) + base) / 10), 0)
    at = (frame[:, None] * n_bands + first[row])[:, :, None] + np.arange(LOBE_BANDS)
    weights = power[:, :, None] * powers[row]
    rendered = np.bincount(at.ravel(), weights.ravel(), n_frames * n_bands).astype(np.float64)
    rendered = rendered.reshape(n_frames, n_bands)
    spread = noise_interpolation(band_hz())
    noise = 10 ** ((np.clip(noise_db[whole], -130, 30) + base) @ spread / 10)
    summation = scipy.sparse.csr_array(
        (np.ones(len(whole)), (frame, np.arange(len(whole)))), (n_frames, len(whole))
    )
    rendered += (summation @ noise + 10 ** (background_noise_db @ spread / 10)) * widths
    return np.asarray(10 * np.log10(rendered.T + FLOOR), np.float32)


def noise_interpolation(hz: npt.NDArray[np.float64]) -> Array:
    """How levels in the noise's bands become levels at frequencies: straight lines between them.

    hz: [F]; returns [N_NOISE, F].
    """
    centres = np.log(NOISE_CENTRES_HZ)
    place = np.interp(np.log(np.maximum(hz, 1)), centres, np.arange(N_NOISE))
    spread = np.maximum(0, 1 - np.abs(place[:, None] - np.arange(N_NOISE)))
    return np.ascontiguousarray(spread.T, np.float32)


def band_hz() -> npt.NDArray[np.float64]:
    """Frequencies of the bands' centres."""
    return np.array(_band_centres()) * BIN_HZ


def band_position(hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Which band frequencies lie in, not whole; -1 outside of all."""
    centres = _band_centres()
    n = len(centres)
    return np.asarray(np.interp(hz / BIN_HZ, centres, np.arange(n), left=-1, right=-1))


@lru_cache(maxsize=1)
def _band_centres() -> tuple[float, ...]:
    centres, step = [4.0], 2 ** (1 / 36)
    while centres[-1] * BIN_HZ < HIGHEST_HZ:
        centres.append(max(centres[-1] + 1.5, centres[-1] * step))
    return tuple(centres)


@lru_cache(maxsize=1)
def sinusoid_lobes() -> tuple[npt.NDArray[np.int64], Array]:
    """What a sinusoid of amplitude 1 adds to the bands, by its frequency.

    returns [R], [R, LOBE_BANDS].
    """
    filters = band_filters()
    n_bands, n_bins = filters.shape
    n = int(HIGHEST_HZ / BIN_HZ) * LOBE_STEPS
    place = np.arange(n) / LOBE_STEPS
    power = np.zeros((n, n_bands), np.float32)
    for shift in range(-3, 4):
        bins = np.round(place).astype(np.int64) + shift
        d = bins - place
        # Transform of Hann's window at d bins from the sinusoid, 1 at its peak.
        lobe = np.sinc(d) / np.where(np.abs(d**2 - 1) < 1e-9, 1, 1 - d**2)
        lobe = np.where(np.abs(np.abs(d) - 1) < 1e-9, 0.5, lobe)
        inside = (bins >= 0) & (bins < n_bins)
        power[inside] += (lobe**2)[inside, None] * filters[:, bins[inside]].T
    first = np.minimum(np.argmax(power > 1e-7, axis=1), n_bands - LOBE_BANDS)
    columns = first[:, None] + np.arange(LOBE_BANDS)
    return first.astype(np.int64), np.take_along_axis(power, columns, axis=1)


# --- styles without pitch -------------------------------------------------------------------------


def detect_hits(power: Array) -> NoteEvents:
    """Hits of a style in which no note was heard: drums, claps, noise."""
    level_db = 10 * np.log10(power.sum(axis=1) + 1e-9)
    level_db = np.maximum(level_db, level_db.max() - _HIT_RANGE_DB)
    before = np.pad(level_db, (2, 0), constant_values=level_db.min())
    rise = level_db - np.minimum(before[1:-1], before[:-2])
    peaks, _ = scipy.signal.find_peaks(
        np.pad(rise, 1, constant_values=-np.inf), height=_HIT_RISE_DB, distance=4
    )
    start = peaks - 1 if len(peaks) else np.array([int(level_db.argmax())])
    begins = np.append(start, len(power))
    end, strength = [], []
    for first, following in pairwise(begins):
        own = level_db[first:following]
        below = np.flatnonzero(own < own.max() - _HIT_FALL_DB)
        end.append(first + max(1, int(below[0]) if len(below) else len(own)))
        strength.append(float(own[:6].max()))
    roll = np.full((N_PITCHES, len(power)), -60.0, np.float32)
    roll[_HIT_PITCH - LOWEST_PITCH] = level_db
    n = len(start)
    return NoteEvents(
        np.full(n, _HIT_PITCH),
        start.astype(np.float64),
        np.array(end, np.float64),
        np.ones(n),
        np.array(strength),
        roll,
    )


def measure_hits(power: Array, events: NoteEvents) -> tuple[MeasuredFrames, NoteFrames]:
    """Note frames of hits: all noise, no partials."""
    frames = note_frames(events, len(power))
    frames = frames[frames.age_s >= 0]
    at = np.minimum(np.round(frames.frame).astype(np.int64), len(power) - 1)
    edges = np.round(NOISE_HZ / BIN_HZ).astype(np.int64)
    bands = [power[:, a : max(b, a + 1)].mean(axis=1) for a, b in pairwise(edges)]
    noise_db = 10 * np.log10(np.stack(bands, axis=1) + 1e-13)[at] - frames.strength_db[:, None]
    n = len(frames)
    measured = MeasuredFrames(
        frames.features,
        np.full((n, N_PARTIALS), FLOOR_DB, np.float32),
        np.ones((n, N_PARTIALS), np.float32),
        np.clip(noise_db, -130, 30).astype(np.float32),
    )
    return measured, frames
