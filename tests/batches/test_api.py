"""Batches: every item once, in order, resumed by what has changed; nothing foreign replaced."""

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from processes import eventually, running
from serial_engine import SerialEngine
from sounds import RATE, melody

import cambiata
from cambiata.audio.sound import Audio
from cambiata.batches import api, places
from cambiata.batches.api import BatchReport
from cambiata.errors import InputError

TEMPLATE = "out/{stem}-{style}.wav"
AS_IT_IS: dict[str, Any] = {"style": "style.wav", "amount": 0}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "songs").mkdir()
    for i in range(4):
        Audio(melody([60 + i, 64 + i])[:RATE], RATE, "PCM_16").save(f"songs/{i}.wav")
    Audio(melody([60, 64]), RATE, "PCM_16").save("style.wav")
    return tmp_path


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., SerialEngine]:
    def install(stop_after: int | None = None) -> SerialEngine:
        made = SerialEngine(stop_after)
        monkeypatch.setattr(api, "opened", made.opened)
        return made

    return install


def transfer_all(**options: Any) -> BatchReport:
    given = {"arguments": AS_IT_IS, "manifest": "run.csv", **options}
    return cambiata.batch("transfer", "songs", TEMPLATE, **given)


def rows() -> list[dict[str, str]]:
    with Path("run.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


@pytest.mark.usefixtures("folder")
def test_the_manifest_has_every_item_once_in_order(engine: Callable[..., SerialEngine]) -> None:
    engine()
    shares: list[float] = []
    report = transfer_all(progress=shares.append)
    assert (report.n_items, report.n_done, report.n_skipped, report.n_failed) == (4, 4, 0, 0)
    assert shares == [0.25, 0.5, 0.75, 1.0]
    found = rows()
    assert [row["input"] for row in found] == [f"songs/{i}.wav" for i in range(4)]
    for i, row in enumerate(found):
        assert (row["output"], row["status"]) == (f"out/{i}-style.wav", "done")
        assert row["output_sha256"] == digest(row["output"])
        inputs = {path: digest(path) for path in (f"songs/{i}.wav", "style.wav")}
        assert json.loads(row["inputs"]) == inputs
        assert json.loads(row["options"]) == {**AS_IT_IS, "contents": [f"songs/{i}.wav"]}
        assert float(row["seconds"]) > 0
        assert row["version"] == cambiata.__version__


@pytest.mark.usefixtures("folder")
def test_outputs_are_those_of_the_single_command(engine: Callable[..., SerialEngine]) -> None:
    engine()
    transfer_all()
    for i in range(4):
        cambiata.transfer_file(f"songs/{i}.wav", "style.wav", f"{i}.wav", amount=0)
        assert Path(f"{i}.wav").read_bytes() == Path(f"out/{i}-style.wav").read_bytes()


@pytest.mark.usefixtures("folder")
def test_only_what_has_changed_is_done_again(engine: Callable[..., SerialEngine]) -> None:
    engine()
    transfer_all()

    def redone(**options: Any) -> list[int]:
        used = engine()
        assert transfer_all(**options).n_done == 4
        return sorted(task.index for task in used.done)

    assert redone() == []
    Audio(melody([50, 52])[:RATE], RATE, "PCM_16").save("songs/2.wav", force=True)
    assert redone() == [2]
    Path("out/1-style.wav").unlink()
    assert redone() == [1]
    assert redone(arguments={**AS_IT_IS, "seed": 5}) == [0, 1, 2, 3]
    Audio(melody([62, 64]), RATE, "PCM_16").save("style.wav", force=True)
    assert redone(arguments={**AS_IT_IS, "seed": 5}) == [0, 1, 2, 3]
    assert redone(arguments={**AS_IT_IS, "seed": 5}) == []


@pytest.mark.usefixtures("folder")
def test_a_row_of_a_table_is_redone_alone(engine: Callable[..., SerialEngine]) -> None:
    lines = [f"songs/{i}.wav,style.wav,{i},0" for i in range(3)]

    def run() -> list[int]:
        text = "\n".join(("content,style,seed,amount", *lines))
        Path("rows.csv").write_text(text + "\n")
        used = engine()
        cambiata.batch("transfer", "rows.csv", "{stem}-{seed}.wav", manifest="run.csv")
        return [task.index for task in used.done]

    assert run() == [2, 1, 0]
    lines[1] = "songs/1.wav,style.wav,9,0"
    assert run() == [1]
    assert sorted(path.name for path in Path().glob("*-*.wav")) == [
        *("0-0.wav", "1-1.wav", "1-9.wav", "2-2.wav"),
    ]


@pytest.mark.usefixtures("folder")
def test_an_item_that_fails_is_named_and_costs_no_other(
    engine: Callable[..., SerialEngine],
) -> None:
    engine()
    Path("songs/1.wav").write_bytes(b"RIFF no sound")
    report = transfer_all()
    assert (report.n_done, report.n_failed) == (3, 1)
    assert rows()[1]["status"] == "failed"
    assert rows()[1]["message"].startswith("songs/1.wav: ")
    assert not Path("out/1-style.wav").exists()
    Audio(melody([50])[:RATE], RATE, "PCM_16").save("songs/1.wav", force=True)
    used = engine()
    assert transfer_all().n_failed == 0
    assert [task.index for task in used.done] == [1]


@pytest.mark.usefixtures("folder")
def test_what_is_not_this_batch_s_is_never_replaced(engine: Callable[..., SerialEngine]) -> None:
    engine()
    Path("out").mkdir()
    Path("out/0-style.wav").write_bytes(b"mine")
    report = transfer_all()
    assert report.items[0].message.startswith("out/0-style.wav: exists; ")
    Path("out/3-style.wav").write_bytes(b"mine, too")
    report = transfer_all()  # once more: a failed row does not make it ours
    messages = [item.message for item in report.items if item.status == "failed"]
    assert [message.partition(";")[0] for message in messages] == [
        "out/0-style.wav: is not as this batch has left it",
        "out/3-style.wav: is not as this batch has left it",
    ]
    assert Path("out/0-style.wav").read_bytes() == b"mine"
    assert Path("out/3-style.wav").read_bytes() == b"mine, too"
    assert transfer_all(force=True).n_failed == 0


@pytest.mark.usefixtures("folder")
def test_an_interrupt_keeps_what_is_done(engine: Callable[..., SerialEngine]) -> None:
    engine(stop_after=2)
    with pytest.raises(KeyboardInterrupt):
        transfer_all()
    assert [row["status"] for row in rows()] == ["pending", "pending", "done", "done"]
    Path("out/0-style.wav").write_bytes(b"by a run that was killed before it could write of it")
    used = engine()
    assert transfer_all().n_done == 4
    assert [task.index for task in used.done] == [1, 0]


@pytest.mark.usefixtures("folder")
@pytest.mark.skipif(os.name == "nt", reason="folders cannot be locked there")
def test_of_two_runs_on_one_manifest_the_second_is_refused(
    engine: Callable[..., SerialEngine],
) -> None:
    engine()
    refused: list[str] = []

    def begin_another(_item: cambiata.BatchItem) -> None:
        if refused:
            return
        with pytest.raises(InputError) as caught:
            transfer_all()
        refused.append(str(caught.value))

    assert transfer_all(report=begin_another).n_done == 4
    assert refused[0].startswith("run.csv: is in use by another run; wait for that to end")
    assert [row["status"] for row in rows()] == ["done"] * 4
    assert sorted(path.name for path in Path().iterdir()) == [
        *("out", "run.csv", "songs", "style.wav"),
    ]
    assert transfer_all().n_skipped == 4


@pytest.mark.usefixtures("folder")
def test_rows_of_other_items_stay(engine: Callable[..., SerialEngine]) -> None:
    engine()
    transfer_all()
    given = {"arguments": {"style": "songs/1.wav", "amount": 0}, "manifest": "run.csv"}
    cambiata.batch("transfer", "style.wav", "other.wav", **given)
    assert [row["output"] for row in rows()] == [
        "other.wav",
        *(f"out/{i}-style.wav" for i in range(4)),
    ]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"output": "out/{style}.wav"}, "would be written for songs/0.wav and for songs/1.wav"),
        ({"output": "{folder}/{stem}.wav"}, r"songs/0.wav: is also an input"),
        ({"output": "{stem}{x}.wav"}, r"has the unknown field \{x\}"),
        ({"output": None}, "has no output"),
        ({"arguments": {"style": "style.wav", "amuont": 1}}, r"takes no amuont \(did you mean am"),
        ({"arguments": ["style.wav", "--amount", "lots"]}, "'lots' is not a share"),
        ({"arguments": ["style.wav", "--force"]}, "are the batch's own"),
        ({"manifest": "style.wav"}, "is not the name of a manifest"),
        ({"n_workers": 0}, "n_workers 0: is out of range"),
        ({"engine": "slurm"}, "engine slurm: is unknown; use local or ray"),
        ({"address": "here:1"}, "address here:1: is of a cluster"),
        ({"verb": "serve"}, "verb serve: cannot be run in a batch"),
        ({"verb": "reverb sweep"}, "verb reverb sweep: writes no output of an input"),
        ({"inputs": "songs/*.mp3"}, "matches no file"),
        ({"inputs": "-"}, "-: goes with one input alone"),
    ],
)
def test_bad_input_is_refused_before_any_work(options: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"verb": "transfer", "inputs": "songs", "output": TEMPLATE}
    given |= {"arguments": AS_IT_IS, **options}
    before = sorted(Path().rglob("*"))
    with pytest.raises(InputError, match=message):
        cambiata.batch(**given)
    assert sorted(Path().rglob("*")) == before


