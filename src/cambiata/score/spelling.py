"""Names of keys and pitches: by the signature, as MIDI and MusicXML have them."""

from typing import NamedTuple

_MAJOR = ("Cb", "Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#")
_MINOR = ("Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#", "G#", "D#", "A#")
_BY_FIFTHS = "FCGDAEB"
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
# Of the fifths around a signature's tonic, those that are spelt: in C from E flat to G sharp, what
# both of its modes use.
_LOWEST = -3


class Spelling(NamedTuple):
    """How a pitch is written."""

    step: str
    alter: int
    octave: int


def key_name(fifths: int, *, is_minor: bool) -> str:
    """A key's name by its sharps, or flats below 0; of enharmonic ones that with fewer than 8."""
    fifths -= 12 * max(0, -(-(fifths - 7) // 12))
    fifths += 12 * max(0, -(-(-7 - fifths) // 12))
    return f"{_MINOR[fifths + 7]}m" if is_minor else _MAJOR[fifths + 7]


def key_fifths(key: str) -> int:
    """Sharps of a key, or flats below 0; 0 where it is none."""
    names, tonic = (_MINOR, key[:-1]) if key.endswith("m") else (_MAJOR, key)
    return names.index(tonic) - 7 if tonic in names else 0


def spell(pitch: int, fifths: int) -> Spelling:
    """How a MIDI number is written in a key."""
    # Fifths above C that reach the pitch class: 7 is its own inverse modulo 12.
    place = (7 * pitch - fifths - _LOWEST) % 12 + fifths + _LOWEST
    step = _BY_FIFTHS[(place + 1) % 7]
    alter = (place + 1) // 7
    return Spelling(step, alter, (pitch - alter - _STEPS[step]) // 12 - 1)


def alteration(step: str, fifths: int) -> int:
    """Semitones by which a signature alters a step."""
    place = _BY_FIFTHS.index(step)
    return (fifths - place + 6) // 7
