"""Notes at pitches and velocities that were not recorded, from models of those that were.

Attack, decay and noise go their own ways: partials take the levels that the recordings have at
their frequency and at their number, attacks keep their time, decays run faster at higher pitches,
and what is no partial (hammers, keys, breath) is moved by itself and levelled band by band.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cambiata.arrays import Samples
from cambiata.audio.source import pad_or_trim, resample
from cambiata.instrument.note_model import (
    FLOOR_DB,
    Array,
    NoteModel,
    count_partials,
    partials_hz,
    synthesize,
)

# Chosen on notes of training fonts and recordings (`benchmarks/instrument.py --choose`).
# Share of a partial's level that goes by its frequency, as formants do; the rest by its number.
BY_FREQUENCY = 0.5
# Decays run by this power of the ratio of pitches: 0 as recorded, 1 as when resampled.
DECAY_POWER = 0.5
# Until then after the onset, nothing is stretched: the attack is the hand's, not the string's.
_ATTACK_S = 0.05
_EDGE_S, _SHORTEST_REST_S = 0.05, 1.0
_OVERLAP = 4  # frames a window of the model
# Softer notes are duller: what an octave above the fundamental loses for each dB that a note is
# softer than the softest one recorded. Not fitted: 15 dB of velocity
# take 2 dB an octave.
_DULL_DB_PER_OCTAVE = 0.15
# Velocity counts as in SoundFont 2 and SFZ: 40 dB a decade.
_DB_PER_DECADE = 40.0
# Partials that lie above what a recording has, as in notes moved down: they fall on by so much.
_BEYOND_DB_PER_OCTAVE = -24.0


@dataclass(frozen=True, eq=False)
class Source:
    """A recorded note that others are made of."""

    model: NoteModel
    velocity: int
    decays: bool


def velocity_db(velocity: float) -> float:
    """Level of a velocity relative to 127."""
    return float(_DB_PER_DECADE * np.log10(velocity / 127))


def choose_sources(
    sources: Sequence[Source], midi: float, velocity: float
) -> list[tuple[Source, float]]:
    """Up to four recorded notes around a pitch and a velocity, and their shares."""
    keys = sorted({round(each.model.midi) for each in sources})
    chosen: list[tuple[Source, float]] = []
    for key, key_share in _between([float(key) for key in keys], midi):
        layer = {
            velocity_db(each.velocity): each
            for each in sources
            if round(each.model.midi) == round(key)
        }
        for level_db, share in _between(sorted(layer), velocity_db(velocity)):
            chosen.append((layer[level_db], key_share * share))
    return chosen


def _between(places: Sequence[float], at: float) -> list[tuple[float, float]]:
    """The places on either side, and their shares by nearness; one alone beyond the ends."""
    below = [place for place in places if place <= at]
    above = [place for place in places if place > at]
    if not below or not above:
        return [(below[-1] if below else above[0], 1.0)]
    low, high = below[-1], above[0]
    if low == at:
        return [(low, 1.0)]
    share = (at - low) / (high - low)
    return [(low, 1 - share), (high, share)]


def make_note(
    sources: Sequence[tuple[Source, float]], midi: float, velocity: float, n_samples: int
) -> Samples:
    """Sound [T] of a note that was not recorded; its onset is that of the nearest source.

    It is shorter than `n_samples` where the sources end before.
    """
    nearest = max(sources, key=lambda each: each[1])[0].model
    rate, hop = nearest.sample_rate, nearest.hop
    hz = float(440 * 2 ** ((midi - 69) / 12))
    n_samples = min(n_samples, *(_lasts(source, hz, nearest) for source, _ in sources))
    stiffness = _mean_stiffness(sources)
    count = count_partials(hz, stiffness, rate)
    frequencies = partials_hz(hz, stiffness, count)
    age_s = (np.arange(n_samples // hop + 2) * hop - nearest.onset) / rate
    levels = np.zeros((len(age_s), count))
    for source, share in sources:
        levels += share * _moved_levels(source, frequencies, hz, age_s)
    beyond_db = _beyond_db(sources, velocity)
    levels += beyond_db + dullness(levels, frequencies, hz, beyond_db)
    turn = _moved_turn(nearest, hz, count, age_s)
    partials = synthesize(levels, turn, frequencies, hop, n_samples, rate)
    return partials + _moved_rest(sources, nearest, hz, beyond_db, n_samples)


def _lasts(source: Source, hz: float, nearest: NoteModel) -> int:
    """Samples until a source that is moved to a pitch ends, its last 50 ms left out.

    Windows see the recording's end there. What is no partial ends sooner; it is missing where a
    second of it is not to be had.
    """
    model = source.model
    edge = model.sample_rate * _EDGE_S + _OVERLAP * model.hop
    after_s = (model.n_samples - edge - model.onset) / model.sample_rate
    rest_s = max(after_s / max(hz / model.hz, 1.0), _SHORTEST_REST_S)
    lasts_s = min(after_s / max(_pace(source, hz), 1.0), rest_s)
    return nearest.onset + max(0, int(lasts_s * nearest.sample_rate))


def _pace(source: Source, hz: float) -> float:
    """How many times as fast a source's decay runs at another pitch."""
    return float((hz / source.model.hz) ** DECAY_POWER) if source.decays else 1.0


