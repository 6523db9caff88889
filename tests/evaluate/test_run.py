"""Runs: of real processes once, and of the stages one by one without."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import tiny
from processes import eventually, running
from sounds import SUPPORT
from tiny import DYING, HANGING, REFUSING, SHORT, SOFT, TinySet, in_place, lines

from cambiata.audio.sound import load
from cambiata.engines.engine import run_tasks
from cambiata.errors import InputError, MissingExtraError
from cambiata.evaluate import run as running_
from cambiata.evaluate import scoring
from cambiata.evaluate.machine import describe_machine
from cambiata.evaluate.metrics import (
    log_spectral_distance,
    loudness_error_db,
    multi_scale_spectral_distance,
    pad_or_trim,
    paper_lsd,
)
from cambiata.evaluate.rows import Row, find_row
from cambiata.evaluate.run import run
from cambiata.evaluate.runfolder import read_run
from cambiata.evaluate.table import count_pairs, summarize

pytest.importorskip("mir_eval", reason='pip install "cambiata[eval]"')
HERE = Path(__file__).parent
CONTENT, TARGET = find_row("copy-content"), find_row("target")


@pytest.fixture
def without_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_, "run_tasks", in_place)


in_this_process = pytest.mark.usefixtures("without_processes")


def file_times(folder: Path) -> dict[str, int]:
    """Every file of a run that outlasts a call, and when it was written."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    rewritten = {"run.json", "pairs.json"}  # what the call is asked for, said anew
    return {str(p): p.stat().st_mtime_ns for p in files if p.name not in rewritten}


@pytest.fixture(scope="module")
def finished_run(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, list[str], list[tuple[str, float]]]:
    """A run of three pairs by four rows, of which two fail on pair 1, in real processes."""
    folder = tmp_path_factory.mktemp("made") / "deep" / "run"
    steps: list[tuple[str, float]] = []
    failures = run(
        folder,
        [TinySet()],
        [CONTENT, SOFT, REFUSING, DYING],
        n_workers=2,
        tools=tiny.tools,
        progress=lambda stage, share: steps.append((stage, share)),
    )
    return folder, failures, steps


def test_a_refusal_and_a_death_cost_their_pair_alone(
    finished_run: tuple[Path, list[str], list[tuple[str, float]]],
) -> None:
    folder, failures, _ = finished_run
    refused, died = sorted(failures, reverse=True)
    assert refused == "0001 refusing: content: is too quiet; choose another"
    assert died.startswith("0001 dying: its process died (SIGKILL; out of memory")
    counts = count_pairs(read_run(folder))["artificial"]
    assert {name: (t["done"], t["failed"], t["missing"]) for name, t in counts.items()} == {
        "copy-content": (3, 0, 0),
        "soft:half": (3, 0, 0),
        "refusing": (2, 1, 0),
        "dying": (2, 1, 0),
    }
    # A failure is no score: it is in no mean.
    assert summarize(read_run(folder))["artificial"]["dying"]["timbre"]["n"] == 2
    assert "too quiet" in counts["refusing"]["errors"]["0001"]


def test_progress_comes_to_its_end_in_every_stage(
    finished_run: tuple[Path, list[str], list[tuple[str, float]]],
) -> None:
    _, _, steps = finished_run
    stages = list(dict.fromkeys(stage for stage, _ in steps))
    assert stages == [
        f"artificial: {stage}"
        for stage in ("inputs", "copy content", "soft (half)", "refusing", "dying", "scores")
    ]
    for stage in stages:
        shares = [share for name, share in steps if name == stage]
        assert shares == sorted(shares)
        assert shares[-1] == 1


def test_scores_are_those_of_the_metrics(
    finished_run: tuple[Path, list[str], list[tuple[str, float]]],
) -> None:
    folder, _, _ = finished_run
    clips = folder / "artificial" / "audio" / "0002"
    output, target, content = (
        load(clips / f"{name}.flac").samples[0] for name in ("soft-half", "target", "content")
    )
    np.testing.assert_allclose(output, content / 2, atol=2**-15)
    [line] = [
        line
        for line in lines(folder / "artificial")
        if (line["pair"], line["row"]) == ("0002", "soft:half")
    ]
    scores = line["scores"]
    assert scores["paper_lsd"] == paper_lsd(output, target)
    assert scores["lsd"] == log_spectral_distance(output, target)
    assert scores["mss"] == multi_scale_spectral_distance(output, target)
    assert scores["mss_floor"] == multi_scale_spectral_distance(output, target, floor_db=-80)
    assert scores["loudness_db"] == loudness_error_db(output, target)
    assert scores["onset_f1"] == 1  # the target's own note, at its time
    assert 0 < scores["timbre"] < 1
    assert scores["pitch"] == 0
    assert scores["real_time_factor"] == pytest.approx(line["elapsed_s"] / 0.75)
    assert 10 < scores["peak_mib"] < 4000


