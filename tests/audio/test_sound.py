import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
from sounds import RATE, melody

import cambiata
from cambiata.audio.sound import Audio, AudioFile
from cambiata.audio.source import crop_blocks, pad_or_trim, region, resample
from cambiata.audio.writing import Destination


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("n_channels", [1, 2, 6])
def test_wav_round_trip_is_exact(tmp_path: Path, subtype: str, n_channels: int) -> None:
    steps = {"PCM_U8": 2**7, "PCM_16": 2**15, "PCM_24": 2**23, "FLOAT": 2**23}[subtype]
    rng = np.random.default_rng(0)
    samples = rng.integers(-steps, steps, (n_channels, 3000)).astype(np.float64) / steps
    Audio(samples, 44100, subtype).save(tmp_path / "a.wav")
    again = cambiata.load(tmp_path / "a.wav")
    assert np.array_equal(again.samples, samples.astype(np.float32))
    assert (again.sample_rate, again.subtype) == (44100, subtype)


@pytest.mark.parametrize("subtype", ["PCM_32", "DOUBLE"])
def test_wider_samples_keep_their_width_at_float32s_precision(tmp_path: Path, subtype: str) -> None:
    sound = Audio(melody([60]), 44100, subtype)
    sound.save(tmp_path / "a.wav")
    again = cambiata.load(tmp_path / "a.wav")
    assert again.subtype == subtype
    np.testing.assert_allclose(again.samples, sound.samples, atol=2**-24)


@pytest.mark.parametrize("rate", [8000, 22050, 48000, 96000])
@pytest.mark.parametrize("extension", ["flac", "aiff"])
def test_lossless_formats_keep_rate_and_depth(tmp_path: Path, rate: int, extension: str) -> None:
    sound = Audio(np.round(melody([60]) * 2**15) / 2**15, rate, "PCM_16")
    path = tmp_path / f"a.{extension}"
    sound.save(path)
    again = cambiata.load(path)
    assert (again.sample_rate, again.subtype) == (rate, "PCM_16")
    assert np.array_equal(again.samples, sound.samples)


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


def test_float_files_keep_what_exceeds_full_scale(tmp_path: Path) -> None:
    loud = Audio(np.linspace(-2, 2, 1000), RATE, "FLOAT")
    loud.save(tmp_path / "a.wav")
    assert np.array_equal(cambiata.load(tmp_path / "a.wav").samples, loud.samples)


def test_peaks_are_limited_and_said_never_clipped(tmp_path: Path) -> None:
    loud = np.concatenate([0.5 * melody([60]), 8 * melody([60]), 0.5 * melody([60])])
    with pytest.warns(cambiata.CambiataWarning, match=r"a\.wav: peaks were up to .* dB over"):
        Audio(loud, RATE, "PCM_24").save(tmp_path / "a.wav")
    again = cambiata.load(tmp_path / "a.wav").samples[0]
    assert np.abs(again).max() <= 1
    far = len(melody([60])) - RATE // 50  # 20 ms before the loud part
    np.testing.assert_allclose(again[:far], loud[:far], atol=2**-22)
    # Turned down, not cut off: no run of equal samples at full scale.
    assert np.sum(np.diff(again[np.abs(again) > 0.99]) == 0) < 3


def test_input_is_never_changed(tmp_path: Path) -> None:
    samples = 8 * melody([60])
    before = samples.copy()
    with pytest.warns(cambiata.CambiataWarning):
        Audio(samples, RATE).save(tmp_path / "a.wav")
    assert np.array_equal(samples, before)


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
def test_resample_agrees_with_librosa(rate: int) -> None:
    sound = melody([60, 67])
    ours = resample(sound[None], RATE, rate)[0]
    theirs = librosa.resample(sound, orig_sr=RATE, target_sr=rate, res_type="soxr_vhq")
    assert ours.shape[0] == round(len(sound) * rate / RATE)
    np.testing.assert_allclose(ours[: len(theirs)], theirs[: len(ours)], atol=1e-5)


@pytest.mark.parametrize("to_hz", [16000, 48000])
def test_streamed_resampling_on_writing_equals_whole(tmp_path: Path, to_hz: int) -> None:
    sound = Audio(melody([60, 67, 64]), RATE, "FLOAT")
    pieces = iter(np.array_split(sound.samples, 7, axis=1))
    written = Destination(tmp_path / "a.wav", like=sound, sample_rate=to_hz).write(pieces)
    again = cambiata.load(tmp_path / "a.wav")
    whole = sound.resampled(to_hz)
    assert written.n_samples == again.n_samples == whole.n_samples
    np.testing.assert_allclose(again.samples, whole.samples, atol=1e-4)


