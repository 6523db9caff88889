"""`cambiata play`, `transcribe`, `translate` and `domains`; `transfer` is in test_main.py."""

import dataclasses
import json
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from commands import run
from sounds import melody

import cambiata
from cambiata import Audio, Note, Part, Score
from cambiata.score.notation import write
from cambiata.score.sheet import Sheet, Tone, Voice

PITCHES = [57.0, 60.0, 64.0, 69.0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Audio(melody(PITCHES, partials=10, rate=44100), 44100, "PCM_16").save(tmp_path / "sound.wav")
    Audio(melody([60], rate=44100)[:8000], 44100).save(tmp_path / "short.wav")
    Audio(np.zeros(44100), 44100).save(tmp_path / "silent.wav")
    part = Part((Note(0.0, 0.4, 60), Note(0.4, 0.8, 64)), name="tune")
    cambiata.save_score(Score((part,)), tmp_path / "score.mid")
    drums = Part((Note(0.0, 0.4, 36),), is_drum=True)
    cambiata.save_score(Score((drums,)), tmp_path / "drums.mid")
    (tmp_path / "text.mid").write_text("no score")
    return tmp_path


def test_play_and_transcribe(folder: Path) -> None:
    done = run("play", "score.mid", "sound.wav", "-o", "out.wav", "--tempo", "0.5", folder=folder)
    assert done.returncode == 0, done.stderr
    assert b"out.wav: 2 notes, 2.6 s by player" in done.stderr
    made = cambiata.load(folder / "out.wav")
    assert (made.sample_rate, made.n_channels, made.subtype) == (44100, 1, "PCM_16")
    done = run("transcribe", "out.wav", "-o", "heard.mid", "--json", folder=folder)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["n_notes"] >= 2
    call = ["play", "sound.wav", "sound.wav", "-o", "again.flac", "--midi", "kept.mid", "--json"]
    done = run(*call, folder=folder)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["transcribed"]
    assert len(cambiata.load_score(folder / "kept.mid").notes) == report["n_notes"]


def test_flags_of_play_are_the_api_s_own() -> None:
    from cambiata.cli.audio_verbs import play

    defaults = {parameter.name: parameter.default for parameter in play.params}
    for field in dataclasses.fields(cambiata.PlayOptions):
        if field.name != "settings":
            assert defaults[field.name] == field.default, field.name


@pytest.mark.parametrize(
    ("call", "report"),
    [
        ("play nowhere.mid sound.wav -o o.wav", "nowhere.mid: no such file"),
        ("play text.mid sound.wav -o o.wav", "text.mid: is not readable as MIDI"),
        ("play drums.mid sound.wav -o o.wav", "drums.mid: has only drums"),
        ("play score.mid silent.wav -o o.wav", "silent.wav: is silent"),
        ("play score.mid short.wav -o o.wav", "give at least 0.5 s"),
        ("play score.mid sound.wav -o o.xyz", "o.xyz"),
        ("play score.mid sound.wav -o o.wav --track 7", "has no track 7; use 1 (tune)"),
        ("play score.mid sound.wav -o o.wav --tempo 0", "tempo 0: is out of range"),
        (
            "play score.mid sound.wav -o o.wav --tempo 120",
            "how many times as fast; use 0.05 to 20 (2: twice)",
        ),
        ("play sound.wav sound.wav -o o.wav --drums 99", "drums 99: is not a MIDI channel"),
        (
            "play score.mid sound.wav -o o.wav --system playr",
            "did you mean player? use one of player",
        ),
        ("timbre mix flute=-1 cello=2 -o m.timbre", "flute: its share is -1; use 0 or more"),
        ("timbre mix flute -o m.timbre", "'flute' has no share; write it as flute=0.5"),
        (
            "transfer sound.wav cello o.wav",
            "o.wav: no such file; check the path (outputs go behind",
        ),
        ("play score.mid sound.wav -o o.wav --system magic", "magic: is not a system"),
        ("play score.mid sound.wav -o o.wav --midi k.mid", "leave out --midi"),
        ("play . sound.wav -o o.wav", ".: is a folder; name a score or a recording in it"),
        ("play score.mid score.mid -o o.wav", "not a recording; give a recording, or a timbre"),
        ("transfer sound.wav score.mid -o o.wav", "recording; give a recording, or a timbre"),
        ("timbre capture score.mid -o o.timbre", "recording; give a recording, or a timbre"),
        ("timbre show sound.wav", "not a .timbre file; capture it first with `cambiata timbre cap"),
        ("timbre show score.mid", "score.mid: is not a .timbre file; name a .timbre file, or"),
        ("timbre show .", "is a folder; name a .timbre file in it"),
        ("transcribe silent.wav -o o.mid", "silent.wav: is silent"),
        ("transcribe score.mid -o o.mid", "score.mid"),
        ("transcribe sound.wav -o o.wav", "o.wav: is not a score format that is written"),
        ("transcribe sound.wav -o o.mid --onset-threshold 200%", "use more than 0, less than 1"),
        ("transcribe sound.wav -o score.mid", "score.mid: exists"),
    ],
)
def test_bad_input_gets_one_line(call: str, report: str, folder: Path) -> None:
    before = sorted(path.name for path in folder.iterdir())
    done = run(*call.split(), folder=folder)
    assert done.returncode == 2
    assert report in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1
    assert b"Traceback" not in done.stderr
    assert sorted(path.name for path in folder.iterdir()) == before


def test_a_score_on_standard_input_is_to_be_named(folder: Path) -> None:
    score = (folder / "score.mid").read_bytes()
    done = run("play", "-", "sound.wav", "-o", "o.wav", folder=folder, stdin=score)
    assert done.returncode == 2
    assert b"not a recording; name its file instead of a pipe\n" in done.stderr
    done = run("play", "sound.wav", "-", "-o", "o.wav", folder=folder, stdin=score)
    assert b"not a recording; give a recording, or a timbre\n" in done.stderr


# --- translate and domains ---------------------------------------------------------------------


def test_what_a_pipe_holds_is_read_once(folder: Path) -> None:
    """Looking what is in a named pipe would take its first bytes away."""
    for name, code, said in (
        ("sound.wav", 0, b"out.wav: 4 notes"),
        ("score.mid", 2, b"name its file instead of a pipe"),
    ):
        call = f"{sys.executable} -m cambiata play <(cat {name}) sound.wav -o out.wav"
        done = subprocess.run(["bash", "-c", call], cwd=folder, capture_output=True, check=False)
        assert done.returncode == code, done.stderr
        assert said in done.stderr


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CAMBIATA_DOMAINS", str(tmp_path / "domains"))
    Audio(melody(PITCHES, partials=10, rate=44100), 44100, "PCM_16").save(tmp_path / "in.wav")
    Audio(np.zeros(44100), 44100).save(tmp_path / "silent.wav")
    (tmp_path / "text.wav").write_text("no sound")
    return tmp_path


def test_translate(home: Path) -> None:
    done = run("translate", "in.wav", "--to", "string-quartet", "-o", "out.flac", folder=home)
    assert done.returncode == 0, done.stderr
    assert b"out.flac: 1.6 s by translation, amount 1" in done.stderr
    assert b"to string-quartet" in done.stderr
    made, content = cambiata.load(home / "out.flac"), cambiata.load(home / "in.wav")
    assert made.samples.shape == content.samples.shape
    assert (made.sample_rate, made.subtype) == (44100, "PCM_16")
    transcribed = cambiata.transcribe(made)
    assert [note.pitch for note in transcribed.notes if note.duration_s > 0.1] == PITCHES
    call = ["--to", "sitar=0.6", "--to", "church-organ=0.2", "-o", "blend.wav", "--json"]
    done = run("translate", "in.wav", *call, "--amount", "0.5", folder=home)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["to"] == {"sitar": pytest.approx(0.75), "church-organ": pytest.approx(0.25)}
    assert report["system"] == "translation"


def test_flags_of_translate_are_the_api_s_own() -> None:
    from cambiata.cli.audio_verbs import translate

    defaults = {parameter.name: parameter.default for parameter in translate.params}
    of_a_style = {"style_start_s", "style_end_s", "dynamics", "settings", "octave"}
    of_a_style |= {"transpose", "to_key"}
    for field in dataclasses.fields(cambiata.Options):
        if field.name == "system":
            assert defaults["system"] == "translation"
        elif field.name not in of_a_style:
            assert defaults[field.name] == field.default, field.name


def test_domains_are_listed(home: Path) -> None:
    done = run("domains", "list", folder=home)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.decode().splitlines()
    assert len(lines) >= 6
    assert any(line.startswith("string-quartet: ships; learnt from fluid-r3") for line in lines)
    found = json.loads(run("domains", "list", "--json", folder=home).stdout)
    assert all(each["licence"] and not each["problem"] for each in found)
    presets = {each["name"]: set(each["presets"]) for each in found}
    assert presets["church-organ"] == {"default", "mor2018-small"}
    assert presets["string-quartet"] == {"default"}


@pytest.mark.parametrize(
    ("call", "report"),
    [
        ("translate in.wav --to grand-paino -o x.wav", "did you mean grand-piano?"),
        ("translate in.wav --to sitar=much -o x.wav", "sitar=much: much is not a number"),
        ("translate in.wav --to sitar --to sitar -o x.wav", "sitar is named twice"),
        ("translate in.wav --to sitar=0 -o x.wav", "names no domain"),
        ("translate in.wav -o x.wav", "Missing option '--to'"),
        ("translate silent.wav --to sitar -o x.wav", "silent.wav: is silent"),
        ("translate text.wav --to sitar -o x.wav", "text.wav: "),
        ("translate none.wav --to sitar -o x.wav", "none.wav: no such file"),
        ("translate in.wav --to sitar -o in.wav --force", "is also the content"),
        ("translate in.wav --to sitar -o x.wav --preset fast", "has no preset fast"),
        ("translate in.wav --to sitar -o x.wav --system vqvae", "does not translate"),
        ("domains add sitar .", "sitar: ships with cambiata"),
        ("domains add a/b .", "a/b: is not a name for a domain"),
        ("domains add mine nowhere", "nowhere: is not a folder"),
        ("domains add mine empty", "empty: holds no recordings"),
        ("domains add mine few", "few: holds 0 s of sound"),
        ("domains add mine few --minutes 0", "0 minutes: is out of range"),
    ],
)
def test_bad_translations_get_one_line(home: Path, call: str, report: str) -> None:
    if call.startswith("domains"):
        pytest.importorskip("torch")
        pytest.importorskip("lightning_fabric")
        pytest.importorskip("onnx")
    (home / "empty").mkdir()
    (home / "few").mkdir()
    for name in ("in.wav", "silent.wav", "text.wav"):
        shutil.copy(home / name, home / "few" / name)
    before = (home / "in.wav").read_bytes()
    done = run(*call.split(), folder=home)
    assert done.returncode == 2
    line = done.stderr.decode()
    assert line.count("\n") == 1, line
    assert report in line
    assert "Traceback" not in line
    assert (home / "in.wav").read_bytes() == before
    assert not (home / "x.wav").exists()
    if "few --" not in call and call.endswith("few"):
        assert "silent.wav: is silent" in line
        assert "text.wav: " in line


@pytest.mark.slow
def test_a_domain_is_added_and_played(home: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("lightning_fabric")
    pytest.importorskip("onnx")
    place = home / "mine"
    (place / "more").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i in range(5):
        pitches = [float(p) for p in rng.integers(50, 75, 18)]
        sound = melody(pitches, partials=3, rate=22050)
        Audio(sound, 22050).save(place / ("more" if i > 2 else "") / f"{i}.wav")
    shutil.copy(home / "text.wav", place / "broken.wav")
    call = ("domains", "add", "flutelike", "mine", "--minutes", "0.05", "--json")
    done = run(*call, folder=home)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["n_files"] == 5
    assert [line.partition(":")[0] for line in report["skipped"]] == ["broken.wav"]
    assert report["lsd_db"] < report["lsd_before_db"]
    assert {p.name for p in (home / "domains").iterdir()} == {
        "flutelike.onnx",
        "flutelike.refine.onnx",
    }
    listed = run("domains", "list", folder=home).stdout.decode()
    assert "flutelike: your own; learnt from 0.wav, 1.wav" in listed
    assert "broken.wav" not in listed
    done = run("translate", "in.wav", "--to", "flutelike", "-o", "out.wav", folder=home)
    assert done.returncode == 0, done.stderr
    transcribed = cambiata.transcribe(cambiata.load(home / "out.wav"))
    assert [note.pitch for note in transcribed.notes if note.duration_s > 0.1] == PITCHES
    again = run(*call, folder=home)
    assert again.returncode == 2
    assert b"flutelike: exists" in again.stderr


@pytest.mark.parametrize("name", ["tune.mid", "tune.musicxml", "tune.abc"])
@pytest.mark.parametrize("verb", [("transfer", "x", "-o", "o.wav"), ("transcribe", "-o", "o.mid")])
def test_a_score_in_the_place_of_a_recording_is_told_about_play(
    tmp_path: Path, name: str, verb: tuple[str, ...]
) -> None:
    if name == "tune.abc":
        (tmp_path / name).write_text("X:1\nK:C\nCDEF|\n")
    else:
        tones = (Tone(Fraction(0), Fraction(1), 60),)
        write(Sheet((Voice(tones),)), tmp_path / name)
    done = run(verb[0], name, *verb[1:], folder=tmp_path)
    assert done.returncode == 2
    assert b", not a recording; play it with `cambiata play`" in done.stderr


@pytest.mark.parametrize(
    ("semitones", "key", "text"),
    [
        (0, None, ""),
        (12, None, "; moved by +1 octave"),
        (-24, None, "; moved by -2 octaves"),
        (-3, None, "; moved by -3 semitones"),
        (2, "C major", "; moved by +2 semitones from C major"),
        (0, "D major", "; in D major already"),
    ],
)
def test_a_move_is_said(semitones: int, key: str | None, text: str) -> None:
    from cambiata.cli.transfer_verb import describe_move

    assert describe_move(semitones, key) == text


@pytest.mark.parametrize(
    ("octaves", "text"), [(0, ""), (1, "an octave above"), (-2, "2 octaves below")]
)
def test_another_octave_is_said_with_its_cure(octaves: int, text: str) -> None:
    from cambiata.cli.transfer_verb import _octave_hint

    hint = _octave_hint(octaves)
    assert text in hint
    assert bool(octaves) == ("--octave auto" in hint)
