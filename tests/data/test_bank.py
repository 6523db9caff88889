"""Banks against FluidSynth's own sound of the same notes, and what may happen on a disk."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tiny_fonts import (
    RATE_HZ,
    fluidsynth,
    tiny_programs,
    write_font,
)

from cambiata.data import bank as bank_module
from cambiata.data.bank import HOLD_S, Bank, BankedNote
from cambiata.data.bank_building import build_from_font
from cambiata.data.soundfont import Renderer, SoundFont
from cambiata.errors import InputError
from cambiata.score.midi import Note

FRAME = RATE_HZ // 100


@pytest.fixture(scope="module")
def font(tmp_path_factory: pytest.TempPathFactory) -> Path:
    fluidsynth()
    return write_font(tmp_path_factory.mktemp("fonts") / "tiny.sf2", tiny_programs())


@pytest.fixture(scope="module")
def bank(font: Path, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return build_from_font(
        font, tmp_path_factory.mktemp("banks") / "tiny", velocities=(40, 100), n_workers=1
    )


@pytest.fixture(scope="module")
def renderer(font: Path) -> Iterator[Renderer]:
    with Renderer(SoundFont(font)) as opened:
        yield opened


def _frame_db(sound: np.ndarray) -> np.ndarray:
    frames = sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME)
    return 10 * np.log10(np.mean(frames.astype(np.float64) ** 2, axis=1) + 1e-14)


def _attacked_s(sound: np.ndarray, about_s: float) -> float:
    """When a note's envelope first reaches a tenth of what it does within 60 ms."""
    window = RATE_HZ // 1000
    first = max(0, round((about_s - 0.02) * RATE_HZ))
    near = np.abs(sound[first : round((about_s + 0.06) * RATE_HZ)])
    envelope = np.lib.stride_tricks.sliding_window_view(near, window).max(axis=1)
    return (first + int(np.argmax(envelope >= 0.1 * envelope.max()))) / RATE_HZ


SCORES = {
    0: [Note(0.05, 0.4, 55, 100), Note(0.5, 1.2, 63, 60), Note(0.8, 1.0, 57, 90)],
    40: [Note(0.1, 0.9, 65, 100), Note(0.6, 1.4, 69, 50), Note(1.6, 1.9, 72, 70)],
    73: [Note(0.0, 0.5, 60, 80), Note(0.7, 1.9, 71, 45), Note(1.0, 1.5, 64, 95)],
}


@pytest.mark.parametrize("program", SCORES)
def test_notes_added_up_are_what_fluidsynth_plays(
    program: int, bank: Bank, renderer: Renderer
) -> None:
    notes = SCORES[program]
    theirs = renderer.render(notes, program, 2.5).mean(axis=0)
    ours = bank.instrument(program).play(notes, len(theirs))
    their_db, our_db = _frame_db(theirs), _frame_db(ours)
    loud = their_db > their_db.max() - 40
    assert np.median(np.abs(our_db - their_db)[loud]) < 0.6
    assert np.abs(our_db - their_db)[loud].max() < 6  # the frames in which notes begin and end
    for note in notes:
        # At most FluidSynth's block of 1.5 ms apart.
        spacing_s = _attacked_s(theirs, note.start_s) - _attacked_s(ours, note.start_s)
        assert abs(spacing_s) < 0.003


@pytest.mark.parametrize("velocity", [40, 55, 75, 100])
def test_levels_between_the_layers(velocity: int, bank: Bank, renderer: Renderer) -> None:
    theirs = renderer.render([Note(0, 1, 69, velocity)], 40, 0.8).mean(axis=0)
    ours = bank.instrument(40).sustained(69, velocity).samples[: len(theirs)]
    assert np.abs(_frame_db(ours)[5:] - _frame_db(theirs)[5:]).max() < 0.6
    assert np.median(_frame_db(ours) - _frame_db(theirs)) == pytest.approx(0, abs=0.25)


