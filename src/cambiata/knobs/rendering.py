"""Notes of a sound whose parameters are known: partials and noise, added up."""

import itertools
from functools import lru_cache

import numpy as np
import scipy.fft

from cambiata.arrays import Samples
from cambiata.instrument.moving import dullness, velocity_db
from cambiata.instrument.note_model import FLOOR_DB, count_partials, partials_hz, synthesize
from cambiata.knobs.parameters import (
    DECAY_AGES_S,
    NOISE_EDGES_HZ,
    PARTIAL_FLOOR_DB,
    Array,
    SoundParameters,
    band_weights,
    envelope_weights,
    inharmonicity_at,
    noise_ratio,
    pace,
)

SAMPLE_RATE = 44100
HOP = 128  # 2.9 ms: a rise of 3 ms is the fastest
LEAD_S = 0.005  # before the onset: the noise of the attack comes in
# Of a note struck at velocity 127: sixteen at once reach full scale.
_LEVEL_DB = -15.0
_RECORDED_VELOCITY = 96  # of recordings that tell nothing of how loud they were: forte
_QUIETEST_DB = PARTIAL_FLOOR_DB + 5  # partials below it are left out: they are not known either
_BURST_S = 0.04  # in which the noise of an attack falls by 8.7 dB
_BURST_RISE_S = 0.003
_LONGEST_RELEASE_S, _RELEASED_DB = 1.5, 60.0
_NOISE_CENTRES_HZ = np.sqrt(NOISE_EDGES_HZ[1:] * NOISE_EDGES_HZ[:-1])
_NOISE_WIDTHS_HZ = np.diff(NOISE_EDGES_HZ)


def release_s(sound: SoundParameters) -> float:
    """Seconds for which a note rings once it is let go."""
    return float(min(_RELEASED_DB / 10**sound.release, _LONGEST_RELEASE_S))


