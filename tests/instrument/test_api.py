"""Instruments, from sounds to files."""

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sfz_player import read_sfz
from tiny_fonts import fluidsynth
from tiny_notes import RATE_HZ, note, recording

from cambiata.audio.sound import Audio
from cambiata.data.soundfont import Renderer, SoundFont
from cambiata.errors import CambiataWarning, InputError
from cambiata.instrument.api import make_instrument
from cambiata.instrument.pitch import measure_pitch
from cambiata.score.midi import Note

STRUCK = [recording(f"{key}.wav", key, decay_db_s=25.0, duration_s=1.0) for key in (55, 62.1)]
FEW = {"keys": (50, 66), "velocities": 2, "step": 6}


def test_notes_become_a_font_in_tune(tmp_path: Path) -> None:
    fluidsynth()
    report = make_instrument(STRUCK, tmp_path / "x.sf2", **FEW)
    assert (report.made_of, report.n_recorded, report.samples) == ("notes", 2, None)
    assert report.roots == (50, 55, 59, 62, 66)
    with Renderer(SoundFont(tmp_path / "x.sf2")) as renderer:
        for key in (50, 56, 62, 66):  # made, and moved by the player, and recorded
            sound = renderer.render([Note(0.0, 1.5, key, 100)], 0, 2.5).mean(0)
            measured = measure_pitch(sound[4410 : round(1.4 * RATE_HZ)], RATE_HZ)
            assert measured is not None
            assert abs(100 * (measured.midi - key)) < 2
            assert np.abs(sound[round(2.2 * RATE_HZ) :]).max() < 1e-3 * np.abs(sound).max()


