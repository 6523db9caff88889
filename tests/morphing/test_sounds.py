"""Notes of sounds that are to be morphed."""

from itertools import pairwise

import numpy as np
import pytest
from sounds import melody
from tiny_notes import RATE_HZ, note

from cambiata.audio.sound import Audio
from cambiata.errors import InputError
from cambiata.morphing.sounds import find_notes


def hits(count: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    t = np.arange(11025) / RATE_HZ
    each = [rng.standard_normal(11025) * np.exp(-40 * t) for _ in range(count)]
    return (0.2 * np.concatenate([np.zeros(441), *each])).astype(np.float32)


def test_a_note_and_its_landmarks() -> None:
    [span] = find_notes(Audio(note(60), RATE_HZ, name="x.wav")).spans
    assert span.midi == pytest.approx(60, abs=0.02)
    assert span.onset / RATE_HZ == pytest.approx(0.02, abs=0.006)  # 20 ms of silence
    assert 0.01 <= (span.attacked - span.onset) / RATE_HZ <= 0.03
    assert span.released / RATE_HZ == pytest.approx(1.12, abs=0.08)  # 0.1 s before the end
    assert span.end == len(note(60))


def test_a_damped_note_is_let_go_where_it_is_damped() -> None:
    sound = note(60, decay_db_s=12, duration_s=2.0)
    damped = sound * np.minimum(1, 10 ** (-(np.arange(len(sound)) - RATE_HZ) / 2000))
    [span] = find_notes(Audio(damped.astype(np.float32), RATE_HZ, name="x.wav")).spans
    assert span.released / RATE_HZ == pytest.approx(1.0, abs=0.06)
    [ringing] = find_notes(Audio(sound, RATE_HZ, name="x.wav")).spans
    assert ringing.released == ringing.end


def test_notes_of_a_phrase() -> None:
    sound = Audio(melody([60, 64, 67, 72], rate=RATE_HZ), RATE_HZ, name="phrase.wav")
    spans = find_notes(sound).spans
    assert [round(span.midi or 0, 1) for span in spans] == [60, 64, 67, 72]
    onsets = [span.onset / RATE_HZ for span in spans]
    np.testing.assert_allclose(onsets, [0, 0.4, 0.8, 1.2], atol=0.02)
    assert all(x.end == y.begin for x, y in pairwise(spans))


def test_a_hit_has_no_pitch() -> None:
    [span] = find_notes(Audio(hits(1), RATE_HZ, name="hit.wav")).spans
    assert span.midi is None


def test_chords_are_no_row_of_notes() -> None:
    found = find_notes(Audio(note(60) + note(64) + note(67), RATE_HZ, name="chord.wav"))
    assert found.spans == ()
    assert found.reason == "holds notes that sound together"


def test_a_name_decides_where_the_period_does_not() -> None:
    t = np.arange(RATE_HZ) / RATE_HZ
    ratios = (0.5, 1.0, 1.183, 1.506, 2.0, 2.514)  # of a bell
    bell = sum(np.sin(2 * np.pi * 440 * r * t) for r in ratios) * np.exp(-2 * t)
    [span] = find_notes(Audio(0.1 * bell, RATE_HZ, name="bell-A4.wav")).spans
    assert span.midi == pytest.approx(69, abs=0.1)
    # A name that only looks like a note's is no reason to believe it.
    [span] = find_notes(Audio(note(60), RATE_HZ, name="a1.wav")).spans
    assert span.midi == pytest.approx(60, abs=0.02)


@pytest.mark.parametrize(
    ("sound", "message"),
    [
        (np.zeros(RATE_HZ), "is silent; choose a recording with sound"),
        (note(60)[882:3000], "sounds for 0.05 s; choose one of 0.1 s and more"),
        (hits(8), "holds several hits without pitch; cut one hit, or interpolate loops with"),
    ],
)
def test_what_cannot_be_used_is_refused(sound: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_notes(Audio(sound, RATE_HZ, name="x.wav"))
