"""Parameters of an instrument's sound: one vector, in units in which a mean is a sound, too.

Levels are in dB and times are logarithms, so that what lies between two vectors sounds between.
All is told of middle C; other pitches follow by rule (`envelope_place`, `pace`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

REFERENCE_MIDI = 60
# The spectral envelope, in half octaves over the place of a partial. A0 has its first partial 1.6
# octaves below middle C's, C8 two above.
ENVELOPE_PLACES = np.arange(-2.0, 7.01, 1 / 3)
# Partials that have levels of their own beside the envelope: those that the ear tells apart.
N_FINE = 16
# Moments after the attack at which the decay is told, in seconds; before the first there is none.
DECAY_AGES_S = np.array([0.03, 0.1, 0.2, 0.4, 0.8, 1.6])
# Decay and attack are told of low, middle and high partials: of these numbers, as octaves.
BAND_PLACES = np.array([0.0, 2.0, 4.0])
# Edges of the bands of noise, two thirds of an octave each.
NOISE_EDGES_HZ = np.geomspace(60, 18000, 13)
N_NOISE = len(NOISE_EDGES_HZ) - 1
# Below them there is nothing.
PARTIAL_FLOOR_DB, NOISE_FLOOR_DB = -80.0, -90.0
# 1e-5 moves the 20th partial by 3 cents: no stiffness.
INHARMONICITY_FLOOR = -5.0
# A partial's level goes half by its frequency, half by its number, as in `instrument.moving`, whose
# benchmark chose it; decays run by the square root of the ratio of pitches.
BY_FREQUENCY, DECAY_POWER = 0.5, 0.5
# Twofold in 7.5 semitones, as on the plain strings of pianos (Rigaud et al. 2013).
_INHARMONICITY_SEMITONES = 7.5


@dataclass(frozen=True)
class Block:
    """Parameters of one aspect of a sound."""

    name: str
    size: int
    least_spread: float  # differences below it are none: of a set's spread where it is smaller
    low: float
    high: float
    weight: float  # how much it counts beside other aspects, whatever its number of parameters


# Weights: of five sets of them, those with which one to three directions came nearest to sounds of
# FluidR3 that were left out (`benchmarks/knobs.py`); all equal, a third of the variance was
# inharmonicity, and two directions came no nearer than one.
# The least spreads are half of what is just noticed, or less: 1 dB, 10 % of a time.
BLOCKS = (
    Block("envelope", len(ENVELOPE_PLACES), 1.0, -130.0, 20.0, 1.0),
    Block("fine", N_FINE, 1.0, -60.0, 40.0, 0.7),
    Block("decay", 3 * (len(DECAY_AGES_S) - 1), 1.0, -90.0, 20.0, 1.0),
    Block("attack", 3, 0.05, -2.6, 0.3, 0.6),
    Block("noise", N_NOISE, 1.0, NOISE_FLOOR_DB, 20.0, 0.6),
    Block("burst", N_NOISE, 1.0, NOISE_FLOOR_DB, 20.0, 0.4),
    Block("release", 1, 0.1, 1.2, 3.4, 0.2),
    Block("inharmonicity", 1, 0.05, INHARMONICITY_FLOOR, -1.7, 0.3),
)
N_PARAMETERS = sum(block.size for block in BLOCKS)


def _places() -> dict[str, slice]:
    at, places = 0, {}
    for block in BLOCKS:
        places[block.name] = slice(at, at + block.size)
        at += block.size
    return places


PLACES = _places()
LOWEST = np.concatenate([np.full(block.size, block.low) for block in BLOCKS])
HIGHEST = np.concatenate([np.full(block.size, block.high) for block in BLOCKS])
LEAST_SPREADS = np.concatenate([np.full(block.size, block.least_spread) for block in BLOCKS])
WEIGHTS = np.concatenate([np.full(b.size, b.weight * b.size**-0.5) for b in BLOCKS])


@dataclass(frozen=True, eq=False)
class SoundParameters:
    """Parameters of a sound, by their names."""

    envelope_db: Array  # [ENVELOPE_PLACES]
    fine_db: Array  # [N_FINE]
    decay_db: Array  # relative to after the attack [3, DECAY_AGES_S - 1]
    attack: Array  # log10 of seconds in which low, middle and high partials rise [3]
    noise_db: Array  # power of the noise in bands relative to the partials' [N_NOISE]
    burst_db: Array  # noise of the attack, likewise [N_NOISE]
    release: float  # log10 of dB a second
    inharmonicity: float  # log10

    @classmethod
    def of(cls, vector: Array) -> "SoundParameters":
        """Those of a vector [N_PARAMETERS], within their bounds."""
        vector = np.clip(vector, LOWEST, HIGHEST)
        parts = {name: vector[place] for name, place in PLACES.items()}
        return cls(
            parts["envelope"],
            parts["fine"],
            parts["decay"].reshape(3, -1),
            parts["attack"],
            parts["noise"],
            parts["burst"],
            float(parts["release"][0]),
            float(parts["inharmonicity"][0]),
        )

    def vector(self) -> Array:
        """They all in one vector [N_PARAMETERS]."""
        parts = (
            self.envelope_db,
            self.fine_db,
            self.decay_db.ravel(),
            self.attack,
            self.noise_db,
            self.burst_db,
            np.array([self.release, self.inharmonicity]),
        )
        return np.concatenate(parts)


def octaves_up(midi: float) -> float:
    """Octaves from middle C to a pitch."""
    return (midi - REFERENCE_MIDI) / 12


def envelope_weights(numbers: Array, midi: float) -> Array:
    """Weights of the envelope's levels for partials [H] of a pitch, [H, ENVELOPE_PLACES]."""
    place = np.log2(numbers) + BY_FREQUENCY * octaves_up(midi)
    return _linear_weights(place, ENVELOPE_PLACES)


def band_weights(numbers: Array) -> Array:
    """Weights of low, middle and high for partials [H], [H, 3]."""
    return _linear_weights(np.log2(numbers), BAND_PLACES)


def _linear_weights(place: Array, knots: Array) -> Array:
    """Weights of straight lines between knots [K] at even distances; flat beyond them, [N, K]."""
    at = np.interp(place, knots, np.arange(len(knots)))
    return np.asarray(np.maximum(0, 1 - np.abs(at[:, None] - np.arange(len(knots)))))


def pace(midi: float) -> float:
    """How many times as fast decays run at a pitch as at middle C."""
    return float(2 ** (DECAY_POWER * octaves_up(midi)))


def noise_ratio(midi: float) -> float:
    """By how much the noise of a pitch lies above middle C's: as partials do, half of the way."""
    return float(2 ** (BY_FREQUENCY * octaves_up(midi)))


def inharmonicity_at(log_inharmonicity: float, midi: float) -> float:
    """Inharmonicity of a pitch, of the logarithm of middle C's; 0 where there is none."""
    if log_inharmonicity <= INHARMONICITY_FLOOR:
        return 0.0
    return float(10**log_inharmonicity * 2 ** ((midi - REFERENCE_MIDI) / _INHARMONICITY_SEMITONES))
