"""Controls of parts: their values, and what becomes of them when a part is moved."""

import numpy as np
import pytest

from cambiata.score.midi import Controls, Note, Part, Score

CURVES = Controls(
    bend=((1.0, 2.0), (3.0, -1.0)), volume=((0.0, 50.0),), expression=((2.0, 0.0), (4.0, 127.0))
)


def test_values_hold_until_the_next() -> None:
    times = np.array([0.0, 0.999, 1.0, 2.9, 3.0, 100.0])
    assert CURVES.bend_semitones(times).tolist() == [0, 0, 2, 2, -1, -1]
    assert CURVES.level_db(np.array([0.0, 2.0, 4.0])) == pytest.approx(
        [40 * np.log10(0.5), -300, 40 * np.log10(0.5)]
    )
    assert Controls().level_db(times).tolist() == [0.0] * 6
    # General MIDI Level 1 Developer Guidelines: 127 is 0 dB, 64 -11.9 dB, 16 -36.0 dB.
    loud, *softer = (
        float(Controls(volume=((0.0, v),)).level_db(np.array(0.0))) for v in (127.0, 64.0, 16.0)
    )
    assert [x - loud for x in softer] == pytest.approx([-11.9, -36.0], abs=0.05)


def test_moved_they_keep_what_held() -> None:
    moved = CURVES.moved(2.0, 2.0)
    assert moved.bend == ((0.0, 2.0), (0.5, -1.0))
    assert moved.volume == ((0.0, 50.0),)
    assert moved.expression == ((0.0, 0.0), (1.0, 127.0))
    part = Part((Note(2, 4, 60),), controls=(CURVES,))
    assert part.window(2, 4).controls == (CURVES.moved(2.0),)


def test_merged_parts_keep_their_controls_apart() -> None:
    plain = Part((Note(0, 1, 60),))
    bent = Part((Note(0, 1, 64), Note(0, 1, 65, channel=1)), controls=(CURVES, Controls()))
    merged = Score((plain, bent)).merged(tempo=2.0)
    assert [(n.pitch, n.channel) for n in merged.notes] == [(60, 0), (64, 1), (65, 2)]
    assert merged.controls == (Controls(), CURVES.moved(0.0, 2.0), Controls())
    assert Score((plain, plain)).merged().controls == ()


def test_notes_take_the_pitch_that_they_begin_with() -> None:
    notes = (Note(0, 1, 60), Note(1.5, 2, 60), Note(3, 4, 0))
    part = Part(notes, controls=(CURVES,)).nearest_pitches()
    assert [(n.start_s, n.pitch) for n in part.notes] == [(0, 60), (1.5, 62), (3, 0)]
    times = np.array([1.5, 3.0])
    own = [part.controls[n.channel].bend_semitones(times).tolist() for n in part.notes]
    assert own == [[2, -1], [0, -3], [2, -1]]  # the lowest pitch cannot go lower


def test_the_pedal_holds_unisons_of_two_channels() -> None:
    notes = (Note(0, 1, 60, channel=0), Note(1.5, 2, 60, channel=1), Note(1.7, 2, 60, channel=0))
    part = Part(notes, pedal=((0.0, 3.0),), controls=(Controls(), CURVES)).with_pedal()
    assert [note.end_s for note in part.notes] == [1.7, 3, 3]
