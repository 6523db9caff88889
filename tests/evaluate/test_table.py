"""Tables of a run: figures by hand, intervals, the best rows, results as JSON."""

import json
from pathlib import Path

import numpy as np
import pytest
from tiny_runs import EVIL, write_run, write_scores

from cambiata.errors import InputError
from cambiata.evaluate.metrics import bootstrap_interval
from cambiata.evaluate.runfolder import Outcome, Run, RunPair, RunRow, RunSet, find_metric, read_run
from cambiata.evaluate.table import (
    collect_results,
    compare_rows,
    count_pairs,
    find_best_rows,
    format_table,
    summarize,
    write_results,
)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return read_run(write_run(tmp_path))


def test_figures_are_those_of_a_hand(run: Run) -> None:
    figures = summarize(run)["artificial"]
    copies, shifted, ulyanov = (
        figures[row]["paper_lsd"] for row in ("copy-content", "musaicing:shifted", "ulyanov")
    )
    assert (copies["mean"], copies["n"], copies["n_missing"]) == (22.0, 3, 0)
    # The later line of pair 1 counts; the score that is null does not.
    assert (shifted["mean"], shifted["n"], shifted["n_missing"]) == (12.0, 2, 1)
    assert (ulyanov["mean"], ulyanov["n"], ulyanov["n_missing"]) == (12.5, 2, 0)
    assert figures["musaicing:shifted"]["sparkle"]["mean"] == 2.0
    assert "sparkle" not in figures["ulyanov"]
    assert "of another run" not in figures


def test_intervals_are_the_bootstrap_s_own(run: Run) -> None:
    figure = summarize(run)["artificial"]["copy-content"]["paper_lsd"]
    assert (figure["low"], figure["high"]) == bootstrap_interval([20.0, 22.0, 24.0])
    assert 20 <= figure["low"] < 22 < figure["high"] <= 24


def test_pairs_are_counted_as_done_failed_or_missing(run: Run) -> None:
    counts = count_pairs(run)
    assert counts["artificial"]["ulyanov"] == {
        "done": 2,
        "failed": 1,
        "missing": 0,
        "errors": {"0002-bb": f"gave up {EVIL}"},
    }
    assert counts["real"] == {"ulyanov": {"done": 1, "failed": 0, "missing": 1, "errors": {}}}


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_what_is_no_number_is_never_averaged(tmp_path: Path, value: float | None) -> None:
    folder = write_run(tmp_path)
    entries = [{"pair": "0001-dd", "row": "ulyanov", "scores": {"timbre": value}}]
    write_scores(folder / "real" / "scores.jsonl", entries)
    figure = summarize(read_run(folder))["real"]["ulyanov"]["timbre"]
    assert figure == {"mean": None, "low": None, "high": None, "n": 0, "n_missing": 1}


def test_differences_are_over_common_pairs(run: Run) -> None:
    figure = compare_rows(run, "artificial", "ulyanov", "musaicing:shifted", "paper_lsd")
    assert (figure["mean"], figure["n"], figure["n_missing"]) == (2.0, 1, 1)  # 16 - 14, pair 1
    figure = compare_rows(run, "artificial", "musaicing:shifted", "copy-content", "paper_lsd")
    assert (figure["mean"], figure["n"], figure["n_missing"]) == (-9.0, 2, 1)
    assert (figure["low"], figure["high"]) == bootstrap_interval([-6.0, -12.0])


def test_differences_ask_for_rows_that_are_there(run: Run) -> None:
    with pytest.raises(InputError, match="has no row nobody; choose one of copy-content"):
        compare_rows(run, "artificial", "ulyanov", "nobody", "paper_lsd")
    with pytest.raises(InputError, match="has no set nothing; choose one of artificial, real"):
        compare_rows(run, "nothing", "ulyanov", "ulyanov", "paper_lsd")


def test_markdown(run: Run) -> None:
    lines = format_table(run, summarize(run), "artificial").splitlines()
    assert lines[0] == "| Row | n | LSD as in the paper (dB) ↓ | sparkle |"
    assert lines[1] == "|---|---:|---:|---:|"
    assert lines[2] == "| copy content *(copy)* | 3 | 22.00 [20.00, 24.00] | – |"  # noqa: RUF001
    assert lines[3].startswith(
        "| musaicing, shifted | 3 | **12.00 [10.00, 14.00] (n = 2)** | 2.000"
    )
    assert r"\<script\>" in lines[4]
    assert r"\| piped" in lines[4]
    assert len(lines) == 5


