"""Note frames that a style has are recalled, and others are not."""

import numpy as np
from tones import note_event

from cambiata.partials.analysis import MeasuredFrames
from cambiata.partials.detail import recall
from cambiata.partials.note_frames import N_NOISE, N_PARTIALS, NoteFrames, note_frames

N_FRAMES = 87


def held(pitch: int) -> NoteFrames:
    frames = note_frames(note_event(pitch, 0, N_FRAMES, N_FRAMES), N_FRAMES)
    return frames[np.flatnonzero(frames.age_s >= 0)]


def measured(frames: NoteFrames) -> MeasuredFrames:
    n = len(frames)
    return MeasuredFrames(
        frames.features,
        np.full((n, N_PARTIALS), -20, np.float32),
        np.ones((n, N_PARTIALS), np.float32),
        np.full((n, N_NOISE), -40, np.float32),
    )


def predicted(n: int) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((n, N_PARTIALS), np.float32), np.zeros((n, N_NOISE), np.float32)


def test_the_same_note_frames_are_recalled_and_distant_ones_are_not() -> None:
    frames = held(60)
    partials_db, noise_db = recall(measured(frames), frames.features, *predicted(len(frames)))
    # Half of the way from what was predicted.
    np.testing.assert_allclose(partials_db, -10, atol=0.1)
    np.testing.assert_allclose(noise_db, -20, atol=0.1)
    octave = held(72)
    partials_db, noise_db = recall(measured(frames), octave.features, *predicted(len(octave)))
    np.testing.assert_allclose(partials_db, 0, atol=0.1)
    np.testing.assert_allclose(noise_db, 0, atol=0.1)


def test_a_partial_of_another_note_is_not_recalled() -> None:
    frames = held(60)
    style = measured(frames)
    style.mask[:, 3] = 0
    partials_db, _ = recall(style, frames.features, *predicted(len(frames)))
    assert np.abs(partials_db[:, 3]).max() < 0.2
    assert partials_db[:, 2].max() < -9
