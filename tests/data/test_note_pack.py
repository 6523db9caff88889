"""Packs: what is written is read, and notes are known to sustain or not."""

from pathlib import Path

import numpy as np
import pytest
from tiny_packs import PACK_PITCHES, PACK_RATE, varied_pack

from cambiata.data.note_pack import NotePack, PackWriter, sustains
from cambiata.errors import InputError


def test_a_pack_is_read_as_it_was_written(tmp_path: Path) -> None:
    pack = varied_pack()
    pack.save(tmp_path / "pack")
    again = NotePack.load(tmp_path / "pack")
    assert np.array_equal(again.audio, pack.audio)
    assert np.array_equal(again.notes, pack.notes)
    assert again.sources == pack.sources == ({"name": "tones", "licence": "none"},)


def test_notes_lie_where_the_table_says() -> None:
    pack = varied_pack()
    assert len(pack.notes) == 3 * len(PACK_PITCHES) + 1
    for note in pack.notes:
        sound = pack.audio[note["start"] : note["start"] + note["length"]].astype(float)
        assert np.abs(sound).max() == 32767
        if note["pitch"] >= 0:
            spectrum = np.abs(np.fft.rfft(sound))
            hz = spectrum.argmax() * PACK_RATE / len(sound)
            assert 69 + 12 * np.log2(hz / 440) == pytest.approx(note["pitch"], abs=0.1)
    assert pack.notes["sustains"].tolist() == (
        [True] * len(PACK_PITCHES) + [False] * len(PACK_PITCHES) + [True] * len(PACK_PITCHES)
        + [False]
    )  # fmt: skip


def test_levels_are_of_before_notes_were_scaled() -> None:
    writer = PackWriter()
    sine = np.sin(2 * np.pi * 440 * np.arange(PACK_RATE) / PACK_RATE)
    for gain in (1.0, 0.1):
        writer.add(gain * sine, 69, 80, 0)
    pack = writer.pack([])
    assert pack.notes["level_db"].tolist() == pytest.approx([-3.01, -23.01], abs=0.01)
    half = len(pack.audio) // 2
    assert np.abs(pack.audio[:half].astype(int) - pack.audio[half:]).max() <= 1


@pytest.mark.parametrize(
    ("decay_db_s", "length_s", "expected"),
    [(0.0, 2.2, True), (8.0, 2.2, True), (16.0, 2.2, False), (0.0, 1.0, False)],
)
def test_what_falls_by_12_db_a_second_does_not_sustain(
    decay_db_s: float, length_s: float, expected: bool
) -> None:
    t = np.arange(round(length_s * PACK_RATE)) / PACK_RATE
    sound = np.sin(2 * np.pi * 440 * t) * 10 ** (-decay_db_s * t / 20)
    assert sustains(sound.astype(np.float32)) == expected


@pytest.mark.parametrize("file", ["audio.npy", "notes.npy", "pack.json"])
def test_what_is_no_pack_is_refused(file: str, tmp_path: Path) -> None:
    varied_pack().save(tmp_path / "pack")
    (tmp_path / "pack" / file).write_bytes(b"nothing")
    with pytest.raises(InputError, match="is not a pack of notes"):
        NotePack.load(tmp_path / "pack")
    (tmp_path / "pack" / file).unlink()
    with pytest.raises(InputError, match="is not a pack of notes"):
        NotePack.load(tmp_path / "pack")


def test_a_pack_cut_short_is_refused(tmp_path: Path) -> None:
    pack = varied_pack()
    NotePack(pack.audio[:-1], pack.notes, pack.sources).save(tmp_path / "pack")
    with pytest.raises(InputError, match="is a damaged pack"):
        NotePack.load(tmp_path / "pack")
