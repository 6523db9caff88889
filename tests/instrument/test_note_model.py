"""Notes taken apart: what is put in is found, and all parts together are the recording."""

import numpy as np
import pytest
from tiny_notes import RATE_HZ, note

from cambiata.instrument.note_model import model_note, partials_hz, synthesize


def test_parts_add_up_to_the_recording() -> None:
    sound = note(57, decay_db_s=20, noise=0.003)
    model = model_note(sound, RATE_HZ, 57.0, 900)
    partials = synthesize(
        model.level_db, model.turn, model.partials_hz, model.hop, len(sound), RATE_HZ
    )
    np.testing.assert_allclose(partials + model.rest, sound, atol=1e-6)
    # Of a note with noise 40 dB down, the rest has no more than that and the attack's edge.
    assert np.mean(model.rest**2) < 0.003 * np.mean(sound**2)


def test_levels_and_decay_are_those_of_the_partials() -> None:
    sound = note(57, decay_db_s=30)
    model = model_note(sound, RATE_HZ, 57.0, 900)
    seconds = RATE_HZ / model.hop
    early, late = model.level_db[round(0.3 * seconds)], model.level_db[round(0.8 * seconds)]
    np.testing.assert_allclose((early - late)[:8], 15.0, atol=0.5)
    # The formant: 9 dB an octave from 1200 Hz.
    fitted = -9 * np.abs(np.log2(model.partials_hz[:8] / 1200))
    np.testing.assert_allclose(np.diff(early[:8]), np.diff(fitted), atol=0.5)


@pytest.mark.parametrize("stiffness", [0.0, 5e-4])
def test_stiffness_is_found(stiffness: float) -> None:
    t = np.arange(RATE_HZ) / RATE_HZ
    frequencies = partials_hz(220.0, stiffness, 25)
    sound = sum(np.sin(2 * np.pi * hz * t) / (i + 1) for i, hz in enumerate(frequencies))
    found = model_note(np.asarray(0.2 * sound, np.float32), RATE_HZ, 57.0, 0).stiffness
    assert found == pytest.approx(stiffness, rel=0.15, abs=1e-5)
