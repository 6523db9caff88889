"""What is written beside a score."""

from pathlib import Path

import pytest

from cambiata.audio.sound import load
from cambiata.errors import InputError
from cambiata.page.sidecars import Sidecars
from cambiata.score.midi import Note, Part, Score

A4, A5 = (Score((Part((Note(0.0, 0.5, pitch),)),)) for pitch in (69, 81))


def test_sidecars_are_written_and_named(tmp_path: Path) -> None:
    sidecars = Sidecars(tmp_path / "a.wav", tmp_path / "a.svg")
    sidecars.write({"before": A4, "after": A5}, "octave")
    assert sidecars.paths == {"listen": str(tmp_path / "a.wav"), "picture": str(tmp_path / "a.svg")}
    assert (load(tmp_path / "a.wav").samples.shape) == (1, 66150)
    assert "octave" in (tmp_path / "a.svg").read_text()
    assert Sidecars().paths == {"listen": None, "picture": None}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"listen": "no/a.wav"}, "the folder .*no does not exist"),
        ({"picture": "a.gif"}, "is not a kind of picture"),
        ({"listen": "there.wav"}, "exists"),
        ({"listen": "no/a.html"}, "its folder does not exist"),
        ({"listen": "a.txt"}, "cannot tell a format from .txt"),
        ({"picture": "a.svg", "output": "a.svg"}, "is also the output"),
    ],
)
def test_sidecars_that_cannot_be_written_are_refused_at_once(
    names: dict[str, str], message: str, tmp_path: Path
) -> None:
    (tmp_path / "there.wav").touch()
    with pytest.raises(InputError, match=message):
        Sidecars(**{kind: tmp_path / name for kind, name in names.items()})


def test_a_page_has_both_scores_to_see_and_hear(tmp_path: Path) -> None:
    Sidecars(listen=tmp_path / "a.html").write({"before": A4, "after": A5}, "one < two")
    page = (tmp_path / "a.html").read_text("utf-8")
    assert "<h1>one &lt; two</h1>" in page
    assert page.count("data:audio/mpeg;base64,") == page.count("data:image/png;base64,") == 2
    for label in ("Before", "After"):
        assert f"<figcaption>{label}</figcaption>" in page


def test_a_sidecar_is_no_input(tmp_path: Path) -> None:
    (tmp_path / "a.svg").touch()
    with pytest.raises(InputError, match=r"a\.svg: is also the tune; choose another output"):
        Sidecars(picture=tmp_path / "a.svg", force=True, inputs={"the tune": tmp_path / "a.svg"})


def test_sketches_last_half_an_hour_at_most(tmp_path: Path) -> None:
    long, longer = (Score((Part((Note(0.0, end_s, 60),)),)) for end_s in (1800, 1860))
    dense = Score((Part((Note(0.0, 60.0, 60),) * 6000),))
    for score in (longer, dense):
        Sidecars(picture=tmp_path / "a.svg").check_length("a.mid", score)
    sidecars = Sidecars(listen=tmp_path / "a.wav")
    sidecars.check_length("a.mid", long)
    with pytest.raises(InputError, match=r"a\.mid: lasts 31 minutes, too long for a sketch"):
        sidecars.check_length("a.mid", longer)
    with pytest.raises(InputError, match=r"a\.mid: has too many long notes for a sketch"):
        sidecars.check_length("a.mid", dense)
