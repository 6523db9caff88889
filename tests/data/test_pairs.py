"""Examples to learn from: what content, style and target have in common, and what not."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from tiny_fonts import RATE_HZ, Program, Zone, fluidsynth, sustained, tiny_programs, write_font

from cambiata.data import pairs as pairs_module
from cambiata.data.bank import Bank
from cambiata.data.bank_building import build_from_font
from cambiata.data.pairs import Example, PairComposer, PairConfig
from cambiata.data.phrases import PhraseConfig
from cambiata.data.scores import Work
from cambiata.errors import InputError
from cambiata.score.midi import Note, Part

PLAIN = PairConfig(duration_s=2.0, score_share=0.0, treatment="none")
SLOW = PhraseConfig(
    textures=(("line", 1.0),), tempo_bpm=(60.0, 60.0), articulation=(0.4, 0.5), rest_share=0.0
)


def _melodic(number: int, n_partials: int) -> Program:
    tone, loop = sustained(n_partials)
    return Program(number, f"tone {n_partials}", (Zone(tone, 69, (60, 78), loop, release_s=0.05),))


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    fluidsynth()
    folder = tmp_path_factory.mktemp("pairs")
    font = write_font(folder / "tones.sf2", [_melodic(20 + n, n) for n in range(1, 5)])
    return build_from_font(font, folder / "bank", velocities=(90,), n_workers=1)


@pytest.fixture(scope="module")
def held_bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    fluidsynth()
    folder = tmp_path_factory.mktemp("pairs")
    font = write_font(folder / "TimGM6mb.sf2", tiny_programs())
    return build_from_font(font, folder / "bank", velocities=(90,), n_workers=1)


def _sounds(example: Example) -> tuple[np.ndarray, ...]:
    return example.content, example.style, example.target


def _rms_db(sound: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(sound, dtype=np.float64))))


def _onsets(sound: np.ndarray) -> np.ndarray:
    """Where a tone begins after silence: it lasts 10 ms at least, and nothing sounded for 40."""
    level = np.abs(sound).reshape(-1, 441).max(axis=1) > 0.02 * np.abs(sound).max()
    quiet = np.convolve(level, np.ones(4))[: len(level)] == 0
    return np.flatnonzero(level[1:] & quiet[:-1]) + 1


def _work(split: str, *notes: Note) -> Work:
    names = (f"song {n}" for n in range(1000))
    works = (Work(name, "midi", (Part(notes),)) for name in names)
    return next(work for work in works if work.split == split)


@pytest.mark.parametrize("treatment", ["none", "paper", "wide"])
def test_same_seed_and_number_same_bytes(treatment: str, bank: Bank) -> None:
    config = PairConfig(duration_s=1.0, treatment=treatment)
    for kind in ("example", "self_supervised"):
        composed = [getattr(PairComposer([bank], config=config, seed=5), kind)(7) for _ in range(2)]
        first, second = composed
        for one, other in zip(_sounds(first), _sounds(second), strict=True):
            assert one.tobytes() == other.tobytes()
        assert first.notes == second.notes
        assert first.facts == second.facts
        for seed, number in ((6, 7), (5, 8)):
            other = getattr(PairComposer([bank], config=config, seed=seed), kind)(number)
            assert other.content.tobytes() != first.content.tobytes()


def test_workers_share_the_numbers(bank: Bank) -> None:
    composer = PairComposer([bank], config=PLAIN)
    third = next(islice(composer.examples(1, 2), 1, 2))
    assert third.facts["number"] == 3
    assert third.content.tobytes() == composer.example(3).content.tobytes()


@pytest.mark.parametrize("treatment", ["none", "paper", "wide"])
def test_sounds_are_as_long_as_asked_and_finite(treatment: str, bank: Bank) -> None:
    composer = PairComposer([bank], config=PairConfig(duration_s=1.5, treatment=treatment))
    for number in range(4):
        for example in (composer.example(number), composer.self_supervised(number)):
            for sound in _sounds(example):
                assert sound.shape == (round(1.5 * RATE_HZ),)
                assert sound.dtype == np.float32
                assert 0 < np.abs(sound).max() < 1


def test_content_and_target_play_the_notes_at_once(bank: Bank) -> None:
    config = PairConfig(duration_s=4.0, score_share=0.0, treatment="none", phrases=SLOW)
    composer = PairComposer([bank], config=config)
    judged = 0
    for number in range(8):
        example = composer.example(number)
        assert example.facts["content"] != example.facts["style"]
        starts = np.array([note.start_s for note in example.notes])
        content, target = _onsets(example.content), _onsets(example.target)
        assert np.array_equal(content, target)
        for onset in content:
            assert np.abs(starts - onset / 100).min() <= 0.02
        judged += len(content)
    assert judged > 20


def test_target_is_the_styles_instrument(bank: Bank) -> None:
    composer = PairComposer([bank], config=PLAIN)
    for number in range(6):
        example = composer.example(number)
        (style,) = (i for i in composer.instruments if i.label == example.facts["style"])
        played = style.play(example.notes, len(example.target))
        gain = np.abs(example.target).max() / np.abs(played).max()
        np.testing.assert_allclose(example.target, gain * played, atol=1e-5)
        played = style.play(example.style_notes, len(example.style))
        gain = np.abs(example.style).max() / np.abs(played).max()
        np.testing.assert_allclose(example.style, gain * played, atol=1e-5)
        assert example.style_notes != example.notes


@pytest.mark.parametrize("level_db", [(-35.0, -15.0), (-2.0, -1.0)])
@pytest.mark.parametrize("treatment", ["none", "wide"])
def test_content_and_target_are_equally_loud(
    treatment: str, level_db: tuple[float, float], bank: Bank
) -> None:
    config = PairConfig(duration_s=1.0, treatment=treatment, level_db=level_db)
    composer = PairComposer([bank], config=config)
    for number in range(10):
        example = composer.example(number)
        assert _rms_db(example.content) == pytest.approx(_rms_db(example.target), abs=0.01)
        assert _rms_db(example.content) < level_db[1] + 0.01
        if level_db[1] < -10:
            assert _rms_db(example.content) > level_db[0] - 6
        assert max(np.abs(sound).max() for sound in _sounds(example)) <= 0.991


def test_effects_of_the_content_move_neither_pitch_nor_time(bank: Bank) -> None:
    composer = PairComposer([bank], config=PairConfig(duration_s=0.5))
    rng = np.random.default_rng(0)
    moved = 0
    for _ in range(40):
        time_invariant, other = composer._chain(rng, time_invariant=True), composer._chain(rng)
        assert not any(
            effect.changes_pitch or effect.changes_timing for effect in time_invariant.effects
        )
        moved += any(effect.changes_pitch or effect.changes_timing for effect in other.effects)
    assert moved


def test_self_supervised_content_is_its_target(bank: Bank) -> None:
    composer = PairComposer([bank], config=PairConfig(duration_s=1.0, treatment="paper"))
    for number in range(5):
        example = composer.self_supervised(number)
        assert example.content.tobytes() == example.target.tobytes()
        assert example.style.tobytes() != example.content.tobytes()
        assert example.facts["content"] == example.facts["style"]
        assert example.notes != example.style_notes


def test_transposed_notes_stay_in_range(bank: Bank) -> None:
    composer = PairComposer([bank])
    low, high = composer.instruments[0].pitches[0], composer.instruments[0].pitches[-1]
    shifts = set()
    for seed in range(60):
        rng = np.random.default_rng(seed)
        notes = (Note(0, 1, low + 3), Note(1, 2, high - 2))
        moved = composer._transpose(rng, notes, composer.instruments[0])
        assert all(low <= note.pitch <= high for note in moved)
        shifts.add(moved[0].pitch - notes[0].pitch)
    assert shifts == set(range(-3, 3))


# --- what is trained on ---------------------------------------------------------------------------


def test_sources_for_tests_are_refused(bank: Bank, held_bank: Bank) -> None:
    with pytest.raises(InputError, match="is for tests only"):
        PairComposer([bank, held_bank])
    composer = PairComposer([held_bank], config=PLAIN, allow_test=True)
    assert len(composer.instruments) == 3


def test_excluded_instruments_are_never_drawn(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    excluded = frozenset({("tones", 21), ("other", 22)})
    composer = PairComposer([bank], excluded=excluded, config=PLAIN)
    assert [instrument.program for instrument in composer.instruments] == [22, 23, 24]
    labels = set()
    for number in range(15):
        labels |= {composer.example(number).facts[key] for key in ("content", "style")}
    assert len(labels) == 3
    assert not any("program 21" in label for label in labels)
    # Where nothing is said, what shares samples with the test font is left out.
    monkeypatch.setattr(pairs_module, "read_exclusions", lambda: excluded)
    assert len(PairComposer([bank]).instruments) == 3
    assert len(PairComposer([bank], allow_test=True).instruments) == 4


def test_fewer_than_two_instruments_are_refused(bank: Bank) -> None:
    excluded = frozenset(("tones", program) for program in (21, 22, 23))
    with pytest.raises(InputError, match="fewer than two instruments"):
        PairComposer([bank], excluded=excluded)


def test_instruments_without_an_octave_in_common_are_refused(tmp_path: Path) -> None:
    fluidsynth()
    tone, loop = sustained()
    programs = [Program(n, "x", (Zone(tone, 69, (60 + n, 62 + n), loop),)) for n in (0, 1)]
    font = write_font(tmp_path / "narrow.sf2", programs)
    composer = PairComposer(
        [build_from_font(font, tmp_path / "bank", velocities=(90,), n_workers=1)], config=PLAIN
    )
    with pytest.raises(InputError, match="no two instruments share an octave"):
        composer.example(0)


def test_scores_of_the_test_split_are_not_played(bank: Bank) -> None:
    config = PairConfig(duration_s=1.0, score_share=1.0, treatment="none")
    played = _work("train", Note(0.0, 0.4, 64), Note(0.5, 0.9, 67))
    held = _work("test", Note(0.0, 0.9, 65))
    composer = PairComposer([bank], [played, held], config=config)
    for number in range(6):
        notes = composer.example(number).notes
        assert [(n.start_s, n.pitch) for n in notes] == [(0.0, 64), (0.5, 67)]
    alone = PairComposer([bank], [held], config=config)
    assert all(alone.example(n).notes != (Note(0.0, 0.9, 65),) for n in range(6))


def test_scores_are_moved_by_octaves_into_range(bank: Bank) -> None:
    config = PairConfig(duration_s=1.0, score_share=1.0, treatment="none")
    low = _work("train", Note(0.0, 0.4, 40), Note(0.5, 0.9, 43))
    wide = _work("train", Note(0.0, 0.4, 20), Note(0.5, 0.9, 100))
    notes = PairComposer([bank], [low], config=config).example(0).notes
    assert [note.pitch for note in notes] == [64, 67]
    # What fits nowhere is not played: a phrase stands in.
    notes = PairComposer([bank], [wide], config=config).example(0).notes
    assert all(60 <= note.pitch <= 78 for note in notes)
    half = PairComposer([bank], [low], config=PairConfig(duration_s=1.0, treatment="none"))
    pitches = [tuple(n.pitch for n in half.example(number).notes) for number in range(30)]
    assert 5 < pitches.count((64, 67)) < 25
