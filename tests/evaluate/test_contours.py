"""Voices with a known pitch: what they play, and who is right about it."""

from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from tones import tone

from cambiata import Audio, Controls, InputError, Note, Part, Score
from cambiata.evaluate import contours as module
from cambiata.evaluate.contours import (
    FRAME_S,
    GESTURES,
    RATE_HZ,
    contour_accuracy,
    contour_markdown,
    evaluate_contours,
    make_contours,
    pitch_of_notes,
)


def loudest_hz(samples: np.ndarray, at_s: float) -> float:
    """Frequency of the loudest partial of 93 ms of a sound."""
    window = samples[round(at_s * RATE_HZ) - 2048 :][:4096] * np.hanning(4096)
    return float(np.abs(np.fft.rfft(window, 1 << 17)).argmax()) * RATE_HZ / (1 << 17)


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    folder = tmp_path / "sms-tools"
    folder.mkdir()
    for name, pitch in module._RECORDED:
        # 20 cents sharp: a recorded note's own pitch is measured, not believed.
        sound = 0.1 * tone(pitch, 0.0, 3 * RATE_HZ)
        sound = np.interp(np.arange(2.9 * RATE_HZ) * 2 ** (0.2 / 12), np.arange(len(sound)), sound)
        Audio(sound.astype(np.float32), RATE_HZ).save(folder / f"{name}.wav")
    return tmp_path


def test_sounds_have_the_pitch_that_is_known(recordings: Path) -> None:
    clips = make_contours(1, recordings=recordings)
    assert [clip.gesture for clip in clips] == [g for g in GESTURES for _ in range(2)]
    assert {clip.source for clip in clips} == {"computed", "recorded"}
    for clip in clips:
        steady = np.flatnonzero(np.abs(np.gradient(clip.pitch)) < 0.005)
        assert len(steady) > 50
        for frame in steady[5::40]:
            off = 69 + 12 * np.log2(loudest_hz(clip.samples, frame * FRAME_S) / 440)
            partials = clip.pitch[frame] + 12 * np.log2(np.arange(1, 20))
            assert np.abs(partials - off).min() < 0.3


@pytest.mark.slow
def test_clips_are_those_of_the_seed() -> None:
    one, same, other = (make_contours(1, seed=seed)[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.samples, same.samples)
    assert not np.array_equal(one.samples, other.samples)


def test_accuracy_is_mir_eval_s() -> None:
    melody = pytest.importorskip("mir_eval").melody
    rng = np.random.default_rng(0)
    known = np.where(rng.random(600) < 0.8, 60 + rng.normal(0, 1, 600), np.nan)
    found = known + rng.normal(0, 0.5, 600)
    sounds = np.isfinite(known)
    cents = [np.nan_to_num(6000 + 100 * each) for each in (known, found)]
    theirs = melody.raw_pitch_accuracy(sounds, cents[0], sounds, cents[1])
    assert contour_accuracy(found, known) == pytest.approx(theirs)
    assert contour_accuracy(np.full(600, np.nan), known) == 0


def test_notes_as_a_curve() -> None:
    notes = (Note(1.0, 2.0, 60), Note(1.5, 1.8, 64))
    pitch = pitch_of_notes(Score((Part(notes, tuning_cents=-30.0),)))
    assert np.isnan(pitch[99])
    assert pitch[[100, 149, 150, 179, 180, 199]].tolist() == [59.7, 59.7, 63.7, 63.7, 59.7, 59.7]
    assert np.isnan(pitch[200])
    bent = Part((Note(1.0, 2.0, 60),), controls=(Controls(bend=((1.5, 0.75),)),))
    assert pitch_of_notes(Score((bent,)))[[149, 150]].tolist() == [60.0, 60.75]


def test_a_table_by_gesture_and_source() -> None:
    clips = make_contours(1)
    by_sound = {clip.samples.tobytes(): clip.pitch for clip in clips}
    rows = evaluate_contours(
        clips,
        {
            "right": lambda samples: by_sound[samples.tobytes()],
            "sharp": lambda samples: by_sound[samples.tobytes()] + 0.6,
        },
    )
    assert [row["accuracy"][0] for row in rows] == [1.0, 0.0]
    assert rows[0]["vibrato"] == rows[0]["computed"] == 1.0
    assert "recorded" not in rows[0]
    table = contour_markdown(rows)
    assert "| 3 clips | right | 1.000 [1.000, 1.000] | 1.000 |" in table


def test_a_missing_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"flute-A4\.wav: is missing"):
        make_contours(1, recordings=tmp_path)


def test_swift_f0_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda _name: None)
    assert module.swift_f0_tracker() is None
    found = SimpleNamespace(
        pitch_hz=np.array([440.0, 220.0]),
        confidence=np.array([0.9, 0.2]),
        timestamps=np.array([1.0, 2.0]),
    )
    fake = ModuleType("swift_f0")
    detector = SimpleNamespace(detect=lambda _s, _r: found)
    monkeypatch.setattr(fake, "SwiftF0", lambda **_threads: detector, raising=False)
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda _name: True)
    monkeypatch.setattr(module.importlib, "import_module", lambda _name: fake)
    track = module.swift_f0_tracker()
    assert track is not None
    pitch = track(np.zeros(6 * RATE_HZ, np.float32))
    assert len(pitch) == 600
    assert pitch[100] == 69
    assert np.isnan(pitch[200])
