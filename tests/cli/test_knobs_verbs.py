"""`cambiata knobs`."""

import json
from pathlib import Path

import pytest
from commands import run
from tiny_sets import fitted, sounds

import cambiata


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    fitted().save(tmp_path / "x.knobs")
    return tmp_path


def test_notes_are_played_and_described(folder: Path) -> None:
    knobs = ("--knob", "brightness=70%", "--knob", "main-1=.2")
    options = ("--notes", "C3,E3+G3", "--duration", "0.2", "-o", "a.wav", "--json")
    done = run("knobs", "play", "x.knobs", *knobs, *options, folder=folder)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["made"], report["n_notes"]) == ("sound", 3)
    assert report["knobs"] == {"brightness": 0.7, "main-1": 0.2}
    assert cambiata.load(folder / "a.wav").duration_s == pytest.approx(report["duration_s"])


def test_show_lists_knobs_and_draws(folder: Path) -> None:
    done = run("knobs", "show", "x.knobs", "--picture", "map.svg", folder=folder)
    assert done.returncode == 0, done.stderr
    shown = done.stdout.decode()
    assert "10 sounds: sound0, sound1" in shown
    assert "Hz, spectral centroid" in shown
    assert "main-1" in shown
    assert (folder / "map.svg").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("x.knobs", "--notes", "C3", "--knob", "loud=.5"), "loud: is not a knob; use brightness,"),
        (("x.knobs", "--notes", "C3", "--knob", "warmth=2"), "warmth=2: is out of range; use 0 to"),
        (("x.knobs", "--notes", "C3", "--knob", "warmth"), "write it as warmth=0.7"),
        (("x.knobs", "--notes", "C9"), "is out of range; use 21 to 108"),
        (("x.knobs",), "give --notes, as in --notes C3,E3,G3, or a SCORE"),
        (("y.knobs", "--notes", "C3"), "y.knobs: no such file"),
        (("x.knobs", "nowhere.mid"), "nowhere.mid: no such file"),
    ],
)
def test_bad_input_is_one_line(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    done = run("knobs", "play", *arguments, "-o", "a.wav", folder=folder)
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert message in done.stderr.decode()
    assert [p.name for p in folder.iterdir()] == ["x.knobs"]


def test_too_few_sounds_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    for each in sounds(2):
        each.save(tmp_path / "set" / f"{each.name}.wav")
    done = run("knobs", "fit", "set", "-o", "x.knobs", folder=tmp_path)
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)
    assert b"set: has 2 sounds that can be used; give 3 or more, that differ" in done.stderr


@pytest.mark.slow
def test_a_folder_is_fitted_and_exported(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    for each in sounds(5):
        each.save(tmp_path / "set" / f"{each.name}.wav")
    done = run("knobs", "fit", "set", "-o", "x.knobs", "--picture", "x.png", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "x.png").read_bytes()[:4] == b"\x89PNG"
    done = run("knobs", "export", "x.knobs", "--keys", "55-67", "-o", "x.timbre", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(cambiata.load_timbre(tmp_path / "x.timbre")) == 1
