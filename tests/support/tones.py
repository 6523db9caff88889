"""Tones and note events that tests of the note model share."""

import numpy as np

from cambiata.partials.note_frames import N_PARTIALS, partial_hz
from cambiata.partials.posteriors import BANDS, NoteEvents

RATE = BANDS.sample_rate


def note_event(
    pitch: int, start: float, end: float, n_frames: int, level_db: float = 0.0
) -> NoteEvents:
    """One note, active and at its level all the while."""
    level = np.full((88, n_frames), -60.0, np.float32)
    level[pitch - 21, int(start) : int(end)] = level_db
    one = np.ones(1)
    return NoteEvents(np.array([pitch]), start * one, end * one, one, level_db * one, level)


def tone(pitch: int, inharmonicity: float, n_samples: int, slope_db: float = 6.0) -> np.ndarray:
    """A steady tone of 48 partials, the first of amplitude 1."""
    t = np.arange(n_samples) / RATE
    hz = partial_hz(np.array([pitch]), inharmonicity)[0]
    level = 10 ** (-slope_db * np.log2(np.arange(1, N_PARTIALS + 1)) / 20)
    partials = enumerate(zip(level, hz, strict=True))
    sines = (a * np.sin(2 * np.pi * f * t + h) for h, (a, f) in partials if f < 18000)
    return sum(sines).astype(np.float32)
