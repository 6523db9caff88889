"""`cambiata play` and `cambiata transcribe`, in processes of their own."""

import json
from pathlib import Path

import numpy as np
import pytest
from commands import run
from sounds import melody

import cambiata
from cambiata import Audio, Note, Part, Score

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


def test_flags_are_the_api_s_own() -> None:
    import dataclasses

    from cambiata.cli.main import play

    defaults = {parameter.name: parameter.default for parameter in play.params}
    for field in dataclasses.fields(cambiata.PlayOptions):
        if field.name != "settings":
            assert defaults[field.name] == field.default, field.name


@pytest.mark.parametrize(
    ("call", "report"),
    [
        ("play nowhere.mid sound.wav -o o.wav", "nowhere.mid: no such file"),
        ("play text.mid sound.wav -o o.wav", "text.mid: is not readable as MIDI"),
        ("play drums.mid sound.wav -o o.wav", "drums.mid: has no notes there"),
        ("play score.mid silent.wav -o o.wav", "silent.wav: is silent"),
        ("play score.mid short.wav -o o.wav", "give at least 0.5 s"),
        ("play score.mid sound.wav -o o.xyz", "o.xyz"),
        ("play score.mid sound.wav -o o.wav --track 7", "has no track 7; use one of: 1 tune"),
        ("play score.mid sound.wav -o o.wav --tempo 0", "tempo 0: is none"),
        ("play score.mid sound.wav -o o.wav --system magic", "magic: is no system"),
        ("play score.mid sound.wav -o o.wav --midi k.mid", "leave --midi out"),
        ("transcribe silent.wav -o o.mid", "silent.wav: is silent"),
        ("transcribe score.mid -o o.mid", "score.mid"),
        ("transcribe sound.wav -o o.wav", "o.wav: is no MIDI file's name"),
        ("transcribe sound.wav -o o.mid --onset-threshold 2", "is out of range"),
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
