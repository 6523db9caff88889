"""Sounds in rooms: loudness, mix, length, place."""

import numpy as np
import pytest
from rooms import convolved, noise_room
from sounds import melody

import cambiata
from cambiata.audio.loudness import LoudnessMeter
from cambiata.audio.sound import Audio

RATE = 22050
DRY = Audio(np.pad(melody([60, 64, 67, 72]), (2000, 0)), RATE, "PCM_16", "dry.wav")
ROOM = noise_room(0.6, RATE, lead=500)


def loudness(sound: Audio) -> float:
    meter = LoudnessMeter(sound.sample_rate)
    meter.add(sound.samples)
    return meter.loudness_db()


@pytest.mark.parametrize("amount", [0.3, 1.0])
def test_the_loudness_stays(amount: float) -> None:
    wet = cambiata.reverb_apply(DRY, Audio(ROOM, RATE), amount=amount)
    assert len(wet) == len(DRY)
    assert loudness(wet) == pytest.approx(loudness(DRY), abs=0.1)


def test_it_is_the_convolution_from_the_direct_sound_on() -> None:
    before = DRY.samples.copy()
    wet = cambiata.reverb_apply(DRY, Audio(ROOM, RATE), tail_s=0.5)
    assert len(wet) == len(DRY) + RATE // 2
    whole = convolved(DRY.samples[0], ROOM)[500:]
    expected = np.pad(whole, (0, max(0, len(wet) - len(whole))))[: len(wet)]
    gain = (wet.samples[0] * expected).sum() / (expected**2).sum()
    np.testing.assert_allclose(wet.samples[0], gain * expected, atol=1e-4)
    assert np.abs(wet.samples[0, :1990]).max() < 1e-4  # silence stays until the sound begins
    np.testing.assert_array_equal(DRY.samples, before)


def test_nothing_of_it_is_the_sound() -> None:
    same = cambiata.reverb_apply(DRY, Audio(ROOM, RATE), amount=0)
    np.testing.assert_array_equal(same.samples, DRY.samples)


def test_another_rate_is_the_same_room() -> None:
    from cambiata.audio.source import resample

    wet = cambiata.reverb_apply(DRY, Audio(ROOM, RATE))
    other = cambiata.reverb_apply(DRY, Audio(resample(ROOM, RATE, 48000), 48000))
    assert np.corrcoef(wet.samples[0], other.samples[0])[0, 1] > 0.98


def test_bad_input_in_one_line() -> None:
    room = Audio(ROOM, RATE, name="room.wav")
    silence = Audio(np.zeros(RATE), RATE, name="s.wav")
    three = Audio(np.stack([ROOM] * 3), RATE, name="three.wav")
    stereo = Audio(np.stack([DRY.samples[0]] * 2), RATE, name="dry.wav")
    for sound, place, options, message in (
        (silence, room, {}, r"s\.wav: is silent"),
        (DRY, silence, {}, r"s\.wav: is silent; give an impulse response"),
        (stereo, three, {}, r"three\.wav: has 3 channels, and dry\.wav has 2; use a room of one"),
        (DRY, Audio(np.ones(61 * 4000), 4000, name="r.wav"), {}, r"r\.wav: lasts 61 s, longer"),
        (DRY, room, {"amount": 2}, "amount 2: is out of range; use 0 to 1"),
        (DRY, room, {"tail_s": -1}, "tail -1 s: is out of range"),
    ):
        with pytest.raises(cambiata.InputError, match=message):
            cambiata.reverb_apply(sound, place, **options)  # type: ignore[arg-type]
