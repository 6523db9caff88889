"""Decay of an impulse response in octaves: reverberation time, early decay, clarity (ISO 3382-1).

The noise of a measurement ends what can be seen of a decay. Where it does is found as Lundeby et
al. do ("Uncertainties of measurements in room acoustics", Acustica 81, 1995); the noise's energy is
taken out (Chu, "Comparison of reverberation measurements using Schroeder's impulse method and
decay-curve averaging method", JASA 63, 1978), and what lies beyond is put in as the decay goes on.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.reverb.octaves import octave_bands, octave_centres_hz

Curve = npt.NDArray[np.float64]
"""Energy or level over time, [T]."""

# What a decay of 60 dB is in natural logarithms of energy.
LN_60_DB = 6 * np.log(10)
# What of a decay has to be above the noise (ISO 3382-1, 5.3.3: 10 dB below the range that is used);
# 5 dB where noise is compensated, by Lundeby's own figures.
_MARGIN_DB = 5.0
_T20_DB, _T30_DB, _EDT_DB = (-5.0, -25.0), (-5.0, -35.0), (0.0, -10.0)
# A decay shorter than the filter's own is the filter's: bandwidth times time of ISO 3382-1, 7.3.
_LEAST_BANDWIDTH_TIME = 8.0
_PERIODS_BEFORE = 2.0  # of an octave's centre, in which its filter rings before a sound
# Lundeby's numbers: intervals of a first smoothing, how many of them in 10 dB of decay, the range
# of the late decay above the noise, and where the noise begins below the knee.
_FIRST_INTERVAL_S, _INTERVALS_OF_10_DB = 0.02, 5
_LATE_ABOVE_DB, _LATE_RANGE_DB, _NOISE_BELOW_DB = 7.0, 20.0, 7.0
_NOISE_SHARE = 0.1
_N_ITERATIONS = 6


@dataclass(frozen=True)
class Decay:
    """Where a decay ends in noise: its late slope, and the noise's energy.

    `knee` is the first sample beyond; `time_s` the reverberation time of the late decay; `level`
    its energy a sample at the knee; `noise` the noise's.
    """

    knee: int
    time_s: float
    level: float
    noise: float
    range_db: float  # from the highest to the noise


@dataclass(frozen=True)
class OctaveDecay:
    """Measures of one octave; None where noise or the filter hide them.

    Parameters
    ----------
    centre_hz : float
        The octave's centre.
    rt60_s : float or None
        Reverberation time in seconds: `t30_s`, else `t20_s`.
    t30_s, t20_s : float or None
        Time of 60 dB by the slope from -5 to -35 dB, and to -25 dB.
    edt_s : float or None
        Early decay time: by the slope of the first 10 dB.
    c50_db : float or None
        Clarity: energy of the first 50 ms over that of the rest, in dB.
    noise_db : float
        Level of the noise against the highest of the decay, in dB.
    """

    centre_hz: float
    rt60_s: float | None
    t30_s: float | None
    t20_s: float | None
    edt_s: float | None
    c50_db: float | None
    noise_db: float


def measure_octaves(
    response: Samples, sample_rate: int, start: int = 0, low_hz: float = 80.0
) -> list[OctaveDecay]:
    """Measures of every octave of an impulse response [T] whose direct sound is at `start`."""
    centres_hz = octave_centres_hz(sample_rate, low_hz)
    bands = octave_bands(response, sample_rate, centres_hz)
    return [
        _measure(band**2, sample_rate, centre_hz, start)
        for band, centre_hz in zip(bands, centres_hz, strict=True)
    ]


def _measure(energy: Curve, sample_rate: int, centre_hz: float, start: int) -> OctaveDecay:
    # The filter rings to both sides: of the direct sound, half lies before it.
    lead = min(start, round(_PERIODS_BEFORE * sample_rate / centre_hz))
    energy = energy[start - lead :]
    decay = find_decay(energy, sample_rate)
    if decay is None:
        return OctaveDecay(centre_hz, None, None, None, None, None, 0.0)
    curve = integrate(energy, decay, sample_rate)
    level_db = 10 * np.log10(np.maximum(curve / curve[0], 1e-30))
    times_s = [
        decay_time_s(level_db[lead:], sample_rate, *limits)
        if decay.range_db + limits[1] >= _MARGIN_DB
        else None
        for limits in (_T30_DB, _T20_DB, _EDT_DB)
    ]
    least_s = _LEAST_BANDWIDTH_TIME / (centre_hz / np.sqrt(2))
    t30_s, t20_s, edt_s = (t if t is not None and t >= least_s else None for t in times_s)
    at = lead + round(0.05 * sample_rate)
    c50_db = None
    if at < len(curve) and t20_s is not None:
        c50_db = float(10 * np.log10(max(curve[0] - curve[at], 1e-30) / curve[at]))
    rt60_s = t20_s if t30_s is None else t30_s
    return OctaveDecay(centre_hz, rt60_s, t30_s, t20_s, edt_s, c50_db, -decay.range_db)


def find_decay(energy: Curve, sample_rate: int) -> Decay | None:
    """Late decay of an energy [T] and where it meets the noise (Lundeby); None where there is none.

    >>> t = np.arange(16000) / 8000
    >>> found = find_decay(np.exp(-LN_60_DB * t / 0.5) + 1e-5, 8000)
    >>> round(found.time_s, 2), round(found.knee / 8000, 1)
    (0.5, 0.4)
    """
    n = len(energy)
    tail = max(1, int(_NOISE_SHARE * n))
    noise = float(energy[-tail:].mean()) + 1e-30
    interval = max(1, round(_FIRST_INTERVAL_S * sample_rate))
    levels, peak = _smoothed(energy, interval)
    slope, level_0, offset_s, knee_s = 0.0, 0.0, 0.0, n / sample_rate
    for step in range(_N_ITERATIONS):
        level_db, noise_db = 10 * np.log10(levels + 1e-30), 10 * np.log10(noise)
        top = int(np.argmax(level_db))
        begin_db = level_db[top] if step == 0 else noise_db + _LATE_ABOVE_DB + _LATE_RANGE_DB
        above = 10.0 if step == 0 else _LATE_ABOVE_DB
        # Without the noise's own share, which would flatten what lies just above it.
        clean_db = 10 * np.log10(np.maximum(levels - noise, 0.1 * noise)) if step else level_db
        fitted = _fit(level_db, clean_db, top, min(begin_db, level_db[top]), noise_db + above)
        if fitted is None:
            break
        slope, level_0 = fitted[0] / interval * sample_rate, fitted[1]
        offset_s = interval / 2 / sample_rate
        knee_s = (noise_db - level_0) / slope + offset_s
        interval = max(1, round(-10 / slope / _INTERVALS_OF_10_DB * sample_rate))
        if interval * 8 > n:
            break
        levels, _ = _smoothed(energy, interval)
        first = round((knee_s - _NOISE_BELOW_DB / slope) * sample_rate)
        noise = float(energy[min(max(first, 0), n - tail) :].mean()) + 1e-30
    if slope >= 0:
        return None
    knee = int(np.clip(round(knee_s * sample_rate), 1, n))
    time_s = -60 / slope
    # The decay's own level at the knee is the noise's, where the knee is within the response.
    at_knee_db = level_0 + slope * (knee / sample_rate - offset_s)
    range_db = 10 * np.log10(peak / noise)
    return Decay(knee, time_s, float(10 ** (at_knee_db / 10)), noise, float(range_db))


def _smoothed(energy: Curve, interval: int) -> tuple[Curve, float]:
    n = len(energy) // interval
    levels: Curve = energy[: n * interval].reshape(n, interval).mean(axis=1)
    return levels, float(levels.max())


def _fit(
    level_db: Curve, clean_db: Curve, top: int, begin_db: float, end_db: float
) -> tuple[float, float] | None:
    """Slope a step, and the level at step 0, of what falls from one level to another."""
    begin = top + int(np.argmax(level_db[top:] <= begin_db))
    below = level_db[begin:] < end_db
    end = begin + int(np.argmax(below)) if below.any() else len(level_db)
    if end - begin < 3 or begin_db <= end_db:
        return None
    steps = np.arange(begin, end)
    slope, level = np.polyfit(steps, clean_db[begin:end], 1)
    return (float(slope), float(level)) if slope < 0 else None


def integrate(energy: Curve, decay: Decay, sample_rate: int) -> Curve:
    """Schroeder's integral [T] up to the knee, without the noise and with what lies beyond it.

    >>> t = np.arange(16000) / 8000
    >>> energy = np.exp(-LN_60_DB * t / 0.5) + 1e-5
    >>> level_db = 10 * np.log10(integrate(energy, find_decay(energy, 8000), 8000))
    >>> round(decay_time_s(level_db - level_db[0], 8000, -5, -35), 2)
    0.5
    """
    beyond = decay.level * decay.time_s / LN_60_DB * sample_rate
    within = energy[: decay.knee] - min(decay.noise, decay.level)
    curve: Curve = np.maximum(np.cumsum(within[::-1])[::-1] + beyond, 1e-30)
    return curve


def decay_time_s(level_db: Curve, sample_rate: int, from_db: float, to_db: float) -> float | None:
    """Time of 60 dB by the slope of a decay curve [T] between two levels; None where too short."""
    begin, end = (int(np.argmax(level_db <= at)) for at in (from_db, to_db))
    if not (level_db <= to_db).any() or end - begin < 3:
        return None
    slope = np.polyfit(np.arange(begin, end) / sample_rate, level_db[begin:end], 1)[0]
    return float(-60 / slope) if slope < 0 else None
