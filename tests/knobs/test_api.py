"""Knobs as a user has them: fitted, played, kept and exported."""

from pathlib import Path

import numpy as np
import pytest
from sfz_player import read_sfz
from tiny_sets import RATE_HZ, fitted, sounds

import cambiata
from cambiata.audio.sound import Audio
from cambiata.errors import InputError
from cambiata.instrument.pitch import measure_pitch
from cambiata.knobs.api import Knobs, fit_knobs, load_knobs


def test_what_is_played_is_what_a_knob_says() -> None:
    knobs = fitted()
    for name in ("brightness", "noisiness", "attack"):
        low, high = (knobs.describe({name: value})[name] for value in (0.1, 0.9))
        assert low < high
    dull, bright = (knobs.play("C4", {"brightness": value}, duration_s=0.5) for value in (0, 1))
    centroids = []
    for sound in (dull, bright):
        magnitude = np.abs(np.fft.rfft(sound.samples[0]))
        hz = np.fft.rfftfreq(sound.n_samples, 1 / sound.sample_rate)
        centroids.append(magnitude @ hz / magnitude.sum())
    assert centroids[1] > 1.3 * centroids[0]
    pitch = measure_pitch(bright.samples[0][4000:20000], RATE_HZ)
    assert pitch is not None
    assert pitch.midi == pytest.approx(60, abs=0.05)


def test_names_are_taken_loosely_and_unknown_ones_listed() -> None:
    knobs = fitted()
    same = knobs.play("C4", {"Main_1": 0.2}, duration_s=0.1)
    np.testing.assert_array_equal(
        same.samples, knobs.play("C4", {"main-1": 0.2}, duration_s=0.1).samples
    )
    with pytest.raises(
        InputError, match=r"brightnes: is not a knob \(did you mean brightness\?\); use"
    ):
        knobs.play("C4", {"brightnes": 0.5})
    with pytest.raises(InputError, match=r"brightness=1.5: is out of range; use 0 to 1"):
        knobs.play("C4", {"brightness": 1.5})
    with pytest.raises(InputError, match="is out of range; use 0 to 1"):
        knobs.play("C4", {"brightness": float("nan")})


def test_saved_knobs_sound_the_same(tmp_path: Path) -> None:
    knobs = fitted()
    knobs.save(tmp_path / "x.knobs")
    again = load_knobs(tmp_path / "x.knobs")
    assert again.names == knobs.names
    one, same = (each.play("C3+E3", {"warmth": 0.8}, duration_s=0.2) for each in (knobs, again))
    np.testing.assert_array_equal(one.samples, same.samples)
    with pytest.raises(InputError, match="exists"):
        knobs.save(tmp_path / "x.knobs")
    with pytest.raises(InputError, match=r"is not a .knobs file; name it NAME.knobs"):
        knobs.save(tmp_path / "x.npz")


def test_a_file_is_as_long_as_its_notes(tmp_path: Path) -> None:
    report = fitted().play_file("C3,G3", tmp_path / "x.wav", {"attack": 0.1}, duration_s=0.3)
    sound = cambiata.load(tmp_path / "x.wav")
    assert report.duration_s == pytest.approx(sound.duration_s)
    assert 0.6 < sound.duration_s < 2.2
    assert (report.made, report.n_notes, report.knobs) == ("sound", 2, {"attack": 0.1})
    assert report.descriptors["attack"] < fitted().describe()["attack"]
    with pytest.raises(InputError, match="exists"):
        fitted().play_file("C3", tmp_path / "x.wav")
    with pytest.raises(InputError, match="note Q: is not known"):
        fitted().play_file("Q", tmp_path / "y.wav")
    assert [each.name for each in tmp_path.iterdir()] == ["x.wav"]


def test_an_instrument_plays_what_is_rendered(tmp_path: Path) -> None:
    report = fitted().export(
        tmp_path / "x.sfz", {"noisiness": 0.2}, keys=(55, 66), velocities=2, step=6, hold_s=0.6
    )
    regions, complaints = read_sfz(tmp_path / "x.sfz")
    assert complaints == []
    assert (report.made, report.n_notes, len(regions)) == ("instrument", 4, 4)
    assert {int(region["pitch_keycenter"]) for region in regions} == {58, 64}
    assert all(abs(int(region["tune"])) <= 2 for region in regions)
    with pytest.raises(InputError, match="exists"):
        fitted().export(tmp_path / "x.sfz", keys=(58, 64))


@pytest.mark.parametrize(
    ("output", "options", "message"),
    [
        ("x.wav", {}, "is neither a timbre nor an instrument; name it .timbre, .sfz or .sf2"),
        ("x.sf2", {"keys": (0, 60)}, "keys 0-60: are out of range; use 21-108"),
        ("x.sf2", {"velocities": 0}, "velocities 0: is out of range; use 1 to 16"),
        ("x.sf2", {"values": {"loudness": 0.5}}, "loudness: is not a knob; use brightness"),
        ("nowhere/x.timbre", {}, "the folder nowhere does not exist"),
    ],
)
def test_bad_exports_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, options: dict, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        fitted().export(output, **options)
    assert not list(tmp_path.iterdir())


def test_a_timbre_serves_transfer_and_mix(tmp_path: Path) -> None:
    report = fitted().export(tmp_path / "x.timbre", {"brightness": 0.9}, keys=(55, 67))
    assert report.made == "timbre"
    assert report.n_notes > 8
    mixed = cambiata.mix_timbres([(tmp_path / "x.timbre", 1.0), (tmp_path / "x.timbre", 1.0)])
    assert len(mixed.voices) == 2
    content = fitted().play("C4,E4", duration_s=0.5)
    out = cambiata.transfer(content, cambiata.load_timbre(tmp_path / "x.timbre"))
    assert out.n_samples == content.n_samples
    pitch = measure_pitch(out.samples[0][6000:20000], RATE_HZ)
    assert pitch is not None
    assert pitch.midi == pytest.approx(60, abs=0.2)


def test_sounds_that_are_alike_make_no_knobs() -> None:
    same = sounds(1)[0]
    with pytest.raises(
        InputError, match="holds sounds that are all alike; give sounds that differ"
    ):
        fit_knobs([same, same, same])


def test_outputs_are_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "x.knobs").write_text("there")
    with pytest.raises(InputError, match="exists"):
        fit_knobs(tmp_path / "nowhere", tmp_path / "x.knobs")
    with pytest.raises(InputError, match="is not a kind of picture"):
        fit_knobs(tmp_path / "nowhere", picture=tmp_path / "x.txt")


def test_facts_say_where_sounds_lie(tmp_path: Path) -> None:
    knobs = fitted()
    facts = {knob["name"]: knob for knob in knobs.facts()["knobs"]}
    assert tuple(facts) == knobs.names
    bright = facts["brightness"]
    assert bright["low"] < bright["mean"] < bright["high"]
    assert set(bright["sounds"]) == set(knobs.sounds)
    assert all(0 <= place <= 1 for place in bright["sounds"].values())
    assert sum(facts[name]["explained"] for name in facts if "main" in name) <= 1
    knobs.draw(tmp_path / "x.svg", {"brightness": 0.9})
    assert "brightness=0.9" in (tmp_path / "x.svg").read_text()
    assert repr(knobs).startswith("<Knobs knobs: brightness, attack")
    assert isinstance(knobs, Knobs)
    assert isinstance(knobs.play([60], duration_s=0.1), Audio)
