"""What is no partial (breath, bows, hammers) between that of two sounds.

Windows of both are moved to the pitch that sounds and brought to a level between both in third
octaves, in dB; then they are added by their power. At either end it is the sound's own.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.instrument.note_model import Array
from cambiata.morphing.analysis import (
    BAND_RATIO,
    N_BANDS,
    RANGE_DB,
    Floats,
    SoundModel,
    band_interpolation,
    noise_window,
)

# Noise moves by an octave at most; beyond, its waves would be read too coarsely.
_MOST_MOVED = 2.0
# A band is not amplified by more: where a sound has nothing, nothing can be made of it.
_MOST_NEPERS = 5.0
# Windows that overlap by half and do not fit add up to 3/4 of their power, on average.
_UNALIKE_GAIN = np.sqrt(4 / 3)
_UNALIKE_SAMPLES = 8.0  # so far apart, waves of a few kHz no longer fit


@dataclass(frozen=True, eq=False)
class Grains:
    """Windows of the rest, one a step [S]: what is in the middle of each, and how it is moved."""

    middle: tuple[Array, Array]  # places in both sounds, in samples
    pace: tuple[Array, Array]  # samples of each sound that pass in one of the output
    ratio: tuple[Array, Array]  # of pitches
    amount: Array


class RestBank:
    """The rest of two sounds, window by window."""

    def __init__(self, model_a: SoundModel, model_b: SoundModel) -> None:
        self._models = (model_a, model_b)
        self.step = model_a.step
        self._size = 2 * self.step
        self._rate = model_a.sample_rate
        self._n_channels = max(each.rest.shape[0] for each in self._models)
        self._tail: Samples = np.zeros((self._n_channels, self.step), np.float32)
        loudest = [float(each.noise_log.max()) for each in self._models]
        self._floor = [level - RANGE_DB * np.log(10) / 10 for level in loudest]

    def process(self, grains: Grains) -> Samples:
        """Sound [C, S * step]; the last window's second half is kept for the next call."""
        waves = self._waves(grains)
        n_steps = len(waves)
        halves = waves.reshape(n_steps, self._n_channels, 2, self.step)
        out = halves[:, :, 0].copy()
        out[0] += self._tail
        out[1:] += halves[:-1, :, 1]
        self._tail = halves[-1, :, 1].copy()
        return out.transpose(1, 0, 2).reshape(self._n_channels, -1)

    def _waves(self, grains: Grains) -> Samples:
        """Windowed waves [S, C, size]."""
        window = noise_window(self._size)
        shares = (1 - grains.amount, grains.amount)
        ratios = [np.clip(each, 1 / _MOST_MOVED, _MOST_MOVED) for each in grains.ratio]
        levels = [
            self._levels(model, middle, ratio, floor)
            for model, middle, ratio, floor in zip(
                self._models, grains.middle, ratios, self._floor, strict=True
            )
        ]
        target = sum(share[:, None, None] * x for share, x in zip(shares, levels, strict=True))
        interpolation = band_interpolation(self._rate, self._size)
        spectrum = np.zeros(
            (len(grains.amount), self._n_channels, self._size // 2 + 1), np.complex64
        )
        for i, share in enumerate(shares):
            sounding = share > 0
            if not sounding.any():
                continue
            gain = np.clip((target - levels[i]) / 2, -_MOST_NEPERS, _MOST_NEPERS)
            unlike = np.abs(grains.pace[i] - ratios[i]) * self.step / _UNALIKE_SAMPLES
            gain = gain + np.log(1 + (_UNALIKE_GAIN - 1) * np.minimum(unlike, 1))[:, None, None]
            gain_of_bins = np.exp((gain.astype(np.float32) @ interpolation)[sounding])
            wave = self._read(i, grains.middle[i][sounding], ratios[i][sounding]) * window
            part = np.fft.rfft(wave) * gain_of_bins
            spectrum[sounding] += np.sqrt(share[sounding])[:, None, None] * part
        return np.asarray(np.fft.irfft(spectrum) * window, np.float32)

    def _levels(self, model: SoundModel, middle: Array, ratio: Array, floor: float) -> Array:
        """Logarithm of power in bands [S, C, N_BANDS] of a sound that is moved."""
        at = np.clip(middle / self.step, 0, len(model.noise_log) - 1)
        low = np.minimum(np.floor(at + 1e-6).astype(int), len(model.noise_log) - 2)
        share = np.clip(at - low, 0, 1)[:, None, None]
        level = (1 - share) * model.noise_log[low] + share * model.noise_log[low + 1]
        moved = np.log(ratio) / np.log(BAND_RATIO)
        place = np.clip(np.arange(N_BANDS) - moved[:, None], 0, N_BANDS - 1)
        band = np.minimum(np.floor(place + 1e-9).astype(int), N_BANDS - 2)
        between, band = (place - band)[:, None, :], band[:, None, :]
        rows, channels = np.ogrid[: len(level), : level.shape[1]]
        rows, channels = rows[..., None], channels[..., None]
        level = (1 - between) * level[rows, channels, band] + (
            between * level[rows, channels, band + 1]
        )
        level = np.logaddexp(level, floor)
        shape = (len(level), self._n_channels, N_BANDS)
        return np.asarray(np.broadcast_to(level, shape))

    def _read(self, number: int, middle: Array, ratio: Array) -> Floats:
        """Waves [S, C, size] of a rest around places, read faster where pitches are higher."""
        rest = self._models[number].rest
        start = np.round(middle - ratio * self.step)
        place = start[:, None] + ratio[:, None] * np.arange(self._size)
        if np.all(np.abs(ratio - 1) < 1e-9):
            waves = _taken(rest, place.astype(int))
        else:
            waves = _between(rest, place)
        return np.broadcast_to(waves, (self._n_channels, *place.shape)).transpose(1, 0, 2)


def _taken(rest: Samples, index: npt.NDArray[np.int64]) -> Samples:
    """Samples [C, S, size] at places; silence outside."""
    inside = (index >= 0) & (index < rest.shape[1])
    return np.asarray(rest[:, np.clip(index, 0, rest.shape[1] - 1)] * inside, np.float32)


def _between(rest: Samples, place: Array) -> Samples:
    """Samples [C, S, size] at places between two, by Catmull and Rom's cubic."""
    index = np.floor(place).astype(int)
    t = (place - index).astype(np.float32)
    before, here, following, later = (_taken(rest, index + i) for i in (-1, 0, 1, 2))
    slope, curve = following - before, 2 * before - 5 * here + 4 * following - later
    bend = 3 * (here - following) + later - before
    return np.asarray(here + t / 2 * (slope + t * (curve + t * bend)))
