"""Written music through files: against music21's own reading, and by hand."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cambiata.errors import InputError
from cambiata.score import midi
from cambiata.score.midi import Clock, Metre, Note, Part, Score
from cambiata.score.notation import read, read_all, read_score, write
from cambiata.score.sheet import Sheet, Tone, Voice

QUARTER = Fraction(1)


def _voice(*tones: tuple[float, float, int]) -> Voice:
    return Voice(tuple(Tone(Fraction(a), Fraction(b), pitch) for a, b, pitch in tones))


TUNE = Sheet(
    (replace(_voice((0, 1, 67), (1, 1.5, 60), (2.5, 0.5, 62), (4, 3, 64)), name="Viola"),),
    Metre(3, 4),
    "G",
    90.0,
    QUARTER,
)

ABC = """X:1
T:Air
M:6/8
L:1/8
K:G
D|:GAB "Em"d2B|{c}(3ABc d z3|1 G3 A3:|2 G6|]
"""


@pytest.mark.parametrize("suffix", [".mid", ".musicxml", ".mxl"])
def test_sheets_come_back_as_they_were(tmp_path: Path, suffix: str) -> None:
    write(TUNE, tmp_path / f"a{suffix}")
    loaded = read(tmp_path / f"a{suffix}")
    assert loaded.voices[0].tones == TUNE.voices[0].tones
    assert loaded.voices[0].name == "Viola"
    assert (loaded.metre, loaded.key, loaded.pickup) == (TUNE.metre, TUNE.key, TUNE.pickup)
    assert loaded.qpm == pytest.approx(90.0, rel=1e-4)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 40), st.integers(30, 90)), min_size=1))
@settings(max_examples=30, deadline=None)
def test_melodies_survive_a_performance(steps: list[tuple[int, int, int]]) -> None:
    """Rests of at least an eighth triplet, in twenty-fourths, at any tempo."""
    at, tones = 0, []
    for rest, length, pitch in steps:
        at += rest if rest > 8 and rest * 2 > length else 0
        tones.append(Tone(Fraction(at, 24), Fraction(length, 24), pitch))
        at += length
    sheet = Sheet((Voice(tuple(tones)),), qpm=77.0)
    assert Sheet.of(sheet.to_score()).voices[0].tones == tuple(tones)


def test_abc_is_read_with_repeats_and_endings(tmp_path: Path) -> None:
    (tmp_path / "a.abc").write_text(ABC)
    sheet = read(tmp_path / "a.abc")
    assert (sheet.metre, sheet.key, sheet.pickup) == (Metre(6, 8), "G", Fraction(1, 2))
    pitches = [tone.pitch for tone in sheet.voices[0].tones]
    once = [67, 69, 71, 74, 71, 69, 71, 72, 74]
    assert pitches == [62, *once, 67, 69, *once, 67]  # no grace note, no chord's name
    lengths = [tone.length for tone in sheet.voices[0].tones]
    assert lengths[6:9] == [Fraction(1, 3)] * 3
    assert sheet.voices[0].tones[-1].length == 3


def test_a_tune_of_ten_repeated_parts_is_read_at_once(tmp_path: Path) -> None:
    """No copy of what is repeated is made for each part."""
    (tmp_path / "a.abc").write_text("X:1\nM:2/4\nL:1/4\nK:D\n" + "df|ga:|" * 10 + "\n")
    assert len(read(tmp_path / "a.abc").voices[0].tones) == 80


def test_collections_are_read_whole_and_refused_as_a_tune(tmp_path: Path) -> None:
    (tmp_path / "a.abc").write_text(ABC + "\n" + ABC.replace("X:1", "X:2"))
    assert len(read_all(tmp_path / "a.abc")) == 2
    path = tmp_path / "a.abc"
    for reading in (read, read_score):
        with pytest.raises(InputError, match=r"holds 2 tunes; choose .*=N`, its X: .*1 to 2"):
            reading(path)
        with pytest.raises(InputError, match="has no tune 7; choose one of 1 to 2"):
            reading(path, tune_number=7)
    (tmp_path / "a.abc").write_text(ABC + "\n" + ABC.replace("X:1", "X:2").replace("Air", "Jig"))
    assert read(path, tune_number=2).title == "Jig"
    assert read_score(path, tune_number=1).name == f"{path} (Air)"


def test_a_score_of_one_tune_has_no_numbers(tmp_path: Path) -> None:
    write(TUNE, tmp_path / "a.mid")
    with pytest.raises(InputError, match=r"is not an ABC file, .*; leave out `tune_number`"):
        read(tmp_path / "a.mid", tune_number=1)


def test_keys_let_go_early_are_written_as_long_as_they_are_meant() -> None:
    notes = (Note(0.0, 0.4, 60), Note(0.5, 0.97, 62), Note(1.0, 1.6, 64))
    tones = Sheet.of(Score((Part(notes),))).voices[0].tones
    assert [(tone.start, tone.length) for tone in tones[:2]] == [(0, 1), (1, 1)]


def test_a_pickup_is_a_short_bar_in_midi() -> None:
    score = TUNE.to_score()
    assert [(at, str(metre)) for at, metre in score.clock.metres] == [(0.0, "1/4"), (1.0, "3/4")]
    assert Sheet.of(score).pickup == 1


def test_quarter_notes_are_counted_through_tempo_changes() -> None:
    clock = Clock(((0.0, 60.0), (2.0, 120.0)), ((0.0, Metre(3, 4)),))
    score = Score((Part((Note(0, 2, 60), Note(2.0, 3.0, 62))),), clock=clock)
    tones = Sheet.of(score).voices[0].tones
    assert [(tone.start, tone.length) for tone in tones] == [(0, 2), (2, 2)]


def test_scores_keep_tempos_metres_and_key_through_files(tmp_path: Path) -> None:
    clock = Clock(((0.0, 60.0), (2.0, 150.0)), ((0.0, Metre(6, 8)), (3.0, Metre(2, 4))), "F#m")
    midi.save(Score((Part((Note(0, 4, 60),)),), clock=clock), tmp_path / "a.mid")
    loaded = midi.load(tmp_path / "a.mid")
    assert loaded.clock.metres == clock.metres
    assert loaded.clock.key == "F#m"
    assert loaded.clock.tempos == ((0.0, 60.0), (2.0, 150.0))
    assert loaded.notes[0].end_s == pytest.approx(4.0, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.txt", "x", "is not a known kind of score; give one of .mid"),
        ("a.abc", "not a tune", "a.abc: "),
        ("a.musicxml", "<score", r"not readable as MusicXML \(line 1: .*\); export it again"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        read(tmp_path / name)


def test_nothing_is_lost_of_what_is_there(tmp_path: Path) -> None:
    write(TUNE, tmp_path / "a.mid")
    before = (tmp_path / "a.mid").read_bytes()
    with pytest.raises(InputError, match="exists; choose another name, or replace it"):
        write(TUNE, tmp_path / "a.mid")
    with pytest.raises(InputError, match=r"name it \.mid or \.musicxml"):
        write(TUNE, tmp_path / "a.abc")
    assert (tmp_path / "a.mid").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.mid"]


def test_the_skyline_is_what_is_heard_on_top() -> None:
    voice = _voice((0, 2, 48), (0, 1, 60), (1, 1, 52), (2, 1, 72), (2.5, 1, 55), (3, 1, 74))
    tones = voice.skyline().tones
    assert [(tone.start, tone.pitch) for tone in tones] == [(0, 60), (1, 52), (2, 72), (3, 74)]
    assert Voice(tones).is_melody
