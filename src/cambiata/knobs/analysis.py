"""Parameters of a sound, of the models of its notes."""

import itertools
from collections.abc import Sequence

import numpy as np

from cambiata.instrument.note_model import NoteModel
from cambiata.knobs.parameters import (
    BAND_PLACES,
    DECAY_AGES_S,
    ENVELOPE_PLACES,
    INHARMONICITY_FLOOR,
    N_FINE,
    N_NOISE,
    NOISE_EDGES_HZ,
    NOISE_FLOOR_DB,
    PARTIAL_FLOOR_DB,
    Array,
    SoundParameters,
    envelope_weights,
    inharmonicity_at,
    noise_ratio,
    pace,
)

# The envelope is read over so long after the attack.
_BODY_S = 0.06
# A rise by a quarter of a sine's period (its amplitude's square root) goes from 20 to 90 % within
# half of its time.
_LOW_SHARE, _HIGH_SHARE, _RISE_FACTOR = 0.2, 0.9, 2.0
# An attack ends within this, whatever swells later.
_LONGEST_ATTACK_S = 0.5
# What falls to its windows of analysis has no level of its own.
_DECAY_RANGE_DB = -60.0
# Weights of the least squares: the envelope's bend is held back, single partials a little. Notes of
# FluidR3 came nearer to themselves than with .7 (log-mel distance 5.7 dB instead of 6.0).
_BEND_WEIGHT, _FINE_WEIGHT = 0.4, 0.15
# Where no partial lies, the envelope falls by so much every half octave, as bright sounds do.
_FALL_DB, _FALL_WEIGHT = -3.0, 0.05
# Noise that is steady is read from so long after the attack.
_STEADY_S, _BURST_S, _BURST_FALL_S = 0.12, 0.1, 0.04
_BAND_EDGES = (BAND_PLACES[1:] + BAND_PLACES[:-1]) / 2  # octaves: partials 2 and 8


