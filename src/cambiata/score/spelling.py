"""Names of keys and pitches: by the signature, as MIDI and MusicXML have them."""

from typing import NamedTuple

_MAJOR = ("Cb", "Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#")
_MINOR = ("Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#", "G#", "D#", "A#")
_BY_FIFTHS = "FCGDAEB"
STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
"""Semitones of the notes without accidentals above C."""
# Of the fifths around a signature's tonic, those that are spelt: in C from E flat to G sharp, what
# both of its modes use.
_LOWEST = -3


class Spelling(NamedTuple):
    """How a pitch is written.

    Parameters
    ----------
    step : str
        C, D, E, F, G, A or B.
    alter : int
        Sharps, or flats below 0.
    octave : int
        That of the step; middle C begins the fourth.

    Examples
    --------
    >>> Spelling("B", -1, 3).alter
    -1
    """

    step: str
    alter: int
    octave: int


def key_name(fifths: int, *, is_minor: bool) -> str:
    """A key's name by its signature.

    Parameters
    ----------
    fifths : int
        Sharps, or flats below 0; of 8 and more the enharmonic key is named.
    is_minor : bool
        Its mode.

    Returns
    -------
    str
        As MIDI has it.

    Examples
    --------
    >>> key_name(-2, is_minor=False), key_name(3, is_minor=True)
    ('Bb', 'F#m')
    """
    fifths -= 12 * max(0, -(-(fifths - 7) // 12))
    fifths += 12 * max(0, -(-(-7 - fifths) // 12))
    return f"{_MINOR[fifths + 7]}m" if is_minor else _MAJOR[fifths + 7]


def key_fifths(key: str) -> int:
    """Sharps of a key.

    Parameters
    ----------
    key : str
        As `key_name` gives it.

    Returns
    -------
    int
        Flats below 0; 0 where it is no key.

    Examples
    --------
    >>> key_fifths("F#m"), key_fifths("")
    (3, 0)
    """
    names, tonic = (_MINOR, key[:-1]) if key.endswith("m") else (_MAJOR, key)
    return names.index(tonic) - 7 if tonic in names else 0


def spell(pitch: int, fifths: int) -> Spelling:
    """How a pitch is written in a key.

    Parameters
    ----------
    pitch : int
        MIDI number.
    fifths : int
        The key's sharps, or flats below 0.

    Returns
    -------
    Spelling
        Its step, accidental and octave.

    Examples
    --------
    >>> spell(61, 2)
    Spelling(step='C', alter=1, octave=4)
    """
    # Fifths above C that reach the pitch class: 7 is its own inverse modulo 12.
    place = (7 * pitch - fifths - _LOWEST) % 12 + fifths + _LOWEST
    step = _BY_FIFTHS[(place + 1) % 7]
    alter = (place + 1) // 7
    return Spelling(step, alter, (pitch - alter - STEPS[step]) // 12 - 1)


def alteration(step: str, fifths: int) -> int:
    """Accidental that a signature gives a step.

    Parameters
    ----------
    step : str
        C, D, E, F, G, A or B.
    fifths : int
        The signature's sharps, or flats below 0.

    Returns
    -------
    int
        Semitones.

    Examples
    --------
    >>> alteration("F", 1), alteration("B", -1), alteration("C", 1)
    (1, -1, 0)
    """
    place = _BY_FIFTHS.index(step)
    return (fifths - place + 6) // 7
