"""What libsndfile does not know, through ffmpeg; and what is said where there is none."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from sound_files import RATE, TUNE, ffmpeg, level_db, write

import cambiata
from cambiata.audio.codecs import ffmpeg as program
from cambiata.audio.sound import AudioFile

STEREO = np.stack([TUNE, TUNE[::-1]], axis=1)


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    write(tmp_path / "a.wav", STEREO, subtype="PCM_16")
    return tmp_path / "a.wav"


@pytest.mark.parametrize(
    ("name", "options", "subtype"),
    [
        ("alac.m4a", ("-c:a", "alac"), "PCM_16"),
        ("alac.caf", ("-c:a", "alac"), "PCM_16"),
        ("flac.ogg", ("-c:a", "flac"), "PCM_16"),
        ("pack.wv", ("-c:a", "wavpack"), "PCM_16"),
        ("float.mka", ("-c:a", "pcm_f32le"), "FLOAT"),
    ],
)
def test_lossless_codecs_are_exact(
    wav: Path, name: str, options: tuple[str, ...], subtype: str
) -> None:
    ffmpeg("-i", wav, *options, wav.parent / name)
    sound = cambiata.load(wav.parent / name)
    assert sound.subtype == subtype
    np.testing.assert_array_equal(sound.samples, cambiata.load(wav).samples)


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.m4a", ()), ("a.webm", ("-c:a", "libopus")), ("a.wma", ()), ("a.ac3", ())],
)
def test_lossy_codecs_are_near_and_as_long(wav: Path, name: str, options: tuple[str, ...]) -> None:
    ffmpeg("-i", wav, *options, wav.parent / name)
    sound = cambiata.load(wav.parent / name)
    assert abs(sound.duration_s - 1.2) < 0.06
    assert sound.n_channels == 2
    assert sound.subtype == "PCM_24"
    assert abs(level_db(sound.samples) - level_db(STEREO)) < 1


@pytest.mark.parametrize("name", ["-y.mp3", "concat:a.mp3", "-i http:x%d.mp3"])
def test_what_is_inside_counts_and_names_are_no_options(
    wav: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ffmpeg("-i", wav, "-f", "ipod", wav.parent / "a.mp4")
    (wav.parent / "a.mp4").rename(wav.parent / name)
    monkeypatch.chdir(wav.parent)
    assert AudioFile(name).sample_rate == RATE


def test_a_cut_file_is_used_and_strictly_refused(wav: Path) -> None:
    write(wav, np.tile(STEREO, (4, 1)))
    ffmpeg("-i", wav, "-c:a", "libvorbis", wav.parent / "a.mka")
    data = (wav.parent / "a.mka").read_bytes()
    (wav.parent / "cut.mka").write_bytes(data[: len(data) * 2 // 3])
    with pytest.warns(cambiata.CambiataWarning, match=r"cut\.mka: breaks off at \d\.\d+ s: \d\."):
        assert 1 < cambiata.load(wav.parent / "cut.mka").duration_s < 4.6
    with pytest.raises(cambiata.InputError, match=r"cut\.mka: breaks off at"):
        cambiata.load(wav.parent / "cut.mka", strict=True)


def test_what_holds_no_sound_is_one_line(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc=duration=1:size=64x64:rate=5", tmp_path / "a.mp4")
    (tmp_path / "b.bin").write_bytes(bytes(range(256)) * 20)
    for name, reason in (("a.mp4", "it holds no sound"), ("b.bin", "ffmpeg: ")):
        with pytest.raises(cambiata.InputError, match=reason) as caught:
            cambiata.load(tmp_path / name)
        assert "\n" not in str(caught.value)
        assert "convert it to wav" in str(caught.value)


def test_text_is_never_given_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A playlist would make it open whatever the text names.
    monkeypatch.setattr(subprocess, "Popen", None)
    (tmp_path / "a.m4a").write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n")
    with pytest.raises(cambiata.InputError, match="is not readable as sound; convert it"):
        cambiata.load(tmp_path / "a.m4a")


def test_without_it_the_line_says_what_to_install_and_how_to_convert(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "find", lambda: None)
    (tmp_path / "my voice.m4a").write_bytes(b"\0\0\0\x1cftypM4A " + bytes(100))
    with pytest.raises(cambiata.InputError) as caught:
        cambiata.load(tmp_path / "my voice.m4a")
    line = str(caught.value)
    assert "apt install ffmpeg, brew install ffmpeg or winget install ffmpeg" in line
    assert line.endswith('ffmpeg -i "my voice.m4a" "my voice.wav"')
    with pytest.raises(cambiata.InputError, match=r"a\.m4a: is written by ffmpeg, which is not"):
        cambiata.Audio(STEREO.T, RATE).save(tmp_path / "a.m4a")


@pytest.mark.parametrize("name", ["a.m4a", "a.aac"])
def test_aac_is_written(wav: Path, name: str) -> None:
    ffmpeg("-version")
    cambiata.load(wav).save(wav.parent / name)
    again = cambiata.load(wav.parent / name)
    assert (again.sample_rate, again.n_channels) == (RATE, 2)
    assert abs(again.duration_s - 1.2) < 0.1
    assert abs(level_db(again.samples) - level_db(STEREO)) < 1


@pytest.mark.parametrize("reads", ["", "cat > /dev/null\n"])
def test_a_failure_to_write_leaves_nothing(
    wav: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: str
) -> None:
    ffmpeg("-version")
    (tmp_path / "bin").mkdir()
    failing = tmp_path / "bin" / "ffmpeg"
    failing.write_text(f"#!/bin/sh\n{reads}echo '[error] No space left on device' >&2\nexit 1\n")
    failing.chmod(0o755)
    monkeypatch.setattr(program, "find", lambda: str(failing))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(cambiata.CambiataError, match=r"\(ffmpeg: No space left on device\)"):
        cambiata.load(wav).save(tmp_path / "b.m4a")
    assert sorted(tmp_path.iterdir()) == before


def test_a_program_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = tmp_path / "ffmpeg"
    hanging.write_text("#!/bin/sh\nexec sleep 1000\n")
    hanging.chmod(0o755)
    monkeypatch.setattr(program, "find", lambda: str(hanging))
    monkeypatch.setattr(program, "_STALL_S", 0.2)
    (tmp_path / "a.m4a").write_bytes(b"\0\0\0\x1cftypM4A " + bytes(100))
    with pytest.raises(cambiata.InputError, match=r"a\.m4a: is not readable as sound \(ffmpeg: "):
        cambiata.load(tmp_path / "a.m4a")


@pytest.mark.skipif(os.name == "nt", reason="a script of the shell")
def test_a_decoder_that_is_ended_without_a_word_leaves_a_problem(tmp_path: Path) -> None:
    write(tmp_path / "a.au", STEREO, subtype="FLOAT")
    script = tmp_path / "ffmpeg"
    script.write_text(f"#!/bin/sh\ncat '{tmp_path / 'a.au'}'\nexit 1\n")
    script.chmod(0o755)
    file = program.FfmpegFile(tmp_path / "a.m4a", "a.m4a", str(script))
    assert file.n_samples == len(STEREO)
    assert file.problem == "is damaged: of its 1.20 s not all could be decoded (it ended early)"
