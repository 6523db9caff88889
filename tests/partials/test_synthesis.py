"""Predicted note frames become the sound that they describe, in one piece or in several."""

from dataclasses import replace

import numpy as np
import pytest
from tones import RATE, note_event

from cambiata.partials.bands import band_hz
from cambiata.partials.note_frames import HOP, N_NOISE, N_PARTIALS, NoteFrames, note_frames
from cambiata.partials.synthesis import (
    PER_FRAME,
    AddedPartials,
    Prediction,
    bilinear,
    synthesize,
)

N_FRAMES = 87
SILENT = np.full((len(band_hz()), N_FRAMES), -120, np.float32)


def predicted(frames: NoteFrames) -> Prediction:
    """The fundamental alone, of amplitude 1, and no noise."""
    partials = np.full((len(frames), N_PARTIALS), -120, np.float32)
    partials[:, 0] = 0
    noise = np.full((len(frames), N_NOISE), -130, np.float32)
    return Prediction(partials, noise, noise[0], 0.0, 0 * SILENT, SILENT)


def test_a_partial_of_0_db_is_a_cosine_of_amplitude_1() -> None:
    frames = note_frames(note_event(69, 0, N_FRAMES, N_FRAMES), N_FRAMES, PER_FRAME)
    straight = np.zeros((1, N_FRAMES), np.float32)
    sound = synthesize(frames, predicted(frames), straight, 2 * RATE, 0)[RATE // 2 : -RATE // 2]
    assert np.abs(sound).max() == pytest.approx(1, abs=0.01)
    crossings = np.count_nonzero(np.diff(np.signbit(sound).astype(int)))
    assert crossings / 2 / (len(sound) / RATE) == pytest.approx(440, abs=1)


def test_added_partials_sound_where_and_as_loud_as_they_are() -> None:
    frames = note_frames(note_event(69, 0, N_FRAMES, N_FRAMES), N_FRAMES, PER_FRAME)
    rows = np.arange(len(frames))
    level_db = np.full((len(frames), 1), -20, np.float32)
    added = AddedPartials(rows, np.full((len(frames), 1), 440 * 2.76), level_db)
    straight = np.full((1, N_FRAMES), 100, np.float32)
    sounds = [
        synthesize(frames, replace(predicted(frames), added=each), straight, 2 * RATE, 0)
        for each in ((), (added,))
    ]
    difference = (sounds[1] - sounds[0])[RATE // 2 : -RATE // 2]
    spectrum = np.abs(np.fft.rfft(difference * np.hanning(RATE))) / (RATE / 4)
    assert spectrum.argmax() == pytest.approx(440 * 2.76 * 2 ** (100 / 1200), abs=1)
    assert 20 * np.log10(np.sqrt(2 * np.mean(difference**2))) == pytest.approx(-20, abs=0.2)


def test_deviation_moves_the_pitch() -> None:
    frames = note_frames(note_event(69, 0, N_FRAMES, N_FRAMES), N_FRAMES, PER_FRAME)
    octave = np.full((1, N_FRAMES), 1200, np.float32)
    sound = synthesize(frames, predicted(frames), octave, 2 * RATE, 0)[RATE // 2 : -RATE // 2]
    assert np.count_nonzero(np.diff(np.signbit(sound).astype(int))) == pytest.approx(1760, abs=4)


@pytest.mark.parametrize("phase_per_note", [False, True])
def test_a_stretch_goes_on_with_the_phases_of_the_whole(phase_per_note: bool) -> None:
    whole = note_event(69, 0, N_FRAMES, N_FRAMES)
    later = note_event(69, -40, N_FRAMES - 40, N_FRAMES - 40)
    sounds = []
    for events, first in ((whole, 0), (later, 40)):
        n_frames = N_FRAMES - first
        frames = note_frames(events, n_frames, PER_FRAME)
        straight = np.zeros((1, n_frames), np.float32)
        sounds.append(
            synthesize(
                frames,
                predicted(frames),
                straight,
                (n_frames - 3) * HOP,
                0,
                first,
                phase_per_note,
            )
        )
    np.testing.assert_allclose(sounds[0][44 * HOP :], sounds[1][4 * HOP :], atol=1e-3)


def test_values_between_the_points_of_a_grid() -> None:
    grid = np.array([[0, 2], [4, 6]], np.float32)
    assert bilinear(grid, np.array([0.5, -1, 9]), np.array([0.5, 0, 9])).tolist() == [3.0, 0.0, 6.0]
