"""Textures that clips are made of: no key is struck while it sounds, and keys repeat fast."""

import itertools

import numpy as np
import pytest

from cambiata.data.clip_textures import sample_texture
from cambiata.score.midi import Note

DURATION_S = 6.0
PITCHES = range(40, 80)


def _textures(n: int, *, sustains: bool) -> list[list[Note]]:
    return [
        list(sample_texture(np.random.default_rng(i), PITCHES, DURATION_S, sustains=sustains))
        for i in range(n)
    ]


@pytest.fixture(scope="module")
def textures() -> dict[bool, list[list[Note]]]:
    return {sustains: _textures(150, sustains=sustains) for sustains in (True, False)}


def _by_key(notes: list[Note]) -> dict[int, list[Note]]:
    keys: dict[int, list[Note]] = {}
    for note in sorted(notes):
        keys.setdefault(note.pitch, []).append(note)
    return keys


def test_no_key_is_struck_while_it_sounds(textures: dict[bool, list[list[Note]]]) -> None:
    n_pairs = 0
    for notes in textures[True] + textures[False]:
        for own in _by_key(notes).values():
            for first, second in itertools.pairwise(own):
                assert first.end_s <= second.start_s
                n_pairs += 1
    assert n_pairs > 1000


def test_notes_are_within_the_clip_and_the_instrument(
    textures: dict[bool, list[list[Note]]],
) -> None:
    for notes in textures[True] + textures[False]:
        for note in notes:
            assert 0 <= note.start_s < note.end_s <= DURATION_S
            assert note.end_s - note.start_s >= 0.045
            assert note.pitch in PITCHES
            assert 1 <= note.velocity <= 127


def test_chords_repeat_ten_times_a_second(textures: dict[bool, list[list[Note]]]) -> None:
    """Five strikes of the same keys in 0.4 s, as repeats alone have them: runs are of one key."""

    def is_fast(notes: list[Note]) -> bool:
        chords: dict[float, set[int]] = {}
        for note in notes:
            chords.setdefault(note.start_s, set()).add(note.pitch)
        starts = sorted(chords)
        return any(
            later - first <= 0.4
            and len(chords[first]) >= 2
            and all(chords[at] == chords[first] for at in starts if first <= at <= later)
            for first, later in zip(starts, starts[4:], strict=False)
        )

    assert sum(is_fast(notes) for notes in textures[True]) >= 1
    assert sum(is_fast(notes) for notes in textures[False]) >= 3


def test_lines_without_gaps_are_of_what_sustains(textures: dict[bool, list[list[Note]]]) -> None:
    def is_joined(notes: list[Note]) -> bool:
        ordered = sorted(notes)
        gaps = [b.start_s - a.end_s for a, b in itertools.pairwise(ordered)]
        return len(gaps) > 2 and float(np.median(np.abs(gaps))) < 1e-9

    joined = {key: np.mean([is_joined(x) for x in textures[key]]) for key in (True, False)}
    assert joined[True] > joined[False] + 0.05


def test_chords_of_eight_and_more_are_played(textures: dict[bool, list[list[Note]]]) -> None:
    def densest(notes: list[Note]) -> int:
        return max((sum(a.start_s <= n.start_s < a.end_s for a in notes) for n in notes), default=0)

    assert np.mean([densest(notes) >= 8 for notes in textures[False]]) > 0.05


def test_a_pedal_lengthens_notes_of_what_decays() -> None:
    """The ends of several keys at once, at a time when none begins, are a pedal's lift."""

    def n_at_once(notes: list[Note]) -> int:
        ends = [n.end_s for n in notes if n.end_s < DURATION_S]
        begun = {n.start_s for n in notes}
        together = [sum(x == end for x in ends) for end in set(ends) - begun]
        return max(together, default=0)

    lifted = {
        sustains: np.mean([n_at_once(notes) >= 4 for notes in _textures(150, sustains=sustains)])
        for sustains in (True, False)
    }
    assert lifted[False] > 0.1
    assert lifted[False] > lifted[True] + 0.05


@pytest.mark.parametrize("pitches", [[60], [60, 61], list(range(21, 109))])
def test_any_range_can_be_played(pitches: list[int]) -> None:
    for seed in range(60):
        rng = np.random.default_rng(seed)
        notes = sample_texture(rng, pitches, 1.0, sustains=seed % 2 == 0)
        assert {note.pitch for note in notes} <= set(pitches)
