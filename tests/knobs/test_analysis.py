"""Parameters of notes whose own are known."""

import numpy as np
import pytest
from tiny_sets import PLAIN, changed

from cambiata.instrument.note_model import model_note
from cambiata.knobs.analysis import NoteMeasures, measure_sound
from cambiata.knobs.parameters import DECAY_AGES_S, ENVELOPE_PLACES, N_NOISE, SoundParameters
from cambiata.knobs.rendering import LEAD_S, SAMPLE_RATE, partial_levels, render_note

NUMBERS = np.arange(1.0, 13.0)


def measured(sound: SoundParameters, *pitches: float) -> SoundParameters:
    """What is measured of its notes, held for two seconds."""
    notes = []
    for midi in pitches:
        model = model_note(
            render_note(sound, midi, 2.0), SAMPLE_RATE, midi, round(LEAD_S * SAMPLE_RATE)
        )
        notes.append(NoteMeasures(model, 2.0, None))
    return measure_sound(notes)


def test_levels_decays_and_attacks_come_back() -> None:
    slopes = np.array([10.0, 20.0, 40.0])[:, None]
    odd = np.array([0.0, -12.0] * 8)
    sound = changed(
        decay_db=-slopes * (DECAY_AGES_S[1:] - DECAY_AGES_S[0]),
        attack=np.full(3, -1.2),
        fine_db=odd,
    )
    found = measured(sound, 60)
    levels = [partial_levels(each, 60, NUMBERS) for each in (sound, found)]
    np.testing.assert_allclose(levels[1], levels[0], atol=1.5)
    np.testing.assert_allclose(found.decay_db[:2], sound.decay_db[:2], atol=2.0)
    np.testing.assert_allclose(found.attack, -1.2, atol=0.1)


def test_notes_of_several_pitches_are_one_sound() -> None:
    sound = changed(envelope_db=-6.0 * np.abs(ENVELOPE_PLACES - 1.5))
    found = measured(sound, 50, 60, 70)
    for midi in (55, 65):  # between those that were measured
        levels = [partial_levels(each, midi, NUMBERS) for each in (sound, found)]
        np.testing.assert_allclose(levels[1], levels[0], atol=1.5)


def test_noise_and_inharmonicity_come_back() -> None:
    sound = changed(noise_db=np.linspace(-50, -35, N_NOISE))
    found = measured(sound, 60)
    # The lowest bands hold partials, too.
    np.testing.assert_allclose(found.noise_db[4:], sound.noise_db[4:], atol=3.0)
    assert found.inharmonicity == -5.0
    assert found.noise_db.mean() - measured(PLAIN, 60).noise_db.mean() > 15
    assert measured(changed(inharmonicity=-3.3), 60).inharmonicity == pytest.approx(-3.3, abs=0.08)


def test_a_staccato_note_has_all_parameters() -> None:
    model = model_note(render_note(PLAIN, 60, 0.16), SAMPLE_RATE, 60, round(LEAD_S * SAMPLE_RATE))
    found = measure_sound([NoteMeasures(model, 0.16, None)])
    assert np.isfinite(found.vector()).all()
    np.testing.assert_allclose(
        partial_levels(found, 60, NUMBERS), partial_levels(PLAIN, 60, NUMBERS), atol=2.0
    )
