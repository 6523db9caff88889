"""Melodies in bars: exact round trips and closed forms."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_melodies import tune

from cambiata.errors import InputError
from cambiata.melody.bars import Counting, MelodyLine, estimate_tonic, melody_of_sheet
from cambiata.score.midi import Metre
from cambiata.score.sheet import Sheet, Tone, Voice

METRES = [Metre(4, 4), Metre(2, 4), Metre(3, 4), Metre(6, 8), Metre(9, 8), Metre(12, 8)]


@st.composite
def voices(draw: st.DrawFn) -> Voice:
    at, tones = Fraction(0), []
    for _ in range(draw(st.integers(4, 40))):
        at += Fraction(draw(st.sampled_from([0, 0, 0, 12, 24])), 24)
        length = Fraction(draw(st.sampled_from([3, 6, 8, 12, 18, 24, 36, 100])), 24)
        tones.append(Tone(at, length, draw(st.integers(55, 85)), draw(st.integers(1, 127))))
        at += length
    return Voice(tuple(tones), "x", 40)


@given(voices(), st.sampled_from(METRES), st.sampled_from([0, 12, 24]))
@settings(max_examples=60, deadline=None)
def test_lines_give_back_their_voice(voice: Voice, metre: Metre, pickup: int) -> None:
    line = MelodyLine.of(voice, metre, Fraction(pickup, 24))
    assert line.voice(Voice((), "x", 40)) == voice
    assert sorted(i for group in line.groups().values() for i in group) == list(line.full_bars)
    assert line.bar_starts[-1] >= voice.end


def test_beats_have_the_rhythm_that_is_played() -> None:
    line = tune(Metre(4, 4), 18, 6, 12, 12, 8, 8, 8, 24)
    assert line.patterns(line.bars[0]) == [
        ((0, True), (18, True)),
        ((0, True), (12, True)),
        ((0, True), (8, True), (16, True)),
        ((0, True),),
    ]


def test_sixteenths_of_two_four_count_as_eighths_of_four_four() -> None:
    line = tune(Metre(2, 4), *([6] * 16))
    assert line.counting == Counting(4, False, Fraction(2))
    assert line.patterns(line.bars[0]) == [((0, True), (12, True))] * 4
    assert Counting.of(Metre(2, 4), [Fraction(1, 2)]).n_beats == 2
    assert Counting.of(Metre(6, 8), []).beat_steps == 36


def test_a_metre_that_is_not_known_is_refused() -> None:
    with pytest.raises(InputError, match=r"x: is in 7/8, a metre that is not known; use 4/4"):
        Counting.of(Metre(7, 8), [], "x")


@pytest.mark.parametrize(
    ("pitches", "tonic"),
    [
        ((60, 62, 64, 65, 67, 69, 71, 72, 67, 64, 60), 0),
        ((57, 59, 60, 62, 64, 62, 60, 59, 57), 9),
        ((66, 69, 67, 66, 64, 66, 69, 74, 73, 71, 69, 66, 64, 62), 2),
    ],
)
def test_the_tonic_is_found(pitches: tuple[int, ...], tonic: int) -> None:
    assert (
        estimate_tonic([Tone(Fraction(i), Fraction(1), p) for i, p in enumerate(pitches)]) == tonic
    )


def test_what_is_no_melody_is_refused() -> None:
    tones = tuple(Tone(Fraction(i), Fraction(1), 60 + i) for i in range(8))
    chords = (*tones, *(Tone(Fraction(i), Fraction(1), 48) for i in range(8)))
    two = Sheet((Voice(tones, "flute"), Voice(tuple(sorted(chords)))), name="x.mid")
    with pytest.raises(
        InputError, match=r"has several parts; choose one with `track`: 1 \(flute\) or 2"
    ):
        melody_of_sheet(two)
    with pytest.raises(InputError, match=r"x\.mid: is polyphonic: tones sound together; choose"):
        melody_of_sheet(two, track=2)
    assert melody_of_sheet(two, track=2, skyline=True)[1].voice(Voice(())).tones == tones
    with pytest.raises(InputError, match="has no track 3"):
        melody_of_sheet(two, track=3)
    with pytest.raises(InputError, match="is too short; give a melody of two bars"):
        melody_of_sheet(Sheet((Voice(tones[:4]),)))
