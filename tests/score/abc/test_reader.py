"""ABC as it is played: by the standard's own words, by hand, and against abc2midi."""

import random
import shutil
import subprocess
import warnings
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import mido
import pytest

import cambiata
from cambiata.errors import CambiataWarning, InputError
from cambiata.score.abc.reader import PlayedTune, parse_abc
from cambiata.score.midi import Metre

HEAD = "X:1\nM:4/4\nL:1/8\n"
_NAMES = dict(zip("CDEFGAB", (60, 62, 64, 65, 67, 69, 71), strict=True))


def _tune(text: str, head: str = f"{HEAD}K:C\n") -> PlayedTune:
    (tune,) = parse_abc(head + text + "\n", "tune")
    return tune


def _notes(text: str, head: str = f"{HEAD}K:C\n") -> list[tuple[float, int, float]]:
    """Start, pitch and length of each note of the first voice, in quarter notes."""
    voice = _tune(text, head).voices[0]
    return [(float(each.start), each.pitch, float(each.length)) for each in voice.notes]


def _pitches(text: str, head: str = f"{HEAD}K:C\n") -> list[int]:
    return [pitch for _, pitch, _ in _notes(text, head)]


def _letters(text: str) -> str:
    """The notes played, of a text of naturals between C and B."""
    found = {pitch: name for name, pitch in _NAMES.items()}
    return "".join(found[pitch] for pitch in _pitches(text))


@pytest.mark.parametrize(
    ("text", "pitches"),
    [
        ("^F2F2 =F2F2|F8|", [66, 66, 65, 65, 65]),  # to the bar's end
        ("^F4 f4|", [66, 78]),  # in every octave, as the standard and abc2midi have it
        ("^F8-|F4 F4|", [66, 65]),  # a tie carries it over the bar line, no further
        ("__B4 ^^c4|", [69, 74]),
        ("[I:propagate-accidentals octave]^F4 f4|", [66, 77]),
        ("[I:propagate-accidentals not]^F4 F4|", [66, 65]),
        ("^F4 & F4|", [65, 66]),  # an overlay has its own
    ],
)
def test_accidentals_last_as_long_as_the_standard_says(text: str, pitches: list[int]) -> None:
    assert _pitches(text) == pitches


@pytest.mark.parametrize(
    ("key", "pitches", "name"),
    [
        ("HP", [73, 66, 67, 71], "D"),
        ("Dm ^c", [73, 65, 67, 70], "Dm"),
        ("D exp _b", [72, 65, 67, 70], ""),
        ("Ador", [72, 66, 67, 71], "G"),
        ("D mixolydian", [72, 66, 67, 71], "G"),
        ("Dmix=c", [72, 66, 67, 71], "G"),
        ("Em clef=bass", [72, 66, 67, 71], "Em"),
        ("C octave=-1", [60, 53, 55, 59], "C"),
        ("C clef=treble-8", [60, 53, 55, 59], "C"),
        ("C treble+8", [84, 77, 79, 83], "C"),
        ("C transpose=-2", [70, 63, 65, 69], "Bb"),
        ("C\n%%MIDI transpose 2", [74, 67, 69, 73], "D"),
        ("none", [72, 65, 67, 71], ""),
        ("", [72, 65, 67, 71], ""),
    ],
)
def test_keys_and_clefs(key: str, pitches: list[int], name: str) -> None:
    tune = _tune("c2F2 G2B2|", f"{HEAD}K:{key}\n")
    assert [each.pitch for each in tune.voices[0].notes] == pitches
    assert tune.key == name


