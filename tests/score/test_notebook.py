"""Sounds, scores and timbres in a notebook: what they show, and how they are cut."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from sounds import melody

import cambiata
from cambiata import Audio, InputError, Note, Part, Score, Timbre
from cambiata.score.clock import Clock, Metre
from cambiata.score.sheet import Sheet, Tone, Voice

RATE = 8000
RAMP = Audio(np.stack([np.arange(4 * RATE), np.zeros(4 * RATE)]) / (4.0 * RATE), RATE, name="a<b")
SCORE = Score(
    (
        Part((Note(0.0, 1.0, 60), Note(1.0, 3.0, 64, 80)), pedal=((0.5, 2.5),)),
        Part((Note(2.0, 4.0, 36),), is_drum=True),
    ),
    "tune",
    Clock(((0.0, 60.0), (2.0, 120.0)), ((0.0, Metre(3, 4)),)),
)


def test_a_sound_is_cut_by_seconds() -> None:
    assert RAMP[1.0:2.5].samples.tolist() == RAMP.samples[:, RATE : 5 * RATE // 2].tolist()
    assert RAMP[1:2].n_samples == RATE  # seconds, whether written with a point or not
    assert RAMP[-1:].samples[0, 0] == pytest.approx(0.75)
    assert RAMP[:-1].duration_s == 3
    assert RAMP[:].n_samples == len(RAMP) == 4 * RATE
    with pytest.raises(InputError, match="has no region from 3 to 2 s"):
        RAMP[3:2]
    for wrong in (0, slice(0, 4, 2)):
        with pytest.raises(TypeError, match=r"cut by seconds, as in audio\[1.0:2.5\]"):
            RAMP[wrong]  # type: ignore[index]
    with pytest.raises(TypeError, match="cut by seconds"):
        list(RAMP)  # type: ignore[call-overload]


def test_sounds_and_scores_are_arrays() -> None:
    assert np.asarray(RAMP) is RAMP.samples
    assert np.asarray(RAMP, np.float64).dtype == np.float64
    copied = np.array(RAMP)
    copied[:] = 5
    assert RAMP.samples.max() <= 1
    assert np.abs(RAMP).shape == (2, 4 * RATE)  # type: ignore[call-overload]
    assert np.asarray(SCORE)[:, 2].tolist() == [60, 64, 36]
    assert np.asarray(SCORE)[1].tolist() == [1.0, 3.0, 64.0, 80.0]
    assert np.asarray(Score(())).shape == (0, 4)
    assert (len(SCORE), len(Score(())), bool(Score(()))) == (3, 0, True)


def test_a_score_is_cut_by_seconds() -> None:
    cut = SCORE[0.5:2.5]
    assert [(note.start_s, note.end_s) for note in cut.parts[0].notes] == [(0.0, 0.5), (0.5, 2.0)]
    assert cut.parts[0].pedal == ((0.0, 2.0),)
    assert cut.parts[1].notes[0].start_s == 1.5
    # 0.5 s are half a quarter note: the next bar begins 2.5 quarter notes later, the tempo 1.5.
    assert cut.clock.metres == ((2.5, Metre(3, 4)),)
    assert cut.clock.tempos == ((0.0, 60.0), (1.5, 120.0))
    assert SCORE[-1:].end_s == 1.0
    assert SCORE[:].parts == SCORE.parts
    with pytest.raises(InputError, match="tune: has no region from 9 to 4 s"):
        SCORE[9:]
    with pytest.raises(TypeError, match="cut by seconds"):
        SCORE[0]  # type: ignore[index]


def test_every_one_fits_a_line() -> None:
    timbre = Timbre("x.timbre", "oneshot", "", ((0.25, {}), (0.75, {})), ("cello.wav",))
    assert [repr(each) for each in (RAMP, SCORE, timbre)] == [
        "<Audio a<b: 4 s, 2 channels at 8000 Hz>",
        "<Score tune: 3 notes in 2 parts, 4 s>",
        "<Timbre x.timbre: 2 voices for oneshot, from cello.wav>",
    ]
    sheet = Sheet((Voice((Tone(Fraction(0), Fraction(6), 60),)),), Metre(3, 4), name="tune")
    assert repr(sheet) == "<Sheet tune: 1 voice, 2 bars of 3/4>"
    assert "<title>C4</title>" in sheet._repr_html_()
    assert len(timbre) == 2
    assert timbre[1].voices == ((1.0, {}),)
    assert len(list(timbre)) == 2


def test_a_notebook_shows_players_rolls_and_tables() -> None:
    shown = RAMP._repr_html_()
    assert "<audio controls" in shown
    assert "data:image/png;base64," in shown
    assert "a&lt;b: 4 s" in shown
    assert "a<b" not in shown
    roll = SCORE._repr_html_()
    assert "3 notes in 2 parts" in roll
    picture = ET.fromstring(roll[roll.index("<svg") : roll.index("</figure>")])
    titles = [title.text for title in picture.iter("{http://www.w3.org/2000/svg}title")]
    assert titles == ["C4", "E4", "C2"]
    assert "no <notes>" in Score((), "no <notes>").__repr__()
    assert "&lt;notes&gt;" in Score((), "no <notes>")._repr_html_()
    long = replace(SCORE, parts=(Part((Note(0, 1, 60), Note(500, 501, 72))),))
    assert "C5" not in long._repr_html_()
    assert "the first two minutes" in long._repr_html_()
    captured = cambiata.capture_timbre([Audio(melody([60, 64, 67], rate=44100), 44100)])
    assert "3 notes, C4 to G4" in captured._repr_html_()
