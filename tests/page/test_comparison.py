"""Pictures and pages of a transfer, a performance and a translation."""

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from commands import run
from sounds import melody

import cambiata
from cambiata import Audio, Note, Part, Score
from cambiata.audio.loudness import LoudnessMeter
from cambiata.audio.sound import load
from cambiata.page.comparison import Exhibit, draw, page_html

RATE = 44100
LOW, HIGH = (melody(pitches, rate=RATE) for pitches in ([50, 52, 55], [62, 64, 67]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Audio(LOW, RATE, "PCM_16").save(tmp_path / "low & high.wav")
    Audio(HIGH / 9, RATE, "PCM_16").save(tmp_path / "style.wav")
    part = Part((Note(0.0, 0.4, 60), Note(0.4, 0.8, 64)), name="tune")
    cambiata.save_score(Score((part,)), tmp_path / "score.mid")
    return tmp_path


def _sounds(page: str, folder: Path) -> list[Audio]:
    """Sounds inside a page, decoded."""
    sounds = []
    for i, text in enumerate(re.findall(r'src="data:audio/mpeg;base64,([^"]+)"', page)):
        place = folder / f"in-page-{i}.mp3"
        place.write_bytes(base64.b64decode(text))
        sounds.append(load(place))
    return sounds


def _loudness_db(sound: Audio) -> float:
    meter = LoudnessMeter(sound.sample_rate)
    meter.add(sound.samples)
    return meter.loudness_db()


def test_transfer_shows_content_style_and_result(folder: Path) -> None:
    call = ["transfer", "low & high.wav", "style.wav", "-o", "out.wav", "--json"]
    done = run(*call, "--picture", "out.png", "--listen", "out.html", folder=folder)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["picture"], report["listen"]) == ("out.png", "out.html")
    page = (folder / "out.html").read_text("utf-8")
    for part in ("Content: low &amp; high.wav", "Style: style.wav", "Result: out.wav"):
        assert part in page
    # Nothing is fetched: every address is the file's own data.
    assert set(re.findall(r'(?:src|href)="([a-z]+):', page)) == {"data"}
    assert "http" not in page
    levels_db = [_loudness_db(sound) for sound in _sounds(page, folder)]
    assert len(levels_db) == 3
    assert levels_db == pytest.approx([-23.0] * 3, abs=0.5)
    pil = pytest.importorskip("PIL.Image")
    image = np.asarray(pil.open(folder / "out.png").convert("RGB"))
    assert image.shape[1] == 1090
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 30  # spectrograms, not a blank page


def test_play_and_translate_have_them_too(folder: Path) -> None:
    call = ["play", "score.mid", "style.wav", "-o", "play.wav"]
    done = run(*call, "--picture", "play.svg", "--listen", "play.html", folder=folder)
    assert done.returncode == 0, done.stderr
    picture = (folder / "play.svg").read_text("utf-8")
    assert "<title>C4</title>" in picture  # the piano roll
    assert picture.count("<image ") == 2
    page = (folder / "play.html").read_text("utf-8")
    assert "Score: score.mid" in page
    assert len(_sounds(page, folder)) == 2
    call = ["translate", "low & high.wav", "--to", "sitar", "-o", "sitar.wav"]
    done = run(*call, "--picture", "sitar.svg", folder=folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "sitar.svg").read_text("utf-8").count("<image ") == 2  # a domain has no sound


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (["--picture", "a.gif"], "a.gif: is not a kind of picture; name it .svg or .png"),
        (["--listen", "a.pdf"], "a.pdf: is not the name of a page; name it .html"),
        (["--picture", "there.png"], "there.png: exists; choose another name"),
        (["--listen", "no/a.html"], "no/a.html: its folder does not exist"),
    ],
)
def test_what_cannot_be_written_is_refused_before_any_work(
    flags: list[str], problem: str, folder: Path
) -> None:
    (folder / "there.png").write_bytes(b"before")
    for call in (["transfer", "low & high.wav"], ["play", "score.mid"]):
        done = run(*call, "style.wav", "-o", "out.wav", *flags, folder=folder)
        assert done.returncode == 2
        assert problem in done.stderr.decode()
        assert done.stderr.count(b"\n") == 1
        assert not (folder / "out.wav").exists()
    assert (folder / "there.png").read_bytes() == b"before"


def test_a_pipe_has_nothing_to_show(folder: Path) -> None:
    call = ["transfer", "low & high.wav", "style.wav", "-o", "-", "--picture", "a.png"]
    done = run(*call, folder=folder)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"a.png: shows an output that is a file; name a file instead of -" in done.stderr


def test_a_page_holds_a_minute_at_most_and_says_so() -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(16000 * 70) / 16000) / 10
    long = Audio(tone, 16000, name="a/long.wav")
    page = page_html([Exhibit("content", "a/long.wav", long)], "long", {})
    assert "0 s to 1:00 of 1:10" in page
    assert "a/long" not in page  # folders are nobody's business
    assert len(page) < 1_500_000
    late = Exhibit("content", "long.wav", long, listen_from_s=20.0)
    assert "0:20 to 1:10 of 1:10" in page_html([late], "long", {})


def test_the_same_sounds_give_the_same_page() -> None:
    exhibits = [Exhibit("content", "a", Audio(LOW, RATE)), Exhibit("style", "b", Audio(HIGH, RATE))]
    assert page_html(exhibits, "t", {"a": "b"}) == page_html(exhibits, "t", {"a": "b"})
    assert draw(exhibits, "t").png() == draw(exhibits, "t").png()


def test_silence_is_shown_as_it_is() -> None:
    silent = Exhibit("result", "a", Audio(np.zeros(8000), 8000))
    page = page_html([silent], "t", {})
    assert "1.0 s; silent" in page
    assert io.BytesIO(draw([silent], "t").png()).read(8)[1:4] == b"PNG"
