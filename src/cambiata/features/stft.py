"""The short-time Fourier transform and its least-squares inverse, in float32."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, cast

import numpy as np
import numpy.typing as npt
import scipy.fft

from cambiata.arrays import Samples, Spectrum

Window = Literal["hann", "blackman", "gauss"]

# Two threads: past that the transforms of one short recording no longer gain.
_WORKERS = 2

# gamma of the Gaussian exp(-pi t^2 / gamma) nearest to each window, over its squared length:
# Prusa, Balazs, Sondergaard 2017, table I; for "gauss" by construction of `_window`.
_GAMMA = {"hann": 0.25645, "blackman": 0.17954, "gauss": 0.17954}


def _window(kind: Window, n_fft: int) -> npt.NDArray[np.float64]:
    # Periodic windows: the STFT of a stationary sound should not depend on the frame.
    t = np.arange(n_fft) / n_fft
    if kind == "hann":
        return 0.5 - 0.5 * np.cos(2 * np.pi * t)
    if kind == "blackman":
        return 0.42 - 0.5 * np.cos(2 * np.pi * t) + 0.08 * np.cos(4 * np.pi * t)
    return cast(npt.NDArray[np.float64], np.exp(-np.pi * (t - 0.5) ** 2 / _GAMMA["gauss"]))


@dataclass(frozen=True)
class Stft:
    """A centred short-time Fourier transform: frame ``l`` sits at sample ``l * hop_length``.

    Same convention as ``librosa.stft(center=True, pad_mode="constant")``. The defaults are those
    from which sound is rebuilt best at 44.1 kHz (`cambiata.vocoder`).

    Parameters
    ----------
    n_fft : int
        Window and transform length in samples; even.
    hop_length : int
        Samples between frames; divides `n_fft`, at most half of it.
    window : {"hann", "blackman", "gauss"}
        Periodic window. "gauss" is truncated where a Blackman window ends and is what
        phase-gradient heap integration is exact for.

    Examples
    --------
    >>> stft = Stft(n_fft=512, hop_length=128)
    >>> x = np.sin(np.arange(4000, dtype=np.float32))
    >>> spectrum = stft.analyse(x)
    >>> spectrum.shape
    (257, 32)
    >>> bool(np.allclose(stft.synthesise(spectrum, 4000), x, atol=1e-5))
    True
    """

    n_fft: int = 2048
    hop_length: int = 256
    window: Window = "gauss"

    def __post_init__(self) -> None:
        if not 16 <= self.n_fft <= 2**17 or self.hop_length < 1:
            raise ValueError("n_fft must be 16 to 131072, hop_length at least 1")
        if self.n_fft % 2 or self.n_fft % self.hop_length or self.n_fft < 2 * self.hop_length:
            raise ValueError("n_fft must be even and a multiple of hop_length, at least twice it")

    @property
    def n_bins(self) -> int:
        """Frequency bins F of one frame."""
        return self.n_fft // 2 + 1

    @property
    def gamma(self) -> float:
        """Width of the Gaussian nearest to the window, in samples squared."""
        return _GAMMA[self.window] * self.n_fft**2

    @cached_property
    def samples(self) -> Samples:
        """The window itself, [n_fft]."""
        return _window(self.window, self.n_fft).astype(np.float32)

    def n_frames(self, n_samples: int) -> int:
        """Frames that `analyse` makes of a sound.

        Parameters
        ----------
        n_samples : int
            Length of the sound.

        Returns
        -------
        int
            Number of frames L.
        """
        return 1 + n_samples // self.hop_length

    def analyse(self, samples: Samples) -> Spectrum:
        """Complex spectrum of a sound.

        Parameters
        ----------
        samples : numpy.ndarray
            Mono sound [T].

        Returns
        -------
        numpy.ndarray
            Complex spectrum [F, L], a view whose frames are contiguous in memory.
        """
        half = self.n_fft // 2
        padded = np.pad(samples.astype(np.float32, copy=False), half)
        frames = np.lib.stride_tricks.sliding_window_view(padded, self.n_fft)[:: self.hop_length]
        windowed = frames * self.samples
        return cast(Spectrum, scipy.fft.rfft(windowed, workers=_WORKERS)).T

    def synthesise(self, spectrum: Spectrum, n_samples: int) -> Samples:
        """Sound whose spectrum is nearest, in the least-squares sense, to the one given.

        Griffin & Lim 1984, eq. 6: overlap-add with the analysis window, divided by the
        overlap-add of its square.

        Parameters
        ----------
        spectrum : numpy.ndarray
            Complex spectrum [F, L].
        n_samples : int
            Length of the sound to return.

        Returns
        -------
        numpy.ndarray
            Mono sound [n_samples].
        """
        frames = scipy.fft.irfft(spectrum.T, n=self.n_fft, workers=_WORKERS)
        frames *= self.samples
        half = self.n_fft // 2
        sound = self._overlap_add(frames)[half : half + n_samples]
        norm = self._window_norm(frames.shape[0])[half : half + n_samples]
        out = np.zeros(n_samples, np.float32)
        np.divide(sound, norm, out=out[: len(sound)], where=norm > 1e-8)
        return out

    def _overlap_add(self, frames: Samples) -> Samples:
        overlaps = self.n_fft // self.hop_length
        out = np.zeros((frames.shape[0] + overlaps - 1, self.hop_length), np.float32)
        pieces = frames.reshape(frames.shape[0], overlaps, self.hop_length)
        for i in range(overlaps):
            out[i : i + frames.shape[0]] += pieces[:, i]
        return out.reshape(-1)

    def _window_norm(self, n_frames: int) -> Samples:
        squares = np.broadcast_to(self.samples**2, (n_frames, self.n_fft))
        return self._overlap_add(np.ascontiguousarray(squares))
