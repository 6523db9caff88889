"""Mel spectra and cepstra as librosa defines them, in NumPy and SciPy alone."""

import numpy as np
import numpy.typing as npt
import scipy.fft

from cambiata.arrays import Samples

Features = npt.NDArray[np.float32]
"""Features of frames, [D, L]: powers, decibels or cepstral coefficients."""

# Slaney's mel scale: linear up to 1 kHz, then 27 mels for every factor of 6.4.
_BREAK_HZ = 1000.0
_HZ_PER_MEL = 200.0 / 3
_BREAK_MEL = _BREAK_HZ / _HZ_PER_MEL
_MELS_PER_NEPER = 27.0 / np.log(6.4)

# librosa's `amin`: powers below this read as -100 dB.
_POWER_FLOOR = 1e-10


def mel_filters(
    sample_rate: int,
    n_fft: int,
    n_mels: int,
    fmin_hz: float = 0.0,
    fmax_hz: float | None = None,
) -> Features:
    """Triangular filters from frequency bins to mel bands, each of unit area.

    Slaney's mel scale and norm (Auditory Toolbox, 1998), as ``librosa.filters.mel`` by default;
    equal to it to 1e-7.

    Parameters
    ----------
    sample_rate : int
        Samples per second.
    n_fft : int
        Length of the transform in samples.
    n_mels : int
        Mel bands M.
    fmin_hz : float
        Where the lowest filter begins.
    fmax_hz : float, optional
        Where the highest filter ends; half the sample rate where not given.

    Returns
    -------
    numpy.ndarray
        Filters [M, F] with F = n_fft / 2 + 1, in 1/Hz.

    Raises
    ------
    ValueError
        The filters' range is empty or leaves that of the transform.

    Examples
    --------
    >>> filters = mel_filters(16000, 2048, 40)
    >>> filters.shape
    (40, 1025)
    >>> bool(np.allclose(filters.sum(axis=1) * 16000 / 2048, 1, atol=0.05))
    True
    """
    top_hz = sample_rate / 2 if fmax_hz is None else fmax_hz
    if n_mels < 1 or not 0 <= fmin_hz < top_hz <= sample_rate / 2:
        raise ValueError("0 <= fmin_hz < fmax_hz <= sample_rate / 2 must hold, and n_mels >= 1")
    corners_hz = mel_corners_hz(n_mels, fmin_hz, top_hz)
    bins_hz = np.fft.rfftfreq(n_fft, 1 / sample_rate)
    left, centre, right = corners_hz[:-2, None], corners_hz[1:-1, None], corners_hz[2:, None]
    rise = (bins_hz - left) / (centre - left)
    fall = (right - bins_hz) / (right - centre)
    triangles = np.maximum(0.0, np.minimum(rise, fall))
    filters: Features = (triangles * 2 / (right - left)).astype(np.float32)
    return filters


def mel_corners_hz(n_mels: int, fmin_hz: float, fmax_hz: float) -> npt.NDArray[np.float64]:
    """Frequencies where mel filters begin, peak and end: equal steps on Slaney's mel scale.

    Parameters
    ----------
    n_mels : int
        Mel bands M.
    fmin_hz : float
        Where the lowest filter begins.
    fmax_hz : float
        Where the highest filter ends.

    Returns
    -------
    numpy.ndarray
        Frequencies [M + 2] in Hz; filter m begins at m, peaks at m + 1 and ends at m + 2.

    Examples
    --------
    >>> mel_corners_hz(2, 0.0, 600.0).tolist()
    [0.0, 200.0, 400.0, 600.0]
    """
    low, high = _mel(np.array([fmin_hz, fmax_hz]))
    return _hz(np.linspace(low, high, n_mels + 2))


