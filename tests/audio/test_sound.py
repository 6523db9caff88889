"""Sound in memory and as it is read."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sounds import RATE, melody

import cambiata
from cambiata.audio.sound import Audio, AudioFile


@pytest.mark.parametrize("extension", ["ogg", "mp3"])
def test_lossy_formats_are_read_at_full_length_and_saved_as_24_bit(
    tmp_path: Path, extension: str
) -> None:
    sound = Audio(np.stack([melody([60, 62]), melody([64, 65])]), 44100)
    sound.save(tmp_path / f"a.{extension}")
    again = cambiata.load(tmp_path / f"a.{extension}")
    assert again.samples.shape == sound.samples.shape
    error = np.abs(again.samples - sound.samples).mean() / np.abs(sound.samples).mean()
    assert error < 0.1
    again.save(tmp_path / "b.wav")
    assert soundfile.info(tmp_path / "b.wav").subtype == "PCM_24"


def test_blocks_and_regions_agree_with_the_whole_in_every_format(tmp_path: Path) -> None:
    # Ogg above all: libsndfile's own seek lands elsewhere in it.
    sound = Audio(np.tile(melody([60, 62, 64, 65, 67]), 4)[None], 44100)
    for extension in ("wav", "flac", "ogg", "mp3", "aiff"):
        path = tmp_path / f"a.{extension}"
        sound.save(path)
        whole = soundfile.read(path, dtype="float32", always_2d=True)[0].T
        blocks = np.concatenate(list(AudioFile(path).blocks()), axis=1)
        part = cambiata.load(path, start_s=0.4, end_s=0.9)
        assert np.array_equal(blocks, whole)
        assert np.array_equal(part.samples, whole[:, 17640:39690])


def test_input_is_never_changed(tmp_path: Path) -> None:
    samples = 8 * melody([60])
    before = samples.copy()
    with pytest.warns(cambiata.CambiataWarning):
        Audio(samples, RATE).save(tmp_path / "a.wav")
    assert np.array_equal(samples, before)


@pytest.mark.parametrize(
    ("samples", "rate", "match"),
    [
        (np.zeros((1, 0)), 44100, "holds no samples"),
        (np.array([0.0, np.nan]), 44100, "NaN or infinite"),
        (np.array([0.0, np.inf]), 44100, "NaN or infinite"),
        (np.array([0.0, -1e20]), 44100, r"holds samples of 1e\+20 \(full scale is 1\)"),
        (np.array([0.0, 3e9]), 44100, r"holds samples of 3e\+09"),
        (np.zeros((64, 100)), 44100, "has 64 channels"),
        (np.zeros((44100, 2)), 44100, r"use 1 to 32 \(samples are \[C, T\]\)"),
        (np.zeros(100, np.int16), 44100, "samples are int16; give floats"),
        (np.zeros(100, complex), 44100, "samples are complex128"),
        (np.zeros(100), 100, "sample rate is 100 Hz"),
        (np.zeros(100), 10**7, "sample rate is 10000000 Hz"),
        (np.zeros((2, 3, 4)), 44100, "is not a sound"),
    ],
)
def test_impossible_sounds_are_refused(samples: np.ndarray, rate: int, match: str) -> None:
    with pytest.raises(cambiata.InputError, match=match):
        Audio(samples, rate)


@pytest.mark.parametrize(
    ("size_of", "size", "is_cut"),
    [
        ("data", 10**6, True),
        ("data", 0xFFFFFFFF, False),  # written into a pipe: the length was not known
        ("RIFF", 10**6, False),  # sloppy, and common: the sound itself is all there
    ],
)
def test_lengths_in_headers(
    saved: Callable[[Audio, str], Path], content: Audio, size_of: str, size: int, is_cut: bool
) -> None:
    path = saved(content, "a.wav")
    wav = bytearray(path.read_bytes())
    at = wav.index(size_of.encode()) + 4
    wav[at : at + 4] = size.to_bytes(4, "little")
    path.write_bytes(wav)
    if is_cut:
        with pytest.warns(cambiata.CambiataWarning, match=r"breaks off at 2\.00 s: 20\.68 s are"):
            assert cambiata.load(path).n_samples == content.n_samples
    else:
        np.testing.assert_allclose(cambiata.load(path).samples, content.samples, atol=2**-15)


def test_standard_input_and_output(saved: Callable[[Audio, str], Path], content: Audio) -> None:
    path = saved(content, "a.wav")
    code = "import cambiata; cambiata.load('-').save('-')"
    done = subprocess.run(
        [sys.executable, "-c", code], input=path.read_bytes(), capture_output=True, check=True
    )
    assert done.stdout == path.read_bytes()
