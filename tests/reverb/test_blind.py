"""Blind estimates: free decays in known energies, known rooms, and what cannot be estimated."""

import numpy as np
import pytest
from rooms import convolved
from sounds import melody

import cambiata
from cambiata.audio.sound import Audio
from cambiata.reverb.blind import CENTRES_HZ, RATE_HZ, find_falls
from cambiata.reverb.tail import decaying_noise, with_direct


def _speech(seed: int) -> np.ndarray:
    """Bursts of noise with pauses, 12 s."""
    rng, out = np.random.default_rng(seed), np.zeros(12 * RATE_HZ, np.float32)
    at_s = 0.2
    while at_s < 11:
        n = round(rng.choice([0.1, 0.2]) * RATE_HZ)
        out[round(at_s * RATE_HZ) :][:n] = rng.standard_normal(n)[
            : len(out) - round(at_s * RATE_HZ)
        ]
        at_s += rng.choice([0.4, 0.7, 1.2])
    return out


def test_falls_have_the_times_that_they_have() -> None:
    t = np.arange(0, 4, 0.005)
    level_db = np.full(len(t), -70.0)
    for begin_s, time_s in ((0.5, 0.5), (2.0, 1.0)):
        held = (t >= begin_s) & (t < begin_s + 0.2)
        falling = t >= begin_s + 0.2
        level_db[held] = 0
        decay_db = -14 - 60 * (t - begin_s - 0.2) / time_s  # 14 dB go at once: the direct sound
        level_db[falling] = np.maximum(decay_db[falling], -70)
    falls = find_falls(10 ** (level_db / 10)).deeper_than(24)
    assert falls.times_s == pytest.approx([0.5, 1.0], rel=0.1)


@pytest.mark.parametrize("rt60_s", [0.4, 1.0])
def test_the_time_of_a_known_room(rt60_s: float) -> None:
    room = with_direct(decaying_noise(dict.fromkeys(CENTRES_HZ, rt60_s), RATE_HZ), 0.0)[0]
    found = cambiata.reverb_estimate(Audio(convolved(_speech(0), room), RATE_HZ))
    assert set(found.times_s) == set(CENTRES_HZ)
    assert found.rt60_s == pytest.approx(rt60_s, rel=0.2)


def test_a_drone_and_silence_have_no_decay() -> None:
    t = np.arange(5 * RATE_HZ) / RATE_HZ
    for sound in (0.5 * np.sin(2 * np.pi * 440 * t), 0 * t):
        with pytest.raises(cambiata.InputError, match=r"^a\.wav: no decay is found in it; choose"):
            cambiata.reverb_estimate(Audio(sound, RATE_HZ, name="a.wav"))


def test_what_is_matched_has_the_references_time() -> None:
    room = with_direct(decaying_noise(dict.fromkeys(CENTRES_HZ, 1.2), RATE_HZ), -3.0)[0]
    reference = Audio(convolved(_speech(1), room), RATE_HZ)
    dry = Audio(_speech(2) * 0.2, RATE_HZ)
    wet = cambiata.reverb_match(dry, reference, tail_s=1)
    assert len(wet) == len(dry) + RATE_HZ
    found, meant = cambiata.reverb_estimate(wet).rt60_s, cambiata.reverb_estimate(reference).rt60_s
    assert found == pytest.approx(meant, rel=0.2)
    again = cambiata.reverb_match(dry, reference, tail_s=1)
    np.testing.assert_array_equal(again.samples, wet.samples)
    other = cambiata.reverb_match(dry, reference, tail_s=1, seed=1)
    assert not np.array_equal(other.samples, wet.samples)


def test_low_rates_have_fewer_octaves() -> None:
    room = with_direct(decaying_noise(dict.fromkeys(CENTRES_HZ, 0.5), RATE_HZ), 0.0)[0]
    sound = convolved(_speech(3), room)[::2]
    found = cambiata.reverb_estimate(Audio(sound, 8000))
    assert found.times_s[4000.0] is None
    assert found.times_s[500.0] is not None
    assert cambiata.reverb_match(Audio(melody([60, 62], rate=8000), 8000), Audio(sound, 8000))
