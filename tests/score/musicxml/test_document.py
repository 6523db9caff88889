"""MusicXML's files: packed, in any encoding, by part or by time."""

import zipfile
from pathlib import Path

import pytest
from musicxml import notes, score

from cambiata.errors import InputError
from cambiata.score.notation import read

TEXT = score(notes("C4 D4 E4 F4"), part="<part-name>Flöte</part-name>")
CONTAINER = (
    '<?xml version="1.0"?><container><rootfiles><rootfile full-path="music/score.xml"/>'
    '<rootfile full-path="score.pdf" media-type="application/pdf"/></rootfiles></container>'
)


def _name(path: Path) -> str:
    return read(path).voices[0].name


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("UTF-8", "utf-8"),
        ("UTF-8", "utf-8-sig"),
        ("UTF-16", "utf-16"),
        ("ISO-8859-1", "latin-1"),
        ("windows-1252", "cp1252"),
        ("IBM850", "cp850"),
        ("UTF-16", "utf-16-le"),
        ("UTF-16", "utf-16-be"),
        ("UTF-16", "utf-8"),  # which is not so
        ("UTF-8", "latin-1"),  # nor this
        ("nonsense", "utf-8"),
    ],
)
def test_encodings_are_read_as_declared(tmp_path: Path, declared: str, encoding: str) -> None:
    data = TEXT.replace("UTF-8", declared, 1).encode(encoding)
    (tmp_path / "a.xml").write_bytes(data)
    assert _name(tmp_path / "a.xml") == "Flöte"


def _pack(path: Path, files: dict[str, str]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)


@pytest.mark.parametrize(
    "files",
    [
        {
            "a.xml": "<other/>",
            "META-INF/container.xml": CONTAINER,
            "music/score.xml": TEXT,
            "score.pdf": "",
        },
        {"__MACOSX/._b.xml": "\0\1", "b.xml": TEXT},  # without a container
        {"META-INF/container.xml": "<container/>", ".hidden.xml": "", "b.musicxml": TEXT},
    ],
)
def test_the_container_names_the_score(tmp_path: Path, files: dict[str, str]) -> None:
    _pack(tmp_path / "a.mxl", files)
    assert _name(tmp_path / "a.mxl") == "Flöte"


def test_what_is_packed_is_known_by_its_content(tmp_path: Path) -> None:
    _pack(tmp_path / "a.musicxml", {"b.xml": TEXT})
    (tmp_path / "b.mxl").write_text(TEXT)
    assert _name(tmp_path / "a.musicxml") == _name(tmp_path / "b.mxl") == "Flöte"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"PK\3\4" + bytes(50), "is packed, and cannot be unpacked; export it again"),
        (b"", "is not readable as MusicXML"),
    ],
)
def test_damaged_packs_are_refused(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "a.mxl").write_bytes(data)
    with pytest.raises(InputError, match=message):
        read(tmp_path / "a.mxl")


def test_a_pack_without_a_score_is_refused(tmp_path: Path) -> None:
    _pack(tmp_path / "a.mxl", {"readme.txt": "x"})
    with pytest.raises(InputError, match="holds no score"):
        read(tmp_path / "a.mxl")


def test_scores_by_time_are_scores(tmp_path: Path) -> None:
    body = TEXT.replace('<part id="P1"><measure number="1">', '<measure number="1"><part id="P1">')
    body = body.replace("</measure></part>", "</part></measure>").replace("partwise", "timewise")
    (tmp_path / "a.xml").write_text(body)
    assert [tone.pitch for tone in read(tmp_path / "a.xml").voices[0].tones] == [60, 62, 64, 65]


def test_names_with_prefixes_and_doctypes_are_read(tmp_path: Path) -> None:
    doctype = (
        '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" '
        '"http://nowhere.invalid/partwise.dtd">\n<score-partwise'
    )
    (tmp_path / "a.xml").write_text("\n" + TEXT.replace("<score-partwise", doctype, 1))
    assert _name(tmp_path / "a.xml") == "Flöte"
