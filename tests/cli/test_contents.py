"""Several contents of one verb: what results are called, what is refused, what does not stop."""

import json
from pathlib import Path

import numpy as np
import pytest
from commands import run
from sounds import RATE, melody

import cambiata
from cambiata import Audio, InputError
from cambiata.cli.contents import expand, is_folder, name_beside

MUSAICING = ("--system", "musaicing", "--set", "iterations=2", "--set", "settling=1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two short sounds in a folder, a style beside it."""
    (tmp_path / "in").mkdir()
    for name, pitch in (("in/a.wav", 60), ("in/b.flac", 64), ("style.wav", 67)):
        Audio(melody([pitch]), RATE).save(tmp_path / name)
    return tmp_path


def test_without_an_output_the_result_lies_beside_the_content_and_is_numbered(folder: Path) -> None:
    for name in ("in/b-style.flac", "in/b-style-2.flac"):
        done = run("transfer", "in/b.flac", "style.wav", *MUSAICING, folder=folder)
        assert done.returncode == 0
        assert name.encode() in done.stderr
        assert (folder / name).exists()
    before = (folder / "in/b-style.flac").read_bytes()
    forced = run("transfer", "in/b.flac", "style.wav", "--force", *MUSAICING, folder=folder)
    assert forced.returncode == 0
    assert (folder / "in/b-style.flac").read_bytes() == before
    assert not (folder / "in/b-style-3.flac").exists()


def test_a_folder_is_worked_on_and_one_that_fails_stops_nothing(folder: Path) -> None:
    (folder / "in/broken.wav").write_bytes(b"junk")
    (folder / "in/notes.txt").write_text("no sound")
    done = run("transfer", "in", "style.wav", "-o", "out", *MUSAICING, folder=folder)
    assert done.returncode == 1
    lines = done.stderr.decode().splitlines()
    assert lines[-1] == "cambiata: 2 of 3 done; not done: in/broken.wav"
    assert any(line.startswith("cambiata: in/broken.wav: ") for line in lines)
    assert sorted(each.name for each in (folder / "out").iterdir()) == [
        "a-style.wav",
        "b-style.flac",
    ]


def test_one_content_may_go_into_a_folder_too(folder: Path) -> None:
    for _ in range(2):
        done = run("transfer", "in/a.wav", "style.wav", "-o", "new/", *MUSAICING, folder=folder)
        assert done.returncode == 0
        assert done.stderr.count(b"\n") == 1
    made = sorted(each.name for each in (folder / "new").iterdir())
    assert made == ["a-style-2.wav", "a-style.wav"]


def test_json_has_what_was_done_and_what_failed(folder: Path) -> None:
    (folder / "in/broken.wav").write_bytes(b"junk")
    done = run("transfer", "in", "style.wav", "-o", "out", "--json", *MUSAICING, folder=folder)
    facts = json.loads(done.stdout)
    assert [Path(each["output"]).name for each in facts["done"]] == ["a-style.wav", "b-style.flac"]
    assert [each["content"] for each in facts["failed"]] == ["in/broken.wav"]


def test_a_result_is_what_a_transfer_alone_gives(folder: Path) -> None:
    run("transfer", "in/a.wav", "in/b.flac", "style.wav", "-o", "out", *MUSAICING, folder=folder)
    alone = run("transfer", "in/a.wav", "style.wav", "-o", "alone.wav", *MUSAICING, folder=folder)
    assert alone.returncode == 0
    assert np.array_equal(
        cambiata.load(folder / "alone.wav").samples,
        cambiata.load(folder / "out/a-style.wav").samples,
    )


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("in/a.wav", "in/b.flac", "style.wav", "-o", "style.wav"), "style.wav: is a file"),
        (("in", "style.wav", "-o", "new.wav"), "new.wav: is a file"),
        (("in", "style.wav", "-o", "no/out"), "no/out: its folder does not exist"),
        (
            ("in", "style.wav", "-o", "out", "--amount", "3"),
            "Invalid value for '--amount': 3 is out of range",
        ),
        (("in", "nowhere.wav"), "nowhere.wav: no such file"),
        (("in", "style.wav", "-o", "-"), "-: goes with one content alone"),
        (("*.mp3", "style.wav"), "*.mp3: matches no file"),
        (("empty", "style.wav"), "empty: is a folder without sound files"),
        (("in", "style.wav", "--picture", "p.png"), "p.png: shows one content"),
        (("in/a.wav",), "Missing argument 'STYLE'"),
    ],
)
def test_what_would_stop_all_is_refused_in_one_line(
    folder: Path, arguments: tuple[str, ...], line: str
) -> None:
    (folder / "empty").mkdir()
    done = run("transfer", *arguments, folder=folder)
    assert done.returncode == 2
    assert done.stderr.decode().startswith(f"cambiata: {line}")
    assert done.stderr.count(b"\n") == 1
    assert not (folder / "out").exists()


def test_patterns_and_folders_leave_out_what_an_earlier_run_made(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    for name in ("in/a-style.wav", "in/a-style-2.wav", "in/.hidden.wav"):
        (folder / name).write_bytes(b"")
    (folder / "in/folder.wav").mkdir()
    assert expand(["in"], "style.wav") == ["in/a.wav", "in/b.flac"]
    assert expand(["in"], "in/a.wav") == ["in/a-style-2.wav", "in/a-style.wav", "in/b.flac"]
    assert expand(["in/[ab].*", "in/a.wav"], "style.wav") == ["in/a.wav", "in/b.flac"]


def test_names_of_results(tmp_path: Path) -> None:
    content = str(tmp_path / "violin.mp3")
    assert name_beside(content, "my/cello.flac", None, False) == str(tmp_path / "violin-cello.wav")
    (tmp_path / "violin-cello.wav").touch()
    assert name_beside(content, "cello", None, False) == str(tmp_path / "violin-cello-2.wav")
    assert name_beside(content, "cello", None, True) == str(tmp_path / "violin-cello.wav")
    made = {str(tmp_path / "violin-cello.wav")}  # by this call, of another content
    assert name_beside(content, "cello", None, True, made) == str(tmp_path / "violin-cello-2.wav")
    with pytest.raises(InputError, match="no place for a result"):
        name_beside("-", "cello", None, False)
    assert is_folder(str(tmp_path), 1)
    assert is_folder("new/", 1)
    assert is_folder("new", 2)
    assert not is_folder("new.wav", 1)
