"""melody, groove and counterpoint from the command line: whole ways, and bad input in one line."""

import json
import os
import re
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result
from midi_bytes import meta, scale, track, written
from midi_bytes import midi as midi_file
from sheets import voice

import cambiata
from cambiata import inputs
from cambiata.cli.flags import in_flags
from cambiata.cli.main import cli
from cambiata.score import midi
from cambiata.score.midi import Metre, Note, Part, Score
from cambiata.score.notation import read, write
from cambiata.score.sheet import Sheet, Tone, Voice

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def refused(result: Result) -> str:
    """What a command says of bad input."""
    assert isinstance(result.exception, cambiata.InputError), result.output
    assert "\n" not in str(result.exception)
    return in_flags(str(result.exception), cli)


def test_a_reel_becomes_a_strathspey(tmp_path: Path) -> None:
    out = tmp_path / "out.mid"
    done = run(
        *("melody", EXAMPLES / "reel.mid", "--style", "strathspey", "-o", out, "--json"),
        *("--listen", tmp_path / "out.wav", "--picture", tmp_path / "out.svg"),
    )
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    before, after = read(EXAMPLES / "reel.mid"), read(out)
    assert (report["n_bars"], report["metre"], report["style"]) == (32, "2/2", "strathspey")
    assert after.end == before.end
    assert (after.metre, after.key, after.pickup) == (before.metre, before.key, before.pickup)
    snaps = [t for t in after.voices[0].tones if t.length in (Fraction(1, 4), Fraction(3, 4))]
    assert len(snaps) > 40
    assert cambiata.load(tmp_path / "out.wav").duration_s > 30
    boxes = ElementTree.parse(tmp_path / "out.svg").getroot().findall("{*}rect")
    assert len(list(boxes)) > len(before.voices[0].tones)


def test_nothing_of_a_style_is_the_tune_itself(tmp_path: Path) -> None:
    out = tmp_path / "out.mid"
    assert (
        run(
            "melody", EXAMPLES / "reel.mid", "--style", "hornpipe", "--amount", 0, "-o", out
        ).exit_code
        == 0
    )
    assert read(out).voices == read(EXAMPLES / "reel.mid").voices


