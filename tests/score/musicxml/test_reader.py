"""What MusicXML sounds like, by the values that its specification gives."""

from fractions import Fraction
from pathlib import Path

import pytest
from musicxml import FOUR_FOUR, barline, direction, note, notes, score, scores

from cambiata.errors import CambiataWarning, InputError
from cambiata.score.midi import Metre
from cambiata.score.musicxml import reader
from cambiata.score.notation import read, read_score
from cambiata.score.sheet import Sheet

UP, DOWN = "C4 D4 E4 F4", "C5 B4 A4 G4"
UP_PITCHES, DOWN_PITCHES = [60, 62, 64, 65], [72, 71, 69, 67]


def _read(folder: Path, text: str) -> Sheet:
    (folder / "a.musicxml").write_text(text)
    return read(folder / "a.musicxml")


def _pitches(sheet: Sheet, voice: int = 0) -> list[int]:
    return [tone.pitch for tone in sheet.voices[voice].tones]


@pytest.mark.parametrize(
    ("transpose", "fifths", "pitch", "key"),
    [
        ("<diatonic>-1</diatonic><chromatic>-2</chromatic>", 2, 58, "C"),  # clarinet in B flat
        ("<diatonic>-5</diatonic><chromatic>-9</chromatic>", 3, 51, "C"),  # alto saxophone
        ("<diatonic>2</diatonic><chromatic>3</chromatic>", 3, 63, "C"),  # clarinet in E flat
        ("<diatonic>-4</diatonic><chromatic>-7</chromatic>", 1, 53, "C"),  # horn in F
        ("<chromatic>-2</chromatic>", 4, 58, "D"),  # without steps
        ("<chromatic>0</chromatic><octave-change>-1</octave-change>", 4, 48, "E"),  # guitar
        (
            "<diatonic>-1</diatonic><chromatic>-2</chromatic><octave-change>-1</octave-change>",
            -3,
            46,
            "Db",
        ),  # bass clarinet
    ],
)
def test_instruments_sound_where_they_sound(
    tmp_path: Path, transpose: str, fifths: int, pitch: int, key: str
) -> None:
    attributes = (
        f"<attributes><divisions>2</divisions><key><fifths>{fifths}</fifths></key>"
        f"<transpose>{transpose}</transpose></attributes>"
    )
    sheet = _read(tmp_path, score(note("C4", 4), attributes=attributes))
    assert (_pitches(sheet), sheet.key) == ([pitch], key)


@pytest.mark.parametrize(
    ("bars", "order"),
    [
        ([notes(UP) + barline(repeat='direction="backward"'), notes(DOWN)], "UUD"),
        ([notes(UP) + barline(repeat='direction="backward" times="3"'), notes(DOWN)], "UUUD"),
        ([notes(UP) + barline(repeat='direction="backward" times="1"'), notes(DOWN)], "UD"),
        (
            [
                notes(UP),
                barline(begin=True, repeat='direction="forward"') + notes(DOWN),
                notes(UP) + barline(repeat='direction="backward"'),
            ],
            "UDUDU",
        ),
        (
            [
                notes(UP),
                barline(begin=True, ending='number="1, 2" type="start"')
                + notes(DOWN)
                + barline(ending='number="1, 2" type="stop"', repeat='direction="backward"'),
                barline(begin=True, ending='number="3" type="start"')
                + notes(UP)
                + barline(ending='number="3" type="discontinue"'),
                notes(DOWN),
            ],
            "UDUDUUD",
        ),
        (  # what follows an ending is in none
            [
                notes(UP)
                + barline(ending='number="1" type="start"').replace("right", "left")
                + barline(ending='number="1" type="stop"', repeat='direction="backward"'),
                barline(begin=True, ending='number="2" type="start"')
                + notes(DOWN)
                + barline(ending='number="2" type="discontinue"'),
                barline(begin=True, repeat='direction="forward"')
                + notes(UP)
                + barline(repeat='direction="backward"'),
            ],
            "UDUU",
        ),
        (
            [
                notes(UP) + direction("<words>Fine</words>", 'fine="yes"'),
                notes(DOWN),
                notes(UP) + direction("<words>D.C. al Fine</words>", 'dacapo="yes"'),
            ],
            "UDUU",
        ),
        (  # where nothing is said to programs, the words count
            [
                notes(UP) + direction("<words>Fine</words>"),
                notes(DOWN),
                notes(UP) + direction("<words>D.C. al Fine</words>"),
            ],
            "UDUU",
        ),
        (
            [
                notes(UP),
                direction("<segno/>", 'segno="1"') + notes(DOWN),
                notes(UP) + direction("<words>D.S.</words>", 'dalsegno="1"'),
            ],
            "UDUDU",
        ),
        (
            [
                notes(UP) + direction("<words>To Coda</words>", 'tocoda="1"'),
                notes(DOWN),
                notes(DOWN) + direction("<words>D.C. al Coda</words>", 'dacapo="yes"'),
                direction("<coda/>", 'coda="1"') + notes(UP),
            ],
            "UDDUU",
        ),
    ],
)
def test_repeats_are_written_out(tmp_path: Path, bars: list[str], order: str) -> None:
    pitches = [p for each in order for p in (UP_PITCHES if each == "U" else DOWN_PITCHES)]
    assert _pitches(_read(tmp_path, score(*bars))) == pitches


