"""Analysis of a recording whose notes are known: partials, noise, inharmonicity, pitch deviation.

Everything is read off one power spectrogram of unit mean power (`power_spectrum`).
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import scipy.ndimage

from cambiata.arrays import Samples
from cambiata.audio.log_frequency import hann_power
from cambiata.partials.background import noise_power, power_db
from cambiata.partials.note_frames import (
    BIN_HZ,
    FLOOR_DB,
    HIGHEST_HZ,
    HOP,
    N_PARTIALS,
    NOISE_HZ,
    RELEASED,
    WINDOW,
    NoteFrames,
    coverage,
    note_frames,
    partial_hz,
)
from cambiata.partials.pitch_evidence import N_MIDI, PitchEvidence
from cambiata.partials.posteriors import BANDS, LOWEST_PITCH, N_PITCHES, NoteEvents

# Numbers without a source or a measurement beside them were chosen by hand. What is measured here
# is what the shipped networks learnt from, so that a change of it asks for new weights.

# --- partials
# Inharmonicities of middle C that are tried. Of a piano's it is some 3e-4; 8e-4 leaves room. About
# the best of them others are, by ever smaller factors: of a string that is off by the first the
# 30th partial lies 70 cents from its place, by the last 9.
_INHARMONICITIES = (0.0, 5e-5, 1e-4, 2e-4, 4e-4, 8e-4)
_INHARMONICITY_FACTORS = (2**0.5, 2**0.25, 2**0.125)
# It is estimated from notes older than 50 ms, whose attack has left the middle of the window, by
# the partials 6 to 24: lower ones are hardly moved by it, higher ones are weak. 200 frames are
# enough, 8 are the least.
_INHARMONICITY_AGE_S, _INHARMONICITY_PARTIALS = 0.05, slice(5, 24)
_INHARMONICITY_FRAMES, _MIN_INHARMONICITY_FRAMES = 200, 8
# Exact multiples, unless another finds clearly more: half a decibel (of log10 power).
_INHARMONICITY_GAIN = 0.05
# Who plays sharp has sharp partials, too: a cello passed for stiff strings of 2e-4.
_OUT_OF_TUNE_CENTS = (-30, -20, -10, 0, 10, 20, 30)
# A partial's peak is looked for this near to its place (out of tune, vibrato: less than a quarter
# tone), and within 0.3 of the distance to its neighbours, so that it is never a neighbour's.
_SEARCH_CENTS, _SEARCH_SHARE = 22.0, 0.3
# Half widths in bins of the maximum filters, one for each range of distances: eight filters of the
# whole spectrogram cost less than a search for every partial.
_HALF_WIDTHS = (1, 2, 3, 5, 8, 12, 18, 26)
# A partial's power lies in the peak's bin and its neighbours; of Hann's window 1 + 2 / 4.
_PEAK_SUM = 1.5
# Before a quarter of the window covers a note, too little of it is there to be corrected for.
_MIN_COVERAGE = 0.25
# Floor of levels in the noise's bands, and ceiling of all levels: what is stored lies between.
_NOISE_FLOOR_DB, _CEILING_DB = -130.0, 30.0
# Partial h of a note is expected to have 1 / h^2 of the fundamental's power: -6 dB an octave in
# amplitude, as of a sawtooth. Silent pitches count as 60 dB down.
_SILENCE_DB = -60.0
_MASK_BINS = 5  # what lies in so many bins about a partial is counted as being at the same place

# --- noise
_QUIET_QUANTILE = 0.1  # a sound is quietest in a tenth of its frames

# --- whether there is pitch
# Fewer note frames than this are no notes but a chance likeness of them.
_MIN_FRAMES = 6
# Power within 3 bins (Hann's main lobe and one) of the first 24 partials of the detected notes.
_N_TONAL, _TONAL_REACH = 24, 3
# Steady peaks stand 15 dB above the median of 61 bins (660 Hz) about them, and do so two frames
# earlier and later as well.
_PEAK_DB, _MEDIAN_BINS, _STEADY_FRAMES = 15.0, 61, 2
# Of eight drum kits of a training font, notes hold 0.03 to 0.44 of the power and steady peaks 0.04
# to 0.45; none of some 60 instruments is that low in both (docs/models/oneshot.md).
_MIN_TONAL_SHARE, _MIN_STEADY_SHARE = 0.45, 0.55

# --- pitch deviation
# Read from 60 ms after the onset on, where the window holds little but the note, off the lowest 8
# partials. More than 70 cents is another pitch's business (a semitone away it would be 100).
_SETTLED_S, _N_DEVIATION_PARTIALS, _MAX_DEVIATION_CENTS = 0.06, 8, 70.0
# Only partials that are at least 80 % the note's own and no more than 40 dB below its strength.
_MIN_MASK, _MIN_PARTIAL_DB = 0.8, -40.0
# Weights are places in bins, as a cent is more bins higher up, capped at 60 so that one high
# partial does not outvote all others; a frame counts where they add up to 15.
_MAX_WEIGHT, _MIN_EVIDENCE = 60, 15.0
# Peaks are looked for at the pitch itself unless the detector hears it this far off: nearer, they
# tell the deviation by themselves.
_LEAST_BEND_CENTS = 35.0
_DEVIATION_BINS = 4  # how far from its place a peak is looked for: 43 Hz, 70 cents at 1 kHz
_MIN_DEVIATION_FRAMES = 3  # as many as the median filter smooths

# --- what a style keeps
# Attacks (0.15 s) are few and differ most: they are drawn first, then what is sustained, then what
# rings after the offset.
_ATTACK_S, _ATTACK_WEIGHT, _SUSTAIN_WEIGHT, _RELEASE_WEIGHT = 0.15, 1.0, 0.4, 0.25

# --- hits
# Where no notes are found, a hit begins where the level rises by 6 dB within two frames, and ends
# where it has fallen by 40. What is 50 dB below the loudest moment is silence.
_HIT_RISE_DB, _HIT_FALL_DB, _HIT_RANGE_DB = 6.0, 40.0, 50.0
_HIT_DISTANCE_FRAMES, _HIT_STRENGTH_FRAMES = 4, 6  # 93 ms between two; strongest within 140 ms
_HIT_PITCH = 60  # hits have no pitch; the middle of the keyboard is near to all

_ROUNDING_S = 1e-9  # the onset's own frame counts, too, whatever rounding did

Array = npt.NDArray[np.float32]
Index = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class MeasuredFrames:
    """Partials and noise of note frames."""

    features: Array  # [M, N_FEATURES]
    partials_db: Array  # power of each partial relative to the note's strength [M, N_PARTIALS]
    mask: Array  # share of the power at each partial that is this note's own [M, N_PARTIALS]
    noise_db: Array  # noise per bin of the spectrum, likewise relative [M, N_NOISE]

    @property
    def n_frames(self) -> int:
        """How many note frames."""
        return len(self.features)

    def __getitem__(self, chosen: Index) -> "MeasuredFrames":
        """Some of them."""
        return MeasuredFrames(
            self.features[chosen],
            self.partials_db[chosen],
            self.mask[chosen],
            self.noise_db[chosen],
        )


def power_spectrum(samples: Samples) -> Array:
    """Power spectrogram of a sound [T] at unit mean power, [L, WINDOW / 2 + 1].

    A sinusoid of amplitude 1 in a sound of mean power 1 has a peak of 1.
    """
    mean = float(np.mean(np.square(samples, dtype=np.float64))) + 1e-12
    return hann_power(samples, WINDOW, HOP) * np.float32(16 / WINDOW**2 / mean)


def measure(power: Array, events: NoteEvents) -> tuple[MeasuredFrames, NoteFrames, float]:
    """Partials and noise of all note frames of a style, the frames, and its inharmonicity."""
    frames = note_frames(events, len(power))
    frames = frames[frames.age_s >= -_ROUNDING_S]
    at = _nearest_frames(frames, power)
    peaks = power.copy()
    peaks[:, 1:] += power[:, :-1]
    peaks[:, :-1] += power[:, 1:]
    peaks /= _PEAK_SUM
    inharmonicity = _estimate_inharmonicity(peaks, events, frames, at)
    hz = partial_hz(frames.tuned_pitch, inharmonicity)
    audible = hz < HIGHEST_HZ
    place = hz / BIN_HZ
    bins = np.minimum(np.round(place), peaks.shape[1] - 1).astype(np.int64)
    reach = np.minimum(
        place * (2 ** (_SEARCH_CENTS / 1200) - 1), _SEARCH_SHARE * hz[:, :1] / BIN_HZ
    )
    levels = _loudest_near(peaks, at, bins, reach)
    cover_db = 20 * np.log10(np.maximum(coverage(frames.age_s), _MIN_COVERAGE))[:, None]
    base = frames.strength_db[:, None] + cover_db
    partials_db = np.where(audible, 10 * np.log10(levels + 1e-12) - base, FLOOR_DB)
    mask = np.where(audible, _ownership_mask(frames, events, at, bins, power.shape), 0.0)
    # Notes that sound together share the noise between them.
    sounding = np.maximum(np.bincount(at, minlength=len(power)), 1)[at]
    noise_db = _noise_db(power)[at] - base - 10 * np.log10(sounding)[:, None]
    measured = MeasuredFrames(
        frames.features,
        np.clip(partials_db, FLOOR_DB, _CEILING_DB).astype(np.float32),
        mask.astype(np.float32),
        np.clip(noise_db, _NOISE_FLOOR_DB, _CEILING_DB).astype(np.float32),
    )
    return measured, frames, inharmonicity


def _nearest_frames(frames: NoteFrames, power: Array) -> Index:
    return np.minimum(np.round(frames.frame).astype(np.int64), len(power) - 1)


def _loudest_near(peaks: Array, at: Index, bins: Index, reach: npt.NDArray[np.float64]) -> Array:
    """Loudest of the bins within `reach` of each partial's, [M, N_PARTIALS]."""
    size = np.searchsorted(_HALF_WIDTHS, reach).clip(max=len(_HALF_WIDTHS) - 1)
    levels = np.empty(bins.shape, np.float32)
    for i, half in enumerate(_HALF_WIDTHS):
        rows, columns = np.nonzero(size == i)
        if len(rows):
            loudest = scipy.ndimage.maximum_filter1d(peaks, 2 * half + 1, axis=1)
            levels[rows, columns] = loudest[at[rows], bins[rows, columns]]
    return levels


