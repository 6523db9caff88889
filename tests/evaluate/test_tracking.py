import importlib.util
import logging
import sys
import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sounds import tone

from cambiata.audio.sound import Audio
from cambiata.audio.source import resample
from cambiata.errors import CambiataError, MissingExtraError
from cambiata.evaluate import tracking
from cambiata.evaluate.metrics import note_onset_f1, pitch_jaccard_distance
from cambiata.evaluate.tracking import (
    MissingTranscriberError,
    PitchTracker,
    TrackerError,
    Transcriber,
    decode_notes,
    track_melodia,
    track_posteriors,
)
from cambiata.score.midi import Note

needs_essentia = pytest.mark.skipif(
    not importlib.util.find_spec("essentia"),
    reason="essentia has wheels for Python 3.11 on Linux only",
)
needs_basic_pitch = pytest.mark.skipif(
    not importlib.util.find_spec("basic_pitch"),
    reason="pip install --no-deps basic-pitch==0.4.0",
)

CHORDS = [
    Note(0.25 + 0.5 * i, 0.75 + 0.5 * i, root + step)
    for i, root in enumerate([60, 65, 55, 69, 62, 48])
    for step in (0, 4, 7)
]


def played(notes: list[Note], rate: int) -> np.ndarray:
    """A sound [T] of decaying harmonics for every note, and half a second of rest."""
    sound = np.zeros(round((max(note.end_s for note in notes) + 0.5) * rate), np.float32)
    for note in notes:
        start = round(note.start_s * rate)
        one = tone(note.pitch, note.duration_s, partials=8, rate=rate)
        sound[start : start + one.size] += one
    return sound


# Trackers for the child process: it imports them from here.


def hanging(samples: np.ndarray, _rate: int) -> list[list[int]]:
    while samples[0] < 0:
        time.sleep(0.01)
    return [[60]]


def dying(samples: np.ndarray, _rate: int) -> list[list[int]]:
    if samples[0] < 0:
        import os

        os._exit(7)
    return [[61]]


def chatting(samples: np.ndarray, rate: int) -> list[list[int]]:
    print("a library that prints", flush=True)
    if samples[0] < 0:
        raise RuntimeError("not this sound")
    return [[int(samples.sum()), rate]]


BAD, GOOD = -np.ones(4, np.float32), np.ones(50_000, np.float32)


def test_a_tracker_that_hangs_is_stopped_and_the_next_sound_is_tracked() -> None:
    with PitchTracker(time_limit_s=0.5, track=hanging) as tracker:
        for _ in range(2):
            with pytest.raises(TrackerError, match=r"hanging took longer than 0\.5 s"):
                tracker.pitches(BAD, 16000)
        tracker.time_limit_s = 60
        assert tracker.pitches(GOOD, 16000) == [[60]]
    assert issubclass(TrackerError, CambiataError)


def test_a_tracker_that_dies_is_replaced() -> None:
    with PitchTracker(track=dying) as tracker:
        with pytest.raises(TrackerError, match=r"dying died \(exit status 7\)"):
            tracker.pitches(BAD, 16000)
        assert tracker.pitches(GOOD, 16000) == [[61]]


def test_a_tracker_that_fails_keeps_its_process() -> None:
    with PitchTracker(track=chatting) as tracker:
        assert tracker.pitches(GOOD, 16000) == [[50_000, 16000]]
        process = tracker._child
        with pytest.raises(TrackerError, match="RuntimeError: not this sound"):
            tracker.pitches(BAD, 16000)
        assert tracker.pitches(GOOD, 8000) == [[50_000, 8000]]
        assert tracker._child is process
    assert process is not None
    assert process.poll() is not None  # ended with the context
    tracker.close()  # again: nothing happens


def test_what_cannot_be_sent_does_no_harm() -> None:
    with PitchTracker(track=lambda _samples, _rate: []) as tracker:
        with pytest.raises(Exception, match="lambda"):
            tracker.pitches(GOOD, 16000)
        assert tracker._child is None


def test_a_child_that_does_not_start_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "_CHILD", "raise SystemExit(3)")
    with pytest.raises(TrackerError, match=r"did not start \(exit status 3\)"):
        PitchTracker(track=chatting).pitches(GOOD, 16000)


def test_the_best_tracker_that_is_installed_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = {"essentia", "basic_pitch"}
    find_spec = importlib.util.find_spec

    def found(name: str) -> Any:
        is_tracker = name in ("essentia", "basic_pitch")
        return (name in installed or None) if is_tracker else find_spec(name)

    monkeypatch.setattr(importlib.util, "find_spec", found)
    assert PitchTracker().name == "MultiPitchMelodia"
    installed.remove("essentia")
    assert PitchTracker().name == "basic-pitch frames"
    installed.remove("basic_pitch")
    with pytest.raises(MissingExtraError, match=r'pitch tracking: .* "cambiata\[eval\]"'):
        PitchTracker()
    with pytest.raises(MissingExtraError, match=r"--no-deps basic-pitch==0\.4\.0"):
        Transcriber()
    assert issubclass(MissingTranscriberError, MissingExtraError)


