"""Sound files as other programs leave them, made on the spot."""

import shutil
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sounds import melody

import cambiata
from cambiata.arrays import Samples

RATE = 44100
TUNE = melody([60, 64, 67], rate=RATE)  # 1.2 s


def write(path: Path, samples: Samples = TUNE, **options: object) -> bytes:
    """Bytes of a file that libsndfile writes; samples [T] or [T, C]."""
    soundfile.write(path, samples, int(options.pop("rate", RATE)), **options)  # type: ignore[call-overload]
    return path.read_bytes()


def bare_mp3(path: Path, samples: Samples = TUNE, **options: object) -> bytes:
    """The frames of an MP3 alone, without the tag that says how many there are."""
    data = write(path, samples, **{"format": "MP3", **options})
    second = data.index(data[:2], 4)
    assert b"Info" in data[:second] or b"Xing" in data[:second]
    return data[second:]


def decoded(path: Path) -> Samples:
    """What libsndfile makes of a good file, [T, C]."""
    samples: Samples = soundfile.read(path, dtype="float32", always_2d=True)[0]
    return samples


def loaded(path: Path, data: bytes) -> tuple[Samples, list[str]]:
    """What Cambiata makes of bytes, [T, C], and what it says."""
    path.write_bytes(data)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        samples = cambiata.load(path).samples.T
    return samples, [str(each.message) for each in caught]


def level_db(samples: Samples) -> float:
    """RMS in dB of full scale."""
    return 10 * float(np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-20))


def ffmpeg(*arguments: object) -> None:
    """Run ffmpeg; the test is skipped where there is none."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not on the PATH")
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    subprocess.run(command, check=True)
