"""Piano rolls as pictures: rows, colours, bars, and that they are well-formed."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from cambiata.errors import InputError
from cambiata.score.midi import Clock, Metre, Note, Part, Score
from cambiata.score.pictures import draw_rolls

BEFORE = Score((Part((Note(0.0, 0.5, 60), Note(0.5, 1.0, 64))),))
AFTER = Score((Part((Note(0.001, 0.5, 60), Note(0.5, 1.0, 67))),))
SVG = "{http://www.w3.org/2000/svg}"


def _drawn(path: Path, scores: dict[str, Score], title: str = "") -> ET.Element:
    draw_rolls(scores, path, title=title)
    return ET.parse(path).getroot()


def _notes(picture: ET.Element) -> list[tuple[str, str]]:
    """Name and colour of each note drawn."""
    rects = [rect for rect in picture.iter(f"{SVG}rect") if rect.find(f"{SVG}title") is not None]
    return [(str(rect.findtext(f"{SVG}title")), rect.attrib["fill"]) for rect in rects]


def test_notes_that_were_not_there_before_have_another_colour(tmp_path: Path) -> None:
    notes = _notes(_drawn(tmp_path / "a.svg", {"before": BEFORE, "after": AFTER}))
    assert [name for name, _ in notes] == ["C4", "E4", "C4", "G4"]
    (_, unchanged), (_, also), (_, near), (_, changed) = notes
    assert unchanged == also == near != changed


def test_titles_and_labels_are_escaped(tmp_path: Path) -> None:
    texts = [
        text.text
        for text in _drawn(tmp_path / "a.svg", {"a < b": BEFORE}, "x & y").iter(f"{SVG}text")
    ]
    assert texts[:2] == ["x & y", "a < b"]
    assert texts[2:] == ["C4"]  # the only C among the rows


def test_drums_have_a_row_for_each_that_is_struck(tmp_path: Path) -> None:
    drums = Score((Part((Note(0.0, 0.1, 36), Note(0.5, 0.6, 51)), is_drum=True),))
    texts = [text.text for text in _drawn(tmp_path / "a.svg", {"beat": drums}).iter(f"{SVG}text")]
    assert texts[-2:] == ["kick", "ride"]


def test_bar_lines_follow_the_metre(tmp_path: Path) -> None:
    clock = Clock(((0.0, 60.0),), ((0.0, Metre(3, 4)),))
    score = Score((Part((Note(0.0, 9.0, 60),)),), clock=clock)
    lines = list(_drawn(tmp_path / "a.svg", {"": score}).iter(f"{SVG}line"))
    assert len(lines) == 3  # at 0, 3 and 6 s


def test_nothing_to_draw_is_a_picture_too(tmp_path: Path) -> None:
    assert not _notes(_drawn(tmp_path / "a.svg", {}))


def test_a_picture_that_is_there_is_replaced_only_by_force(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_text("before")
    with pytest.raises(InputError, match="exists; choose another name, or replace it"):
        draw_rolls({}, tmp_path / "a.svg")
    draw_rolls({}, tmp_path / "a.svg", force=True)
    assert (tmp_path / "a.svg").read_text().startswith("<svg")
