"""Mono files of packed examples: one long sound, FLAC of few bits or Ogg Vorbis."""

from pathlib import Path

import numpy as np
import soundfile

from cambiata.arrays import Samples
from cambiata.errors import InputError

_FULL_SCALE = 2**15


def write_vorbis(path: Path, sound: Samples, sample_rate: int, quality: float) -> None:
    """Write a sound as Ogg Vorbis.

    Parameters
    ----------
    path : pathlib.Path
        File to write.
    sound : numpy.ndarray
        Samples [T], -1 to 1.
    sample_rate : int
        Samples per second.
    quality : float
        0 to 1, the best.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "tone.ogg"
    >>> write_vorbis(path, np.zeros(8000, np.float32), 8000, 0.5)
    >>> read_mono(path)[1]
    8000
    """
    with soundfile.SoundFile(
        path, "w", sample_rate, 1, format="OGG", subtype="VORBIS", compression_level=1 - quality
    ) as file:
        # In blocks: libsndfile's Vorbis encoder overflows its stack on one long array.
        for at in range(0, len(sound), sample_rate):
            file.write(sound[at : at + sample_rate])


def write_flac(path: Path, sound: Samples, sample_rate: int, n_bits: int) -> None:
    """Write a sound as FLAC of 16 bits, of which the last are zeros and cost nothing.

    Parameters
    ----------
    path : pathlib.Path
        File to write.
    sound : numpy.ndarray
        Samples [T], -1 to 1.
    sample_rate : int
        Samples per second.
    n_bits : int
        Bits of each sample that are not zero, at most 16.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "tone.flac"
    >>> write_flac(path, np.full(8, 0.5, np.float32), 8000, 8)
    >>> read_mono(path)[0][0]
    np.float32(0.5)
    """
    step = 2 ** (16 - n_bits)
    rounded = np.round(sound * (_FULL_SCALE / step)) * step
    coded = np.clip(rounded, -_FULL_SCALE, _FULL_SCALE - step).astype(np.int16)
    soundfile.write(path, coded, sample_rate, compression_level=1.0)


def read_mono(path: Path) -> tuple[Samples, int]:
    """Sound of a mono file, and its rate.

    Parameters
    ----------
    path : pathlib.Path
        File of `write_vorbis` or `write_flac`.

    Returns
    -------
    tuple
        Samples [T], and samples per second.

    Raises
    ------
    InputError
        The file is damaged or missing.

    Examples
    --------
    >>> read_mono(Path("nowhere.flac"))
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.flac: is not a whole sound file; write it again
    """
    try:
        sound, sample_rate = soundfile.read(path, dtype="float32")
    except (OSError, soundfile.LibsndfileError) as error:
        raise InputError(str(path), "is not a whole sound file", "write it again") from error
    return sound, sample_rate
