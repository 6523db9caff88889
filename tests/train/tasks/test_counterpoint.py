"""The ranking counts what it is shown, and the shipped one comes from the training script."""

import json
from pathlib import Path

import numpy as np
import pytest

from cambiata.counterpoint.ranking import N_CANTUS, N_KINDS, N_MOVES, shipped
from cambiata.score.midi import Note, Part
from cambiata.train.tasks.counterpoint import learn_ranking, train_ranking

SHIPPED = Path(__file__).parents[3] / "src" / "cambiata" / "counterpoint" / "ranking.json"


def _part(pitches: list[int], name: str = "") -> Part:
    return Part(tuple(Note(i, i + 0.95, p) for i, p in enumerate(pitches)), name=name)


def test_probabilities_add_up() -> None:
    ranking = shipped()
    assert np.shape(ranking.above) == np.shape(ranking.below) == (N_KINDS, N_CANTUS, N_KINDS)
    assert np.shape(ranking.line) == (N_MOVES, N_MOVES)
    for table in (ranking.above, ranking.below, ranking.line):
        np.testing.assert_allclose(np.exp(table).sum(axis=-1), 1, atol=5e-3)


def test_what_is_met_is_likelier() -> None:
    tenths = [_part([76, 77, 79, 77, 76] * 8), *[_part([60, 62, 64, 62, 60] * 8)] * 3]
    ranking = learn_ranking([tenths])
    assert ranking.interval("above", (60, 76), (62, 77)) > np.log(0.5)
    assert ranking.interval("above", (60, 76), (62, 77)) > ranking.interval(
        "above", (60, 76), (62, 69)
    )


@pytest.mark.slow
def test_the_shipped_ranking_is_what_training_makes(tmp_path: Path) -> None:
    pytest.importorskip("music21")
    train_ranking(tmp_path / "ranking.json")
    made, ours = (json.loads(p.read_text()) for p in (tmp_path / "ranking.json", SHIPPED))
    assert made == ours
