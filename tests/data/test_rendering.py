"""Scores rendered into a folder: what lies in it, and what is left when it fails."""

import json
from pathlib import Path

import numpy as np
import pytest
from tiny_fonts import Program, Zone, fluidsynth, plucked, sustained, write_font

from cambiata.audio.sound import load
from cambiata.data import rendering
from cambiata.data.rendering import render_scores, select_distinct_programs
from cambiata.data.soundfont import RENDER_RATE_HZ, SoundFont
from cambiata.errors import InputError
from cambiata.score import midi
from cambiata.score.midi import Note, Part, Score

LINE = (Note(0.0, 0.4, 60), Note(0.5, 0.9, 64), Note(1.0, 1.4, 67))
HIGH = (*LINE, Note(1.5, 2.0, 100))


@pytest.fixture(scope="module")
def font(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plucked program, the same once more, and a sustained one of wider range."""
    fluidsynth()
    tone, loop = sustained()
    pluck = (Zone(plucked(60), 60, (36, 84)),)
    programs = [
        Program(0, "Pluck", pluck),
        Program(1, "Pluck again", pluck),
        Program(2, "Bow", (Zone(tone, 69, (30, 108), loop, release_s=0.1),)),
        Program(4, "Still", (Zone(np.zeros(2000), 60, (48, 72)),)),
    ]
    return write_font(tmp_path_factory.mktemp("fonts") / "voices.sf2", programs)


@pytest.fixture
def scores(tmp_path: Path) -> Path:
    folder = tmp_path / "scores"
    (folder / "b").mkdir(parents=True)
    midi.save(Score((Part(LINE),)), folder / "a.mid")
    midi.save(Score((Part(HIGH),)), folder / "b" / "high.mid")
    return folder


def test_folder_holds_sounds_scores_and_licences(font: Path, scores: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    steps: list[float] = []
    manifest = render_scores(
        scores, out, fonts=[str(font)], programs=(0, 1, 2, 3), progress=steps.append
    )
    assert json.loads((out / "manifest.json").read_text()) == manifest
    assert steps == sorted(steps)
    assert steps[-1] == 1.0
    assert [voice["name"] for voice in manifest["voices"]] == ["Pluck", "Bow"]
    assert all(voice["licence"] and voice["use"] == "train" for voice in manifest["voices"])
    # The one that sounds the same and the one that is missing are named.
    same, missing = manifest["left out"]
    assert (same["voice"], same["like"]) == ("voices-001", "voices-000")
    assert same["distance_db"] < 0.1
    assert missing == {"voice": "voices-003", "like": None}
    # So is what cannot be played, and why.
    (unplayed, other) = manifest["not playable"]
    assert {unplayed["name"], other["name"]} == {"Pluck", "Bow"}
    assert unplayed["work"] == other["work"] == "b/high.mid"
    assert unplayed["why"] == "1 of 4 notes outside its range"
    assert {path.name for path in out.iterdir()} == {
        "manifest.json",
        "a-mid.mid",
        "b-high-mid.mid",
        "a-mid.voices-000.wav",
        "a-mid.voices-002.wav",
    }
    for row in manifest["sounds"]:
        assert row["licence"]
        sound = load(out / row["file"])
        assert (sound.sample_rate, sound.n_channels, sound.subtype) == (RENDER_RATE_HZ, 2, "PCM_16")
        assert np.abs(sound.samples).max() == pytest.approx(0.9, abs=1e-3)
        written = midi.load(out / row["midi"]).notes
        assert [note.pitch for note in written] == [note.pitch for note in LINE]
        # The sound plays what the MIDI says, when it says it.
        level = np.abs(sound.samples[0])
        for note in written:
            at = round(note.start_s * RENDER_RATE_HZ)
            assert level[at : at + 1000].max() > 0.05


def test_parts_are_played_as_one_player_would(font: Path, tmp_path: Path) -> None:
    parts = (Part((Note(0.0, 2.0, 60, 90),)), Part((Note(0.0, 1.0, 60, 80), Note(1.0, 3.0, 60))))
    midi.save(Score(parts), tmp_path / "two.mid")
    render_scores(tmp_path / "two.mid", tmp_path / "out", fonts=[str(font)], programs=(0,))
    notes = midi.load(tmp_path / "out" / "two-mid.mid").notes
    assert [(round(n.start_s, 3), round(n.end_s, 3)) for n in notes] == [(0.0, 1.0), (1.0, 3.0)]


def test_names_that_look_alike_are_kept_apart(font: Path, tmp_path: Path) -> None:
    folder = tmp_path / "scores"
    folder.mkdir()
    for name, pitch in (("a b.mid", 60), ("a-b.mid", 62), ("a_b.mid", 64)):
        midi.save(Score((Part((Note(0, 1, pitch),)),)), folder / name)
    manifest = render_scores(folder, tmp_path / "out", fonts=[str(font)], programs=(0,))
    assert len({row["file"] for row in manifest["sounds"]}) == 3
    for row in manifest["sounds"]:
        (expected,) = midi.load(folder / row["work"]).notes
        (note,) = midi.load(tmp_path / "out" / row["midi"]).notes
        assert note.pitch == expected.pitch


def test_limit_and_silent_voices(font: Path, scores: Path, tmp_path: Path) -> None:
    manifest = render_scores(scores, tmp_path / "out", fonts=[str(font)], programs=(4, 0), limit=1)
    assert {row["work"] for row in manifest["sounds"]} == {"a.mid"}
    (silent,) = manifest["not playable"]
    assert silent["why"] == "the font renders it silent"


def test_same_font_twice_is_one_font(font: Path, scores: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.sf2"
    link.symlink_to(font)
    manifest = render_scores(
        scores, tmp_path / "out", fonts=[str(font), str(link)], programs=(0,), limit=1
    )
    assert len(manifest["sounds"]) == 1
    (tmp_path / "other").mkdir()
    same_name = tmp_path / "other" / font.name
    same_name.write_bytes(font.read_bytes())
    with pytest.raises(InputError, match="voices: is the name of two fonts"):
        render_scores(scores, tmp_path / "out2", fonts=[str(font), str(same_name)])


def test_existing_folders_are_refused_or_replaced(font: Path, scores: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    render_scores(scores, out, fonts=[str(font)], programs=(0,), limit=1)
    (out / "old").write_text("")
    with pytest.raises(InputError, match="out: exists"):
        render_scores(scores, out, fonts=[str(font)], programs=(0,), limit=1)
    assert (out / "old").exists()
    render_scores(scores, out, fonts=[str(font)], programs=(2,), limit=1, force=True)
    assert not (out / "old").exists()
    assert list(out.glob("*-002.wav"))
    with pytest.raises(InputError, match="is not of this command's making"):
        render_scores(scores, scores, fonts=[str(font)], force=True)
    with pytest.raises(InputError, match="its folder does not exist"):
        render_scores(scores, tmp_path / "no" / "out", fonts=[str(font)])


def test_failure_leaves_nothing_behind(
    font: Path, scores: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "place" / "out"
    out.parent.mkdir()
    with pytest.raises(InputError, match="none has one of the programs"):
        render_scores(scores, out, fonts=[str(font)], programs=(9,))
    with pytest.raises(InputError, match="program 128: is not 0 to 127"):
        render_scores(scores, out, fonts=[str(font)], programs=(128,))
    render_scores(scores, out, fonts=[str(font)], programs=(0,), limit=1)
    before = sorted(path.name for path in out.iterdir())

    def fails(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(rendering.Audio, "save", fails)
    with pytest.raises(OSError, match="disk full"):
        render_scores(scores, out, fonts=[str(font)], programs=(0,), force=True)
    assert sorted(path.name for path in out.iterdir()) == before
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_without_fonts_it_says_where_to_look(
    scores: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "installed_fonts", list)
    with pytest.raises(InputError, match="none is installed"):
        render_scores(scores, tmp_path / "out")


def test_voices_that_sound_alike_are_told_by_ear(font: Path) -> None:
    voices, left_out = select_distinct_programs([SoundFont(font)], (2, 1, 0))
    assert [voice.program for voice in voices] == [2, 1]
    assert [row["voice"] for row in left_out] == ["voices-000"]
