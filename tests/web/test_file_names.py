"""Names that people and browsers send become names of files, and nothing else."""

from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cambiata.web.file_names import distinct, extension_of, safe_name


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../x", "x.wav"),
        ("..", "sound.wav"),
        ("/etc/passwd", "passwd.wav"),
        ("C:\\Windows\\win.ini", "win.wav"),
        ("a/../b.wav", "b.wav"),
        ("--force", "force.wav"),
        ("-", "sound.wav"),
        ("a b.wav", "a b.wav"),
        ("Lied für Élise.MP3", "Lied für Élise.wav"),
        ("<script>alert(1)</script>.wav", "script.wav"),
        ("a\nb\r\0.wav", "ab.wav"),
        ("$(reboot).wav", "reboot.wav"),
        ("con.wav", "sound.wav"),
        ("v1.2 final", "v1.2 final.wav"),
        ("piano-F#3_v96.flac", "piano-F#3_v96.wav"),  # the note by its name
    ],
)
def test_safe_name(name: str, safe: str) -> None:
    assert safe_name(name, ".wav") == safe


@given(st.text(max_size=300))
def test_no_name_leaves_its_folder(name: str) -> None:
    safe = safe_name(name, ".wav")
    assert PurePosixPath(safe).name == PureWindowsPath(safe).name == safe
    assert safe.endswith(".wav")
    assert safe[0] not in ".-"
    assert safe.isprintable()
    assert len(safe.encode()) <= 255 + 80
    assert safe_name(safe, ".wav") == safe


def test_distinct_names_differ_on_any_file_system() -> None:
    taken: set[str] = set()
    names = [distinct(name, taken) for name in ("a.wav", "A.wav", "a.wav")]
    assert len({name.lower() for name in names}) == 3


EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("name", ["trumpet.ogg", "cello.flac", "tune.mid"])
def test_content_decides_whatever_the_name(name: str) -> None:
    head = (EXAMPLES / name).read_bytes()[:512]
    assert extension_of(head, "misnamed.xml") == Path(name).suffix


@pytest.mark.parametrize(
    ("head", "name", "extension"),
    [
        (b"X:1\nT:Tune\nK:D\n", "tune.txt", ".abc"),
        (b"% a comment\nX:1\n", "", ".abc"),
        (b'<?xml version="1.0"?><score-partwise>', "a.wav", ".musicxml"),
        (b"PK\x03\x04", "a.mxl", ".mxl"),
        (b"\x00\x00\x00\x20ftypM4A ", "", ".m4a"),
        (b"nothing at all", "a.exe", ".exe"),
        (b"\x00\x01", "../x", ".bin"),
    ],
)
def test_extension_of_other_kinds(head: bytes, name: str, extension: str) -> None:
    assert extension_of(head, name) == extension
