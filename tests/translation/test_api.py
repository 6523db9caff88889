"""`translate`: what a caller is promised of files, channels and options, whatever plays."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sounds import melody

import cambiata
from cambiata import Audio, InputError, transfer, translate, translate_file
from cambiata.system import DomainMix
from cambiata.translation.domains import FOLDER_VARIABLE


@pytest.fixture(autouse=True)
def no_own_domains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "domains"))


def test_stereo_and_silence_are_kept() -> None:
    sound = melody([60, 64], rate=22050)
    both = np.stack([sound, np.zeros_like(sound)])
    out = translate(Audio(both, 22050), "nylon-guitar")
    assert out.samples.shape == both.shape
    assert np.abs(out.samples[1]).max() == 0
    assert np.abs(out.samples[0]).max() > 0


def test_a_file_is_what_memory_is(
    content: Audio, saved: Callable[[Audio, str], Path], tmp_path: Path
) -> None:
    shares = {"church-organ": 3, "sitar": 1}
    path = saved(Audio(content.samples, content.sample_rate, "FLOAT"), "content.wav")
    report = translate_file(path, shares, tmp_path / "out.wav", seed=2, tail_s=0.25)
    in_memory = translate(content, shares, seed=2, tail_s=0.25)
    assert np.array_equal(cambiata.load(tmp_path / "out.wav").samples, in_memory.samples)
    assert report.to == {"church-organ": 0.75, "sitar": 0.25}
    assert (report.system, report.style_s, report.style_used_s) == ("translation", 0.0, 0.0)


def test_it_is_a_transfer_with_domains_for_a_style(content: Audio) -> None:
    mix = DomainMix.of("sitar")
    transferred = transfer(content, mix, system="translation")
    assert np.array_equal(transferred.samples, translate(content, "sitar").samples)
    with pytest.raises(InputError, match="musaicing: plays no domains"):
        transfer(content, mix, system="musaicing")


def test_recordings_are_no_domains(content: Audio, style: Audio) -> None:
    with pytest.raises(
        InputError, match=r"plays domains, not recordings; use `cambiata\.translate`"
    ):
        cambiata.transfer(content, style, system="translation")
    with pytest.raises(InputError, match="oneshot: does not translate; use one of translation"):
        translate(content, "sitar", system="oneshot")
    with pytest.raises(TypeError, match="translate: has no keyword dynamics"):
        translate(content, "sitar", dynamics="style")
    with pytest.raises(TypeError, match=r"translate: has no keyword amout \(did you mean amount\?"):
        translate(content, "sitar", amout=1)


def test_silence_and_scraps_are_refused() -> None:
    with pytest.raises(InputError, match="is silent"):
        translate(Audio(np.zeros(44100), 44100), "sitar")
    with pytest.raises(InputError, match="less than one window of translation"):
        translate(Audio(np.ones(100), 44100), "sitar")
