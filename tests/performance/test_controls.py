"""Bends and levels of notes, moment by moment; and heard in what the player plays."""

from dataclasses import replace

import numpy as np
import pytest
from sounds import melody

from cambiata import Audio, CambiataWarning, Note, Part, Score, play
from cambiata.partials.note_frames import note_frames
from cambiata.partials.posteriors import BANDS
from cambiata.performance.controls import ControlledNotes
from cambiata.score.midi import Controls

RATE = 44100
SOUND = Audio(melody([57, 60, 64, 69, 72], partials=12, rate=RATE), RATE)
FRAME_S = BANDS.frame_s
N_FRAMES = round(3 / FRAME_S)


def _notes(*controls: Controls) -> ControlledNotes:
    notes = (Note(0.5, 1.0, 60, channel=0), Note(1.0, 2.0, 64, channel=len(controls) - 1))
    return ControlledNotes.of(Part(notes, controls=controls))


def _at(cents: np.ndarray, row: int, *times_s: float) -> list[float]:
    return [float(cents[row, round(at / FRAME_S)]) for at in times_s]


def test_notes_follow_bends_from_onset_to_end() -> None:
    # Bent up while the first sounds, back when the second begins, then down.
    notes = _notes(Controls(bend=((0.2, 1.0), (0.8, 2.0), (1.0, 0.0), (1.5, -1.0))))
    cents = notes.deviation_cents(np.arange(2), 0, N_FRAMES)
    assert _at(cents, 0, 0.0, 0.6, 0.9, 1.1, 2.5) == [100, 100, 200, 200, 200]  # rings as it was
    assert _at(cents, 1, 0.9, 1.2, 1.6, 2.5) == [0, 0, -100, -100]
    # A stretch of it is the same.
    part = notes.deviation_cents(np.array([1]), 40, 30)
    assert np.array_equal(part[0], cents[1, 40:70])
    assert not notes.deviation_cents(np.arange(2), 0, N_FRAMES).shape[1] - N_FRAMES


def test_one_channels_level_is_the_whole_sounds() -> None:
    notes = _notes(Controls(volume=((0.0, 100.0),), expression=((0.5, 127.0), (1.0, 0.0))))
    sound = np.ones(2 * RATE, np.float32)
    faded = notes.faded(sound, 0)
    assert notes.level_db(np.arange(2), 0, note_frames(notes.events, N_FRAMES)) is None
    assert faded[: RATE - 300].min() == 1
    assert faded[RATE + 300 :].max() <= 1.1e-6
    assert np.abs(np.diff(faded)).max() < 0.005  # no click
    whole = notes.faded(sound, RATE // 2)[: RATE // 4]
    assert np.allclose(whole, faded[RATE // 2 : 3 * RATE // 4], atol=1e-3)


def test_channels_have_levels_of_their_own() -> None:
    soft = Controls(volume=((0.0, 50.0),), expression=((1.5, 64.0),))
    notes = _notes(Controls(), soft)
    frames = note_frames(notes.events, N_FRAMES)
    level = notes.level_db(np.arange(2), 0, frames)
    assert level is not None
    assert set(level[frames.note == 0]) == {0.0}
    own = level[(frames.note == 1) & (frames.frame * FRAME_S < 1.49)]
    assert own == pytest.approx(40 * np.log10(50 / 100))  # General MIDI's curve: -12 dB
    later = level[(frames.note == 1) & (frames.frame * FRAME_S > 1.51)]
    assert later == pytest.approx(40 * np.log10(0.5 * 64 / 127))
    sound = np.ones(100, np.float32)
    assert notes.faded(sound, 0) is sound


def _pitch(sound: np.ndarray, begin_s: float, end_s: float) -> float:
    """MIDI number of the strongest period between 60 and 1000 Hz."""
    piece = sound[round(begin_s * RATE) : round(end_s * RATE)].astype(float)
    power = np.abs(np.fft.rfft(piece, 2 * len(piece))) ** 2
    correlation = np.fft.irfft(power)[: RATE // 60]
    lag = RATE // 1000 + int(np.argmax(correlation[RATE // 1000 :]))
    a, b, c = correlation[lag - 1 : lag + 2]
    return float(69 + 12 * np.log2(RATE / (lag + (a - c) / (2 * (a - 2 * b + c))) / 440))


def test_a_glide_is_heard() -> None:
    glide = tuple((0.2 + 0.02 * i, 0.1 * i) for i in range(31))  # three semitones in 0.6 s
    part = Part((Note(0.0, 1.2, 60, 90),), controls=(Controls(bend=glide),))
    sound = play(Score((part,)), SOUND, tail_s=0.0).samples[0]
    spans = {(0.05, 0.15): 60.0, (0.47, 0.53): 61.5, (0.9, 1.1): 63.0}
    for span, pitch in spans.items():
        assert _pitch(sound, *span) == pytest.approx(pitch, abs=0.25)


def test_a_swell_is_heard_and_speed_moves_it() -> None:
    swell = Controls(expression=((0.0, 40.0), (1.0, 127.0)))
    part = Part((Note(0.0, 2.0, 60, 90),), controls=(swell,))

    def rise_db(sound: np.ndarray, at_s: float) -> float:
        before, after = (
            np.mean(sound[round(t * RATE) : round((t + 0.15) * RATE)].astype(float) ** 2)
            for t in (at_s - 0.2, at_s + 0.1)
        )
        return float(10 * np.log10(after / before))

    plain = play(Score((replace(part, controls=()),)), SOUND, tail_s=0.0).samples[0]
    output = play(Score((part,)), SOUND, tail_s=0.0).samples[0]
    expected = 40 * np.log10(127 / 40)
    assert rise_db(output, 1.0) - rise_db(plain, 1.0) == pytest.approx(expected, abs=1.0)
    quick = play(Score((part,)), SOUND, tail_s=0.0, tempo=2.0).samples[0]
    assert rise_db(quick, 0.5) > 12


def test_players_of_rolls_say_that_they_do_not_follow() -> None:
    glide = Controls(bend=((0.0, 2.0), (0.1, 0.0)))
    score = Score((Part((Note(0.0, 0.2, 60),), controls=(glide,)),), "bent.mid")
    with pytest.warns(CambiataWarning, match="bent.mid: performancenet follows no pitch bends"):
        play(score, SOUND, system="performancenet", tail_s=0.0)