def test_played_notes_fall_along_the_release(bank: Bank) -> None:
    sound = bank.instrument(40).play([Note(0.0, 0.5, 69, 100)], RATE_HZ)
    level_db = _frame_db(sound)
    fall_db_s = (level_db[55] - level_db[75]) / 0.2
    assert fall_db_s == pytest.approx(192, rel=0.06)
    assert np.ptp(level_db[10:49]) < 0.5


def test_notes_begin_at_their_sample(bank: Bank) -> None:
    for start_s in (0.0, 0.3333, 0.9):
        sound = bank.instrument(0).play([Note(start_s, start_s + 0.3, 57)], 2 * RATE_HZ)
        first = round(start_s * RATE_HZ)
        assert not sound[:first].any()
        assert np.abs(sound[first : first + 20]).max() > 0


def test_playing_is_adding_up(bank: Bank) -> None:
    notes = SCORES[73]
    instrument = bank.instrument(73)
    together = instrument.play(notes, 2 * RATE_HZ)
    one_by_one = sum(instrument.play([note], 2 * RATE_HZ) for note in notes)
    np.testing.assert_allclose(together, one_by_one, atol=1e-6)
    assert instrument.play(notes, 3 * RATE_HZ)[: 2 * RATE_HZ].tobytes() == together.tobytes()
    assert not instrument.play([Note(5, 6, 60)], RATE_HZ).any()


def test_pitches_out_of_range_are_refused(bank: Bank) -> None:
    with pytest.raises(InputError, match=r"tiny: Pluck .*has no pitch 20"):
        bank.instrument(0).play([Note(0, 1, 20)], RATE_HZ)
    with pytest.raises(InputError, match="has no program 7"):
        bank.instrument(7)


def _kept_open(pitch: int, bank: Bank, program: int, duration_s: float) -> np.ndarray:
    return bank.instrument(program).play(
        [Note(0.0, duration_s, pitch, 100)], round(duration_s * RATE_HZ)
    )


@pytest.mark.parametrize(("program", "pitch"), [(40, 62), (40, 69), (73, 61), (73, 72)])
def test_notes_longer_than_the_hold_go_on_without_a_click(
    program: int, pitch: int, bank: Bank
) -> None:
    sound = _kept_open(pitch, bank, program, 3 * HOLD_S)
    n_hold = round(HOLD_S * RATE_HZ)
    jumps = np.abs(np.diff(sound))
    assert jumps[n_hold // 2 :].max() <= 1.2 * jumps[: n_hold // 2].max()
    level_db = _frame_db(sound)[5:]
    held_db = level_db[: round(HOLD_S * 100) - 110]
    assert level_db.max() < held_db.max() + 1.0
    # Nor does it stop.
    assert np.median(level_db[-100:]) > held_db.min() - 12


def test_decaying_notes_go_on_decaying() -> None:
    t = np.arange(round(HOLD_S * RATE_HZ)) / RATE_HZ
    string = (np.sin(2 * np.pi * 220 * t) * np.exp(-t)).astype(np.float32)
    n_samples = round(8 * RATE_HZ)
    sound = bank_module._release(BankedNote(57, 90, string, 100.0), 8.0, n_samples)
    level_db = _frame_db(sound)
    assert len(sound) == n_samples
    slope_db_s = np.polyfit(np.arange(310, 790) / 100, level_db[310:790], 1)[0]
    assert slope_db_s == pytest.approx(-8.7, abs=2.5)


def test_bank_with_a_file_missing_is_not_whole(font: Path, tmp_path: Path) -> None:
    build_from_font(font, tmp_path / "bank", programs=(0,), velocities=(90,), n_workers=1)
    (tmp_path / "bank" / "000.npy").unlink()
    with pytest.raises(InputError, match="is not whole or of another version"):
        Bank(tmp_path / "bank")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 0, "complete": true}', "\xff"])
def test_other_jsons_are_no_banks(text: str, tmp_path: Path) -> None:
    (tmp_path / "bank.json").write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match=r"is not a bank|is not whole"):
        Bank(tmp_path)
