"""Sounds of a set: what is taken for what, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from tiny_sets import RATE_HZ, sounds, tone

from cambiata.audio.sound import Audio
from cambiata.errors import CambiataWarning, InputError
from cambiata.knobs.collection import open_set
from cambiata.knobs.parameters import PLACES

SILENCE = Audio(np.zeros(RATE_HZ), RATE_HZ, name="silence.wav")
NOISE = Audio(0.1 * np.random.default_rng(0).standard_normal(RATE_HZ), RATE_HZ, name="hiss.wav")
CHORD = Audio(tone(60) + tone(64, seed=1) + tone(67, seed=2), RATE_HZ, name="chord.wav")


def test_a_folder_holds_recordings_and_folders_of_notes(tmp_path: Path) -> None:
    for i, each in enumerate(sounds(2)):
        each.save(tmp_path / f"single{i}.wav")
    (tmp_path / "piano").mkdir()
    for name, midi in (("C4", 60), ("E4", 64)):
        Audio(tone(midi, decay_db_s=20), RATE_HZ).save(tmp_path / "piano" / f"{name}.wav")
    (tmp_path / "empty").mkdir()
    (tmp_path / "README.txt").write_text("not a sound")
    found = open_set(tmp_path)
    assert [each.name for each in found] == ["piano", "single0", "single1"]
    assert [round(pitch) for pitch in found[0].pitches] == [60, 64]
    # It loses 16 dB over the .8 s that are told.
    assert found[0].parameters[PLACES["decay"]][3] == pytest.approx(-15.4, abs=1.5)


def test_a_phrase_is_captured_and_played() -> None:
    notes = [tone(midi, duration_s=0.6, slope_db=6, seed=midi) for midi in (57, 60, 64)]
    phrase = Audio(np.concatenate(notes), RATE_HZ, name="phrase.wav")
    found = open_set([phrase, *sounds(2)])
    assert found[0].name == "phrase"
    assert len(found[0].pitches) in (2, 3)
    assert all(56 < pitch < 65 for pitch in found[0].pitches)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (SILENCE, "silence.wav: is silent, and is left out"),
        (NOISE, "hiss.wav: has no pitch, and is left out"),
        (CHORD, "chord.wav: holds several notes at once, and is left out"),
    ],
)
def test_what_is_no_note_is_left_out_and_said(bad: Audio, message: str) -> None:
    with pytest.warns(CambiataWarning, match=message):
        found = open_set([bad, *sounds(3)], kind="notes")
    assert len(found) == 3
    with pytest.raises(InputError, match=bad.name):
        open_set([bad, *sounds(3)], kind="notes", strict=True)


def test_too_few_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"sounds: has 2 sounds that can be used; give 3 or more"):
        open_set(sounds(2))
    with pytest.raises(InputError, match="holds no sounds; name a folder of recordings"):
        open_set(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        open_set(tmp_path / "nowhere")
    sounds(1)[0].save(tmp_path / "one.wav")
    with pytest.raises(InputError, match="is not a folder"):
        open_set(tmp_path / "one.wav")
    with pytest.raises(InputError, match="has 1 sound that can be used"):
        open_set(tmp_path)


def test_other_kinds_are_refused() -> None:
    with pytest.raises(InputError, match="kind songs: is unknown; use auto, notes or phrases"):
        open_set(sounds(3), kind="songs")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="sounds takes a folder"):
        open_set([1, 2, 3])  # type: ignore[list-item]


def test_rates_and_channels_are_any() -> None:
    one = sounds(1)[0]
    stereo = Audio(np.stack([one.samples[0], 0.5 * one.samples[0]]), RATE_HZ, name="stereo")
    found = open_set([one, one.resampled(48000), stereo])
    for other in found[1:]:
        off = np.abs(other.parameters - found[0].parameters)
        assert off[PLACES["envelope"]].max() < 1.5
        assert off[PLACES["attack"]].max() < 0.1
