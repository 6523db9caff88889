"""Notes and scores, played with the sound of a set's knobs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cambiata.arrays import Samples
from cambiata.errors import InputError, warn
from cambiata.instrument.recorded import named_key
from cambiata.knobs.parameters import SoundParameters
from cambiata.knobs.rendering import LEAD_S, SAMPLE_RATE, release_s, render_note
from cambiata.score.midi import Note, Part, Score
from cambiata.score.notation import is_score, read_score
from cambiata.score.piano_roll import split_at_keyboard
from cambiata.score.rolls import note_name
from cambiata.system import Progress

NoteGiven = str | int
Notes = str | Path | Score | Sequence[NoteGiven]

LOWEST_KEY, HIGHEST_KEY = 21, 108
_LONGEST_S, _LONGEST_PIECE_S = 60.0, 2 * 3600.0
_CACHED_SAMPLES = 4 * 2**20  # 16 MB of notes that come again
_PHASE_SETS = 97  # notes of one pitch begin with other phases, unless they are exactly alike


def read_notes(notes: Notes, duration_s: float, velocity: int) -> tuple[list[Note], str]:
    """Notes to play, and what they are called: of a score, or one after the other.

    "C3,E3,G3" are three, "C3+E3+G3" is one chord; numbers are MIDI's.
    """
    if not 0.05 <= duration_s <= _LONGEST_S:
        raise InputError(f"duration {duration_s:g}", "is out of range", "use 0.05 to 60 seconds")
    if not 1 <= velocity <= 127:
        raise InputError(f"velocity {velocity}", "is out of range", "use 1 to 127")
    if isinstance(notes, Path) or (isinstance(notes, str) and is_score(notes)):
        notes = read_score(notes, keys=True)
    if isinstance(notes, Score):
        return _of_score(notes), notes.name
    given = notes.split(",") if isinstance(notes, str) else list(notes)
    if not given:
        raise InputError("notes", "are none", "name them like C3,E3,G3")
    found = []
    for i, each in enumerate(given):
        for single in str(each).split("+"):
            start_s = i * duration_s
            found.append(Note(start_s, start_s + duration_s, _key(single.strip()), velocity))
    return found, "notes"


def _key(text: str) -> int:
    """MIDI number of a note's name or of a number."""
    key = int(text) if text.isdecimal() and len(text) < 4 else named_key(text)
    if key is None or len(text) > 4:
        cure = "write notes like C3, F#4, Bb2 or 60"
        raise InputError(f"note {text or '?'}", "is not known", cure)
    if not LOWEST_KEY <= key <= HIGHEST_KEY:
        name = note_name(key) if key >= 0 else text
        cure = f"use {LOWEST_KEY} to {HIGHEST_KEY}, A0 to C8"
        raise InputError(f"note {name}", "is out of range", cure)
    return key


def _of_score(score: Score) -> list[Note]:
    merged = score.merged().with_pedal()
    part, left_out = split_at_keyboard(Part(merged.notes))
    if not part.notes:
        raise InputError(score.name, "has no notes on the keyboard", "transpose it to 21-108")
    if left_out:
        warn(f"{score.name}: {len(left_out)} of its notes lie off the keyboard and are left out")
    if part.end_s > _LONGEST_PIECE_S:
        raise InputError(score.name, f"lasts {part.end_s / 3600:.0f} hours", "cut it to two hours")
    return sorted(part.notes)


def play_notes(
    sound: SoundParameters, notes: Sequence[Note], seed: int, progress: Progress | None = None
) -> Samples:
    """Sound [T] of notes, until the last has rung."""
    end_s = max(note.end_s for note in notes) + release_s(sound)
    out = np.zeros(round(end_s * SAMPLE_RATE), np.float32)
    lead = round(LEAD_S * SAMPLE_RATE)
    cached: dict[tuple[int, int, int], Samples] = {}
    room = _CACHED_SAMPLES
    for i, note in enumerate(notes):
        length = round((note.end_s - note.start_s) * 1000)
        likeness = (note.pitch, note.velocity, length)
        played = cached.get(likeness)
        if played is None:
            own_seed = seed * _PHASE_SETS + note.pitch % _PHASE_SETS
            lasts_s = min(max(length / 1000, 0.01), _LONGEST_S)
            played = render_note(sound, note.pitch, lasts_s, note.velocity, own_seed)
            if len(played) <= room:
                cached[likeness] = played
                room -= len(played)
        start = round(note.start_s * SAMPLE_RATE) - lead
        first, stop = max(0, start), min(len(out), start + len(played))
        out[first:stop] += played[first - start : stop - start]
        if progress is not None:
            progress((i + 1) / len(notes))
    return out
