"""transpose and stretch from the command line: whole ways, and bad input in one line."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from sounds import melody

import cambiata
from cambiata.audio.sound import Audio
from cambiata.cli.flags import in_flags
from cambiata.cli.main import cli

RATE = 22050
C_MAJOR = [60, 64, 67, 65, 62, 67, 71, 72, 67, 64, 62, 60]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def refused(*arguments: object) -> str:
    """What a command says of bad input."""
    result = run(*arguments)
    assert isinstance(result.exception, cambiata.InputError), result.output
    return in_flags(str(result.exception), cli)


@pytest.fixture
def song(tmp_path: Path) -> Path:
    Audio(melody(C_MAJOR), RATE).save(tmp_path / "song.wav")
    return tmp_path / "song.wav"


def test_a_key_is_heard_and_moved(song: Path) -> None:
    out, picture = song.with_name("out.flac"), song.with_name("both.png")
    done = run("transpose", song, "--to", "D", "-o", out, "--json", "--picture", picture)
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert (report["semitones"], report["from_key"], report["to_key"]) == (2, "C major", "D major")
    made = cambiata.load(out)
    assert (made.n_samples, made.sample_rate) == (cambiata.load(song).n_samples, RATE)
    assert picture.read_bytes()[1:4] == b"PNG"


def test_semitones_and_a_sentence(song: Path) -> None:
    out = song.with_name("out.wav")
    done = run("transpose", song, "--semitones", "-2.5", "--formant", "follow", "-o", out)
    assert done.exit_code == 0, done.output
    assert "moved by -2.5 semitones, in" in done.stderr
    done = run("transpose", song, "--to", "Am", "--from", "C major", "-o", out, "--force")
    assert "moved by +0 semitones from C major to A minor" in done.stderr


def test_a_tempo_becomes_another(song: Path) -> None:
    out = song.with_name("out.wav")
    done = run("stretch", song, "--tempo", "120=90", "-o", out)
    assert done.exit_code == 0, done.output
    assert "1.333 times as long" in done.stderr
    done = run("stretch", song, "--to-duration", "0:06", "-o", out, "--force", "--json")
    assert json.loads(done.stdout)["duration_s"] == 6.0
    assert cambiata.load(out).duration_s == 6.0


def test_bad_input_in_one_line(song: Path) -> None:
    out = song.with_name("out.wav")
    assert "no such file" in refused("transpose", "no.wav", "--semitones", 1, "-o", out)
    assert "give one of them" in refused("transpose", song, "-o", out)
    assert "is out of range; use -24 to 24" in refused(
        "transpose", song, "--semitones", 30, "-o", out
    )
    assert "key H: is not a key" in refused("transpose", song, "--to", "H", "-o", out)
    assert "is also the recording" in refused("stretch", song, "--factor", 2, "-o", song)
    assert "give one of factor, duration and tempo" in refused("stretch", song, "-o", out)
    rng = np.random.default_rng(0)
    clicks = np.zeros(2 * RATE, np.float32)
    clicks[:: RATE // 2] = rng.uniform(0.5, 1, 4)
    Audio(clicks, RATE).save(song.with_name("clicks.wav"))
    line = refused("transpose", song.with_name("clicks.wav"), "--to", "D", "-o", out)
    assert line.endswith(
        "no note was heard, so that its key is unknown; "
        "say its key with --from, or give --semitones"
    )
    done = run("stretch", song, "--tempo", "fast", "-o", out)
    assert done.exit_code == 2
    assert "'fast' are not two tempos; write them like 120=90" in done.output
    assert not out.exists()
