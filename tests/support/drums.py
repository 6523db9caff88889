"""Drums without a drum kit: snares (noise, and a skin that rings for a moment) and kicks."""

import numpy as np

from cambiata.arrays import Samples


def drums(duration_s: float, rate: int, level: float = 0.3) -> tuple[Samples, list[float]]:
    """A beat [T], and the seconds at which it is struck."""
    rng = np.random.default_rng(0)
    out = np.zeros(round(duration_s * rate), np.float32)
    strikes = [float(x) for x in np.arange(0.25, duration_s - 0.2, 0.5)]
    t = np.arange(round(0.2 * rate)) / rate
    for i, strike in enumerate(strikes):
        if i % 2:
            skin = np.sin(2 * np.pi * 185 * t) * np.exp(-t / 0.05)
            hit = 0.5 * rng.standard_normal(len(t)) * np.exp(-t / 0.03) + skin
        else:
            hit = 2 * np.sin(2 * np.pi * (50 * t + 2 * (1 - np.exp(-t / 0.03)))) * np.exp(-t / 0.06)
        at = round(strike * rate)
        out[at : at + len(t)] += (level * hit).astype(np.float32)
    return out, strikes
