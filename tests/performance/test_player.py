"""Players of scores: what each owes its caller, and what the shipped ones sounded like."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sounds import RATE, melody

import cambiata
from cambiata import Audio, Note, Part, Score
from cambiata.performance import player as player_module
from cambiata.performance.player import _release_before_repeats
from cambiata.registry import play_system, system_names
from cambiata.system import PlaySystem

EXAMPLES = Path(__file__).parents[2] / "examples"
GOLDEN = Path(__file__).parent / "players_golden.json"
BANDS_HZ = (125, 250, 500, 1000, 2000, 4000)
PART = Part((Note(0.1, 0.5, 60, 100), Note(0.4, 0.9, 67, 50)), pedal=((0.3, 0.8),))


# WaveNet takes seconds for its first sample; test_api.py plays with it, too.
_SYSTEMS = [
    pytest.param(name, marks=pytest.mark.slow if name == "wavenet" else ())
    for name in system_names("play")
]


@pytest.fixture(params=_SYSTEMS, scope="module")
def system(request: pytest.FixtureRequest) -> PlaySystem[Any, Any]:
    system_class = cambiata.play_system(request.param)
    return system_class(next(iter(system_class.presets.values())))


def _sound(system: PlaySystem[Any, Any]) -> np.ndarray:
    return melody([57, 64, 69], partials=12, rate=system.config.sample_rate)


def test_dense_scores_are_played_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    notes = tuple(Note(0.0, 2.5, 48 + i, 80) for i in range(6))
    style = Audio(melody([57, 64, 69], partials=12), RATE)
    lengths: list[int] = []
    synthesize = player_module.synthesize

    def counted(*arguments: Any, **keywords: Any) -> Any:
        lengths.append(arguments[3])
        return synthesize(*arguments, **keywords)

    monkeypatch.setattr(player_module, "synthesize", counted)
    whole = cambiata.play(Score((Part(notes),)), style, tail_s=0.5).samples[0]
    assert len(lengths) == 1
    monkeypatch.setattr(player_module, "_MOST_NOTE_FRAMES", 1000)
    pieces = cambiata.play(Score((Part(notes),)), style, tail_s=0.5).samples[0]
    assert len(lengths) > 2
    assert max(lengths[1:]) < lengths[0]
    assert len(whole) == len(pieces)
    for first in range(0, len(whole) - 22050, 22050):  # at the joints, too
        levels_db = [10 * np.log10(np.mean(x[first:][:22050] ** 2)) for x in (whole, pieces)]
        assert levels_db[0] == pytest.approx(levels_db[1], abs=1.0)


def test_says_what_it_is(system: PlaySystem[Any, Any]) -> None:
    assert play_system(system.name) is type(system)
    assert all((system.summary, system.paper, system.trained, system.weights_licence))


def test_plays_any_stretch_alike(system: PlaySystem[Any, Any]) -> None:
    rate = system.config.sample_rate
    sound = _sound(system)
    before = sound.copy()
    timbre, prepared = system.capture(sound), system.prepare(PART)
    assert np.array_equal(sound, before)
    length = rate // 32  # wavenet draws its samples one by one
    first = system.render(prepared, timbre, 0, length, seed=0)
    assert first.shape == (length,)
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    assert np.array_equal(first, system.render(prepared, timbre, 0, length, seed=0))
    # Beginning in the middle, and beyond the last note.
    assert system.render(prepared, timbre, rate // 3, 200, seed=0).shape == (200,)
    assert np.isfinite(system.render(prepared, timbre, 5 * rate, length, seed=0)).all()


def test_without_notes_next_to_nothing_sounds() -> None:
    system_class = cambiata.play_system("player")
    system = system_class(next(iter(system_class.presets.values())))
    timbre = system.capture(_sound(system))
    silent = system.render(system.prepare(Part(())), timbre, 0, 44100, seed=0)
    played = system.render(system.prepare(PART), timbre, 0, 44100, seed=0)
    assert np.square(silent).mean() < 1e-2 * np.square(played).mean()


def test_keys_come_up_before_they_are_struck_again() -> None:
    """Notes of one pitch that touch: the second has an onset of its own."""
    part = Part(tuple(Note(0.3 * i, 0.3 * i + 0.3, 60, 80) for i in range(4)))
    released = _release_before_repeats(part)
    assert [round(note.end_s, 2) for note in released.notes] == [0.25, 0.55, 0.85, 1.2]
    pedalled = _release_before_repeats(Part(part.notes[:1], pedal=((0.1, 2.0),)))
    assert pedalled.notes[0].end_s == 2.0
    short = _release_before_repeats(Part((Note(0.0, 0.06, 60), Note(0.06, 0.5, 60))))
    assert short.notes[0].end_s == pytest.approx(0.03)
    sound = melody([57, 64, 69], partials=12, rate=44100)
    output = cambiata.play(Score((part,)), cambiata.Audio(sound, 44100))
    assert [note.pitch for note in cambiata.transcribe(output).notes if note.pitch == 60] == [
        60
    ] * 4


def test_the_examples_sound_as_they_did_when_it_was_trained() -> None:
    """Shipped weights; ``PYTHONPATH=tests/support python tests/performance/test_player.py``."""
    actual, expected = _golden(), json.loads(GOLDEN.read_text())
    for name in expected:
        # Noise is drawn as NumPy draws it; phases of Griffin-Lim differ a little by machine.
        np.testing.assert_allclose(actual[name], expected[name], atol=1.5)


def _golden() -> dict[str, Any]:
    """Levels, by octave and half second, of a few notes with the cello's sound."""
    sound = cambiata.load(EXAMPLES / "cello.flac", end_s=5.0)
    notes = tuple(Note(0.5 * i, 0.5 * i + 0.45, p) for i, p in enumerate((48, 55, 52, 60)))
    levels = {}
    for name in ("player", "performancenet"):
        out = cambiata.play(Score((Part(notes),)), sound, system=name, tail_s=0.05)
        n = out.sample_rate // 2
        power = np.square(np.abs(np.fft.rfft(out.samples[0][: 4 * n].reshape(4, n), axis=1)))
        hz = np.fft.rfftfreq(n, 1 / out.sample_rate)
        bands = [power[:, (hz >= low) & (hz < 2 * low)].mean(1) for low in BANDS_HZ]
        level = 10 * np.log10(np.array(bands) / power.mean())
        levels[name] = np.round(np.maximum(level, -30).astype(float), 2).tolist()
    return levels


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(_golden(), indent=1) + "\n")
