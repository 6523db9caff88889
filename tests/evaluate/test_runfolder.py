"""A run's folder read: whole, torn and broken."""

import json
from pathlib import Path

import pytest
from tiny_runs import SCORES, write_run

from cambiata.errors import InputError
from cambiata.evaluate.runfolder import METRICS, Run, read_run
from cambiata.evaluate.table import (
    count_pairs,
    summarize,
)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return read_run(write_run(tmp_path))


def test_measures_stand_in_their_order_and_unknown_ones_last(run: Run) -> None:
    assert run.set_named("artificial").metrics() == ("paper_lsd", "sparkle")
    assert run.set_named("real").metrics() == ("timbre", "pitch")
    assert list(METRICS)[:2] == ["paper_lsd", "lsd"]


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_line_cut_anywhere_is_as_if_not_written(tmp_path: Path, cut: int) -> None:
    folder = write_run(tmp_path)
    path = folder / "artificial" / "scores.jsonl"
    whole = "".join(json.dumps(entry) + "\n" for entry in SCORES[:3])
    path.write_text(whole[:-cut])
    copies = summarize(read_run(folder))["artificial"]["copy-content"]["paper_lsd"]
    assert copies["mean"] == (22.0 if cut == 1 else 21.0)


def test_what_was_written_after_a_torn_line_counts(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    path = folder / "artificial" / "scores.jsonl"
    path.write_text('{"pair": "0001-aa", "row"\n' + json.dumps(SCORES[1]) + "\n")
    assert count_pairs(read_run(folder))["artificial"]["copy-content"]["missing"] == 2


@pytest.mark.parametrize(
    ("name", "text", "match"),
    [
        ("run.json", None, r"run\.json: no such file"),
        ("run.json", "{", r"run\.json: is not what a run writes \(Expecting"),
        ("run.json", '{"sets": {}}', r"run\.json: .* \(lacks 'rows'\)"),
        ("run.json", "[]", r"run\.json: is not what a run writes"),
        ("run.json", '{"rows": [], "sets": {"../x": {}}}', r"'\.\./x' cannot name a folder"),
        ("real/pairs.json", None, r"pairs\.json: no such file"),
        ("real/pairs.json", "[{}]", r"pairs\.json: .* \(lacks 'id'\)"),
        ("real/pairs.json", '[{"id": "a/../../b"}]', "cannot name a folder"),
        ("real/scores.jsonl", "torn\n{}\n", r"scores\.jsonl: line 2 is not a score \('pair'\)"),
        ("real/scores.jsonl", "[]", r"scores\.jsonl: line 1 is not a score"),
        (
            "real/scores.jsonl",
            '{"pair": "0001-dd", "row": "ulyanov", "scores": {"timbre": "loud"}}',
            r"scores\.jsonl: line 1 is not a score",
        ),
    ],
)
def test_broken_runs_are_refused_by_name(
    tmp_path: Path, name: str, text: str | None, match: str
) -> None:
    folder = write_run(tmp_path)
    if text is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(text)
    with pytest.raises(InputError, match=match):
        read_run(folder)
