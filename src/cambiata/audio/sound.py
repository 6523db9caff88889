"""Sound in and out of files: the only place that reads or writes audio."""

import os
import re
import sys
import tempfile
import warnings
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

import numpy as np
import soundfile

from cambiata.arrays import Samples
from cambiata.audio.loudness import Limiter
from cambiata.errors import CambiataError, CambiataWarning, InputError
from cambiata.files import SOUND, atomic_file, check_output

MIN_RATE_HZ, MAX_RATE_HZ = 4_000, 384_000
MAX_CHANNELS = 32
BLOCK_SAMPLES = 1 << 18

# What the extension of an output means to libsndfile.
FORMATS = {
    ".wav": "WAV",
    ".flac": "FLAC",
    ".ogg": "OGG",
    ".mp3": "MP3",
    ".aiff": "AIFF",
    ".aif": "AIFF",
}
_LOSSY_SUBTYPE = {"OGG": "VORBIS", "MP3": "MPEG_LAYER_III"}
_LOSSLESS = ("PCM_U8", "PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")
_BIT_DEPTH = {"PCM_U8": 8, "PCM_S8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
# A plain wav header counts 4 GiB; RF64 is its 64-bit form, read by every current editor.
_WAV_LIMIT_BYTES = 4 * 2**30 - 2**16


class Shape(Protocol):
    """What a sound is like, apart from its samples."""

    @property
    def name(self) -> str:
        """What to call it in a message."""

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
        """How its samples are stored, in libsndfile's words."""


class Source(Shape, Protocol):
    """Sound that can be read from its beginning to its end, more than once."""

    def blocks(self) -> Iterator[Samples]:
        """Read it all, once more, as blocks [C, T]."""


@dataclass(frozen=True, eq=False)
class Audio:
    """A sound in memory.

    Parameters
    ----------
    samples : numpy.ndarray
        [C, T] floats, full scale at 1.0, kept as float32; a one-dimensional array is one channel.
    sample_rate : int
        Samples per second, 4,000 to 384,000.
    subtype : str
        How samples are stored when the sound is saved ("PCM_16", "PCM_24", "FLOAT", ...).
    name : str
        What to call the sound in a message.

    Raises
    ------
    InputError
        No samples, more than 32 channels, a rate out of range, NaN or infinite samples.

    Examples
    --------
    >>> tone = Audio(np.sin(np.arange(8000) / 10), 8000)
    >>> tone.samples.shape, tone.samples.dtype, tone.duration_s
    ((1, 8000), dtype('float32'), 1.0)
    """

    samples: Samples
    sample_rate: int
    subtype: str = "PCM_24"
    name: str = "audio"

    def __post_init__(self) -> None:
        array = np.asarray(self.samples)
        if array.dtype.kind != "f":
            raise InputError(
                self.name,
                f"its samples are {array.dtype}",
                "give floats, full scale at 1.0 (16-bit integers: divide by 32768)",
            )
        samples = np.atleast_2d(array.astype(np.float32, copy=False))
        if samples.ndim != 2:
            raise InputError(self.name, "is not a sound", "give samples shaped [C, T]")
        object.__setattr__(self, "sample_rate", int(self.sample_rate))
        _check_shape(self.name, self.sample_rate, samples.shape[0], samples.shape[1])
        _check_finite(self.name, samples)
        object.__setattr__(self, "samples", samples)

    @property
    def n_channels(self) -> int:
        """Number of channels C."""
        return int(self.samples.shape[0])

    @property
    def n_samples(self) -> int:
        """Number of samples T of each channel."""
        return int(self.samples.shape[1])

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.n_samples / self.sample_rate

    def blocks(self) -> Iterator[Samples]:
        """Read it all, once more, as blocks.

        Yields
        ------
        numpy.ndarray
            Sound [C, T].
        """
        for start in range(0, self.n_samples, BLOCK_SAMPLES):
            yield self.samples[:, start : start + BLOCK_SAMPLES]

    def mono(self) -> "Audio":
        """Mean of the channels.

        Returns
        -------
        Audio
            One channel.
        """
        return replace(self, samples=self.samples.mean(axis=0, keepdims=True))

    def resampled(self, sample_rate: int) -> "Audio":
        """The same sound at another rate.

        Parameters
        ----------
        sample_rate : int
            Samples per second.

        Returns
        -------
        Audio
            As long as this one, to the nearest sample.
        """
        return replace(
            self,
            samples=resample(self.samples, self.sample_rate, sample_rate),
            sample_rate=sample_rate,
        )

    def cut(self, start_s: float | None = None, end_s: float | None = None) -> "Audio":
        """A region of the sound.

        Parameters
        ----------
        start_s : float, optional
            Where it begins, in seconds; the beginning where not given.
        end_s : float, optional
            Where it ends; the end where not given.

        Returns
        -------
        Audio
            The region, a view of the same samples.

        Raises
        ------
        InputError
            The region is empty or lies outside the sound.
        """
        start, stop = region(self, start_s, end_s)
        return replace(self, samples=self.samples[:, start:stop])

    def save(self, path: str | Path, *, force: bool = False) -> None:
        """Write the sound to a file, its extension choosing the format.

        Peaks over full scale are turned down (and a `CambiataWarning` says so) unless samples
        are stored as floats. The file appears whole or not at all.

        Parameters
        ----------
        path : str or pathlib.Path
            .wav, .flac, .ogg, .mp3 or .aiff.
        force : bool
            Replace a file that exists.

        Raises
        ------
        InputError
            The file exists, its folder does not, or its format cannot hold the sound.
        """
        Destination(path, like=self, force=force).write(self.blocks())


class AudioFile:
    """A sound in a file, read block by block so that an hour needs no more memory than a minute.

    Parameters
    ----------
    path : str or pathlib.Path
        The file; "-" is a wav on standard input.

    Raises
    ------
    InputError
        The file is missing, unreadable, truncated, empty, or out of range.

    Examples
    --------
    >>> AudioFile("nowhere.wav")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.wav: no such file; check the path
    """

    def __init__(self, path: str | Path) -> None:
        self.name = "standard input" if str(path) == "-" else str(path)
        self.path = self._readable_path(path)
        with self._open() as file:
            self.sample_rate = int(file.samplerate)
            self.n_channels = int(file.channels)
            self.n_samples = int(file.frames)
            self.subtype = str(file.subtype)
            if _is_truncated(file.extra_info) or (
                file.format == "OGG" and not _ogg_is_complete(self.path)
            ):
                self._refuse_truncated()
        _check_shape(self.name, self.sample_rate, self.n_channels, self.n_samples)

    def blocks(self) -> Iterator[Samples]:
        """Read it all, once more, as blocks.

        Yields
        ------
        numpy.ndarray
            Sound [C, T].

        Raises
        ------
        InputError
            The file breaks off, or holds NaN or infinite samples.
        """
        # Never seeks: libsndfile's seek in Ogg Vorbis lands on other samples (measured, 1.2.2).
        with self._open() as file:
            n_read = 0
            while n_read < self.n_samples:
                try:
                    with _silence_decoder():
                        block = file.read(BLOCK_SAMPLES, dtype="float32", always_2d=True)
                except soundfile.LibsndfileError:
                    self._refuse_truncated()
                if not len(block):
                    self._refuse_truncated()
                n_read += len(block)
                _check_finite(self.name, block)
                yield np.ascontiguousarray(block.T)

    def _readable_path(self, path: str | Path) -> Path:
        """Where the sound can be read from its beginning as often as need be."""
        if str(path) == "-":
            if sys.stdin is None:
                raise InputError(self.name, "is closed", "pipe a wav into it, or name a file")
            return self._spool(sys.stdin.buffer)
        place = Path(path)
        if not place.exists():
            raise InputError(self.name, "no such file", "check the path")
        if place.is_dir():
            raise InputError(self.name, "is a folder", "name a sound file in it")
        if not os.access(place, os.R_OK):
            raise InputError(self.name, "may not be read", "change its permissions")
        if not place.is_file():  # a named pipe, or what a shell makes of <(...)
            with place.open("rb") as pipe:
                return self._spool(pipe)
        return place

    def _spool(self, pipe: BinaryIO) -> Path:
        """A file that holds what a pipe had; it goes when this object goes."""
        number, name = tempfile.mkstemp(dir=scratch_folder(), prefix="cambiata-")
        weakref.finalize(self, Path(name).unlink, missing_ok=True)
        with os.fdopen(number, "wb") as spool:
            while piece := pipe.read(1 << 20):
                spool.write(piece)
        return Path(name)

    def _open(self) -> Any:
        if not self.path.stat().st_size:
            raise InputError(self.name, "is empty", "record or export it again")
        try:
            with _silence_decoder():
                return soundfile.SoundFile(_libsndfile_path(self.path))
        except (soundfile.LibsndfileError, TypeError) as error:
            raise InputError(
                self.name, "is not readable as sound", "convert it to wav, flac, ogg, mp3 or aiff"
            ) from error

    def _refuse_truncated(self) -> None:
        raise InputError(
            self.name, "is truncated: its header promises more than it holds", "copy it again"
        )


def load(path: str | Path, *, start_s: float | None = None, end_s: float | None = None) -> Audio:
    """Sound of a file, whole or a region of it.

    Parameters
    ----------
    path : str or pathlib.Path
        wav, flac, ogg, mp3 or aiff of any rate, width and channel count; "-" is a wav on
        standard input.
    start_s : float, optional
        Where to begin, in seconds.
    end_s : float, optional
        Where to end, in seconds.

    Returns
    -------
    Audio
        Samples [C, T] at the file's own rate, remembering how they were stored.

    Raises
    ------
    InputError
        The file is missing, not sound, truncated, empty, or holds NaN or infinite samples.

    Examples
    --------
    >>> load("nowhere.wav")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.wav: no such file; check the path
    """
    file = AudioFile(path)
    start, stop = region(file, start_s, end_s)
    samples = np.concatenate(list(crop_blocks(file.blocks(), start, stop)), axis=1)
    return Audio(samples, file.sample_rate, file.subtype, file.name)


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
    """First sample of a region of a sound, and the one after its last.

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
    >>> region(Audio(np.zeros(8000), 8000), 0.25, None)
    (2000, 8000)
    """
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
    """The same sound at another sample rate (soxr, very high quality).

    Parameters
    ----------
    samples : numpy.ndarray
        Sound [C, T] or [T].
    from_hz : float
        Samples per second of `samples`.
    to_hz : float
        Samples per second wanted.

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


def pad_or_trim(samples: Samples, n_samples: int) -> Samples:
    """Sound cut, or filled up with silence, to a length.

    Parameters
    ----------
    samples : numpy.ndarray
        Sound [C, T] or [T].
    n_samples : int
        Length wanted.

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


@dataclass(frozen=True)
class WrittenAudio:
    """What was written.

    Parameters
    ----------
    path : str
        The file; "-" for standard output.
    sample_rate : int
        Samples per second.
    n_channels : int
        Number of channels.
    n_samples : int
        Samples of each channel.
    subtype : str
        How samples are stored.
    limited_db : float
        The most that peaks over full scale were turned down, in dB.

    Examples
    --------
    >>> WrittenAudio("a.wav", 44100, 2, 44100, "PCM_16", 0.0).n_channels
    2
    """

    path: str
    sample_rate: int
    n_channels: int
    n_samples: int
    subtype: str
    limited_db: float


class Destination:
    """A file to be written, everything that can be refused about it refused beforehand.

    Parameters
    ----------
    path : str or pathlib.Path
        Where to; the extension chooses the format. "-" is a wav on standard output.
    like : Shape
        The sound whose rate, channels and sample format are kept where none is given.
    sample_rate : int, optional
        Samples per second of the file.
    n_channels : int, optional
        Channels of the file: any number from one, or one from any number.
    subtype : str, optional
        How samples are stored.
    force : bool
        Replace a file that exists.

    Raises
    ------
    InputError
        The file exists, its folder does not, or its format cannot hold the sound.

    Examples
    --------
    >>> Destination("no/folder.wav", like=Audio(np.zeros(8), 8000))
    Traceback (most recent call last):
    cambiata.errors.InputError: no/folder.wav: the folder no does not exist; create it first
    """

    def __init__(
        self,
        path: str | Path,
        *,
        like: Shape,
        sample_rate: int | None = None,
        n_channels: int | None = None,
        subtype: str | None = None,
        force: bool = False,
    ) -> None:
        self.path = Path(path)
        self.like = like
        self.to_stdout = str(path) == "-"
        self.sample_rate = like.sample_rate if sample_rate is None else sample_rate
        self.n_channels = like.n_channels if n_channels is None else n_channels
        if not self.to_stdout:
            check_output(self.path, SOUND, force=force)
        self.format, self.subtype = self._choose_storage(subtype)
        self._check_shape()

    @property
    def scratch(self) -> str | None:
        """Folder for scratch files: beside the output, which has room for it."""
        return scratch_folder() if self.to_stdout else str(self.path.absolute().parent)

    def write(self, blocks: Iterator[Samples]) -> WrittenAudio:
        """Write the sound.

        Parameters
        ----------
        blocks : iterator of numpy.ndarray
            Sound [C, T] each, at the rate and with the channels of `like`.

        Returns
        -------
        Written
            What the file holds now.
        """
        with self._unfinished() as unfinished:
            try:
                n_samples, limited_db = self._write(blocks, unfinished)
            except soundfile.LibsndfileError as error:
                raise CambiataError(
                    f"{self.path}: could not be written ({error}); is the disk full?"
                ) from error
        if limited_db > 0:
            warnings.warn(
                f"{self.path}: peaks were up to {limited_db:.1f} dB over full scale and were "
                "turned down; store floats (.wav, subtype FLOAT) to keep them",
                CambiataWarning,
                stacklevel=3,
            )
        return WrittenAudio(
            str(self.path), self.sample_rate, self.n_channels, n_samples, self.subtype, limited_db
        )

    def _write(self, blocks: Iterator[Samples], to: Path) -> tuple[int, float]:
        blocks = _map_channels(blocks, self.n_channels)
        blocks = _resample_blocks(blocks, self.like.sample_rate, self.sample_rate, self.n_channels)
        limiter = None
        if self.subtype not in ("FLOAT", "DOUBLE"):
            limiter = Limiter(self.sample_rate)
            blocks = limiter.process(blocks)
        n_samples = 0
        with soundfile.SoundFile(
            _libsndfile_path(to),
            "w",
            self.sample_rate,
            self.n_channels,
            self.subtype,
            format=self.format,
        ) as file:
            for block in blocks:
                # libsndfile's Vorbis encoder overflows its stack on long writes.
                for start in range(0, block.shape[1], BLOCK_SAMPLES):
                    file.write(np.ascontiguousarray(block[:, start : start + BLOCK_SAMPLES].T))
                n_samples += block.shape[1]
        return n_samples, limiter.reduction_db if limiter else 0.0

    @contextmanager
    def _unfinished(self) -> Iterator[Path]:
        """A file to write, which then is put in its place or copied to standard output."""
        if not self.to_stdout:
            with atomic_file(self.path) as unfinished:
                yield unfinished
            return
        with tempfile.TemporaryDirectory(dir=self.scratch, prefix=".cambiata-") as folder:
            unfinished = Path(folder) / "sound.wav"
            yield unfinished
            _copy_to_stdout(unfinished)

    def _choose_storage(self, subtype: str | None) -> tuple[str, str]:
        """Libsndfile's format and subtype for the file."""
        extension = ".wav" if self.to_stdout else self.path.suffix.lower()
        if extension not in FORMATS:
            raise InputError(
                str(self.path),
                f"cannot tell a format from {extension or 'no extension'}",
                "end it in " + ", ".join(FORMATS),
            )
        kind = FORMATS[extension]
        if subtype is not None:
            subtype = subtype.upper()
            # Codecs of fixed blocks are left out: they would fill the sound up to whole blocks.
            allowed = [
                name
                for name in (*_LOSSLESS, "ULAW", "ALAW", *_LOSSY_SUBTYPE.values())
                if soundfile.check_format(kind, name)
                and _LOSSY_SUBTYPE.get(kind, name) == name
                and (kind in _LOSSY_SUBTYPE or name not in _LOSSY_SUBTYPE.values())
            ]
            if subtype not in allowed:
                raise InputError(
                    str(self.path),
                    f"{kind} does not store {subtype} here",
                    "use one of " + ", ".join(allowed),
                )
            return self._container(kind, subtype), subtype
        if kind in _LOSSY_SUBTYPE:
            return kind, _LOSSY_SUBTYPE[kind]
        # Lossy content has no bit depth of its own; 24 bits hold all it has.
        stored = self.like.subtype if self.like.subtype in _LOSSLESS else "PCM_24"
        if not soundfile.check_format(kind, stored):
            stored = {"PCM_U8": "PCM_S8", "PCM_S8": "PCM_U8"}.get(stored, "PCM_24")
        return self._container(kind, stored), stored

    def _container(self, kind: str, subtype: str) -> str:
        n_samples = self.like.n_samples * self.sample_rate / self.like.sample_rate
        width = {"FLOAT": 4, "DOUBLE": 8}.get(subtype, _BIT_DEPTH.get(subtype, 32) / 8)
        large = n_samples * self.n_channels * width > _WAV_LIMIT_BYTES
        return "RF64" if kind == "WAV" and large else kind

    def _check_shape(self) -> None:
        n_in, n_out = self.like.n_channels, self.n_channels
        _check_shape(str(self.path), self.sample_rate, n_out, 1)
        if n_out != n_in and 1 not in (n_out, n_in):
            raise InputError(
                str(self.path), f"cannot make {n_out} channels of {n_in}", f"use 1 or {n_in}"
            )
        if self.format == "OGG" and self.sample_rate > 192_000:  # beyond it the encoder crashes
            raise InputError(
                str(self.path),
                f"OGG cannot hold {self.sample_rate} Hz",
                "choose another format, or --rate 48000",
            )
        # Opening is the only way to ask libsndfile what an encoder takes (MP3: 8 to 48 kHz, ...).
        try:
            with tempfile.TemporaryFile() as trial:
                soundfile.SoundFile(
                    cast(BinaryIO, trial),
                    "w",
                    self.sample_rate,
                    n_out,
                    self.subtype,
                    format=self.format,
                ).close()
        except soundfile.LibsndfileError as error:
            raise InputError(
                str(self.path),
                f"{self.format} cannot hold {n_out} channels at {self.sample_rate} Hz",
                "choose another format, or --rate 44100 --channels 1",
            ) from error


def _map_channels(blocks: Iterator[Samples], n_channels: int) -> Iterator[Samples]:
    for block in blocks:
        if block.shape[0] == n_channels:
            yield block
        elif n_channels == 1:
            yield block.mean(axis=0, keepdims=True)
        else:
            yield np.repeat(block, n_channels, axis=0)


def _resample_blocks(
    blocks: Iterator[Samples], from_hz: int, to_hz: int, n_channels: int
) -> Iterator[Samples]:
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
        yield out
    last = stream.resample_chunk(np.zeros((0, n_channels), np.float32), last=True).T
    yield pad_or_trim(last, max(0, round(n_in * to_hz / from_hz) - n_out))


def _check_shape(name: str, sample_rate: int, n_channels: int, n_samples: int) -> None:
    if n_samples < 1:
        raise InputError(name, "holds no samples", "record or export it again")
    if not MIN_RATE_HZ <= sample_rate <= MAX_RATE_HZ:
        raise InputError(
            name,
            f"its sample rate is {sample_rate} Hz",
            f"use one from {MIN_RATE_HZ} to {MAX_RATE_HZ}",
        )
    if not 1 <= n_channels <= MAX_CHANNELS:
        hint = " (samples are [C, T])" if n_channels > 1000 else ""
        raise InputError(name, f"has {n_channels} channels", f"use 1 to {MAX_CHANNELS}{hint}")


def _check_finite(name: str, samples: Samples) -> None:
    if not np.isfinite(samples).all():
        raise InputError(name, "holds NaN or infinite samples", "export it again")


def _is_truncated(parser_log: str) -> bool:
    """Whether libsndfile found less sound in a wav or aiff than its header promises."""
    match = re.search(r"(?:data|SSND) : (\d+) \(should be (\d+)\)", parser_log)
    if not match:
        return False
    promised, present = map(int, match.groups())
    # Programs that write into a pipe cannot go back to fill in the length: they promise the most.
    endless = promised >= 0xFFFFF000 or 0x7FFFE000 <= promised <= 0x80001000
    return present < promised and not endless


def _ogg_is_complete(path: Path) -> bool:
    """Whether an Ogg file's last page says that it is the last (RFC 3533, section 6)."""
    with path.open("rb") as file:
        # A page is at most 65,307 bytes long, so its header lies within that of the end.
        file.seek(max(0, path.stat().st_size - 65_307))
        end = file.read()
    at = end.rfind(b"OggS")
    return at >= 0 and at + 5 < len(end) and bool(end[at + 5] & 4)


def scratch_folder() -> str | None:
    """Folder for scratch files that may be gigabytes.

    Returns
    -------
    str or None
        /var/tmp where there is one, since /tmp is in memory on many machines; else None, which
        `tempfile` takes for the system's own choice.

    Examples
    --------
    >>> scratch_folder() in ("/var/tmp", None)
    True
    """
    return "/var/tmp" if os.access("/var/tmp", os.W_OK) else None


@contextmanager
def _silence_decoder() -> Iterator[None]:
    """Keep what the MP3 decoder prints of a damaged file off standard error: we say it better."""
    try:
        stderr = os.dup(2)
    except OSError:  # no standard error to keep clean
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)


def _libsndfile_path(path: Path) -> str | bytes:
    """A path as bytes, since a file's name need not be text; Windows wants text."""
    return str(path) if os.name == "nt" else os.fsencode(path)


def _copy_to_stdout(path: Path) -> None:
    if sys.stdout is None:
        raise InputError("standard output", "is closed", "name a file instead of -")
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