def test_run_json_says_what_was_run_and_with_what(
    finished_run: tuple[Path, list[str], list[tuple[str, float]]],
) -> None:
    folder, _, _ = finished_run
    facts = json.loads((folder / "run.json").read_text())
    assert facts["tools"] == {
        "pitch": "loudest peak",
        "transcriber": f"numpy {version('numpy')}",
    }
    assert facts["machine"] == describe_machine()
    assert [row["name"] for row in facts["rows"]] == [
        *("copy-content", "soft:half", "refusing", "dying")
    ]
    tiny_set = facts["sets"]["artificial"]
    assert tiny_set["n_pairs"] == 3
    assert tiny_set["bins"] == {"bin0": 2, "bin1": 1}


@in_this_process
def test_a_second_call_does_nothing_and_a_third_adds_a_row(tmp_path: Path) -> None:
    def again(*rows: Row) -> list[str]:
        return run(tmp_path / "run", [TinySet()], rows, tools=tiny.tools)

    assert again(CONTENT, SOFT) == []
    before = file_times(tmp_path)
    scores = (tmp_path / "run/artificial/scores.jsonl").read_bytes()
    assert again(CONTENT, SOFT) == []
    assert file_times(tmp_path) == before | file_times(tmp_path / "run/artificial/x")
    assert (tmp_path / "run/artificial/scores.jsonl").read_bytes() == scores
    again(SHORT)
    after = (tmp_path / "run/artificial/scores.jsonl").read_bytes()
    assert after.startswith(scores)
    added = [json.loads(line) for line in after[len(scores) :].splitlines()]
    assert sorted((line["pair"], line["row"]) for line in added) == [
        *(("0000", "short"), ("0001", "short"), ("0002", "short"))
    ]
    # Shorter than the target: judged at the target's length.
    out = load(tmp_path / "run/artificial/audio/0000/short.flac").samples[0]
    target = load(tmp_path / "run/artificial/audio/0000/target.flac").samples[0]
    assert added[0]["scores"]["lsd"] == log_spectral_distance(pad_or_trim(out, target), target)
    assert {row.name for row in read_run(tmp_path / "run").rows} == {
        *("copy-content", "soft:half", "short")
    }


@in_this_process
def test_a_torn_line_is_healed(tmp_path: Path) -> None:
    run(tmp_path / "run", [TinySet()], [CONTENT], tools=tiny.tools)
    place = tmp_path / "run/artificial/scores.jsonl"
    whole = place.read_text()
    torn = whole[: whole.rindex("onset_f1")]
    place.write_text(torn)
    assert run(tmp_path / "run", [TinySet()], [CONTENT], tools=tiny.tools) == []
    first, second, half, third = place.read_text().splitlines()
    assert "\n".join([first, second, half]) == torn
    assert json.loads(third) == json.loads(whole.splitlines()[2])
    assert count_pairs(read_run(tmp_path / "run"))["artificial"]["copy-content"]["done"] == 3


@in_this_process
def test_what_failed_is_tried_again(tmp_path: Path) -> None:
    broken = TinySet(broken="0001")
    failures = run(tmp_path / "run", [broken], [CONTENT, SOFT], tools=tiny.tools)
    assert failures == ["0001 copy-content soft:half: a.wav: is truncated; take a whole one"]
    counts = count_pairs(read_run(tmp_path / "run"))["artificial"]
    assert [counts[row]["failed"] for row in ("copy-content", "soft:half")] == [1, 1]
    assert run(tmp_path / "run", [TinySet()], [CONTENT, SOFT], tools=tiny.tools) == []
    counts = count_pairs(read_run(tmp_path / "run"))["artificial"]
    assert [counts[row]["done"] for row in ("copy-content", "soft:half")] == [3, 3]
    assert [counts[row]["failed"] for row in ("copy-content", "soft:half")] == [0, 0]


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/letter.txt").write_text("x")
    (tmp_path / "run").mkdir()
    (tmp_path / "run/run.json").write_text("[]")
    for name, problem in [
        ("file", "is a file"),
        ("full", "is not empty and not a run"),
        ("run", "run.json: is not what a run writes"),
    ]:
        with pytest.raises(InputError, match=problem):
            run(tmp_path / name, [TinySet(1)], [CONTENT], tools=tiny.tools)
    assert len(list(tmp_path.rglob("*"))) == 5


