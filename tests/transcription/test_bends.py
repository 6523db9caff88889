"""Bends in MIDI: what is written is what the notes do, and no note bends another."""

from pathlib import Path

import numpy as np
import pytest

from cambiata.partials.posteriors import BANDS, NoteEvents
from cambiata.score.midi import Note, Part, Score, load, save
from cambiata.transcription.bends import deviation_curves, with_bends

FRAME_S = BANDS.frame_s


def _wavering(duration_s: float, cents: float) -> np.ndarray:
    t = np.arange(round(duration_s / FRAME_S) + 1) * FRAME_S
    return (cents * np.sin(2 * np.pi * 5 * t)).astype(np.float32)


def _bend_at(part: Part, note: Note, after_s: np.ndarray) -> np.ndarray:
    return part.controls[note.channel].bend_semitones(note.start_s + after_s)


def test_chords_bend_each_note_by_itself(tmp_path: Path) -> None:
    notes = (Note(0.0, 1.0, 60), Note(0.0, 1.0, 64), Note(0.5, 1.5, 67), Note(1.2, 2.0, 60))
    curves = [_wavering(1.0, 50), np.zeros(44), _wavering(1.0, 180), np.zeros(36)]
    part = with_bends(Part(notes), notes, curves, FRAME_S)
    save(Score((part,)), tmp_path / "a.mid")
    again = load(tmp_path / "a.mid").merged()
    assert [(n.pitch, round(n.start_s, 2)) for n in again.notes] == [
        (60, 0.0),
        (64, 0.0),
        (67, 0.5),
        (60, 1.2),
    ]
    after = np.arange(0.05, 0.75, 0.01)
    for note, curve in zip(again.notes, curves, strict=True):
        expected = np.interp(after, np.arange(len(curve)) * FRAME_S, curve) / 100
        # In steps of 2 cents, every 10 ms; 180 cents at 5 Hz change by 57 cents in that time.
        assert (
            np.abs(_bend_at(again, note, after) - expected).max() < 0.02 + np.abs(curve).max() / 250
        )
    assert len({note.channel for note in again.notes[:3]}) == 3


def test_notes_that_hardly_bend_are_left_as_they_are() -> None:
    notes = (Note(0.0, 1.0, 60), Note(1.0, 2.0, 62))
    part = with_bends(Part(notes), notes, [_wavering(1.0, 8), np.zeros(43)], FRAME_S)
    assert part == Part(notes)


def test_a_moved_note_takes_its_bend_along() -> None:
    played, moved = (Note(0.05, 1.05, 60),), (Note(0.0, 0.5, 60),)
    glide = np.linspace(0, 200, round(1 / FRAME_S) + 1).astype(np.float32)
    part = with_bends(Part(moved), played, [glide], FRAME_S)
    middle = _bend_at(part, part.notes[0], np.array([0.25]))
    assert middle[0] == pytest.approx(1.0, abs=0.05)


def test_what_the_detector_gives_is_the_notes_own() -> None:
    vibrato = _wavering(3.0, 60)
    deviation = np.zeros((88, len(vibrato)), np.float32)
    deviation[62 - 21] = vibrato
    nothing = np.zeros(0)
    events = NoteEvents(
        nothing.astype(int),
        nothing,
        nothing,
        nothing,
        nothing,
        deviation,
        deviation_cents=deviation,
    )
    curves = deviation_curves([Note(1.0, 2.0, 62), Note(1.0, 2.0, 65)], events)
    first = round(1 / FRAME_S)
    assert curves[0].tolist() == vibrato[first : first + len(curves[0])].tolist()
    assert not np.any(curves[1])


def test_the_vibrato_of_one_voice_is_not_given_to_chords() -> None:
    vibrato = _wavering(3.0, 60)
    silence = np.zeros((88, len(vibrato)), np.float32)
    nothing = np.zeros(0)
    events = NoteEvents(
        nothing.astype(int), nothing, nothing, nothing, nothing, silence, 0.0, vibrato
    )
    notes = [Note(0.0, 1.0, 60), Note(1.0, 2.0, 62), Note(1.0, 2.0, 65)]
    curves = deviation_curves(notes, events)
    assert np.abs(curves[0]).max() > 55
    assert not np.any(curves[1])
    assert not np.any(curves[2])
