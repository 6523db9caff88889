"""Scores that are larger than any music: refused in time, at their limits."""

from pathlib import Path

import pytest
from musicxml import notes, score

from cambiata.errors import InputError
from cambiata.score.musicxml import reader
from cambiata.score.notation import read_score


@pytest.mark.parametrize(
    ("limit", "match"),
    [("_MOST_NOTES", "has more than 11 notes"), ("_MOST_MEASURES", "has more than 11 measures")],
)
def test_notes_and_measures_are_counted_over_all_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, match: str
) -> None:
    measures = 12 * [notes("C4")] if limit == "_MOST_MEASURES" else 3 * [notes("C4 D4 E4 F4")]
    place = tmp_path / "a.musicxml"
    place.write_text(score(*measures), "utf-8")
    assert len(read_score(place)) == 12
    monkeypatch.setattr(reader, limit, 11)
    with pytest.raises(InputError, match=match):
        read_score(place)
