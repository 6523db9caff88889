"""A pedal is found where notes of several onsets end together."""

import itertools

import numpy as np
import pytest

from cambiata.score.midi import Note
from cambiata.transcription.pedal import find_pedal


def test_arpeggios_under_a_pedal() -> None:
    notes = [
        Note(2.0 * bar + 0.25 * i, 2.0 * bar + 1.9, 48 + 4 * i + bar)
        for bar in range(4)
        for i in range(6)
    ]
    spans = find_pedal(notes)
    assert len(spans) == 4
    for bar, (begin_s, end_s) in enumerate(spans):
        assert begin_s == pytest.approx(2.0 * bar, abs=0.1)
        assert end_s == pytest.approx(2.0 * bar + 1.9, abs=0.05)


def test_detached_legato_and_chords_have_none() -> None:
    line = [Note(0.3 * i, 0.3 * i + 0.25, 60 + i % 7) for i in range(30)]
    legato = [Note(0.3 * i, 0.3 * i + 0.33, 60 + i % 7) for i in range(30)]
    chords = [Note(0.5 * i, 0.5 * i + 0.45, p + i) for i in range(8) for p in (60, 64, 67)]
    assert find_pedal(line) == find_pedal(legato) == find_pedal(chords) == ()
    assert find_pedal([]) == find_pedal(line[:1]) == ()


def test_spans_do_not_overlap() -> None:
    rng = np.random.default_rng(0)
    at = np.sort(rng.uniform(0, 60, 400))
    notes = [
        Note(float(s), float(s + d), int(p))
        for s, d, p in zip(at, rng.uniform(0.1, 3, 400), rng.integers(40, 80, 400), strict=True)
    ]
    spans = find_pedal(notes)
    assert all(begin < end for begin, end in spans)
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))