def test_melodia_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "essentia", None)
    with pytest.raises(MissingExtraError, match=r"cambiata\[eval\]"):
        track_melodia(GOOD, 16000)


@pytest.mark.parametrize("track", [track_melodia, track_posteriors])
def test_only_mono_sounds_are_tracked(track: tracking.Track) -> None:
    with pytest.raises(ValueError, match="mono"):
        track(np.zeros((1, 16000), np.float32), 16000)


def _by_the_paper(sound: np.ndarray) -> list[list[int]]:
    """The steps of the paper's evaluation, one by one, on a sound at 16 kHz."""
    from essentia import standard

    low = standard.Resample(inputSampleRate=16000, outputSampleRate=8000)(sound)
    low = standard.EqualLoudness(sampleRate=8000)(low)
    noise = np.random.default_rng((low > 0).sum()).normal(scale=1e-4, size=low.shape)
    frames = standard.MultiPitchMelodia(sampleRate=8000)((low + noise).astype(np.float32))
    found = []
    for frame in frames:
        keys = [69 + 12 * np.log2(hz / 440) for hz in frame.tolist() if hz != 0]
        found.append([int(np.floor(key + 0.5)) for key in keys])
    return found


@needs_essentia
def test_melodia_follows_the_papers_steps() -> None:
    sound = played(CHORDS, 16000)
    with PitchTracker() as tracker:
        assert tracker.name == "MultiPitchMelodia"
        found = tracker.pitches(sound, 16000)
    assert found == _by_the_paper(sound)
    assert len(found) == pytest.approx(sound.size / 256, abs=2)  # 62.5 frames a second
    assert sum(map(len, found)) > 50


@needs_essentia
def test_melodia_hears_notes_at_any_rate() -> None:
    notes = [Note(0.5 * i, 0.5 * i + 0.5, pitch) for i, pitch in enumerate([60, 67, 64, 72])]
    with PitchTracker() as tracker:
        at_16k = tracker.pitches(played(notes, 16000), 16000)
        at_44k = tracker.pitches(played(notes, 44100), 44100)
    assert len(at_16k) == len(at_44k)
    for note in notes:
        middle = round((note.start_s + 0.2) * 62.5)
        assert note.pitch in at_16k[middle]
    assert pitch_jaccard_distance(at_44k, at_16k) < 0.3


@needs_essentia
@pytest.mark.parametrize("n", [1, 100, 1000, 16000])
def test_melodia_survives_short_and_silent_sounds(n: int) -> None:
    with PitchTracker() as tracker:
        for sound in (np.zeros(n, np.float32), played(CHORDS, 16000)[-n:]):
            found = tracker.pitches(sound, 16000)
            assert len(found) == len(tracker.pitches(sound + 0.1, 16000))
            assert all(isinstance(key, int) for frame in found for key in frame)


@pytest.fixture(scope="module")
def transcriber() -> Transcriber:
    pytest.importorskip("onnxruntime")
    if not importlib.util.find_spec("basic_pitch"):
        pytest.skip("pip install --no-deps basic-pitch==0.4.0")
    return Transcriber()


def test_chords_are_transcribed(transcriber: Transcriber) -> None:
    pytest.importorskip("mir_eval", reason="the eval extra brings it")
    for rate in (22050, 44100):
        found = transcriber.notes(played(CHORDS, rate), rate)
        assert note_onset_f1(found, CHORDS) >= 0.8
        assert found == sorted(found)


def test_posteriors_are_where_the_notes_are(transcriber: Transcriber) -> None:
    sound = played(CHORDS, 16000)
    posteriors = transcriber.frames(sound, 16000)
    duration_s = sound.size / 16000
    assert posteriors.shape == (int(duration_s * 86), 88)
    assert posteriors.min() >= 0
    assert posteriors.max() <= 1
    pitches = track_posteriors(sound, 16000)
    assert len(pitches) == len(posteriors)
    found = sum(
        note.pitch in pitches[round((note.start_s + 0.1) * Transcriber.frame_rate_hz)]
        for note in CHORDS
    )
    assert found >= 0.9 * len(CHORDS)


@pytest.mark.parametrize("n", [0, 1, 255, 3000, 36_164 - 3_840, 36_165])
def test_sounds_of_any_length_are_transcribed(transcriber: Transcriber, n: int) -> None:
    sound = np.zeros(n, np.float32)
    assert transcriber.frames(sound, 22050).shape == (int(n * (86 / 22050)), 88)
    assert transcriber.notes(sound, 22050) == []
    assert transcriber.frames(sound, 16000).shape == (int(round(n * 22.05 / 16) * (86 / 22050)), 88)


