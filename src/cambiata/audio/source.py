"""Sound that is read block by block: its shape, regions, resampling, and what is refused of it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np

from cambiata.arrays import Samples
from cambiata.errors import SECONDS, InputError, check_numbers

# Outside these a header is more likely broken than meant; speech codecs begin at 8 kHz.
MIN_RATE_HZ, MAX_RATE_HZ = 4_000, 384_000
# More than any surround format has; beyond it, an array is more likely [T, C] than [C, T].
MAX_CHANNELS = 32
# Full scale is 1; integers of 32 bits stored as floats reach 2**31. Beyond it a file is damaged,
# and from about 1e19 on squares overflow float32.
_MAX_MAGNITUDE = 2.0**31
# What counts as a sound file in a folder; a file that is named is looked into, whatever its name.
SOUND_SUFFIXES = (
    *(".wav", ".w64", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".mp2", ".aif", ".aiff", ".aifc"),
    *(".caf", ".au", ".m4a", ".aac", ".mp4", ".mov", ".webm", ".mka", ".mkv", ".wma", ".ac3"),
    *(".rf64", ".wv", ".ape"),
)
# 1 MiB of float32 a channel, 6 s at 44.1 kHz: memory grows with it, speed hardly.
BLOCK_SAMPLES = 1 << 18


class Shape(Protocol):
    """Format of a sound, apart from its samples."""

    @property
    def name(self) -> str:
        """Name for messages."""

    @property
    def sample_rate(self) -> int:
        """Samples per second."""

    @property
    def n_channels(self) -> int:
        """Number of channels C."""

    @property
    def n_samples(self) -> int:
        """Number of samples T of each channel."""

    @property
    def subtype(self) -> str:
        """Storage of its samples, in libsndfile's words ("PCM_16", "FLOAT", ...)."""


class Source(Shape, Protocol):
    """Sound that can be read from its beginning to its end, more than once."""

    def blocks(self) -> Iterator[Samples]:
        """Read it all, once more, as blocks [C, T]."""


def crop_blocks(blocks: Iterator[Samples], start: int, stop: int) -> Iterator[Samples]:
    """Blocks cut to a region.

    Parameters
    ----------
    blocks : iterator of numpy.ndarray
        Sound [C, T] each.
    start : int
        First sample of the region.
    stop : int
        The sample after its last.

    Yields
    ------
    numpy.ndarray
        Sound [C, T] inside the region.

    Examples
    --------
    >>> blocks = iter([np.zeros((1, 6)), np.zeros((1, 6))])
    >>> [block.shape[1] for block in crop_blocks(blocks, 4, 9)]
    [2, 3]
    """
    at = 0
    for block in blocks:
        piece = block[:, max(0, start - at) : max(0, stop - at)]
        at += block.shape[1]
        if piece.shape[1]:
            yield piece
        if at >= stop:
            return


def region(source: Source, start_s: float | None, end_s: float | None) -> tuple[int, int]:
    """Region of a sound in samples: its first, and the one after its last.

    Parameters
    ----------
    source : Source
        The sound.
    start_s : float or None
        Where the region begins, in seconds; the beginning for None.
    end_s : float or None
        Where it ends; the end for None.

    Returns
    -------
    tuple of int
        Start and stop in samples.

    Raises
    ------
    InputError
        The region is empty or lies outside the sound.

    Examples
    --------
    >>> from cambiata.audio.sound import Audio
    >>> region(Audio(np.zeros(8000), 8000), 0.25, None)
    (2000, 8000)
    """
    check_numbers(SECONDS, start_s=start_s, end_s=end_s)
    duration_s = source.n_samples / source.sample_rate
    first_s = 0.0 if start_s is None else start_s
    last_s = duration_s if end_s is None else end_s
    if not 0 <= first_s < last_s or first_s >= duration_s:
        raise InputError(
            source.name,
            f"has no region from {first_s:g} to {last_s:g} s",
            f"choose a start before the end, within its {duration_s:g} s",
        )
    start = round(first_s * source.sample_rate)
    stop = min(source.n_samples, round(min(last_s, duration_s) * source.sample_rate))
    if start >= stop:
        raise InputError(source.name, "the region holds no sample", "choose a longer one")
    return start, stop


def resample(samples: Samples, from_hz: float, to_hz: float) -> Samples:
    """Sound at another sample rate (soxr, very high quality).

    Parameters
    ----------
    samples : numpy.ndarray
        Sound [C, T] or [T].
    from_hz : float
        Samples per second of `samples`.
    to_hz : float
        Samples per second of the result.

    Returns
    -------
    numpy.ndarray
        Sound [C, round(T * to_hz / from_hz)] or likewise [T'].

    Examples
    --------
    >>> resample(np.zeros((2, 44100), np.float32), 44100, 16000).shape
    (2, 16000)
    """
    if from_hz == to_hz:
        return samples
    import soxr

    n_samples = round(samples.shape[-1] * to_hz / from_hz)
    out = soxr.resample(np.ascontiguousarray(samples.T), from_hz, to_hz, quality="VHQ").T
    return pad_or_trim(out, n_samples)