def test_signs_of_one_part_count_for_all(tmp_path: Path) -> None:
    parts = {
        "P1": [notes(UP) + barline(repeat='direction="backward"'), notes(DOWN)],
        "P2": [notes(DOWN), notes(UP)],
    }
    sheet = _read(tmp_path, scores(parts))
    assert _pitches(sheet, 0) == [*UP_PITCHES, *UP_PITCHES, *DOWN_PITCHES]
    assert _pitches(sheet, 1) == [*DOWN_PITCHES, *DOWN_PITCHES, *UP_PITCHES]


def test_dynamics_are_velocities(tmp_path: Path) -> None:
    """Of 90, says the specification of `sound dynamics`; a wedge leads from mark to mark."""
    sheet = _read(
        tmp_path,
        score(
            notes("C4")
            + direction("<dynamics><pp/></dynamics>")
            + notes("C4")
            + direction("<dynamics><ff/></dynamics>", 'dynamics="112"')
            + notes("C4")
            + note("C4").replace("<note>", '<note dynamics="50">'),
            direction("<dynamics><p/></dynamics>")
            + direction('<wedge type="crescendo"/>')
            + notes("C4 C4 C4 C4")
            + direction('<wedge type="stop"/>'),
            direction("<dynamics><f/></dynamics>") + notes("C4"),
        ),
    )
    velocities = [tone.velocity for tone in sheet.voices[0].tones]
    assert velocities == [100, 45, 101, 45, 60, 71, 82, 94, 105]


def test_a_wedge_without_a_mark_changes_by_a_step(tmp_path: Path) -> None:
    bar = direction("<dynamics><mf/></dynamics>") + direction('<wedge type="diminuendo"/>')
    sheet = _read(tmp_path, score(bar + notes("C4 C4 C4 C4") + direction('<wedge type="stop"/>')))
    assert [tone.velocity for tone in sheet.voices[0].tones] == [90, 86, 82, 79]
    again = direction('<wedge type="crescendo"/>') + notes("C4 C4 C4 C4")
    stop = direction('<wedge type="stop"/>')
    sheet = _read(tmp_path, score(bar + notes("C4 C4 C4 C4") + stop, again + stop))
    assert [tone.velocity for tone in sheet.voices[0].tones][4:] == [75, 79, 82, 86]


def test_tempos_are_followed(tmp_path: Path) -> None:
    mark = (
        "<metronome><beat-unit>quarter</beat-unit><beat-unit-dot/><per-minute>c. 40</per-minute>"
        "</metronome>"
    )
    text = score(
        direction("<words>slow</words>", 'tempo="60"') + notes(UP), direction(mark) + notes(UP)
    )
    sheet = _read(tmp_path, text)
    assert (sheet.qpm, sheet.tempos) == (60, ((Fraction(4), 60.0),))
    fast = _read(tmp_path, text.replace("c. 40", "80"))
    assert fast.tempos == ((Fraction(4), 120.0),)
    assert fast.to_score().end_s == pytest.approx(4 + 2)
    assert read_score(tmp_path / "a.musicxml").end_s == pytest.approx(4 + 2)


def test_a_change_of_metre_is_said(tmp_path: Path) -> None:
    three = "<attributes><time><beats>3</beats><beat-type>4</beat-type></time></attributes>"
    with pytest.warns(CambiataWarning, match="changes its metre; read as if it did not"):
        sheet = _read(tmp_path, score(notes(UP), three + notes("C4 D4 E4"), notes("C4 D4 E4")))
    assert sheet.metre == Metre(3, 4)
    clock = read_score(tmp_path / "a.musicxml").clock
    assert clock.metres == ((0.0, Metre(4, 4)), (4.0, Metre(3, 4)))