def test_a_style_may_be_shown_by_a_tune_or_a_folder(tmp_path: Path) -> None:
    dotted = tuple(
        Tone(Fraction(i // 2) + Fraction(3 * (i % 2), 4), Fraction(3 - 2 * (i % 2), 4), 62 + i % 7)
        for i in range(64)
    )
    (tmp_path / "tunes").mkdir()
    write(Sheet((Voice(dotted),)), tmp_path / "tunes" / "dotted.mid")
    outputs = []
    for style in (tmp_path / "tunes" / "dotted.mid", tmp_path / "tunes"):
        out = tmp_path / "out.mid"
        done = run("melody", EXAMPLES / "reel.mid", "--style", style, "-o", out, "--force")
        assert done.exit_code == 0, done.output
        outputs.append(read(out).voices)
    assert outputs[0] == outputs[1] != read(EXAMPLES / "reel.mid").voices


def test_a_reel_becomes_a_jig_when_asked(tmp_path: Path) -> None:
    out = tmp_path / "out.musicxml"
    call = ("melody", EXAMPLES / "reel.mid", "--style", "jig", "-o", out)
    assert "but jig is in 6/8, 9/8; add --metre style to change it" in refused(run(*call))
    assert not out.exists()
    assert run(*call, "--metre", "style").exit_code == 0
    before, after = read(EXAMPLES / "reel.mid"), read(out)
    assert after.metre == Metre(6, 8)
    assert after.n_bars == before.n_bars
    assert float(after.end) / after.qpm == pytest.approx(float(before.end) / before.qpm, rel=0.01)


@pytest.mark.parametrize("system", ["pati2018", "retrieval"])
def test_baselines_are_run_by_name(tmp_path: Path, system: str) -> None:
    out = tmp_path / "out.mid"
    call = ("melody", EXAMPLES / "reel.mid", "--style", "hornpipe", "--system", system, "-o", out)
    assert run(*call).exit_code == 0
    assert read(out).voices != read(EXAMPLES / "reel.mid").voices


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bad")
    tones = tuple(Tone(Fraction(i), Fraction(1), 60 + i % 5) for i in range(16))
    low = tuple(Tone(Fraction(i), Fraction(1), 48) for i in range(16))
    write(Sheet((Voice(tones, "flute"), Voice(low, "bass"))), folder / "duet.mid")
    write(Sheet((Voice(tuple(sorted((*tones, *low)))),)), folder / "chords.mid")
    write(Sheet((Voice(tones),), Metre(7, 8)), folder / "seven.mid")
    midi.save(Score((Part((), name="x"),)), folder / "empty.mid")
    drums = Part(tuple(Note(i / 2, i / 2 + 0.1, 36) for i in range(16)), is_drum=True)
    midi.save(Score((drums,)), folder / "drums.mid")
    (folder / "noise.mid").write_bytes(b"noise")
    (folder / "none").mkdir()
    return folder


@pytest.mark.parametrize(
    ("tune", "options", "message"),
    [
        ("duet.mid", (), "has several parts; choose one with --track: 1 (flute) or 2 (bass)"),
        ("duet.mid", ("--track", 3), "has no track 3; use 1 (flute) or 2 (bass)"),
        ("chords.mid", (), "is polyphonic: tones sound together; choose a melody with --track, or"),
        ("seven.mid", (), "is in 7/8, a metre that is not known; use 4/4, "),
        ("empty.mid", (), "has no notes; choose a score that plays something"),
        ("drums.mid", (), "has only drums; choose a score with pitches"),
        ("noise.mid", (), "is not readable as MIDI; export it again"),
        ("nowhere.mid", (), "no such file; check the path"),
        ("none", (), "none: is a folder; name a score in it"),
        ("duet.mid", ("--track", 1, "--amount", "200%"), "amount 2: is out of range; use 0 to 1"),
        (
            "duet.mid",
            ("--track", 1, "--metre", "x"),
            "metre x: is not a metre; use content, style",
        ),
        (
            "duet.mid",
            ("--track", 1, "--system", "x"),
            "x: is not a system for melodies; use",
        ),
        ("duet.mid", ("--track", 1, "--set", "speed=1"), "speed: is not a setting; use one of"),
        ("duet.mid", ("--track", 1, "--picture", "x.gif"), "x.gif: is not a kind of picture"),
    ],
)
def test_bad_tunes_are_named(
    bad: Path, tmp_path: Path, tune: str, options: tuple[object, ...], message: str
) -> None:
    out = tmp_path / "out.mid"
    assert message in refused(run("melody", bad / tune, "--style", "reel", "-o", out, *options))
    assert not out.exists()


@pytest.mark.parametrize(
    ("style", "message"),
    [
        ("bebop", "bebop: is not a known style; use one of reel, hornpipe"),
        ("horn-pipe", "did you mean hornpipe? use one of reel, hornpipe"),
        ("none", "none: holds no melody that can be read; give scores in it"),
        ("noise.mid", "is not readable as MIDI"),
    ],
)
def test_bad_styles_are_named(bad: Path, tmp_path: Path, style: str, message: str) -> None:
    place = bad / style if (bad / style).exists() else style
    call = ("melody", bad / "duet.mid", "--track", 1, "-o", tmp_path / "out.mid")
    assert message in refused(run(*call, "--style", place))


def test_skyline_and_track_choose_the_melody(bad: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mid"
    call = ("melody", bad / "chords.mid", "--skyline", "--style", "hornpipe", "-o", out)
    assert run(*call).exit_code == 0
    assert read(out).voices[0].is_melody
    call = ("melody", bad / "duet.mid", "--track", 1, "--style", "hornpipe", "-o", out, "--force")
    assert run(*call).exit_code == 0
    voices = read(out).voices
    assert voices[1] == read(bad / "duet.mid").voices[1]
    assert voices[0] != read(bad / "duet.mid").voices[0]


def test_a_groove_goes_part_of_the_way(tmp_path: Path) -> None:
    out = tmp_path / "out.mid"
    done = run(
        *("groove", EXAMPLES / "rock.mid", EXAMPLES / "funk.mid", "--amount", 0.3, "-o", out),
        *("--json", "--listen", tmp_path / "out.wav", "--picture", tmp_path / "out.svg"),
    )
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert (report["hits"], report["velocity"], report["timing"]) == (0.3, 0.3, 0.3)
    assert cambiata.load(tmp_path / "out.wav").duration_s > 10
    assert (tmp_path / "out.svg").read_text().startswith("<svg")


def test_a_melody_is_no_groove(tmp_path: Path) -> None:
    out = tmp_path / "out.mid"
    report = refused(run("groove", EXAMPLES / "reel.mid", EXAMPLES / "funk.mid", "-o", out))
    assert "reel.mid: has no drums" in report
    assert not out.exists()


def test_a_worksheet_is_solved_and_found_right(tmp_path: Path) -> None:
    pytest.importorskip("ortools")
    out = tmp_path / "out.mid"
    done = run(
        *("counterpoint", "solve", EXAMPLES / "cantus.mid", "-o", out, "--json"),
        *("--listen", tmp_path / "out.wav", "--picture", tmp_path / "out.svg"),
    )
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["mode"].startswith("D")
    checked = run("counterpoint", "check", out)
    assert checked.exit_code == 0, checked.output
    assert "no breach" in checked.stderr
    assert (tmp_path / "out.wav").exists()
    assert (tmp_path / "out.svg").exists()


def test_breaches_are_said_bar_by_bar(tmp_path: Path) -> None:
    cantus = read(EXAMPLES / "cantus.mid").voices[0].tones
    fifths = tuple(Tone(tone.start, tone.length, tone.pitch + 7) for tone in cantus)
    write(Sheet((Voice(fifths), Voice(cantus))), tmp_path / "fifths.mid")
    done = run("counterpoint", "check", tmp_path / "fifths.mid")
    assert done.exit_code == 1
    assert done.stdout.startswith("bar ")
    assert "parallel-fifths" in done.stdout
    report = json.loads(run("counterpoint", "check", tmp_path / "fifths.mid", "--json").stdout)
    assert {"bar", "rule", "words"} == set(report["breaches"][0])


def test_what_is_no_cantus_is_named(bad: Path, tmp_path: Path) -> None:
    pytest.importorskip("ortools")
    for file in ("duet.mid", "drums.mid"):
        out = tmp_path / "out.mid"
        assert file in refused(run("counterpoint", "solve", bad / file, "-o", out))
        assert not out.exists()


# --- MIDI as musicians have it --------------------------------------------------------------------

TUNE = track((0, meta(0x58, (4, 2, 24, 8))), *scale((62, 66, 69, 66) * 4, ticks=240))
BEAT = track((0, meta(0x58, (4, 2, 24, 8))), *scale((36, 42, 38, 42) * 4, ticks=240))


@pytest.mark.parametrize("suffix", [".kar", ".smf", ".rmi", ".MID"])
def test_melody_takes_every_kind_of_midi(tmp_path: Path, suffix: str) -> None:
    data = midi_file(TUNE)
    if suffix == ".rmi":
        body = b"RMIDdata" + len(data).to_bytes(4, "little") + data
        data = b"RIFF" + len(body).to_bytes(4, "little") + body
    place, out = written(tmp_path / f"tune{suffix}", data), tmp_path / "out.mid"
    call = ("melody", place, "--style", "reel", "--amount", 0, "-o", out)
    assert run(*call).exit_code == 0
    assert [tone.pitch for tone in read(out).voices[0].tones] == [62, 66, 69, 66] * 4
    # As a style, and in a folder of styles.
    for style in (place, tmp_path):
        done = run("melody", place, "--style", style, "-o", tmp_path / "b.mid", "--force")
        assert done.exit_code == 0, done.output


def test_a_pickup_is_given(tmp_path: Path) -> None:
    place = written(tmp_path / "tune.mid", midi_file(TUNE))
    out = tmp_path / "out.mid"
    call = ("melody", place, "--style", "hornpipe", "-o", out, "--force")
    assert run(*call, "--pickup", "1").exit_code == 0
    assert read(out).pickup == 1
    assert [tone.pitch for tone in read(out).voices[0].tones][:2] == [62, 66]
    assert "pickup 4: is not the length" in refused(run(*call, "--pickup", "4"))


def test_damaged_midi_is_read_and_strictly_refused(tmp_path: Path) -> None:
    tune = written(tmp_path / "tune.mid", midi_file(TUNE)[:-3])
    beat = written(tmp_path / "beat.mid", midi_file(BEAT.replace(b"\x90", b"\x99"))[:-3])
    out = tmp_path / "out.mid"
    for call in (("melody", tune, "--style", "reel"), ("groove", beat, beat)):
        with pytest.warns(cambiata.CambiataWarning, match="is damaged: its end is missing"):
            assert run(*call, "-o", out).exit_code == 0
        out.unlink()
        assert "is damaged (its end is missing); export" in refused(
            run(*call, "-o", out, "--strict")
        )
        assert not out.exists()


def test_groove_takes_the_drums_of_a_channel(tmp_path: Path) -> None:
    beat = written(tmp_path / "a.mid", midi_file(BEAT))
    tenth = written(tmp_path / "b.mid", midi_file(BEAT.replace(b"\x90", b"\x99")))
    out = tmp_path / "out.mid"
    assert "has no drums" in refused(run("groove", beat, beat, "-o", out))
    for other in (beat, tenth):  # the tenth, where a file has nothing on the channel that is named
        call = ("groove", beat, other, "--drums", 1, "--amount", 0, "-o", out, "--force")
        assert run(*call).exit_code == 0
        assert [note.pitch for part in midi.load(out).parts for note in part.notes] == [
            *((36, 42, 38, 42) * 4)
        ]


def test_what_only_play_can_do_without_is_named(tmp_path: Path) -> None:
    frames = written(tmp_path / "frames.mid", midi_file(TUNE, division=0xE728))
    for call in (("melody", frames, "--style", "reel"), ("groove", frames, frames)):
        message = refused(run(*call, "-o", tmp_path / "out.mid"))
        assert "counts time in SMPTE frames, not in beats; export it again in beats" in message


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (
            ("melody", "--style", "reel"),
            r"has 3,\d\d\d bars, too many for a melody; cut it to 2,048",
        ),
        (("groove", "slow.mid"), r"has [\d,]+ bars; cut it to 5,000 at most"),
        (
            ("melody", "--style", "reel", "--listen", "x.wav"),
            r"bars, too many|too long for a sketch",
        ),
    ],
)
def test_absurd_times_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: tuple[str, ...], match: str
) -> None:
    monkeypatch.chdir(tmp_path)
    verb, *options = call
    # A quarter note is a tick: each of these notes lasts 240 and 300 of them.
    tune = track((0, meta(0x58, (4, 2, 24, 8))), *scale((62, 66) * 26, ticks=240))
    beat = track((0, meta(0x58, (2, 2, 24, 8))), *scale((36, 38) * 40, 9, 300))
    written(tmp_path / "slow.mid", midi_file(tune if verb == "melody" else beat, division=1))
    assert re.search(match, refused(run(verb, "slow.mid", *options, "-o", "out.mid")))
    assert not list(tmp_path.glob("out.mid"))


