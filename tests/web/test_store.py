"""What the studio remembers outlives it, and belongs to one studio at a time."""

import stat
import sys
import threading
from pathlib import Path

import pytest

from cambiata import InputError
from cambiata.web.store import Store


def test_rows_outlive_the_store(tmp_path: Path) -> None:
    store = Store(tmp_path)
    row = store.add("sound", {"name": "a", "tags": ["x"]}, kind="score", bytes=7)
    store.update("sound", row["id"], name="b", expires_at=5.0, extra={"deep": 1})
    store.close()
    again = Store(tmp_path)
    found = again.get("sound", row["id"])
    again.close()
    assert found is not None
    assert (found["name"], found["tags"], found["extra"]) == ("b", ["x"], {"deep": 1})
    assert (found["kind"], found["bytes"], found["expires_at"]) == ("score", 7, 5.0)


def test_lists_and_counts(tmp_path: Path) -> None:
    store = Store(tmp_path)
    jobs = [store.add("job", {"i": i}, verb="play", state="queued") for i in range(5)]
    store.update("job", jobs[1]["id"], state="done")
    assert [row["i"] for row in store.rows("job", state="queued", limit=2)] == [4, 3]
    assert [row["i"] for row in store.rows("job", oldest_first=True, offset=3)] == [3, 4]
    assert store.count("job", state="queued") == 4
    assert store.count_before(jobs[4]) == 3
    assert store.update("job", "job_none", state="done") is None
    store.delete("job", jobs[0]["id"])
    assert store.get("job", jobs[0]["id"]) is None
    store.close()


def test_expiry_and_size(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for expires_at in (1.0, 100.0, None):
        store.add("sound", {}, expires_at=expires_at, bytes=10)
    assert [row["expires_at"] for row in store.expired("sound", 50.0)] == [1.0]
    assert store.used_bytes() == 30
    store.close()


def test_names_of_columns_are_not_taken_from_outside(tmp_path: Path) -> None:
    store = Store(tmp_path)
    row = store.add("timbre", {"name": "'; DROP TABLE timbre; --"})
    assert store.get("timbre", "' OR 1=1 --") is None
    found = store.get("timbre", row["id"])
    assert found is not None
    assert found["name"] == "'; DROP TABLE timbre; --"
    store.close()


def test_one_studio_at_a_time(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(InputError, match="in use by another studio"):
        Store(tmp_path)
    store.close()
    Store(tmp_path).close()


def test_unfinished_files_are_cleared_away(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.scratch() as folder:
        (folder / "half.wav").write_text("half")
    assert not folder.exists()
    (tmp_path / "scratch" / "killed").mkdir()
    store.close()
    Store(tmp_path).close()
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_others_do_not_see_the_folder(tmp_path: Path) -> None:
    Store(tmp_path / "new").close()
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_many_threads(tmp_path: Path) -> None:
    store = Store(tmp_path)
    row = store.add("job", {}, verb="play", state="queued")

    def change(name: str) -> None:
        for i in range(20):
            store.update("job", row["id"], **{name: i})

    threads = [threading.Thread(target=change, args=(f"key{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = store.get("job", row["id"])
    assert found is not None
    assert [found[f"key{i}"] for i in range(4)] == [19] * 4
    store.close()