def render_note(
    sound: SoundParameters, midi: float, duration_s: float, velocity: int = 96, seed: int = 0
) -> Samples:
    """A note [T], `LEAD_S` of silence before it, and its release."""
    hz = float(440 * 2 ** ((midi - 69) / 12))
    n_samples = round((LEAD_S + duration_s + release_s(sound)) * SAMPLE_RATE)
    age_s = (np.arange(n_samples // HOP + 2) * HOP) / SAMPLE_RATE - LEAD_S
    stiffness = inharmonicity_at(sound.inharmonicity, midi)
    numbers = np.arange(1.0, count_partials(hz, stiffness, SAMPLE_RATE) + 1)
    levels = partial_levels(sound, midi, numbers)
    beyond_db = velocity_db(velocity) - velocity_db(_RECORDED_VELOCITY)
    frequencies = partials_hz(hz, stiffness, len(numbers))
    levels += dullness(levels[None], frequencies, hz, beyond_db)
    kept = levels > _QUIETEST_DB
    over_time = _over_time(sound, midi, numbers[kept], age_s)
    over_time += _released_db(sound, age_s, duration_s)[:, None]
    tracks = levels[kept] + over_time
    phases = np.random.default_rng(seed).uniform(-np.pi, np.pi, len(numbers))[kept]
    turn = np.broadcast_to(phases, tracks.shape)
    tracks = np.maximum(tracks, FLOOR_DB)
    out = synthesize(tracks, turn, frequencies[kept], HOP, n_samples, SAMPLE_RATE)
    power = (10 ** (tracks / 10)).sum(1) / 2
    out = out + _noise(sound, midi, power, age_s, duration_s, n_samples, seed)
    gain = np.float32(10 ** ((_LEVEL_DB + velocity_db(velocity)) / 20) * np.sqrt(2))
    return np.asarray(out * gain, np.float32)


def partial_levels(sound: SoundParameters, midi: float, numbers: Array) -> Array:
    """Levels of the amplitudes of partials [H] after the attack; their powers add up to 1."""
    levels = envelope_weights(numbers, midi) @ sound.envelope_db
    n = min(len(numbers), len(sound.fine_db))
    levels[:n] += sound.fine_db[:n]
    return np.asarray(levels - 10 * np.log10((10 ** (levels / 10)).sum()))


def _over_time(sound: SoundParameters, midi: float, numbers: Array, age_s: Array) -> Array:
    """Rise and decay of partials [H] at ages [L], in dB [L, H]."""
    weights = band_weights(numbers)
    rise_s = 10 ** (weights @ sound.attack)
    share = np.clip(age_s[:, None] / rise_s, 0, 1)
    rise = 40 * np.log10(np.maximum(np.sin(np.pi / 2 * share), 1e-4))
    after_s = np.maximum(age_s[:, None] - rise_s, 0) * pace(midi)
    of_bands = np.column_stack([np.zeros(3), sound.decay_db])  # [3, DECAY_AGES_S]
    curves = weights @ of_bands
    # Beyond the last age decays go on as they went; nothing grows without end.
    slope = np.minimum((curves[:, -1] - curves[:, -2]) / np.diff(DECAY_AGES_S)[-1], 0)
    decay = curves[:, 0] + slope * np.maximum(after_s - DECAY_AGES_S[-1], 0)
    for i, (low, high) in enumerate(itertools.pairwise(DECAY_AGES_S)):
        share = np.clip((after_s - low) / (high - low), 0, 1)
        decay = decay + share * (curves[:, i + 1] - curves[:, i])
    return np.asarray(rise + decay)


def _released_db(sound: SoundParameters, age_s: Array, duration_s: float) -> Array:
    """What a note has lost since it was let go [L]; silence at its end."""
    after_s = np.maximum(age_s - duration_s, 0)
    share = np.clip(after_s / release_s(sound), 0, 1)
    end = 20 * np.log10(np.maximum(np.cos(np.pi / 2 * share), 1e-5))
    return np.asarray(-(10**sound.release) * after_s + end)


def _noise(
    sound: SoundParameters,
    midi: float,
    power: Array,
    age_s: Array,
    duration_s: float,
    n_samples: int,
    seed: int,
) -> Samples:
    """Noise [T]: as loud as the partials are loud [L], and the attack's own."""
    ratio = noise_ratio(midi)
    t = np.arange(n_samples) / SAMPLE_RATE - LEAD_S
    steady = np.interp(t, age_s, np.sqrt(power))
    out = _coloured(n_samples, sound.noise_db, ratio, seed) * steady
    n = min(n_samples, round(0.35 * SAMPLE_RATE))  # 70 dB down
    age = t[:n]
    burst = np.exp(-np.maximum(age, 0) / _BURST_S) * np.clip(age / _BURST_RISE_S + 1, 0, 1)
    burst[age > duration_s] = 0
    out[:n] += _coloured(n, sound.burst_db, ratio, seed + 1) * burst * np.sqrt(0.5)
    return np.asarray(out, np.float32)


def _coloured(n: int, levels_db: Array, ratio: float, seed: int) -> Array:
    """Noise [n] of powers in bands [N_NOISE], moved by a ratio; lines over log frequency between.

    Of one whole period, so that bands are as loud as they are meant to be.
    """
    size = scipy.fft.next_fast_len(max(n, 2), real=True)
    hz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    density = levels_db - 10 * np.log10(_NOISE_WIDTHS_HZ * ratio)
    shape = np.interp(np.log(np.maximum(hz, 1)), np.log(_NOISE_CENTRES_HZ * ratio), density)
    shape[hz > NOISE_EDGES_HZ[-1]] = -200.0
    # A band of power density S has S SAMPLE_RATE / 2 at all frequencies up to half the rate.
    spectrum = _white(size, seed) * 10 ** (shape / 20) * np.sqrt(SAMPLE_RATE / 2)
    return np.asarray(scipy.fft.irfft(spectrum, size)[:n])


@lru_cache(maxsize=8)
def _white(size: int, seed: int) -> np.ndarray:
    """Spectrum of white noise of power 1."""
    return np.asarray(scipy.fft.rfft(np.random.default_rng(seed).standard_normal(size)))
