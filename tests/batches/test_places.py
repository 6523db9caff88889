"""Places by URL: fetched and published whole, told apart when they change."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cambiata.batches import places
from cambiata.errors import InputError

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def memory() -> Iterator[Any]:
    memory = fsspec.filesystem("memory")
    yield memory
    memory.store.clear()


def test_what_is_published_comes_back(tmp_path: Path, memory: Any) -> None:
    made = tmp_path / "made"
    (made / "x-samples").mkdir(parents=True)
    (made / "x.sfz").write_bytes(b"instrument")
    (made / "x-samples" / "C4.wav").write_bytes(b"sample")
    places.publish(made, "memory://b/out", "x.sfz")
    assert sorted(memory.find("/b")) == ["/b/out/x-samples/C4.wav", "/b/out/x.sfz"]
    (tmp_path / "back").mkdir()
    back = places.fetch("memory://b/out", tmp_path / "back")
    assert (back / "x-samples" / "C4.wav").read_bytes() == b"sample"
    with pytest.raises(InputError, match=r"memory://b/gone\.wav: no such file"):
        places.fetch("memory://b/gone.wav", tmp_path)


def test_an_upload_that_fails_leaves_what_was_there(
    tmp_path: Path, memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.pipe("/out/x.wav", b"old")
    (tmp_path / "x.wav").write_bytes(b"new")

    def put_half(_self: Any, _local: str, path: str, **_options: Any) -> None:
        memory.pipe(path, b"n")
        raise OSError("the line is cut")

    monkeypatch.setattr(type(memory), "put_file", put_half)
    with pytest.raises(OSError, match="the line is cut"):
        places.publish(tmp_path, "memory://out", "x.wav")
    assert memory.find("/out") == ["/out/x.wav"]
    assert memory.cat("/out/x.wav") == b"old"


def test_parts_of_killed_workers_are_removed(memory: Any) -> None:
    memory.pipe("/out/.cambiata-part-0123", b"half")
    memory.pipe("/out/x.wav", b"whole")
    places.remove_parts("memory://out")
    assert memory.find("/out") == ["/out/x.wav"]


def test_a_fingerprint_changes_with_the_content(tmp_path: Path, memory: Any) -> None:
    memory.pipe("/a", b"1")
    before = places.fingerprint("memory://a")
    assert places.fingerprint("memory://a") == before
    time.sleep(0.01)
    memory.pipe("/a", b"2")
    assert places.fingerprint("memory://a") != before
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a").write_bytes(b"1")
    before = places.fingerprint(str(tmp_path))
    (tmp_path / "x" / "a").write_bytes(b"22")
    assert places.fingerprint(str(tmp_path)) != before


def test_an_unknown_file_system_is_refused() -> None:
    with pytest.raises(InputError, match="nofs://a: is on no file system that is known"):
        places.exists("nofs://a")