def test_fields_inside_a_line_count() -> None:
    tune = _tune("F8|[K:D]F8|[L:1/4][M:3/4]F3|[K:C bass]F[Q:1/4=60]F2|")
    assert [each.pitch for each in tune.voices[0].notes] == [65, 66, 66, 65, 65]
    assert tune.metres == ((Fraction(0), Metre(4, 4)), (Fraction(8), Metre(3, 4)))
    assert tune.tempos == ((Fraction(0), 120.0), (Fraction(12), 60.0))


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("|:C8|D8|[1,3 E8:|[2 F8:|[4 G8|]", "CDECDFCDECDG"),
        ("|:C8|1-2 D8:|3 E8|F8|]", "CDCDCEF"),
        ("|:C8:|:D8:|", "CCDD"),
        ("|:: C8 :|D8|", "CCCD"),
        ("|:C8::|D8|", "CCCD"),
        ("C8:|D8:||:E8:|", "CCDDEE"),
        ("|:C8|1 D8 |2 E8:|F8|", "CDCEF"),  # the first ending's own sign is missing
        ("|:C8|1 D8:|2 E8||F8|G8:|", "CDCEFGFG"),
        ("C8:|D8||E8:|", "CCDEE"),  # a double bar is where the repeat begins, as for abc2midi
        ("C8|2 D8|E8|]", "CDE"),  # an ending without a first one
        ("C8|D8|!D.C.!", "CDCD"),
        ("C8|D8|!fine!\nE8|!D.C.!", "CDECD"),
        ("C8|!segno!D8|E8!fine!|F8!D.S.alfine!|", "CDEFDE"),
        ("C8|D8!dacoda!|E8!D.C.!|!coda!F8|", "CDECDF"),
        ("C8|OD8|E8!D.C.!|OF8|", "CDECF"),  # O is the coda's sign, twice
        ('|:C8|1 D8:|2 E8|"D.C. al Fine"F8|', "CDCEFCEF"),  # repeats are not taken again
        ("|:C8|D4!fine!:|E8!D.C.!|", "CDCDECD"),
        ('uC4 S|D4"End"||E4"D.S."F4 S:|', "CDEFCDEFD"),  # as O'Neill's tunes have it
    ],
)
def test_bars_come_in_the_order_they_are_played(text: str, order: str) -> None:
    assert _letters(text) == order


@pytest.mark.parametrize(
    ("parts", "order"),
    [
        ("ABA", "CCDCC"),
        ("A2(BA)2", "CCCCDCCDCC"),
        ("A.B", "CCD"),
        ("A Q", "CC"),
        ("Allegro!", "CCD"),
    ],
)
def test_the_order_of_parts_is_followed(parts: str, order: str) -> None:
    found = _pitches("P:A\n|:C8:|\nP:B\nD8|\n", f"X:1\nP:{parts}\nL:1/8\nK:C\n")
    assert found == [_NAMES[letter] for letter in order]


def test_voices_go_on_where_they_stopped() -> None:
    in_turns = "V:1\nC8|\nV:2\nE8|\nV:1\nD8|\nV:2\nF8|\n"
    inline = "[V:1]C8|\n[V:2]E8|\n[V:1]D8|[V:2]F8|\n"
    for text in (in_turns, inline):
        voices = _tune(text).voices
        assert [[n.pitch for n in voice.notes] for voice in voices] == [[60, 62], [64, 65]]
        assert [[n.start for n in voice.notes] for voice in voices] == [[0, 4], [0, 4]]


def test_voices_have_names_programs_and_transpositions() -> None:
    head = f'{HEAD}V:1 name="Flute"\nV:2 clef=bass-8 nm=Bass\nV:3 perc\nK:D\n'
    tune = _tune("V:1\n%%MIDI program 73\nF8|\nV:2\nF8|\nV:3\nF8|", head)
    assert [voice.name for voice in tune.voices] == ["Flute", "Bass", ""]
    assert [voice.notes[0].pitch for voice in tune.voices][:2] == [66, 54]
    assert [voice.program for voice in tune.voices] == [73, 0, 0]
    assert [voice.is_drum for voice in tune.voices] == [False, False, True]


def test_one_voice_s_repeats_are_all_voices_repeats() -> None:
    tune = _tune("V:1\n|:C8:|D8|\nV:2\nE8|F8|\n")
    assert [n.pitch for n in tune.voices[1].notes] == [64, 64, 65]


def test_rests_of_every_kind_take_their_time() -> None:
    assert [start for start, _, _ in _notes("C8|Z2|C8|x4 C4|X|C8|z8|C8|y4 C8|")] == [
        *(0, 12, 18, 24, 32, 36),
    ]


