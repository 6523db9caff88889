"""Impulse response of a room from a recorded sweep: two clocks, spectral division, distortion.

An exponential sweep puts the harmonics that a loudspeaker adds before the impulse response (Farina
2000): the k-th comes L ln(k) seconds early, so that cutting at the direct sound leaves them out.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.fft

from cambiata.arrays import Samples
from cambiata.audio.source import resample
from cambiata.reverb.sweep import Sweep

Response = npt.NDArray[np.float64]
"""Impulse response, [C, T] or [T]."""

# Drift that is looked for: two cheap crystals are within 100 ppm each.
_MAX_DRIFT = 500e-6
# Around the second marker, once the first is found, and after a marker: what of its reverb counts.
_REVERB_S = 0.15
# Division: power that is added to the sweep's, over its highest. It keeps frequencies above and
# below the sweep from dividing by nothing; inside it changes nothing that 16 bits could hold.
_REGULARISATION = 1e-8
# The band that is kept, within the sweep's: where it fades in and out there is less of it.
_BAND_MARGIN = 2 ** (1 / 6)
# Harmonics whose level is told apart: the fifth lies 1.6 L before the direct sound.
HARMONICS = (2, 3, 4, 5)
_HARMONIC_S = 0.03  # half the window of one: the direct sound of it and the earliest reflections
# The direct sound: the first sample within 20 dB of the highest (ISO 3382-1, 5.3.2), in the time
# by which the highest, a reflection maybe, comes later.
_START_DB, _SEARCH_S = -20.0, 0.05


@dataclass(frozen=True, eq=False)
class Deconvolved:
    """A room's response to an impulse, with time before the direct sound."""

    response: Response  # [C, T]; sample 0 is `start` samples before the direct sound
    start: int
    onset_s: float  # of the sweep in the recording
    drift_ppm: float  # of the recorder's clock against the player's; positive: it counts more
    harmonics_db: dict[int, float]  # against the linear response


def deconvolve(recording: Samples, sample_rate: int, sweep: Sweep) -> Deconvolved:
    """Response [C, T] of a room to an impulse, by a recording [C, T] of a sweep in it."""
    mixed = recording.mean(axis=0)
    drift = 0.0
    if sweep.markers is not None:
        drift = _drift_by_markers(mixed, sample_rate, sweep)
    response = _divide(recording, sample_rate, sweep, drift)
    if sweep.markers is None:
        drift = _drift_by_sharpness(response, sample_rate, sweep)
        if drift:
            response = _divide(recording, sample_rate, sweep, drift)
    start = direct_start(response, sample_rate)
    energy = (response**2).sum(axis=0)
    n_early = response.shape[1] - recording.shape[1]  # samples before the recording's first
    harmonics_db = _harmonics_db(energy, start, sample_rate, sweep)
    return Deconvolved(response, start, (start - n_early) / sample_rate, drift * 1e6, harmonics_db)


def direct_start(response: Response | Samples, sample_rate: int) -> int:
    """First sample of the direct sound of a response [C, T]: within 20 dB of the highest.

    It is looked for in the 50 ms before the highest, which may be a reflection.
    """
    energy = np.square(response, dtype=np.float64).sum(axis=0)
    peak = int(np.argmax(energy))
    first = max(0, peak - round(_SEARCH_S * sample_rate))
    above = energy[first : peak + 1] >= energy[peak] * 10 ** (_START_DB / 10)
    return first + int(np.argmax(above))


def _reference(sweep: Sweep, start: int, stop: int, sample_rate: float) -> Samples:
    return resample(sweep.samples[start:stop], sweep.sample_rate, sample_rate)


def _divide(recording: Samples, sample_rate: int, sweep: Sweep, drift: float) -> Response:
    """Response [C, T'] by division of spectra; it begins by the sweep's length before T."""
    played = _reference(sweep, sweep.start, sweep.stop, sample_rate * (1 + drift))
    n_early, n_samples = len(played), recording.shape[1]
    n = scipy.fft.next_fast_len(n_early + n_samples, real=True)
    spectrum = scipy.fft.rfft(played.astype(np.float64), n)
    power = np.abs(spectrum) ** 2
    inverse = spectrum.conj() / (power + _REGULARISATION * power.max())
    frequency_hz = scipy.fft.rfftfreq(n, 1 / sample_rate)
    inverse *= _band(frequency_hz, sweep.low_hz, min(sweep.high_hz, 0.48 * sample_rate))
    response = np.empty((recording.shape[0], n_early + n_samples))
    for row, channel in zip(response, recording, strict=True):
        whole = scipy.fft.irfft(scipy.fft.rfft(channel.astype(np.float64), n) * inverse, n)
        row[:n_early], row[n_early:] = whole[n - n_early :], whole[:n_samples]
    return response


