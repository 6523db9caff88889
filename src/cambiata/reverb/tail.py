"""Reverb made of noise: late reverberation that decays in each octave at a rate of its own."""

from collections.abc import Mapping

import numpy as np

from cambiata.arrays import Samples
from cambiata.reverb.decay import LN_60_DB
from cambiata.reverb.octaves import Bands, split_octaves

# How far a tail decays before it ends.
_DEPTH_DB = 70.0


def decaying_noise(
    times_s: Mapping[float, float], sample_rate: int, n_channels: int = 1, seed: int = 0
) -> Bands:
    """Noise [C, T] whose octaves decay by 60 dB in given times, each of one energy a hertz.

    Late reverberation is Gaussian noise with an exponential envelope (Moorer 1979). Channels are
    independent of each other, as they are far from the source.
    """
    centres_hz = sorted(times_s)
    n = max(64, round(_DEPTH_DB / 60 * max(times_s.values()) * sample_rate))
    t = np.arange(n) / sample_rate
    rng = np.random.default_rng(seed)
    noise = np.zeros((n_channels, n))
    for row in noise:
        bands = split_octaves(rng.standard_normal(n).astype(np.float32), sample_rate, centres_hz)
        for band, centre_hz in zip(bands, centres_hz, strict=True):
            # As much energy in all as a decay of one second: a long one is not a loud one.
            level = 1 / np.sqrt(times_s[centre_hz])
            row += level * band * np.exp(-LN_60_DB / 2 * t / times_s[centre_hz])
    return noise


def with_direct(noise: Bands, direct_db: float, delay_samples: int = 0) -> Samples:
    """Response [C, T] of a direct sound, `direct_db` above the energy of the reverb after it."""
    response = np.pad(noise, ((0, 0), (delay_samples, 0)))
    response /= np.sqrt((response**2).sum(axis=1).mean())
    response *= 10 ** (-direct_db / 20)
    response[:, 0] += 1.0
    scaled: Samples = (response / np.abs(response).max()).astype(np.float32)
    return scaled
