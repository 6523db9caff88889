"""Computed pianos: their strings are where the formula says, and a bank holds them."""

from pathlib import Path

import numpy as np
import pytest

from cambiata.errors import InputError
from cambiata.score.midi import Note

pytest.importorskip("music21")

from cambiata.data.procedural import Piano, _decaying_sinusoids, build_pianos
from cambiata.data.soundfont import RENDER_RATE_HZ


def test_ringing_is_a_sum_of_decaying_sinusoids() -> None:
    hz, decay = np.array([440.0, 1000.0]), np.array([3.0, 9.0])
    start_phasors = np.array([1 + 0j, 0.5j])
    t = np.arange(4000) / RENDER_RATE_HZ
    expected = np.exp(-3 * t) * np.cos(2 * np.pi * 440 * t)
    expected -= 0.5 * np.exp(-9 * t) * np.sin(2 * np.pi * 1000 * t)
    assert np.abs(_decaying_sinusoids(hz, decay, start_phasors, 4000) - expected).max() < 1e-9


def test_partials_are_a_stiff_strings() -> None:
    piano = Piano.sample(np.random.default_rng(3))
    sound = piano.note(48, 80, np.random.default_rng(0)).samples
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 2**18)) ** 2
    f1, b = 440 * 2 ** ((48 - 69) / 12), piano.inharmonicity / 2**1.2
    for h in (1, 2, 3, 5):
        if abs(np.sin(np.pi * h * piano.strike_position)) < 0.3:
            continue
        hz = h * f1 * np.sqrt((1 + b * h * h) / (1 + b))
        at = round(hz * 2**18 / RENDER_RATE_HZ)
        near = power[at - 100 : at + 101]
        assert abs(int(near.argmax()) - 100) < 12  # two strings a little out of tune


def test_harder_is_louder() -> None:
    piano = Piano.sample(np.random.default_rng(1))
    soft, hard = (piano.note(60, v, np.random.default_rng(0)).samples for v in (40, 120))
    begin = slice(0, RENDER_RATE_HZ // 2)
    ratio = np.sqrt((hard[begin] ** 2).mean() / (soft[begin] ** 2).mean())
    assert ratio == pytest.approx((120 / 40) ** 2, rel=1e-3)


def test_a_bank_plays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import cambiata.data.procedural as module

    monkeypatch.setattr(module, "PIANO_KEYS", range(60, 62))
    # In this process: the patched keyboard is not that of a spawned one.
    monkeypatch.setattr(
        module, "run_tasks", lambda work, tasks, _n: ((task, work(task)) for task in tasks)
    )
    bank = build_pianos(tmp_path / "bank", n_pianos=2)
    assert [each.program for each in bank.instruments] == [0, 1]
    sound = bank.instruments[0].play([Note(0.1, 0.5, 60, 90)], RENDER_RATE_HZ)
    assert np.abs(sound).max() > 1e-3
    assert not sound[: round(0.09 * RENDER_RATE_HZ)].any()
    first, second = (i.sustained(60, 80).samples for i in bank.instruments)
    n = min(len(first), len(second))
    assert np.abs(first[:n] - second[:n]).max() > 1e-3
    assert build_pianos(tmp_path / "bank", n_pianos=2).facts == bank.facts
    with pytest.raises(InputError, match="another make"):
        build_pianos(tmp_path / "bank", n_pianos=2, seed=1)
