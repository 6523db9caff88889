"""Morphs from sounds to sounds and files."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from sounds import melody
from tiny_notes import RATE_HZ, note

import cambiata
from cambiata.audio.sound import Audio
from cambiata.instrument.pitch import measure_pitch

SOFT = Audio(note(60, duration_s=0.6), RATE_HZ, "PCM_16", "soft.wav")
BRIGHT = Audio(note(67, duration_s=0.9, formant_hz=3000), RATE_HZ, "PCM_16", "bright.wav")
CHORD = Audio(note(60) + note(64), RATE_HZ, name="chord.wav")


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    for sound in (SOFT, BRIGHT):
        sound.save(tmp_path / sound.name)
    return tmp_path / "soft.wav", tmp_path / "bright.wav"


def test_an_amount_moves_from_one_sound_to_the_other() -> None:
    made = cambiata.morph(SOFT, BRIGHT, amount=(0.0, 1.0), over_s=0.4)
    assert SOFT.duration_s < made.duration_s < BRIGHT.duration_s
    early, end = (measure_pitch(made.samples[0, i : i + 4410], RATE_HZ) for i in (1200, 22050))
    assert early is not None
    assert end is not None
    assert early.midi < 61.5
    assert end.midi == pytest.approx(67, abs=0.1)
    late = made.samples[0, -8820:]
    # What stays at 1 is the second sound, whose end is the end.
    spectra = [np.abs(np.fft.rfft(x * np.hanning(8820))) for x in (late, BRIGHT.samples[0, -8820:])]
    assert np.corrcoef(*spectra)[0, 1] > 0.99
    still = cambiata.morph(SOFT, BRIGHT, amount=(0.3, 0.3))
    np.testing.assert_allclose(
        still.samples, cambiata.morph(SOFT, BRIGHT, amount=0.3).samples, atol=1e-6
    )
    np.testing.assert_array_equal(SOFT.samples, note(60, duration_s=0.6)[None])


def test_without_a_time_it_moves_to_the_end() -> None:
    made = cambiata.morph(SOFT, BRIGHT, amount=(0.0, 1.0))
    assert SOFT.duration_s < made.duration_s < BRIGHT.duration_s


def test_phrases_go_note_by_note() -> None:
    a = Audio(melody([60, 64, 67], rate=RATE_HZ), RATE_HZ, name="a.wav")
    b = Audio(melody([62, 66, 69], partials=3, rate=RATE_HZ), RATE_HZ, name="b.wav")
    made = cambiata.morph(a, b)
    assert made.n_samples == a.n_samples
    score = cambiata.transcribe(made)
    assert [each.pitch for each in score.parts[0].notes] == [61, 65, 68]


def test_other_music_gets_a_timbre_between_and_says_so() -> None:
    with pytest.warns(cambiata.CambiataWarning, match="chord.wav: holds notes that sound together"):
        made = cambiata.morph(CHORD, SOFT, amount=0.0)
    np.testing.assert_allclose(made.samples, CHORD.samples, atol=1e-6)
    with pytest.raises(cambiata.InputError, match=r"chord.wav: .*no amount can move; give one"):
        cambiata.morph(SOFT, CHORD, amount=(0.0, 1.0))


def test_from_file_to_file_with_a_picture(files: tuple[Path, Path], tmp_path: Path) -> None:
    out, picture = tmp_path / "out.wav", tmp_path / "out.svg"
    report = cambiata.morph_file(*files, out, amount=(0.0, 1.0), over_s=0.5, picture=picture)
    facts = asdict(report)
    assert (facts["kind"], facts["n_notes"], facts["over_s"]) == ("notes", 1, 0.5)
    made = cambiata.load(out)
    assert made.duration_s == pytest.approx(report.duration_s)
    assert made.subtype == "PCM_16"
    expected = cambiata.morph(SOFT, BRIGHT, amount=(0.0, 1.0), over_s=0.5)
    np.testing.assert_allclose(made.samples, expected.samples, atol=2e-3)  # 16 bits
    drawn = picture.read_text()
    assert all(words in drawn for words in ("A: soft.wav", "B: bright.wav", "partials of the"))


def test_long_sounds_are_not_taken_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cambiata.morphing.api.LONGEST_S", 0.8)
    for sound in (SOFT, BRIGHT):
        sound.save(tmp_path / sound.name)
    with pytest.warns(cambiata.CambiataWarning, match="bright.wav: lasts 1 s; the first sound's"):
        report = cambiata.morph_file(
            tmp_path / "soft.wav", tmp_path / "bright.wav", tmp_path / "x.wav", amount=0
        )
    assert (report.kind, report.n_notes) == ("timbre", 0)
    assert cambiata.load(tmp_path / "x.wav").n_samples == SOFT.n_samples


def test_bad_options_are_refused_and_nothing_is_written(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    before = sorted(tmp_path.iterdir())
    for options, message in (
        ({"amount": -0.1}, "amount -0.1: is out of range; use 0 to 1"),
        ({"amount": (0.0, 2.0)}, "amount 2: is out of range"),
        ({"amount": (0.0, 0.5, 1.0)}, "amount: holds 3 numbers"),
        ({"over_s": 2.0}, "over 2 s: goes with an amount that moves"),
        ({"amount": (0.0, 1.0), "over_s": 9.0}, "over 9 s: is longer than the result"),
        ({"amount": (0.0, 1.0), "over_s": 0.0}, "over 0 s: is out of range"),
        ({"pitch": "c"}, "pitch c: is unknown; use between, a or b"),
        ({"picture": tmp_path / "x.gif"}, "is not a kind of picture"),
    ):
        with pytest.raises(cambiata.InputError, match=message):
            cambiata.morph_file(*files, tmp_path / "out.wav", **options)
    with pytest.raises(cambiata.InputError, match="is also the second sound"):
        cambiata.morph_file(*files, files[1], force=True)
    with pytest.raises(cambiata.InputError, match="is both sounds at once"):
        cambiata.morph_file("-", "-", tmp_path / "out.wav")
    with pytest.raises(TypeError, match="amount takes numbers from 0 to 1, not str"):
        cambiata.morph(SOFT, BRIGHT, amount="half")  # type: ignore[arg-type]
    surround = Audio(np.repeat(SOFT.samples, 3, 0), RATE_HZ, name="three.wav")
    stereo = Audio(np.repeat(SOFT.samples, 2, 0), RATE_HZ, name="two.wav")
    with pytest.raises(cambiata.InputError, match=r"has 3 channels, and two\.wav has 2"):
        cambiata.morph(stereo, surround)
    assert sorted(tmp_path.iterdir()) == before