def test_a_tune_of_a_book_is_chosen_by_its_number(tmp_path: Path) -> None:
    bars = "d2fa g2fe|d2fa g2e2:|\n" * 4
    tunes = (f"X:{i}\nT:Tune {i}\nM:4/4\nL:1/8\nK:D\n{bars}\n" for i in range(1, 341))
    (tmp_path / "book.abc").write_text("".join(tunes))
    out = tmp_path / "out.musicxml"
    call = ("melody", tmp_path / "book.abc", "--style", "reel", "--amount", 0, "-o", out)
    assert "holds 340 tunes; choose one with --tune N, its X: number (1 to 340)" in refused(
        run(*call)
    )
    done = run(*call, "--tune", 17)
    assert done.exit_code == 0, done.output
    assert read(out).title == "Tune 17"


def test_breaches_are_written_into_the_score(tmp_path: Path) -> None:
    bars = [f"{name}4" for name in "DDDDDDDDDDD"]
    cantus = voice(["D4", "F4", "E4", "D4", "G4", "F4", "A4", "G4", "F4", "E4", "D4"], 4, "Cantus")
    write(Sheet((voice(bars, 4, "Counterpoint"), cantus)), tmp_path / "a.mid")
    marked = tmp_path / "marked.musicxml"
    done = run("counterpoint", "check", tmp_path / "a.mid", "-o", marked)
    assert done.exit_code == 1
    assert f"also {marked}" in done.output
    text = marked.read_text()
    words = [line for line in done.output.splitlines() if line.startswith("bar ")]
    assert text.count('color="#C0392B"') == len(words) > 3
    assert "D4 over E4" in done.output or "D4 under E4" in done.output
    assert [v.tones for v in read(marked).voices] == [
        v.tones for v in read(tmp_path / "a.mid").voices
    ]
    assert "name it NAME.musicxml" in refused(
        run("counterpoint", "check", tmp_path / "a.mid", "-o", tmp_path / "a.pdf")
    )


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg"])
def test_a_recording_in_the_place_of_a_score_is_told_about_transcribe(
    tmp_path: Path, suffix: str
) -> None:
    sound = tmp_path / f"sound{suffix}"
    soundfile.write(sound, np.zeros(4410), 44100)
    out = tmp_path / "out.mid"
    for call in (
        ("melody", sound, "--style", "reel", "-o", out),
        ("counterpoint", "check", sound),
    ):
        message = refused(run(*call))
        assert "is a recording, not a score; write its notes with `cambiata transcribe`" in message


