"""Where outputs may go, and that they appear whole or not at all."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cambiata import files, scratch
from cambiata.errors import InputError
from cambiata.files import (
    atomic_file,
    atomic_files,
    atomic_folder,
    check_not_input,
    check_output,
)


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("no/a.mid", files.FILE, "no/a.mid: its folder does not exist; make it first"),
        ("folder", files.FILE, "folder: is a folder; name a file"),
        ("there.mid", files.FILE, "exists; choose another name, or replace it"),
        ("a.wav", files.MIDI, "a.wav: is not the name of a MIDI file; name it NAME.mid"),
        ("a.pdf", files.SCORE, "is not a score format that is written; name it .mid or .musicxml"),
        ("a.gif", files.PICTURE, "is not a kind of picture; name it .svg or .png"),
        ("no/a.wav", files.SOUND, "no/a.wav: the folder no does not exist; create it first"),
        ("there.mid", files.SOUND, "exists; choose another name, or replace it"),
        ("a.wav", files.TIMBRE, "a.wav: is not a .timbre file; name it NAME.timbre"),
        ("a.TIMBRE", files.TIMBRE, "is not a .timbre file"),
        ("there.timbre", files.TIMBRE, "exists; choose another name, or replace it"),
        ("no/a.onnx", files.WEIGHTS, "^no: is not a folder; make it first"),
        ("there.mid", files.BANK, "is a file; name a folder"),
        ("there.mid", files.EVALUATION, "is a file; choose another name"),
        ("folder", files.TRAINING_RUN, "exists; go on with .cambiata train resume., or replace"),
    ],
)
def test_refused_before_anything_is_made(
    name: str, kind: files.OutputKind, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    for there in ("there.mid", "there.timbre"):
        Path(there).touch()
    with pytest.raises(InputError, match=message):
        check_output(name, kind)


def test_force_replaces_only_what_is_its_own(tmp_path: Path) -> None:
    report = tmp_path / "report"
    report.mkdir()
    check_output(report, files.REPORT, force=True)
    with pytest.raises(InputError, match="is not a report that may be replaced"):
        check_output(report, files.REPORT, force=True, is_own=lambda _folder: False)


def test_extensions_in_capitals_are_the_same(tmp_path: Path) -> None:
    for kind, name in (
        (files.MIDI, "A.MID"),
        (files.SCORE, "A.MusicXML"),
        (files.PICTURE, "A.SVG"),
    ):
        assert check_output(tmp_path / name, kind) == tmp_path / name


def test_an_output_is_none_of_its_inputs_by_whatever_path(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    (tmp_path / "link.wav").symlink_to("a.wav")
    with pytest.raises(InputError, match=r"link\.wav: is also the content; choose another output"):
        check_not_input(tmp_path / "link.wav", "the content", tmp_path / "a.wav")
    check_not_input(tmp_path / "b.wav", "the content", tmp_path / "a.wav")
    check_not_input("-", "the content", "-")


def test_what_fails_leaves_what_was_there(tmp_path: Path) -> None:
    place, folder = tmp_path / "a.txt", tmp_path / "folder"
    place.write_text("before")
    folder.mkdir()
    (folder / "before").touch()

    def write_half() -> None:
        with atomic_file(place) as unfinished:
            unfinished.write_text("half")
            raise RuntimeError

    def fill_half() -> None:
        with atomic_folder(folder) as unfinished:
            (unfinished / "half").touch()
            raise RuntimeError

    for fail in (write_half, fill_half):
        with pytest.raises(RuntimeError):
            fail()
    assert place.read_text() == "before"
    assert [path.name for path in folder.iterdir()] == ["before"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "folder"]


def test_a_folder_takes_the_place_of_another(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "before").touch()
    with atomic_folder(folder) as unfinished:
        (unfinished / "after").touch()
    assert [path.name for path in folder.iterdir()] == ["after"]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_files_that_belong_together_appear_together(tmp_path: Path) -> None:
    places = tmp_path / "a.part.onnx", tmp_path / "a.onnx"
    with atomic_files(*places) as unfinished:
        for each in unfinished:
            each.write_text(each.name)
        assert not any(place.exists() for place in places)
    assert [place.read_text() for place in places] == ["a.part.onnx", "a.onnx"]


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_a_new_file_has_the_permissions_of_any_other(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    files.write_text(tmp_path / "whole", "")
    assert (tmp_path / "whole").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_text_with_what_is_no_unicode_is_written(tmp_path: Path) -> None:
    files.write_text(tmp_path / "a.txt", "a\udcff")  # as Python has a name in Latin-1
    assert (tmp_path / "a.txt").read_bytes() == b"a?"


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_a_file_that_is_replaced_hands_on_its_permissions(tmp_path: Path) -> None:
    place = tmp_path / "a.txt"
    place.touch()
    place.chmod(0o600)
    files.write_text(place, "after")
    assert (place.read_text(), place.stat().st_mode & 0o777) == ("after", 0o600)


def test_of_two_writers_without_force_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_paths: object) -> None:
        raise PermissionError

    def write_second(place: Path) -> None:
        with atomic_file(check_output(place), force=False) as unfinished:
            unfinished.write_text("second")
            files.write_text(place, "first", force=False)

    for name in ("links", "none"):
        if name == "none":
            monkeypatch.setattr(os, "link", no_links)
        place = tmp_path / f"{name}.txt"
        with pytest.raises(InputError, match=r"\.txt: exists; choose another name, or replace it"):
            write_second(place)
        assert place.read_text() == "first"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["links.txt", "none.txt"]


def test_what_is_replaced_comes_back_when_the_folder_cannot_be_put_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "before").touch()
    real = Path.replace

    def interrupted(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise KeyboardInterrupt
        return real(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt), atomic_folder(folder) as unfinished:
        (unfinished / "after").touch()
    assert [path.name for path in folder.iterdir()] == ["before"]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


_KILLED = """
import os, sys
from pathlib import Path
from cambiata import files, scratch
real = Path.replace
def killed(self, target):
    if self.name == "new":
        os.kill(os.getpid(), 9)
    return real(self, target)
