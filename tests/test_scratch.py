"""Scratch, and what killed runs have left of it."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cambiata import scratch
from cambiata.errors import CambiataError, InputError
from cambiata.files import write_text

_USING = """
import sys
from pathlib import Path
from cambiata import scratch
with scratch.sole_user(Path(sys.argv[1])):
    print("ours", flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(os.name == "nt", reason="folders cannot be locked there")
def test_a_file_has_one_user_at_a_time_and_is_free_when_that_was_killed(tmp_path: Path) -> None:
    place = tmp_path / "run.csv"
    with scratch.sole_user(tmp_path / "other.csv"):
        pass
    assert list(tmp_path.iterdir()) == []
    command = [sys.executable, "-c", _USING, str(place)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"ours\n"
        write_text(tmp_path / "beside.txt", "")  # looks for what is stale
        with (
            pytest.raises(InputError, match=r"run\.csv: is in use by another run; wait"),
            scratch.sole_user(place),
        ):
            pass
        program.kill()
    with scratch.sole_user(place):
        with pytest.raises(InputError, match="in use"), scratch.sole_user(place):
            pass
        assert len(list(tmp_path.iterdir())) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["beside.txt"]


@pytest.mark.skipif(os.name == "nt", reason="folders cannot be locked there")
def test_a_lock_that_its_last_user_removed_meanwhile_keeps_nobody_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, removed = scratch._open_locked, list[Path]()

    def lock_late(folder: Path) -> int | None:
        lock = real(folder)
        if not removed:
            removed.append(folder)
            folder.rmdir()
        return lock

    monkeypatch.setattr(scratch, "_open_locked", lock_late)
    place = tmp_path / "run.csv"
    with (
        scratch.sole_user(place),
        pytest.raises(InputError, match="in use"),
        scratch.sole_user(place),
    ):
        pass


@pytest.mark.skipif(os.name == "nt", reason="folders cannot be locked there")
def test_where_folders_cannot_be_locked_nothing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_locks(_number: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(scratch.fcntl, "flock", without_locks)
    with scratch.sole_user(tmp_path / "a"), scratch.sole_user(tmp_path / "a"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(scratch.fcntl is None, reason="folders cannot be locked there")
def test_a_scratch_folder_whose_lock_another_held_for_a_moment_is_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, held = scratch._open_locked, []

    def taken_at_first(folder: str | Path) -> int | None:
        if not held:  # another thread is looking whether it is stale
            held.append(lock(folder))
            raise BlockingIOError
        if len(held) == 1:
            os.close(held[0] or 0)
            held.append(None)
        return lock(folder)

    with monkeypatch.context() as patch:
        patch.setattr(scratch, "_open_locked", taken_at_first)
        block = scratch.scratch_folder(tmp_path)
        folder = block.__enter__()
    monkeypatch.setattr(scratch, "_STALE_S", -1.0)
    write_text(tmp_path / "other.txt", "")
    assert folder.is_dir()
    block.__exit__(None, None, None)
    assert [path.name for path in tmp_path.iterdir()] == ["other.txt"]


@pytest.mark.skipif(scratch.fcntl is None, reason="folders cannot be locked there")
@pytest.mark.parametrize("made_at_s", [0, 4e9], ids=["1970", "2096"])
def test_scratch_of_killed_runs_is_known_by_whatever_clock(
    made_at_s: float, tmp_path: Path
) -> None:
    (tmp_path / f"{scratch._SCRATCH}old").mkdir()
    os.utime(tmp_path / f"{scratch._SCRATCH}old", (made_at_s, made_at_s))
    write_text(tmp_path / "a.txt", "")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_scratch_folder_that_another_run_removed_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, removed = scratch._open_locked, []

    def after_a_jump(folder: str | Path) -> int | None:
        if not removed:  # by the other's clock it was an hour old
            removed.append(folder)
            Path(folder).rmdir()
        return lock(folder)

    monkeypatch.setattr(scratch, "_open_locked", after_a_jump)
    write_text(tmp_path / "a.txt", "whole")
    assert removed
    assert (tmp_path / "a.txt").read_text() == "whole"


def test_scratch_that_does_not_fit_is_said(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        with (
            pytest.raises(CambiataError, match=f"{tmp_path}: has no room for a scratch file; free"),
            scratch.scratch_file(str(tmp_path)) as file,
        ):
            file.write(bytes(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    with pytest.raises(PermissionError), scratch.scratch_file(str(tmp_path)):
        raise PermissionError(13, "not of this kind")
