"""Phrases: what every one of them keeps to, and that the properties asked for are drawn."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cambiata.data.phrases import SCALES, PhraseConfig, Texture, sample_phrase
from cambiata.score.midi import Note, Part

RANGES = st.tuples(st.integers(0, 127), st.integers(0, 60)).map(
    lambda pair: range(pair[0], min(128, pair[0] + pair[1] + 1))
)


def _only(texture: Texture) -> PhraseConfig:
    return PhraseConfig(textures=((texture, 1.0),))


def _phrase(seed: int, config: PhraseConfig | None = None, duration_s: float = 8.0) -> Part:
    return sample_phrase(np.random.default_rng(seed), range(40, 90), duration_s, config)


@given(st.integers(0, 2**32), RANGES, st.floats(0.05, 12.0))
def test_every_phrase_can_be_played(seed: int, pitches: range, duration_s: float) -> None:
    part = sample_phrase(np.random.default_rng(seed), pitches, duration_s)
    assert part.notes
    assert all(one.start_s <= other.start_s for one, other in pairwise(part.notes))
    assert all(note.pitch in pitches for note in part.notes)
    assert part.end_s <= duration_s
    for pitch in {note.pitch for note in part.notes}:
        same = [note for note in part.notes if note.pitch == pitch]
        assert all(before.end_s <= after.start_s for before, after in pairwise(same))


@given(st.integers(0, 2**32), st.sets(st.integers(0, 127), min_size=1))
def test_pitches_with_gaps(seed: int, pitches: set[int]) -> None:
    part = sample_phrase(np.random.default_rng(seed), sorted(pitches), 4.0)
    assert {note.pitch for note in part.notes} <= pitches


@given(st.integers(0, 2**32))
def test_same_seed_same_phrase(seed: int) -> None:
    assert _phrase(seed) == _phrase(seed)


def test_other_seeds_other_phrases() -> None:
    assert len({_phrase(seed).notes for seed in range(50)}) == 50


def test_phrases_fill_their_time() -> None:
    ends_s = [_phrase(seed).end_s for seed in range(200)]
    assert np.mean([end_s > 6 for end_s in ends_s]) > 0.95


def test_textures_come_as_often_as_asked() -> None:
    textures = Counter(_phrase(seed, duration_s=1.0).name for seed in range(600))
    for texture, share in PhraseConfig().textures:
        assert textures[texture] / 600 == pytest.approx(share, abs=0.07)


def _most_at_once(notes: tuple[Note, ...]) -> int:
    """Notes that begin within a hand's 100 ms of each other."""
    starts = np.array([note.start_s for note in notes])
    return max(int(((starts >= at) & (starts < at + 0.02)).sum()) for at in starts)


def test_lines_have_one_note_at_a_time() -> None:
    legato = PhraseConfig(textures=(("line", 1.0),), articulation=(0.5, 0.9))
    for seed in range(60):
        notes = _phrase(seed, legato).notes
        # Players' few milliseconds off the beat aside.
        overlaps_s = [before.end_s - after.start_s for before, after in pairwise(notes)]
        assert max(overlaps_s, default=0.0) < 0.03


def test_chords_have_two_to_four_notes() -> None:
    at_once = [_most_at_once(_phrase(seed, _only("chords")).notes) for seed in range(60)]
    assert 1 < np.median(at_once) <= 4
    assert max(at_once) <= 4
    assert {2, 3, 4} <= set(at_once)


def test_voices_are_two_to_four_and_keep_apart() -> None:
    config = PhraseConfig(
        textures=(("voices", 1.0),), articulation=(0.95, 1.0), rest_share=0.0, max_range=36
    )
    voices = [max(1, round(_phrase(seed, config).mean_voices)) for seed in range(80)]
    assert set(voices) <= {1, 2, 3, 4}
    assert np.mean([n >= 2 for n in voices]) > 0.8
    assert {2, 3, 4} <= set(voices)


def test_dynamics_tempo_and_articulation_vary() -> None:
    parts = [_phrase(seed, _only("line")) for seed in range(150)]
    velocities = [np.mean([note.velocity for note in part.notes]) for part in parts]
    assert min(velocities) < 45
    assert max(velocities) > 105
    counts = [len(part.notes) for part in parts]
    assert min(counts) < 8
    assert max(counts) > 40
    sounding = [sum(n.duration_s for n in p.notes) / p.end_s for p in parts]
    assert min(sounding) < 0.5
    assert max(sounding) > 0.95


def test_settings_are_kept_to() -> None:
    config = PhraseConfig(
        textures=(("line", 1.0),),
        tempo_bpm=(60.0, 60.0),
        articulation=(1.0, 1.0),
        velocity=(64, 64),
        rest_share=0.0,
        max_range=12,
    )
    for seed in range(60):
        notes = _phrase(seed, config).notes
        assert np.ptp([note.pitch for note in notes]) <= 12
        assert abs(np.mean([note.velocity for note in notes]) - 64) < 40
        # At sixty a minute, notes come after quarters or thirds of a second, or their multiples.
        between = np.diff([note.start_s for note in notes])
        grid = np.concatenate([np.arange(1, 33) * 0.25, np.arange(1, 25) / 3])
        assert np.abs(between[:, None] - grid).min(axis=1).max(initial=0) < 0.03


def test_phrases_keep_to_a_key() -> None:
    for seed in range(100):
        classes = {note.pitch % 12 for note in _phrase(seed).notes}
        keys = [
            {(key + step) % 12 for step in scale} for key in range(12) for scale in SCALES.values()
        ]
        assert any(classes <= key for key in keys)
    narrow = [len({note.pitch % 12 for note in _phrase(seed).notes}) <= 7 for seed in range(100)]
    assert np.mean(narrow) > 0.7  # all but the chromatic ones


def test_short_phrases_have_a_note() -> None:
    for seed in range(30):
        (note,) = _phrase(seed, duration_s=0.04).notes
        assert 1 <= note.velocity <= 127
