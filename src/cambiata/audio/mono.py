"""Mono files of packed examples: one long sound, FLAC of few bits or Ogg Vorbis."""

from pathlib import Path

import numpy as np
import soundfile

from cambiata.arrays import Samples
from cambiata.errors import InputError

_FULL_SCALE = 2**15


def write_vorbis(path: Path, sound: Samples, sample_rate: int, quality: float) -> None:
    """Write a sound [T] as Ogg Vorbis of a quality from 0 to 1."""
    with soundfile.SoundFile(
        path, "w", sample_rate, 1, format="OGG", subtype="VORBIS", compression_level=1 - quality
    ) as file:
        # In blocks: libsndfile's Vorbis encoder overflows its stack on one long array.
        for at in range(0, len(sound), sample_rate):
            file.write(sound[at : at + sample_rate])


def write_flac(path: Path, sound: Samples, sample_rate: int, n_bits: int) -> None:
    """Write a sound [T] as FLAC of so many bits: zeros in the last ones cost nothing."""
    step = 2 ** (16 - n_bits)
    rounded = np.round(sound * (_FULL_SCALE / step)) * step
    coded = np.clip(rounded, -_FULL_SCALE, _FULL_SCALE - step).astype(np.int16)
    soundfile.write(path, coded, sample_rate, compression_level=1.0)


def read_mono(path: Path) -> tuple[Samples, int]:
    """Sound [T] of such a file, and its rate."""
    try:
        sound, sample_rate = soundfile.read(path, dtype="float32")
    except (OSError, soundfile.LibsndfileError) as error:
        raise InputError(str(path), "is not a whole sound file", "write it again") from error
    return sound, sample_rate
