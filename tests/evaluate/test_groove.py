"""Figures of ways between grooves: known answers, and a whole run on a tiny set."""

import json
from pathlib import Path

import numpy as np
import pytest
from tiny_groove_data import tiny_groove_data

from cambiata import InputError
from cambiata.data.grooves import GrooveRecording, read_recordings
from cambiata.evaluate.groove import (
    METRICS,
    CoinFade,
    CrossFade,
    evaluate_groove,
    markdown,
    pair_grooves,
)
from cambiata.evaluate.groove_measures import (
    GroovePair,
)
from cambiata.groove.grid import Groove
from cambiata.groove.system import GrooveAmounts


def _groove(seed: int, n_bars: int = 4) -> Groove:
    rng = np.random.default_rng(seed)
    hits = rng.random((16 * n_bars, 9)) < 0.3
    hits[::16, 0] = True
    return Groove.of_arrays(hits, 0.3 + 0.5 * rng.random(hits.shape), 0.3 * rng.random(hits.shape))


def _pair() -> GroovePair:
    return GroovePair(_groove(0), _groove(1), ("a", "b"), "rock", False)


def test_naive_fades_end_where_they_should() -> None:
    pair = _pair()
    for fade in (CrossFade(pair.a, pair.b), CoinFade(pair.a, pair.b)):
        assert fade.at(GrooveAmounts.of(0.0)) == pair.a.strikes
        assert fade.at(GrooveAmounts.of(1.0)) == pair.b.strikes
    half = CrossFade(pair.a, pair.b).at(GrooveAmounts.of(0.5))
    assert len(half) == len(pair.a.hits) + len(pair.b.hits)


def test_pairs_are_of_different_drummers_and_one_genre(tmp_path: Path) -> None:
    played = [each for each in read_recordings(tiny_groove_data(tmp_path)) if each.is_held_out]
    grooves = [(each, each.groove()) for each in played]
    grooves.append(
        (GrooveRecording(Path("x"), "drummer9", "s", "jazz", "train", False), _groove(3))
    )
    pairs = pair_grooves(grooves, 1000, 0)
    assert {pair.drummers for pair in pairs} == {
        ("drummer1", "drummer7"),
        ("drummer7", "drummer1"),
    }
    # Three grooves of each session whose like the other drummer plays, once each.
    assert sum(pair.same_music for pair in pairs) == 6
    assert [pair.same_music for pair in pairs[:6]] == [True] * 6
    assert pair_grooves(grooves, 5, 0) == pairs[:5]


def test_a_whole_run(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    facts = evaluate_groove(tmp_path / "out", tiny_groove_data(tmp_path / "data"), n_pairs=2)
    assert json.loads((tmp_path / "out" / "groove.json").read_text()) == facts
    rows = {row["way"]: row for row in facts["summary"] if row["group"] == "all pairs"}
    assert set(rows) == {"exact", "vae", "cross-fade", "coin-fade"}
    assert [rows[fade]["ends"][0] for fade in rows] == [1, 1, 1, 1]
    assert rows["cross-fade"]["density"][0] > 1.5 > rows["exact"]["density"][0]
    # Drummer 7 is louder, wherever they play.
    assert facts["classifier"]["balanced_accuracy"] > 0.9
    assert rows["exact"]["order"][0] > 0.9
    velocity, hits = (facts["sliders"]["exact"][name][0] for name in ("velocity", "hits"))
    ends = [facts["sliders"]["exact"][name][0] for name in ("none", "all")]
    assert abs(velocity - ends[1]) < abs(hits - ends[1])
    table = (tmp_path / "out" / "groove.md").read_text()
    assert table == markdown(facts)
    assert all(name in table for name in METRICS.values())


def test_missing_data(tmp_path: Path) -> None:
    (tmp_path / "info.csv").write_text("drummer,session,style,beat_type,midi_filename,split\n")
    with pytest.raises(InputError, match="has too few drummers held out; use the whole dataset"):
        evaluate_groove(tmp_path / "out", tmp_path)
    assert not (tmp_path / "out").exists()