def test_recordings_stay_as_they_are_at_their_own_key(tmp_path: Path) -> None:
    make_instrument(STRUCK, tmp_path / "x.sfz", **FEW)
    regions, complaints = read_sfz(tmp_path / "x.sfz")
    assert complaints == []
    assert len(regions) == 10
    [region] = [r for r in regions if r["pitch_keycenter"] == 62 and r["hivel"] == 127]
    assert region["tune"] == -10
    sound, _ = soundfile.read(tmp_path / str(region["sample"]), dtype="float32")
    given = STRUCK[1].samples[0]
    given = given[np.argmax(np.abs(given) > 10**-1.5 * np.abs(given).max()) - RATE_HZ // 200 :]
    n = int(region["loop_start"])
    assert n > 0.25 * RATE_HZ
    gain = float(sound[:n] @ given[:n] / (given[:n] @ given[:n]))
    np.testing.assert_allclose(sound[:n], gain * given[:n], atol=1e-6)


def test_named_dynamics_are_layers(tmp_path: Path) -> None:
    soft, loud = note(60, level=0.05, formant_hz=500), note(60, level=0.3)
    sounds = [Audio(soft, RATE_HZ, name="C4_v40.wav"), Audio(loud, RATE_HZ, name="C4_v110.wav")]
    report = make_instrument(sounds, tmp_path / "x.sfz", keys=(60, 60), velocities=2)
    assert report.n_recorded == 2
    regions, _ = read_sfz(tmp_path / "x.sfz")
    assert [r["sample"] for r in regions] == ["x-samples/060-v040.wav", "x-samples/060-v110.wav"]
    peaks = [np.abs(soundfile.read(tmp_path / str(r["sample"]))[0]).max() for r in regions]
    # What the velocity takes away is given beforehand, so that levels are those recorded.
    heard = peaks[0] * (40 / 127) ** 2 / (peaks[1] * (110 / 127) ** 2)
    assert heard == pytest.approx(np.abs(soft).max() / np.abs(loud).max(), rel=0.05)


def test_a_file_of_another_middle_c_is_measured(tmp_path: Path) -> None:
    sounds = [recording("C3.wav", 60), recording("G3.wav", 67)]
    report = make_instrument(sounds, tmp_path / "x.sf2", keys=(60, 67), velocities=1, step=12)
    assert report.roots == (60, 67)


def test_the_same_note_twice_is_named_and_left_out(tmp_path: Path) -> None:
    sounds = [recording("a.wav", 60), recording("b.wav", 60)]
    with pytest.warns(CambiataWarning, match=r"b.wav: is the same note as a.wav"):
        make_instrument(sounds, tmp_path / "x.sf2", keys=(60, 60), velocities=1)


def test_a_timbre_is_played_note_by_note(tmp_path: Path) -> None:
    fluidsynth()
    report = make_instrument(
        "cello", tmp_path / "x.sf2", keys=(48, 55), velocities=2, step=8, hold_s=1.0
    )
    assert (report.made_of, report.n_recorded) == ("timbre", 0)
    assert report.n_samples == report.n_looped == 2
    with Renderer(SoundFont(tmp_path / "x.sf2")) as renderer:
        levels = []
        for key, velocity in ((48, 110), (55, 40)):
            sound = renderer.render([Note(0.0, 3.0, key, velocity)], 0, 4.5).mean(0)
            measured = measure_pitch(sound[4410 : 3 * RATE_HZ], RATE_HZ)
            assert measured is not None
            assert abs(100 * (measured.midi - key)) < 2
            assert np.abs(sound[-2000:]).max() < 0.01 * np.abs(sound).max()
            levels.append(20 * np.log10(np.sqrt(np.mean(sound[: 3 * RATE_HZ] ** 2))))
    assert levels[0] > levels[1] + 10


def test_one_recording_is_a_note_or_a_timbre(tmp_path: Path) -> None:
    few = {"keys": (60, 62), "velocities": 1, "hold_s": 0.5}
    phrase = Audio(
        np.concatenate([note(k, duration_s=0.4) for k in (60, 64, 67, 60)]), RATE_HZ, name="phrase"
    )
    assert make_instrument(phrase, tmp_path / "a.sf2", **few).made_of == "timbre"
    assert make_instrument(recording("x", 61), tmp_path / "b.sf2", **few).made_of == "notes"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keys": (90, 30)}, "keys 90-30: are out of range; use 0 to 127"),
        ({"velocities": 0}, "velocities 0: is out of range; use 1 to 16"),
        ({"step": 40}, "step 40: is out of range"),
        ({"keys": (60, 72)}, r"55.wav: its note G3 \(55\) lies outside of keys 60-72"),
        ({"kind": "loops"}, "kind loops: is unknown"),
    ],
)
def test_bad_options_are_one_line(tmp_path: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_instrument(STRUCK, tmp_path / "x.sf2", **options)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_bad_sounds_are_one_line(tmp_path: Path) -> None:
    silent = Audio(np.zeros(RATE_HZ, np.float32), RATE_HZ, name="silent.wav")
    chord = Audio(0.3 * (note(60) + note(64) + note(67)), RATE_HZ, name="chord.wav")
    (tmp_path / "empty").mkdir()
    out = tmp_path / "x.sfz"
    for sounds, message in (
        ([], "sounds: are none"),
        (tmp_path / "empty", "empty: holds no recordings"),
        ([STRUCK[0], silent], "silent.wav: is silent"),
        ([STRUCK[0], chord], "chord.wav: holds several notes at once"),
        (silent, "silent.wav: is silent"),
        (["cello", STRUCK[0]], "sounds: are several timbres, or a timbre and recordings"),
        ("chello", "neither a file nor a timbre"),
    ):
        with pytest.raises(InputError, match=re.escape(message)):
            make_instrument(sounds, out)  # type: ignore[arg-type]
    assert [each.name for each in tmp_path.iterdir()] == ["empty"]


def test_outputs_appear_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {"keys": (55, 62), "velocities": 1, "step": 12}
    for name, message in (("x.wav", "is not a kind"), ("no/x.sfz", "the folder")):
        with pytest.raises(InputError, match=message):
            make_instrument(STRUCK, tmp_path / name, **few)
    make_instrument(STRUCK, tmp_path / "x.sfz", **few)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*.*") if p.is_file()}
    with pytest.raises(InputError, match="exists"):
        make_instrument(STRUCK, tmp_path / "x.sfz", **few)

    def fail(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(Audio, "save", fail)
        with pytest.raises(OSError, match="disk full"):
            make_instrument(STRUCK[:1], tmp_path / "x.sfz", force=True, **few)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*.*") if p.is_file()} == before
    # With another instrument in its place, none of the old samples is left.
    make_instrument(STRUCK[:1], tmp_path / "x.sfz", keys=(55, 55), velocities=1, force=True)
    assert [p.name for p in (tmp_path / "x-samples").iterdir()] == ["055-v096.wav"]
    (tmp_path / "y-samples").mkdir()
    (tmp_path / "y-samples" / "diary.txt").write_text("mine")
    with pytest.raises(InputError, match="something other than samples"):
        make_instrument(STRUCK, tmp_path / "y.sfz", force=True, **few)


def test_the_same_sounds_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        make_instrument(STRUCK[:1], tmp_path / name / "x.sf2", keys=(52, 55), velocities=1)
    one, other = ((tmp_path / name / "x.sf2").read_bytes() for name in ("a", "b"))
    assert one == other


def test_samples_do_not_take_the_place_of_what_they_are_made_of(tmp_path: Path) -> None:
    folder = tmp_path / "x-samples"
    folder.mkdir()
    for each in STRUCK:
        each.save(folder / each.name)
    before = sorted(folder.iterdir())
    for sounds in (folder, before):
        with pytest.raises(InputError, match="is also where an input is; choose another output"):
            make_instrument(sounds, tmp_path / "x.sfz", force=True, **FEW)
    assert sorted(tmp_path.rglob("*")) == [folder, *before]
