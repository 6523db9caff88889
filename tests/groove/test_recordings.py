"""Recorded drums as grooves: where bars begin, and what is said; hits are given, not heard."""

from pathlib import Path

import numpy as np
import pytest

from cambiata import Audio, InputError, groove_file, morph_groove
from cambiata.groove.recordings import hear_groove
from cambiata.score.midi import Metre, Note, load

KICK, SNARE, HAT = 36, 38, 42
pytestmark = pytest.mark.filterwarnings("ignore:.*hits were heard")


def beat(qpm: float, begins_s: float, n_bars: int = 8, upbeat: bool = False) -> list[Note]:
    """Kicks on one and three, snares on two and four, hats on eighths."""
    eighth_s, notes = 30 / qpm, []
    for i in range(8 * n_bars):
        at = begins_s + i * eighth_s
        keys = [HAT] + [KICK] * (i % 8 in (0, 5)) + [SNARE] * (i % 4 == 2)
        notes += [Note(at, at + 0.1, key, 60 if key == HAT else 100) for key in keys]
    if upbeat:
        notes.append(Note(begins_s - eighth_s, begins_s - eighth_s + 0.1, SNARE, 80))
    return sorted(notes)


def hear(monkeypatch: pytest.MonkeyPatch, notes: list[Note]) -> Audio:
    monkeypatch.setattr("cambiata.groove.recordings.drum_notes", lambda _source: (notes, 0.3))
    return Audio(np.ones(44100, np.float32), 44100)


@pytest.mark.parametrize(("qpm", "begins_s"), [(96, 0.0), (120, 0.03), (104, 1.3)])
def test_bars_begin_where_the_music_does(
    monkeypatch: pytest.MonkeyPatch, qpm: float, begins_s: float
) -> None:
    score = hear_groove(hear(monkeypatch, beat(qpm, begins_s)))
    assert score.clock.tempos[0][1] == pytest.approx(qpm, rel=1e-3)
    assert score.clock.metres == ((0.0, Metre(4, 4)),)
    kicks = [n.start_s for n in score.parts[0].notes if n.pitch == KICK]
    assert score.parts[0].is_drum
    assert kicks[0] == pytest.approx(0, abs=0.02)
    assert kicks[2] == pytest.approx(240 / qpm, abs=0.02)


def test_an_upbeat_has_a_bar_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    score = hear_groove(hear(monkeypatch, beat(100, 0.9, upbeat=True)), tempo=100)
    first, second, *_ = score.parts[0].notes
    assert first.start_s == pytest.approx(3.5 * 0.6, abs=0.02)
    assert second.start_s == pytest.approx(4 * 0.6, abs=0.02)


def test_what_has_no_beat_asks_for_a_tempo(monkeypatch: pytest.MonkeyPatch) -> None:
    notes = [Note(at, at + 0.1, KICK) for at in (0.1, 0.5)]
    with pytest.raises(InputError, match=r"has no steady beat that could be found; name its tempo"):
        hear_groove(hear(monkeypatch, notes))
    assert hear_groove(hear(monkeypatch, notes), tempo=120).clock.tempos[0][1] == 120
    with pytest.raises(InputError, match=r"tempo 5: is not a tempo"):
        hear_groove(hear(monkeypatch, notes), tempo=5)


def test_recordings_stand_where_scores_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sound = hear(monkeypatch, beat(100, 0.0))
    score = hear_groove(sound)
    sound.save(tmp_path / "loop.wav")
    with pytest.warns(match="loop.wav: 96 hits were heard, at 100 beats a minute"):
        report = groove_file(tmp_path / "loop.wav", tmp_path / "loop.wav", tmp_path / "out.mid")
    assert report.quarters_per_minute == pytest.approx(100, rel=1e-3)
    made = load(tmp_path / "out.mid")
    assert [n.pitch for n in made.parts[0].notes] == [n.pitch for n in score.parts[0].notes]
    same = morph_groove(sound, score, amount=0.0).parts[0].notes
    heard = score.parts[0].notes
    assert [n.pitch for n in same] == [n.pitch for n in heard]
    assert np.allclose([n.start_s for n in same], [n.start_s for n in heard], atol=1e-9)
    assert len(morph_groove(score, sound, amount=1.0).parts[0].notes) == len(heard) == 96