def test_channels_on_writing(tmp_path: Path) -> None:
    stereo = Audio(np.stack([melody([60]), -0.5 * melody([64])]), RATE, "FLOAT")
    Destination(tmp_path / "mono.wav", like=stereo, n_channels=1).write(stereo.blocks())
    mono = cambiata.load(tmp_path / "mono.wav")
    np.testing.assert_allclose(mono.samples, stereo.mono().samples, atol=1e-7)
    Destination(tmp_path / "two.wav", like=mono, n_channels=2).write(mono.blocks())
    two = cambiata.load(tmp_path / "two.wav").samples
    assert np.array_equal(two[0], two[1])


def test_an_hour_and_more_becomes_rf64(tmp_path: Path) -> None:
    class Huge(Audio):
        @property
        def n_samples(self) -> int:
            return 2**31

    huge = Huge(np.zeros((2, 8)), 44100, "PCM_16")
    assert Destination(tmp_path / "a.wav", like=huge).format == "RF64"
    assert Destination(tmp_path / "a.wav", like=Audio(np.zeros(8), 44100)).format == "WAV"


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    sound = Audio(melody([60]), RATE)

    def broken():
        yield sound.samples
        raise RuntimeError("the system broke off")

    with pytest.raises(RuntimeError, match="broke off"):
        Destination(tmp_path / "a.wav", like=sound).write(broken())
    assert list(tmp_path.iterdir()) == []


def test_an_output_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    Audio(melody([60]), RATE).save(tmp_path / "a.wav")
    assert (tmp_path / "a.wav").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize(
    ("start_s", "end_s"), [(1.0, 0.5), (0.5, 0.5), (-1.0, None), (9.0, None), (float("nan"), 1.0)]
)
def test_impossible_regions_are_refused(start_s: float, end_s: float | None) -> None:
    with pytest.raises(cambiata.InputError, match="has no region"):
        region(Audio(melody([60]), RATE, name="a.wav"), start_s, end_s)


def test_between_reads_no_further_than_needed() -> None:
    read = []

    def blocks():
        for i in range(5):
            read.append(i)
            yield np.full((1, 10), i, np.float32)

    got = np.concatenate(list(crop_blocks(blocks(), 5, 15)), axis=1)
    assert got.tolist() == [[0.0] * 5 + [1.0] * 5]
    assert read == [0, 1]


def test_fitted_cuts_and_fills() -> None:
    sound = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert pad_or_trim(sound, 2).tolist() == [[0, 1], [3, 4]]
    assert pad_or_trim(sound, 4).tolist() == [[0, 1, 2, 0], [3, 4, 5, 0]]


@pytest.mark.parametrize(
    ("samples", "rate", "match"),
    [
        (np.zeros((1, 0)), 44100, "holds no samples"),
        (np.array([0.0, np.nan]), 44100, "NaN or infinite"),
        (np.array([0.0, np.inf]), 44100, "NaN or infinite"),
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
    ("size_of", "size", "refused"),
    [
        ("data", 10**6, True),  # the file was cut
        ("data", 0xFFFFFFFF, False),  # written into a pipe: the length was not known
        ("RIFF", 10**6, False),  # sloppy, and common: the sound itself is all there
    ],
)
def test_lengths_in_headers(
    saved: Callable[[Audio, str], Path], content: Audio, size_of: str, size: int, refused: bool
) -> None:
    path = saved(content, "a.wav")
    wav = bytearray(path.read_bytes())
    at = wav.index(size_of.encode()) + 4
    wav[at : at + 4] = size.to_bytes(4, "little")
    path.write_bytes(wav)
    if refused:
        with pytest.raises(cambiata.InputError, match="is truncated"):
            cambiata.load(path)
    else:
        np.testing.assert_allclose(cambiata.load(path).samples, content.samples, atol=2**-15)


def test_standard_input_and_output(saved: Callable[[Audio, str], Path], content: Audio) -> None:
    path = saved(content, "a.wav")
    code = "import cambiata; cambiata.load('-').save('-')"
    done = subprocess.run(
        [sys.executable, "-c", code], input=path.read_bytes(), capture_output=True, check=True
    )
    assert done.stdout == path.read_bytes()
