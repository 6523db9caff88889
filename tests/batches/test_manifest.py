"""The manifest: what is written is read, whole at any time, never in the place of another table."""

from pathlib import Path

import pytest

from cambiata.batches.manifest import BatchItem, Manifest
from cambiata.errors import InputError


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    item = BatchItem(
        *('a "b", c\n.wav', "\udce9.wav", "done", 1.25, "one; two"),
        *("transfer", {"to": {"x": 0.5}}, {"a": "0"}, "1", "0.2"),
    )
    other = BatchItem("d.wav", "e.wav")
    first = Manifest(tmp_path / "run.csv")
    first.put(item)
    first.put(other)
    first.save()
    again = Manifest(tmp_path / "run.csv")
    assert list(again.before.values()) == [item, other]
    assert again.items == []
    again.save()  # of no item of its own: all rows stay
    assert list(Manifest(tmp_path / "run.csv").before.values()) == [item, other]


def test_it_is_rewritten_seldom_unless_at_an_end(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path / "run.csv")
    manifest.save()
    manifest.put(BatchItem("a", "b"))
    manifest.save(now=False)
    assert "a,b" not in (tmp_path / "run.csv").read_text()
    manifest.save()
    assert "a,b" in (tmp_path / "run.csv").read_text()


@pytest.mark.parametrize("text", ["", "name\nviolin\n", "input,output\n"])
def test_another_table_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.csv").write_text(text)
    with pytest.raises(InputError, match=r"run\.csv: (is not a manifest|holds no rows)"):
        Manifest(tmp_path / "run.csv")
