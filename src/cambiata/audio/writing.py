"""Sound written to files: what a format can hold, resampling on the way, peaks turned down."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import soundfile

from cambiata.arrays import Samples
from cambiata.audio.codecs import ffmpeg
from cambiata.audio.codecs.ffmpeg import FfmpegWriter
from cambiata.audio.codecs.ogg_pages import number_stream
from cambiata.audio.downmix import FOLDS, fold, mono_blocks
from cambiata.audio.loudness import Limiter
from cambiata.audio.source import (
    BLOCK_SAMPLES,
    Shape,
    check_shape,
    is_playable,
    resample_blocks,
    roomy_folder,
)
from cambiata.errors import CambiataError, InputError, warn
from cambiata.files import SOUND, atomic_file, check_output
from cambiata.scratch import scratch_folder

# Formats by an output's extension: libsndfile's own, and AAC, which ffmpeg writes.
FORMATS = {
    ".wav": "WAV",
    ".flac": "FLAC",
    ".ogg": "OGG",
    ".opus": "OPUS",
    ".mp3": "MP3",
    ".aiff": "AIFF",
    ".aif": "AIFF",
    ".m4a": "AAC",
    ".aac": "AAC",
}
_LOSSY_SUBTYPE = {"OGG": "VORBIS", "OPUS": "OPUS", "MP3": "MPEG_LAYER_III", "AAC": "AAC"}
# The rates that a codec knows; where the sound has another and none is asked for, the last.
_RATES_HZ = {
    "OPUS": (8000, 12000, 16000, 24000, 48000),
    "AAC": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 64000, 88200, 96000, 44100, 48000),
}
# ffmpeg's AAC encoder is as good as any from 96 kbit/s a channel on. A file in the MPEG-4 container
# begins with its index, so that it plays while it is still being fetched.
_AAC_BITS_A_CHANNEL = 96_000
_AAC_CONTAINER = {".m4a": ("-f", "ipod", "-movflags", "+faststart"), ".aac": ("-f", "adts")}
_LOSSLESS = ("PCM_U8", "PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")
_BIT_DEPTH = {"PCM_U8": 8, "PCM_S8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
# A plain wav header counts 4 GiB, of which 64 KiB are left for the header itself; RF64 is its
# 64-bit form, read by every current editor.
_WAV_LIMIT_BYTES = 4 * 2**30 - 2**16


@dataclass(frozen=True)
class WrittenAudio:
    """Format of a file that was written.

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
        Storage of its samples.
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
    """Sound file to be written, everything that can be refused about it refused beforehand.

    Parameters
    ----------
    path : str or pathlib.Path
        Where to; the extension chooses the format. "-" is a wav on standard output.
    like : Shape
        The sound whose rate, channels and sample format are kept where none is given.
    sample_rate : int, optional
        Samples per second of the file.
    n_channels : int, optional
        Channels of the file: any number from one, one from any number, or two from a surround
        sound, which is folded down as ITU-R BS.775 says.
    subtype : str, optional
        Storage of its samples.
    force : bool
        Replace a file that exists.

    Raises
    ------
    InputError
        The file exists, its folder does not, or its format cannot hold the sound.

    Examples
    --------
    >>> from cambiata.audio.sound import Audio
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
        rates = _RATES_HZ.get(FORMATS.get(self.path.suffix.lower(), ""), (self.sample_rate,))
        if sample_rate is None and self.sample_rate not in rates:
            self.sample_rate = rates[-1]
        self._rates = rates
        self.n_channels = like.n_channels if n_channels is None else n_channels
        if not self.to_stdout:
            check_output(self.path, SOUND, force=force)
        self._force = force
        self.format, self.subtype = self._choose_storage(subtype)
        self._check_shape()

    @property
    def scratch(self) -> str | None:
        """Folder for scratch files: beside the output, which has room for it."""
        return roomy_folder() if self.to_stdout else str(self.path.absolute().parent)

    def write(self, blocks: Iterator[Samples]) -> WrittenAudio:
        """Write the sound.

        Parameters
        ----------
        blocks : iterator of numpy.ndarray
            Sound [C, T] each, at the rate and with the channels of `like`.

        Returns
        -------
        WrittenAudio
            Format and length of the file.
        """
        with self._unfinished() as unfinished:
            try:
                n_samples, limited_db = self._write(blocks, unfinished)
                if self.format in ("OGG", "OPUS"):
                    number_stream(unfinished)
            except soundfile.LibsndfileError as error:
                raise self._unwritten(str(error)) from error
        if limited_db > 0:
            warn(
                f"{self.path}: peaks were up to {limited_db:.1f} dB over full scale and were "
                "turned down; store floats (.wav, subtype FLOAT) to keep them"
            )
        return WrittenAudio(
            str(self.path), self.sample_rate, self.n_channels, n_samples, self.subtype, limited_db
        )

    def _write(self, blocks: Iterator[Samples], to: Path) -> tuple[int, float]:
        blocks = self._checked(blocks)
        blocks = _map_channels(blocks, self.like.sample_rate, self.n_channels)
        blocks = resample_blocks(blocks, self.like.sample_rate, self.sample_rate, self.n_channels)
        limiter = None
        if self.subtype not in ("FLOAT", "DOUBLE"):
            limiter = Limiter(self.sample_rate)
            blocks = limiter.process(blocks)
        n_samples = 0
        with self._writer(to) as file:
            for block in blocks:
                # libsndfile's Vorbis encoder overflows its stack on long writes.
                for start in range(0, block.shape[1], BLOCK_SAMPLES):
                    file.write(np.ascontiguousarray(block[:, start : start + BLOCK_SAMPLES].T))
                n_samples += block.shape[1]
        return n_samples, limiter.reduction_db if limiter else 0.0

    def _checked(self, blocks: Iterator[Samples]) -> Iterator[Samples]:
        """Blocks, all of which a sound may have: NaN would be written as a constant full scale."""
        for block in blocks:
            if not is_playable(block):
                problem = "NaN or infinite samples came out, and nothing is written"
                raise CambiataError(f"{self.path}: {problem}")
            yield block

    def _writer(self, to: Path) -> Any:
        """A file that takes samples [T, C]."""
        if self.format == "AAC":
            bits = ("-c:a", "aac", "-b:a", str(_AAC_BITS_A_CHANNEL * self.n_channels))
            container = _AAC_CONTAINER[self.path.suffix.lower()]
            return FfmpegWriter(to, self.sample_rate, self.n_channels, (*bits, *container))
        return self._checked_writer(to)

    @contextmanager
    def _checked_writer(self, to: Path) -> Iterator[Any]:
        """A file of libsndfile, all of whose bytes have come to lie on the disk when it closes.

        libsndfile itself passes over errors of what its encoders write last.
        """
        with to.open("w+b", buffering=0) as raw:
            written = _CheckedFile(raw)
            try:
                with soundfile.SoundFile(
                    cast(BinaryIO, written),
                    "w",
                    self.sample_rate,
                    self.n_channels,
                    self.subtype,
                    format=self._libsndfile_format,
                ) as file:
                    yield file
            finally:  # soundfile asserts that all was written
                if written.error is not None:
                    raise self._unwritten(written.error.strerror or "") from written.error

    def _unwritten(self, reason: str) -> CambiataError:
        return CambiataError(f"{self.path}: could not be written ({reason}); is the disk full?")

    @property
    def _libsndfile_format(self) -> str:
        return "OGG" if self.format == "OPUS" else self.format

    @contextmanager
    def _unfinished(self) -> Iterator[Path]:
        """A file to write, which then is put in its place or copied to standard output."""
        if not self.to_stdout:
            with atomic_file(self.path, force=self._force) as unfinished:
                yield unfinished
            return
        with scratch_folder(Path(self.scratch or tempfile.gettempdir())) as folder:
            unfinished = folder / "sound.wav"
            yield unfinished
            _copy_to_stdout(unfinished)

    def _choose_storage(self, subtype: str | None) -> tuple[str, str]:
        """Format and subtype of the file, in libsndfile's words."""
        extension = ".wav" if self.to_stdout else self.path.suffix.lower()
        if extension not in FORMATS:
            raise InputError(
                str(self.path),
                f"cannot tell a format from {extension or 'no extension'}",
                "end it in " + ", ".join(FORMATS),
            )
        kind = FORMATS[extension]
        if kind == "AAC" and ffmpeg.find() is None:
            raise InputError(
                str(self.path),
                f"is written by ffmpeg, which is not on the PATH ({ffmpeg.INSTALL})",
                "install it, or end the name in .opus, .mp3 or .flac",
            )
        if kind in ("AAC", "OPUS") and subtype is None:
            return kind, _LOSSY_SUBTYPE[kind]
        if subtype is not None:
            subtype = subtype.upper()
            # Codecs of fixed blocks are left out: they would fill the sound up to whole blocks.
            allowed = [
                name
                for name in (*_LOSSLESS, "ULAW", "ALAW", *_LOSSY_SUBTYPE.values())
                if (kind in ("AAC", "OPUS") or soundfile.check_format(kind, name))
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
        """Format that has room for all samples."""
        n_samples = self.like.n_samples * self.sample_rate / self.like.sample_rate
        n_bytes = {"FLOAT": 4, "DOUBLE": 8}.get(subtype, _BIT_DEPTH.get(subtype, 32) / 8)
        is_large = n_samples * self.n_channels * n_bytes > _WAV_LIMIT_BYTES
        return "RF64" if kind == "WAV" and is_large else kind

    def _check_shape(self) -> None:
        n_in, n_out = self.like.n_channels, self.n_channels
        check_shape(str(self.path), self.sample_rate, n_out, 1)
        is_fold = n_out == 2 and n_in in FOLDS
        if n_out != n_in and 1 not in (n_out, n_in) and not is_fold:
            possible = f"1, 2 or {n_in}" if n_in in FOLDS else f"1 or {n_in}"
            raise InputError(
                str(self.path), f"cannot make {n_out} channels of {n_in}", f"use {possible}"
            )
        if self.format == "OGG" and self.sample_rate > 192_000:  # beyond it libvorbis crashes
            raise InputError(
                str(self.path),
                f"OGG cannot hold {self.sample_rate} Hz",
                "choose another format, or `sample_rate=48000`",
            )
        if self.sample_rate not in self._rates:
            raise InputError(
                str(self.path),
                f"{self.format} cannot hold {self.sample_rate} Hz",
                "use one of " + ", ".join(map(str, sorted(self._rates))),
            )
        if self.format != "AAC":
            self._try_encoder()
        elif n_out > 8 or n_out == 7:  # MPEG-4's own layouts; ffmpeg's encoder has no other
            raise InputError(
                str(self.path), f"AAC cannot hold {n_out} channels", "use 1 to 6, or 8"
            )

    def _try_encoder(self) -> None:
        """Refuse what libsndfile's encoder does not take (MP3: 8 to 48 kHz, ...)."""
        # Opening is the only way to ask.
        try:
            with tempfile.TemporaryFile() as trial:
                soundfile.SoundFile(
                    cast(BinaryIO, trial),
                    "w",
                    self.sample_rate,
                    self.n_channels,
                    self.subtype,
                    format=self._libsndfile_format,
                ).close()
        except soundfile.LibsndfileError as error:
            raise InputError(
                str(self.path),
                f"{self.format} cannot hold {self.n_channels} channels at {self.sample_rate} Hz",
                "choose another format, or `sample_rate=44100` and `n_channels=1`",
            ) from error


class _CheckedFile:
    """A file that libsndfile writes through Python, which remembers the first error."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self.error: OSError | None = None
        self.seek, self.tell, self.read = raw.seek, raw.tell, raw.read

    def write(self, data: bytes) -> int:
        """Number of bytes written; fewer where the disk is full."""
        n_written = 0
        try:
            while n_written < len(data):  # a disk takes what it has room for before it refuses
                n_written += self._raw.write(data[n_written:])
        except OSError as error:
            self.error = self.error or error
        return n_written


def _map_channels(
    blocks: Iterator[Samples], sample_rate: int, n_channels: int
) -> Iterator[Samples]:
    if n_channels == 1:
        yield from mono_blocks(blocks, sample_rate)
        return
    for block in blocks:
        if block.shape[0] == n_channels:
            yield block
        elif block.shape[0] == 1:
            yield np.repeat(block, n_channels, axis=0)
        else:
            yield fold(block)


def _copy_to_stdout(path: Path) -> None:
    if sys.stdout is None:
        raise InputError("standard output", "is closed", "name a file instead of -")
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
