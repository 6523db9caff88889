"""Inputs: folders and patterns in order, tables with their mistakes named."""

from pathlib import Path

import pytest

from cambiata.batches.inputs import expand, is_table, read_table
from cambiata.errors import InputError


def test_folders_and_patterns_give_their_files_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("x/b.wav", "x/a.WAV", "x/.c.wav", "x/d.txt", "x/y/e.wav", "[odd].wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert expand(["x"], (".wav",)) == ["x/a.WAV", "x/b.wav"]
    assert expand(["x/b.wav", "x"], (".wav",)) == ["x/b.wav", "x/a.WAV"]
    assert expand(["x/**/*.wav"], ()) == ["x/b.wav", "x/y/e.wav"]
    assert expand(["[odd].wav", "gone.wav"], ()) == ["[odd].wav", "gone.wav"]
    with pytest.raises(InputError, match="x/y: is a folder without sound files"):
        expand(["x/y"], (".mp3",))


def test_a_table_is_a_csv_file_alone() -> None:
    assert is_table(["rows.CSV"])
    assert not is_table(["a.csv", "b.csv"])
    assert not is_table(["a.wav"])


def test_a_table_has_a_row_an_item(tmp_path: Path) -> None:
    place = tmp_path / "rows.csv"
    place.write_text('\ufeffcontent,style\n"a, b.wav",\u00e9.wav\n', "utf-8")
    assert read_table(str(place)) == [{"content": "a, b.wav", "style": "\u00e9.wav"}]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"content,style\na,b,c\n", "row 1 has more or fewer cells"),
        (b"content,style\na,b\na\n", "row 2 has more or fewer cells"),
        (b"content,style\n", "holds no rows"),
        (b"", "holds no rows"),
        (b"content\n\xe9\n", "is not text in UTF-8"),
        (b'content\n"a', "is not a CSV file"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "rows.csv").write_bytes(data)
    with pytest.raises(InputError, match=message):
        read_table(str(tmp_path / "rows.csv"))
