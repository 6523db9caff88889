"""WAV, AIFF, CAF, AU and their kin, as crashed recorders, pipes and broken downloads leave them."""

from pathlib import Path

import numpy as np
import pytest
from sound_files import RATE, TUNE, loaded, write

import cambiata
from cambiata.audio.codecs import ffmpeg
from cambiata.audio.sound import AudioFile
from cambiata.audio.source import BLOCK_SAMPLES

N_BYTES = 2 * len(TUNE)
UNFINISHED = "its header gives no length, as if it was never finished; what is there is used"


def _with(data: bytes, mark: bytes, after: int, new: bytes) -> bytes:
    """Bytes changed so many behind a mark."""
    at = data.index(mark) + after
    return data[:at] + new + data[at + len(new) :]


def _sizes(kind: str) -> dict[bytes, tuple[int, int]]:
    """Where sizes are: by their mark, how far behind it, and how many bytes."""
    return {
        "WAV": {b"RIFF": (4, 4), b"data": (4, 4)},
        "RIFX": {b"RIFX": (4, 4), b"data": (4, 4)},
        "RF64": {b"ds64": (8, 24)},
        "AIFF": {b"FORM": (4, 4), b"COMM": (10, 4), b"SSND": (4, 4)},
        "CAF": {b"data": (4, 8)},
        "AU": {b".snd": (8, 4)},
        "W64": {b"data": (16, 8)},
    }[kind]


def _made(folder: Path, kind: str) -> bytes:
    options = {"format": "WAV", "endian": "BIG"} if kind == "RIFX" else {"format": kind}
    data = write(folder / "good", subtype="PCM_16", **options)
    return data


@pytest.mark.parametrize("kind", ["WAV", "RIFX", "RF64", "AIFF", "CAF", "AU", "W64"])
def test_a_header_of_zeros_is_read_to_the_end_and_said(tmp_path: Path, kind: str) -> None:
    data = _made(tmp_path, kind)
    if kind == "CAF":  # libsndfile puts a chunk behind the sound, a crash does not
        data = data[: data.index(b"data") + 16 + N_BYTES]
    for mark, (after, n_bytes) in _sizes(kind).items():
        data = _with(data, mark, after, bytes(n_bytes))
    samples, said = loaded(tmp_path / "a.snd", data)
    assert [line.partition(": ")[2] for line in said] == [UNFINISHED]
    np.testing.assert_allclose(samples[: len(TUNE), 0], TUNE, atol=2**-15)
    assert len(samples) <= len(TUNE) + 32  # W64 ends with padding
    with pytest.raises(cambiata.InputError, match=r"a\.snd: its header gives no length.*; copy it"):
        cambiata.load(tmp_path / "a.snd", strict=True)


@pytest.mark.parametrize("kind", ["WAV", "RIFX", "RF64", "AIFF", "CAF", "AU"])
def test_the_highest_size_is_a_pipe_s_and_nothing_to_say(tmp_path: Path, kind: str) -> None:
    data = _made(tmp_path, kind)
    if kind == "CAF":
        data = data[: data.index(b"data") + 16 + N_BYTES]
    for mark, (after, n_bytes) in _sizes(kind).items():
        if mark != b"COMM":
            data = _with(data, mark, after, b"\xff" * n_bytes)
    samples, said = loaded(tmp_path / "a.snd", data)
    assert said == []
    np.testing.assert_allclose(samples[:, 0], TUNE, atol=2**-15)


@pytest.mark.parametrize("kind", ["WAV", "RIFX", "RF64", "AIFF", "CAF", "AU", "W64"])
def test_what_is_cut_says_from_where(tmp_path: Path, kind: str) -> None:
    data = _made(tmp_path, kind)
    samples, [line] = loaded(tmp_path / "a.snd", data[: len(data) // 2])
    at_s = len(samples) / RATE
    assert 0.5 < at_s < 0.7
    assert f"a.snd: breaks off at {at_s:.2f} s: {1.2 - at_s:.2f} s are missing" in line
    np.testing.assert_allclose(samples[:, 0], TUNE[: len(samples)], atol=2**-15)


def test_a_header_that_was_last_written_before_the_crash(tmp_path: Path) -> None:
    long = np.tile(TUNE, 3)
    data = write(tmp_path / "good", long, format="WAV", subtype="PCM_16")
    for mark, size in ((b"RIFF", 36 + 44100), (b"data", 44100)):
        data = _with(data, mark, 4, size.to_bytes(4, "little"))
    samples, [line] = loaded(tmp_path / "a.wav", data)
    assert "a.wav: 3.10 s follow that its header does not count; what is there is used" in line
    np.testing.assert_allclose(samples[:, 0], long, atol=2**-15)
    # Chunks behind the sound, and less than a second of anything, are no sound.
    for tail in (b"note" + (100_000).to_bytes(4, "little") + bytes(100_000), b"\xff" * 80_000):
        samples, said = loaded(tmp_path / "b.wav", _made(tmp_path, "WAV") + tail)
        assert (len(samples), said) == (len(TUNE), [])


def test_sizes_beyond_four_gibibytes(tmp_path: Path) -> None:
    # As programs leave them that know no RF64: modulo 2^32. The file is sparse, and takes no room.
    data = _made(tmp_path, "WAV")
    size = 2**32 + 44100
    for mark, number in ((b"RIFF", size + 36), (b"data", size)):
        data = _with(data, mark, 4, (number % 2**32).to_bytes(4, "little"))
    with (tmp_path / "a.wav").open("wb") as file:
        file.write(data[:44])
        file.truncate(44 + size)
    large = AudioFile(tmp_path / "a.wav")
    assert large.n_samples == size // 2
    assert next(large.blocks()).shape == (1, BLOCK_SAMPLES)


def test_bw64_is_rf64(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ffmpeg, "find", lambda: None)
    data = _made(tmp_path, "RF64")
    samples, said = loaded(tmp_path / "a.wav", b"BW64" + data[4:])
    assert said == []
    np.testing.assert_allclose(samples[:, 0], TUNE, atol=2**-15)


def test_odd_chunks_before_and_behind_the_sound(tmp_path: Path) -> None:
    data = _made(tmp_path, "WAV")
    at = data.index(b"data")
    odd = b"junk" + (3).to_bytes(4, "little") + b"abc\0"
    samples, said = loaded(tmp_path / "a.wav", data[:at] + odd + data[at:] + odd)
    assert said == []
    np.testing.assert_allclose(samples[:, 0], TUNE, atol=2**-15)


def test_a_wav_that_holds_nothing_is_no_crash_of_a_recorder(tmp_path: Path) -> None:
    data = _made(tmp_path, "WAV")
    at = data.index(b"data")
    empty = data[:at] + b"data" + bytes(4) + b"LIST" + (4).to_bytes(4, "little") + b"INFO"
    (tmp_path / "a.wav").write_bytes(empty)
    with pytest.raises(cambiata.InputError, match="holds no samples"):
        cambiata.load(tmp_path / "a.wav")


def test_blocks_filled_up_by_adpcm_do_not_count(tmp_path: Path) -> None:
    data = write(tmp_path / "a.wav", subtype="IMA_ADPCM")
    n_filled = len(loaded(tmp_path / "b.wav", data)[0])
    at = data.index(b"fact") + 8
    for stated, expected in ((len(TUNE), len(TUNE)), (10**6, n_filled), (1000, n_filled)):
        told = data[:at] + stated.to_bytes(4, "little") + data[at + 4 :]
        samples, said = loaded(tmp_path / "c.wav", told)
        assert (len(samples), said) == (expected, [])
    assert n_filled > len(TUNE)