def resample_blocks(
    blocks: Iterator[Samples], from_hz: float, to_hz: float, n_channels: int
) -> Iterator[Samples]:
    """Blocks of sound at another sample rate.

    Parameters
    ----------
    blocks : iterator of numpy.ndarray
        Sound [C, T] each.
    from_hz : float
        Samples per second of the blocks.
    to_hz : float
        Samples per second of the result.
    n_channels : int
        Number of channels C.

    Yields
    ------
    numpy.ndarray
        Sound [C, T'], none empty; together round(T * to_hz / from_hz) long.

    Examples
    --------
    >>> halves = resample_blocks(iter([np.zeros((1, 8000), np.float32)]), 8000, 4000, 1)
    >>> sum(block.shape[1] for block in halves)
    4000
    """
    if from_hz == to_hz:
        yield from blocks
        return
    import soxr

    stream = soxr.ResampleStream(from_hz, to_hz, n_channels, dtype="float32", quality="VHQ")
    n_in = n_out = 0
    for block in blocks:
        n_in += block.shape[1]
        out = stream.resample_chunk(np.ascontiguousarray(block.T)).T
        n_out += out.shape[1]
        if out.size:  # a short sound comes out with the last call alone
            yield out
    last = stream.resample_chunk(np.zeros((0, n_channels), np.float32), last=True).T
    last = pad_or_trim(last, max(0, round(n_in * to_hz / from_hz) - n_out))
    if last.size:
        yield last


def pad_or_trim(samples: Samples, n_samples: int) -> Samples:
    """Sound cut, or filled up with silence, to a length.

    Parameters
    ----------
    samples : numpy.ndarray
        Sound [C, T] or [T].
    n_samples : int
        Length of the result.

    Returns
    -------
    numpy.ndarray
        Sound [C, n_samples] or [n_samples].

    Examples
    --------
    >>> pad_or_trim(np.ones(3, np.float32), 5).tolist()
    [1.0, 1.0, 1.0, 0.0, 0.0]
    """
    missing = n_samples - samples.shape[-1]
    if missing > 0:
        return np.pad(samples, [(0, 0)] * (samples.ndim - 1) + [(0, missing)])
    return samples[..., :n_samples]


def check_shape(name: str, sample_rate: int, n_channels: int, n_samples: int) -> None:
    """Refuse a sound whose format is out of range.

    Parameters
    ----------
    name : str
        Name for messages.
    sample_rate : int
        Samples per second.
    n_channels : int
        Number of channels C.
    n_samples : int
        Number of samples T of each channel.

    Raises
    ------
    InputError
        No samples, a rate below 4 or above 384 kHz, or more than 32 channels.

    Examples
    --------
    >>> check_shape("a.wav", 44100, 2, 0)
    Traceback (most recent call last):
    cambiata.errors.InputError: a.wav: holds no samples; record or export it again
    """
    if n_samples < 1:
        raise InputError(name, "holds no samples", "record or export it again")
    if not MIN_RATE_HZ <= sample_rate <= MAX_RATE_HZ:
        raise InputError(
            name,
            f"its sample rate is {sample_rate} Hz",
            f"use one from {MIN_RATE_HZ} to {MAX_RATE_HZ}",
        )
    if not 1 <= n_channels <= MAX_CHANNELS:
        # Thousands of "channels" are samples of an array the other way round.
        hint = " (samples are [C, T])" if n_channels > 1000 else ""
        raise InputError(name, f"has {n_channels} channels", f"use 1 to {MAX_CHANNELS}{hint}")


def is_playable(samples: Samples) -> bool:
    """Whether all samples of a sound are finite, and no further beyond full scale than integers.

    Parameters
    ----------
    samples : numpy.ndarray
        Sound of any shape.

    Returns
    -------
    bool
        False where one is NaN, infinite or over 2**31.

    Examples
    --------
    >>> is_playable(np.zeros(8)), is_playable(np.array([1e20]))
    (True, False)
    """
    # NaN is neither; one pass each, and no array beside the sound.
    return bool(
        samples.size == 0 or -_MAX_MAGNITUDE <= samples.min() <= samples.max() <= _MAX_MAGNITUDE
    )


def check_samples(name: str, samples: Samples) -> None:
    """Refuse a sound that holds NaN, infinite or absurdly large samples.

    Parameters
    ----------
    name : str
        Name for messages.
    samples : numpy.ndarray
        Sound of any shape.

    Raises
    ------
    InputError
        A sample is not finite, or over 2**31 (full scale is 1).

    Examples
    --------
    >>> check_samples("a.wav", np.array([np.nan], np.float32))
    Traceback (most recent call last):
    cambiata.errors.InputError: a.wav: holds NaN or infinite samples; export it again
    """
    if is_playable(samples):
        return
    if not np.isfinite(samples).all():
        raise InputError(name, "holds NaN or infinite samples", "export it again")
    peak = float(np.abs(samples).max())
    raise InputError(name, f"holds samples of {peak:.0e} (full scale is 1)", "export it again")


def roomy_folder() -> str | None:
    """Folder for scratch files that may take gigabytes.

    Returns
    -------
    str or None
        /var/tmp where there is one, since /tmp is in memory on many machines; else None, which
        `tempfile` takes for the system's own choice.

    Examples
    --------
    >>> roomy_folder() in ("/var/tmp", None)
    True
    """
    return "/var/tmp" if os.access("/var/tmp", os.W_OK) else None


def libsndfile_path(path: Path) -> str | bytes:
    """Path as libsndfile takes it: bytes, since a file's name need not be text; text on Windows.

    Parameters
    ----------
    path : pathlib.Path
        Any.

    Returns
    -------
    str or bytes
        The same.

    Examples
    --------
    >>> os.fsdecode(libsndfile_path(Path("a.wav")))
    'a.wav'
    """
    return str(path) if os.name == "nt" else os.fsencode(path)
