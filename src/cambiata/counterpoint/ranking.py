"""Ranking of counterpoints: likelihoods learned from real two-voice music.

The rules let thousands of solutions pass. Which of them is most like music is told by counts over
Bach's chorales (`cambiata.train.tasks.counterpoint`): how a voice goes on from one interval to the
next when the other voice moves, and how a line goes on from one move to the next.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

# Sizes that the shipped ranking is counted for: finer ones would leave too few counts for each.
N_KINDS = 12  # intervals: unison to twelfth, larger ones an octave or two narrower
N_MOVES = 15  # an octave down to an octave up, by steps
MAX_CANTUS_STEPS = 4  # steps of the cantus that are told apart
N_CANTUS = 2 * MAX_CANTUS_STEPS + 1
# By semitones within an octave; a tritone counts as a fourth.
_STEPS = (0, 1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6)
_FILE = Path(__file__).with_name("ranking.json")


@dataclass(frozen=True)
class Ranking:
    """Log-probabilities of a counterpoint's intervals and moves."""

    # Of an interval's kind given the last one's and the move of the cantus, with the cantus below:
    # [N_KINDS, N_CANTUS, N_KINDS].
    above: tuple[tuple[tuple[float, ...], ...], ...]
    below: tuple[tuple[tuple[float, ...], ...], ...]  # the same with the cantus above
    line: tuple[tuple[float, ...], ...]  # of a move given the last one [N_MOVES, N_MOVES]

    @cached_property
    def _tables(self) -> dict[str, npt.NDArray[np.float64]]:
        return {"above": np.array(self.above), "below": np.array(self.below)}

    @cached_property
    def _line(self) -> npt.NDArray[np.float64]:
        return np.array(self.line)

    def interval(self, position: str, pair: tuple[int, int], following: tuple[int, int]) -> float:
        """Log-probability of an interval after another."""
        cantus = clip_steps(move(pair[0], following[0]), MAX_CANTUS_STEPS)
        table = self._tables[position]
        return float(table[kind(*pair), cantus + MAX_CANTUS_STEPS, kind(*following)])

    def step(self, one: int, two: int, three: int) -> float:
        """Log-probability of a line's move after another."""
        half = N_MOVES // 2
        before, after = (clip_steps(move(a, b), half) + half for a, b in ((one, two), (two, three)))
        return float(self._line[before, after])

    def score(
        self,
        position: str,
        chords: Sequence[tuple[tuple[int, int], tuple[int, int]]],
        line: Sequence[int],
    ) -> float:
        """Log-probability of a whole counterpoint, for each decision that it took."""
        terms = [self.interval(position, *chord) for chord in chords]
        terms += [self.step(*line[i : i + 3]) for i in range(len(line) - 2)]
        return sum(terms) / max(len(terms), 1)


def kind(one: int, other: int) -> int:
    """Kind of an interval: its diatonic steps, at most 11."""
    steps = abs(move(one, other))
    while steps >= N_KINDS:
        steps -= 7
    return steps


def move(one: int, two: int) -> int:
    """Diatonic steps of an interval by its semitones, downwards negative, whatever its spelling."""
    octaves, rest = divmod(abs(two - one), 12)
    steps = 7 * octaves + _STEPS[rest]
    return steps if two > one else -steps


def clip_steps(steps: int, limit: int) -> int:
    """Steps clipped to at most so many, up or down."""
    return max(-limit, min(limit, steps))


def load_ranking(path: str | Path) -> Ranking:
    """Ranking of a file that `cambiata.train.tasks.counterpoint` wrote."""
    data = json.loads(Path(path).read_text())
    nested = {
        name: tuple(tuple(tuple(row) for row in rows) for rows in data[name])
        for name in ("above", "below")
    }
    return Ranking(nested["above"], nested["below"], tuple(tuple(row) for row in data["line"]))


def shipped() -> Ranking:
    """The ranking that comes with the package."""
    if not _SHIPPED:
        _SHIPPED.append(load_ranking(_FILE))
    return _SHIPPED[0]


_SHIPPED: list[Ranking] = []
