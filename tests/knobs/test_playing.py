"""Notes as they are named, scores, and what they sound like together."""

from pathlib import Path

import numpy as np
import pytest
from tiny_sets import PLAIN

from cambiata.errors import CambiataWarning, InputError
from cambiata.instrument.pitch import measure_pitch
from cambiata.knobs.playing import play_notes, read_notes
from cambiata.knobs.rendering import SAMPLE_RATE, render_note
from cambiata.score.midi import Note, Part, Score, save


def test_notes_are_one_after_the_other_and_chords_together() -> None:
    notes, name = read_notes("C3, F#4,60+E4", 0.5, 80)
    assert name == "notes"
    assert [(note.start_s, note.pitch) for note in notes] == [
        (0.0, 48),
        (0.5, 66),
        (1.0, 60),
        (1.0, 64),
    ]
    assert {note.velocity for note in notes} == {80}
    assert read_notes([48, "F#4", "60+E4"], 0.5, 80)[0] == notes


@pytest.mark.parametrize(
    ("notes", "message"),
    [
        ("H3", r"note H3: is not known; write notes like C3, F#4, Bb2 or 60"),
        ("C3,,E3", r"note \?: is not known"),
        ("my C3", "note my C3: is not known"),
        ("C9", r"note C9: is out of range; use 21 to 108, A0 to C8"),
        ("12", "note C0: is out of range"),
        ("200", "is out of range"),
        ([], "notes: are none"),
    ],
)
def test_other_notes_are_refused(notes: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_notes(notes, 0.5, 80)


def test_durations_and_velocities_have_bounds() -> None:
    with pytest.raises(InputError, match=r"duration 0: is out of range; use 0.05 to 60 seconds"):
        read_notes("C3", 0, 80)
    with pytest.raises(InputError, match="velocity 128: is out of range; use 1 to 127"):
        read_notes("C3", 1, 128)


def test_a_score_is_played_as_it_is_written(tmp_path: Path) -> None:
    score = Score(
        (
            Part(
                (Note(0.1, 0.4, 60, 70), Note(0.4, 0.9, 3, 70), Note(1.0, 1.2, 67)),
            ),
        )
    )
    save(score, tmp_path / "x.mid")
    with pytest.warns(CambiataWarning, match="1 of its notes lie off the keyboard"):
        notes, name = read_notes(tmp_path / "x.mid", 1.0, 96)
    assert Path(name).name == "x.mid"
    assert [(note.pitch, note.velocity) for note in notes] == [(60, 70), (67, 100)]
    assert [note.start_s for note in notes] == pytest.approx([0.1, 1.0], abs=0.01)
    with pytest.warns(CambiataWarning):
        assert read_notes(str(tmp_path / "x.mid"), 1.0, 96)[0] == notes


def test_notes_sound_when_and_at_what_they_are() -> None:
    notes = [Note(0.0, 0.4, 60, 96), Note(1.5, 1.9, 67, 96)]
    sound = play_notes(PLAIN, notes, 0)
    assert len(sound) == pytest.approx((1.9 + 0.6) * SAMPLE_RATE, abs=2)
    for note in notes:
        begin = round(note.start_s * SAMPLE_RATE)
        pitch = measure_pitch(sound[begin : begin + round(0.4 * SAMPLE_RATE)], SAMPLE_RATE)
        assert pitch is not None
        assert pitch.midi == pytest.approx(note.pitch, abs=0.05)
    assert np.abs(sound[round(1.1 * SAMPLE_RATE) : round(1.4 * SAMPLE_RATE)]).max() < 1e-4


def test_notes_together_are_the_sum_of_each() -> None:
    chord = play_notes(PLAIN, [Note(0.0, 0.3, 60, 96), Note(0.0, 0.3, 64, 96)], 0)
    alone = [play_notes(PLAIN, [Note(0.0, 0.3, key, 96)], 0) for key in (60, 64)]
    np.testing.assert_allclose(chord, alone[0] + alone[1], atol=1e-6)
    assert np.abs(alone[0]).max() < 0.5
    assert len(render_note(PLAIN, 60, 0.3)) > len(alone[0])  # its lead is cut at the beginning
