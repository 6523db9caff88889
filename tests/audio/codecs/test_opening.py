"""Decoders that print, which is kept off standard error, and that lose count."""

import os
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cambiata
from cambiata.audio.codecs import opening
from cambiata.audio.sound import AudioFile


def _file_of(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino


def test_threads_give_standard_error_back() -> None:
    before = _file_of(2)
    both = threading.Barrier(2, timeout=0.3)

    def decode() -> None:
        with opening._silence_decoder():
            assert _file_of(2) != before
            try:
                both.wait()  # where both are in here at once, the second keeps what the first made
            except threading.BrokenBarrierError:
                return

    threads = [threading.Thread(target=decode) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _file_of(2) == before


def test_a_file_in_the_place_of_a_closed_stream_is_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    before = _file_of(2)
    monkeypatch.setattr(sys, "__stderr__", None)
    with opening._silence_decoder():
        assert _file_of(2) == before


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
def test_a_file_that_vanishes_is_named(name: str, tmp_path: Path) -> None:
    cambiata.Audio(np.sin(np.arange(8000, dtype=np.float32) / 9), 8000).save(tmp_path / name)
    file = AudioFile(tmp_path / name)
    (tmp_path / name).unlink()
    with pytest.raises(cambiata.InputError, match=rf"{name}: was removed in the meantime; put it"):
        list(file.blocks())


@pytest.mark.filterwarnings("ignore::cambiata.CambiataWarning")
@pytest.mark.parametrize("place", sorted((Path(__file__).parent / "damaged").iterdir()))
def test_files_that_once_failed_are_read_or_refused(place: Path) -> None:
    try:
        file = AudioFile(place)
        n_samples = sum(block.shape[1] for block in file.blocks() if np.isfinite(block).all())
    except cambiata.InputError:
        return
    assert n_samples == file.n_samples


def test_a_header_that_claims_minutes_is_not_tried_for_each_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Found by fuzzing with coverage: 723 bytes that claim eleven hours took minutes to read."""
    opened, open_part = [], opening.LibsndfileFile._opened

    def counted(self: opening.LibsndfileFile, part: Any) -> Any:
        opened.append(part)
        return open_part(self, part)

    monkeypatch.setattr(opening.LibsndfileFile, "_opened", counted)
    place = Path(__file__).parent / "damaged" / "claims-minutes.flac"
    damaged = pytest.warns(cambiata.CambiataWarning, match="is damaged at 0.00 s")
    with damaged, pytest.warns(cambiata.CambiataWarning, match="more than it can hold"):
        n_samples = sum(block.shape[1] for block in AudioFile(place).blocks())
    assert n_samples == 73 * 4096  # of the three million that it claims
    assert len(opened) < 200  # 290 where each 1,024 samples are tried


def test_a_header_that_claims_more_than_the_file_can_hold_is_not_believed() -> None:
    """Found by fuzzing with coverage: 4 kB that claim a day took more than ten seconds."""
    place = Path(__file__).parent / "damaged" / "claims-days.flac"
    with pytest.warns(cambiata.CambiataWarning, match="samples, more than it can hold"):
        file = AudioFile(place)
    assert file.n_samples == (place.stat().st_size // 10 + 1) * 4096
    # A length of 0 is unknown, which libsndfile takes for endless.
    place = place.with_name("claims-nothing.flac")
    with pytest.warns(cambiata.CambiataWarning, match="holds no whole frame"):
        file = AudioFile(place)
    assert file.n_samples == (place.stat().st_size // 10 + 1) * 4096
