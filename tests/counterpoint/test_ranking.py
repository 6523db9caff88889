"""The ranking that ships, and how intervals are counted for it."""

from itertools import product

import numpy as np
import pytest

from cambiata.counterpoint.ranking import (
    N_CANTUS,
    N_KINDS,
    N_MOVES,
    clip_steps,
    kind,
    move,
    shipped,
)


def test_intervals_and_moves_have_their_steps() -> None:
    assert (kind(60, 64), kind(72, 60), kind(48, 79)) == (2, 7, 11)
    assert (move(60, 63), move(60, 59)) == (2, -1)
    assert clip_steps(-9, 4) == -4
    assert all(0 <= kind(a, b) < N_KINDS for a, b in product(range(30, 90), repeat=2))


def test_what_ships_are_probabilities() -> None:
    ranking = shipped()
    for table in (ranking.above, ranking.below):
        probabilities = np.exp(np.array(table))
        assert probabilities.shape == (N_KINDS, N_CANTUS, N_KINDS)
        np.testing.assert_allclose(probabilities.sum(-1), 1, atol=1e-3)
    line = np.exp(np.array(ranking.line))
    assert line.shape == (N_MOVES, N_MOVES)
    np.testing.assert_allclose(line.sum(-1), 1, atol=1e-3)


def test_parallel_fifths_are_less_likely_than_parallel_thirds() -> None:
    thirds, fifths = (
        shipped().interval("above", (60, 60 + i), (62, 62 + j)) for i, j in ((4, 3), (7, 7))
    )
    assert thirds > fifths


def test_a_score_is_the_mean_of_its_terms() -> None:
    ranking, chord, line = shipped(), ((60, 64), (62, 65)), (64, 65, 67)
    terms = [ranking.interval("above", *chord), ranking.step(*line)]
    assert ranking.score("above", [chord], line) == pytest.approx(np.mean(terms))
