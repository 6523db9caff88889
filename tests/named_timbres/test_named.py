"""Named timbres: whole, licensed, found by name, and never before a file of that name."""

import hashlib
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from sounds import melody

import cambiata
from cambiata import Audio, InputError
from cambiata.audio.loudness import LoudnessMeter
from cambiata.errors import CambiataError
from cambiata.named_timbres import named
from cambiata.named_timbres.named import find_timbre, open_recording
from cambiata.style import open_style

FOLDER = files("cambiata.named_timbres")


def test_every_recording_is_whole_licensed_and_small() -> None:
    facts = cambiata.timbres()
    assert len(facts) >= 12
    licences = FOLDER.joinpath("LICENCES.md").read_text("utf-8")
    total = 0
    for each in facts:
        data = FOLDER.joinpath(f"{each.name}.ogg").read_bytes()
        assert hashlib.sha256(data).hexdigest() == each.sha256
        assert each.licence in ("MIT", "CC BY 3.0", "CC0 1.0")
        assert each.name in licences
        total += len(data)
    assert total < 2_000_000
    assert {f"{each.name}.ogg" for each in facts} == {
        item.name for item in FOLDER.iterdir() if item.name.endswith(".ogg")
    }


@pytest.mark.parametrize("name", ["cello", "piano"])
def test_a_recording_is_as_the_table_says(name: str) -> None:
    sound, facts = cambiata.timbre_named(name), find_timbre(name)
    assert (sound.n_channels, sound.sample_rate, sound.name) == (1, 44100, name)
    assert sound.duration_s == pytest.approx(facts.duration_s, abs=0.01)
    meter = LoudnessMeter(sound.sample_rate)
    meter.add(sound.samples)
    assert meter.loudness_db() == pytest.approx(-23, abs=0.3)


@pytest.mark.parametrize("data", [None, "flipped"])
def test_a_recording_that_is_not_what_shipped_is_refused(
    data: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    timbres = cambiata.timbres()  # the table, read before its folder is another
    if data:
        changed = bytearray(FOLDER.joinpath("cello.ogg").read_bytes())
        changed[len(changed) // 2] ^= 1
        (tmp_path / "cello.ogg").write_bytes(changed)
    monkeypatch.setattr(named, "files", lambda _: tmp_path)
    assert "cello" in [each.name for each in timbres]
    with pytest.raises(CambiataError, match=r"cello\.ogg: is not the file that was shipped"):
        cambiata.timbre_named("cello")


def test_names_are_forgiving_and_unknown_ones_name_the_nearest() -> None:
    assert find_timbre(" Nylon_Guitar ").name == "nylon-guitar"
    for wrong, right in (("chello", "cello"), ("sax", "saxophone"), ("guitar", "nylon-guitar")):
        with pytest.raises(InputError, match=f"did you mean .*{right}") as error:
            find_timbre(wrong)
        assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="nor a timbre has this name; `cambiata timbre list`"):
        find_timbre("zzzz")


def test_a_file_of_that_name_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("flute").mkdir()  # no folder can be a style
    assert isinstance(open_recording("flute"), Audio)
    tone = Audio(np.full(8000, 0.5), 8000, "PCM_16")
    tone.save("tone.wav")
    Path("tone.wav").rename("cello")
    assert open_recording("cello").n_samples == 8000
    assert open_style("cello").name == "cello"
    for path, problem in (("./viola", "no such file"), ("viola.wav", "no such file")):
        with pytest.raises(InputError, match=problem):
            open_recording(path)
    Path("songs").mkdir()
    with pytest.raises(InputError, match="songs: is a folder"):
        open_recording("songs")


def test_one_name_serves_both_jobs(tmp_path: Path) -> None:
    content = Audio(melody([60, 64], rate=44100), 44100, "PCM_16")
    content.save(tmp_path / "voice.wav")
    report = cambiata.transfer_file(tmp_path / "voice.wav", "clarinet", tmp_path / "out.wav")
    assert report.style_used_s == pytest.approx(find_timbre("clarinet").duration_s, abs=0.01)
    kept = cambiata.capture_timbre(["clarinet"])
    assert kept.sources == ("clarinet",)
    out = cambiata.load(tmp_path / "out.wav")
    direct = cambiata.transfer(content, cambiata.timbre_named("clarinet"))
    assert np.abs(out.samples - direct.samples).max() < 1e-3
    score = cambiata.Score((cambiata.Part((cambiata.Note(0.0, 0.4, 60),)),))
    cambiata.save_score(score, tmp_path / "score.mid")
    played = cambiata.play_file(tmp_path / "score.mid", "flute", tmp_path / "played.wav")
    assert (played.sample_rate, played.n_channels, played.subtype) == (44100, 1, "PCM_24")
    assert np.abs(cambiata.load(tmp_path / "played.wav").samples).max() > 0.01
