"""The checker against worksheets that were marked by hand before it was written."""

from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from sheets import cantus, sheet, worksheets

from cambiata.counterpoint.api import CheckReport, check, check_file
from cambiata.counterpoint.rules import RULES
from cambiata.errors import InputError
from cambiata.score.notation import write
from cambiata.score.sheet import Sheet, Tone, Voice

DOCUMENT = Path(__file__).parents[2] / "docs" / "counterpoint.md"


@pytest.mark.parametrize("data", worksheets(), ids=lambda data: data["name"])
def test_worksheets_are_marked_as_by_hand(data: dict[str, Any]) -> None:
    found = check(sheet(data))
    marks = {(mark["bar"], mark["rule"]) for mark in data["marks"]}
    assert {(breach.bar, breach.rule) for breach in found.breaches} == marks
    assert (found.species, found.position) == (data["species"], data["position"])
    assert found.voices == len(data["counterpoints"]) + 1
    assert found.is_correct == (not marks)


def test_there_are_worksheets_of_every_kind() -> None:
    every = worksheets()
    assert len(every) >= 30
    assert {data["species"] for data in every} == {1, 2, 3, 4, 5}
    assert {data["position"] for data in every} == {"above", "below"}
    assert sum(not data["marks"] for data in every) >= 10
    assert sum(len(data["counterpoints"]) == 2 for data in every) >= 3


def test_every_rule_is_in_the_document() -> None:
    text = DOCUMENT.read_text()
    for rule in RULES:
        name = "parallel-*" if rule.name.startswith("parallel") else rule.name
        assert f"`{rule.name}`" in text or f"`{name}`" in text
    assert {rule.name for rule in RULES} >= {
        mark["rule"] for data in worksheets() for mark in data["marks"]
    }


@pytest.mark.parametrize("shift", [-5, 3, 6])
@pytest.mark.parametrize("data", worksheets()[:12:3], ids=lambda data: data["name"])
def test_transposing_changes_no_mark(data: dict[str, Any], shift: int) -> None:
    plain = check(sheet(data))
    moved = check(_transposed(sheet(data), shift))
    assert [(b.bar, b.rule) for b in moved.breaches] == [(b.bar, b.rule) for b in plain.breaches]
    if shift == 3:
        assert moved.mode.split()[0] != plain.mode.split()[0]


def _transposed(old: Sheet, semitones: int) -> Sheet:
    voices = tuple(
        replace(v, tones=tuple(replace(t, pitch=t.pitch + semitones) for t in v.tones))
        for v in old.voices
    )
    # The signature of the modes on white notes, moved.
    keys = {-5: "G", 3: "Eb", 6: "F#"}
    return replace(old, voices=voices, key=keys[semitones])


def test_any_note_value_may_be_a_bar() -> None:
    data = worksheets()[5]
    halved = replace(
        sheet(data),
        voices=tuple(
            replace(v, tones=tuple(Tone(t.start / 4, t.length / 4, t.pitch) for t in v.tones))
            for v in sheet(data).voices
        ),
    )
    assert check(halved).breaches == check(sheet(data)).breaches


def test_words_say_what_and_where() -> None:
    data = next(d for d in worksheets() if d["name"] == "first-parallel-fifths")
    (breach,) = check(sheet(data)).breaches
    assert str(breach) == ("bar 3: parallel-fifths: F4-C5 to E4-B4 between cantus and counterpoint")
    assert asdict(check(sheet(data)))["breaches"][0]["bar"] == 3


def test_names_do_not_matter_where_the_cantus_is_plain() -> None:
    for data in worksheets():
        if data["species"] > 1:
            unnamed = sheet(data)
            voices = tuple(replace(v, name="") for v in unnamed.voices)
            assert check(replace(unnamed, voices=voices)).breaches == check(unnamed).breaches


def test_files_are_checked(tmp_path: Path) -> None:
    data = next(d for d in worksheets() if d["name"] == "fourth-resolved-upwards")
    path = tmp_path / "sheet.mid"
    write(sheet(data), path)
    found = check_file(path)
    assert isinstance(found, CheckReport)
    assert [(b.bar, b.rule) for b in found.breaches] == [(5, "resolution")]


def test_a_worksheet_has_two_or_three_voices() -> None:
    alone = cantus("D4 F4 E4 D4 E4 D4")
    with pytest.raises(InputError, match="has 1 voice; give a cantus and one or two"):
        check(alone)
    with pytest.raises(InputError, match="has 4 voices"):
        check(replace(alone, voices=alone.voices * 4))


def test_chords_in_a_voice_are_refused() -> None:
    alone = cantus("D4 F4 E4 D4 E4 D4")
    tone = alone.voices[0].tones[0]
    chords = Voice((tone, replace(tone, pitch=tone.pitch + 4), *alone.voices[0].tones[1:]), "x")
    with pytest.raises(InputError, match="x sounds several notes at once"):
        check(replace(alone, voices=(chords, *alone.voices)))


def test_no_cantus_is_refused() -> None:
    tones = (Tone(Fraction(0), Fraction(1), 60), Tone(Fraction(1), Fraction(2), 62))
    uneven = Voice((*tones, Tone(Fraction(3), Fraction(1), 60)))
    with pytest.raises(InputError, match="no voice has notes of one length"):
        check(Sheet((uneven, uneven)))


def test_options_out_of_range_are_refused() -> None:
    data = worksheets()[0]
    with pytest.raises(InputError, match="species 7"):
        check(sheet(data), species=7)
    with pytest.raises(InputError, match="position left"):
        check(sheet(data), position="left")
