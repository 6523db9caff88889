"""Sound from partials and noise, by inverse transforms.

Rodet & Depalle, "Spectral envelopes and inverse FFT synthesis", AES 93rd Convention, 1992: a
sinusoid is nine bins of a short spectrum, so that hundreds of partials cost one inverse transform
a frame. The window of the spectra is a Blackman-Harris one, whose lobe ends after four bins; it is
divided out again for a triangle, by which amplitudes run straight from frame to frame.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.fft

from cambiata.arrays import Samples
from cambiata.audio.stft import Stft

N_FFT, HOP = 1024, 256
_REACH = 4
_FINE = 128
_BLOCK_FRAMES = 512
_QUIETEST_DB = -90.0  # below the loudest partial
SHORT = Stft(n_fft=1024, hop_length=256, window="hann")
LONG = Stft(n_fft=4096, hop_length=1024, window="hann")
_WORKERS = 2


def _window() -> npt.NDArray[np.float64]:
    t = 2 * np.pi * np.arange(N_FFT) / N_FFT
    return np.asarray(
        0.35875 - 0.48829 * np.cos(t) + 0.14128 * np.cos(2 * t) - 0.01168 * np.cos(3 * t)
    )


def _lobes() -> npt.NDArray[np.float32]:
    """Transform of the window at nine bins about a place: row r lies r / _FINE - 1/2 off a bin."""
    off = np.arange(_FINE + 1) / _FINE - 0.5
    at = np.arange(-_REACH, _REACH + 1) - off[:, None]
    t = np.arange(N_FFT) - N_FFT // 2
    return np.asarray(np.cos(2 * np.pi / N_FFT * at[..., None] * t) @ _window(), np.float32)


_LOBES = _lobes()
_TO_TRIANGLE = np.zeros(N_FFT)
_TO_TRIANGLE[N_FFT // 2 - HOP : N_FFT // 2 + HOP] = (
    1 - np.abs(np.arange(-HOP, HOP)) / HOP
) / _window()[N_FFT // 2 - HOP : N_FFT // 2 + HOP]
_TO_TRIANGLE = _TO_TRIANGLE.astype(np.float32)


@dataclass(frozen=True, eq=False)
class Sinusoids:
    """Partials at moments."""

    frame: npt.NDArray[np.int64]  # Which moment: sample ``frame * HOP`` [M]
    hz: npt.NDArray[np.float64]  # Frequencies [M, P]
    amplitude: npt.NDArray[np.float32]  # Amplitudes [M, P]; 0 where there is nothing
    phase: npt.NDArray[np.float64]  # Phases in radians [M, P]


def play_sinusoids(partials: Sinusoids, n_samples: int, sample_rate: int) -> Samples:
    """Sound of partials, straight from frame to frame in amplitude.

    returns [T].
    """
    n_frames = n_samples // HOP + 2
    out = np.zeros((n_frames + 1) * HOP, np.float32)
    order = np.argsort(partials.frame, kind="stable")
    frames = partials.frame[order]
    loudest = float(partials.amplitude.max(initial=0.0))
    least = loudest * 10 ** (_QUIETEST_DB / 20)
    for first in range(0, n_frames, _BLOCK_FRAMES):
        last = min(first + _BLOCK_FRAMES, n_frames)
        rows = order[np.searchsorted(frames, first) : np.searchsorted(frames, last)]
        heard = (partials.amplitude[rows] > least) & (partials.hz[rows] < 0.49 * sample_rate)
        row, column = np.nonzero(heard)
        if not len(row):
            continue
        row = rows[row]
        place = partials.hz[row, column] * (N_FFT / sample_rate)
        bins = np.round(place).astype(np.int64)
        lobe = _LOBES[np.round((place - bins + 0.5) * _FINE).astype(np.int64)]
        lobe = lobe * (0.5 * partials.amplitude[row, column])[:, None]
        phase = partials.phase[row, column]
        width = N_FFT // 2 + 1 + 2 * _REACH
        index = ((partials.frame[row] - first) * width + bins)[:, None] + np.arange(2 * _REACH + 1)
        index = index.ravel()
        spectrum = np.empty((last - first, width), np.complex64)
        for part, gain in (("real", np.cos(phase)), ("imag", np.sin(phase))):
            weights = (lobe * gain[:, None].astype(np.float32)).ravel()
            summed = np.bincount(index, weights, spectrum.size)[: spectrum.size]
            setattr(spectrum, part, summed.reshape(spectrum.shape))
        # The sinusoid's mirror image at negative frequencies reaches over zero.
        body = spectrum[:, _REACH : _REACH + N_FFT // 2 + 1].copy()
        for k in range(1, _REACH + 1):
            body[:, k] += np.conj(spectrum[:, _REACH - k])
        body[:, 0] = 2 * body[:, 0].real
        # Windows are centred on their frames.
        body[:, 1::2] *= -1
        wave = scipy.fft.irfft(body, n=N_FFT, workers=_WORKERS) * _TO_TRIANGLE
        middle = wave[:, N_FFT // 2 - HOP : N_FFT // 2 + HOP]
        pieces = out[first * HOP : (last + 1) * HOP].reshape(-1, HOP)
        pieces[:-1] += middle[:, :HOP]
        pieces[1:] += middle[:, HOP:]
    return out[HOP : HOP + n_samples]


def play_noise(gain: npt.NDArray[np.float32], stft: Stft, n_samples: int, seed: int) -> Samples:
    """White noise of variance 1, filtered from frame to frame.

    gain: [F, L]; returns [T].
    """
    noise = np.random.default_rng(seed).standard_normal(n_samples, np.float32)
    spectrum = stft.analyse(noise)
    spectrum *= gain[:, : spectrum.shape[1]]
    return stft.synthesise(spectrum, n_samples)
