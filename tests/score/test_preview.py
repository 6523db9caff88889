"""Scores played as a sketch, and what is written beside a score."""

from pathlib import Path

import numpy as np
import pytest

from cambiata.audio.sound import load
from cambiata.errors import InputError
from cambiata.score.midi import Note, Part, Score
from cambiata.score.preview import Sidecars, preview

A4, A5 = (Score((Part((Note(0.0, 0.5, pitch),)),)) for pitch in (69, 81))


@pytest.mark.parametrize(("score", "hz"), [(A4, 440), (A5, 880)])
def test_a_note_sounds_at_its_pitch_and_ends(score: Score, hz: float) -> None:
    sound = preview(score)
    [samples], rate = sound.samples, sound.sample_rate
    assert sound.duration_s == pytest.approx(1.5)
    spectrum = np.abs(np.fft.rfft(samples[: rate // 2] * np.hanning(rate // 2)))
    assert 2 * int(spectrum.argmax()) == pytest.approx(hz, abs=2)  # bins of 2 Hz
    assert np.abs(samples).max() == pytest.approx(0.7)
    assert not samples[int(0.57 * rate) :].any()  # released within 60 ms


def test_the_same_score_is_the_same_sound() -> None:
    beat = Score((Part(tuple(Note(i / 4, i / 4 + 0.1, 35 + i) for i in range(24)), is_drum=True),))
    first, second = preview(beat), preview(beat)
    assert (first.samples == second.samples).all()
    assert np.isfinite(first.samples).all()
    assert first.samples.any()


def test_loud_notes_are_louder() -> None:
    notes = Note(0.0, 0.4, 69, 127), Note(1.0, 1.4, 69, 64)
    [samples] = preview(Score((Part(notes),))).samples
    loud, soft = np.abs(samples[:22050]).max(), np.abs(samples[44100:66150]).max()
    assert 20 * np.log10(loud / soft) == pytest.approx(8.9, abs=0.1)


def test_a_score_of_nothing_is_silent() -> None:
    assert not preview(Score(())).samples.any()


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
        ({"listen": "no/a.wav"}, "its folder does not exist"),
        ({"picture": "a.gif"}, "is not a kind of picture"),
        ({"listen": "there.wav"}, "exists"),
    ],
)
def test_sidecars_that_cannot_be_written_are_refused_at_once(
    names: dict[str, str], message: str, tmp_path: Path
) -> None:
    (tmp_path / "there.wav").touch()
    with pytest.raises(InputError, match=message):
        Sidecars(**{kind: tmp_path / name for kind, name in names.items()})
