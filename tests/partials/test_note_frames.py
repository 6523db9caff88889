"""Note frames: which moments notes have, and what describes them."""

import numpy as np
import pytest

from cambiata.partials.note_frames import (
    FEATURES,
    N_FEATURES,
    age_of_features,
    coverage,
    events_from_part,
    note_frames,
    partial_hz,
    score_note_frames,
)
from cambiata.partials.posteriors import NoteEvents
from cambiata.score.midi import Note, Part


def test_note_frames_end_at_the_next_onset_of_their_pitch() -> None:
    level = np.full((88, 100), -60.0, np.float32)
    notes = NoteEvents(
        np.array([60, 60]),
        np.array([10.0, 20.5]),
        np.array([20.0, 40.0]),
        np.ones(2),
        np.zeros(2),
        level,
    )
    frames = note_frames(notes, 100)
    assert frames.frame[frames.note == 0].tolist() == list(range(8, 21))
    assert frames.frame[frames.note == 1].min() == 19
    assert frames.features.shape == (len(frames), N_FEATURES)
    assert np.isfinite(frames.features).all()
    np.testing.assert_allclose(age_of_features(frames.features), frames.age_s, rtol=1e-4, atol=1e-6)
    finer = note_frames(notes, 100, per_frame=2)
    np.testing.assert_allclose(
        finer.features[finer.frame % 1 == 0], frames.features, rtol=1e-5, atol=1e-6
    )


def test_without_notes_there_are_no_frames() -> None:
    none = np.zeros(0)
    events = NoteEvents(none.astype(int), none, none, none, none, np.zeros((88, 3), np.float32))
    assert note_frames(events, 43).features.shape == (0, N_FEATURES)


def test_a_score_s_notes_are_as_strong_as_their_velocities() -> None:
    part = Part((Note(0.0, 1.0, 69, 80), Note(1.0, 2.0, 69, 40)))
    events = events_from_part(part)
    assert events.strength_db[0] - events.strength_db[1] == pytest.approx(40 * np.log10(2))
    frames = score_note_frames(events, 43, middle_db=0.0)
    assert not frames.features[:, FEATURES.index("level")].any()
    relative = frames.features[:, FEATURES.index("relative_strength")]
    np.testing.assert_allclose(relative, frames.strength_db / 20, atol=1e-6)


def test_partials_are_those_of_a_stiff_string() -> None:
    exact, stiff = (partial_hz(np.array([60]), b)[0] for b in (0.0, 1e-3))
    np.testing.assert_allclose(exact, exact[0] * np.arange(1, 49))
    assert stiff[0] == pytest.approx(exact[0])
    assert stiff[9] == pytest.approx(10 * stiff[0] * np.sqrt(1.1 / 1.001))


def test_half_of_the_window_lies_after_an_onset_in_its_middle() -> None:
    assert coverage(np.array([-1.0, 0.0, 1.0])) == pytest.approx([0.0, 0.5, 1.0])
    assert (np.diff(coverage(np.linspace(-0.05, 0.05, 30))) >= 0).all()