@pytest.mark.usefixtures("folder")
def test_a_table_that_is_no_manifest_is_not_replaced() -> None:
    Path("run.csv").write_text("name,price\nviolin,3\n")
    with pytest.raises(InputError, match=r"run\.csv: is not a manifest"):
        transfer_all()
    assert Path("run.csv").read_text() == "name,price\nviolin,3\n"


@pytest.mark.usefixtures("folder")
def test_files_may_lie_on_any_file_system(engine: Callable[..., SerialEngine]) -> None:
    fsspec = pytest.importorskip("fsspec")
    engine()
    memory = fsspec.filesystem("memory")
    memory.put("songs", "memory://in", recursive=True)
    memory.pipe("memory://in/broken.wav", b"RIFF no sound")
    style = f"file://{Path('style.wav').absolute()}"
    given = {"arguments": {"style": style, "amount": 0}, "manifest": "run.csv"}
    try:
        report = cambiata.batch("transfer", "memory://in", "memory://out/{stem}.wav", **given)
        assert [item.status for item in report.items] == [*["done"] * 4, "failed"]
        assert report.items[4].message.startswith("memory:///in/broken.wav: ")
        assert sorted(memory.find("/out")) == [f"/out/{i}.wav" for i in range(4)]
        transfer_all(manifest=None)
        for i in range(4):
            assert memory.cat(f"/out/{i}.wav") == Path(f"out/{i}-style.wav").read_bytes()
        memory.pipe("memory://in/2.wav", Path("songs/3.wav").read_bytes())
        used = engine()
        cambiata.batch("transfer", "memory://in", "memory://out/{stem}.wav", **given)
        assert [task.index for task in used.done] == [4, 2]
    finally:
        memory.store.clear()