@pytest.mark.parametrize(
    ("arguments", "role"),
    [
        (("melody", "{own}", "--style", "reel"), "the melody"),
        (("melody", EXAMPLES / "tune.mid", "--style", "{own}"), "the style"),
        (("groove", "{own}", EXAMPLES / "funk.mid"), "one of the grooves"),
        (("groove", EXAMPLES / "rock.mid", "{own}"), "the other groove"),
        (("counterpoint", "solve", "{own}"), "the cantus"),
    ],
)
def test_no_score_is_written_over_what_it_is_made_of(
    tmp_path: Path, arguments: tuple[object, ...], role: str
) -> None:
    own = tmp_path / "own.mid"
    own.write_bytes((EXAMPLES / "reel.mid").read_bytes())
    (tmp_path / "link.mid").symlink_to(own)
    given = [own if each == "{own}" else each for each in arguments]
    for output in (own, tmp_path / "link.mid"):
        words = refused(run(*given, "-o", output, "--force"))
        assert words.endswith(f"is also {role}; choose another output")
    assert own.read_bytes() == (EXAMPLES / "reel.mid").read_bytes()


def test_a_marked_worksheet_is_not_written_over_the_worksheet(tmp_path: Path) -> None:
    own = tmp_path / "own.musicxml"
    write(read(EXAMPLES / "worksheet.mid"), own)
    before = own.read_bytes()
    words = refused(run("counterpoint", "check", own, "-o", own, "--force"))
    assert "is also the worksheet; choose another output" in words
    assert own.read_bytes() == before