def is_pitched(power: Array, frames: NoteFrames, inharmonicity: float) -> bool:
    """Whether a sound is made of notes: no, for drums and noise.

    It is where enough note frames were detected, and either the notes' partials hold much of its
    power or steady peaks do, as those of bells and of organs whose stops sound elsewhere than
    their keys.
    """
    if len(frames) < _MIN_FRAMES:
        return False
    if power_share_at_notes(power, frames, inharmonicity) > _MIN_TONAL_SHARE:
        return True
    total = max(float(power.sum()), 1e-20)
    level_db = 10 * np.log10(power + 1e-9)
    peaks = level_db > scipy.ndimage.median_filter(level_db, (1, _MEDIAN_BINS)) + _PEAK_DB
    peaks = scipy.ndimage.binary_dilation(peaks, np.ones((1, 3)))
    # One bin further to each side: a peak may waver.
    wide = scipy.ndimage.binary_dilation(peaks, np.ones((1, 3)))
    earlier, later = (np.roll(wide, n, axis=0) for n in (_STEADY_FRAMES, -_STEADY_FRAMES))
    return float(power[peaks & earlier & later].sum()) > _MIN_STEADY_SHARE * total


def power_share_at_notes(power: Array, frames: NoteFrames, inharmonicity: float) -> float:
    """Share of a spectrogram's power that lies at the lowest partials of note frames."""
    total = max(float(power.sum()), 1e-20)
    at = _nearest_frames(frames, power)
    bins = np.round(partial_hz(frames.tuned_pitch, inharmonicity)[:, :_N_TONAL] / BIN_HZ).astype(
        np.int64
    )
    rows, columns = np.repeat(at, bins.shape[1]), bins.ravel()
    tonal = np.zeros(power.shape, bool)
    for shift in range(-_TONAL_REACH, _TONAL_REACH + 1):  # one by one: all at once take 50 MB
        near = columns + shift
        inside = (near >= 0) & (near < power.shape[1])
        tonal[rows[inside], near[inside]] = True
    return float(power[tonal].sum()) / total


