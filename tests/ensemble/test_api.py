"""Choirs from end to end: what is promised of them, and bad input."""

from pathlib import Path

import numpy as np
import pytest
from singing import RATE, contour, hiss, vowel

import cambiata
from cambiata.arrays import Samples
from cambiata.audio.loudness import LoudnessMeter
from cambiata.audio.sound import Audio
from cambiata.ensemble.f0 import track_pitch
from cambiata.errors import CambiataWarning, InputError

TUNE = [60, 64, 62, 60]
VOICE = np.concatenate(
    [hiss(0.15), vowel(contour(TUNE, 0.5, 30.0)), np.zeros(RATE // 5, np.float32)]
)
SOUND = Audio(VOICE, RATE, name="voice.wav")


def loudness_db(sound: Audio) -> float:
    meter = LoudnessMeter(sound.sample_rate)
    meter.add(sound.samples)
    return meter.loudness_db()


def chord(pitches: list[float]) -> Samples:
    return np.sum([vowel(contour([p], 2.0)) for p in pitches], axis=0).astype(np.float32)


def test_a_choir_is_as_long_and_as_loud_in_two_channels() -> None:
    made = cambiata.choir(SOUND, voices=4)
    assert (made.n_channels, made.n_samples, made.sample_rate) == (2, len(VOICE), RATE)
    assert loudness_db(made) == pytest.approx(loudness_db(SOUND), abs=0.3)
    mid, side = made.samples.sum(axis=0), made.samples[0] - made.samples[1]
    assert (side**2).sum() > 0.02 * (mid**2).sum()


def test_seeds_repeat_and_differ() -> None:
    one, same = (cambiata.choir(SOUND, voices=2, room="none") for _ in range(2))
    other = cambiata.choir(SOUND, voices=2, room="none", seed=1)
    assert np.array_equal(one.samples, same.samples)
    assert np.abs(one.samples - other.samples).max() > 0.01


def test_the_singer_alone_is_the_recording() -> None:
    made = cambiata.choir(SOUND, voices=3, lead=1.0)
    assert np.array_equal(made.samples, np.stack([VOICE, VOICE]))


def test_one_voice_without_spread_is_the_recording() -> None:
    made = cambiata.choir(SOUND, voices=1, spread=0.0, room="none").samples[0]
    # As a spectrum, for it comes part of a sample later.
    there, here = (np.abs(np.fft.rfft(each)) for each in (made, VOICE))
    rest = there * float((there * here).sum() / (there**2).sum()) - here
    assert 10 * np.log10((rest**2).sum() / (here**2).sum()) < -25


@pytest.mark.parametrize(("up", "letter", "semitones"), [(0, "S", 0), (12, "B", -24)])
def test_a_part_sings_the_tune_in_its_range(up: int, letter: str, semitones: int) -> None:
    voice = np.concatenate([hiss(0.15), vowel(contour([p + up for p in TUNE], 0.5, 30.0))])
    sound = Audio(voice, RATE)
    made = cambiata.choir(sound, voices=1, parts=letter, spread=0.0, room="none")
    track = track_pitch(made.samples[0], RATE, float(np.abs(made.samples).max()))
    starts = np.array([0.15 + 0.5 * i + 0.25 for i in range(len(TUNE))])
    sung = track.midi[(starts * 100).astype(int)]
    assert sung == pytest.approx(np.array(TUNE) + up + semitones, abs=0.45)


def test_stereo_and_other_rates_are_taken(tmp_path: Path) -> None:
    stereo = Audio(np.stack([VOICE, 0.5 * VOICE]), RATE).resampled(48000)
    stereo.save(tmp_path / "in.wav")
    done = cambiata.choir_file(
        tmp_path / "in.wav",
        tmp_path / "out.flac",
        voices=4,
        parts="satb",
        room="hall",
        tail_s=0.5,
        picture=tmp_path / "out.svg",
    )
    written = cambiata.load(tmp_path / "out.flac")
    assert (written.sample_rate, written.n_channels) == (48000, 2)
    assert written.duration_s == pytest.approx(len(VOICE) / RATE + 0.5, abs=0.001)
    assert (done.parts, done.key, done.is_one_voice) == ("SATB", "C major", True)
    assert "<svg" in (tmp_path / "out.svg").read_text()


def test_a_voice_with_many_consonants_is_one_voice() -> None:
    words = np.concatenate([np.concatenate([hiss(0.25), vowel(contour([p], 0.3))]) for p in TUNE])
    options = {"voices": 2, "room": "none", "parts": "SA"}
    assert cambiata.choir(Audio(words, RATE), **options).n_samples == len(words)


def test_several_notes_at_once_are_doubled_whole() -> None:
    sound = Audio(chord([48, 54.3, 59.6, 65.2]), RATE, name="chord.wav")
    with pytest.warns(CambiataWarning, match="the whole sound is doubled"):
        made = cambiata.choir(sound, voices=3)
    assert made.n_samples == sound.n_samples
    with pytest.raises(InputError, match="several notes at once, and parts are made of one voice"):
        cambiata.choir(sound, parts="SA", voices=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"voices": 0}, "voices 0: is out of range; use 1 to 64"),
        ({"voices": 65}, "voices 65: is out of range"),
        ({"parts": "SAX"}, "parts SAX: are unknown; write up to 8 letters of S, A, T and B"),
        ({"parts": ""}, "are unknown"),
        ({"parts": "SATB", "voices": 3}, "voices 3: are fewer than parts SATB; use 4 or more"),
        ({"parts": "SA", "key": "H"}, "key H: is not a key"),
        ({"key": "D"}, "key: is for parts"),
        ({"spread": 1.5}, "spread 1.5: is out of range"),
        ({"lead": -0.1}, "lead -0.1: is out of range"),
        ({"room": "cave"}, "room cave: is unknown; use small, hall or none"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        cambiata.choir(SOUND, **options)


def test_sounds_that_are_no_voice_are_refused() -> None:
    for sound, message in (
        (np.zeros(RATE), "is silent"),
        (VOICE[:2000], "lasts 0.09 s, too short for a voice"),
        (drums(), "has no pitch"),
        (hiss(2.0), "has no pitch"),
    ):
        with pytest.raises(InputError, match=message):
            cambiata.choir(Audio(sound, RATE, name="a.wav"))


def drums() -> Samples:
    rng = np.random.default_rng(0)
    sound = np.zeros(3 * RATE, np.float32)
    for at in range(0, len(sound) - 4000, 5000):
        sound[at : at + 4000] += rng.standard_normal(4000) * np.exp(-np.arange(4000) / 500)
    return 0.2 * sound
