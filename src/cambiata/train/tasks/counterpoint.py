"""The ranking of counterpoint, counted in real two-voice music.

Voices of Bach's four-part chorales, in pairs: outer ones and neighbours. The works that
`cambiata.data.scores` keeps for tests are left out. What comes out is a file of a few kilobytes
that ships with the package (`cambiata.counterpoint.ranking`).
"""

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.counterpoint.ranking import (
    MAX_CANTUS_STEPS,
    N_CANTUS,
    N_KINDS,
    N_MOVES,
    Ranking,
    clip_steps,
    kind,
    load_ranking,
    move,
)
from cambiata.data.scores import Split, Work, load_corpus
from cambiata.files import write_text
from cambiata.score.midi import Part

PAIRS = ((0, 3), (0, 1), (1, 2), (2, 3))  # of soprano, alto, tenor and bass
_PRIOR = 20.0  # how many counts the more general distribution is worth
_VOICES = 4
_DIGITS = 3

Chord = tuple[int, int]
Counts = npt.NDArray[np.float64]


def read_chorales(
    split: Split, works: Iterable[Work] | None = None
) -> Iterator[tuple[str, tuple[Part, ...]]]:
    """Four-part chorales of a split."""
    for work in load_corpus(["chorales"]) if works is None else works:
        parts = tuple(part for part in work.parts if "+" not in part.name)
        if work.split == split and len(parts) == _VOICES:
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


def learn_ranking(voices: Iterable[Sequence[Part]]) -> Ranking:
    """Ranking of what is counted in four-part music."""
    intervals = {side: np.zeros((N_KINDS, N_CANTUS, N_KINDS)) for side in ("above", "below")}
    moves = np.zeros((N_MOVES, N_MOVES))
    half = N_MOVES // 2
    for parts in voices:
        for high, low in PAIRS:
            for side, cantus, other in (("above", low, high), ("below", high, low)):
                for pair, after in successions(parts[cantus], parts[other]):
                    step = clip_steps(move(pair[0], after[0]), MAX_CANTUS_STEPS) + MAX_CANTUS_STEPS
                    intervals[side][kind(*pair), step, kind(*after)] += 1
        for part in parts:
            line = merge_repeats(part)
            steps = [clip_steps(move(a, b), half) + half for a, b in pairwise(line)]
            for before, after_step in pairwise(steps):
                moves[before, after_step] += 1
    tables = {side: _log_probabilities(counts) for side, counts in intervals.items()}
    # A move of no step is never counted: repeated notes are one.
    return Ranking(
        _nested_tuples(tables["above"]),
        _nested_tuples(tables["below"]),
        _nested_tuples(_log_probabilities(moves)),
    )


def _log_probabilities(counts: Counts) -> Counts:
    """Log-probabilities along the last axis, each context backed by the mean of all."""
    backoff = counts.reshape(-1, counts.shape[-1]).sum(axis=0) + 1.0
    backoff /= backoff.sum()
    total = counts.sum(axis=-1, keepdims=True)
    logs: Counts = np.log((counts + _PRIOR * backoff) / (total + _PRIOR))
    return logs


def _nested_tuples(table: Counts) -> Any:
    if table.ndim == 1:
        return tuple(round(float(value), _DIGITS) for value in table)
    return tuple(_nested_tuples(row) for row in table)


def train_ranking(output: str | Path, works: Iterable[Work] | None = None) -> Ranking:
    """Learn the ranking and write it."""
    named = list(read_chorales("train", works))
    ranking = learn_ranking(parts for _, parts in named)
    data = {
        "learned_from": f"{len(named)} chorales of J. S. Bach (music21's corpus), voice pairs",
        "above": ranking.above,
        "below": ranking.below,
        "line": ranking.line,
    }
    place = Path(output)
    write_text(place, json.dumps(data, separators=(",", ":")) + "\n")
    return load_ranking(place)