class NoteMeasures:
    """What is measured of one note."""

    def __init__(self, model: NoteModel, held_s: float, release_db_s: float | None) -> None:
        self.model = model
        self.release_db_s = release_db_s
        self.rate = model.sample_rate / model.hop
        self.age_s = (np.arange(len(model.level_db)) * model.hop - model.onset) / model.sample_rate
        self.held_s = held_s
        self.power = 10 ** (model.level_db / 10)  # [L, H]
        self.numbers = np.arange(1.0, self.power.shape[1] + 1)
        bands = np.searchsorted(_BAND_EDGES, np.log2(self.numbers) - 1e-9)
        self.bands = [np.flatnonzero(bands == i) for i in range(3)]
        self.attack_s, self.onset_s = self._attack(self.power.sum(1))

    def _attack(self, power: Array) -> tuple[float, float]:
        """Seconds of the whole rise of a power [L], and when it begins."""
        early = (self.age_s > -0.05) & (self.age_s < min(self.held_s, _LONGEST_ATTACK_S))
        amplitude = np.sqrt(power[early])
        age = self.age_s[early]
        top = int(np.argmax(amplitude))
        share = amplitude[: top + 1] / max(float(amplitude[top]), 1e-12)
        low, high = (_crossing(age, share, level) for level in (_LOW_SHARE, _HIGH_SHARE))
        rise_s = max(_RISE_FACTOR * (high - low), 1 / self.rate)
        return rise_s, low - 0.3 * rise_s  # a sine's square is 20 % at 0.3 of its rise

    def attack_log(self) -> Array:
        """Log10 of seconds in which low, middle and high partials rise [3]."""
        rises: list[float] = []
        for columns in self.bands:
            power = self.power[:, columns].sum(1)
            is_audible = power.max(initial=0) > 1e-5 * self.power.sum(1).max()
            known = rises[-1] if rises else self.attack_s
            rises.append(self._attack(power)[0] if is_audible else known)
        return np.log10(rises)

    def frames(self, begin_s: float, end_s: float) -> np.ndarray | None:
        """Frames between two ages after the attack, one at least; None where it has ended."""
        after_s = self.age_s - self.onset_s - self.attack_s
        if after_s[-1] < end_s or self.onset_s + self.attack_s + begin_s > self.held_s:
            return None
        found = np.flatnonzero((after_s >= begin_s) & (after_s < end_s))
        return found if len(found) else np.array([int(np.argmin(np.abs(after_s - begin_s)))])

    def body_db(self) -> Array:
        """Levels of partials after the attack [H]; their powers add up to 1."""
        frames = self.frames(0.0, _BODY_S)
        if frames is None:  # staccato: the loudest moment
            frames = np.array([int(np.argmax(self.power.sum(1)))])
        power = self.power[frames].mean(0) + 1e-14
        return np.asarray(10 * np.log10(power / power.sum()))

    def decay_db(self) -> Array:
        """Levels of low, middle and high partials at the ages of decay [3, ages - 1]."""
        speed = pace(self.model.midi)
        first = self.frames(0.0, _BODY_S)
        decay = np.zeros((3, len(DECAY_AGES_S)))
        for i, (before_s, age_s) in enumerate(itertools.pairwise(DECAY_AGES_S), start=1):
            begin_s = np.sqrt(before_s * age_s)
            here = self.frames(begin_s / speed, (2 * age_s - begin_s) / speed)
            for band, columns in enumerate(self.bands):
                if first is None or here is None:
                    decay[band, i] = _continued(decay[band, :i])
                elif len(columns):
                    fallen = self._band_db(here, columns) - self._band_db(first, columns)
                    decay[band, i] = max(fallen, _DECAY_RANGE_DB)
                else:  # what is not heard decays as what is
                    decay[band, i] = decay[band - 1, i]
        return decay[:, 1:]

    def _band_db(self, frames: np.ndarray, columns: np.ndarray) -> float:
        """Level of some partials, mean over frames."""
        power = self.power[np.ix_(frames, columns)].sum(1)
        return float(10 * np.log10(power + 1e-12).mean())

    def noise_db(self) -> tuple[Array, Array]:
        """Powers of the steady noise and of the attack's in bands, relative to the partials'."""
        model, rate = self.model, self.model.sample_rate
        begin_s = self.onset_s + self.attack_s + _STEADY_S
        end_s = min(self.held_s, begin_s + 0.8, (model.n_samples - model.onset) / rate - 0.02)
        if end_s - begin_s < 0.05:
            begin_s, end_s = self.onset_s + self.attack_s, max(self.held_s, begin_s)
        frames = (self.age_s >= begin_s) & (self.age_s < end_s)
        partials = float(self.power[frames].sum(1).mean()) / 2 if frames.any() else 0.0
        steady = self._rest_power(begin_s, end_s) / max(partials, 1e-12)
        body = self.power[int(np.argmax(self.age_s >= self.onset_s + self.attack_s))].sum() / 2
        early = self._rest_power(self.onset_s - 0.02, self.onset_s + _BURST_S)
        window_s = _BURST_S + 0.02
        # An exponential of power 1 at its beginning holds half of its time of energy.
        burst = early * window_s / (_BURST_FALL_S / 2) / max(float(body), 1e-12) - steady
        limits = NOISE_FLOOR_DB, 20.0
        return (
            np.clip(10 * np.log10(steady + 1e-12), *limits),
            np.clip(10 * np.log10(np.maximum(burst, 1e-12)), *limits),
        )

    def _rest_power(self, begin_s: float, end_s: float) -> Array:
        """Mean power of what is no partial in bands [N_NOISE] between two ages."""
        model = self.model
        at = [model.onset + round(s * model.sample_rate) for s in (begin_s, end_s)]
        part = model.rest[max(0, at[0]) : max(0, at[1])].astype(np.float64)
        if len(part) < 256:
            return np.zeros(N_NOISE)
        window = np.hanning(len(part))
        power = np.abs(np.fft.rfft(part * window)) ** 2 * 2 / (len(part) * (window**2).sum())
        hz = np.fft.rfftfreq(len(part), 1 / model.sample_rate)
        edges = NOISE_EDGES_HZ * noise_ratio(model.midi)
        return np.histogram(hz, edges, weights=power)[0]

    def inharmonicity_log(self) -> float:
        """Log10 of the inharmonicity, as of middle C."""
        if not self.model.stiffness:
            return INHARMONICITY_FLOOR
        at_pitch = inharmonicity_at(-3.0, self.model.midi) * 1e3
        return max(float(np.log10(self.model.stiffness / at_pitch)), INHARMONICITY_FLOOR)