def test_medians_and_shares_in_the_goal() -> None:
    values = [0.0, 1.0, 2.0, 3.0, 94.0]
    outcomes = {
        (f"{i}", "a"): Outcome({"extra_floor_db": v, "lsd": v}) for i, v in enumerate(values)
    }
    pairs = tuple(RunPair(f"{i}") for i in range(5))
    run = Run(Path("run"), {}, (RunRow("a"),), (RunSet("real", pairs=pairs, outcomes=outcomes),))
    floor, lsd = (summarize(run)["real"]["a"][name] for name in ("extra_floor_db", "lsd"))
    assert (floor["median"], floor["mean"], floor["in_goal"]) == (2, 20, 0.8)
    assert (floor["low"], floor["high"]) == bootstrap_interval(values, median=True)
    assert not {"median", "in_goal"} & set(lsd)
    heads, _, cells = format_table(run, summarize(run), "real").splitlines()
    assert "Floor above the style's (dB, median) ↓" in heads
    assert "2.0 [0.0, 94.0] (80 % in goal)" in cells
    assert find_metric("range_ratio").goal_text == "0.8 to 1.25"
    assert find_metric("gap_fill_db").goal_text == "at most 3 dB"
    assert find_metric("spectrum_way").goal_text == "at least 55 %"


def _scored(n_by_row: dict[str, int], mean_by_row: dict[str, float], metric: str = "lsd") -> Run:
    kinds = {"ceiling": "ceiling", "copy": "copy"}
    pairs = tuple(RunPair(f"{i}") for i in range(max(n_by_row.values())))
    outcomes = {
        (pair.id, row): Outcome({metric: mean_by_row[row]})
        for row, n in n_by_row.items()
        for pair in pairs[:n]
    }
    rows = tuple(RunRow(name, kind=kinds.get(name, "system")) for name in n_by_row)
    return Run(Path("run"), {}, rows, (RunSet("real", pairs=pairs, outcomes=outcomes),))


@pytest.mark.parametrize(
    ("n_by_row", "mean_by_row", "metric", "best"),
    [
        ({"a": 4, "b": 4}, {"a": 2.0, "b": 1.0}, "lsd", {"b"}),
        ({"a": 4, "b": 4}, {"a": 2.0, "b": 1.0}, "onset_f1", {"a"}),
        ({"a": 4, "b": 4}, {"a": 2.0, "b": 1.0}, "unknown", set()),
        ({"a": 4, "b": 4}, {"a": 2.001, "b": 2.002}, "lsd", {"a", "b"}),  # equal as shown
        ({"a": 4, "b": 4, "ceiling": 4}, {"a": 2, "b": 1, "ceiling": 0}, "lsd", {"b"}),
        ({"a": 4, "b": 4, "copy": 4}, {"a": 2, "b": 1, "copy": 0}, "lsd", {"b"}),
        ({"a": 4, "b": 4, "c": 1}, {"a": 2, "b": 1, "c": 0}, "lsd", {"b"}),  # on one pair only
        ({"a": 4}, {"a": 2}, "lsd", set()),  # best of whom?
    ],
)
def test_the_best_of_those_that_compete(
    n_by_row: dict[str, int], mean_by_row: dict[str, float], metric: str, best: set[str]
) -> None:
    run = _scored(n_by_row, mean_by_row, metric)
    assert find_best_rows(run, summarize(run)["real"], metric) == best


def test_results_are_json_without_leftovers(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text("old")
    write_results(run, path)
    assert json.loads(path.read_text()) == json.loads(json.dumps(collect_results(run)))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["results.json", "run"]
    (tmp_path / "plain").touch()
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_failed_write_leaves_the_old_results(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text("old")
    broken = Run(run.folder, {"seed": np.zeros(2)}, run.rows, run.sets)
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_results(broken, path)
    assert path.read_text() == "old"


def test_results_never_stand_half_written(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "results.json"
    path.write_text("old")

    def interrupted(_beside: Path, place: Path) -> None:
        assert place == path
        assert path.read_text() == "old"
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_results(run, path)
    assert path.read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["results.json", "run"]


def test_a_set_not_begun_has_no_figures(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    (folder / "real").rename(tmp_path / "away")
    run = read_run(folder)
    assert summarize(run)["real"] == {}
    assert format_table(run, summarize(run), "real") == ""
