"""Rooms by recordings of sweeps and claps in them: known rooms come back, bad input does not."""

from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
from rooms import noise_room, recorded

import cambiata
from cambiata.reverb.decay import measure_octaves
from cambiata.reverb.impulse import is_clipped, room_by_clap, room_by_sweep, shape_noise
from cambiata.reverb.sweep import make_sweep, read_sweep

RATE = 16000
ROOM = noise_room(0.5, RATE, lead=16)
SOUND = make_sweep(3.0, 50, 7500, RATE, 1.0, -6)
SWEEP = read_sweep(SOUND, RATE, "sweep.wav")
TRUE = measure_octaves(ROOM, RATE, 16)


@pytest.mark.parametrize("with_markers", [True, False])
@pytest.mark.parametrize(("snr_db", "drift"), [(90, 0.0), (20, 100e-6), (20, -300e-6)])
def test_a_room_by_a_sweep(with_markers: bool, snr_db: float, drift: float) -> None:
    sweep = SWEEP if with_markers else replace(SWEEP, markers=None)
    sound = recorded(SOUND, ROOM, RATE, snr_db=snr_db, drift=drift)
    guessed = nullcontext() if with_markers else pytest.warns(match="the drift .* only guessed")
    with guessed:
        room = room_by_sweep(sound[None], RATE, sweep, "recorded.wav")
    # The drift is undone to a thirtieth of a sample a second with markers, else to 0.4.
    assert room.drift_ppm == pytest.approx(drift * 1e6, abs=2 if with_markers else 25)
    assert room.onset_s == pytest.approx(0.3 + 2.7 + 0.001, abs=0.004)
    for found, true in zip(measure_octaves(room.raw[0], RATE, room.start), TRUE, strict=True):
        assert found.rt60_s == pytest.approx(true.rt60_s, rel=0.05)
        assert found.c50_db == pytest.approx(true.c50_db, abs=0.5)
    # The response itself is the room's, apart from the band and a level.
    n, at = RATE // 4, int(np.argmax(np.abs(room.response[0])))
    likeness = np.corrcoef(room.response[0, at : at + n], ROOM[16 : 16 + n])[0, 1]
    assert likeness > (0.94 if snr_db > 50 else 0.75)


def test_the_noise_of_a_response_decays_on() -> None:
    noisy = ROOM + 10 ** (-50 / 20) * np.random.default_rng(3).standard_normal(len(ROOM))
    shaped = shape_noise(noisy[None].astype(np.float32), RATE, 16)
    tail = slice(round(0.4 * RATE), round(0.5 * RATE))
    level_db = [10 * np.log10((x[tail] ** 2).mean()) for x in (ROOM, noisy, shaped[0])]
    assert level_db[1] > level_db[0] + 8
    assert level_db[2] == pytest.approx(level_db[0], abs=5)


def test_distortion_is_cut_off_and_its_level_told() -> None:
    driven = SOUND + 0.05 * SOUND**2 + 0.1 * SOUND**3
    room = room_by_sweep(recorded(driven, ROOM, RATE)[None], RATE, SWEEP, "recorded.wav")
    assert room.harmonics_db is not None
    # Of a sine of amplitude 1/2: the square gives a 0.05 a^2 / 2, the cube a 0.1 a^3 / 4.
    a = 10 ** (-6 / 20)
    assert room.harmonics_db[2] == pytest.approx(20 * np.log10(0.05 * a / 2), abs=2)
    assert room.harmonics_db[3] == pytest.approx(20 * np.log10(0.1 * a**2 / 4), abs=2)
    for found, true in zip(measure_octaves(room.raw[0], RATE, room.start), TRUE, strict=True):
        assert found.rt60_s == pytest.approx(true.rt60_s, rel=0.05)


def test_a_room_by_the_best_of_three_claps() -> None:
    noise = 1e-4 * np.random.default_rng(2).standard_normal(4 * RATE)
    for at_s, level in ((0.5, 0.5), (0.75, 0.3), (2.2, 0.4)):
        noise[round(at_s * RATE) :][: len(ROOM)] += level * ROOM
    room = room_by_clap(noise[None].astype(np.float32), RATE, "clap.wav")
    assert room.onset_s == pytest.approx(2.201, abs=0.002)  # the loudest is cut off
    for found, true in zip(measure_octaves(room.raw[0], RATE, room.start), TRUE, strict=True):
        assert found.rt60_s == pytest.approx(true.rt60_s, rel=0.1)


def _bad() -> dict[str, tuple[np.ndarray, str]]:
    good = recorded(SOUND, ROOM, RATE)
    other = recorded(make_sweep(6.0, 50, 7500, RATE, 1.0, -6), ROOM, RATE)
    narrower = recorded(make_sweep(3.0, 400, 4000, RATE, 1.0, -6), ROOM, RATE)
    noise = 0.1 * np.random.default_rng(0).standard_normal(7 * RATE)
    return {
        "silent": (0 * good, "is silent; check the microphone"),
        "clipped": (np.clip(good, -0.3, 0.3), "is clipped; turn the recorder down"),
        "short": (good[: 2 * RATE], "lasts 2.0 s, and the sweep 3.0 s; record until"),
        "slower": (other, "holds another sweep: from .* it takes 5.. s, and this sweep"),
        "narrower": (narrower, "holds another sweep: from 4.. to [34]... Hz"),
        "noise": (noise, "no sweep is heard in it"),
        "late": (good[4 * RATE :], "begins within the sweep|no sweep is heard|lasts"),
        "early": (good[: round(5.0 * RATE)], "ends before the sweep does"),
    }


@pytest.mark.parametrize("kind", _bad())
def test_bad_recordings_are_refused_in_one_line(kind: str) -> None:
    sound, message = _bad()[kind]
    with pytest.raises(cambiata.InputError, match=rf"^r\.wav: ({message})") as caught:
        room_by_sweep(sound[None].astype(np.float32), RATE, SWEEP, "r.wav")
    assert "\n" not in str(caught.value)


def test_noise_and_tones_are_no_claps() -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal((1, 2 * RATE)).astype(np.float32)
    with pytest.raises(cambiata.InputError, match=r"no decay is found|no clap that stands out"):
        room_by_clap(noise, RATE, "clap.wav")


def test_a_sine_and_noise_are_not_clipped() -> None:
    t = np.arange(RATE) / RATE
    assert not is_clipped(np.sin(2 * np.pi * 440 * t))
    assert not is_clipped(np.random.default_rng(0).standard_normal(RATE))
    assert not is_clipped(SOUND)
    assert is_clipped(np.clip(SOUND, -0.4, 0.4))