@pytest.mark.usefixtures("folder")
def test_workers_are_processes_of_their_own() -> None:
    report = cambiata.batch(
        "transfer", ["songs/0.wav", "nowhere.wav"], TEMPLATE, arguments=AS_IT_IS, n_workers=1
    )
    assert [item.status for item in report.items] == ["done", "failed"]
    assert report.items[1].message == "nowhere.wav: no such file; check the path"
    assert places.fingerprint("out/0-style.wav") == report.items[0].output_sha256


def _begin(folder: Path, n_items: int) -> "subprocess.Popen[bytes]":
    """A batch of many items by the command line."""
    for i in range(n_items):
        Audio(melody([48 + i, 60 + i]), RATE, "PCM_16").save(
            folder / "songs" / f"{i:02d}.wav", force=True
        )
    words = ("batch", "transfer", "songs", "-o", TEMPLATE, "--manifest", "run.csv", "-j", "2")
    return subprocess.Popen(
        [sys.executable, "-m", "cambiata", *words, "--", "style.wav", "--amount", "0.5"],
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _n_done() -> int:
    return sum(row["status"] == "done" for row in rows()) if Path("run.csv").exists() else 0


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_that_was_stopped_goes_on(folder: Path, number: signal.Signals) -> None:
    n_items = 12
    with _begin(folder, n_items) as program:
        assert eventually(lambda: _n_done() > 1)
        os.kill(program.pid, number)
        _, printed = program.communicate(timeout=60)
    assert program.returncode == {2: 130, 9: -9, 15: 143}[number], printed
    first = _n_done()
    assert 1 < first < n_items
    made = {path.name: path.stat().st_mtime_ns for path in Path("out").glob("*.wav")}
    with _begin(folder, n_items) as program:
        _, printed = program.communicate(timeout=600)
    assert program.returncode == 0, printed
    found = rows()
    assert all(row["status"] == "done" for row in found)
    assert len({row["output"] for row in found}) == len(found) == len(list(Path("songs").iterdir()))
    for row in found:
        assert digest(row["output"]) == row["output_sha256"]
    kept = [name for name, at in made.items() if (Path("out") / name).stat().st_mtime_ns == at]
    assert len(kept) >= first
    left = [path.name for path in Path("out").iterdir() if path.suffix != ".wav"]
    assert all(
        name.startswith(".cambiata-scratch-") for name in left
    )  # locked, or younger than 60 s


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds workers by /proc")
def test_a_worker_that_is_killed_costs_its_item_alone(folder: Path) -> None:
    def workers(pid: int) -> list[int]:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        spawned = [int(each) for each in children]
        return [
            each for each in spawned if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()
        ]

    with _begin(folder, 10) as program:
        assert eventually(lambda: _n_done() > 1)
        killed = workers(program.pid)[0]
        os.kill(killed, signal.SIGKILL)
        _, printed = program.communicate(timeout=600)
    assert not running(killed)
    assert program.returncode == 1
    found = rows()
    [failed] = [row for row in found if row["status"] != "done"]
    assert "its process died (SIGKILL" in failed["message"]
    assert failed["input"].encode() in printed
    with _begin(folder, 10) as program:
        program.communicate(timeout=600)
    assert program.returncode == 0
