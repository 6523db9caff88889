"""Scores of outputs: what is silent, cannot be judged, or has no target."""

from pathlib import Path

import numpy as np
import pytest
import tiny
from tiny import SHORT, SILENT, TinySet, in_place, lines

from cambiata import Audio
from cambiata.evaluate import defects, scoring
from cambiata.evaluate import run as running_
from cambiata.evaluate.attacks import Attacks
from cambiata.evaluate.rows import find_row
from cambiata.evaluate.run import run
from cambiata.evaluate.runfolder import read_run
from cambiata.evaluate.table import count_pairs, summarize

pytest.importorskip("mir_eval", reason='pip install "cambiata[eval]"')
CONTENT, TARGET = find_row("copy-content"), find_row("target")
DEFECTS = {"extra_attacks", "missing_attacks", "extra_floor_db", "range_ratio", "gap_fill_db"} | {
    *("silence_excess_db", "spectrum_way", "centroid_ratio", "widening_db", "vibrato_ratio")
}


@pytest.fixture
def without_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_, "run_tasks", in_place)


in_this_process = pytest.mark.usefixtures("without_processes")


@in_this_process
def test_an_output_that_cannot_be_judged_costs_its_row_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = scoring.log_spectral_distance

    def strict(output: np.ndarray, target: np.ndarray) -> float:
        if not output.any():
            raise ValueError("silence\nhas no spectrum")
        return real(output, target)

    monkeypatch.setattr(scoring, "log_spectral_distance", strict)
    failures = run(tmp_path / "run", [TinySet(1)], [SILENT, CONTENT], tools=tiny.tools)
    assert failures == ["0000 silent: ValueError: silence has no spectrum"]
    counts = count_pairs(read_run(tmp_path / "run"))["artificial"]
    assert (counts["silent"]["failed"], counts["copy-content"]["done"]) == (1, 1)


@in_this_process
def test_silence_is_never_a_perfect_score(tmp_path: Path) -> None:
    run(tmp_path / "run", [TinySet(1)], [SILENT], tools=tiny.tools)
    [line] = lines(tmp_path / "run/artificial")
    scores = line["scores"]
    assert scores["loudness_db"] > 60
    assert scores["onset_f1"] == 0
    assert scores["timbre"] == scores["pitch"] == 1
    assert min(scores[name] for name in ("paper_lsd", "lsd", "mss", "mss_floor")) > 1


@in_this_process
def test_a_tracker_s_failure_is_a_gap_and_no_zero(tmp_path: Path) -> None:
    run(tmp_path / "run", [TinySet(2)], [CONTENT], tools=tiny.failing_tools)
    figures = summarize(read_run(tmp_path / "run"))["artificial"]["copy-content"]
    assert (figures["pitch"]["mean"], figures["pitch"]["n_missing"]) == (None, 2)
    assert figures["lsd"]["n"] == 2


@in_this_process
def test_attacks_are_counted_both_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def every_tenth(sound: Audio) -> Attacks:
        times_s = np.arange(0.1, sound.duration_s, 0.1)
        return Attacks(times_s, times_s)

    monkeypatch.setattr(defects, "find_attacks", every_tenth)
    run(
        tmp_path / "run",
        [TinySet(1, name="real", target=False)],
        [CONTENT, SHORT],
        tools=tiny.tools,
    )
    copied, short = (line["scores"] for line in lines(tmp_path / "run/real"))
    assert (copied["extra_attacks"], copied["missing_attacks"]) == (0, 0)
    assert short["extra_attacks"] == 0
    assert 0 < short["missing_attacks"] < 100


@in_this_process
def test_without_targets_there_are_no_ceilings_and_no_distances_to_targets(tmp_path: Path) -> None:
    real = TinySet(2, name="real", target=False)
    run(tmp_path / "run", [TinySet(1), real], [TARGET, CONTENT, SHORT], tools=tiny.tools)
    rows = {line["row"] for line in lines(tmp_path / "run/real")}
    assert rows == {"copy-content", "short"}
    for line in lines(tmp_path / "run/real"):
        assert not {"paper_lsd", "lsd", "mss", "mss_floor"} & set(line["scores"])
        assert set(line["scores"]) >= DEFECTS
    copied, short = (
        next(x for x in lines(tmp_path / "run/real") if x["row"] == row)["scores"]
        for row in ("copy-content", "short")
    )
    assert (copied["spectrum_way"], copied["widening_db"]) == (0, None)
    # Notes against the content, timbre against the style.
    assert (copied["pitch"], copied["onset_f1"], copied["loudness_db"]) == (0, 1, 0)
    assert copied["timbre"] > 5 * short["timbre"] > 0
    ceilings = [x for x in lines(tmp_path / "run/artificial") if x["row"] == "target"]
    assert ceilings[0]["scores"]["lsd"] == 0
    assert not DEFECTS & set(ceilings[0]["scores"])
    assert "peak_mib" not in ceilings[0]["scores"]


@in_this_process
def test_defects_of_silence_are_numbers_or_gaps_and_no_errors(tmp_path: Path) -> None:
    real = TinySet(1, name="real", target=False)
    assert not run(tmp_path / "run", [real], [SILENT], tools=tiny.tools)
    [line] = lines(tmp_path / "run/real")
    assert line["scores"]["extra_floor_db"] is None
    assert line["scores"]["spectrum_way"] < 0
