"""reverb from the command line: whole ways, and bad input in one line."""

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner, Result
from rooms import noise_room, recorded
from sounds import melody

import cambiata
from cambiata.audio.sound import Audio
from cambiata.cli.flags import in_flags
from cambiata.cli.main import cli

RATE = 16000


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["reverb", *(str(argument) for argument in arguments)])


def refused(*arguments: object) -> str:
    """What a command says of bad input."""
    result = run(*arguments)
    assert isinstance(result.exception, cambiata.InputError), result.output
    return in_flags(str(result.exception), cli)


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    Audio(melody([60, 64, 67], rate=RATE), RATE).save(tmp_path / "dry.wav")
    clap = recorded(np.ones(1, np.float32), noise_room(0.4, RATE), RATE, snr_db=70)
    Audio(clap, RATE).save(tmp_path / "clap.wav")
    return tmp_path


def test_a_room_is_measured_and_used(sounds: Path) -> None:
    sweep, room, out = sounds / "sweep.wav", sounds / "room.wav", sounds / "out.wav"
    done = run(
        *("sweep", "-o", sweep, "--rate", RATE, "--high", 7500, "--duration", 3, "--tail", 1)
    )
    assert done.exit_code == 0, done.output
    assert "a sweep of 3 s from 20 to 7500 Hz" in done.stderr
    played = cambiata.load(sweep)
    sound = recorded(played.samples[0], noise_room(0.4, RATE), RATE, snr_db=40, drift=50e-6)
    Audio(sound, RATE).save(sounds / "recorded.wav")
    picture = sounds / "decay.svg"
    done = run(
        *("capture", sounds / "recorded.wav", sweep, "-o", room, "--json", "--picture", picture)
    )
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["rt60_s"] == pytest.approx(0.4, rel=0.05)
    assert report["drift_ppm"] == pytest.approx(50, abs=3)
    assert ElementTree.parse(picture).getroot().tag.endswith("svg")
    done = run("apply", sounds / "dry.wav", room, "-o", out, "--tail", "0.5", "--amount", "80%")
    assert done.exit_code == 0, done.output
    assert cambiata.load(out).duration_s == pytest.approx(1.7)


def test_a_clap_has_a_table(sounds: Path) -> None:
    done = run("capture", sounds / "clap.wav", "-o", sounds / "room.wav")
    assert done.exit_code == 0, done.output
    assert "RT60 0.4" in done.stderr
    assert len(done.stderr.splitlines()) == 8


def test_a_picture_of_before_and_after(sounds: Path) -> None:
    out, picture = sounds / "out.wav", sounds / "both.png"
    done = run("apply", sounds / "dry.wav", sounds / "clap.wav", "-o", out, "--picture", picture)
    assert done.exit_code == 0, done.output
    assert picture.read_bytes()[1:4] == b"PNG"


def test_bad_input_in_one_line(sounds: Path) -> None:
    room, dry = sounds / "room.wav", sounds / "dry.wav"
    assert "no such file" in refused("capture", sounds / "no.wav", "-o", room)
    line = refused("capture", sounds / "clap.wav", dry, "-o", room)
    assert line.endswith(
        "is not an exponential sweep; make one with `cambiata reverb sweep`, and play that"
    )
    assert "is also the recording" in refused("capture", dry, "-o", dry, "--force")
    assert "is not a kind of picture" in refused("apply", dry, dry, "-o", room, "--picture", "a.x")
    stereo = Audio(np.stack([cambiata.load(dry).samples[0], np.ones(19200)]), RATE)
    stereo.save(sounds / "two.wav")
    line = refused("capture", sounds / "clap.wav", sounds / "two.wav", "-o", room)
    assert "has 2 channels that differ, and a sweep has one" in line
    line = refused("sweep", "-o", room, "--duration", "0.5")
    assert line == "duration 0.5: is out of range; use 1 to 120"
    assert not room.exists()


def test_a_simulated_room_and_a_walk_in_it(sounds: Path) -> None:
    out, place = (
        sounds / "room.wav",
        ("--size", "8x5x3", "--listener", "2,2,1", "--source", "6,3,1"),
    )
    done = run("room", "-o", out, *place, "--rt60", "0.5", "--rate", RATE, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["rt60_s"] == pytest.approx(0.5, rel=0.05)
    walk = sounds / "walk.wav"
    done = run("room", sounds / "dry.wav", "-o", walk, *place, "--path", "6,1,1", "--channels", 2)
    assert done.exit_code == 0, done.output
    assert cambiata.load(walk).n_channels == 2
    assert "needs a sound that moves along it" in refused(
        "room", "-o", sounds / "no.wav", *place, "--path", "6,1,1"
    )
    done = run("room", "-o", sounds / "no.wav", "--size", "big", *place[2:])
    assert done.exit_code == 2
    assert "'big' is not three numbers; write it like 8x5x3" in done.output


def test_estimate_match_and_remove(sounds: Path) -> None:
    rng = np.random.default_rng(0)
    clicks = np.zeros(8 * RATE, np.float32)
    for at_s in np.arange(0.3, 7.5, 0.8):
        clicks[round(at_s * RATE) :][:1600] = rng.standard_normal(1600)
    Audio(recorded(clicks, noise_room(0.6, RATE), RATE), RATE).save(sounds / "hall.wav")
    done = run("estimate", sounds / "hall.wav", "--picture", sounds / "lines.svg")
    assert done.exit_code == 0, done.output
    assert len(done.stdout.splitlines()) == 8
    done = run("match", sounds / "dry.wav", sounds / "hall.wav", "-o", sounds / "m.wav", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["rt60_s"]["1000.0"] == pytest.approx(0.6, rel=0.25)
    done = run("remove", sounds / "hall.wav", "-o", sounds / "r.wav")
    assert done.exit_code == 0, done.output
    assert (
        cambiata.load(sounds / "r.wav").duration_s == cambiata.load(sounds / "hall.wav").duration_s
    )