def _continued(before: Array) -> float:
    """Level at the age that follows some [N], where it is unknown: it falls as it fell."""
    i = len(before)
    if i < 2:
        return 0.0
    slope = (before[-1] - before[-2]) / (DECAY_AGES_S[i - 1] - DECAY_AGES_S[i - 2])
    step_s = DECAY_AGES_S[i] - DECAY_AGES_S[i - 1]
    return float(max(before[-1] + min(slope, 0.0) * step_s, _DECAY_RANGE_DB))


def _crossing(age_s: Array, share: Array, level: float) -> float:
    """When a rising share first reaches a level, between two frames."""
    above = int(np.argmax(share >= level))
    if above == 0:
        return float(age_s[0])
    step = share[above] - share[above - 1]
    back = (share[above] - level) / max(float(step), 1e-12)
    return float(age_s[above] - back * (age_s[above] - age_s[above - 1]))


def measure_sound(notes: Sequence[NoteMeasures]) -> SoundParameters:
    """Parameters of a sound, by all of its notes."""
    envelope, fine = _fit_envelope(notes)
    noise, burst = (
        np.mean(each, axis=0) for each in zip(*(n.noise_db() for n in notes), strict=True)
    )
    releases = [note.release_db_s for note in notes if note.release_db_s is not None]
    return SoundParameters(
        envelope,
        fine,
        np.mean([note.decay_db() for note in notes], axis=0),
        np.mean([note.attack_log() for note in notes], axis=0),
        noise,
        burst,
        float(np.mean(np.log10(releases))) if releases else np.log10(180.0),
        float(np.mean([note.inharmonicity_log() for note in notes])),
    )


def _fit_envelope(notes: Sequence[NoteMeasures]) -> tuple[Array, Array]:
    """Envelope [ENVELOPE_PLACES] and levels of single partials [N_FINE] by least squares."""
    n = len(ENVELOPE_PLACES)
    rows, wanted = [], []
    for note in notes:
        level = np.maximum(note.body_db(), PARTIAL_FLOOR_DB)
        block = np.zeros((len(level), n + N_FINE))
        block[:, :n] = envelope_weights(note.numbers, note.model.midi)
        own = min(N_FINE, len(level))
        block[np.arange(own), n + np.arange(own)] = 1
        # Loud partials are known better, and matter more; many high ones count as a few.
        weight = np.clip((level - PARTIAL_FLOOR_DB) / 40, 0.2, 1.0) / np.sqrt(note.numbers) ** 0.5
        rows.append(block * weight[:, None])
        wanted.append(level * weight)
    bend = np.zeros((n - 2, n + N_FINE))
    fall = np.zeros((n - 1, n + N_FINE))
    single = np.zeros((N_FINE, n + N_FINE))
    for i in range(n - 2):
        bend[i, i : i + 3] = np.array([1, -2, 1]) * _BEND_WEIGHT
    for i in range(n - 1):
        fall[i, i : i + 2] = np.array([-1, 1]) * _FALL_WEIGHT
    single[np.arange(N_FINE), n + np.arange(N_FINE)] = _FINE_WEIGHT
    wanted += [np.zeros(n - 2), np.full(n - 1, _FALL_DB * _FALL_WEIGHT), np.zeros(N_FINE)]
    found = np.linalg.lstsq(np.concatenate([*rows, bend, fall, single]), np.concatenate(wanted))[0]
    return found[:n], found[n:]