@pytest.mark.parametrize(
    ("time", "metre"),
    [
        ("<beats>3+2</beats><beat-type>8</beat-type>", Metre(5, 8)),
        (
            "<beats>2</beats><beat-type>4</beat-type><beats>3</beats><beat-type>8</beat-type>",
            Metre(7, 8),
        ),
    ],
)
def test_added_metres_are_counted(tmp_path: Path, time: str, metre: Metre) -> None:
    attributes = f"<attributes><divisions>2</divisions><time>{time}</time></attributes>"
    sheet = _read(tmp_path, score(notes(UP), notes(UP), attributes=attributes))
    assert sheet.metre == metre


def test_a_pickup_is_found(tmp_path: Path) -> None:
    sheet = _read(tmp_path, score(notes("G4"), notes(UP), notes("C4 D4 E4")))
    assert (sheet.pickup, sheet.n_bars) == (1, 2)


def test_grace_and_cue_notes_are_silent(tmp_path: Path) -> None:
    grace = "<note><grace/><pitch><step>B</step><octave>4</octave></pitch></note>"
    bar = grace + note("C4") + note("D4", before="<cue/>") + notes("E4 F4")
    tones = _read(tmp_path, score(bar)).voices[0].tones
    assert [(tone.start, tone.pitch) for tone in tones] == [(0, 60), (2, 64), (3, 65)]


def test_ties_are_one_tone_through_bars_voices_and_chords(tmp_path: Path) -> None:
    start, stop = '<tie type="start"/>', '<tie type="stop"/>'
    first = (
        note("C4", 4, start)
        + note("E4", 4, start, before="<chord/>")
        + "<backup><duration>8</duration></backup>"
        + notes("C5 C5 C5")
        + note("C5", 1, '<notations><tied type="start"/></notations>')
    )
    second = (
        note("C4", 2, stop)
        + note("E4", 2, before="<chord/>")
        + note("C4", 1)  # struck again
        + "<backup><duration>6</duration></backup>"
        + note("C5", 2)
    )
    tones = _read(tmp_path, score(first, second)).voices[0].tones
    found = [(float(tone.start), float(tone.length), tone.pitch) for tone in tones]
    assert [each for each in found if each[2] == 60] == [(0, 6, 60), (6, 1, 60)]
    assert [each for each in found if each[2] == 64] == [(0, 6, 64)]
    assert [each for each in found if each[2] == 72][3:] == [(3, 3, 72)]


def test_staves_are_voices_and_unpitched_parts_are_drums(tmp_path: Path) -> None:
    second = "<staff>2</staff>"
    piano = notes(UP) + "<backup><duration>8</duration></backup>" + note("C3", 4, second)
    beat = (
        "<note><unpitched><display-step>E</display-step><display-octave>4</display-octave>"
        '</unpitched><duration>8</duration><instrument id="P2-I42"/></note>'
    )
    listed = (
        "<part-name>Kit</part-name><midi-instrument id='P2-I42'><midi-channel>10</midi-channel>"
        "<midi-unpitched>43</midi-unpitched></midi-instrument>"
    )
    text = scores({"P1": [piano], "P2": [beat]}).replace("<part-name>P2</part-name>", listed)
    sheet = _read(tmp_path, text)
    assert [_pitches(sheet, i) for i in range(len(sheet.voices))] == [UP_PITCHES, [48]]
    drums = read_score(tmp_path / "a.musicxml").parts[-1]
    assert (drums.is_drum, drums.notes[0].pitch, drums.name) == (True, 42, "Kit")


def test_beats_in_a_part_with_pitches_are_left_out(tmp_path: Path) -> None:
    beat = "<note><unpitched/><duration>2</duration></note>"
    assert _pitches(_read(tmp_path, score(notes("C4 D4") + beat + notes("F4")))) == [60, 62, 65]


def test_the_pedal_holds_notes(tmp_path: Path) -> None:
    pedal = direction('<pedal type="start"/>') + notes("C4 r r") + direction('<pedal type="stop"/>')
    (tmp_path / "a.musicxml").write_text(score(pedal + notes("r")))
    assert read_score(tmp_path / "a.musicxml").notes[0].end_s == pytest.approx(1.5)
    assert read_score(tmp_path / "a.musicxml", keys=True).notes[0].end_s == pytest.approx(0.5)


