"""The test set of unseen pianos: its draws, its baselines, and a run over two of its pianos."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tiny import in_place

from cambiata import Audio, InputError, Note
from cambiata.evaluate.runfolder import read_run
from cambiata.evaluate.scoring import load_tools
from cambiata.evaluate.table import summarize
from cambiata.evaluate.testset import TEST_FONT, Clips

pytest.importorskip("music21")
pytest.importorskip("mir_eval")

from cambiata.data.soundfont import installed_fonts
from cambiata.evaluate import play as module
from cambiata.evaluate import run as running
from cambiata.evaluate.play import (
    PlayPair,
    PlaySet,
    _equalize,
    _long_term_spectrum_db,
    _resynthesize,
    evaluate_play,
    find_play_row,
    make_play_set,
    perform,
)

RATE = 44100
needs_font = pytest.mark.skipif(
    all(path.name != "TimGM6mb.sf2" for path in installed_fonts()), reason="needs TimGM6mb"
)


@pytest.fixture
def two_pianos(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "_PROGRAMS", range(2))
    monkeypatch.setattr(module, "BANK_FOLDER", tmp_path / "none")
    monkeypatch.setattr(module, "find_nearest_piano", lambda _reference: f"{TEST_FONT}:2")


def test_a_performance_has_dynamics_and_stays_in_its_window() -> None:
    written = [Note(0.5 * i, 0.5 * i + 0.4, 60 + i % 3) for i in range(15)]
    played = [perform(np.random.default_rng(seed), written) for seed in range(8)]
    for notes in played:
        assert [n.pitch for n in sorted(notes)] == [n.pitch for n in written]
        assert all(1 <= n.velocity <= 127 and n.end_s <= 8 for n in notes)
        assert len({n.velocity for n in notes}) > 3
    longer = [any(n.duration_s > 0.41 for n in notes) for notes in played]
    assert any(longer)  # by the pedal
    assert not all(longer)


def _noise(tilt: float, seed: int) -> Audio:
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=8 * RATE))
    hz = np.maximum(np.fft.rfftfreq(8 * RATE, 1 / RATE), 20)
    return Audio(0.05 * np.fft.irfft(spectrum * (hz / 1000) ** tilt).astype(np.float32), RATE)


def test_an_equalised_piano_has_the_references_spectrum() -> None:
    flat, tilted = _noise(0, 0), _noise(-0.7, 1)
    played = _equalize(Clips(flat, tilted))
    distance = [
        np.abs(_long_term_spectrum_db(x) - _long_term_spectrum_db(tilted)).mean()
        for x in (flat, played)
    ]
    assert distance[1] < 0.15 * distance[0]


def test_the_vocoders_ceiling_is_near() -> None:
    t = np.arange(8 * RATE) / RATE
    tone = Audio((0.1 * np.sin(2 * np.pi * 440 * t)).astype(np.float32), RATE)
    played = _resynthesize(Clips(tone, tone, tone))
    spectra = [np.abs(np.fft.rfft(x.samples[0][RATE : 3 * RATE])) for x in (played, tone)]
    assert np.argmax(spectra[0]) == np.argmax(spectra[1])


def test_rows_refused() -> None:
    for name, match in (
        ("magic", "is not a row; use one of target"),
        ("player@", "no setting after @"),
        ("player@speed=11", "has no setting speed"),
    ):
        with pytest.raises(InputError, match=match):
            find_play_row(name)
    with pytest.raises(InputError, match="leave nothing"):
        evaluate_play("/tmp/never", n_each=0)
    assert find_play_row("player@chunk_s=10").label == "player (chunk_s=10)"


@needs_font
@pytest.mark.usefixtures("two_pianos")
def test_the_same_seed_draws_the_same_set() -> None:
    first, again, other = (make_play_set(2, seed=seed) for seed in (0, 0, 1))
    assert first == again != other
    assert {pair.piano for pair in first.pairs} == {f"{TEST_FONT}:0", f"{TEST_FONT}:1"}
    for pair in first.pairs:
        assert pair.work != pair.reference_work
        assert len(pair.notes) >= 10
    wrong = make_play_set(2, wrong=True)
    assert all(pair.reference_piano != pair.piano for pair in wrong.pairs)
    assert [pair.notes for pair in wrong.pairs] == [pair.notes for pair in first.pairs]


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(running, "run_tasks", in_place)
    yield
    load_tools()[0].close()  # the tracker's own process, which a worker's end would end
    load_tools.cache_clear()


@needs_font
@pytest.mark.usefixtures("two_pianos", "in_this_process")
@pytest.mark.slow
def test_a_run(tmp_path: Path) -> None:
    pytest.importorskip("basic_pitch")
    rows = ("target", "nearest-piano", "player")
    failures = evaluate_play(tmp_path / "run", rows=rows, n_each=1, n_workers=1)
    assert failures == []
    run = read_run(tmp_path / "run")
    found = summarize(run)
    pianos, wrong = found["pianos"], found["wrong-reference"]
    assert pianos["target"]["paper_lsd"]["mean"] == pytest.approx(0, abs=0.1)
    assert pianos["target"]["piano_found"]["mean"] == 1
    assert pianos["player"]["onset_f1"]["mean"] > 0.5
    assert "mss_floor" in pianos["nearest-piano"]
    assert set(wrong) == {"player"}


def test_a_set_says_what_it_is() -> None:
    pair = PlayPair("a", "x:0", "work", "other", (), (), "y:1")
    assert PlaySet((pair,), 0).facts != PlaySet((pair,), 0, wrong=True).name
    assert PlaySet((pair,), 0).entries[0].content["label"] == "nearest: y:1"