def test_a_sketch_of_no_format_is_refused_before_the_score_is_written(tmp_path: Path) -> None:
    out = tmp_path / "out.mid"
    words = refused(
        run("melody", EXAMPLES / "tune.mid", "--style", "reel", "-o", out, "--listen", "x.txt")
    )
    assert "x.txt: cannot tell a format from .txt" in words
    assert not out.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("counterpoint", "solve", EXAMPLES / "cantus.mid"),
        ("melody", EXAMPLES / "reel.mid", "--style", "jig", "--system", "pati2018"),
    ],
)
@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seeds_that_are_none_are_refused(
    tmp_path: Path, arguments: tuple[object, ...], seed: int
) -> None:
    if arguments[0] == "counterpoint":
        pytest.importorskip("ortools")
    words = refused(run(*arguments, "-o", tmp_path / "out.mid", f"--seed={seed}"))
    assert words == f"seed: {seed} is out of range; use 0 to 4294967295"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("suffix", ["mid", "abc", "musicxml", "mxl"])
def test_pipes_and_devices_in_the_place_of_a_score(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "_WRITER_S", 0.05)
    os.mkfifo(tmp_path / f"pipe.{suffix}")
    with pytest.raises(cambiata.InputError, match="is a pipe that nothing is written to"):
        read(tmp_path / f"pipe.{suffix}")
    (tmp_path / f"zero.{suffix}").symlink_to("/dev/zero")
    with pytest.raises(cambiata.InputError, match="is a device, not a file"):
        read(tmp_path / f"zero.{suffix}")
