"""Rectangular rooms: reflections by the image-source method, late reverberation by noise.

Allen and Berkley, "Image method for efficiently simulating small-room acoustics" (JASA 65, 1979).
We differ in that images are used for the first reflections alone; what follows is noise that decays
in the time that was asked for, which bare images of a room with six equal walls do not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.reverb.octaves import Bands, octave_centres_hz
from cambiata.reverb.tail import decaying_noise

Point = tuple[float, float, float]

SPEED_M_S = 343.0  # of sound, at 20 degrees
# Reflections are single ones up to here (80 ms, the limit of "early" in ISO 3382); the noise fades
# in over the last part of it.
_EARLY_S, _FADE_S = 0.08, 0.03
_EARLY_OF_RT60 = 0.25  # of short reverbs the early part is shorter
# Taps of the interpolation between samples on either side; fewer dull the highest octave.
_HALF_TAPS = 16
EARS_M = 0.17  # between the two receivers of a stereo room


@dataclass(frozen=True)
class Shoebox:
    """A room of a size in metres, whose walls all absorb one share of the energy."""

    size_m: Point
    absorption: float

    @classmethod
    def of_time(cls, size_m: Point, rt60_s: float) -> "Shoebox":
        """The room whose reverberation time by Eyring's formula is the one given."""
        length, width, height = size_m
        surface = 2 * (length * width + length * height + width * height)
        exponent = _SABINE * length * width * height / (surface * rt60_s)
        return cls(size_m, float(-np.expm1(-exponent)))

    @cached_property
    def rt60_s(self) -> float:
        """Reverberation time by Eyring's formula (1930)."""
        length, width, height = self.size_m
        surface = 2 * (length * width + length * height + width * height)
        volume = length * width * height
        return float(_SABINE * volume / (-surface * np.log1p(-self.absorption)))

    def response(
        self, source: Point, listeners: Sequence[Point], sample_rate: int, seed: int = 0
    ) -> Samples:
        """Response [C, T] at every listener; the direct sound comes late, and at 1 / distance."""
        late = _late(self, len(listeners), sample_rate, seed)
        response = np.zeros((len(listeners), late.shape[1]))
        early_s = min(_EARLY_S, _EARLY_OF_RT60 * self.rt60_s)
        for row, noise, listener in zip(response, late, listeners, strict=True):
            reflections, direct = self._early(source, listener, early_s, sample_rate, late.shape[1])
            # The noise fades in where the images fade out, at the energy that they have there.
            t = np.arange(late.shape[1]) / sample_rate - direct / sample_rate
            rise = np.clip((t - early_s) / _FADE_S + 1, 0, 1)
            window = (rise > 0) & (rise < 1)
            level = np.sqrt(
                (reflections[window] ** 2).mean() / ((noise[window] ** 2).mean() + 1e-30)
            )
            row[:] = reflections * np.cos(np.pi / 2 * rise) + level * noise * np.sin(
                np.pi / 2 * rise
            )
        return response.astype(np.float32)

    def _early(
        self, source: Point, listener: Point, early_s: float, sample_rate: int, n: int
    ) -> tuple[npt.NDArray[np.float64], int]:
        """Direct sound and first reflections [T], and the sample of the direct sound."""
        direct_m = float(np.linalg.norm(np.subtract(source, listener)))
        reach_m = direct_m + (early_s + 0.01) * SPEED_M_S
        axes, orders = [], []
        for length, at, there in zip(self.size_m, source, listener, strict=True):
            k = np.arange(-int(reach_m / (2 * length)) - 1, int(reach_m / (2 * length)) + 2)
            # Images at 2kL + x and 2kL - x, mirrored |2k| and |2k - 1| times.
            axes.append(np.concatenate([2 * k * length + at, 2 * k * length - at]) - there)
            orders.append(np.concatenate([np.abs(2 * k), np.abs(2 * k - 1)]))
        dx, dy, dz = np.meshgrid(*axes, indexing="ij")
        distance = np.maximum(np.sqrt(dx**2 + dy**2 + dz**2), 0.1)
        n_walls: npt.NDArray[np.int64] = np.sum(np.meshgrid(*orders, indexing="ij"), axis=0)
        near = distance < reach_m
        gain = np.sqrt(1 - self.absorption) ** n_walls[near] / distance[near]
        arrival = distance[near] / SPEED_M_S * sample_rate
        whole = np.floor(arrival).astype(int)
        taps = np.arange(-_HALF_TAPS + 1, _HALF_TAPS + 1)
        offset = taps[None] - (arrival - whole)[:, None]
        window = np.cos(np.pi / 2 * offset / (_HALF_TAPS + 1)) ** 2
        places = whole[:, None] + taps[None] + _HALF_TAPS
        response = np.zeros(n + 2 * _HALF_TAPS)
        valid = places < len(response)
        np.add.at(response, places[valid], (gain[:, None] * np.sinc(offset) * window)[valid])
        return response[_HALF_TAPS : _HALF_TAPS + n], round(direct_m / SPEED_M_S * sample_rate)


@lru_cache(maxsize=2)  # a source that moves asks for one again and again
def _late(room: Shoebox, n_channels: int, sample_rate: int, seed: int) -> Bands:
    """Late reverberation [C, T], long enough for the way from any corner to any other."""
    times_s = dict.fromkeys(octave_centres_hz(sample_rate), room.rt60_s)
    noise = decaying_noise(times_s, sample_rate, n_channels, seed)
    least = round((_EARLY_S + _FADE_S + max(room.size_m) * 2 / SPEED_M_S) * sample_rate)
    return np.pad(noise, ((0, 0), (0, max(0, least - noise.shape[1]))))


_SABINE = 24 * np.log(10) / SPEED_M_S  # seconds a metre: 0.161


def along(path: Sequence[Point], share: float) -> Point:
    """Point of a path at a share of its length.

    >>> along([(0, 0, 0), (2, 0, 0), (2, 2, 0)], 0.75)
    (2.0, 1.0, 0.0)
    """
    points = np.array(path, np.float64)
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    at = np.concatenate([[0.0], np.cumsum(steps)])
    x, y, z = (float(np.interp(share * at[-1], at, axis)) for axis in points.T)
    return x, y, z
