"""Pitch of single notes."""

import numpy as np
import pytest
from tiny_notes import RATE_HZ, note

from cambiata.instrument.pitch import measure_pitch


@pytest.mark.parametrize("midi", [28.0, 45.37, 60.0, 81.2, 100.0])
def test_pitch_is_that_of_the_partials(midi: float) -> None:
    measured = measure_pitch(note(midi), RATE_HZ)
    assert measured is not None
    assert measured.is_steady
    assert abs(measured.midi - midi) < 0.01  # one cent


def test_a_weak_fundamental_is_no_octave() -> None:
    sound = note(40, formant_hz=1500)
    measured = measure_pitch(sound, RATE_HZ)
    assert measured is not None
    assert round(measured.midi) == 40


def test_noise_has_no_pitch() -> None:
    noise = np.random.default_rng(0).standard_normal(RATE_HZ).astype(np.float32)
    assert measure_pitch(0.1 * noise, RATE_HZ) is None


def test_two_notes_one_after_the_other_are_not_steady() -> None:
    sound = np.concatenate([note(60, duration_s=0.6), note(65, duration_s=0.6)])
    measured = measure_pitch(sound, RATE_HZ)
    assert measured is not None
    assert not measured.is_steady
