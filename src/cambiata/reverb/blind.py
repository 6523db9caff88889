"""Reverberation time of a recording of music or speech, estimated without its source.

Where a sound stops, what is left is the room's (free decays: Prego et al., "Blind estimators for
reverberation time and direct-to-reverberant energy ratio using subband speech", WASPAA 2015).
Sounds that die away by themselves fall slower than the room alone, and noise makes single falls
steeper: the time is a low quantile of all falls of an octave, where Prego et al., for speech alone,
take the median. Quantile and depths were chosen on synthetic rooms with sequences of single notes
and bursts (`benchmarks/reverb_calibration.py`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio.downmix import mono_blocks
from cambiata.audio.source import Source, resample_blocks
from cambiata.reverb.octaves import octave_bands

Array = npt.NDArray[np.float64]

RATE_HZ = 16_000
CENTRES_HZ = (125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0)
_HOP_S, _SMOOTHING_S = 0.005, 0.06
_CHUNK_S = 60.0  # measured at once; what falls across a border is not counted
# A fall ends where the level rises by this: less is a decay's own flutter, and leaves the steepest.
# Its first share (in dB) is the end of the source and of
# the direct sound: with it, half the time would come out for a source that stops at once.
_RISE_DB, _FIRST_SHARE, _LEAST_FIRST_DB = 5.0, 0.35, 2.0
_LONGEST_S = 3.0
_DEEPEST_DB = 45.0  # further down, gates and cut responses end in cliffs
# Noise: what is below but the quietest fiftieth of the time, and as much above it as bends a fall.
_FLOOR_PERCENT, _ABOVE_FLOOR_DB = 2.0, 6.0
# Falls that count, in tiers: deep ones are more exact (median errors of 9.0, 9.4 and 10.4 % an
# octave), shallow ones are taken where there are fewer than three.
TIERS_DB: tuple[float, ...] = (30.0, 24.0, 16.0)
_LEAST_FALLS = 3
# 0.4 is 9 % too long on the median, 0.5 is 14 %.
_QUANTILE = 0.2
# An octave's time is half its own, half the median of itself and its neighbours (in logarithms).
_OF_NEIGHBOURS = 0.5


@dataclass(frozen=True)
class Falls:
    """Free decays of an octave: their times of 60 dB, and their depths, [N] each."""

    times_s: Array
    depths_db: Array

    def __add__(self, other: "Falls") -> "Falls":
        times_s = np.concatenate([self.times_s, other.times_s])
        return Falls(times_s, np.concatenate([self.depths_db, other.depths_db]))

    def deeper_than(self, least_db: float) -> "Falls":
        """Those that count."""
        kept = self.depths_db >= least_db
        return Falls(self.times_s[kept], self.depths_db[kept])


@dataclass(frozen=True)
class BlindEstimate:
    """Reverberation times by octave, None where too little falls; and how many falls there were."""

    times_s: Mapping[float, float | None]
    n_falls: Mapping[float, int]


def estimate_source(source: Source) -> BlindEstimate:
    """Estimate of a recording, read once in bounded memory."""
    return estimate_falls(falls_of(source))


def falls_of(source: Source) -> dict[float, Falls]:
    """Free decays of a recording by octave, at 16 kHz; octaves above its rate have none."""
    empty = Falls(np.zeros(0), np.zeros(0))
    falls = dict.fromkeys(CENTRES_HZ, empty)
    highest_hz = 0.45 * source.sample_rate
    centres_hz = [c for c in CENTRES_HZ if c * np.sqrt(2) < highest_hz]
    for chunk in _chunks(source):
        for centre_hz, level in zip(centres_hz, _energies(chunk, centres_hz), strict=True):
            falls[centre_hz] += find_falls(level)
    return falls


def _chunks(source: Source) -> Iterator[Samples]:
    mixed = mono_blocks(source.blocks(), source.sample_rate)
    pending: list[Samples] = []
    n_pending, wanted = 0, round(_CHUNK_S * RATE_HZ)
    for block in resample_blocks(mixed, source.sample_rate, RATE_HZ, 1):
        pending.append(block[0])
        n_pending += block.shape[1]
        if n_pending >= wanted:
            yield np.concatenate(pending)
            pending, n_pending = [], 0
    if n_pending > RATE_HZ / 2:
        yield np.concatenate(pending)


def _energies(sound: Samples, centres_hz: list[float]) -> Array:
    """Energy [F, L] of octaves every 5 ms."""
    hop = round(_HOP_S * RATE_HZ)
    n = len(sound) // hop
    bands = octave_bands(sound, RATE_HZ, centres_hz)[:, : n * hop]
    energies: Array = (bands.reshape(len(bands), n, hop) ** 2).mean(axis=2)
    return energies


def find_falls(energy: Array) -> Falls:
    """Free decays of an octave's energy [L]."""
    width = round(_SMOOTHING_S / _HOP_S)
    kernel = np.hanning(width + 2)[1:-1]
    smooth = np.convolve(energy, kernel / kernel.sum(), "same")
    level_db = 10 * np.log10(smooth + 1e-14)
    floor_db = np.percentile(level_db, _FLOOR_PERCENT) + _ABOVE_FLOOR_DB
    is_peak = (level_db[1:-1] >= level_db[:-2]) & (level_db[1:-1] > level_db[2:])
    found = []
    for peak in np.flatnonzero(is_peak) + 1:
        after = level_db[peak : peak + round(_LONGEST_S / _HOP_S)]
        risen = after > np.minimum.accumulate(after) + _RISE_DB
        after = after[: np.argmax(risen)] if risen.any() else after
        after = after[: np.argmin(after) + 1]
        low = after < max(floor_db, after[0] - _DEEPEST_DB)
        after = after[: np.argmax(low)] if low.any() else after
        depth_db = after[0] - after[-1] if len(after) else 0.0
        if depth_db < TIERS_DB[-1]:
            continue
        first_db = max(_LEAST_FIRST_DB, _FIRST_SHARE * depth_db)
        begin = int(np.argmax(after <= after[0] - first_db))
        fall = after[begin:]
        if len(fall) < 8:
            continue
        slope = np.polyfit(np.arange(begin, len(after)) * _HOP_S, fall, 1)[0]
        if slope < 0:
            found.append((-60 / slope, depth_db))
    return Falls(*np.array(found).reshape(-1, 2).T)