def test_a_missing_tool_is_known_before_anything_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if scoring.load_tools.cache_info().currsize:  # another test's
        scoring.load_tools()[0].close()  # else its process would outlive it
    scoring.load_tools.cache_clear()
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(MissingExtraError, match=r'pip install "cambiata\[eval\]"'):
        run(tmp_path / "run", [TinySet(1)], [CONTENT])
    assert not (tmp_path / "run").exists()


def test_a_row_of_many_threads_has_them_and_others_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    calls: list[tuple[int, str | None]] = []

    def listening(function, tasks, n_workers):  # type: ignore[no-untyped-def]
        if tasks:
            calls.append((n_workers, os.environ.get("OMP_NUM_THREADS")))
        return in_place(function, tasks, n_workers)

    monkeypatch.setattr(running_, "run_tasks", listening)
    rows = [CONTENT, replace(SOFT, single=True)]
    run(tmp_path / "run", [TinySet(1)], rows, n_workers=2, tools=tiny.tools)
    assert calls == [(2, "1"), (2, "1"), (1, "7"), (2, "1")]
    assert os.environ["OMP_NUM_THREADS"] == "7"


def peak(_task: int) -> float:
    return running_._peak_mib()


def test_peak_memory_is_the_worker_s_own() -> None:
    ballast = np.ones(64 * 2**20)  # 512 MiB
    [(_, measured)] = run_tasks(peak, [0], 1)
    assert 20 < measured < 400 < ballast.nbytes / 2**20


# Ended from outside, at work: the row's process says when.
_PROGRAM = """
import signal, sys; sys.path[:0] = {paths!r}
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in background
from cambiata.cli import main as cli
from cambiata.evaluate import transfer
from cambiata.evaluate.run import run
import tiny
transfer.evaluate_transfer = lambda output, **options: run(
    output, [tiny.TinySet(2)], [tiny.SOFT, tiny.HANGING], n_workers=2, tools=tiny.tools)
sys.argv = ["cambiata", "evaluate", "transfer", "-o", {folder!r}]
cli.main()
"""


@in_this_process
@pytest.mark.parametrize(
    ("number", "code", "message"),
    [
        pytest.param(
            signal.SIGINT,
            130,
            b"cambiata: interrupted; what is done is kept, the same call goes on\n",
            marks=pytest.mark.slow,
        ),
        pytest.param(signal.SIGTERM, 143, b"", marks=pytest.mark.slow),  # ended by the same way
    ],
)
def test_an_interrupted_run_stops_at_once_and_goes_on_later(
    tmp_path: Path, number: int, code: int, message: bytes
) -> None:
    folder, pids = tmp_path / "run", tmp_path / "pids"
    pids.mkdir()
    program = subprocess.Popen(
        [
            sys.executable,
            "-c",
            _PROGRAM.format(paths=[str(HERE), SUPPORT], folder=str(folder)),
        ],
        stderr=subprocess.PIPE,
        env={**os.environ, "TINY_PIDS": str(pids)},
        start_new_session=True,
    )
    assert eventually(lambda: len(list(pids.iterdir())) == 2)
    workers = [int(path.stem) for path in pids.iterdir()]
    if number == signal.SIGINT:  # a terminal's goes to all
        os.killpg(program.pid, number)
    else:
        program.send_signal(number)
    _, written = program.communicate(timeout=60)
    assert (program.returncode, written) == (code, message)
    assert not any(running(pid) for pid in workers)
    assert not [p for p in folder.rglob("*") if p.name.startswith(".cambiata")]
    before = file_times(folder / "artificial/audio")
    assert len([path for path in before if path.endswith("soft-half.flac")]) == 2
    assert run(folder, [TinySet(2)], [SOFT], tools=tiny.tools) == []
    assert file_times(folder / "artificial/audio") == before
    assert {row.name for row in read_run(folder).rows} == {SOFT.name, HANGING.name}
    assert count_pairs(read_run(folder))["artificial"]["soft:half"]["done"] == 2