@needs_basic_pitch
def test_the_substitute_runs_in_the_child() -> None:
    sound = played(CHORDS[:3], 16000)
    with PitchTracker(track=track_posteriors) as tracker:
        assert tracker.name == "basic-pitch frames"
        assert tracker.pitches(sound, 16000) == track_posteriors(sound, 16000)


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """basic-pitch's own module for inference, and that for decoding in its `infer`."""
    for name in ("librosa", "mir_eval", "pretty_midi", "sklearn", "basic_pitch"):
        if not importlib.util.find_spec(name):
            pytest.skip(f"basic-pitch itself needs {name}")
    if not importlib.util.find_spec("resampy"):
        # Imported at the top of its decoder, used only to make a salience audible.
        monkeypatch.setitem(sys.modules, "resampy", types.ModuleType("resampy"))
    # It says by way of the root logger that it has no TensorFlow.
    logging.disable(logging.WARNING)
    from basic_pitch import inference

    yield inference
    logging.disable(logging.NOTSET)


@needs_basic_pitch
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what librosa loads files with
def test_notes_are_those_of_basic_pitch(
    transcriber: Transcriber, published: Any, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    sound = played([*CHORDS, Note(3.4, 5.0, 90), Note(3.5, 5.0, 33)], 22050)
    sound += rng.normal(0, 0.01, sound.size).astype(np.float32)
    path = tmp_path / "sound.wav"
    Audio(sound[None], 22050, "FLOAT").save(path)
    outputs, _, events = published.predict(path, tracking._network_path())
    np.testing.assert_allclose(transcriber.frames(sound, 22050), outputs["note"], atol=1e-6)
    ours = transcriber.notes(sound, 22050)
    assert len(ours) == len(events) > 15
    for note, event in zip(ours, sorted(events), strict=True):
        assert (note.start_s, note.end_s) == pytest.approx(event[:2], abs=1e-9)
        assert note.pitch == event[2]
        assert note.velocity == round(127 * float(event[3]))


@needs_basic_pitch
@pytest.mark.parametrize("seed", range(6))
def test_decoding_is_that_of_basic_pitch(published: Any, seed: int) -> None:
    # Crowded posteriors: notes meet, touch the edges, and leave energy for the second pass.
    rng = np.random.default_rng(seed)
    n_frames = 400
    frames = (0.25 * rng.random((n_frames, 88))).astype(np.float32)
    onsets = (0.4 * rng.random((n_frames, 88))).astype(np.float32)
    for _ in range(120):
        begin, length, key = rng.integers(-20, n_frames), rng.integers(3, 60), rng.integers(88)
        span = slice(max(0, begin), max(0, begin + length))
        frames[span, key] += rng.uniform(0.1, 0.7)
        if rng.random() < 0.6:
            onsets[max(0, min(begin, n_frames - 1)), key] += rng.uniform(0.1, 0.6)
    frames, onsets = frames.clip(0, 1), onsets.clip(0, 1)
    for onset_threshold, frame_threshold, min_frames in ((0.5, 0.3, 11), (0.3, 0.7, 0)):
        theirs = published.infer.output_to_notes_polyphonic(
            frames.copy(),
            onsets.copy(),
            onset_thresh=onset_threshold,
            frame_thresh=frame_threshold,
            min_note_len=min_frames,
            infer_onsets=True,
            max_freq=None,
            min_freq=None,
        )
        times_s = published.infer.model_frames_to_time(n_frames)
        expected = sorted(
            Note(*times_s[[begin, end]].tolist(), int(pitch), max(1, round(127 * float(mean))))
            for begin, end, pitch, mean in theirs
        )
        ours = decode_notes(frames, onsets, onset_threshold, frame_threshold, min_frames)
        assert len(ours) > 40
        assert ours == expected


def test_decoding_ignores_what_never_rises() -> None:
    assert decode_notes(*np.zeros((2, 0, 88), np.float32)) == []
    for n in (1, 2, 3, 50):
        assert decode_notes(*np.zeros((2, n, 88), np.float32)) == []
        assert len(decode_notes(*np.full((2, n, 1), 0.9, np.float32))) == (n == 50)


def test_inputs_are_not_changed(transcriber: Transcriber) -> None:
    sound = resample(played(CHORDS[:3], 22050), 22050, 16000)
    before = sound.copy()
    transcriber.notes(sound, 16000)
    rng = np.random.default_rng(0)
    frames, onsets = rng.random((2, 100, 88)).astype(np.float32)
    copies = frames.copy(), onsets.copy()
    decode_notes(frames, onsets)
    assert np.array_equal(sound, before)
    assert np.array_equal(frames, copies[0])
    assert np.array_equal(onsets, copies[1])