def test_lengths_dots_and_tuplets() -> None:
    lengths = [length for _, _, length in _notes("C3/2 C/ C// C/4 C>C C<C C>>C (3CCC (5:4:2CC|")]
    wanted = [0.75, 0.25, 0.125, 0.125, 0.75, 0.25, 0.25, 0.75, 0.875, 0.125]
    assert lengths == pytest.approx([*wanted, *[1 / 3] * 3, 0.4, 0.4])
    compound = _notes("(2CC (4CCCC|", "X:1\nM:6/8\nL:1/8\nK:C\n")
    assert [length for _, _, length in compound] == [0.75] * 2 + [0.375] * 4


def test_chords_ties_and_overlays() -> None:
    assert _notes("[CE]4-[CE]4|") == [(0, 60, 4), (0, 64, 4)]
    assert _notes("[C-E]4 C4|") == [(0, 64, 2), (0, 60, 4)]
    assert _notes("[C2E4]2 D4|") == [(0, 60, 2), (0, 64, 4), (2, 62, 2)]
    assert _notes("C8-|1 C8:|2 C8|") == [(0, 60, 8), (8, 60, 8)]
    assert _notes("C2D2E2F2 & G4 A4|B8|")[-1] == (4, 71, 4)
    assert _notes("C8|D8 && E8|F8|G8|")[1:4] == [(0, 64, 4), (4, 62, 4), (4, 65, 4)]
    assert _notes("+CE+4 D4|") == [(0, 60, 2), (0, 64, 2), (2, 62, 2)]


def test_what_is_no_note_is_not_played() -> None:
    text = '+fermata+C2 !trill!~.uD2 "^a note"{/gag}E2 HTF2 w: | % c\nw: a b c\n[r: d]G8|]'
    assert _letters(text.replace("w: |", "|")) == "CDEFG"


def test_dynamics_are_velocities() -> None:
    notes = _tune("C2 !p!C2 C2 !ff!C2|").voices[0].notes
    assert [each.velocity for each in notes] == [100, 60, 60, 115]


def test_macros_and_signs_of_one_s_own() -> None:
    assert _letters("m:~D2 = DE\n~D2 F2|") == "DEF"
    assert _letters("m:~n2 = mno\n~D2 ~E2 F2|") == "CDEDEFF"
    assert _letters("U:k=!fine!\nCkD|E!D.C.!|") == "CDECD"


@pytest.mark.parametrize(
    ("field", "metre"),
    [("2+3/8", (5, 8)), ("(2+3+2)/8", (7, 8)), ("3/4+2/8", (8, 8)), ("C|", (2, 2)), ("none", None)],
)
def test_metres(field: str, metre: tuple[int, int] | None) -> None:
    assert _tune("C8|", f"X:1\nM:{field}\nK:C\n").main_metre == Metre(*(metre or (4, 4)))


@pytest.mark.parametrize(
    ("field", "qpm"),
    [("1/4=90", 90), ("3/8=60", 90), ("90", 90), ("C3=40", 60), ('"Allegro"', 132), ("x", 120)],
)
def test_tempos(field: str, qpm: float) -> None:
    assert _tune("C8|", f"X:1\nL:1/8\nQ:{field}\nK:C\n").tempos == ((Fraction(0), qpm),)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_any_encoding_and_line_end(tmp_path: Path, encoding: str) -> None:
    text = "X:1\rT:Étude\rK:D\rCDEF|\r"
    (tmp_path / "a.abc").write_bytes(text.encode(encoding))
    sheet = cambiata.load_sheet(tmp_path / "a.abc")
    assert sheet.name.endswith("(Étude)")
    assert [tone.pitch for tone in sheet.voices[0].tones] == [61, 62, 64, 66]


def test_free_text_between_tunes_is_not_played() -> None:
    book = "a bad cafe|\n\nX:1\nK:C\nC8|\n\nA bad deed: see | below\n\nX:2\nK:C\nD8|\n\nE8|\n"
    tunes = list(parse_abc(book, "book"))
    assert [[n.pitch for n in tune.voices[0].notes] for tune in tunes] == [[60], [62, 64]]


def test_an_empty_line_in_the_head_ends_no_tune() -> None:
    assert _pitches("C8|", "X:1\nT:Air\n\nL:1/8\nK:D\n") == [61]


