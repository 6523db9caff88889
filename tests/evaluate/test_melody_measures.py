"""Measures of restyled melodies: closed forms and properties."""

from fractions import Fraction

import numpy as np
import pytest
from tiny_tunes import sheet

from cambiata.evaluate.melody_measures import (
    chroma_similarity,
    contour_similarity,
    cosine_similarity,
    repetition_f1,
    rhythm_profile,
    style_profile,
)
from cambiata.melody.bars import MelodyLine
from cambiata.score.midi import Metre
from cambiata.score.sheet import Tone, Voice


def line(*pitches: int, length: Fraction = Fraction(1)) -> MelodyLine:
    tones = (Tone(i * length, length, pitch) for i, pitch in enumerate(pitches))
    return MelodyLine.of(Voice(tuple(tones)), Metre(4, 4))


def test_profiles_are_shares_in_the_places_that_are_meant() -> None:
    scale = line(60, 62, 64, 65)
    profile = style_profile(scale).reshape(12, 41)
    assert profile.sum() == pytest.approx(1)
    # Only neighbours are less than two beats apart: two tones up twice, a semitone once.
    assert profile[6, 22] == pytest.approx(2 / 3)
    assert profile[6, 21] == pytest.approx(1 / 3)
    rhythm = rhythm_profile(scale).reshape(48, 12)
    assert rhythm[[0, 12, 24, 36], 5] == pytest.approx(0.25)


def test_dotted_is_told_from_even_and_slow_from_quick() -> None:
    reel, hornpipe = (sheet(dance, 1).voices[0] for dance in ("reel", "hornpipe"))
    profiles = [rhythm_profile(MelodyLine.of(voice, Metre(4, 4))) for voice in (reel, hornpipe)]
    assert not np.allclose(*profiles)
    assert cosine_similarity(*profiles) < 0.6
    assert cosine_similarity(profiles[0], profiles[0]) == pytest.approx(1)


def test_content_is_kept_by_itself_and_not_by_another() -> None:
    one = MelodyLine.of(sheet("reel", 1).voices[0], Metre(4, 4))
    other = MelodyLine.of(sheet("reel", 2).voices[0], Metre(4, 4))
    for metric in (chroma_similarity, contour_similarity, repetition_f1):
        assert metric(one, one) == pytest.approx(1)
    assert chroma_similarity(one, other) < 0.8
    assert contour_similarity(one, other) < 0.8


def test_chroma_forgives_octaves_and_contour_transposition() -> None:
    tune = line(60, 64, 67, 65, 62, 60, 59, 60)
    octave = line(*(pitch + 12 for pitch in (60, 64, 67, 65, 62, 60, 59, 60)))
    fifth = line(*(pitch + 7 for pitch in (60, 64, 67, 65, 62, 60, 59, 60)))
    assert chroma_similarity(tune, octave) == pytest.approx(1)
    assert chroma_similarity(tune, fifth) < 0.7
    assert contour_similarity(tune, fifth) == pytest.approx(1)


def test_repeated_bars_that_are_lost_are_counted() -> None:
    a, b, c = (60, 62, 64, 65), (67, 65, 64, 62), (60, 60, 60, 60)
    content = line(*a, *b, *a, *b)
    assert repetition_f1(content, line(*a, *b, *a, *c)) == pytest.approx(2 / 3)
    assert repetition_f1(content, line(*c, *c, *c, *c)) == pytest.approx(2 * 2 / (2 + 6))
    assert np.isnan(repetition_f1(line(*a, *b), line(*a, *b)))
