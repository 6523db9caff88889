"""Attacks: found where notes begin, not in vibrato or sustained sound, and counted both ways."""

import numpy as np
import pytest

from cambiata import Audio

pytest.importorskip("librosa", reason='pip install "cambiata[eval]"')
pytest.importorskip("mir_eval", reason='pip install "cambiata[eval]"')

from sounds import tone

from cambiata.evaluate.attacks import AttackCounts, find_attacks, match_attacks

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
    found = find_attacks(plucked(*starts_s))
    assert len(found) == len(starts_s)
    np.testing.assert_allclose(found, starts_s, atol=0.05)


def test_none_in_a_held_tone_with_vibrato() -> None:
    t = np.arange(3 * RATE) / RATE
    phase = 2 * np.pi * 440 * t + 2.0 * np.sin(2 * np.pi * 6 * t)  # 45 cents either way
    sound = sum(np.sin(h * phase) / h for h in range(1, 10)) * np.minimum(t / 0.05, 1)
    found = find_attacks(Audio(0.1 * sound.astype(np.float32), RATE))
    assert len(found[found > 0.2]) == 0


def test_counts() -> None:
    counts = match_attacks(np.array([0.5, 1.0, 1.5, 2.0]), np.array([0.56, 1.0, 1.02]))
    assert counts == AttackCounts(4, 3, 2)
    assert counts.extra_share == pytest.approx(1 / 3)
    assert counts.missing_share == 0.5
    assert np.isnan(match_attacks(np.zeros(0), np.zeros(0)).extra_share)


def test_a_note_struck_again_and_one_left_out() -> None:
    content, output = plucked(0.3, 1.0, 1.7), plucked(0.3, 1.35, 1.7)
    counts = match_attacks(find_attacks(content), find_attacks(output))
    assert counts == AttackCounts(3, 3, 2)
