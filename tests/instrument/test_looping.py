"""Loops without clicks, and what a sampler makes of decays."""

import numpy as np
import pytest
from tiny_notes import RATE_HZ, note

from cambiata.arrays import Samples
from cambiata.instrument.looping import held_until, make_loop, release_db_s
from cambiata.instrument.recorded import envelope_db

HZ = 220.0


def held(samples: Samples, loop: tuple[int, int], seconds: float) -> Samples:
    """A looped sound, held."""
    start, end = loop
    at = np.arange(round(seconds * RATE_HZ))
    return samples[np.where(at < end, at, start + (at - start) % (end - start))]


def roughness(samples: Samples) -> float:
    """The greatest third difference: a click's, where there is one."""
    return float(np.abs(np.diff(samples, 3)).max())


@pytest.mark.parametrize("noise", [0.0, 0.003])
def test_a_loop_has_no_click_and_no_step(noise: float) -> None:
    sound = note(57, duration_s=2.0, noise=noise)
    looped = make_loop(sound, RATE_HZ, HZ, round(1.8 * RATE_HZ), 0.0)
    assert looped.loop is not None
    start, end = looped.loop
    assert end - start > 0.3 * RATE_HZ
    out = held(looped.samples, looped.loop, 5.0)
    assert roughness(out[4410:]) < 1.2 * roughness(sound[4410 : round(1.7 * RATE_HZ)])
    level = envelope_db(out[RATE_HZ // 2 :], RATE_HZ)
    assert np.ptp(level) < 1.5
    # Up to the crossfade it is the recording itself.
    np.testing.assert_array_equal(looped.samples[:start], sound[:start])
    # A loop at any other place would click.
    rough = max(roughness(held(sound, (start + n, end), 5.0)[4410:]) for n in (25, 50, 75, 100))
    assert rough > 1.5 * roughness(out[4410:])


def test_what_decays_is_levelled_within_the_loop() -> None:
    sound = note(57, duration_s=2.0, decay_db_s=15)
    looped = make_loop(sound, RATE_HZ, HZ, len(sound), 15.0)
    assert looped.loop is not None
    assert looped.decay_db_s == pytest.approx(15, rel=0.05)
    start = looped.loop[0]
    out = held(looped.samples, looped.loop, 4.0)
    t = np.maximum(np.arange(len(out)) - start, 0) / RATE_HZ
    level = envelope_db(out * 10 ** (-looped.decay_db_s * t / 20), RATE_HZ)[20:]
    line = level[0] - 15 * 0.01 * np.arange(len(level))
    assert np.abs(level - line).max() < 1.0


def test_a_sound_that_swells_does_not_jump_back() -> None:
    sound = note(57, duration_s=2.0)
    sound = sound * np.linspace(1, 2.5, len(sound), dtype=np.float32)
    looped = make_loop(sound, RATE_HZ, HZ, round(1.8 * RATE_HZ), 0.0)
    assert looped.loop is not None
    level = envelope_db(held(looped.samples, looped.loop, 4.0)[RATE_HZ // 2 :], RATE_HZ)
    assert np.ptp(level) > 2  # it does go back, but over a fifth of a second
    assert np.abs(np.diff(level)).max() < 1


@pytest.mark.parametrize("midi", [24, 40, 100])
def test_low_and_high_notes_are_looped(midi: int) -> None:
    sound = note(midi, duration_s=1.0)
    hz = 440 * 2 ** ((midi - 69) / 12)
    looped = make_loop(sound, RATE_HZ, hz, len(sound) - 4410, 0.0)
    assert looped.loop is not None
    start, end = looped.loop
    periods = (end - start) * hz / RATE_HZ
    assert abs(periods - round(periods)) < 0.05 + hz / RATE_HZ  # to a sample


def test_what_has_decayed_needs_no_loop() -> None:
    sound = note(57, duration_s=2.0, decay_db_s=60)
    looped = make_loop(sound, RATE_HZ, HZ, len(sound), 60.0)
    assert looped.loop is None
    assert 0.9 * RATE_HZ < len(looped.samples) < 1.3 * RATE_HZ
    assert looped.samples[-1] == 0


def test_release_is_as_fast_as_the_recording_ends() -> None:
    t = np.arange(2 * RATE_HZ) / RATE_HZ
    fall = 10 ** (-100 * np.maximum(t - 1, 0) / 20)
    sound = (0.3 * np.sin(2 * np.pi * HZ * t) * fall).astype(np.float32)
    end = held_until(sound, RATE_HZ, decays=False)
    assert end == pytest.approx(1.06 * RATE_HZ, rel=0.03)
    assert release_db_s(sound, RATE_HZ, end) == pytest.approx(100, rel=0.15)