def _beyond_db(sources: Sequence[tuple[Source, float]], velocity: float) -> float:
    """Level by which a velocity lies beyond those that were recorded; 0 between them."""
    recorded = [velocity_db(source.velocity) for source, _ in sources]
    level_db = velocity_db(velocity)
    return level_db - float(np.clip(level_db, min(recorded), max(recorded)))


def _mean_stiffness(sources: Sequence[tuple[Source, float]]) -> float:
    values = [(each.model.stiffness, share) for each, share in sources]
    if any(value == 0 for value, _ in values):
        return max(values, key=lambda each: each[1])[0]
    return float(np.exp(sum(share * np.log(value) for value, share in values)))


def dullness(levels: Array, frequencies: Array, hz: float, beyond_db: float) -> Array:
    """What partials [H] lose beyond others in a softer note, whose power as a whole stays."""
    octaves = np.minimum(np.log2(np.maximum(frequencies / hz, 1)), 4)
    tilt_db = beyond_db * _DULL_DB_PER_OCTAVE * octaves
    power = (10 ** (levels / 10)).sum(0)
    kept = power @ 10 ** (tilt_db / 10) / max(float(power.sum()), 1e-20)
    return np.asarray(tilt_db - 10 * np.log10(kept))


def _moved_levels(source: Source, frequencies: Array, hz: float, age_s: Array) -> Array:
    """Levels of a source's partials for a note of another pitch [L, H]."""
    model = source.model
    at_s, pace = age_s, _pace(source, hz)
    if pace != 1:
        at_s = np.where(age_s > _ATTACK_S, _ATTACK_S + (age_s - _ATTACK_S) * pace, age_s)
    frame = (at_s * model.sample_rate + model.onset) / model.hop
    timed = _at_frames(model.level_db, frame)
    numbers = np.arange(1, len(frequencies) + 1, dtype=np.float64)
    # Where a partial lies among the source's own, by number, counted from 1.
    own = model.partials_hz
    own_numbers = np.arange(1, len(own) + 1, dtype=np.float64)
    by_frequency = np.interp(frequencies, own, own_numbers)
    by_frequency = np.where(frequencies < own[0], 1.0, by_frequency)
    moved = BY_FREQUENCY * _at_numbers(timed, by_frequency)
    moved += (1 - BY_FREQUENCY) * _at_numbers(timed, numbers)
    return np.asarray(moved + beyond_db(numbers, frequencies, own))


def beyond_db(numbers: Array, frequencies: Array, own: Array) -> Array:
    """Level of partials that lie above a recording's own [H], against its last."""
    by_number = np.log2(np.maximum(numbers / len(own), 1))
    by_frequency = np.log2(np.maximum(frequencies / own[-1], 1))
    mean = BY_FREQUENCY * by_frequency + (1 - BY_FREQUENCY) * by_number
    return np.asarray(_BEYOND_DB_PER_OCTAVE * mean)


def _at_frames(tracks: Array, frame: Array) -> Array:
    """Tracks [L, H] at frames between two; before the first and after the last, nothing."""
    low = np.clip(np.floor(frame).astype(int), 0, len(tracks) - 2)
    share = np.clip(frame - low, 0, 1)[:, None]
    moved = (1 - share) * tracks[low] + share * tracks[low + 1]
    outside = (frame < 0) | (frame > len(tracks) - 1)
    moved[outside] = FLOOR_DB
    return np.asarray(moved)


