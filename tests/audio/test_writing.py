"""Sound files as they are written: formats, peaks, rates, channels, failures."""

import os
from pathlib import Path

import numpy as np
import pytest
from sounds import RATE, melody

import cambiata
from cambiata.audio.sound import Audio
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


def test_float_files_keep_what_exceeds_full_scale(tmp_path: Path) -> None:
    loud = Audio(np.linspace(-2, 2, 1000), RATE, "FLOAT")
    loud.save(tmp_path / "a.wav")
    assert np.array_equal(cambiata.load(tmp_path / "a.wav").samples, loud.samples)


def test_peaks_are_limited_with_a_warning_never_clipped(tmp_path: Path) -> None:
    loud = np.concatenate([0.5 * melody([60]), 8 * melody([60]), 0.5 * melody([60])])
    with pytest.warns(cambiata.CambiataWarning, match=r"a\.wav: peaks were up to .* dB over"):
        Audio(loud, RATE, "PCM_24").save(tmp_path / "a.wav")
    again = cambiata.load(tmp_path / "a.wav").samples[0]
    assert np.abs(again).max() <= 1
    far = len(melody([60])) - RATE // 50  # 20 ms before the loud part
    np.testing.assert_allclose(again[:far], loud[:far], atol=2**-22)
    # Turned down, not cut off: no run of equal samples at full scale.
    assert np.sum(np.diff(again[np.abs(again) > 0.99]) == 0) < 3


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


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg"])
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e20])
def test_what_is_no_sound_is_never_written(tmp_path: Path, name: str, value: float) -> None:
    sound = Audio(melody([60]), RATE)
    sound.save(tmp_path / name)
    before = (tmp_path / name).read_bytes()
    broken = sound.samples.copy()
    broken[0, 100] = value
    for subtype in ("PCM_16", "FLOAT") if name == "a.wav" else (None,):
        with pytest.raises(cambiata.CambiataError, match="NaN or infinite samples came out"):
            Destination(tmp_path / name, like=sound, subtype=subtype, force=True).write(
                iter([sound.samples, broken])
            )
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == before


@pytest.mark.skipif(os.name == "nt", reason="limits of POSIX")
@pytest.mark.parametrize("extension", ["wav", "flac", "ogg", "opus", "mp3", "aiff"])
def test_a_disk_that_is_full_at_any_byte_is_said(tmp_path: Path, extension: str) -> None:
    import resource

    place = tmp_path / f"a.{extension}"
    sound = Audio(melody([60, 64]), RATE, "PCM_16")
    sound.save(place)
    before = place.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The last bytes are written when the file is closed, where libsndfile passes over errors.
    for room in (len(before) // 3, len(before) - 2000, len(before) - 300, len(before) - 1):
        resource.setrlimit(resource.RLIMIT_FSIZE, (max(0, room), hard))
        try:
            with pytest.raises((cambiata.CambiataError, OSError), match=r"disk full|too large"):
                sound.save(place, force=True)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert place.read_bytes() == before
        assert list(tmp_path.iterdir()) == [place]


@pytest.mark.parametrize("extension", ["wav", "flac", "ogg", "opus", "mp3", "aiff"])
def test_the_same_sound_is_the_same_bytes(tmp_path: Path, extension: str) -> None:
    sound = Audio(melody([60, 64, 67]), 48000)
    places = [tmp_path / f"{i}.{extension}" for i in range(2)]
    for place in places:
        sound.save(place)
    assert places[0].read_bytes() == places[1].read_bytes()
    again = cambiata.load(places[0], strict=True)
    assert again.n_samples == sound.n_samples
    assert np.corrcoef(again.samples[0], sound.samples[0])[0, 1] > 0.98


def test_pages_of_ogg_keep_a_checksum_that_others_find(tmp_path: Path) -> None:
    Audio(melody([60]), 48000).save(tmp_path / "a.ogg")
    data = (tmp_path / "a.ogg").read_bytes()
    length = data.index(b"OggS", 4)
    page = bytearray(data[:length])
    stated = int.from_bytes(page[22:26], "little")
    page[22:26] = bytes(4)
    checksum = 0
    for byte in page:  # bit by bit, as RFC 3533 says
        checksum ^= byte << 24
        for _ in range(8):
            checksum = (checksum << 1) ^ (0x04C11DB7 if checksum & 0x80000000 else 0)
            checksum &= 0xFFFFFFFF
    assert checksum == stated
    assert page[14:18] == bytes(4)


def test_an_output_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    Audio(melody([60]), RATE).save(tmp_path / "a.wav")
    assert (tmp_path / "a.wav").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("rate", [22050, 44100, 48000])
def test_opus_is_written_at_a_rate_that_it_knows(tmp_path: Path, rate: int) -> None:
    sound = Audio(melody([60, 64], rate=rate), rate)
    sound.save(tmp_path / "a.opus")
    again = cambiata.load(tmp_path / "a.opus")
    assert again.sample_rate == 48000
    assert again.n_samples == round(sound.duration_s * 48000)
    level = [float(np.square(each.samples).mean()) for each in (sound, again)]
    assert 0.8 < level[1] / level[0] < 1.25
    with pytest.raises(cambiata.InputError, match="OPUS cannot hold 44100 Hz; use one of 8000"):
        Destination(tmp_path / "b.opus", like=sound, sample_rate=44100)
    with pytest.raises(cambiata.InputError, match="OPUS does not store PCM_16 here"):
        Destination(tmp_path / "b.opus", like=sound, subtype="PCM_16")


def test_surround_folds_down_to_two_channels_or_one(tmp_path: Path) -> None:
    t = np.arange(RATE) / RATE
    six = np.stack([0.1 * np.sin(2 * np.pi * 100 * (k + 1) * t) for k in range(6)])
    surround = Audio(six, RATE, "PCM_24")
    Destination(tmp_path / "a.wav", like=surround, n_channels=2).write(surround.blocks())
    left, right = cambiata.load(tmp_path / "a.wav").samples
    half = np.sqrt(0.5)
    np.testing.assert_allclose(left, six[0] + half * (six[2] + six[4]), atol=1e-6)
    np.testing.assert_allclose(right, six[1] + half * (six[2] + six[5]), atol=1e-6)
    with pytest.raises(cambiata.InputError, match="cannot make 3 channels of 6; use 1, 2 or 6"):
        Destination(tmp_path / "b.wav", like=surround, n_channels=3)
    nine = Audio(np.ones((9, RATE)), RATE)
    with pytest.raises(cambiata.InputError, match="cannot make 2 channels of 9; use 1 or 9"):
        Destination(tmp_path / "b.wav", like=nine, n_channels=2)


def test_channels_out_of_phase_become_one_that_sounds(tmp_path: Path) -> None:
    tune = melody([60, 64])
    opposite = Audio(np.stack([tune, -tune]), RATE, "PCM_24")
    Destination(tmp_path / "a.wav", like=opposite, n_channels=1).write(opposite.blocks())
    np.testing.assert_allclose(cambiata.load(tmp_path / "a.wav").samples[0], tune, atol=1e-6)
