"""Measures of interpolation between grooves: known answers."""

import numpy as np
import pytest

from cambiata.evaluate.groove import (
    _interpolate,
)
from cambiata.evaluate.groove_measures import (
    AMOUNTS,
    GroovePair,
    _bar_similarity,
    _cosine,
    groove_of_strikes,
    measure_path,
)
from cambiata.groove.grid import Groove, Hit
from cambiata.groove.interpolation import Interpolation
from cambiata.score.midi import Metre


def _groove(seed: int, n_bars: int = 4) -> Groove:
    rng = np.random.default_rng(seed)
    hits = rng.random((16 * n_bars, 9)) < 0.3
    hits[::16, 0] = True
    return Groove.of_arrays(hits, 0.3 + 0.5 * rng.random(hits.shape), 0.3 * rng.random(hits.shape))


def _pair() -> GroovePair:
    return GroovePair(_groove(0), _groove(1), ("a", "b"), "rock", False)


def test_what_is_heard_is_what_was_struck() -> None:
    pair = _pair()
    again = groove_of_strikes(pair, pair.b.strikes)
    for ours, expected in zip(again.arrays(), pair.b.arrays(), strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-5)
    assert groove_of_strikes(pair, ()).hits == ()


def test_scores_of_a_straight_way() -> None:
    pair = _pair()
    walked = _interpolate(pair, Interpolation(pair.a, pair.b))
    measures = measure_path(pair, walked, list(AMOUNTS))
    assert (measures["order"], measures["rising"]) == (pytest.approx(1), 1)
    assert measures["bend"] == pytest.approx(0, abs=1e-12)
    assert measures["hits_step"] == pytest.approx(0.1, abs=0.02)
    assert measures["hits_path"] == pytest.approx(1)
    assert measures["density"] == pytest.approx(1, abs=0.02)
    backwards = measure_path(pair, walked, list(AMOUNTS)[::-1])
    assert (backwards["order"], backwards["rising"]) == (pytest.approx(-1), 0)


def test_likeness_of_bars_and_profiles() -> None:
    groove = _groove(0)
    assert _cosine(groove, groove) == pytest.approx(1)
    assert _cosine(groove, groove.bars([3, 2, 1, 0])) == pytest.approx(1)
    assert _bar_similarity(groove.bars([1, 1, 1])) == pytest.approx(1)
    unlike = (Hit(0, 0, 0.0, 0.1, 36, 90), Hit(1, 1, 0.25, 0.1, 38, 90))
    assert _bar_similarity(Groove((Metre(),) * 2, 4, unlike)) == 0
