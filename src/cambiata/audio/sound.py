"""Sound in memory, and sound in files as it is read."""

import os
import sys
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples, array_of, from_end
from cambiata.audio.codecs.opening import open_sound
from cambiata.audio.downmix import mono
from cambiata.audio.source import (
    BLOCK_SAMPLES,
    check_samples,
    check_shape,
    crop_blocks,
    region,
    resample,
    roomy_folder,
)
from cambiata.audio.writing import Destination
from cambiata.errors import InputError
from cambiata.inputs import input_pieces
from cambiata.keywords import checked_keywords
from cambiata.scratch import scratch_folder

_PIECE_BYTES = 1 << 20  # of a pipe that are read at once


@dataclass(frozen=True, eq=False, repr=False)
class Audio:
    """Sound in memory.

    A notebook shows it with a player and a spectrogram. ``audio[1.0:2.5]`` is the region from 1 to
    2.5 seconds, ``audio[-2:]`` the last two seconds (`cut`); ``np.asarray(audio)`` its samples
    [C, T] and ``len(audio)`` their number T.

    Parameters
    ----------
    samples : numpy.ndarray
        [C, T] floats, full scale at 1.0, kept as float32; a one-dimensional array is one channel.
    sample_rate : int
        Samples per second, 4,000 to 384,000.
    subtype : str
        Storage of its samples when it is saved ("PCM_16", "PCM_24", "FLOAT", ...).
    name : str
        Name for messages.

    Raises
    ------
    InputError
        No samples, more than 32 channels, a rate out of range, NaN or infinite samples.

    Examples
    --------
    >>> tone = Audio(np.sin(np.arange(8000) / 10), 8000)
    >>> tone.samples.shape, tone.samples.dtype, tone.duration_s
    ((1, 8000), dtype('float32'), 1.0)
    >>> tone[0.25:0.75], len(tone)
    (<Audio audio: 0.5 s, 1 channel at 8000 Hz>, 8000)
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
        check_shape(self.name, self.sample_rate, samples.shape[0], samples.shape[1])
        check_samples(self.name, samples)
        object.__setattr__(self, "samples", samples)

    def __repr__(self) -> str:
        return f"<Audio {self._description}>"

    def _repr_html_(self) -> str:
        # Where it is needed: a notebook draws, and other programs need not load what draws.
        from cambiata.audio.notebook import sound_html

        return sound_html(self, self.samples, self._description)

    @property
    def _description(self) -> str:
        channels = f"{self.n_channels} channel{'s' * (self.n_channels > 1)}"
        return f"{self.name}: {self.duration_s:.4g} s, {channels} at {self.sample_rate} Hz"

    def __len__(self) -> int:
        return self.n_samples

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        return array_of(self.samples, dtype, copy)

    def __getitem__(self, region_s: slice) -> "Audio":
        if not isinstance(region_s, slice) or region_s.step is not None:
            raise TypeError(
                "a sound is cut by seconds, as in audio[1.0:2.5]; its samples are np.asarray(audio)"
            )
        return self.cut(*from_end(region_s, self.duration_s))

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
        """Mean of the channels; where they would cancel, a mix in which they do not.

        Returns
        -------
        Audio
            One channel.
        """
        return replace(self, samples=mono(self.samples, self.sample_rate))

    def resampled(self, sample_rate: int) -> "Audio":
        """Sound at another rate.

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
            .wav, .flac, .ogg, .opus, .mp3 or .aiff; with ffmpeg on the PATH, .m4a or .aac.
        force : bool
            Replace a file that exists.

        Raises
        ------
        InputError
            The file exists, its folder does not, or its format cannot hold the sound.
        """
        Destination(path, like=self, force=force).write(self.blocks())


class AudioFile:
    """Sound in a file, read block by block so that an hour needs no more memory than a minute.

    Its length is what decodes, whatever the header says. Where an end is missing, a
    `CambiataWarning` says from which second on.

    Parameters
    ----------
    path : str or pathlib.Path
        The file; "-" is standard input.
    strict : bool
        Refuse a file that is unfinished or damaged.

    Raises
    ------
    InputError
        The file is missing, unreadable, empty, or out of range; with `strict`, also damaged.

    Examples
    --------
    >>> AudioFile("nowhere.wav")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.wav: no such file; check the path
    """

    def __init__(self, path: str | Path, *, strict: bool = False) -> None:
        self.name = "standard input" if str(path) == "-" else str(path)
        self.path = self._readable_path(path)
        self._file = open_sound(self.path, self.name, strict=strict)
        self.sample_rate, self.n_channels = self._file.sample_rate, self._file.n_channels
        self.n_samples, self.subtype = self._file.n_samples, self._file.subtype
        check_shape(self.name, self.sample_rate, self.n_channels, self.n_samples)

    def blocks(self) -> Iterator[Samples]:
        """Read it all, once more, as blocks.

        Yields
        ------
        numpy.ndarray
            Sound [C, T].

        Raises
        ------
        InputError
            The file holds NaN or infinite samples.
        """
        for block in self._file.blocks():
            check_samples(self.name, block)
            yield block

    def _readable_path(self, path: str | Path) -> Path:
        """File that can be read from its beginning as often as need be."""
        if str(path) == "-":
            if sys.stdin is None:
                raise InputError(self.name, "is closed", "pipe a wav into it, or name a file")
            return self._spool(iter(lambda: sys.stdin.buffer.read(_PIECE_BYTES), b""))
        place = Path(path)
        if not place.exists():
            raise InputError(self.name, "no such file", "check the path")
        if place.is_dir():
            raise InputError(self.name, "is a folder", "name a sound file in it")
        if not os.access(place, os.R_OK):
            raise InputError(self.name, "may not be read", "change its permissions")
        if not place.is_file():  # a named pipe, or what a shell makes of <(...)
            return self._spool(input_pieces(place, "a sound file", self.name))
        return place

    def _spool(self, pieces: Iterator[bytes]) -> Path:
        """File with all that came out of a pipe; it is removed with this object."""
        scratch = ExitStack()
        folder = scratch.enter_context(
            scratch_folder(Path(roomy_folder() or tempfile.gettempdir()))
        )
        weakref.finalize(self, scratch.close)
        with (folder / "spooled").open("wb") as spool:
            for piece in pieces:
                spool.write(piece)
        return folder / "spooled"


@checked_keywords
def load(
    path: str | Path,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
    strict: bool = False,
) -> Audio:
    """Sound of a file, whole or a region of it.

    Parameters
    ----------
    path : str or pathlib.Path
        wav, flac, ogg, mp3, aiff, and with ffmpeg on the PATH whatever that decodes (m4a, webm,
        the sound of a video, ...), of any rate, width and channel count; "-" is standard input.
    start_s : float, optional
        Where to begin, in seconds.
    end_s : float, optional
        Where to end, in seconds.
    strict : bool
        Refuse a file that is unfinished or damaged, rather than use what is there of it.

    Returns
    -------
    Audio
        Samples [C, T] at the file's own rate, remembering how they were stored.

    Raises
    ------
    InputError
        The file is missing, not sound, empty, or holds NaN or infinite samples; with `strict`,
        also unfinished or damaged.

    Examples
    --------
    >>> load("nowhere.wav")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.wav: no such file; check the path
    """
    file = AudioFile(path, strict=strict)
    start, stop = region(file, start_s, end_s)
    samples = np.concatenate(list(crop_blocks(file.blocks(), start, stop)), axis=1)
    return Audio(samples, file.sample_rate, file.subtype, file.name)
