"""Velocities: louder notes get more, whatever the recording's level."""

from dataclasses import replace

import numpy as np
import pytest

from cambiata.partials.posteriors import NoteEvents
from cambiata.transcription.velocity import velocities


def _events(strength_db: list[float], pitch: int | list[int] = 60) -> NoteEvents:
    n = len(strength_db)
    pitches = np.full(n, pitch) if isinstance(pitch, int) else np.array(pitch)
    at = 20.0 * np.arange(n)
    strengths = np.array(strength_db, np.float64)
    return NoteEvents(
        pitches, at, at + 10, np.ones(n), strengths, np.zeros((88, 20 * n), np.float32)
    )


def test_louder_notes_are_struck_harder_at_any_level_of_the_recording() -> None:
    events = _events([-20, -17, -14, -11, -8, -5, -2])
    found = velocities(events)
    assert (np.diff(found) >= 5).all()
    quieter = replace(events, strength_db=events.strength_db - 25)
    assert velocities(quieter).tolist() == found.tolist()


def test_high_notes_of_one_level_are_struck_harder() -> None:
    pitches = list(range(40, 80, 4))
    assert (np.diff(velocities(_events([-10.0] * 10, pitches))) >= 0).all()
    assert np.ptp(velocities(_events([-10.0] * 10, pitches))) > 3


@pytest.mark.parametrize("strength_db", [[], [-3.0], [-3.0, -90.0]])
def test_few_notes_and_ghosts_have_velocities(strength_db: list[float]) -> None:
    found = velocities(_events(strength_db))
    assert len(found) == len(strength_db)
    assert all(1 <= velocity <= 127 for velocity in found)
