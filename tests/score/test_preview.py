"""Scores played as a sketch."""

import tracemalloc

import numpy as np
import pytest

from cambiata.score.midi import Note, Part, Score
from cambiata.score.preview import preview

A4, A5 = (Score((Part((Note(0.0, 0.5, pitch),)),)) for pitch in (69, 81))


@pytest.mark.parametrize(("score", "hz"), [(A4, 440), (A5, 880)])
def test_a_note_sounds_at_its_pitch_and_ends(score: Score, hz: float) -> None:
    sound = preview(score)
    [samples], rate = sound.samples, sound.sample_rate
    assert sound.duration_s == pytest.approx(1.5)
    spectrum = np.abs(np.fft.rfft(samples[: rate // 2] * np.hanning(rate // 2)))
    assert 2 * int(spectrum.argmax()) == pytest.approx(hz, abs=2)  # bins of 2 Hz
    assert np.abs(samples).max() == pytest.approx(0.7)
    assert not samples[int(0.57 * rate) :].any()  # released within 60 ms


def test_the_same_score_is_the_same_sound() -> None:
    beat = Score((Part(tuple(Note(i / 4, i / 4 + 0.1, 35 + i) for i in range(24)), is_drum=True),))
    first, second = preview(beat), preview(beat)
    assert (first.samples == second.samples).all()
    assert np.isfinite(first.samples).all()
    assert first.samples.any()


def test_loud_notes_are_louder() -> None:
    notes = Note(0.0, 0.4, 69, 127), Note(1.0, 1.4, 69, 64)
    [samples] = preview(Score((Part(notes),))).samples
    loud, soft = np.abs(samples[:22050]).max(), np.abs(samples[44100:66150]).max()
    assert 20 * np.log10(loud / soft) == pytest.approx(8.9, abs=0.1)


def test_a_score_of_nothing_is_silent() -> None:
    assert not preview(Score(())).samples.any()


def test_a_long_note_rings_as_long_as_it_is_heard() -> None:
    sound = preview(Score((Part((Note(0.0, 30.0, 69), Note(40.0, 40.5, 69))),)))
    [samples], rate = sound.samples, sound.sample_rate
    assert np.abs(samples[9 * rate : 10 * rate]).max() > 1e-7
    assert not samples[17 * rate : 40 * rate].any()


def test_many_lengths_of_notes_take_no_more_memory_than_their_pitches() -> None:
    notes = tuple(Note(i / 10, i / 10 + 5 + i / 1000, 60 + i % 2) for i in range(200))
    tracemalloc.start()
    sound = preview(Score((Part(notes),)))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The sound, two tones, and what they are made of; not two hundred tones.
    assert peak_bytes < 15 * sound.samples.nbytes
