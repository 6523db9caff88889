"""Long-term spectra: how far a transfer is on the way from its content to its style, and width."""

import numpy as np
import numpy.typing as npt

from cambiata.audio.sound import Audio
from cambiata.audio.stft import Stft

Levels = npt.NDArray[np.float64]

_RATE_HZ = 44100
_STFT = Stft(n_fft=4096, hop_length=2048, window="hann")
# Thirds of an octave, 50 Hz to 16 kHz (IEC 61260): about critical bands.
_CENTRES_HZ = 1000 * 2 ** (np.arange(-13, 13) / 3)
_LOWEST_DB = -60.0  # below the loudest band: what is softer counts as so
_SOUNDING_DB = -40.0  # of a frame, below the loudest tenth: pauses are no timbre
_LEAST_WAY_DB = 3.0  # from content to style: nearer ones have no way between them
_MONO_DB = -60.0  # of side below mid: the two channels are one


def long_term_spectrum_db(sound: Audio) -> Levels:
    """Level of each third of an octave, 50 Hz to 16 kHz, [26], their powers summing to 0 dB."""
    power, hz = _long_term_power(sound)
    if not power.any():
        return np.full(len(_CENTRES_HZ), _LOWEST_DB)
    edge = 2 ** (1 / 6)
    # Interpolated, as the lowest thirds are narrower than two bins.
    summed = np.concatenate([[0.0], np.cumsum(power)])
    edges_hz = np.concatenate([hz - hz[1] / 2, [hz[-1] + hz[1] / 2]])
    low, high = (np.interp(_CENTRES_HZ * factor, edges_hz, summed) for factor in (1 / edge, edge))
    bands = high - low
    floor = bands.max() * 10 ** (_LOWEST_DB / 10)
    levels: Levels = 10 * np.log10(np.maximum(bands, floor) / bands.sum())
    return levels


def centroid_hz(sound: Audio) -> float:
    """Centre of gravity of the long-term power spectrum, in Hz."""
    power, hz = _long_term_power(sound)
    return float((power * hz).sum() / power.sum()) if power.any() else float("nan")


def spectrum_distance_db(first: Levels, second: Levels) -> float:
    """Mean difference of two long-term spectra over their bands, in dB."""
    return float(np.abs(first - second).mean())


def share_of_way(output: Levels, content: Levels, style: Levels) -> float:
    """Share of the way from the content's long-term spectrum to the style's that is done.

    One less the distance that is left over the whole; below 0 where the output is further from the
    style than the content was; not a number where these are nearer than 3 dB.
    """
    whole_db = spectrum_distance_db(content, style)
    if whole_db < _LEAST_WAY_DB:
        return float("nan")
    return 1 - spectrum_distance_db(output, style) / whole_db


def side_over_mid_db(sound: Audio) -> float:
    """Power of the difference of two channels over that of their sum, in dB.

    Not a number for one channel or two equal ones.
    """
    if len(sound.samples) != 2:
        return float("nan")
    left, right = sound.samples.astype(np.float64)
    side, mid = float(np.mean((left - right) ** 2)), float(np.mean((left + right) ** 2))
    if side <= mid * 10 ** (_MONO_DB / 10) or not side:
        return float("nan")
    return float(10 * np.log10(side / max(mid, side * 1e-9)))


def widening_db(content: Audio, output: Audio) -> float:
    """How much wider an output is than its content, side over mid in dB."""
    wide_db = side_over_mid_db(content)
    if not np.isfinite(wide_db):
        return float("nan")
    ours_db = side_over_mid_db(output)
    return (ours_db if np.isfinite(ours_db) else _MONO_DB) - wide_db


def _long_term_power(sound: Audio) -> tuple[Levels, Levels]:
    """Mean power of every bin over the frames that sound, and its frequency in Hz."""
    samples = sound.mono().resampled(_RATE_HZ).samples[0]
    power = np.abs(_STFT.analyse(samples)).astype(np.float64) ** 2
    level = power.sum(axis=0)
    sounding = level >= np.quantile(level, 0.9) * 10 ** (_SOUNDING_DB / 10)
    return power[:, sounding].mean(axis=1), np.arange(_STFT.n_bins) * _RATE_HZ / _STFT.n_fft
