"""The short-time Fourier transform and its least-squares inverse, in float32."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
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
    from which sound is rebuilt best at 44.1 kHz (`cambiata.audio.vocoder`).

    Parameters
    ----------
    n_fft : int
        Transform length in samples; even.
    hop_length : int
        Samples between frames; divides the window's length, at most half of it.
    window : {"hann", "blackman", "gauss"}
        Periodic window. "gauss" is truncated where a Blackman window ends and is what
        phase-gradient heap integration is exact for.
    win_length : int, optional
        Window length in samples, even, at most `n_fft`, and centred in it; as long as the
        transform where not given.

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
    win_length: int | None = None

    def __post_init__(self) -> None:
        if not 16 <= self.n_fft <= 2**17 or self.hop_length < 1:
            raise ValueError("n_fft must be 16 to 131072, hop_length at least 1")
        length, name = self.window_samples, "n_fft" if self.win_length is None else "win_length"
        if not 16 <= length <= self.n_fft:
            raise ValueError("win_length must be 16 to n_fft")
        if self.n_fft % 2 or length % 2 or length % self.hop_length or length < 2 * self.hop_length:
            raise ValueError(f"{name} must be even and a multiple of hop_length, at least twice it")

    @property
    def window_samples(self) -> int:
        """Length of the window in samples."""
        return self.n_fft if self.win_length is None else self.win_length

    @property
    def n_bins(self) -> int:
        """Frequency bins F of one frame."""
        return self.n_fft // 2 + 1

    @property
    def gamma(self) -> float:
        """Width of the Gaussian nearest to the window, in samples squared."""
        return _GAMMA[self.window] * self.window_samples**2

    @cached_property
    def samples(self) -> Samples:
        """The window itself, [window_samples]."""
        return _window(self.window, self.window_samples).astype(np.float32)

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
        length = self.window_samples
        padded = np.pad(samples.astype(np.float32, copy=False), length // 2)
        frames = np.lib.stride_tricks.sliding_window_view(padded, length)[:: self.hop_length]
        windowed = frames * self.samples
        if length < self.n_fft:
            windowed = np.pad(windowed, ((0, 0), (self._margin, self._margin)))
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
        frames = frames[:, self._margin : self.n_fft - self._margin] * self.samples
        half = self.window_samples // 2
        sound = self._overlap_add(frames)[half : half + n_samples]
        norm = self._window_norm(frames.shape[0])[half : half + n_samples]
        out = np.zeros(n_samples, np.float32)
        # Where no window reaches there is no sound: only past the last frame.
        np.divide(sound, norm, out=out[: len(sound)], where=norm > 1e-8)
        return out

    @property
    def _margin(self) -> int:
        """Zeros on either side of the window."""
        return (self.n_fft - self.window_samples) // 2

    def _overlap_add(self, frames: Samples) -> Samples:
        overlaps = self.window_samples // self.hop_length
        out = np.zeros((frames.shape[0] + overlaps - 1, self.hop_length), np.float32)
        pieces = frames.reshape(frames.shape[0], overlaps, self.hop_length)
        for i in range(overlaps):
            out[i : i + frames.shape[0]] += pieces[:, i]
        return out.reshape(-1)

    @lru_cache(maxsize=1)  # noqa: B019 (what alternating projections ask for again and again)
    def _window_norm(self, n_frames: int) -> Samples:
        squares = np.broadcast_to(self.samples**2, (n_frames, self.window_samples))
        return self._overlap_add(np.ascontiguousarray(squares))