def test_a_score_follows_tempos_and_a_sheet_says_what_it_cannot(tmp_path: Path) -> None:
    path = tmp_path / "a.abc"
    path.write_text(f"{HEAD}Q:1/4=60\nK:C\nC2|C8|[Q:1/4=120]C8|[M:3/4]C6|\n")
    score = cambiata.load_score(path)
    assert [note.start_s for note in score.notes] == [0, 1, 5, 7]
    assert [(at, str(metre)) for at, metre in score.clock.metres] == [
        (0.0, "1/4"),
        (1.0, "4/4"),
        (9.0, "3/4"),
    ]
    with pytest.warns(CambiataWarning, match="changes its metre; read as if it did not"):
        sheet = cambiata.load_sheet(path)
    assert (sheet.metre, sheet.pickup, sheet.qpm) == (Metre(4, 4), Fraction(1), 60.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not a tune", "has no notes in ABC; give a tune with X: and K: fields"),
        ("X:1\nP:((((A99)99)99)99)99\nK:C\nP:A\nC|", "repeats so often that it would never end"),
        ("X:1\nL:1/1\nK:C\n" + "C999 " * 60, "lasts 239760 quarter notes; split it"),
        ("X:1\nK:C\n" + "".join(f"[V:{i}]C" for i in range(70)), "has more than 64 voices"),
        ("X:1\nK:C perc\nC8|", "has only drums"),
        ("X:1\nm:a=" + "b" * 30_000 + "\nK:C\naaaa|", "line 4 is too long with its macros"),
    ],
)
def test_what_is_no_music_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.abc").write_text(text)
    with pytest.raises(InputError, match=message):
        cambiata.load_sheet(tmp_path / "a.abc")


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.abc").write_text("X:1\nK:C\nC 7 D|\n")
    with pytest.warns(CambiataWarning, match=r"a\.abc: line 3: '7' is left out"):
        cambiata.load_sheet(tmp_path / "a.abc")


MIXED = """X:1
T:Mixed
M:4/4
L:1/8
Q:1/4=120
P:AB
K:Gmix
V:1
P:A
D2|:GABc d2^c2|c>dB<A (3GAB c2|1 [Gd]4- [Gd]4:|2 G8||
P:B
|:[K:D]FAdf z2 ef|x4 =f2f2:|
"""


@pytest.mark.skipif(shutil.which("abc2midi") is None, reason="needs abc2midi")
def test_abc2midi_plays_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.abc").write_text(MIXED)
    command = ["abc2midi", "a.abc", "-o", "a.mid"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    file = mido.MidiFile(tmp_path / "a.mid")
    theirs, tick = [], 0
    for message in mido.merge_tracks(file.tracks):
        tick += message.time
        if message.type == "note_on" and message.velocity:
            theirs.append((tick / file.ticks_per_beat, message.note))
    ours = [(start, pitch) for start, pitch, _ in _notes(MIXED, "")]
    assert [pitch for _, pitch in sorted(theirs)] == [pitch for _, pitch in ours]
    # abc2midi rolls chords and begins a tick late.
    starts = [start for start, _ in sorted(theirs)]
    assert starts == pytest.approx([start for start, _ in ours], abs=0.05)


def test_damaged_files_are_read_or_refused(tmp_path: Path) -> None:
    pieces = ["|:", ":|", "[1-99", "P:A\n", "!D.S.!", "!segno!", "&&", "(&", "Z99999", "c/0", "[K:"]
    pieces += [
        '"',
        "{",
        "[",
        "V:2 octave=99\n",
        "M:0/0\n",
        "L:1/0\n",
        "Q:0=0\n",
        "(0",
        "\0",
        "m:n=nn\n",
    ]
    path = tmp_path / "a.abc"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for seed in range(40):
            draws = random.Random(seed)
            text = list(MIXED)
            for _ in range(draws.choice([1, 5, 25])):
                at = draws.randrange(len(text))
                text[at : at + draws.choice([0, 1, 9])] = draws.choice(pieces)
            path.write_text("".join(text))
            with suppress(InputError):
                assert cambiata.load_sheet(path).voices
                assert cambiata.load_score(path).notes
