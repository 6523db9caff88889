"""Pairs of voices of Bach's four-part chorales: outer ones and neighbours."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import pairwise

from cambiata.data.scores import Split, Work, load_corpus
from cambiata.score.midi import Part

PAIRS = ((0, 3), (0, 1), (1, 2), (2, 3))  # of soprano, alto, tenor and bass
_N_VOICES = 4

Chord = tuple[int, int]


def read_chorales(
    split: Split, works: Iterable[Work] | None = None
) -> Iterator[tuple[str, tuple[Part, ...]]]:
    """Four-part chorales of a split."""
    for work in load_corpus(["chorales"]) if works is None else works:
        parts = tuple(part for part in work.parts if "+" not in part.name)
        if work.split == split and len(parts) == _N_VOICES:
            yield work.name, parts


def successions(cantus: Part, other: Part) -> list[tuple[Chord, Chord]]:
    """Intervals of two voices, before and at each new note of one of them."""
    starts = [note.start_s for note in other.notes]

    def sounding(at_s: float) -> int | None:
        index = bisect_right(starts, at_s) - 1
        if index < 0 or other.notes[index].end_s < at_s - 0.3:
            return None
        return other.notes[index].pitch

    pairs_of_chords = []
    for before, note in pairwise(cantus.notes):
        if before.pitch == note.pitch:
            continue
        pitch_before, pitch_after = sounding(note.start_s - 1e-3), sounding(note.start_s + 1e-3)
        if pitch_before is not None and pitch_after is not None:
            pairs_of_chords.append(((before.pitch, pitch_before), (note.pitch, pitch_after)))
    return pairs_of_chords


def merge_repeats(part: Part) -> list[int]:
    """Pitches of a voice, repeated ones once."""
    pitches = [note.pitch for note in part.notes]
    return [pitch for i, pitch in enumerate(pitches) if i == 0 or pitches[i - 1] != pitch]
