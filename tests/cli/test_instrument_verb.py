"""`cambiata instrument`."""

import json
from pathlib import Path

import pytest
from commands import run
from tiny_notes import recording


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    (tmp_path / "notes").mkdir()
    for name, key in (("C4", 60), ("E4", 64)):
        recording(name, key).save(tmp_path / "notes" / f"{name}.wav")
    return tmp_path


def test_a_folder_of_notes_becomes_an_instrument(notes: Path) -> None:
    few = ("--keys", "58-66", "--velocities", "1", "--step", "4")
    done = run("instrument", "notes", "-o", "x.sfz", *few, "--json", folder=notes)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["made_of"], report["keys"], report["roots"]) == ("notes", [58, 66], [60, 64])
    assert report["samples"] == "x-samples"
    assert sorted(p.name for p in notes.iterdir()) == ["notes", "x-samples", "x.sfz"]
    again = run("instrument", "notes", "-o", "x.sfz", *few, folder=notes)
    assert (again.returncode, again.stderr.count(b"\n")) == (2, 1)
    assert b"x.sfz: exists; choose another name, or replace it with --force" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("notes", "--keys", "low"), "'low' are not keys; write them like 21-108"),
        (("notes", "--keys", "0-200"), "keys 0-200: are out of range"),
        (("notes", "--keys", "61-90"), "lies outside of keys 61-90; leave it out, or widen --keys"),
        (("nowhere.wav",), "nowhere.wav: no such file"),
        (("notes", "--velocities", "99"), "velocities 99: is out of range"),
    ],
)
def test_bad_input_is_one_line(notes: Path, arguments: tuple[str, ...], message: str) -> None:
    done = run("instrument", *arguments, "-o", "x.sf2", folder=notes)
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert message in done.stderr.decode()
    assert [p.name for p in notes.iterdir()] == ["notes"]
