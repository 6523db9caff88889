"""MP3 files whose header says nothing, or too little, or what is no longer true."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sound_files import RATE, TUNE, bare_mp3, decoded, ffmpeg, loaded, write

import cambiata
from cambiata.audio.codecs.mpeg_frames import decode_header

ID3 = b"ID3\x03\0\0\0\0\x02\0" + bytes(256)
ID3_V1 = b"TAG" + bytes(125)
APE = b"APETAGEX" + (2000).to_bytes(4, "little") + (32).to_bytes(4, "little") + bytes(4)
APE += 0x80000000.to_bytes(4, "little") + bytes(8)  # a footer without items
APE_LARGE = APE[:12] + (3032).to_bytes(4, "little") + APE[16:20]  # with items, and a header
APE_LARGE += 0xA0000000.to_bytes(4, "little") + bytes(8 + 3000) + APE
FRAME = 1152
DELAY = 1105  # samples that LAME's encoder and a decoder put in front: 576 and 529


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_without_a_tag_the_frames_are_counted(tmp_path: Path, mode: str) -> None:
    tagged = write(tmp_path / "a.mp3", bitrate_mode=mode)
    expected = decoded(tmp_path / "a.mp3")
    assert len(expected) == len(TUNE)
    samples, said = loaded(tmp_path / "b.mp3", bare_mp3(tmp_path / "a.mp3", bitrate_mode=mode))
    assert said == []
    assert len(samples) % FRAME == 0
    assert 0 <= len(samples) - DELAY - len(TUNE) < 2 * FRAME
    np.testing.assert_allclose(samples[DELAY:][: len(TUNE)], expected, atol=1e-3)
    assert loaded(tmp_path / "c.mp3", tagged)[0].shape == expected.shape


def test_silence_then_sound_at_a_variable_bit_rate_is_whole(tmp_path: Path) -> None:
    # The first frame's bit rate, by which libsndfile guesses, is nothing like the others'.
    late = np.concatenate([np.zeros(RATE, np.float32), *[TUNE] * 4])
    data = bare_mp3(tmp_path / "a.mp3", late, bitrate_mode="VARIABLE")
    samples, said = loaded(tmp_path / "b.mp3", data)
    assert said == []
    assert 0 <= len(samples) - DELAY - len(late) < 2 * FRAME
    assert np.abs(samples[-RATE // 4 :]).max() > 0.001


@pytest.mark.parametrize(
    "layout", ["{id3}{a}", "{id3}{id3}{a}", "{ape}{a}", "{a}{ape}{v1}", "{junk}{a}"]
)
@pytest.mark.parametrize("is_tagged", [True, False])
def test_tags_around_the_sound_do_not_count(tmp_path: Path, layout: str, is_tagged: bool) -> None:
    maker = write if is_tagged else bare_mp3
    sound = maker(tmp_path / "a.mp3", format="MP3")
    plain, _ = loaded(tmp_path / "plain.mp3", sound)
    pieces = {"{id3}": ID3, "{ape}": APE, "{v1}": ID3_V1, "{junk}": bytes(3000), "{a}": sound}
    data = b"".join(pieces[f"{{{key}"] for key in layout.split("{")[1:])
    samples, said = loaded(tmp_path / "b.mp3", data)
    assert said == []
    np.testing.assert_array_equal(samples, plain)


@pytest.mark.parametrize("between", [b"", ID3_V1, ID3, ID3_V1 + ID3, APE_LARGE])
def test_files_one_after_the_other_are_as_long_as_both(tmp_path: Path, between: bytes) -> None:
    data = write(tmp_path / "a.mp3")
    once, _ = loaded(tmp_path / "once.mp3", data)
    twice, said = loaded(tmp_path / "b.mp3", data + between + data)
    assert said == []
    np.testing.assert_allclose(twice, np.concatenate([once, once]), atol=1e-6)


def test_a_later_stream_of_another_rate_and_width_is_brought_to_the_first(tmp_path: Path) -> None:
    first = bare_mp3(tmp_path / "a.mp3", np.stack([TUNE, TUNE], axis=1))
    second = bare_mp3(tmp_path / "b.mp3", TUNE[:22050], rate=22050)
    (tmp_path / "alone.mp3").write_bytes(second)
    n_second = cambiata.load(tmp_path / "alone.mp3").n_samples
    n_first = len(loaded(tmp_path / "c.mp3", first)[0])
    samples, said = loaded(tmp_path / "d.mp3", first + second)
    assert said == []
    assert samples.shape == (n_first + 2 * n_second, 2)


def test_a_broken_download_is_used_and_strictly_refused(tmp_path: Path) -> None:
    data = write(tmp_path / "a.mp3")
    whole = decoded(tmp_path / "a.mp3")
    samples, said = loaded(tmp_path / "cut.mp3", data[: len(data) * 2 // 3])
    at_s = len(samples) / RATE
    assert 0.7 < at_s < 0.85
    [line] = said
    assert "cut.mp3: breaks off at 0.7" in line
    assert "s are missing; what is there is used" in line
    np.testing.assert_allclose(samples[:-FRAME], whole[: len(samples) - FRAME], atol=1e-4)
    with pytest.raises(cambiata.InputError, match=r"cut\.mp3: breaks off at 0\.7\d s: 0\.4\d s"):
        cambiata.load(tmp_path / "cut.mp3", strict=True)


def test_a_hole_is_named_by_its_second(tmp_path: Path) -> None:
    data = bare_mp3(tmp_path / "a.mp3", np.tile(TUNE, 2))
    hole = data[: len(data) // 2] + bytes(3000) + data[len(data) // 2 + 3000 :]
    samples, [line] = loaded(tmp_path / "b.mp3", hole)
    assert "is damaged at 1." in line
    assert "bytes there are not sound" in line
    assert len(samples) < 2 * len(TUNE)
    with pytest.raises(cambiata.InputError, match="is damaged at 1"):
        cambiata.load(tmp_path / "b.mp3", strict=True)


def test_mp3_inside_of_wav(tmp_path: Path) -> None:
    sound = bare_mp3(tmp_path / "a.mp3")
    plain, _ = loaded(tmp_path / "plain.mp3", sound)
    form = (0x55).to_bytes(2, "little") + (1).to_bytes(2, "little") + RATE.to_bytes(4, "little")
    form += (16000).to_bytes(4, "little") + (1).to_bytes(2, "little") + bytes(2)
    form += (12).to_bytes(2, "little") + bytes(12)
    body = b"WAVEfmt " + len(form).to_bytes(4, "little") + form
    body += b"data" + len(sound).to_bytes(4, "little") + sound
    wav = b"RIFF" + len(body).to_bytes(4, "little") + body
    samples, said = loaded(tmp_path / "b.wav", wav)
    assert said == []
    np.testing.assert_array_equal(samples, plain)


def test_layer_two_is_whole(tmp_path: Path) -> None:
    write(tmp_path / "a.wav")
    ffmpeg("-i", tmp_path / "a.wav", "-c:a", "mp2", tmp_path / "a.mp2")
    data = (tmp_path / "a.mp2").read_bytes()
    samples, said = loaded(tmp_path / "b.mp2", data)
    assert said == []
    # Encoders disagree on the last frame, which is filled up.
    assert len(samples) // FRAME in (len(TUNE) // FRAME, len(TUNE) // FRAME + 1)
    assert len(samples) % FRAME == 0


@given(st.binary(min_size=2, max_size=4))
def test_a_header_is_none_or_says_a_size(rest: bytes) -> None:
    header = decode_header(b"\xff" + rest[:3])
    if header is not None:
        assert rest[0] & 0xE0 == 0xE0
        assert header.n_bytes > 20
        assert header.n_samples in (384, 576, 1152)