def stft_power(samples: Samples, n_fft: int = 2048, hop_length: int = 512) -> Features:
    """Power spectrum of a sound, its ends mirrored.

    As ``np.abs(librosa.stft(..., pad_mode="reflect")) ** 2`` with a Hann window, which was
    librosa's padding until 0.10. `cambiata.audio.stft.Stft` pads with silence instead and wants
    hops that divide the window; the published metrics use neither.

    Parameters
    ----------
    samples : numpy.ndarray
        Mono sound [T]. One shorter than half a window is mirrored as often as it takes.
    n_fft : int
        Window and transform length in samples; even.
    hop_length : int
        Samples between frames, any number.

    Returns
    -------
    numpy.ndarray
        Power [F, L] with L = 1 + T // hop_length.

    Raises
    ------
    ValueError
        The sound is empty or not mono.

    Examples
    --------
    >>> t = np.arange(16000) / 16000
    >>> power = stft_power(np.sin(2 * np.pi * 1000 * t).astype(np.float32))
    >>> power.shape, int(power[:, 10].argmax())
    ((1025, 32), 128)
    """
    if samples.ndim != 1 or not samples.size:
        raise ValueError("the sound must be mono, [T], and not empty")
    padded = np.pad(samples.astype(np.float32, copy=False), n_fft // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop_length]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    spectrum = scipy.fft.rfft(frames * window.astype(np.float32))
    power: Features = (spectrum.real**2 + spectrum.imag**2).T
    return power


def mel_power(
    samples: Samples,
    sample_rate: int,
    n_fft: int = 2048,
    hop_length: int = 512,
    n_mels: int = 128,
) -> Features:
    """Power of a sound in mel bands.

    As ``librosa.feature.melspectrogram(..., pad_mode="reflect")``, the default of librosa 0.8.

    Parameters
    ----------
    samples : numpy.ndarray
        Mono sound [T]; see `stft_power` on short ones.
    sample_rate : int
        Samples per second.
    n_fft : int
        Window and transform length in samples; even.
    hop_length : int
        Samples between frames.
    n_mels : int
        Mel bands M.

    Returns
    -------
    numpy.ndarray
        Power [M, L] with L = 1 + T // hop_length.

    Examples
    --------
    >>> mel_power(np.ones(16000, np.float32), 16000).shape
    (128, 32)
    """
    filters = mel_filters(sample_rate, n_fft, n_mels)
    power: Features = filters @ stft_power(samples, n_fft, hop_length)
    return power


def log_mel(
    samples: Samples, sample_rate: int, n_mels: int = 80, hop_length: int = 512
) -> Features:
    """Logarithm of a sound's power in mel bands, whatever its level.

    Parameters
    ----------
    samples : numpy.ndarray
        Mono sound [T].
    sample_rate : int
        Samples per second.
    n_mels : int
        Mel bands M.
    hop_length : int
        Samples between frames.

    Returns
    -------
    numpy.ndarray
        Natural logarithm of power over mean power [M, L], at least -12.

    Examples
    --------
    >>> log_mel(np.ones(16000, np.float32), 16000).shape
    (80, 32)
    """
    power = mel_power(samples, sample_rate, hop_length=hop_length, n_mels=n_mels)
    # e^-12, 52 dB below the mean: how quiet a silence is makes no difference.
    level: Features = np.log(power / (power.mean() + 1e-12) + np.float32(6.1e-6))
    return level


def power_db(power: Features, floor_db: float = 80.0) -> Features:
    """Power in decibels, cut off below the loudest.

    As ``librosa.power_to_db(power, ref=1, amin=1e-10, top_db=80)``.

    Parameters
    ----------
    power : numpy.ndarray
        Power of any shape; below 1e-10 it counts as that much.
    floor_db : float
        How far below the greatest value the floor lies.

    Returns
    -------
    numpy.ndarray
        Decibels relative to 1, of the same shape; -100 throughout for silence.

    Examples
    --------
    >>> power_db(np.array([100.0, 1.0, 1e-9], np.float32)).round().tolist()
    [20.0, 0.0, -60.0]
    """
    level_db = 10 * np.log10(np.maximum(power, _POWER_FLOOR))
    floored: Features = np.maximum(level_db, level_db.max() - floor_db)
    return floored


def mfcc(
    samples: Samples,
    sample_rate: int,
    n_mfcc: int = 13,
    hop_length: int = 500,
    n_fft: int = 2048,
    n_mels: int = 128,
) -> Features:
    """Mel-frequency cepstral coefficients of a sound.

    The orthonormal DCT-II over the bands of `mel_power` in dB, as ``librosa.feature.mfcc(...,
    pad_mode="reflect")``. The default hop is that of the timbre metric of Cifka et al., ICASSP
    2021, which then drops the first coefficient.

    Parameters
    ----------
    samples : numpy.ndarray
        Mono sound [T]; see `stft_power` on short ones.
    sample_rate : int
        Samples per second.
    n_mfcc : int
        Number of coefficients, at most `n_mels`.
    hop_length : int
        Samples between frames.
    n_fft : int
        Window and transform length in samples; even.
    n_mels : int
        Mel bands.

    Returns
    -------
    numpy.ndarray
        Coefficients [n_mfcc, L] with L = 1 + T // hop_length, the first the mean level.

    Examples
    --------
    >>> mfcc(np.ones(16000, np.float32), 16000).shape
    (13, 33)
    """
    bands_db = power_db(mel_power(samples, sample_rate, n_fft, hop_length, n_mels))
    cepstrum: Features = scipy.fft.dct(bands_db, type=2, axis=0, norm="ortho")
    return cepstrum[:n_mfcc]


def _mel(frequency_hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    above = np.log(np.maximum(frequency_hz, _BREAK_HZ) / _BREAK_HZ) * _MELS_PER_NEPER
    mels: npt.NDArray[np.float64] = np.minimum(frequency_hz, _BREAK_HZ) / _HZ_PER_MEL + above
    return mels


def _hz(mels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    above = np.exp(np.maximum(mels - _BREAK_MEL, 0.0) / _MELS_PER_NEPER)
    frequency_hz: npt.NDArray[np.float64] = np.minimum(mels, _BREAK_MEL) * _HZ_PER_MEL * above
    return frequency_hz
