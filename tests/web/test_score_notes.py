"""Bars of a score, and a region of a recording replaced without a step."""

from pathlib import Path

import numpy as np
import pytest

from cambiata import Audio, InputError, Note, Part, Score, load, save_score
from cambiata.score.clock import Clock, Metre
from cambiata.web.score_notes import bars_s, notes_of, play_in_place


def test_bars_follow_tempos_and_metres() -> None:
    clock = Clock(((0.0, 60.0), (4.0, 120.0)), metres=((0.0, Metre(4, 4)), (4.0, Metre(3, 4))))
    assert bars_s(clock, 7.0) == pytest.approx([0.0, 4.0, 5.5])


def test_a_region_without_notes_becomes_silent_and_nothing_else_changes(tmp_path: Path) -> None:
    t = np.arange(44100) / 44100
    sound = Audio(np.stack([np.sin(2 * np.pi * 220 * t), np.cos(2 * np.pi * 330 * t)]) / 4, 44100)
    sound.save(tmp_path / "a.wav")
    save_score(Score((Part((Note(0.0, 0.2, 57),)),)), tmp_path / "a.mid")
    paths = tmp_path / "a.wav", tmp_path / "a.mid", tmp_path / "b.wav"
    play_in_place(*paths, start_s=0.4, end_s=0.6, seed=0, progress=lambda _share: None)
    before, after = sound.samples, load(paths[2]).samples
    start, stop = round(0.4 * 44100), round(0.6 * 44100)
    fade = round(0.02 * 44100)
    assert after[:, :start] == pytest.approx(before[:, :start], abs=1e-6)
    assert after[:, stop:] == pytest.approx(before[:, stop:], abs=1e-6)
    assert np.abs(after[:, start + fade : stop - fade]).max() < 1e-6
    # No step: neighbours differ no more than they did.
    assert np.abs(np.diff(after)).max() < 1.5 * np.abs(np.diff(before)).max()


@pytest.mark.parametrize(("start_s", "end_s"), [(2.0, 3.0), (0.5, 0.5), (0.6, 0.4)])
def test_a_region_that_is_none_is_refused(tmp_path: Path, start_s: float, end_s: float) -> None:
    Audio(np.zeros(44100), 44100).save(tmp_path / "a.wav")
    save_score(Score((Part((Note(0.0, 0.2, 57),)),)), tmp_path / "a.mid")
    paths = tmp_path / "a.wav", tmp_path / "a.mid", tmp_path / "b.wav"
    with pytest.raises(InputError, match="has no region"):
        play_in_place(*paths, start_s=start_s, end_s=end_s, seed=0, progress=lambda _share: None)
    assert not paths[2].exists()


def test_key_signature_is_given(tmp_path: Path) -> None:
    part = Part((Note(0.0, 1.0, 60),))
    for key, fifths in (("Eb", -3), ("F#m", 3), ("", 0)):
        save_score(Score((part,), "a", Clock(key=key)), tmp_path / "a.mid", force=True)
        assert notes_of(tmp_path / "a.mid")["fifths"] == fifths


def test_notes_are_rounded_to_microseconds(tmp_path: Path) -> None:
    save_score(Score((Part((Note(0.0, 1 / 3, 60, 77),)),)), tmp_path / "a.mid")
    [part] = notes_of(tmp_path / "a.mid")["parts"]
    [[start_s, end_s, pitch, velocity]] = part["notes"]
    assert (start_s, pitch, velocity) == (0.0, 60, 77)
    assert end_s == pytest.approx(1 / 3, abs=1e-3)
