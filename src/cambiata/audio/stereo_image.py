"""The stereo image of one sound laid on another: where its bands lie and how wide they are.

Parametric stereo (Breebaart, van de Par, Kohlrausch & Schuijers, "Parametric coding of stereo
audio", EURASIP 2005): level differences and coherence of each band and moment, and a decorrelated
copy for what is not coherent.
"""

import numpy as np
import numpy.typing as npt
import scipy.ndimage

from cambiata.arrays import Samples
from cambiata.audio.chunks import process_chunks
from cambiata.audio.convolution import convolve
from cambiata.audio.stft import Stft

_WINDOW_S = 0.046  # 2048 samples at 44.1 kHz
_BANDS_PER_OCTAVE, _LOWEST_HZ = 3, 100.0  # as wide as the ear's, nearly
_SMOOTH_FRAMES = 5  # 58 ms: an image that moved faster would be heard as modulation
# What decorrelates: noise that dies away within some 10 ms, before it is heard as an echo.
_TAIL_S, _DECAY_S, _SEED = 0.04, 0.008, 0
# What is looked at together, and how much neighbours share: bounds memory, changes nothing else.
_CHUNK_S, _OVERLAP_S = 10.0, 0.5
# Two channels that share at least so much of their power are one image: side 6 dB below mid and
# less. Below that they are two sounds.
_LEAST_SHARED = 0.8
_FLOOR = 1e-20

Floats = npt.NDArray[np.float64]


class StereoMeter:
    """Powers of two channels and what they share, of a sound that arrives in blocks.

    Examples
    --------
    >>> meter = StereoMeter()
    >>> meter.add(np.array([[1.0, -1.0, 1.0], [0.5, -0.5, 0.5]]))
    >>> meter.is_one_image, round(meter.side_over_mid, 3)
    (True, 0.111)
    """

    def __init__(self) -> None:
        self._products = np.zeros((2, 2))

    def add(self, block: Samples) -> None:
        """Measure the next block.

        Parameters
        ----------
        block : numpy.ndarray
            Sound [C, T]; nothing is known of what has not two channels.
        """
        if len(block) == 2:
            wide = block.astype(np.float64)
            self._products += wide @ wide.T

    @property
    def is_one_image(self) -> bool:
        """Whether there are two channels that differ, but have most of their power in common."""
        power = float(np.trace(self._products))
        if not power or self.side_over_mid < _FLOOR:
            return False
        return float(np.linalg.eigvalsh(self._products)[1]) >= _LEAST_SHARED * power

    @property
    def side_over_mid(self) -> float:
        """Power of the channels' difference over that of their sum."""
        (left, shared), (_, right) = self._products
        mid = left + right + 2 * shared
        return float(max(0.0, left + right - 2 * shared) / max(mid, _FLOOR))


