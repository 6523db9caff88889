"""Ogg files of several streams, and such as end before their last page."""

from pathlib import Path

import numpy as np
import pytest
from sound_files import TUNE, decoded, loaded, write

import cambiata
from cambiata.audio.sound import AudioFile

OTHER = TUNE[::-1].copy()


@pytest.mark.parametrize(("subtype", "rate"), [("VORBIS", 44100), ("OPUS", 48000)])
def test_a_chain_is_as_long_as_its_links(tmp_path: Path, subtype: str, rate: int) -> None:
    options = {"format": "OGG", "subtype": subtype, "rate": rate}
    first = write(tmp_path / "a.ogg", TUNE, **options)
    second = write(tmp_path / "b.ogg", OTHER, **options)
    expected = np.concatenate([decoded(tmp_path / name) for name in ("a.ogg", "b.ogg", "a.ogg")])
    # The first stream comes once more, with its old serial number.
    samples, said = loaded(tmp_path / "c.ogg", first + second + first)
    assert said == []
    np.testing.assert_allclose(samples, expected, atol=1e-6)


def test_a_link_of_another_rate_and_width_is_brought_to_the_first(tmp_path: Path) -> None:
    first = write(tmp_path / "a.ogg", np.stack([TUNE, OTHER], axis=1), format="OGG")
    second = write(tmp_path / "b.ogg", TUNE, format="OGG", rate=22050)
    samples, said = loaded(tmp_path / "c.ogg", first + second)
    assert said == []
    assert samples.shape == (3 * len(TUNE), 2)


@pytest.mark.parametrize("length", [1, 50, 1000])
def test_a_short_link_gives_no_empty_block(tmp_path: Path, length: int) -> None:
    first = write(tmp_path / "a.ogg", TUNE, format="OGG")
    second = write(tmp_path / "b.ogg", TUNE[:length], format="OGG", rate=22050)
    (tmp_path / "c.ogg").write_bytes(first + second)
    sizes = [block.shape[1] for block in AudioFile(tmp_path / "c.ogg").blocks()]
    assert min(sizes) > 0
    assert sum(sizes) == len(TUNE) + 2 * length


def test_junk_behind_the_end_does_not_count(tmp_path: Path) -> None:
    data = write(tmp_path / "a.ogg", format="OGG")
    samples, said = loaded(tmp_path / "b.ogg", data + b"junk" * 500)
    assert (len(samples), said) == (len(TUNE), [])


def test_without_its_last_page_it_is_used_as_far_as_it_goes(tmp_path: Path) -> None:
    data = write(tmp_path / "a.ogg", np.tile(TUNE, 4), format="OGG")
    whole = decoded(tmp_path / "a.ogg")
    samples, [line] = loaded(tmp_path / "b.ogg", data[: data.rindex(b"OggS") + 50])
    assert 0 < len(samples) < len(whole)
    np.testing.assert_allclose(samples, whole[: len(samples)], atol=1e-6)
    at_s = len(samples) / 44100
    assert f"b.ogg: breaks off at {at_s:.2f} s, before its end; what is there is used" in line
    with pytest.raises(cambiata.InputError, match="before its end; copy it"):
        cambiata.load(tmp_path / "b.ogg", strict=True)