def pitch_evidence(power: Array, events: NoteEvents, energy: float) -> PitchEvidence:
    """Evidence of pitch in a sound of a power spectrogram [L, F] and of that energy."""
    n_frames = len(power)
    active = np.zeros(n_frames, bool)
    frames_of_pitch = np.zeros(N_MIDI)
    for pitch, start, end in zip(events.pitch, events.start, events.end, strict=True):
        active[max(0, int(start)) : max(0, int(np.ceil(end)))] = True
        frames_of_pitch[pitch] += end - start
    frames = note_frames(events, n_frames)
    share = power_share_at_notes(power, frames[frames.age_s >= -_ROUNDING_S], 0.0)
    longest = float((events.end - events.start).max(initial=0.0))
    return PitchEvidence(
        energy,
        share * energy,
        n_frames,
        float(active.sum()),
        longest * BANDS.frame_s,
        frames_of_pitch,
    )


def _estimate_inharmonicity(
    peaks: Array, events: NoteEvents, frames: NoteFrames, at: Index
) -> float:
    """The inharmonicity at whose partials most power lies; 0 unless another is clearly better."""
    settled = np.flatnonzero(
        (frames.age_s > _INHARMONICITY_AGE_S) & (frames.features[:, RELEASED] == 0)
    )
    if len(settled) < _MIN_INHARMONICITY_FRAMES or not events.n_notes:
        return 0.0
    settled = settled[:: max(1, len(settled) // _INHARMONICITY_FRAMES)]
    pitch, rows = frames.tuned_pitch[settled], at[settled][:, None]

    def score(inharmonicity: float, cents: float = 0.0) -> float:
        hz = partial_hz(pitch + cents / 100, inharmonicity)[:, _INHARMONICITY_PARTIALS]
        bins = np.minimum(np.round(hz / BIN_HZ), peaks.shape[1] - 1).astype(np.int64)
        level = np.log10(peaks[rows, bins] + 1e-9)
        inside = hz < HIGHEST_HZ / 2  # higher up partials of any sound are weak
        return float((level * inside).sum() / max(1, inside.sum()))

    inharmonicity = max(_INHARMONICITIES, key=score)
    for factor in _INHARMONICITY_FACTORS:
        nearby = inharmonicity, inharmonicity / factor, inharmonicity * factor
        inharmonicity = max(nearby, key=score)
    exact = max(score(0.0, cents) for cents in _OUT_OF_TUNE_CENTS)
    return inharmonicity if score(inharmonicity) > exact + _INHARMONICITY_GAIN else 0.0


def _ownership_mask(
    frames: NoteFrames, events: NoteEvents, at: Index, bins: Index, shape: tuple[int, ...]
) -> Array:
    """Share of the power near each partial that is the note's own, expected from its level."""
    level_db = np.maximum(events.level_db[frames.pitch - LOWEST_PITCH, at], _SILENCE_DB)
    own = 10 ** (level_db[:, None] / 10) / np.arange(1, N_PARTIALS + 1) ** 2
    expected = np.zeros(shape[0] * shape[1])
    index = at[:, None] * shape[1] + bins
    np.add.at(expected, index.ravel(), own.ravel())
    near = scipy.ndimage.uniform_filter1d(expected.reshape(shape), _MASK_BINS, axis=1) * _MASK_BINS
    return np.asarray((own / np.maximum(near.ravel()[index], 1e-20)).clip(0, 1), np.float32)


def pitch_deviation_cents(power: Array, events: NoteEvents, n_frames: int) -> Array:
    """Deviation of notes from their equal-tempered pitch, [N, L]: tuning, vibrato, slides.

    The weighted mean over the peaks of the lowest partials; between frames in which it is known a
    straight line, and the sound's tuning for notes of which it is not.
    """
    frames = note_frames(events, n_frames)
    frames = frames[(frames.age_s > _SETTLED_S) & (frames.features[:, RELEASED] == 0)]
    deviation = np.full((events.n_notes, n_frames), events.tuning_cents, np.float32)
    if events.vibrato_cents is not None:
        without = replace(events, vibrato_cents=None)
        return pitch_deviation_cents(power, without, n_frames) + events.vibrato_cents[:n_frames]
    if not len(frames):
        return deviation
    heard = _heard_deviation_cents(events, frames)
    mean, reliable = _deviation_of_frames(power, events, frames, heard)
    mean = np.where(reliable, mean, 0.0) + heard + events.tuning_cents
    # Where the detector hears a bend and no peak is clear, it is believed.
    reliable = reliable | (heard != 0)
    deviation[:] = np.median(mean[reliable]) if reliable.any() else events.tuning_cents
    for note in np.unique(frames.note[reliable]):
        own = np.flatnonzero(reliable & (frames.note == note))
        if len(own) >= _MIN_DEVIATION_FRAMES:
            smooth = scipy.ndimage.median_filter(mean[own], _MIN_DEVIATION_FRAMES, mode="nearest")
            deviation[note] = np.interp(np.arange(n_frames), frames.frame[own], smooth)
    return deviation


def _heard_deviation_cents(events: NoteEvents, frames: NoteFrames) -> npt.NDArray[np.float64]:
    """Where peaks are looked for, in cents from the notes' pitches [M], by what was detected."""
    if events.deviation_cents is None:
        return np.zeros(len(frames))
    roll = events.deviation_cents
    at = np.minimum(frames.frame.astype(np.int64), roll.shape[1] - 1)
    cents = roll[frames.pitch - LOWEST_PITCH, at].astype(np.float64)
    return np.where(np.abs(cents) >= _LEAST_BEND_CENTS, cents, 0.0)


def _deviation_of_frames(
    power: Array, events: NoteEvents, frames: NoteFrames, heard: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Deviation of each note frame from `heard` in cents [M], and whether it can be relied upon."""
    at = np.minimum(frames.frame.astype(np.int64), len(power) - 1)
    hz = partial_hz(frames.tuned_pitch + heard / 100, 0.0)
    place = hz[:, :_N_DEVIATION_PARTIALS] / BIN_HZ
    reach = np.minimum(
        place * (2 ** (_MAX_DEVIATION_CENTS / 1200) - 1), _SEARCH_SHARE * place[:, :1]
    )
    centre = np.round(place).astype(np.int64)
    offsets = np.arange(-_DEVIATION_BINS, _DEVIATION_BINS + 1)
    # A peak needs a neighbour at either side.
    near = power[at[:, None, None], (centre[:, :, None] + offsets).clip(1, power.shape[1] - 2)]
    # 0.7 bins more than the reach, since a peak's bin is up to half a bin from the peak.
    inside = np.abs(centre[:, :, None] + offsets - place[:, :, None]) <= reach[:, :, None] + 0.7
    best = np.where(inside, near, 0).argmax(axis=2)
    peak = (centre + offsets[best]).clip(1, power.shape[1] - 2)
    # A parabola through the logarithms of three bins has its vertex at the peak.
    below, here, above = (np.log(power[at[:, None], peak + k] + 1e-12) for k in (-1, 0, 1))
    curve = below - 2 * here + above
    shift = np.where(curve < 0, 0.5 * (below - above) / np.minimum(curve, -1e-6), 0)
    cents = 1200 * np.log2(np.maximum(peak + shift.clip(-0.5, 0.5), 0.5) / place)
    bins = np.round(hz / BIN_HZ).clip(0, power.shape[1] - 1).astype(np.int64)
    mask = _ownership_mask(frames, events, at, bins, power.shape)[:, :_N_DEVIATION_PARTIALS]
    level = 10 * np.log10(np.exp(here)) - frames.strength_db[:, None]
    usable = (
        (np.abs(cents) < _MAX_DEVIATION_CENTS)
        & (mask > _MIN_MASK)
        & (level > _MIN_PARTIAL_DB)
        & (curve < 0)
    )
    weight = usable * np.minimum(place, _MAX_WEIGHT) * (here > above) * (here > below)
    total = weight.sum(axis=1)
    return (weight * cents).sum(axis=1) / np.maximum(total, 1e-9), total > _MIN_EVIDENCE


def _noise_db(power: Array) -> Array:
    """Level between the partials in bands, [L, N_NOISE]."""
    return np.asarray(power_db(noise_power(power)), np.float32)


def noise_floor_db(power: Array) -> Array:
    """Level between the partials where a sound is quietest, in bands, [N_NOISE]."""
    quiet = np.quantile(_noise_db(power), _QUIET_QUANTILE, axis=0)
    return np.asarray(np.maximum(quiet, FLOOR_DB), np.float32)


def choose_frames(frames: NoteFrames, n: int, rng: np.random.Generator) -> Index:
    """At most `n` note frames that stand for a style, in order: attacks, most of all."""
    if len(frames) <= n:
        return np.arange(len(frames))
    released = frames.features[:, RELEASED] > 0
    attack = np.where(frames.age_s < _ATTACK_S, _ATTACK_WEIGHT, _SUSTAIN_WEIGHT)
    weight = np.where(released, _RELEASE_WEIGHT, attack)
    # Efraimidis and Spirakis 2006: a weighted draw without replacement.
    keys = rng.random(len(frames)) ** (1 / weight)
    return np.sort(np.argpartition(-keys, n)[:n])


def detect_hits(power: Array) -> NoteEvents:
    """Hits of a sound without pitch (drums, claps, noise) as notes, all of one pitch.

    There is one for every rise of its level; where it never rises, one at its loudest moment.
    """
    import scipy.signal  # a third of a second that only a style without pitch need spend

    level_db = 10 * np.log10(power.sum(axis=1) + 1e-9)
    level_db = np.maximum(level_db, level_db.max() - _HIT_RANGE_DB)
    before = np.pad(level_db, (2, 0), constant_values=level_db.min())
    rise = level_db - np.minimum(before[1:-1], before[:-2])
    peaks, _ = scipy.signal.find_peaks(
        np.pad(rise, 1, constant_values=-np.inf),
        height=_HIT_RISE_DB,
        distance=_HIT_DISTANCE_FRAMES,
    )
    start = peaks - 1 if len(peaks) else np.array([int(level_db.argmax())])
    begins = np.append(start, len(power))
    end, strength = [], []
    for first, following in pairwise(begins):
        own = level_db[first:following]
        below = np.flatnonzero(own < own.max() - _HIT_FALL_DB)
        end.append(first + max(1, int(below[0]) if len(below) else len(own)))
        strength.append(float(own[:_HIT_STRENGTH_FRAMES].max()))
    roll = np.full((N_PITCHES, len(power)), _SILENCE_DB, np.float32)
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
    """Note frames of hits, and what is measured of them: all noise, no partials."""
    frames = note_frames(events, len(power))
    frames = frames[frames.age_s >= 0]
    at = _nearest_frames(frames, power)
    edges = np.round(NOISE_HZ / BIN_HZ).astype(np.int64)
    bands = [power[:, a : max(b, a + 1)].mean(axis=1) for a, b in pairwise(edges)]
    noise_db = 10 * np.log10(np.stack(bands, axis=1) + 1e-13)[at] - frames.strength_db[:, None]
    n = len(frames)
    measured = MeasuredFrames(
        frames.features,
        np.full((n, N_PARTIALS), FLOOR_DB, np.float32),
        np.ones((n, N_PARTIALS), np.float32),
        np.clip(noise_db, _NOISE_FLOOR_DB, _CEILING_DB).astype(np.float32),
    )
    return measured, frames