def with_image(sound: Samples, content: Samples, sample_rate: int) -> Samples:
    """Two channels of a sound of one, that lie where a content's do and are as wide.

    Parameters
    ----------
    sound : numpy.ndarray
        Sound [1, T].
    content : numpy.ndarray
        Sound [2, T] whose image it gets. The power of side over mid is the content's, too.
    sample_rate : int
        Samples per second.

    Returns
    -------
    numpy.ndarray
        Sound [2, T].

    Examples
    --------
    >>> tone = np.sin(np.arange(8000) / 9).astype(np.float32)
    >>> out = with_image(tone[None], np.stack([tone, 0.5 * tone]), 8000)
    >>> out.shape, round(float(np.std(out[0]) / np.std(out[1])), 2)
    ((2, 8000), 2.0)
    """
    rng = np.random.default_rng(_SEED)
    t = np.arange(round(_TAIL_S * sample_rate)) / sample_rate
    response = rng.standard_normal(len(t)) * np.exp(-t / _DECAY_S)
    diffuse = convolve(sound[0], response.astype(np.float32))
    stft = Stft(_even(_WINDOW_S * sample_rate), _even(_WINDOW_S * sample_rate) // 4, "hann")

    def process(chunk: Samples, _start: int) -> Samples:
        return _placed(chunk[:2], chunk[2], chunk[3], stft, sample_rate)

    rows = np.concatenate([content, sound, diffuse[None].astype(np.float32)])
    placed = process_chunks(
        iter([rows]),
        rows.shape[1],
        process,
        chunk_samples=round(_CHUNK_S * sample_rate),
        overlap_samples=round(_OVERLAP_S * sample_rate),
    )
    return _as_wide_as(content, np.concatenate(list(placed), axis=1))


def _placed(
    content: Samples, sound: Samples, diffuse: Samples, stft: Stft, sample_rate: int
) -> Samples:
    """A stretch of the sound and its decorrelated copy, mixed into two channels."""
    first = _first_bins(stft, sample_rate)
    widths = np.diff(np.append(first, stft.n_bins))
    left, right = (stft.analyse(channel) for channel in content)
    powers = [_powers(x, first) for x in (left, right)]
    shared = _in_bands((left * np.conj(right)).real, first)
    mid, side = stft.analyse(sound), stft.analyse(diffuse)
    level = np.sqrt(_powers(mid, first) / (_powers(side, first) + _FLOOR))
    gains = _gains(powers[0], powers[1], shared)
    out = np.empty((2, len(sound)), np.float32)
    for channel in (0, 1):
        straight = np.repeat(gains[0][channel].astype(np.float32), widths, axis=0)
        spread = np.repeat((gains[1][channel] * level).astype(np.float32), widths, axis=0)
        out[channel] = stft.synthesise(straight * mid + spread * side, len(sound))
    return out


def _gains(left: Floats, right: Floats, shared: Floats) -> tuple[list[Floats], list[Floats]]:
    """Gains of sound and of copy in both channels: the axes of the channels' covariance [B, L].

    Their squares add up to two, as those of one channel played by two do.
    """
    total = left + right + _FLOOR
    angle = 0.5 * np.arctan2(2 * shared, left - right)
    spread = np.sqrt((left - right) ** 2 + 4 * shared**2)
    # Where nothing sounds both channels are the same.
    angle = np.where(left + right > _FLOOR, angle, np.pi / 4)
    major, minor = np.sqrt(1 + spread / total), np.sqrt(np.maximum(1 - spread / total, 0))
    cosine, sine = np.cos(angle), np.sin(angle)
    # The longer axis points to the right of the one that is out of phase.
    sign = np.where(cosine + sine < 0, -1.0, 1.0)
    return [sign * major * cosine, sign * major * sine], [-minor * sine, minor * cosine]


def _as_wide_as(content: Samples, sound: Samples) -> Samples:
    """Two channels [2, T] whose side is as strong beside mid as the content's, power kept."""
    meters = StereoMeter(), StereoMeter()
    for meter, each in zip(meters, (content, sound), strict=True):
        meter.add(each)
    wanted, found = (meter.side_over_mid for meter in meters)
    if not found:
        return sound
    ratio = np.sqrt(wanted / found)
    mid, side = sound[0] + sound[1], (sound[0] - sound[1]) * np.float32(ratio)
    level = np.float32(0.5 * np.sqrt((1 + found) / (1 + wanted)))
    return np.asarray(level * np.stack([mid + side, mid - side]), np.float32)


def _powers(spectrum: npt.NDArray[np.complex64], first: npt.NDArray[np.int64]) -> Floats:
    """Powers of each band [B, L]; the filter's running sums end below 0 where a sound does."""
    return np.maximum(_in_bands(np.abs(spectrum) ** 2, first), 0.0)


def _in_bands(values: npt.NDArray[np.float32], first: npt.NDArray[np.int64]) -> Floats:
    """Sums over the bins of each band [B, L], smoothed over time."""
    summed = np.add.reduceat(values, first, axis=0).astype(np.float64)
    return np.asarray(scipy.ndimage.uniform_filter1d(summed, _SMOOTH_FRAMES, axis=1))


def _first_bins(stft: Stft, sample_rate: int) -> npt.NDArray[np.int64]:
    """First bin of each band."""
    n_octaves = np.log2(sample_rate / 2 / _LOWEST_HZ)
    edges_hz = _LOWEST_HZ * 2 ** (np.arange(0, n_octaves, 1 / _BANDS_PER_OCTAVE))
    bins = np.round(edges_hz * stft.n_fft / sample_rate).astype(np.int64)
    return np.unique(np.append(0, bins[bins < stft.n_bins]))


def _even(n: float) -> int:
    """The power of two nearest to a number of samples."""
    return int(max(64, 2 ** round(np.log2(n))))
