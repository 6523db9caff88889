"""Caches that are damaged are made again; whatever lies in their places, nothing fails."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cambiata import files
from cambiata.caches import cached, is_as_noted, note_hash, read_cached, write_cached

DATA = b"what was made " * 50


def _flip(place: Path, at: int) -> None:
    data = bytearray(place.read_bytes())
    data[at] ^= 1
    place.write_bytes(data)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "first bit": lambda place: _flip(place, 0),
    "a bit of the hash": lambda place: _flip(place, 20),
    "last bit": lambda place: _flip(place, -1),
    "cut off": lambda place: place.write_bytes(place.read_bytes()[:-3]),
    "more behind": lambda place: place.write_bytes(place.read_bytes() + b"\0"),
    "empty": lambda place: place.write_bytes(b""),
    "an old version": lambda place: place.write_bytes(DATA),
    "gone": Path.unlink,
    "a folder": lambda place: (place.unlink(), place.mkdir()),
    "a pipe": lambda place: (place.unlink(), os.mkfifo(place)),
    "a link to nowhere": lambda place: (place.unlink(), place.symlink_to("nowhere")),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_what_is_damaged_is_made_again(damage: Callable[[Path], object], tmp_path: Path) -> None:
    place = tmp_path / "new" / "a"
    made = []

    def make() -> bytes:
        made.append(1)
        return DATA

    assert cached(place, make) == cached(place, make) == DATA
    assert len(made) == 1
    damage(place)
    assert read_cached(place) is None
    assert cached(place, make) == DATA
    assert len(made) == 2
    assert read_cached(place) == DATA  # whole again


def test_a_cache_that_cannot_be_written_costs_no_more_than_time(tmp_path: Path) -> None:
    (tmp_path / "full" / "of").mkdir(parents=True)  # a folder that is somebody's
    (tmp_path / "file").touch()
    for place in (tmp_path / "full", tmp_path / "file" / "a", Path("/proc/none/a")):
        assert cached(place, lambda: DATA) == DATA
        assert read_cached(place) is None
    assert (tmp_path / "full" / "of").is_dir()


def test_a_cache_on_a_full_disk_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_place: Path, _data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cambiata.caches.write_bytes", full)
    assert cached(tmp_path / "a", lambda: DATA) == DATA
    assert list(tmp_path.iterdir()) == []


_WRITES = """
import sys
from pathlib import Path
from cambiata.caches import read_cached, write_cached
place, mine = Path(sys.argv[1]), sys.argv[2].encode() * 100_000
for _ in range(60):
    write_cached(place, mine)
    found = read_cached(place)
    assert found is not None and len(set(found)) == 1, "half of each"
"""


def test_two_processes_write_one_cache(tmp_path: Path) -> None:
    runs = [
        subprocess.Popen([sys.executable, "-c", _WRITES, str(tmp_path / "a"), letter])
        for letter in "ab"
    ]
    assert [run.wait() for run in runs] == [0, 0]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_threads_write_one_cache(tmp_path: Path) -> None:
    place = tmp_path / "a"
    threads = [threading.Thread(target=write_cached, args=(place, DATA)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read_cached(place) == DATA


def test_a_file_is_as_its_hash_beside_it_says(tmp_path: Path) -> None:
    place = tmp_path / "a.wav"
    assert not is_as_noted(place)
    place.write_bytes(DATA)
    assert not is_as_noted(place)
    note_hash(place)
    assert is_as_noted(place)
    _flip(place, 5)
    assert not is_as_noted(place)
    files.write_bytes(place, DATA)
    assert is_as_noted(place)
    (tmp_path / "a.wav.sha256").write_bytes(b"")
    assert not is_as_noted(place)
