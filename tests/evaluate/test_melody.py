"""Metrics of restyled melodies: closed forms and properties; a whole run on tiny tunes."""

import json
from pathlib import Path

import pytest
from tiny_tunes import tunes

from cambiata.errors import InputError
from cambiata.evaluate import melody as evaluated
from cambiata.evaluate.melody import evaluate_melody


def test_a_run_writes_its_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sklearn")
    monkeypatch.setattr(evaluated, "read_tunes", lambda: tunes(40))
    monkeypatch.setattr(evaluated, "AMOUNTS", (0.0, 0.5, 1.0))
    found = evaluate_melody(tmp_path, n_each=1, rows=("content", "real", "melody", "retrieval"))
    assert json.loads((tmp_path / "melody.json").read_text())["seed"] == 0
    assert "| melody (" in (tmp_path / "melody.md").read_text()
    assert found["classifier on held-out tunes"][0] > 0.9
    by_row = {row["row"]: row for row in found["summary"] if row["set"] == "metre kept"}
    assert by_row["content"]["chroma"][0] == pytest.approx(1)
    assert by_row["content"]["named"][0] == 0
    assert by_row["real"]["named"][0] > 0.8
    assert by_row["melody"]["rhythm"][0] > by_row["content"]["rhythm"][0]
    assert by_row["melody"]["exact at 0"] == 1


def test_rows_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nonsense: is not a system for melodies"):
        evaluate_melody(tmp_path, rows=["nonsense"])
