"""Recordings of single notes, and what is refused as one."""

import numpy as np
import pytest
from tiny_notes import RATE_HZ, note, recording

from cambiata.arrays import Samples
from cambiata.errors import InputError
from cambiata.instrument.recorded import (
    decay_db_s,
    find_onset,
    is_decaying,
    is_one_note,
    is_polyphonic,
    named_key,
    named_velocity,
    open_note,
)


def chord(*keys: int) -> Samples:
    return np.sum([0.4 * note(key) for key in keys], axis=0).astype(np.float32)


@pytest.mark.parametrize(
    ("sound", "problem"),
    [
        (np.zeros(RATE_HZ, np.float32), "is silent"),
        (note(60)[: RATE_HZ // 10], "sounds for 0.08 s"),
        (0.1 * np.random.default_rng(0).standard_normal(RATE_HZ).astype(np.float32), "no pitch"),
        (np.concatenate([note(60), note(65)]), "holds more than one note"),
        (chord(60, 64, 67), "several notes at once"),
        (chord(60, 67), "several notes at once"),
        (chord(57, 61), "several notes at once"),
    ],
    ids=["silence", "click", "noise", "two notes", "triad", "fifth", "third"],
)
def test_what_is_not_one_note_is_refused(sound: Samples, problem: str) -> None:
    with pytest.raises(InputError, match=f"a.wav: .*{problem}"):
        open_note(sound, RATE_HZ, "a.wav", velocity=96)


@pytest.mark.parametrize(("midi", "decay"), [(30, 30.0), (45, 0.0), (76, 0.0), (96, 30.0)])
def test_single_notes_are_taken(midi: int, decay: float) -> None:
    opened = open_note(note(midi, decay_db_s=decay, noise=0.001), RATE_HZ, "a", velocity=96)
    assert round(opened.model.midi) == midi
    assert opened.decays == bool(decay)


def test_single_partials_beside_the_comb_are_no_second_note() -> None:
    t = np.arange(RATE_HZ) / RATE_HZ
    bell = sum(np.sin(2 * np.pi * 440 * ratio * t) for ratio in (1, 2.76, 5.4))
    bell = (0.2 * bell * np.exp(-3 * t)).astype(np.float32)
    assert not is_polyphonic(bell, RATE_HZ, 440.0)


def test_onset_and_decay() -> None:
    sound = note(60, decay_db_s=30)
    assert abs(find_onset(sound) - 882) < 100
    assert decay_db_s(sound, RATE_HZ) == pytest.approx(30, rel=0.1)


@pytest.mark.parametrize(
    ("name", "key", "velocity"),
    [
        ("A#1v80.wav", 34, 80),
        ("piano-Gb-1_ff.wav", 6, 112),
        ("C4.wav", 60, None),
        ("cello_vel-127.wav", None, 127),
        ("vel.wav", None, None),
    ],
)
def test_names_tell_key_and_velocity(name: str, key: int | None, velocity: int | None) -> None:
    assert named_key(name) == key
    assert named_velocity(name) == velocity


def test_a_fast_decay_that_slows_down_is_a_decay() -> None:
    sound = note(60, duration_s=2.0, release_s=0.001)
    t = np.arange(len(sound)) / RATE_HZ
    two_stages = sound * (10 ** (-60 * t / 20) + 0.05 * 10 ** (-2 * t / 20))
    assert is_decaying(two_stages.astype(np.float32), RATE_HZ)
    assert not is_decaying(sound, RATE_HZ)


def test_a_phrase_is_not_one_note() -> None:
    assert is_one_note(recording("a", 60))
    phrase = recording("a", 60)
    sound = np.concatenate([note(60, duration_s=0.5), note(64, duration_s=0.5)])
    assert not is_one_note(type(phrase)(sound, RATE_HZ))
