"""Notes as an instrument would be recorded: partials that decay, or last, and a little noise."""

import numpy as np

from cambiata.arrays import Samples
from cambiata.audio.sound import Audio

RATE_HZ = 44100


def note(
    midi: float,
    *,
    decay_db_s: float = 0.0,
    duration_s: float = 1.2,
    level: float = 0.3,
    formant_hz: float = 1200.0,
    noise: float = 0.0,
    release_s: float = 0.1,
) -> Samples:
    """Partials softer by 9 dB for each octave off a formant; 20 ms of silence come first."""
    hz = 440 * 2 ** ((midi - 69) / 12)
    t = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    sound = np.zeros(len(t))
    for h in range(1, int(6000 / hz) + 1):
        octaves = abs(np.log2(h * hz / formant_hz))
        sound += 10 ** (-9 * octaves / 20) * np.sin(2 * np.pi * h * hz * t + h * h)
    sound *= level / np.abs(sound).max() * 10 ** (-decay_db_s * t / 20)
    sound += noise * np.random.default_rng(0).standard_normal(len(t))
    sound *= np.minimum(1, t / 0.01)
    if not decay_db_s:
        sound *= np.clip((duration_s - t) / release_s, 0, 1)
    return np.concatenate([np.zeros(882), sound]).astype(np.float32)


def recording(name: str, midi: float, **how: float) -> Audio:
    """A note's recording, by its name."""
    return Audio(note(midi, **how), RATE_HZ, "PCM_24", name)
