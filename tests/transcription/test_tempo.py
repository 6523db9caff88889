"""A beat is found where notes have one, exactly; where they have none, none is."""

import numpy as np
import pytest

from cambiata.score.midi import Note
from cambiata.transcription.tempo import beat_at, find_beat

# Two bars that are neither even nor syncopated, in quarter notes.
RHYTHM = (1, 1, 0.5, 0.5, 1, 1.5, 0.5, 1, 1)


def _tune(qpm: float, first_s: float = 0.0, bars: int = 4, jitter_s: float = 0.0) -> list[Note]:
    rng = np.random.default_rng(0)
    begins = np.append(0, np.cumsum(RHYTHM * bars))[:-1] * 60 / qpm + first_s
    begins = np.maximum(0, begins + jitter_s * rng.normal(size=len(begins)))
    return [Note(float(s), float(s) + 0.2, 60 + i % 7) for i, s in enumerate(sorted(begins))]


@pytest.mark.parametrize("qpm", [66.0, 84.0, 100.0, 120.0, 147.3])
def test_a_tempo_is_found_or_its_double_or_half(qpm: float) -> None:
    beat = find_beat(_tune(qpm, jitter_s=0.01))
    assert beat is not None
    octave = round(np.log2(beat.qpm / qpm))
    assert abs(octave) <= 1
    assert beat.qpm / 2.0**octave == pytest.approx(qpm, rel=0.002)


def test_the_first_beat_is_found() -> None:
    beat = find_beat(_tune(100, first_s=0.43))
    assert beat is not None
    assert beat.first_s == pytest.approx(0.43, abs=0.01)
    assert beat_at(_tune(100, first_s=0.43), 100).first_s == pytest.approx(0.43, abs=0.01)
    assert beat_at(_tune(100), 100).first_s == pytest.approx(0, abs=1e-3)


def test_chords_count_as_one_onset_each() -> None:
    tune = _tune(90)
    chords = [n.shifted(0.004 * i, semitones=4 * i) for n in tune for i in range(3)]
    beat = find_beat(chords)
    assert beat is not None
    assert beat.qpm / 2 ** round(np.log2(beat.qpm / 90)) == pytest.approx(90, rel=0.002)


def test_a_beat_that_drifts_is_not_steady() -> None:
    tune = _tune(100, bars=12)
    slowing = [Note(n.start_s**1.03, n.start_s**1.03 + 0.1, n.pitch) for n in tune]
    beat = find_beat(slowing)
    assert beat is not None
    assert beat.first_s is None
    assert beat.qpm == pytest.approx(89, rel=0.05)


def test_few_notes_have_no_beat() -> None:
    assert find_beat(_tune(100)[:3]) is None
    assert find_beat([]) is None
    assert find_beat([Note(0.0, 1.0, p) for p in (60, 64, 67, 71, 74)]) is None