Path.replace = killed
place = Path(sys.argv[1])
with files.atomic_file(place / "a.txt") as unfinished:
    unfinished.write_text("half")
    with files.atomic_folder(place / "folder") as folder:
        (folder / "after").touch()
"""


@pytest.mark.skipif(os.name == "nt", reason="folders cannot be locked there")
def test_what_killed_runs_left_is_removed_and_what_they_had_moved_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "before").touch()
    done = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], check=False)
    assert done.returncode == -9
    assert len(list(tmp_path.iterdir())) == 2
    files.write_text(tmp_path / "young.txt", "")  # just begun, for all that is known
    assert len(list(tmp_path.iterdir())) == 3
    monkeypatch.setattr(scratch, "_STALE_S", -1.0)
    with atomic_file(tmp_path / "mine.txt") as unfinished:
        unfinished.write_text("")
        files.write_text(tmp_path / "other.txt", "")  # leaves alone what is in use
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["folder", "mine.txt", "other.txt", "young.txt"]
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["before"]


@pytest.mark.parametrize("n_written", [0, 1], ids=["at once", "when it is done"])
def test_an_output_folder_that_vanishes_is_named(n_written: int, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    with (  # noqa: PT012
        pytest.raises(InputError, match=r"out: was removed in the meantime; make it again"),
        atomic_file(folder / "a.txt") as unfinished,
    ):
        if n_written:
            unfinished.write_text("whole")
        shutil.rmtree(folder)
        if not n_written:
            unfinished.write_text("whole")
    assert list(tmp_path.iterdir()) == []


def test_files_that_were_finished_are_known(tmp_path: Path) -> None:
    files.write_text(tmp_path / "a.txt", "")
    with pytest.raises(RuntimeError), atomic_file(tmp_path / "b.txt"):
        raise RuntimeError
    assert [place.name for place in files.finished_files() if place.parent == tmp_path] == ["a.txt"]


def test_caches_are_somewhere_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert files.cache_folder() == Path("/caches/cambiata")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert files.cache_folder() == Path.home() / ".cache" / "cambiata"
    monkeypatch.setattr(Path, "home", no_home)
    assert files.cache_folder().is_absolute()
