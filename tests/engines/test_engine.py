"""One interface: the pool of this machine by default, another engine where one is in use."""

import os
from pathlib import Path

import pytest
from serial_engine import SerialEngine

from cambiata.engines.engine import one_thread_each, opened, run_all, run_tasks, using
from cambiata.errors import InputError
from cambiata.evaluate.scoring import add_scores, read_lines, write_lines


def doubled(number: int) -> int:
    if number == 3:
        raise ValueError("three")
    return 2 * number


def test_everything_runs_on_the_engine_in_use() -> None:
    engine = SerialEngine()
    shares: list[float] = []
    with using(engine):
        assert list(run_tasks(doubled, [1, 2], 9)) == [(2, 4), (1, 2)]
        run_all(doubled, [4, 5], None, "here", shares.append)
        with pytest.raises(InputError, match="here: ValueError: three; correct that"):
            run_all(doubled, [3], None, "here", None)
    assert engine.done == [2, 1, 5, 4, 3]
    assert shares == [0.5, 1.0]


def test_evaluation_runs_on_it(tmp_path: Path) -> None:
    engine = SerialEngine()
    lines = [{"pair": pair, "row": "copy", "scores": {}} for pair in ("one", "other")]
    write_lines(tmp_path, lines)
    with using(engine):
        failures = add_scores(tmp_path, "length", lambda _rows, pair: {"copy": len(pair)}, 2)
    assert failures == []
    assert engine.done == ["other", "one"]
    assert [line["scores"]["length"] for line in read_lines(tmp_path / "scores.jsonl")] == [3, 5]


def test_processes_begun_meanwhile_use_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with one_thread_each():
        assert os.environ["OMP_NUM_THREADS"] == os.environ["MKL_NUM_THREADS"] == "1"
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ
    first, second = one_thread_each(), one_thread_each()  # of two threads
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert os.environ["OMP_NUM_THREADS"] == "1"
    second.__exit__(None, None, None)
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


def test_an_address_is_a_cluster_s() -> None:
    with (
        pytest.raises(InputError, match="address here:1: is of a cluster"),
        opened("local", "here:1"),
    ):
        pass
