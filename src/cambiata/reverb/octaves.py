"""Octave bands: filters for measuring (IEC 61260), and a split whose bands add up to the sound."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt
import scipy.fft

from cambiata.arrays import Samples

Bands = npt.NDArray[np.float64]
"""Sound in bands, [F, T]."""

# The octaves of ISO 3382-1, table 1 (125 Hz to 4 kHz), one more at either end where there is sound.
CENTRES_HZ = (63.0, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)
# Order of a Butterworth band-pass of class 1 of IEC 61260; a higher one would ring for longer.
_ORDER = 3
# A band needs its upper edge in the file: near Nyquist converters and codecs roll off.
_HIGHEST_OF_NYQUIST = 0.97


def octave_centres_hz(sample_rate: int, low_hz: float = 80.0) -> list[float]:
    """Centres of the octaves that a sound of a rate has, from the one whose centre is above low.

    >>> octave_centres_hz(16000)
    [125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0]
    """
    highest = _HIGHEST_OF_NYQUIST * sample_rate / 2
    return [c for c in CENTRES_HZ if c >= low_hz and c * np.sqrt(2) <= highest]


def octave_bands(sound: Samples, sample_rate: int, centres_hz: list[float]) -> Bands:
    """Sound [T] in octaves [F, T], without a shift in time.

    The magnitude is that of a Butterworth band-pass; its phase is zero, so that the filter rings
    to both sides and lengthens a decay half as much as one that rings to one side.
    """

    def gains(n_fft: int) -> Iterator[Bands]:
        frequency_hz = scipy.fft.rfftfreq(n_fft, 1 / sample_rate)
        return (_butterworth(frequency_hz, centre_hz) for centre_hz in centres_hz)

    return _filtered(sound, sample_rate, centres_hz, gains)


def _filtered(
    sound: Samples,
    sample_rate: int,
    centres_hz: list[float],
    gains: Callable[[int], Iterable[Bands]],
) -> Bands:
    """Sound [T] in bands [F, T], each by its gains of the frequencies of a transform."""
    pad = round(sample_rate / min(centres_hz) * 8)  # periods in which the lowest band rings out
    n = scipy.fft.next_fast_len(len(sound) + 2 * pad, real=True)
    spectrum = scipy.fft.rfft(np.pad(sound.astype(np.float64), (pad, n - pad - len(sound))))
    bands = np.empty((len(centres_hz), len(sound)))
    for band, gain in zip(bands, gains(n), strict=True):
        band[:] = scipy.fft.irfft(spectrum * gain, n)[pad : pad + len(sound)]
    return bands


def _butterworth(frequency_hz: npt.NDArray[np.float64], centre_hz: float) -> Bands:
    ratio = np.maximum(frequency_hz, 1e-6) / centre_hz
    width = np.sqrt(2) - 1 / np.sqrt(2)  # of an octave, over its centre
    gain: Bands = 1 / np.sqrt(1 + (np.abs(ratio - 1 / ratio) / width) ** (2 * _ORDER))
    return gain


def octave_shares(n_fft: int, sample_rate: int, centres_hz: list[float]) -> Bands:
    """Share [F, n_fft // 2 + 1] of each frequency that is of each octave; they add up to one.

    The lowest band has all below it, the highest all above; between two centres one fades into the
    next along half a cosine of the logarithm of frequency.
    """
    frequency_hz = np.maximum(scipy.fft.rfftfreq(n_fft, 1 / sample_rate), 1e-3)
    place = np.interp(np.log2(frequency_hz), np.log2(centres_hz), np.arange(len(centres_hz)))
    distance = np.abs(place - np.arange(len(centres_hz))[:, None])
    shares: Bands = np.cos(np.pi / 2 * np.minimum(distance, 1)) ** 2
    return shares


def split_octaves(sound: Samples, sample_rate: int, centres_hz: list[float]) -> Bands:
    """Sound [T] in bands [F, T] that add up to it."""
    return _filtered(
        sound, sample_rate, centres_hz, lambda n: octave_shares(n, sample_rate, centres_hz)
    )
