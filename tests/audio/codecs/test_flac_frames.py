"""FLAC files that state no length, or a wrong one, and damaged ones."""

from pathlib import Path

import numpy as np
import pytest
from sound_files import RATE, TUNE, decoded, loaded, write

import cambiata

LONG = np.tile(TUNE, 3)


@pytest.fixture(scope="module")
def flac(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, np.ndarray]:
    """A file of two channels, and what it holds."""
    place = tmp_path_factory.mktemp("flac") / "a.flac"
    data = write(place, np.stack([LONG, LONG[::-1]], axis=1), subtype="PCM_24")
    return data, decoded(place)


def _stating(data: bytes, n_samples: int) -> bytes:
    """Another number of samples in the header: 36 bits from the 21st byte's lower half on."""
    five = int.from_bytes(data[21:26], "big") >> 36 << 36 | n_samples
    return data[:21] + five.to_bytes(5, "big") + data[26:]


@pytest.mark.parametrize("tail", [b"", b"TAG" + bytes(125), bytes(900)])
def test_no_length_is_a_pipe_s_and_nothing_to_say(
    flac: tuple[bytes, np.ndarray], tmp_path: Path, tail: bytes
) -> None:
    data, whole = flac
    samples, said = loaded(tmp_path / "a.flac", _stating(data, 0) + tail)
    assert said == []
    np.testing.assert_array_equal(samples, whole)


def test_too_short_a_length_is_said(flac: tuple[bytes, np.ndarray], tmp_path: Path) -> None:
    data, whole = flac
    samples, [line] = loaded(tmp_path / "a.flac", _stating(data, 1000))
    assert f"gives 1000 samples, but {len(whole)} are there" in line
    np.testing.assert_array_equal(samples, whole)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_what_is_cut_is_used_up_to_its_last_whole_frame(
    flac: tuple[bytes, np.ndarray], tmp_path: Path, share: float
) -> None:
    data, whole = flac
    samples, [line] = loaded(tmp_path / "a.flac", data[: int(share * len(data))])
    assert len(samples) % 4096 == 0
    np.testing.assert_array_equal(samples, whole[: len(samples)])
    at_s, missing_s = len(samples) / RATE, (len(whole) - len(samples)) / RATE
    assert f"breaks off at {at_s:.2f} s: {missing_s:.2f} s are missing" in line
    with pytest.raises(cambiata.InputError, match="breaks off"):
        cambiata.load(tmp_path / "a.flac", strict=True)


def test_damage_in_the_middle_is_silent_and_said(
    flac: tuple[bytes, np.ndarray], tmp_path: Path
) -> None:
    data, whole = flac
    at = len(data) // 2
    samples, [line] = loaded(tmp_path / "a.flac", data[:at] + bytes(60) + data[at + 60 :])
    assert "a.flac: is damaged at 1." in line
    assert "a part cannot be decoded and is left silent" in line
    assert len(samples) == len(whole)
    differs = np.flatnonzero((samples != whole).any(axis=1))
    assert 0 < differs[-1] - differs[0] < 3 * 4096
    with pytest.raises(cambiata.InputError, match="is damaged at 1"):
        cambiata.load(tmp_path / "a.flac", strict=True)


def test_sound_that_looks_like_a_header_is_no_frame(tmp_path: Path) -> None:
    """Noise is stored as it is, so that samples stand in the file as bytes of a frame's header."""
    noise = np.random.default_rng(0).integers(-32768, 32768, 3 * 4096, dtype=np.int16)
    head = bytes([0xFF, 0xF8, 0xC9, 0x08, 0])
    noise[-1000:-997] = np.frombuffer(head + bytes([_crc8(head)]), ">i2")
    data = write(tmp_path / "a.flac", noise, subtype="PCM_16")
    assert head in data
    samples, said = loaded(tmp_path / "a.flac", data)
    assert said == []
    np.testing.assert_array_equal(samples, noise[:, None] / np.float32(32768))


def _crc8(data: bytes) -> int:
    """RFC 9639, section 9.1.8, bit by bit."""
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value << 1 ^ 7 * (value >> 7)) & 0xFF
    return value