def _band(frequency_hz: Response, low_hz: float, high_hz: float) -> Response:
    """Gain that fades in and out inside the sweep's ends."""
    octaves = np.log2(np.maximum(frequency_hz, 1e-3))
    width = np.log2(_BAND_MARGIN)
    rise = np.clip((octaves - np.log2(low_hz)) / width, 0, 1)
    fall = np.clip((np.log2(high_hz) - octaves) / width, 0, 1)
    gain: Response = np.sin(np.pi / 2 * rise) ** 2 * np.sin(np.pi / 2 * fall) ** 2
    return gain


def _drift_by_markers(mixed: Samples, sample_rate: int, sweep: Sweep) -> float:
    """How much longer the recorder counts between both markers than the player does."""
    assert sweep.markers is not None
    first, last = sweep.markers
    marker = _reference(sweep, first, first + sweep.marker_samples, sample_rate)
    apart = (last - first) * sample_rate / sweep.sample_rate
    slack = int(np.ceil(_MAX_DRIFT * apart)) + 1
    if len(mixed) < apart + len(marker) + slack:
        return 0.0
    n = scipy.fft.next_fast_len(len(mixed) + len(marker), real=True)
    matched = scipy.fft.irfft(scipy.fft.rfft(mixed, n) * scipy.fft.rfft(marker, n).conj(), n)[
        : len(mixed)
    ]
    power = np.abs(matched)
    # Where both are: the highest sum of what lies as far apart as they do, give or take the slack.
    from scipy.ndimage import maximum_filter1d

    widest = maximum_filter1d(power, 2 * slack + 1)
    reach = len(mixed) - round(apart)
    both = np.minimum(power[:reach], widest[round(apart) :][:reach])
    at = int(np.argmax(both))
    # From before the peaks on: what begins at its own peak is likest to a little earlier.
    at = max(0, at - len(marker))
    length = 2 * len(marker) + round(_REVERB_S * sample_rate)
    begin = max(0, at + round(apart) - slack)
    one = matched[at : at + length]
    two = matched[begin : begin + length + 2 * slack]
    n = scipy.fft.next_fast_len(len(one) + len(two), real=True)
    likeness = scipy.fft.irfft(scipy.fft.rfft(two, n) * scipy.fft.rfft(one, n).conj(), n)
    likeness = likeness[: 2 * slack + 1]
    best = int(np.argmax(likeness))
    fraction = 0.0
    if 0 < best < 2 * slack:
        left, here, right = likeness[best - 1 : best + 2]
        fraction = 0.5 * (left - right) / (left - 2 * here + right)
    measured = begin + best + fraction - at
    return float(measured / apart - 1)


def _drift_by_sharpness(response: Response, sample_rate: int, sweep: Sweep) -> float:
    """Drift by which the direct sound is sharpest, of sweeps without markers.

    A clock that runs on spreads an impulse over `drift * duration`: each frequency is late by as
    much as it came after the first (its group delay).
    """
    energy = (response**2).sum(axis=0)
    peak = int(np.argmax(energy))
    spread = round(_MAX_DRIFT * sweep.duration_s * sample_rate)
    before, after = spread + round(0.02 * sample_rate), spread + round(0.1 * sample_rate)
    around = response[:, max(0, peak - before) : peak + after].mean(axis=0)
    n = scipy.fft.next_fast_len(2 * len(around), real=True)
    spectrum = scipy.fft.rfft(around, n)
    ratio = np.maximum(scipy.fft.rfftfreq(n, 1 / sample_rate), 1.0) / sweep.low_hz
    delay = 2 * np.pi * sweep.growth_s * sweep.low_hz * (ratio * np.log(ratio) - ratio)

    def sharpness(drift: float) -> float:
        squared = scipy.fft.irfft(spectrum * np.exp(1j * drift * delay), n) ** 2
        return float((squared**2).sum() / squared.sum() ** 2)

    drifts = np.linspace(-_MAX_DRIFT, _MAX_DRIFT, 101)
    values = [sharpness(drift) for drift in drifts]
    best = int(np.argmax(values))
    step = drifts[1] - drifts[0]
    fine = drifts[best] + np.linspace(-step, step, 41)
    finest = [sharpness(drift) for drift in fine]
    drift = float(fine[int(np.argmax(finest))])
    # Rooms without a direct sound have none that is sharp; a twentieth is the noise of the search.
    return drift if max(finest) > 1.05 * sharpness(0.0) else 0.0


def _harmonics_db(energy: Response, start: int, sample_rate: int, sweep: Sweep) -> dict[int, float]:
    """Level of harmonics that the loudspeaker added and that stand out, against the linear."""
    half = round(_HARMONIC_S * sample_rate)
    linear = energy[start - half : start + half].sum()
    levels = {}
    for k in HARMONICS:
        at = start - round(sweep.growth_s * np.log(k) * sample_rate)
        if at < 3 * half:
            break
        before, here = energy[at - 3 * half : at - half].sum(), energy[at - half : at + half].sum()
        if here > 2 * before:  # else it is noise, or an earlier harmonic's
            levels[k] = float(10 * np.log10((here - before) / linear))
    return levels
