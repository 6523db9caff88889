"""Noise between partials: how loud a sound's floor is while its notes sound, band by band.

In every frame in which notes sound, what stands out of its surroundings is taken for partials, and
the rest of each band for what lies between them. Of that rest the 20 % quantile is read, which
skirts of partials and passing sounds hardly reach; white noise has a known share of its mean there
(powers of a frame's bins are distributed exponentially), so that noise reads at its own level.

Long windows separate the partials of low notes, short ones those of notes with vibrato, which
smears what is high; noise reads the same in all of them. The lowest reading counts.
"""

import numpy as np
import numpy.typing as npt

from cambiata.audio.sound import Audio
from cambiata.audio.stft import Stft

Levels = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

BANDS_HZ = ((700, 1500), (1500, 3000), (3000, 6000), (6000, 10000), (10000, 16000))
"""Bands whose floors are compared: lower ones hold too few bins between partials."""

LOWEST_DB = -70.0
"""Of a band, below the notes' level: what is softer is not heard beside them, and counts as so."""

_RATE_HZ = 44100
# 23 to 186 ms. Hann's sidelobes fall by 18 dB an octave: 67 dB down 10 bins from a partial.
_STFTS = tuple(Stft(n_fft=n, hop_length=n // 4, window="hann") for n in (1024, 2048, 4096, 8192))
_QUANTILE = 0.2
_NOISE_DB = float(-10 * np.log10(-np.log(1 - _QUANTILE)))  # from there to noise's mean: 6.5 dB
# A bin belongs to a partial where it is that far above the quantile of the 32 bins about it: of
# noise, one bin in 1000 is. To each side of it half a main lobe and a bin belong to it, too.
_PROMINENCE_DB, _BLOCK, _LOBE_BINS = 15.0, 32, 3
_SOUNDING_DB = -25.0  # below the loudest tenth of the frames: softer ones are pauses or tails
_LEAST_SHARE = 0.15  # of a band's bins that lie between partials, and of frames with so many
_LEAST_BINS = 30  # of a band: the quantile of fewer wavers
# A floor hardly below the band's own level, most of which does not stand out as partials, is noise,
# or partials too near each other; these repeat with the note's period. Noise is .1 to .3 by this.
_NEAR_DB, _REST_SHARE, _PERIODIC = -10.0, 0.5, 0.5
_PERIOD_FRAME, _PERIODS = 2048, slice(40, 1024)  # samples: periods of 43 to 1100 Hz


def floor_db(sound: Audio) -> Levels:
    """Floor between partials in `BANDS_HZ`, in dB below the level of the notes.

    Of each band: the power it would have if the floor filled it, over the power of the frame; the
    20 % quantile over frames in which notes sound; at least `LOWEST_DB`. Not a number where
    partials are too near each other.
    """
    samples = sound.mono().resampled(_RATE_HZ).samples[0]
    if not samples.any():
        return np.full(len(BANDS_HZ), np.nan)
    readings = np.array([_read_floor(samples, stft) for stft in _STFTS])
    read_db = np.where(np.isfinite(readings[:, 0]), readings[:, 0], np.inf)
    lowest_db, best = read_db.min(axis=0), read_db.argmin(axis=0)
    lowest_db[np.isinf(lowest_db)] = np.nan
    level_db, rest_share = readings[best, 1:, np.arange(len(BANDS_HZ))].T
    for band in np.flatnonzero((lowest_db > level_db + _NEAR_DB) & (rest_share > _REST_SHARE)):
        if _periodicity(samples, BANDS_HZ[band]) > _PERIODIC:
            lowest_db[band] = np.nan
    floors: Levels = np.maximum(lowest_db, LOWEST_DB)
    return floors


def extra_db(output_db: Levels, style_db: Levels) -> float:
    """How far an output's floor is above its style's, in dB: the mean over bands that both have."""
    difference_db = output_db - style_db
    known = difference_db[np.isfinite(difference_db)]
    return float(known.mean()) if len(known) else float("nan")


def _read_floor(samples: npt.NDArray[np.float32], stft: Stft) -> Levels:
    """Floors of the bands through one window, the bands' own levels, both in dB, and how much of
    their power lies between partials, [3, bands].
    """
    power = np.abs(stft.analyse(samples)).astype(np.float64) ** 2
    level = power.sum(axis=0)
    sounding = level > np.quantile(level, 0.9) * 10 ** (_SOUNDING_DB / 10)
    share = power[:, sounding] / level[sounding]
    share_db = 10 * np.log10(np.maximum(share, 1e-15))
    between = ~_find_partials(share_db)
    hz = np.arange(stft.n_bins) * _RATE_HZ / stft.n_fft
    floors, levels, rests = [], [], []
    for low_hz, high_hz in BANDS_HZ:
        inside = (hz >= low_hz) & (hz < high_hz)
        free = between[inside]
        enough = free.mean(axis=0) >= _LEAST_SHARE
        levels.append(10 * np.log10(np.median(share[inside].sum(axis=0)) + 1e-15))
        rests.append((share[inside] * free).sum() / max(share[inside].sum(), 1e-15))
        if inside.sum() < _LEAST_BINS or enough.mean() < _LEAST_SHARE:
            floors.append(np.nan)
            continue
        cells_db = np.where(free, share_db[inside], np.nan)[:, enough]
        density_db = np.nanquantile(cells_db, _QUANTILE, axis=0) + _NOISE_DB
        floors.append(np.quantile(density_db, _QUANTILE) + 10 * np.log10(inside.sum()))
    return np.array([floors, levels, rests])


def _find_partials(power_db: Levels) -> Mask:
    """Where partials are in a spectrogram in dB [F, L]."""
    half = _BLOCK // 2
    blocks = np.lib.stride_tricks.sliding_window_view(power_db, _BLOCK, axis=0)[::half]
    rank = round(_QUANTILE * _BLOCK)
    floors = np.partition(blocks, rank, axis=-1)[..., rank]
    bins = np.arange(len(power_db))
    place = np.clip((bins - half) / half, 0, len(floors) - 1)
    below = np.minimum(place.astype(int), len(floors) - 2)
    weight = (place - below)[:, None]
    floor = (1 - weight) * floors[below] + weight * floors[below + 1]
    prominent = power_db > floor + _PROMINENCE_DB
    found: Mask = prominent.copy()
    for shift in range(1, _LOBE_BINS + 1):
        found[shift:] |= prominent[:-shift]
        found[:-shift] |= prominent[shift:]
    return found


def _periodicity(samples: npt.NDArray[np.float32], band_hz: tuple[int, int]) -> float:
    """Highest normalised autocorrelation of a band at a note's period, median over frames."""
    size = _PERIOD_FRAME
    n_frames = max(1, len(samples) // size)
    padded = np.pad(samples, (0, max(0, size - len(samples))))
    frames = padded[: n_frames * size].reshape(n_frames, size) * np.hanning(size)
    spectrum = np.fft.rfft(frames, 2 * size, axis=1)
    hz = np.arange(size + 1) * _RATE_HZ / (2 * size)
    inside = (hz >= band_hz[0]) & (hz < band_hz[1])
    power = np.abs(spectrum) ** 2
    lags = np.fft.irfft(power * inside, axis=1)
    window = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(size), 2 * size)) ** 2)
    loud = power.sum(axis=1)
    chosen = loud > np.quantile(loud, 0.9) * 10 ** (_SOUNDING_DB / 10)
    highest = (lags[chosen, _PERIODS] / window[_PERIODS]).max(axis=1) / (
        lags[chosen, 0] / window[0] + 1e-30
    )
    return float(np.median(highest))
