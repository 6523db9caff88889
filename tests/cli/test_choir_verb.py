"""choir from the command line."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from singing import RATE, contour, vowel

import cambiata
from cambiata.audio.sound import Audio
from cambiata.cli.flags import in_flags
from cambiata.cli.main import cli


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["choir", *(str(argument) for argument in arguments)])


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    Audio(vowel(contour([60, 62, 64, 60], 0.4)), RATE).save(tmp_path / "voice.wav")
    return tmp_path / "voice.wav"


def test_a_choir_is_written(voice: Path) -> None:
    out, picture = voice.with_name("out.wav"), voice.with_name("out.png")
    done = run(
        *(voice, "-o", out, "--voices", 4, "--parts", "SATB", "--key", "C", "--spread", "40%"),
        *("--room", "none", "--lead", 0.2, "--tail", "0.1", "--picture", picture, "--json"),
    )
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert (report["voices"], report["parts"], report["key"]) == (4, "SATB", "C major")
    assert cambiata.load(out).duration_s == pytest.approx(1.7, abs=0.01)
    assert picture.read_bytes()[:4] == b"\x89PNG"
    again = run(voice, "-o", out)
    assert isinstance(again.exception, cambiata.InputError)
    assert "exists" in str(again.exception)


def test_the_sentence_says_what_was_done(voice: Path) -> None:
    done = run(voice, "-o", voice.with_name("two.wav"), "--voices", 2, "--room", "none")
    assert "1.6 s, 2 voices in " in done.stderr


def test_bad_input_is_one_line_in_flags(voice: Path) -> None:
    out = voice.with_name("out.wav")
    Audio(np.zeros(RATE), RATE).save(voice.with_name("silence.wav"))
    for arguments, message in (
        ((voice.with_name("silence.wav"), "-o", out), "is silent"),
        ((voice, "-o", out, "--key", "D"), "give --parts, as in SATB, or leave it out"),
        ((voice, "-o", voice), "is also the recording"),
    ):
        result = run(*arguments)
        assert isinstance(result.exception, cambiata.InputError), result.output
        assert message in in_flags(str(result.exception), cli)
        assert not out.exists()
