"""How well drums are heard: counts by drum, intervals, and the baseline."""

from pathlib import Path

import numpy as np
import pytest

from cambiata import Audio, InputError
from cambiata.evaluate.drums import (
    baseline_notes,
    count_by_drum,
    held_out_grooves,
    summarize,
)
from cambiata.score.midi import Note

pytest.importorskip("mir_eval")


def notes(*rows: tuple[float, int, int]) -> list[Note]:
    return [Note(at, at + 0.1, key, velocity) for at, key, velocity in rows]


def test_hits_are_counted_by_drum_and_tolerance() -> None:
    true = notes((0.0, 36, 100), (0.5, 40, 60), (1.0, 36, 100), (1.0, 22, 50))
    found = notes((0.01, 36, 90), (0.53, 38, 60), (1.2, 36, 90), (1.0, 46, 50))
    counts = count_by_drum(found, true)
    assert counts["kick"] == {"true": 2, "found": 2, "right": [1, 1], "velocity_error": 10.0}
    assert counts["snare"]["right"] == [1, 0]  # 30 ms off
    assert counts["closed hat"]["right"] == [0, 0]
    assert counts["open hat"]["found"] == 1
    lines = [{"transcriber": "a", "drums": counts}] * 4
    kick = summarize(lines)["a"]["kick"]
    assert kick["f1_50_ms"] == [0.5, 0.5, 0.5]
    assert kick["n_true"] == 8
    assert kick["velocity_error"] == 10


def test_the_baseline_finds_kicks_and_hats() -> None:
    rate = 44100
    t = np.arange(rate // 4) / rate
    sound = np.zeros(2 * rate, np.float32)
    noise = np.random.default_rng(0).standard_normal(len(t))
    high = np.diff(noise, 3, append=0, prepend=(0, 0)) * np.exp(-t / 0.02)
    kick = 4 * np.sin(2 * np.pi * 60 * t) * np.exp(-t / 0.08)
    for at_s, hit in ((0.25, kick), (0.75, high), (1.25, kick), (1.5, high)):
        sound[round(at_s * rate) : round(at_s * rate) + len(t)] += (0.05 * hit).astype(np.float32)
    found = baseline_notes(Audio(sound, rate))
    for key, places in ((36, (0.25, 1.25)), (42, (0.75, 1.5))):
        times = [note.start_s for note in found if note.pitch == key]
        for place in places:
            assert min(abs(time - place) for time in times) < 0.03


def test_kits_that_are_missing_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "info.csv").write_text(
        "drummer,session,style,beat_type,midi_filename,split\n"
        "drummer1,drummer1/session3,rock,beat,a.mid,test\n"
    )
    monkeypatch.setattr("cambiata.evaluate.drums.FONT_FOLDERS", (tmp_path,))
    with pytest.raises(InputError, match=r"apt-get install avldrums\.lv2-soundfont"):
        next(held_out_grooves(tmp_path))
