"""The ranking of counterpoint, counted in real two-voice music.

Voices of Bach's four-part chorales, in pairs: outer ones and neighbours. The works that
`cambiata.data.scores` keeps for tests are left out. What comes out is a file of a few kilobytes
that ships with the package (`cambiata.counterpoint.ranking`).
"""

import json
from collections.abc import Iterable, Sequence
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
from cambiata.data.chorales import PAIRS, merge_repeats, read_chorales, successions
from cambiata.data.scores import Work
from cambiata.files import write_text
from cambiata.score.midi import Part

_PRIOR = 20.0  # how many counts the more general distribution is worth
_DIGITS = 3

Counts = npt.NDArray[np.float64]


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