def _at_numbers(tracks: Array, number: Array) -> Array:
    """Tracks [L, H] at partials between two, counted from 1 [L, H']."""
    place = np.clip(number - 1, 0, tracks.shape[1] - 1)
    low = np.minimum(np.floor(place).astype(int), max(tracks.shape[1] - 2, 0))
    high = np.minimum(low + 1, tracks.shape[1] - 1)
    share = place - low
    return np.asarray((1 - share) * tracks[:, low] + share * tracks[:, high])


def _moved_turn(model: NoteModel, hz: float, count: int, age_s: Array) -> Array:
    """Phases beyond a steady partial's [L, H]: vibrato and glides keep their size in cents."""
    frame = np.clip((age_s * model.sample_rate + model.onset) / model.hop, 0, len(model.turn) - 1)
    numbers = np.minimum(np.arange(count), model.turn.shape[1] - 1)
    moved = _at_frames(model.turn, frame)[:, numbers]
    first = moved[:1]
    # Partials that the recording lacks turn as its last one.
    more = (np.arange(count) + 1) / (numbers + 1)
    return np.asarray(first + (moved - first) * (hz / model.hz) * more)


_NOISE_EDGES_HZ = np.geomspace(60, 18000, 25)
_WHOLE = 10000  # a ratio of pitches as one of whole numbers, as the resampler takes them


def _moved_rest(
    sources: Sequence[tuple[Source, float]],
    nearest: NoteModel,
    hz: float,
    beyond_db: float,
    n_samples: int,
) -> Samples:
    """What is no partial: the nearest source's, as strong in each band as all have it in the mean.

    It moves with the pitch, as bodies of smaller instruments do: left where it was, it made notes
    of fonts worse by 0.3 dB of log-mel distance, and recorded ones by 0.9. Bands are a third of an
    octave wide, as those of `cambiata.partials`.
    """
    rate, onset = nearest.sample_rate, nearest.onset
    rest = pad_or_trim(_transposed_rest(nearest, hz, onset), n_samples)
    own = _bands_db(rest, onset, rate)
    gain_db = np.full(len(_NOISE_EDGES_HZ) - 1, beyond_db)
    for source, share in sources:
        if source.model is not nearest:
            other = _transposed_rest(source.model, hz, onset)
            gain_db += share * (_bands_db(other, onset, rate) - own)
    if np.abs(gain_db).max() < 0.1:
        return rest
    spectrum = np.fft.rfft(rest)
    bins_hz = np.fft.rfftfreq(n_samples, 1 / rate)
    centres = np.sqrt(_NOISE_EDGES_HZ[1:] * _NOISE_EDGES_HZ[:-1])
    gain = 10 ** (np.interp(np.log(np.maximum(bins_hz, 1)), np.log(centres), gain_db) / 20)
    return np.asarray(np.fft.irfft(spectrum * gain, n_samples), np.float32)


def _transposed_rest(model: NoteModel, hz: float, onset: int) -> Samples:
    """What is no partial of a note moved to a pitch, its onset at a sample."""
    ratio = hz / model.hz
    rest = model.rest.copy()
    n = min(len(rest), round(_EDGE_S * model.sample_rate))
    rest[-n:] *= np.linspace(1, 0, n, dtype=np.float32)
    moved = resample(rest, _WHOLE * ratio, _WHOLE)
    late = onset - round(model.onset / ratio)
    return np.pad(moved, (late, 0)) if late >= 0 else moved[-late:]


def _bands_db(rest: Samples, onset: int, rate: int) -> Array:
    """Levels of what is no partial, by bands, over the second after the onset."""
    part = rest[onset : onset + rate]
    power = np.abs(np.fft.rfft(part)) ** 2
    hz = np.fft.rfftfreq(len(part), 1 / rate)
    sums = [
        power[(hz >= low) & (hz < high)].sum() for low, high in itertools.pairwise(_NOISE_EDGES_HZ)
    ]
    return np.asarray(10 * np.log10(np.array(sums) / max(len(part), 1) ** 2 + 1e-14))
