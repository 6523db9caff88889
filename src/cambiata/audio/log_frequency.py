"""Spectrograms in which every pitch looks alike: one bin more is a third of a semitone up."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.sparse

from cambiata.arrays import Samples
from cambiata.audio.mel import Features
from cambiata.audio.stft import Stft

_A4_PITCH, _A4_HZ = 69, 440.0
# As scipy's `resample_poly`: a Kaiser window over ten zeros of the sinc to either side.
_DECIMATION_REACH, _DECIMATION_BETA = 10, 5.0
_DECIMATED_AT_ONCE = 4096  # samples out: 3 MB of windows, multiplied in the cache
_POWER_FLOOR = 1e-12  # of a sound's mean power: keeps silence from dividing by zero


def midi_to_hz(pitch: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Frequency of pitches.

    Parameters
    ----------
    pitch : array_like
        MIDI numbers, whole or not.

    Returns
    -------
    numpy.ndarray
        In Hz.

    Examples
    --------
    >>> round(float(midi_to_hz(81)), 6)
    880.0
    """
    return np.asarray(_A4_HZ * 2 ** ((np.asarray(pitch, np.float64) - _A4_PITCH) / 12))


@dataclass(frozen=True)
class LogFrequency:
    """Power in bands of equal width in pitch, from windows that grow towards the bass.

    Parameters
    ----------
    sample_rate : int
        In Hz.
    hop_length : int
        Samples between frames; frame ``l`` is centred at sample ``l * hop_length``.
    lowest_pitch : int
        MIDI number whose three bins are the first.
    n_pitches : int
        Semitones.
    windows : tuple of int
        Lengths of the Hann windows in samples, longest first.
    decimations : tuple of int
        By how much the sound is decimated before each.
    borders_hz : tuple of float
        Where a window takes over from the longer one before it.
    tuning_cents : float
        How far the pitches lie above those of A = 440 Hz.
    bins_per_semitone : int
        An odd number, so that one is in tune.

    Examples
    --------
    >>> bands = LogFrequency()
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(44100) / 44100).astype(np.float32)
    >>> level_db = bands.level_db(tone)
    >>> level_db.shape, int(level_db[:, 20].argmax()) == 3 * (69 - 21) + 1
    ((312, 44), True)
    """

    sample_rate: int = 44100
    hop_length: int = 1024
    lowest_pitch: int = 21
    n_pitches: int = 104
    windows: tuple[int, ...] = (16384, 8192, 4096)
    decimations: tuple[int, ...] = (8, 8, 1)
    borders_hz: tuple[float, ...] = (360.0, 720.0)
    tuning_cents: float = 0.0
    bins_per_semitone: int = 3

    @property
    def n_bins(self) -> int:
        """`bins_per_semitone` for every pitch; the middle one is in tune."""
        return self.bins_per_semitone * self.n_pitches

    @property
    def frame_s(self) -> float:
        """Seconds from frame to frame."""
        return self.hop_length / self.sample_rate

    def n_frames(self, n_samples: int) -> int:
        """Frames of a sound.

        Parameters
        ----------
        n_samples : int
            Its length.

        Returns
        -------
        int
            Number of frames L.
        """
        return 1 + n_samples // self.hop_length

    @cached_property
    def filters(self) -> list[scipy.sparse.csr_array]:
        """Of each window: weights of its power spectrum's bins [n_bins, F]."""
        n = self.bins_per_semitone
        pitch = self.lowest_pitch + (np.arange(-1, self.n_bins + 1) - n // 2) / n
        centre = midi_to_hz(pitch + self.tuning_cents / 100)
        edges = (0.0, *self.borders_hz, np.inf)
        filters = []
        for i, (window, decimation) in enumerate(zip(self.windows, self.decimations, strict=True)):
            spacing, length = self.sample_rate / window, window // decimation
            at = np.arange(length // 2 + 1) * spacing
            rows = np.zeros((self.n_bins, len(at)))
            for row, (below, here, above) in enumerate(
                zip(centre, centre[1:], centre[2:], strict=False)
            ):
                if edges[i] <= here < edges[i + 1]:
                    # Where bins lie closer than the transform's, it is read between them.
                    left, right = max(here - below, spacing), max(above - here, spacing)
                    rise, fall = 1 - (here - at) / left, 1 - (at - here) / right
                    rows[row] = np.maximum(0, np.minimum(rise, fall))
            # 16 / N^2: a Hann window sums to N / 2 and a sinusoid has half its amplitude on either
            # side of 0 Hz, so that one of amplitude 1 counts as power 1.
            filters.append(scipy.sparse.csr_array((rows * (16 / length**2)).astype(np.float32)))
        return filters

    def power(self, samples: Samples) -> Features:
        """Power in every band.

        Parameters
        ----------
        samples : numpy.ndarray
            Mono sound [T].

        Returns
        -------
        numpy.ndarray
            [n_bins, L]; about 1 where a sinusoid of amplitude 1 lies.
        """
        out = np.zeros((self.n_bins, self.n_frames(len(samples))), np.float32)
        lower = {1: samples}
        shapes = zip(self.windows, self.decimations, self.filters, strict=True)
        for window, by, filters in shapes:
            if by not in lower:
                lower[by] = decimate(samples, by)
            power = hann_power(lower[by], window // by, self.hop_length // by)[: out.shape[1]]
            out += filters @ np.pad(power, ((0, out.shape[1] - len(power)), (0, 0))).T
        return out

    def level_db(self, samples: Samples, mean: float | None = None) -> Features:
        """Level in every band, relative to the sound's own RMS.

        Parameters
        ----------
        samples : numpy.ndarray
            Mono sound [T].
        mean : float, optional
            Mean power of the sound that this is a stretch of; its own where not given.

        Returns
        -------
        numpy.ndarray
            [n_bins, L] in dB; about 3 for a sinusoid alone.
        """
        if mean is None:
            mean = float(np.mean(np.square(samples, dtype=np.float64))) + _POWER_FLOOR
        # The floor lies 100 dB below the sound's own RMS.
        level: Features = 10 * np.log10(self.power(samples) / np.float32(mean) + np.float32(1e-10))
        return level


def decimation_taps(by: int) -> Samples:
    """Low pass of `decimate`.

    Parameters
    ----------
    by : int
        Samples of which one is left.

    Returns
    -------
    numpy.ndarray
        Symmetric taps [20 by + 1] of sum 1.

    Examples
    --------
    >>> decimation_taps(8).shape
    (161,)
    """
    half = _DECIMATION_REACH * by
    t = np.arange(-half, half + 1)
    taps = np.sinc(t / by) * np.kaiser(2 * half + 1, _DECIMATION_BETA)
    return np.asarray(taps / taps.sum(), np.float32)


def decimate(samples: Samples, by: int) -> Samples:
    """Every `by`-th sample of a sound, low-passed: scipy's ``resample_poly(samples, 1, by)``.

    Its own code, since importing `scipy.signal` takes as long as a transfer of some seconds.

    Parameters
    ----------
    samples : numpy.ndarray
        Mono sound [T].
    by : int
        Samples of which one is left.

    Returns
    -------
    numpy.ndarray
        Sound [T / by], rounded up.

    Examples
    --------
    >>> decimate(np.ones(9, np.float32), 2).shape
    (5,)
    """
    taps = decimation_taps(by)
    half = len(taps) // 2
    frames = np.lib.stride_tricks.sliding_window_view(
        np.pad(samples.astype(np.float32, copy=False), half), len(taps)
    )[::by]
    out = np.empty(len(frames), np.float32)
    for at in range(0, len(frames), _DECIMATED_AT_ONCE):
        out[at : at + _DECIMATED_AT_ONCE] = frames[at : at + _DECIMATED_AT_ONCE] @ taps
    return out


def hann_power(samples: Samples, length: int, hop_length: int) -> Features:
    """Power spectrum in centred Hann windows.

    Parameters
    ----------
    samples : numpy.ndarray
        Mono sound [T].
    length : int
        Window and transform, in samples; even.
    hop_length : int
        Samples between frames.

    Returns
    -------
    numpy.ndarray
        Squared magnitudes [L, length / 2 + 1].

    Examples
    --------
    >>> hann_power(np.ones(2048, np.float32), 256, 128).shape
    (17, 129)
    """
    spectrum = Stft(length, hop_length, "hann").analyse(samples).T
    power: Features = spectrum.real**2 + spectrum.imag**2
    return power
