"""Small sets of sounds that differ in all that knobs are named by, and the knobs of one."""

from functools import cache

import numpy as np

from cambiata.arrays import Samples
from cambiata.audio.sound import Audio
from cambiata.knobs.api import Knobs, fit_knobs
from cambiata.knobs.parameters import (
    DECAY_AGES_S,
    ENVELOPE_PLACES,
    N_FINE,
    N_NOISE,
    SoundParameters,
)

RATE_HZ = 44100


def tone(
    midi: float,
    *,
    slope_db: float = 9.0,
    attack_s: float = 0.02,
    decay_db_s: float = 0.0,
    noise_db: float = -40.0,
    stiffness: float = 0.0,
    odd_db: float = 0.0,
    duration_s: float = 1.0,
    seed: int = 0,
) -> Samples:
    """A note [T] after 20 ms of silence: partials that fall by so much an octave, white noise."""
    rng = np.random.default_rng(seed)
    hz = 440 * 2 ** ((midi - 69) / 12)
    t = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    sound = np.zeros(len(t))
    for h in range(1, 60):
        partial_hz = h * hz * np.sqrt((1 + stiffness * h**2) / (1 + stiffness))
        if partial_hz < 16000:
            level_db = -slope_db * np.log2(h) - odd_db * (h % 2 == 0)
            phase = rng.uniform(0, 2 * np.pi)
            sound += 10 ** (level_db / 20) * np.sin(2 * np.pi * partial_hz * t + phase)
    sound *= 0.1 / np.sqrt(np.mean(sound**2))
    sound += 0.1 * 10 ** (noise_db / 20) * rng.standard_normal(len(t))
    sound *= np.clip(t / attack_s, 0, 1) * 10 ** (-decay_db_s * t / 20)
    sound *= np.clip((duration_s - t) / 0.05, 0, 1)
    return np.concatenate([np.zeros(882), sound]).astype(np.float32)


def sounds(n: int = 10, seed: int = 0) -> list[Audio]:
    """Recordings of single notes, no two of them alike."""
    rng = np.random.default_rng(seed)
    return [
        Audio(
            tone(
                float(rng.integers(55, 68)),
                slope_db=rng.uniform(5, 14),
                attack_s=10 ** rng.uniform(-2.2, -0.8),
                decay_db_s=float(rng.choice([0.0, 12.0, 30.0])),
                noise_db=rng.uniform(-60, -25),
                stiffness=float(rng.choice([0.0, 10 ** rng.uniform(-4, -3)])),
                odd_db=rng.uniform(0, 15),
                seed=i,
            ),
            RATE_HZ,
            name=f"sound{i}",
        )
        for i in range(n)
    ]


@cache
def fitted() -> Knobs:
    """Knobs of a set, found once."""
    return fit_knobs(sounds())


# Nine dB an octave, no decay, a quick attack, no noise.
PLAIN = SoundParameters(
    envelope_db=-9.0 * np.maximum(ENVELOPE_PLACES, 0),
    fine_db=np.zeros(N_FINE),
    decay_db=np.zeros((3, len(DECAY_AGES_S) - 1)),
    attack=np.full(3, -2.0),
    noise_db=np.full(N_NOISE, -90.0),
    burst_db=np.full(N_NOISE, -90.0),
    release=2.0,
    inharmonicity=-5.0,
)


def changed(**values: object) -> SoundParameters:
    """It, but for some parameters."""
    return SoundParameters(**{**PLAIN.__dict__, **values})  # type: ignore[arg-type]
