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

N_FFT, HOP = 1024, 256  # 5.8 ms a frame: amplitudes follow attacks, and a lobe is nine bins wide
REACH = 4  # bins to either side; the window's lobe ends there
LOBE_STEPS = 128  # frequencies told apart in a bin: the error of a lobe is below -90 dB (tested)
_BLOCK_FRAMES = 512  # 3 s at a time, which bounds memory and changes nothing else
# Partials so far below the loudest are left out: nobody hears them, and most of the time is saved.
QUIETEST_DB = -90.0
_NYQUIST_SHARE = 0.49  # of the sample rate: a lobe must not reach over the middle
# Transforms for noise: a short one for what comes with attacks, the analysis' own for what lasts.
SHORT = Stft(n_fft=1024, hop_length=256, window="hann")
LONG = Stft(n_fft=4096, hop_length=1024, window="hann")
_WORKERS = 2  # threads of the transforms, as many as the cores of a small machine


def _window() -> npt.NDArray[np.float64]:
    """Blackman-Harris window of four terms (Harris 1978, -92 dB)."""
    t = 2 * np.pi * np.arange(N_FFT) / N_FFT
    return np.asarray(
        0.35875 - 0.48829 * np.cos(t) + 0.14128 * np.cos(2 * t) - 0.01168 * np.cos(3 * t)
    )


def _lobes() -> npt.NDArray[np.float32]:
    """Transform of the window at nine bins: row r for r / LOBE_STEPS - 1/2 off a bin."""
    off = np.arange(LOBE_STEPS + 1) / LOBE_STEPS - 0.5
    at = np.arange(-REACH, REACH + 1) - off[:, None]
    t = np.arange(N_FFT) - N_FFT // 2
    return np.asarray(np.cos(2 * np.pi / N_FFT * at[..., None] * t) @ _window(), np.float32)


LOBES = _lobes()
TO_TRIANGLE = np.zeros(N_FFT)
TO_TRIANGLE[N_FFT // 2 - HOP : N_FFT // 2 + HOP] = (
    1 - np.abs(np.arange(-HOP, HOP)) / HOP
) / _window()[N_FFT // 2 - HOP : N_FFT // 2 + HOP]
TO_TRIANGLE = TO_TRIANGLE.astype(np.float32)


@dataclass(frozen=True, eq=False)
class Sinusoids:
    """Partials at single moments."""

    frame: npt.NDArray[np.int64]  # the moment: sample ``frame * HOP`` [M]
    hz: npt.NDArray[np.float64]  # [M, P]
    amplitude: npt.NDArray[np.float32]  # 0 where there is no partial [M, P]
    phase: npt.NDArray[np.float64]  # in radians [M, P]


def play_sinusoids(partials: Sinusoids, n_samples: int, sample_rate: int) -> Samples:
    """Sound [T] of partials, whose amplitudes are straight lines between frames."""
    n_frames = n_samples // HOP + 2
    out = np.zeros((n_frames + 1) * HOP, np.float32)
    order = np.argsort(partials.frame, kind="stable")
    frames = partials.frame[order]
    loudest = float(partials.amplitude.max(initial=0.0))
    least = loudest * 10 ** (QUIETEST_DB / 20)
    for first in range(0, n_frames, _BLOCK_FRAMES):
        last = min(first + _BLOCK_FRAMES, n_frames)
        rows = order[np.searchsorted(frames, first) : np.searchsorted(frames, last)]
        audible = partials.amplitude[rows] > least
        audible &= partials.hz[rows] < _NYQUIST_SHARE * sample_rate
        row, column = np.nonzero(audible)
        if not len(row):
            continue
        body = _spectra(partials, rows[row], column, first, last - first, sample_rate)
        wave = scipy.fft.irfft(body, n=N_FFT, workers=_WORKERS) * TO_TRIANGLE
        middle = wave[:, N_FFT // 2 - HOP : N_FFT // 2 + HOP]
        pieces = out[first * HOP : (last + 1) * HOP].reshape(-1, HOP)
        pieces[:-1] += middle[:, :HOP]
        pieces[1:] += middle[:, HOP:]
    return out[HOP : HOP + n_samples]


def _spectra(
    partials: Sinusoids,
    row: npt.NDArray[np.int64],
    column: npt.NDArray[np.int64],
    first: int,
    n_frames: int,
    sample_rate: int,
) -> npt.NDArray[np.complex64]:
    """Spectra of a block of frames [L, N_FFT / 2 + 1]: the lobes of chosen partials, added up."""
    place = partials.hz[row, column] * (N_FFT / sample_rate)
    bins = np.round(place).astype(np.int64)
    lobe = LOBES[np.round((place - bins + 0.5) * LOBE_STEPS).astype(np.int64)]
    lobe = lobe * (0.5 * partials.amplitude[row, column])[:, None]
    phase = partials.phase[row, column]
    width = N_FFT // 2 + 1 + 2 * REACH
    index = ((partials.frame[row] - first) * width + bins)[:, None] + np.arange(2 * REACH + 1)
    index = index.ravel()
    spectrum = np.empty((n_frames, width), np.complex64)
    for part, gain in (("real", np.cos(phase)), ("imag", np.sin(phase))):
        weights = (lobe * gain[:, None].astype(np.float32)).ravel()
        summed = np.bincount(index, weights, spectrum.size)[: spectrum.size]
        setattr(spectrum, part, summed.reshape(spectrum.shape))
    # The sinusoid's mirror image at negative frequencies reaches over zero.
    body = spectrum[:, REACH : REACH + N_FFT // 2 + 1].copy()
    for k in range(1, REACH + 1):
        body[:, k] += np.conj(spectrum[:, REACH - k])
    body[:, 0] = 2 * body[:, 0].real
    # Windows are centred on their frames.
    body[:, 1::2] *= -1
    return body


def play_noise(gain: npt.NDArray[np.float32], stft: Stft, n_samples: int, seed: int) -> Samples:
    """White noise of variance 1 [T], filtered by the gain of each bin in each frame [F, L]."""
    noise = np.random.default_rng(seed).standard_normal(n_samples, np.float32)
    spectrum = stft.analyse(noise)
    spectrum *= gain[:, : spectrum.shape[1]]
    return stft.synthesise(spectrum, n_samples)
