"""By how much a recording is moved to be in a key."""

from cambiata.audio.source import Source
from cambiata.errors import InputError
from cambiata.score.keys import Key, Move, parse_key
from cambiata.score.transposition import move_of
from cambiata.transcription.api import transcribe

_RELATIVE = 9  # semitones from a major key's tonic up to that of its relative minor


def find_move(source: Source, to_key: str, from_key: str | None) -> Move:
    """Shortest way of a recording to a key, -5 to 6 semitones, and the key it was found in.

    Its key is that of its notes, as they are transcribed, where none is given.
    """
    wanted = parse_key(to_key)
    if from_key is not None:
        found = parse_key(from_key)
        return Move(_shortest(_tonic(found, wanted), wanted.tonic), found)
    try:
        score = transcribe(source)
    except InputError as error:
        if "no note" not in error.problem:
            raise
        cure = "say its key with `from_key`, or give `semitones`"
        raise InputError(
            source.name, "no note was heard, so that its key is unknown", cure
        ) from None
    semitones, key = move_of(score.parts[0], 0, to_key)
    assert key is not None
    return Move(semitones, key)


def _tonic(found: Key, wanted: Key) -> int:
    """Tonic that is moved: that of the relative key where the modes differ."""
    if found.is_minor is None or wanted.is_minor is None or found.is_minor == wanted.is_minor:
        return found.tonic
    return (found.tonic + (_RELATIVE if wanted.is_minor else -_RELATIVE)) % 12


def _shortest(start: int, end: int) -> int:
    return (end - start + 5) % 12 - 5
