"""What drums are heard by: levels in bands a semitone wide, a hundred times a second.

As Vogl, Widmer and Knees, "Towards multi-instrument drum transcription" (DAFx 2018), section 3.1:
2,048 samples at 44.1 kHz, twelve triangles an octave, frames 10 ms apart. Onsets are then found
between frames, so that 10 ms are no limit to their precision.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.fft

from cambiata.arrays import Samples

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class DrumBands:
    """Logarithmic levels of a sound whose peak is 1 in triangular bands."""

    sample_rate: int = 44100
    hop_length: int = 441  # 10 ms
    n_fft: int = 2048  # 46 ms: bins of 22 Hz, in which a kick's 50 Hz are not a bass's 80
    lowest_hz: float = 30.0
    highest_hz: float = 17000.0  # above it MP3 has nothing
    per_octave: int = 12
    # Of full scale: levels are ln(1 + 1000 a), linear below -60 dB, where noise is.
    scale: float = 1000.0

    @property
    def frame_s(self) -> float:
        """Seconds between frames."""
        return self.hop_length / self.sample_rate

    @cached_property
    def window(self) -> Array:
        """Hann window, periodic, by which a sine of full scale has a magnitude of 1."""
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.n_fft) / self.n_fft)
        window: Array = (2 * hann / hann.sum()).astype(np.float32)
        return window

    @cached_property
    def filters(self) -> Array:
        """Triangles [M, F], each of sum 1; in the bass one bin is one band."""
        n = int(np.log2(self.highest_hz / self.lowest_hz) * self.per_octave) + 1
        hz = self.lowest_hz * 2 ** (np.arange(-1, n + 1) / self.per_octave)
        corners = np.unique(np.maximum(np.round(hz * self.n_fft / self.sample_rate), 0))
        bins = np.arange(self.n_fft // 2 + 1)
        low, middle, high = (corners[i : len(corners) - 2 + i, None] for i in range(3))
        rise, fall = (bins - low) / (middle - low), (high - bins) / (high - middle)
        triangles = np.maximum(np.minimum(rise, fall), 0)
        filters: Array = (triangles / triangles.sum(axis=1, keepdims=True)).astype(np.float32)
        return filters

    @property
    def n_bands(self) -> int:
        """How many bands M there are."""
        return len(self.filters)

    def levels(self, samples: Samples) -> Array:
        """Levels [M, L] of a sound [T]; frame l is centred at sample 441 l."""
        half = self.n_fft // 2
        padded = np.pad(samples.astype(np.float32, copy=False), half)
        frames = np.lib.stride_tricks.sliding_window_view(padded, self.n_fft)[:: self.hop_length]
        magnitude = np.abs(scipy.fft.rfft(frames * self.window)).astype(np.float32)
        levels: Array = np.log1p(self.scale * (magnitude @ self.filters.T)).T.astype(np.float32)
        return levels


DRUM_BANDS = DrumBands()
