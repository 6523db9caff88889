"""Notes moved to other pitches: by semitones, to a key."""

from dataclasses import replace

import numpy as np

from cambiata.errors import InputError
from cambiata.score.keys import Key, move_to_key, parse_key
from cambiata.score.midi import Part

_MOST_SEMITONES = 48  # further, hardly a note is left on a keyboard


def check_move(transpose: int, to_key: str | None) -> None:
    """Refuse what music cannot be moved by.

    Parameters
    ----------
    transpose : int
        Semitones.
    to_key : str or None
        A key.

    Raises
    ------
    InputError
        One of them is out of range, or both are given.

    Examples
    --------
    >>> check_move(12, None)
    """
    if not -_MOST_SEMITONES <= transpose <= _MOST_SEMITONES:
        raise InputError(
            "transpose",
            f"{transpose} is out of range",
            f"use -{_MOST_SEMITONES} to {_MOST_SEMITONES}",
        )
    if to_key is not None:
        parse_key(to_key)
        if transpose:
            raise InputError("transpose", "does not go with `to_key`", "leave one of them out")


def move_of(part: Part, transpose: int, to_key: str | None) -> tuple[int, Key | None]:
    """Semitones by which a part is moved, and the key that it was found in where it matters.

    Parameters
    ----------
    part : Part
        The notes.
    transpose : int
        Semitones, where no key is given.
    to_key : str or None
        Key to move to.

    Returns
    -------
    tuple
        Semitones, and the part's own key or None.

    Examples
    --------
    >>> move_of(Part(()), 3, None)
    (3, None)
    """
    if to_key is None:
        return transpose, None
    used = np.zeros(12)
    for note in part.notes:
        used[note.pitch % 12] += note.end_s - note.start_s
    return move_to_key(used, to_key)


def transposed(part: Part, semitones: int) -> Part:
    """Part whose notes are moved.

    Parameters
    ----------
    part : Part
        The notes.
    semitones : int
        By how much.

    Returns
    -------
    Part
        What leaves MIDI's 128 pitches stays at the last of them, off any keyboard.

    Examples
    --------
    >>> from cambiata.score.midi import Note
    >>> transposed(Part((Note(0.0, 1.0, 60),)), 2).notes[0].pitch
    62
    """
    if not semitones:
        return part
    notes = [replace(note, pitch=min(max(note.pitch + semitones, 0), 127)) for note in part.notes]
    return replace(part, notes=tuple(sorted(notes)))
