"""Attacks: found where notes begin, not in vibrato or sustained sound, and counted both ways."""

import numpy as np
import pytest

from cambiata import Audio

pytest.importorskip("librosa", reason='pip install "cambiata[eval]"')
pytest.importorskip("mir_eval", reason='pip install "cambiata[eval]"')

from sounds import tone

from cambiata.evaluate.attacks import AttackCounts, Attacks, compare_attacks, find_attacks

RATE = 44100


def plucked(*starts_s: float) -> Audio:
    """Plucked notes at some times in three seconds."""
    sound = np.zeros(3 * RATE, np.float32)
    for i, start_s in enumerate(starts_s):
        note = tone(60 + 2 * i, 0.6, rate=RATE)
        note *= np.linspace(1, 0, len(note), dtype=np.float32)  # no click where it ends
        first = round(start_s * RATE)
        sound[first : first + len(note)] += note[: len(sound) - first]
    return Audio(sound, RATE)


def test_an_attack_for_every_note() -> None:
    starts_s = (0.3, 0.8, 1.3, 1.45, 2.2)
    found = find_attacks(plucked(*starts_s)).clear_s
    assert len(found) == len(starts_s)
    np.testing.assert_allclose(found, starts_s, atol=0.05)


def test_none_in_a_held_tone_with_vibrato() -> None:
    t = np.arange(3 * RATE) / RATE
    phase = 2 * np.pi * 440 * t + 2.0 * np.sin(2 * np.pi * 6 * t)  # 45 cents either way
    sound = sum(np.sin(h * phase) / h for h in range(1, 10)) * np.minimum(t / 0.05, 1)
    found = find_attacks(Audio(0.1 * sound.astype(np.float32), RATE)).all_s
    assert len(found[found > 0.2]) == 0


def attacks(clear_s: list[float], faint_s: list[float] | None = None) -> Attacks:
    return Attacks(np.array(clear_s), np.sort([*clear_s, *(faint_s or [])]))


def test_counts() -> None:
    content = attacks([0.5, 1.0, 1.5, 2.0], [2.5])
    output = attacks([0.56, 1.0, 1.02, 2.45], [1.52])
    counts = compare_attacks(content, output)
    # Missing: the one at 2.0; too many: one of those at 1.0. Faint ones excuse those near them.
    assert counts == AttackCounts(4, 4, n_missing=1, n_extra=1)
    assert (counts.missing_share, counts.extra_share) == (0.25, 0.25)
    nothing = compare_attacks(attacks([]), attacks([]))
    assert np.isnan([nothing.missing_share, nothing.extra_share]).all()


def test_a_note_struck_again_and_one_left_out() -> None:
    content, output = (find_attacks(plucked(*at)) for at in ((0.3, 1.0, 1.7), (0.3, 1.35, 1.7)))
    assert compare_attacks(content, output) == AttackCounts(3, 3, n_missing=1, n_extra=1)
