"""Clips that are mixed while training: no warning, and the notes that were asked for."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
import torch
from tiny_packs import tiny_pack

from cambiata.data.clip_examples import align_rooms
from cambiata.data.clips import EVENT, MAX_EVENTS, SETTING
from cambiata.data.note_pack import NotePack
from cambiata.train.note_mixing import NoteMixer


def clip(**event: float) -> torch.Tensor:
    """A row of one dry clip with one note."""
    settings = dict.fromkeys(SETTING, 0.0)
    settings |= {"room": -1.0, "noise_db": -200.0, "hum_db": -200.0, "high_cut_hz": 22050.0}
    events = np.full((MAX_EVENTS, len(EVENT)), -1, np.float32)
    events[0] = [event.get(name, 0.0) for name in EVENT]
    return torch.tensor(np.concatenate([list(settings.values()), events.ravel()]))[None].float()


@pytest.mark.parametrize("read_only", [False, True])
def test_a_pack_on_disk_is_mixed_without_a_warning(tmp_path: Path, read_only: bool) -> None:
    pack = NotePack.load(tiny_pack(tmp_path / "pack"))
    if read_only:  # a warning is an error here
        pack = NotePack(np.load(tmp_path / "pack/audio.npy", mmap_mode="r"), pack.notes)
    before = (tmp_path / "pack/audio.npy").read_bytes()
    mixer = NoteMixer(pack, np.zeros((0, 1), np.float32), 32768)
    row = clip(note=1, start_s=0.1, gate_s=0.3, pitch=60, attack_s=0.002, release_db_s=600)
    sound = mixer(row).sound[0].numpy()
    assert np.isfinite(sound).all()
    spectrum = np.abs(np.fft.rfft(sound[4410:17640]))
    assert spectrum.argmax() * 44100 / 13230 == pytest.approx(261.6, abs=4)
    assert np.abs(sound[:4300]).max() < 0.02 * np.abs(sound).max()
    assert (tmp_path / "pack/audio.npy").read_bytes() == before


def test_rooms_begin_behind_their_direct_sound() -> None:
    response = np.zeros(1000, np.float32)
    response[[100, 150, 400]] = 1.0, 0.5, -0.25
    [room] = align_rooms([response])
    assert room.shape == (131072,)
    assert room[400 - 188] == pytest.approx(-1.0, abs=1e-5)
    assert np.count_nonzero(room) == 1
    assert align_rooms([]).shape == (0, 131072)
