"""Written MusicXML: read back, by music21 and by Verovio where they are installed."""

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cambiata.score.midi import Metre
from cambiata.score.musicxml.lengths import split_length
from cambiata.score.musicxml.reader import parse_musicxml
from cambiata.score.musicxml.writer import musicxml_of
from cambiata.score.notation import read, write
from cambiata.score.sheet import Remark, Sheet, Tone, Voice
from cambiata.score.spelling import alteration, key_fifths, key_name, spell

ABC = """X:1
T:The Fair
C:Anon.
M:2/4
L:1/8
Q:1/4=90
K:D
d|:d2 fa|g2 f2|1 e2 A2:|2 e2 d2||!segno!(3abc' a2|e4!D.S.!|]
"""


def _tones(*tones: tuple[float, float, int]) -> tuple[Tone, ...]:
    return tuple(Tone(Fraction(a), Fraction(b), pitch) for a, b, pitch in tones)


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(1, 60), st.integers(30, 90), st.integers(1, 127)),
        min_size=1,
        max_size=20,
    ),
    st.sampled_from([Metre(4, 4), Metre(3, 4), Metre(6, 8), Metre(5, 8)]),
    st.integers(0, 20),
    st.sampled_from(["", "C", "F#m", "Ab", "Cb", "A#m"]),
)
@settings(max_examples=15, deadline=None)
def test_what_is_written_is_what_is_read(
    steps: list[tuple[int, int, int, int]], metre: Metre, pickup: int, key: str
) -> None:
    at, tones = 0, []
    for rest, length, pitch, velocity in steps:
        at += rest if rest > 8 else 0
        tones.append(Tone(Fraction(at, 24), Fraction(length, 24), pitch, velocity))
        at += length if rest % 3 else 0  # now and then a chord, or notes that overlap
    one_of_each = {(tone.start, tone.pitch): tone for tone in tones}
    kept: list[Tone] = []
    for tone in sorted(one_of_each.values()):
        same = [each for each in kept if each.pitch == tone.pitch and each.end >= tone.start]
        if not same:  # two of a pitch at once are one in any score
            kept.append(tone)
    begin = Fraction(pickup, 24) % metre.bar
    if kept[-1].end <= begin:
        begin = Fraction(0)  # a first bar alone is no pickup
    sheet = Sheet((Voice(tuple(kept)),), metre, key, 97.0, begin)
    found = parse_musicxml(musicxml_of(sheet), "a")
    read_back = [(n.start, n.length, n.pitch, n.velocity) for n in found.voices[0].notes]
    assert read_back == [(t.start, t.length, t.pitch, t.velocity) for t in sorted(kept)]
    assert (found.main_metre, found.key, found.pickup) == (metre, key, begin)


def test_repeats_title_composer_and_names_are_kept(tmp_path: Path) -> None:
    (tmp_path / "a.abc").write_text(ABC)
    sheet = read(tmp_path / "a.abc")
    sheet = replace(sheet, voices=(replace(sheet.voices[0], name="Fiddle", program=40),))
    write(sheet, tmp_path / "b.musicxml")
    text = (tmp_path / "b.musicxml").read_text()
    again = read(tmp_path / "b.musicxml")
    assert again.voices == sheet.voices
    assert (again.title, again.composer) == ("The Fair", "Anon.")
    assert (again.qpm, again.pickup, again.form) == (90, Fraction(1, 2), again.form)
    assert text.count("<measure ") == 7  # not the twelve that are played
    assert '<ending number="1" type="start" />' in text
    assert 'dalsegno="segno"' in text
    assert re.search(r'number="0"|number="X?\d', text)


def test_what_is_not_alike_each_time_is_written_out(tmp_path: Path) -> None:
    (tmp_path / "a.abc").write_text("X:1\nM:2/4\nL:1/4\nK:C\n|:CD|EF:|\n")
    sheet = read(tmp_path / "a.abc")
    tones = sheet.voices[0].tones
    changed = replace(sheet, voices=(Voice((*tones[:-1], replace(tones[-1], pitch=64))),))
    for each, n_bars in ((sheet, 2), (changed, 4)):
        root = ElementTree.fromstring(musicxml_of(each))
        assert len(root.findall("./part/measure")) == n_bars
    # Every repeat has the sign that it goes back to, which other programs look for.
    parted = "X:1\nM:2/4\nL:1/4\nK:C\nCD:|EF:|\n"
    (tmp_path / "a.abc").write_text(parted)
    assert musicxml_of(read(tmp_path / "a.abc")).count(b'direction="forward"') == 1
    found = parse_musicxml(musicxml_of(changed), "a").voices[0].notes
    assert [note.pitch for note in found][-2:] == [64, 64]


