"""Transcriptions on paper: bars, hands, voices, keys; read back by our reader and by music21."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from cambiata.score.clock import Clock, Metre
from cambiata.score.midi import Note, Part, Score
from cambiata.score.notation import read, write
from cambiata.transcription.engraving import engrave
from cambiata.transcription.staves import count_voices, split_hands, split_voices
from cambiata.transcription.tempo import grid_of

SOPRANO, BASS = (72, 74, 76, 77, 76, 74, 72, 71), (48, 47, 45, 41, 43, 43, 36, 43)


def _score(notes: list[Note], n_beats: int = 4, first: int = 0, lead_s: float = 0.0) -> Score:
    """Notes on quarters of half a second."""
    grid = grid_of(lead_s + 0.5 * np.arange(20), n_beats, (np.arange(20) - first) % n_beats)
    return Score((Part(tuple(sorted(notes)), name="it"),), clock=grid.clock)


def _line(pitches: tuple[int, ...], start_s: float = 0.0) -> list[Note]:
    return [Note(start_s + 0.5 * i, start_s + 0.5 * (i + 1), p) for i, p in enumerate(pitches)]


def test_voices_have_staves_of_their_own(tmp_path: Path) -> None:
    notes = _line(SOPRANO) + _line(tuple(p - 8 for p in SOPRANO)) + _line(BASS)
    sheet = engrave(_score(notes), is_piano=False)
    assert [[tone.pitch for tone in voice.tones] for voice in sheet.voices] == [
        list(SOPRANO),
        [p - 8 for p in SOPRANO],
        list(BASS),
    ]
    assert (sheet.metre, sheet.key, sheet.pickup, sheet.n_bars) == (Metre(4, 4), "C", 0, 2)
    assert {tone.length for voice in sheet.voices for tone in voice.tones} == {1}
    write(sheet, tmp_path / "a.musicxml")
    assert [voice.tones for voice in read(tmp_path / "a.musicxml").voices] == [
        voice.tones for voice in sheet.voices
    ]


def test_a_piano_has_two_staves_in_one_part(tmp_path: Path) -> None:
    notes = _line(SOPRANO) + _line(BASS) + [note.shifted(0, semitones=7) for note in _line(BASS)]
    sheet = engrave(_score(notes), is_piano=True)
    assert [voice.staff for voice in sheet.voices] == [1, 2]
    assert [len(voice.tones) for voice in sheet.voices] == [8, 16]
    write(sheet, tmp_path / "a.musicxml")
    text = (tmp_path / "a.musicxml").read_text()
    assert text.count("<score-part ") == 1
    assert "<staves>2</staves>" in text
    again = read(tmp_path / "a.musicxml")
    assert [voice.tones for voice in again.voices] == [voice.tones for voice in sheet.voices]
    music21 = pytest.importorskip("music21")
    staves = music21.converter.parse(tmp_path / "a.musicxml").parts
    assert [[c.sign for c in part.flatten().getElementsByClass("Clef")] for part in staves] == [
        ["G"],
        ["F"],
    ]
    assert [len(part.getElementsByClass("Measure")) for part in staves] == [2, 2]
    highest = [max(p.midi for p in chord.pitches) for chord in staves[0].flatten().notes]
    assert tuple(highest) == SOPRANO


def test_it_begins_with_the_music_not_with_the_recording() -> None:
    # Five seconds of nothing and a pickup of one quarter before the first bar of three.
    sheet = engrave(_score(_line(SOPRANO, 5.0), 3, first=1, lead_s=5.0), is_piano=False)
    assert sheet.pickup == 1
    assert sheet.voices[0].tones[0].start == 0
    assert sheet.n_bars == 3


def test_changes_of_tempo_are_marked_where_they_count() -> None:
    clock = Clock(((0.0, 100.0), (4.0, 103.0), (8.0, 60.0)), ((0.0, Metre()),))
    notes = [Note(clock.seconds(q), clock.seconds(q + 0.9), 60 + q) for q in range(16)]
    sheet = engrave(Score((Part(tuple(notes)),), clock=clock), is_piano=False)
    assert (sheet.qpm, sheet.tempos) == (100, ((Fraction(8), 60),))


def test_irregular_bars_keep_the_others_where_they_are(tmp_path: Path) -> None:
    clock = Clock(metres=((0.0, Metre(4)), (4.0, Metre(5)), (9.0, Metre(4))))
    notes = [Note(0.5 * q, 0.5 * q + 0.45, 60 + q % 7) for q in range(17)]
    sheet = engrave(Score((Part(tuple(notes)),), clock=clock), is_piano=False)
    assert sheet.form is not None
    assert sheet.form.lengths == (4, 5, 4, 4)
    write(sheet, tmp_path / "a.musicxml")
    assert read(tmp_path / "a.musicxml").voices[0].tones == sheet.voices[0].tones


def test_keys_of_four_tonics() -> None:
    scale = (60, 62, 64, 65, 67, 69, 71, 72, 67, 64, 60)
    for up, key in ((0, "C"), (2, "D"), (3, "Eb"), (9, "A")):
        notes = _line(tuple(p + up for p in scale))
        assert engrave(_score(notes), is_piano=False).key == key
    minor = (69, 71, 72, 74, 76, 77, 80, 81, 76, 72, 69)
    assert engrave(_score(_line(minor)), is_piano=False).key == "Am"


def test_hands_are_split_by_what_they_span() -> None:
    # Both far above middle C: a border there would give one hand all.
    high = [replace(note, pitch=note.pitch + 24) for note in _line(BASS)]
    right, left = split_hands(_line(tuple(p + 24 for p in SOPRANO)) + high)
    assert [note.pitch for note in right] == [p + 24 for p in SOPRANO]
    assert len(left) == 8


def test_voices_are_counted_and_go_on_near_by() -> None:
    notes = sorted(_line(SOPRANO) + _line(BASS))
    assert count_voices(notes) == 2
    assert count_voices(_line(SOPRANO)) == 1
    # A note more than there are voices is a chord with the nearest.
    high, low = split_voices([*notes, Note(0.0, 0.45, 50)], 2)
    assert [note.pitch for note in high] == list(SOPRANO)
    assert sorted(note.pitch for note in low) == sorted((*BASS, 50))