def test_bars_of_nothing_last_as_long_as_others(tmp_path: Path) -> None:
    repeat = '<attributes><measure-style><measure-repeat type="start">1</measure-repeat>'
    stop = '<attributes><measure-style><measure-repeat type="stop"/>'
    end = "</measure-style></attributes>"
    sheet = _read(
        tmp_path,
        score(
            notes(UP),
            '<note><rest measure="yes"/></note>',
            "",
            notes(DOWN),
            repeat + end,
            stop + end + notes(UP),
        ),
    )
    starts = [tone.start for tone in sheet.voices[0].tones]
    assert starts == [*range(4), *range(12, 24)]
    assert _pitches(sheet)[4:] == [*DOWN_PITCHES, *DOWN_PITCHES, *UP_PITCHES]


def test_triplets_are_thirds_in_any_divisions(tmp_path: Path) -> None:
    triplet = (
        "<type>eighth</type><time-modification><actual-notes>3</actual-notes>"
        "<normal-notes>2</normal-notes></time-modification>"
    )
    third = note("E4", inside=triplet).replace("<duration>2<", "<duration>341<")
    fine = "<attributes><divisions>1024</divisions></attributes>"
    tones = _read(tmp_path, score(fine + third * 6)).voices[0].tones
    assert [tone.start for tone in tones] == [Fraction(i, 3) for i in range(6)]


def test_rests_do_not_lengthen_a_bar_but_notes_do(tmp_path: Path) -> None:
    sheet = _read(
        tmp_path, score(notes("C4 D4 E4") + note("r", 2), notes("C4 D4 E4 F4 G4"), notes(UP))
    )
    starts = [tone.start for tone in sheet.voices[0].tones]
    assert starts == [0, 1, 2, *range(4, 13)]


def test_title_composer_names_and_programs_are_known(tmp_path: Path) -> None:
    head = (
        "<work><work-title>Air\n in\x85 D</work-title></work><identification>"
        "<creator type='lyricist'>X</creator><creator type='composer'>J. Field</creator>"
        "</identification>"
    )
    part = (
        "<part-name>Viola</part-name><midi-instrument id='i'><midi-program>42</midi-program>"
        "</midi-instrument>"
    )
    sheet = _read(tmp_path, score(notes(UP), head=head, part=part))
    assert (sheet.title, sheet.composer) == ("Air in D", "J. Field")
    assert (sheet.voices[0].name, sheet.voices[0].program) == ("Viola", 41)
    assert sheet.name == f"{tmp_path / 'a.musicxml'} (Air in D)"


def test_lengths_need_no_duration_and_any_divisions(tmp_path: Path) -> None:
    typed = (
        "<note><pitch><step>C</step><octave>4</octave></pitch><type>quarter</type><dot/></note>"
        "<note><pitch><step>D</step><octave>4</octave></pitch><type>eighth</type></note>"
    )
    third = note("E4").replace("<duration>2<", "<duration>3360<")
    fine = "<attributes><divisions>10080</divisions></attributes>"
    tones = _read(tmp_path, score(typed + fine + third * 6)).voices[0].tones
    assert [tone.length for tone in tones] == [Fraction(3, 2), Fraction(1, 2)] + 6 * [
        Fraction(1, 3)
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<museScore/>", r"is XML, but no score \(it begins with <museScore>\)"),
        ("<score-partwise></score>", "is not readable as MusicXML .line 1: mismatched tag"),
        ("<!DOCTYPE s [<!ENTITY a 'b'>]><score-partwise/>", "declares entities"),
        (score(*[""] * 3), "has no notes; choose a score that plays something"),
        (
            score(*[notes(UP) + barline(repeat='direction="backward" times="64"')] * 2000),
            "repeats so often that it would never end",
        ),
        ("<score-partwise>" + "<a>" * 101, "is nested too deeply"),
    ],
)
def test_what_is_no_score_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        _read(tmp_path, text)


def test_damaged_numbers_harm_nothing_else(tmp_path: Path) -> None:
    damaged = (
        note("C4", inside="<staff>x</staff>")
        + note("D4").replace("<octave>4<", "<octave>99<")
        + note("E4").replace("<duration>2<", "<duration>-2<")
        + note("F4").replace("<step>F<", "<step>?<")
        + direction("<dynamics><p/></dynamics>", 'tempo="nan" dynamics="loud"')
        + '<backup><duration>1e99</duration></backup><barline><repeat times="a"/></barline>'
    )
    sheet = _read(tmp_path, score(damaged, notes(UP), attributes=FOUR_FOUR))
    assert sheet.voices[0].tones[0].pitch == 60
    assert _pitches(sheet)[-4:] == UP_PITCHES


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
