"""What is kept of a style goes into a file and back, and predicts note frames."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tones import RATE, note_event, tone

from cambiata.partials import predictor
from cambiata.partials.bands import band_hz
from cambiata.partials.note_frames import N_NOISE, N_PARTIALS, note_frames
from cambiata.partials.predictor import (
    StyleMemory,
    measure_style,
    mix_from_arrays,
    mix_to_arrays,
    predict,
)
from cambiata.weights import load_model


@pytest.fixture(scope="module")
def memory() -> StyleMemory:
    return measure_style(tone(69, 0.0, RATE, slope_db=9.0), "listener")


def test_a_tone_s_memory_has_its_note(memory: StyleMemory) -> None:
    assert memory.pitches.tolist() == [69]
    assert memory.measured.n_frames > 20


def test_arrays_are_a_memory_again(memory: StyleMemory) -> None:
    [(weight, again)] = mix_from_arrays(mix_to_arrays([(1.0, memory)]))
    assert weight == 1
    np.testing.assert_allclose(again.measured.partials_db, memory.measured.partials_db, atol=0.05)
    np.testing.assert_allclose(again.measured.mask, memory.measured.mask, atol=1e-3)
    assert again.pitches.tolist() == memory.pitches.tolist()


def test_arrays_of_another_shape_are_refused(memory: StyleMemory) -> None:
    arrays = dict(memory.arrays())
    with pytest.raises(ValueError, match="levels of another shape"):
        StyleMemory.from_arrays(arrays | {"floor_db": np.zeros(3)})
    with pytest.raises(ValueError, match="note frames of another shape"):
        StyleMemory.from_arrays(arrays | {"clean": np.zeros((2, 2))})
    with pytest.raises(ValueError, match="numbers that no style has"):
        StyleMemory.from_arrays(arrays | {"quantiles": arrays["quantiles"] + np.nan})
    with pytest.raises(KeyError):
        StyleMemory.from_arrays({})


def test_inharmonic_partials_are_stored_and_predicted(memory: StyleMemory) -> None:
    row = np.array([[2.76, -6, -9, -12, -18, -30, -54, -100, 60, 0]], np.float32)
    bell = replace(memory, inharmonic=row)
    arrays = dict(bell.arrays())
    again = StyleMemory.from_arrays(arrays)
    assert again.inharmonic is not None
    np.testing.assert_allclose(again.inharmonic, row, rtol=1e-3)
    assert "inharmonic" not in memory.arrays()
    for damaged in (row[:, :3], row[:0], row[0]):
        with pytest.raises(ValueError, match="levels of another shape"):
            StyleMemory.from_arrays(arrays | {"inharmonic": damaged})
    model = load_model("oneshot", "oneshot")
    frames = note_frames(note_event(69, 5, 20, 43), 43)
    without, with_bell = (predict(model, ((1.0, x),), frames, 43) for x in (memory, bell))
    assert not without.added
    assert [added.hz.shape for added in with_bell.added] == [(len(frames), 1)]
    # The networks see nothing of them.
    np.testing.assert_array_equal(with_bell.partials_db, without.partials_db)


def test_a_mix_of_one_style_with_itself_is_that_style(memory: StyleMemory) -> None:
    model = load_model("oneshot", "oneshot")
    frames = note_frames(note_event(69, 5, 20, 43), 43)
    one = predict(model, ((1.0, memory),), frames, 43)
    both = predict(model, ((0.25, memory), (0.75, memory)), frames, 43)
    assert one.partials_db.shape == (len(frames), N_PARTIALS)
    assert one.noise_db.shape == (len(frames), N_NOISE)
    assert one.gain_db.shape == (len(band_hz()), 43)
    np.testing.assert_allclose(one.partials_db, both.partials_db, atol=1e-3)
    np.testing.assert_allclose(one.gain_db, both.gain_db, atol=1e-2)


def test_moments_between_frames_are_asked_for_where_a_note_changes(
    memory: StyleMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left out is steady, and comes out as if it had been asked for."""
    model = load_model("oneshot", "oneshot")
    frames = note_frames(note_event(69, 10.0, 60.0, 100), 100, 2)
    asked: list[np.ndarray] = []

    class Counted:
        def part(self, name: str = "") -> Any:
            def call(*arrays: np.ndarray) -> Any:
                if not name:
                    asked.append(arrays[-1])
                return model.part(name)(*arrays)

            return call

    some = predict(Counted(), [(1.0, memory)], frames, 100)  # type: ignore[arg-type]
    features = np.concatenate(asked)
    assert len(frames) * 0.5 < len(features) < len(frames) * 0.75
    # All of the attack is asked for: at 12 ms a moment, 14 lie within 0.15 s.
    assert all((features == row).all(axis=1).any() for row in frames.features[:14])
    monkeypatch.setattr(predictor, "_between_others", lambda _frames: np.zeros(0, np.int64))
    every = predict(model, [(1.0, memory)], frames, 100)
    np.testing.assert_allclose(some.partials_db, every.partials_db, atol=0.5)
    np.testing.assert_allclose(some.noise_db, every.noise_db, atol=0.5)