def estimate_falls(falls: Mapping[float, Falls]) -> BlindEstimate:
    """Estimate by the free decays of all octaves."""
    own: dict[float, float] = {}
    for centre_hz, each in falls.items():
        for least_db in TIERS_DB:
            deep = each.deeper_than(least_db)
            if len(deep.times_s) >= _LEAST_FALLS:
                own[centre_hz] = float(np.log(_quantile(deep)))
                break
    times_s: dict[float, float | None] = dict.fromkeys(falls)
    for centre_hz, value in own.items():
        near = [v for c, v in own.items() if 0.49 < c / centre_hz < 2.1]
        smooth = (1 - _OF_NEIGHBOURS) * value + _OF_NEIGHBOURS * float(np.median(near))
        times_s[centre_hz] = float(np.exp(smooth))
    n_falls = {centre_hz: len(each.times_s) for centre_hz, each in falls.items()}
    return BlindEstimate(times_s, n_falls)


def _quantile(falls: Falls) -> float:
    """Low quantile of the times; deep falls count for more, and so do those that last for long."""
    lengths_s = falls.depths_db / 60 * falls.times_s
    weights = (falls.depths_db - 8) * np.sqrt(np.minimum(lengths_s, 1))
    order = np.argsort(falls.times_s)
    middle = np.cumsum(weights[order]) - weights[order] / 2
    return float(np.interp(_QUANTILE * weights.sum(), middle, falls.times_s[order]))
