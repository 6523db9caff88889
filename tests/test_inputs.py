"""Input files: no device, no pipe without a writer, no more bytes than a kind may have."""

import os
import threading
from pathlib import Path

import pytest

from cambiata import inputs
from cambiata.errors import InputError
from cambiata.inputs import read_input

needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")


def test_a_file_is_read_up_to_what_its_kind_may_have(tmp_path: Path) -> None:
    place = tmp_path / "a.bin"
    place.write_bytes(b"12345678")
    assert read_input(place, "a score", most_bytes=8) == b"12345678"
    with pytest.raises(InputError, match=r"has more than .* MiB, too much for a score; split it"):
        read_input(place, "a score", most_bytes=7, too_large="split it")


def test_what_is_no_file_is_refused_in_words(tmp_path: Path) -> None:
    for path, words in (
        (tmp_path, "is a folder; name a score in it"),
        (tmp_path / "none", "no such file"),
        (tmp_path / "a\0b", "no such file"),
    ):
        with pytest.raises(InputError, match=words):
            read_input(path, "a score", most_bytes=8)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no such device here")
def test_a_device_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mid").symlink_to("/dev/zero")
    with pytest.raises(InputError, match="is a device, not a file; name a score"):
        read_input(tmp_path / "a.mid", "a score", most_bytes=8)


@needs_pipes
def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    def write_late() -> None:
        with (tmp_path / "pipe").open("wb") as pipe:
            pipe.write(b"12")
            pipe.flush()
            pipe.write(b"34" * 40_000)

    writer = threading.Thread(target=write_late)
    writer.start()
    assert read_input(tmp_path / "pipe", "a score", most_bytes=100_000) == b"12" + b"34" * 40_000
    writer.join()


@needs_pipes
def test_a_pipe_without_a_writer_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "_WRITER_S", 0.05)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="is a pipe that nothing is written to"):
        read_input(tmp_path / "pipe", "a score", most_bytes=8)
