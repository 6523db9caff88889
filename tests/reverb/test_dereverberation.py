"""Reverb that is taken out: less of what is late, all of what is early."""

import numpy as np
import pytest
from rooms import convolved, noise_room

import cambiata
from cambiata.audio.sound import Audio

RATE = 16000


def _early_db(sound: np.ndarray, target: np.ndarray) -> float:
    """Energy along the target over the rest."""
    gain = (sound * target).sum() / (target**2).sum()
    return float(10 * np.log10(gain**2 * (target**2).sum() / ((sound - gain * target) ** 2).sum()))


def test_late_reverb_goes_and_early_sound_stays() -> None:
    rng, n = np.random.default_rng(0), 6 * RATE
    loud = np.repeat(rng.uniform(0, 1, 60) ** 2, RATE // 10)
    dry = (loud * rng.standard_normal(n)).astype(np.float32)
    rooms = [noise_room(0.6, RATE, seed) for seed in (1, 2)]
    early = [np.where(np.arange(len(room)) < 48 + RATE // 20, room, 0) for room in rooms]
    wet = np.stack([convolved(dry, room)[:n] for room in rooms]) * 0.2
    targets = [convolved(dry, room)[:n] for room in early]
    for sound, least_db in ((wet[:1], 0.8), (wet, 2.0)):  # two microphones tell more than one
        out = cambiata.reverb_remove(Audio(sound, RATE))
        assert out.samples.shape == sound.shape
        gain_db = _early_db(out.samples[0], targets[0]) - _early_db(sound[0], targets[0])
        assert gain_db > least_db


def test_nothing_of_it_is_the_sound_and_silence_is_refused() -> None:
    sound = Audio(np.random.default_rng(0).standard_normal(RATE) / 9, RATE, name="a.wav")
    np.testing.assert_array_equal(cambiata.reverb_remove(sound, amount=0).samples, sound.samples)
    with pytest.raises(cambiata.InputError, match=r"a\.wav: is silent"):
        cambiata.reverb_remove(Audio(np.zeros(RATE), RATE, name="a.wav"))
