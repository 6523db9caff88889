"""Charsets that files name: known ones are used, none takes the reader down or makes it wait."""

from pathlib import Path

import pytest

import cambiata
from cambiata.score.charsets import decode_first

ABC = "X:1\n%%abc-charset {}\nT:caf\u00e9\nL:1/4\nK:C\nCDEF|\n"
MUSICXML = (
    '<?xml version="1.0" encoding="{}"?><score-partwise><part-list><score-part id="P1">'
    '<part-name>caf\u00e9</part-name></score-part></part-list><part id="P1"><measure><note><pitch>'
    "<step>C</step><octave>4</octave></pitch><duration>1</duration></note></measure></part></score-partwise>"
)


@pytest.mark.parametrize("charset", ["latin-1", "undefined", "punycode", "idna", "hex", "klingon"])
@pytest.mark.parametrize(("name", "text"), [("a.abc", ABC), ("a.musicxml", MUSICXML)])
def test_a_score_is_read_whatever_charset_it_names(
    tmp_path: Path, name: str, text: str, charset: str
) -> None:
    (tmp_path / name).write_bytes(text.format(charset).encode("latin-1"))
    assert cambiata.load_score(tmp_path / name).parts[0].notes[0].pitch == 60
    sheet = cambiata.load_sheet(tmp_path / name)
    assert "caf\u00e9" in (sheet.title, sheet.voices[0].name)


def test_codecs_that_are_not_for_files_are_passed_over() -> None:
    # That of domain names takes two minutes for two megabytes.
    assert b"a-".decode("punycode") == "a"
    assert decode_first(b"a-", ["punycode"]) is None
    assert decode_first(b"a-", ["undefined", "punycode", "a\0b", "ascii"]) == "a-"
    assert decode_first(b"\xff", ["ascii"]) is None
