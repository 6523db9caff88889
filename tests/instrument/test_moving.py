"""Notes that were not recorded."""

import numpy as np
import pytest
from tiny_notes import RATE_HZ, note

from cambiata.arrays import Samples
from cambiata.instrument.moving import Source, choose_sources, make_note, velocity_db
from cambiata.instrument.pitch import measure_pitch
from cambiata.instrument.recorded import decay_db_s, open_note

N = RATE_HZ


def source(midi: int, velocity: int = 96, **how: float) -> Source:
    return open_note(note(midi, **how), RATE_HZ, "note", velocity=velocity, key=midi)


def centroid_hz(sound: Samples) -> float:
    power = np.abs(np.fft.rfft(sound[4410:])) ** 2
    return float(np.fft.rfftfreq(len(sound) - 4410, 1 / RATE_HZ) @ power / power.sum())


def test_at_its_own_pitch_a_note_is_as_recorded() -> None:
    sound = note(60, noise=0.001)
    made = make_note([(source(60, noise=0.001), 1.0)], 60, 96, N)
    n = min(len(made), N) - 4410
    error = made[:n] - sound[:n]
    assert np.mean(error**2) < 1e-3 * np.mean(sound[:n] ** 2)


@pytest.mark.parametrize("midi", [55.0, 63.5, 72.0])
def test_pitch_is_the_one_wanted(midi: float) -> None:
    made = make_note([(source(60), 1.0)], midi, 96, N)
    measured = measure_pitch(made[2000:-4000], RATE_HZ)
    assert measured is not None
    assert abs(measured.midi - midi) < 0.02


def test_noise_of_a_note_moved_far_up_does_not_end_before_it() -> None:
    made = make_note([(source(60, noise=0.003, duration_s=3.0), 1.0)], 78, 96, 3 * N)
    assert len(made) > N
    spectrum = np.fft.rfft(made, 4 * N)
    low = np.fft.irfft(np.where(np.fft.rfftfreq(4 * N, 1 / RATE_HZ) < 500, spectrum, 0))
    levels = [np.mean(part**2) for part in np.array_split(low[: len(made) - 500], 8)[1:]]
    assert max(levels) < 4 * min(levels)


def test_brightness_follows_formants_more_than_resampling_does() -> None:
    below = centroid_hz(note(55))
    moved = centroid_hz(make_note([(source(55), 1.0)], 67, 96, N))
    true = centroid_hz(note(67))
    assert abs(moved - true) < abs(2 * below - true)


def test_between_two_notes_decay_lies_between_theirs() -> None:
    both = [(source(55, decay_db_s=20), 0.5), (source(65, decay_db_s=40), 0.5)]
    made = make_note(both, 60, 96, N)
    assert 24 < decay_db_s(made, RATE_HZ) < 36


def test_a_softer_velocity_is_softer_and_duller() -> None:
    loud, soft = (make_note([(source(60), 1.0)], 60, v, N) for v in (96, 48))
    level_db = 10 * np.log10(np.mean(soft**2) / np.mean(loud**2))
    assert level_db == pytest.approx(velocity_db(48) - velocity_db(96), abs=3)
    assert centroid_hz(soft) < 0.95 * centroid_hz(loud)


def test_sources_are_those_around_a_place() -> None:
    sources = [source(key, velocity) for key in (48, 60) for velocity in (32, 96)]
    chosen = choose_sources(sources, 51, 96)
    assert [(round(s.model.midi), s.velocity) for s, _ in chosen] == [(48, 96), (60, 96)]
    assert [share for _, share in chosen] == [0.75, 0.25]
    assert len(choose_sources(sources, 51, 60)) == 4
    [(alone, share)] = choose_sources(sources, 30, 10)
    assert (round(alone.model.midi), alone.velocity, share) == (48, 32, 1.0)
