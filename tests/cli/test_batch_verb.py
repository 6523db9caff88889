"""`cambiata batch`."""

import json
from pathlib import Path

import pytest
from commands import run
from serial_engine import SerialEngine
from sounds import RATE, melody

from cambiata.audio.sound import Audio
from cambiata.batches import api


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(api, "opened", SerialEngine().opened)
    for name in ("a", "b", "style"):
        Audio(melody([60, 64])[:RATE], RATE, "PCM_16").save(tmp_path / f"{name}.wav")
    return tmp_path


WORDS = ("batch", "transfer", "a.wav", "b.wav", "-o", "{stem}-{style}-{amount}.wav")
REST = ("--", "style.wav", "--amount", "0")


def test_what_stands_after_two_dashes_goes_to_every_item(folder: Path) -> None:
    done = run(*WORDS, "--json", *REST, folder=folder)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [item["output"] for item in report["items"]] == ["a-style-0.0.wav", "b-style-0.0.wav"]
    assert (folder / "b-style-0.0.wav").exists()


def test_what_fails_is_named_twice_and_the_exit_code_is_1(folder: Path) -> None:
    (folder / "b.wav").write_bytes(b"")
    done = run(*WORDS, *REST, folder=folder)
    lines = done.stderr.decode().splitlines()
    assert done.returncode == 1
    assert lines[0].startswith("cambiata: b.wav: ")
    assert lines[-1] == "cambiata: 1 of 2 done; not done: b.wav"
    assert (folder / "a-style-0.0.wav").exists()


def test_pictures_are_named_by_the_item(folder: Path) -> None:
    words = ("batch", "reverb", "room", "a.wav", "b.wav", "-o", "{stem}-room.wav", "--")
    room = ("--size", "4x3x3", "--listener", "1,1,1", "--source", "2,2,1", "--rt60", "0.2")
    same = run(*words, *room, "--picture", "room.png", folder=folder)
    assert same.returncode == 2
    assert b"room.png: would be written for a.wav and for b.wav" in same.stderr
    done = run(*words, *room, "--picture", "{stem}.png", folder=folder)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in folder.glob("*.png")) == ["a.png", "b.png"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("batch",), "Missing argument 'VERB INPUTS...'"),
        (("batch", "transfer", "-o", "x"), "inputs: are none"),
        (("batch", "tansfer", "a.wav"), "verb tansfer: cannot be run in a batch"),
        (("batch", "reverb", "a.wav"), "verb reverb a.wav: cannot be run in a batch"),
        ((*WORDS, "--jobs", "0", *REST), "0 is not in the range x>=1"),
        (
            (*WORDS, "--", "style.wav", "-o", "x.wav"),
            "-o, --force, --quiet and --json are the batch's own; give them to the batch",
        ),
    ],
)
def test_bad_input_is_one_line(folder: Path, words: tuple[str, ...], message: str) -> None:
    done = run(*words, folder=folder)
    [line] = done.stderr.decode().splitlines()
    assert (done.returncode, message in line) == (2, True), line
