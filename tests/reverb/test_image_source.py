"""Simulated rooms: Allen and Berkley's closed forms, Eyring's times, paths."""

import numpy as np
import pytest
from rooms import convolved
from sounds import melody

import cambiata
from cambiata.audio.sound import Audio
from cambiata.reverb.decay import measure_octaves
from cambiata.reverb.image_source import SPEED_M_S, Shoebox, along
from cambiata.reverb.rendering import OnPath

RATE = 16000
SIZE, HERE, THERE = (8.0, 5.0, 3.0), (2.0, 2.0, 1.5), (6.0, 3.0, 1.5)


def test_direct_sound_and_floor_come_when_and_as_loud_as_they_do() -> None:
    response = Shoebox(SIZE, 0.5).response(THERE, [HERE], RATE)[0]
    distance = float(np.linalg.norm(np.subtract(THERE, HERE)))
    floor = float(np.hypot(distance, 3.0))  # and the ceiling: both are 1.5 m away

    def energy(distance_m: float) -> float:
        at = round(distance_m / SPEED_M_S * RATE)
        return float(np.sqrt((response[at - 8 : at + 9].astype(np.float64) ** 2).sum()))

    assert energy(distance) == pytest.approx(1 / distance, rel=0.05)
    assert energy(floor) == pytest.approx(2 * np.sqrt(0.5) / floor, rel=0.15)
    assert np.abs(response[: round(0.9 * distance / SPEED_M_S * RATE)]).max() < 1e-3


@pytest.mark.parametrize("rt60_s", [0.4, 1.5])
def test_its_time_is_the_one_asked_for(rt60_s: float) -> None:
    room = cambiata.reverb_room(SIZE, HERE, THERE, rt60_s=rt60_s, sample_rate=RATE, n_channels=2)
    assert room.n_channels == 2
    assert np.corrcoef(room.samples)[0, 1] < 0.9
    for octave in measure_octaves(room.samples[0], RATE, 190)[2:]:
        assert octave.rt60_s == pytest.approx(rt60_s, rel=0.05)


def test_absorption_and_time_are_eyrings() -> None:
    sabine = 0.161 * 120 / (-158 * np.log(1 - 0.3))
    assert Shoebox(SIZE, 0.3).rt60_s == pytest.approx(sabine, rel=0.01)
    assert Shoebox.of_time(SIZE, 0.7).rt60_s == pytest.approx(0.7)


def test_a_path_that_stays_is_a_room() -> None:
    box = Shoebox.of_time(SIZE, 0.3)
    dry = Audio(melody([60, 64, 67], rate=RATE), RATE)
    moved = np.concatenate(list(OnPath(dry, box, [THERE], [HERE], 1.0, 0.3, 0).blocks()), axis=1)[0]
    whole = convolved(dry.samples[0], box.response(THERE, [HERE], RATE)[0])
    whole = np.pad(whole, (0, max(0, len(moved) - len(whole))))[: len(moved)]
    gain = (moved * whole).sum() / (whole**2).sum()
    assert len(moved) == len(dry) + round(0.3 * RATE)
    np.testing.assert_allclose(moved, gain * whole, atol=1e-4)


def test_a_source_that_walks_away_grows_softer() -> None:
    box, rng = Shoebox((20.0, 10.0, 4.0), 0.9), np.random.default_rng(0)
    dry = Audio(0.1 * rng.standard_normal(2 * RATE), RATE)
    path = [(2.0, 5.0, 2.0), (18.0, 5.0, 2.0)]
    moved = np.concatenate(list(OnPath(dry, box, path, [(1.0, 5.0, 2.0)], 1.0, 0, 0).blocks()), 1)
    first, last = moved[0, : RATE // 4], moved[0, -RATE // 4 :]
    assert 20 * np.log10(first.std() / last.std()) > 10
    assert along([(0, 0, 0), (0, 4, 0)], 0.5) == (0, 2, 0)


def test_bad_rooms_in_one_line() -> None:
    for size, source, options, message in (
        (SIZE, (9, 1, 1), {}, "source: 9,1,1 is outside of the room; use 0,0,0 to 8,5,3"),
        ((8, 5), THERE, {}, r"size: has 2 numbers; give three, in metres"),
        ((8, 5, 0), THERE, {}, "size 0: is out of range; use 0.5 to 200"),
        (SIZE, THERE, {"rt60_s": 0}, "rt60 0: is out of range"),
        (SIZE, THERE, {"absorption": 1.5}, "absorption 1.5: is out of range"),
        (SIZE, THERE, {"rt60_s": 1, "absorption": 0.5}, "leave out one of them"),
        (SIZE, THERE, {"n_channels": 3}, "n_channels 3: is out of range"),
    ):
        with pytest.raises(cambiata.InputError, match=message):
            cambiata.reverb_room(size, HERE, source, **options)  # type: ignore[arg-type]
