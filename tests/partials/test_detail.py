"""Note frames that a style has are recalled, and what lies between its partials is drawn again."""

from dataclasses import replace

import numpy as np
import pytest
from tones import note_event

from cambiata.audio.log_frequency import hann_power
from cambiata.partials.analysis import MeasuredFrames
from cambiata.partials.bands import band_hz
from cambiata.partials.detail import (
    MISSING_DB,
    N_PLACES,
    in_long_transform,
    measure_texture,
    recall,
    recall_texture,
    shares_db,
    texture_hz,
    textured_power,
)
from cambiata.partials.note_frames import (
    BIN_HZ,
    HOP,
    N_NOISE,
    N_PARTIALS,
    WINDOW,
    NoteFrames,
    note_frames,
    partial_hz,
)
from cambiata.partials.synthesis import PER_FRAME, Prediction, synthesize

N_FRAMES = 87


def held(pitch: int, per_frame: int = 1) -> NoteFrames:
    frames = note_frames(note_event(pitch, 0, N_FRAMES, N_FRAMES), N_FRAMES, per_frame)
    return frames[np.flatnonzero(frames.age_s >= 0)]


def measured(frames: NoteFrames, texture_db: np.ndarray | None = None) -> MeasuredFrames:
    n = len(frames)
    return MeasuredFrames(
        frames.features,
        np.full((n, N_PARTIALS), -20, np.float32),
        np.ones((n, N_PARTIALS), np.float32),
        np.full((n, N_NOISE), -40, np.float32),
        texture_db,
    )


def predicted(n: int) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((n, N_PARTIALS), np.float32), np.zeros((n, N_NOISE), np.float32)


def test_the_same_note_frames_are_recalled_and_distant_ones_are_not() -> None:
    frames = held(60)
    partials_db, noise_db = recall(measured(frames), frames.features, *predicted(len(frames)))
    # 1 / (1 + 0.3) of the way from what was predicted.
    np.testing.assert_allclose(partials_db, -20 / 1.3, atol=0.1)
    np.testing.assert_allclose(noise_db, -40 / 1.3, atol=0.1)
    octave = held(72)
    partials_db, noise_db = recall(measured(frames), octave.features, *predicted(len(octave)))
    np.testing.assert_allclose(partials_db, 0, atol=0.1)
    np.testing.assert_allclose(noise_db, 0, atol=0.1)


def test_a_partial_of_another_note_is_not_recalled() -> None:
    frames = held(60)
    style = measured(frames)
    style.mask[:, 3] = 0
    partials_db, _ = recall(style, frames.features, *predicted(len(frames)))
    assert np.abs(partials_db[:, 3]).max() < 0.2
    assert partials_db[:, 2].max() < -15


def test_what_lies_half_way_between_partials_is_measured_there_alone() -> None:
    frames = held(60)
    power = np.full((N_FRAMES, WINDOW // 2 + 1), 1e-6, np.float32)
    hz = partial_hz(frames.pitch[:1], 0.0)
    half_way = np.round(texture_hz(hz)[0, 1:20, 0] / BIN_HZ).astype(int)
    for bins in (half_way - 1, half_way, half_way + 1):
        power[:, bins] = 1e-4  # 20 dB more
    weak = np.full((len(frames), N_PARTIALS), -100, np.float32)
    between = np.full((N_FRAMES, N_NOISE), -60, np.float32)
    texture = measure_texture(power, frames, weak, between, 0.0, np.arange(len(frames)))
    # Levels are counted from the mean level of noise, 2.5 dB below the level of its mean.
    np.testing.assert_allclose(texture[:, 1:20, 0], 22.5, atol=0.5)
    np.testing.assert_allclose(texture[:, 1:20, 1:], 2.5, atol=0.5)


def test_partials_of_other_notes_hide_the_texture() -> None:
    low = held(60)
    events = note_event(60, 0, N_FRAMES, N_FRAMES)
    both = note_frames(
        replace(
            events,
            pitch=np.array([60, 67]),
            start=np.zeros(2),
            end=np.full(2, float(N_FRAMES)),
            confidence=np.ones(2),
            strength_db=np.zeros(2),
        ),
        N_FRAMES,
    )
    power = np.full((N_FRAMES, WINDOW // 2 + 1), 1e-6, np.float32)
    between = np.full((N_FRAMES, N_NOISE), -60, np.float32)
    level_db = np.full((len(both), N_PARTIALS), 0, np.float32)
    chosen = np.flatnonzero(both.pitch == 60)
    alone = measure_texture(power, low, level_db[: len(low)], between, 0.0, np.arange(len(low)))
    chord = measure_texture(power, both, level_db, between, 0.0, chosen)
    # The fifth's fundamental (392 Hz) lies half way from the first partial to the second.
    assert (alone[:, 1, 0] < MISSING_DB).all()
    assert (chord[:, 1, 0] == MISSING_DB).all()


def test_the_texture_is_drawn_as_it_was_measured() -> None:
    frames = held(60, PER_FRAME)
    n_frames = N_FRAMES
    rows = in_long_transform(frames, n_frames)
    known = np.zeros((len(frames), N_PARTIALS, N_PLACES), np.float32)
    known[:, :, 0] = 15
    style = measured(frames, known)
    texture = recall_texture(style, frames.features[rows])
    np.testing.assert_allclose(texture, known[rows], atol=0.01)
    silent = np.full((len(band_hz()), n_frames), -130, np.float32)
    partials, noise = (
        np.full((len(frames), n), level, np.float32) for n, level in ((48, -120), (N_NOISE, -40))
    )
    prediction = Prediction(partials, noise, noise[0] - 90, 0.0, 0 * silent, silent, texture)
    straight = np.zeros((1, n_frames), np.float32)
    sound = synthesize(frames, prediction, straight, (n_frames - 1) * HOP, 0)
    power = hann_power(sound, WINDOW, HOP)[10:-10].mean(axis=0)
    # By partials 5 to 20 of 262 Hz, where a gap has 24 bins; above, the texture fades.
    places = np.round(texture_hz(partial_hz(np.array([60]), 0.0))[0, 5:20] / BIN_HZ).astype(int)
    level_db = 10 * np.log10(power[places]).mean(axis=0)
    assert level_db[0] - level_db[1:].mean() == pytest.approx(15, abs=3)


def test_young_noise_is_drawn_by_the_short_transform_and_old_by_the_long_one() -> None:
    ages = np.array([0.0, 0.04, 0.07, 0.1, 1.0])
    short, long = (10 ** (level / 10) for level in shares_db(ages))
    np.testing.assert_allclose(short + long, 1, atol=1e-5)
    assert short[1] == pytest.approx(1, abs=1e-4)
    assert long[3] == 1


def test_notes_add_up_where_they_sound_together() -> None:
    frames = held(60)
    rows = in_long_transform(frames, N_FRAMES)
    noise_db = np.full((len(rows), N_NOISE), -40, np.float32)
    texture = np.zeros((len(rows), N_PARTIALS, N_PLACES), np.float32)
    one = textured_power(frames[rows], noise_db, texture, 0.0, N_FRAMES)
    twice = np.concatenate([rows, rows])
    two = textured_power(
        frames[twice], np.tile(noise_db, (2, 1)), np.tile(texture, (2, 1, 1)), 0.0, N_FRAMES
    )
    np.testing.assert_allclose(two[10:], 2 * one[10:], rtol=1e-4)
    np.testing.assert_allclose(one[10:, 10:1500], 1e-4, rtol=1e-3)
