"""What may be a cantus, and what is said of what may not."""

from dataclasses import replace
from fractions import Fraction

import pytest
from sheets import cantus

from cambiata.counterpoint.cantus import Cantus
from cambiata.errors import InputError
from cambiata.score.sheet import Tone, Voice


def _of(pitches: str, key: str = "") -> Cantus:
    return Cantus.of(cantus(pitches).voices[0], "x.mid", key)


@pytest.mark.parametrize(
    ("pitches", "key", "mode"),
    [
        ("D4 F4 E4 D4 G4 F4 E4 D4", "", "D Dorian"),
        ("E4 G4 F4 A4 G4 F4 E4", "", "E Phrygian"),
        ("G4 Bb4 A4 G4 C5 Bb4 A4 G4", "", "G Dorian"),
        ("G4 Bb4 A4 Eb4 F4 Bb4 A4 G4", "", "G Aeolian"),
        ("F#4 A4 G#4 D4 E4 A4 G#4 F#4", "", "F# Aeolian"),
        ("D4 F#4 E4 C#5 B4 F#4 E4 D4", "", "D Ionian"),
        ("D4 F4 E4 D4 G4 F4 E4 D4", "F", "D Aeolian"),
        ("D4 F4 E4 D4 G4 F4 E4 D4", "Dm", "D Aeolian"),
    ],
)
def test_mode(pitches: str, key: str, mode: str) -> None:
    assert _of(pitches, key).mode == mode


@pytest.mark.parametrize(
    "pitches",
    ["D4 F4 E4 D4 G4 F4 E4 D4", "G3 Bb3 A3 Eb3 F3 Bb3 A3 G3", "F#5 A5 G#5 D5 E5 A5 G#5 F#5"],
)
def test_notes_are_named_as_they_sound_with_their_octave(pitches: str) -> None:
    found = _of(pitches)
    assert " ".join(found.name_of(pitch) for pitch in found.pitches) == pitches


@pytest.mark.parametrize(
    ("pitches", "problem"),
    [
        ("D4 F4 E4 D4", "has 4 notes; a cantus has 5 to 24"),
        (" ".join(["D4 E4"] * 13 + ["D4"]), "has 27 notes"),
        ("D4 F4 F#4 G4 E4 D4", "is in no mode: it is chromatic"),
        ("B4 D5 F5 E5 D5 C5 B4", "ends on a wrong note"),
        ("D4 F4 E4 A5 F4 E4 D4", "spans more than a tenth"),
        ("D4 F4 E4 G4 F4 E4 F4 G4", "does not end on the note that it begins with"),
        ("D4 F4 E4 G4 F4 D4", "its last note is not reached by step"),
    ],
)
def test_what_is_no_cantus(pitches: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem) as caught:
        _of(pitches)
    assert str(caught.value).startswith("x.mid: ")


def test_rests_lengths_and_chords_are_refused() -> None:
    tones = cantus("D4 F4 E4 G4 F4 E4 D4").voices[0].tones
    short = replace(tones[3], length=Fraction(2))
    with pytest.raises(InputError, match="rests after note 4"):
        Cantus.of(Voice((*tones[:3], short, *tones[4:])), "x.mid")
    filled = (short, Tone(short.end, Fraction(2), 67))
    with pytest.raises(InputError, match="note 4 is not as long as the first"):
        Cantus.of(Voice((*tones[:3], *filled, *tones[4:])), "x.mid")
    with pytest.raises(InputError, match="sounds several notes at once"):
        Cantus.of(Voice((tones[0], *tones)), "x.mid")
    with pytest.raises(InputError, match="has no notes"):
        Cantus.of(Voice(()), "x.mid")


def test_the_last_note_may_be_longer() -> None:
    tones = cantus("D4 F4 E4 G4 F4 E4 D4").voices[0].tones
    long = replace(tones[-1], length=Fraction(8))
    assert Cantus.of(Voice((*tones[:-1], long)), "x.mid").last == 8