def test_tones_over_bar_lines_are_tied_to_hear_and_to_see() -> None:
    text = musicxml_of(Sheet((Voice(_tones((2, 4, 60))),))).decode()
    for kind in ("start", "stop"):
        assert text.count(f'<tie type="{kind}" />') == text.count(f'<tied type="{kind}" />') == 1


def test_tuplets_end_with_their_beat() -> None:
    third = Fraction(1, 3)
    values = split_length(third, Fraction(1))
    assert [(v.length, v.name, v.actual) for v in values] == [
        (2 * third, "quarter", 3),
        (third, "eighth", 3),
    ]
    assert [v.n_dots for v in split_length(Fraction(0), Fraction(7, 2))] == [2]


def test_tempo_changes_are_written(tmp_path: Path) -> None:
    tones = _tones((0, 4, 60), (4, 4, 62))
    sheet = Sheet((Voice(tones),), qpm=60.0, tempos=((Fraction(5), 144.5),))
    write(sheet, tmp_path / "a.musicxml")
    assert read(tmp_path / "a.musicxml").tempos == sheet.tempos


def test_remarks_stand_where_they_belong() -> None:
    tones = _tones((0, 4, 60), (4, 4, 62))
    text = musicxml_of(Sheet((Voice(tones),)), [Remark(Fraction(4), "too <low>")])
    second = ElementTree.fromstring(text).findall("./part/measure")[1]
    (words,) = second.findall("./direction/direction-type/words")
    assert (words.text, words.get("color")) == ("too <low>", "#C0392B")


def test_packed_scores_are_the_same_bytes(tmp_path: Path) -> None:
    sheet = Sheet((Voice(_tones((0, 4, 60))),))
    for name in ("a.mxl", "b.mxl"):
        write(sheet, tmp_path / name)
    assert (tmp_path / "a.mxl").read_bytes() == (tmp_path / "b.mxl").read_bytes()


def test_music21_reads_the_same(tmp_path: Path) -> None:
    music21 = pytest.importorskip("music21")
    tones = _tones((0, 1.5, 60), (0, 1.5, 64), (1.5, 0.25, 63), (2, 5, 66), (3, 1, 50))
    third = Fraction(1, 3)
    triplet = tuple(Tone(7 + i * third, third, 70 + i) for i in range(3))
    write(Sheet((Voice((*tones, *triplet)),), key="Eb"), tmp_path / "a.musicxml")
    flat = music21.converter.parse(tmp_path / "a.musicxml").stripTies().flatten()
    found = {
        (float(each.offset), float(each.quarterLength), pitch.midi)
        for each in flat.notes
        for pitch in each.pitches
    }
    written = {(float(t.start), float(t.length), t.pitch) for t in (*tones, *triplet)}
    assert {tuple(round(x, 5) for x in each) for each in found} == {
        tuple(round(x, 5) for x in each) for each in written
    }


def test_verovio_opens_it(tmp_path: Path) -> None:
    verovio = pytest.importorskip("verovio")
    (tmp_path / "a.abc").write_text(ABC)
    sheet = read(tmp_path / "a.abc")
    named = replace(sheet, voices=(replace(sheet.voices[0], name="Fiddle"),))
    toolkit = verovio.toolkit()
    assert toolkit.loadData(musicxml_of(named).decode())
    mei = toolkit.getMEI()
    assert len(re.findall("<note ", mei)) == 15
    assert "The Fair" in mei
    assert "Fiddle" in mei
    assert 'right="rptend"' in mei


@pytest.mark.parametrize(
    ("pitch", "fifths", "name"),
    [
        (61, 0, "C1"),
        (63, 0, "E-1"),
        (66, -6, "G-1"),
        (71, -7, "C-1"),
        (60, 7, "B1"),
        (70, 1, "B-1"),
    ],
)
def test_pitches_are_spelt_by_the_key(pitch: int, fifths: int, name: str) -> None:
    spelling = spell(pitch, fifths)
    assert f"{spelling.step}{spelling.alter}" == name
    steps = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
    assert 12 * (spelling.octave + 1) + steps[spelling.step] + spelling.alter == pitch


def test_signatures_alter_steps_in_the_order_of_fifths() -> None:
    assert [alteration(step, 2) for step in "FCGDAEB"] == [1, 1, 0, 0, 0, 0, 0]
    assert [alteration(step, -3) for step in "FCGDAEB"] == [0, 0, 0, 0, -1, -1, -1]
    for fifths in range(-7, 8):
        for is_minor in (True, False):
            assert key_fifths(key_name(fifths, is_minor=is_minor)) == fifths
    assert [key_name(n, is_minor=False) for n in (9, -8, 12)] == ["Eb", "E", "C"]
