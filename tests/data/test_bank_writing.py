"""How banks are written: onsets, shared layers, and folders that are not theirs."""

from pathlib import Path

import numpy as np
import pytest
from tiny_fonts import (
    RATE_HZ,
    Program,
    Zone,
    fluidsynth,
    plucked,
    sustained,
    tiny_programs,
    write_font,
)

from cambiata.data.bank import HOLD_S, Bank, BankedNote, Instrument
from cambiata.data.bank_building import build_from_font
from cambiata.data.bank_writing import find_onset, store_notes
from cambiata.data.soundfont import SoundSource
from cambiata.errors import InputError

MINE = SoundSource("mine", "CC0", "train")


@pytest.fixture(scope="module")
def font(tmp_path_factory: pytest.TempPathFactory) -> Path:
    fluidsynth()
    return write_font(tmp_path_factory.mktemp("fonts") / "tiny.sf2", tiny_programs())


@pytest.fixture(scope="module")
def bank(font: Path, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return build_from_font(
        font, tmp_path_factory.mktemp("banks") / "tiny", velocities=(40, 100), n_workers=1
    )


def test_breath_before_a_stroke_is_cut_and_a_slow_attack_is_not() -> None:
    rng = np.random.default_rng(0)
    stroke = plucked(60)
    breath = 0.0015 * np.abs(stroke).max() * rng.uniform(-1, 1, RATE_HZ // 50)
    struck = np.concatenate([np.zeros(333), breath, stroke]).astype(np.float32)
    first = find_onset(struck, -60.0)
    assert 0 <= first - (333 + len(breath)) < 0.0005 * RATE_HZ
    slow, _ = sustained(n_attack=RATE_HZ // 20)
    slow = np.concatenate([np.zeros(333), slow]).astype(np.float32)
    first = find_onset(slow, -60.0)
    assert 0 <= first - 333 < 0.002 * RATE_HZ


def test_layers_that_differ_by_level_alone_are_stored_once(bank: Bank) -> None:
    for instrument in bank.instruments:
        pitches = len(instrument.pitches)
        stored = np.load(bank.folder / f"{instrument.program:03}.npy", mmap_mode="r")
        assert len(instrument.table) == 2 * pitches
        assert len(np.unique(instrument.table["start"])) <= 1.2 * pitches
        assert len(stored) <= 1.2 * pitches * round(HOLD_S * RATE_HZ)


def test_layers_of_different_sound_are_stored_apart(tmp_path: Path) -> None:
    notes = [BankedNote(60, v, np.float32(plucked(60 + v)), 100.0) for v in (1, 2)]
    store_notes(tmp_path, 0, notes)
    instrument = Instrument(tmp_path, MINE, {"program": 0, "name": "x"})
    for note in notes:
        sustained = instrument.sustained(60, note.velocity).samples
        np.testing.assert_allclose(sustained, note.samples, atol=2e-5)


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_other_banks_are_not_written_over(font: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bank"
    build_from_font(font, folder, programs=(0,), velocities=(90,), n_workers=1)
    before = _contents(folder)
    other = write_font(
        tmp_path / "other.sf2", [Program(5, "x", (Zone(plucked(60), 60, (60, 60)),))]
    )
    with pytest.raises(InputError, match="holds a bank of another make"):
        build_from_font(other, folder, n_workers=1)
    with pytest.raises(InputError, match="holds a bank of another make"):
        build_from_font(font, folder, programs=(0,), velocities=(91,), n_workers=1)
    assert _contents(folder) == before
    built = build_from_font(other, folder, n_workers=1, force=True)
    assert [instrument.program for instrument in built.instruments] == [5]
    assert set(_contents(folder)) == {"bank.json", "005.npy", "005.notes.npy"}


def test_folder_of_something_else_is_left_alone(font: Path, tmp_path: Path) -> None:
    (tmp_path / "001.npy").write_text("mine")
    for force in (False, True):
        with pytest.raises(InputError, match="holds something other than a bank"):
            build_from_font(font, tmp_path, force=force)
    with pytest.raises(InputError, match="is a file"):
        build_from_font(font, tmp_path / "001.npy")
    assert (tmp_path / "001.npy").read_text() == "mine"
