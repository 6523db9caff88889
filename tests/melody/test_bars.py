"""Melodies in bars, numbers and metres: exact round trips and closed forms."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cambiata.errors import InputError
from cambiata.melody.bars import Counting, MelodyLine, estimate_tonic, melody_of_sheet
from cambiata.melody.edits import align_tones, draft_bar, select_changes
from cambiata.melody.encoding import EncodedBars, Vocabulary, encode_bars
from cambiata.melody.metres import change_metre
from cambiata.score.midi import Metre
from cambiata.score.notation import Sheet, Tone, Voice

METRES = [Metre(4, 4), Metre(2, 4), Metre(3, 4), Metre(6, 8), Metre(9, 8), Metre(12, 8)]


def tune(metre: Metre, *steps: int, pitches: tuple[int, ...] = (62, 66, 69, 67)) -> MelodyLine:
    """Tones of so many twenty-fourths of a quarter note, one after the other."""
    at, tones = Fraction(0), []
    for i, step in enumerate(steps):
        tones.append(Tone(at, Fraction(step, 24), pitches[i % len(pitches)]))
        at += Fraction(step, 24)
    return MelodyLine.of(Voice(tuple(tones)), metre)


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


def test_bars_are_seen_in_any_key_alike() -> None:
    words = Vocabulary((((0, True), (12, True)), ((0, True),)), (((0, True),),))
    pitches = (62, 66, 69, 67, 62, 64)
    one, other = (
        tune(Metre(4, 4), *([12] * 32), pitches=tuple(p + by for p in pitches)) for by in (0, 7)
    )
    seen = [encode_bars(line, [0, 1], words).packed() for line in (one, other)]
    np.testing.assert_array_equal(*seen)
    assert (EncodedBars.unpacked(seen[0]).packed() == seen[0]).all()


def test_rhythms_that_are_not_known_are_seen_as_the_nearest() -> None:
    words = Vocabulary((((0, True),), ((0, True), (12, True)), ((0, True), (18, True))), ())
    assert words.index(((0, True), (16, True)), False) == 3
    assert words.index(((0, True), (6, True), (12, True)), False) == 2
    assert Vocabulary.from_json(words.to_json()) == words


@given(st.lists(st.floats(-2, 2), min_size=1, max_size=20), st.floats(0, 1), st.floats(0, 1))
def test_what_is_granted_at_less_is_granted_at_more(
    wishes: list[float], one: float, other: float
) -> None:
    array, weights = np.array(wishes), np.ones(len(wishes))
    low, high = sorted((one, other))
    less, more = (select_changes(array, weights, amount) for amount in (low, high))
    assert not (less & ~more).any()
    assert (select_changes(array, weights, 1.0) == (array > 0)).all()
    assert not select_changes(array, weights, 0.0).any()


def test_tones_are_matched_in_order() -> None:
    assert align_tones([0, 12, 24, 36], [0, 24]) == [(0, False), (2, False)]
    assert align_tones([0], [0, 6, 12]) == [(0, False), (0, True), (0, True)]
    assert align_tones([0, 12], []) == []


def test_silence_stays_silence() -> None:
    line = tune(Metre(4, 4), 24, 24)
    draft = draft_bar(line, (), None, [((0, True),)] * 4)
    assert draft.n_tones == 0


@pytest.mark.parametrize(
    ("before", "after"),
    [(Metre(6, 8), Metre(4, 4)), (Metre(9, 8), Metre(3, 4)), (Metre(6, 8), Metre(2, 4))],
)
def test_metres_are_changed_there_and_back(before: Metre, after: Metre) -> None:
    n = before.beats
    line = tune(before, *([12] * n * 2))
    made = change_metre(line, after)
    assert made.metre == after
    assert len(made.bars) == len(line.bars)
    assert [len(bar) for bar in made.bars] == [len(bar) for bar in line.bars]
    assert change_metre(made, before).bars == line.bars


def test_a_pickup_changes_its_metre_with_its_tune() -> None:
    tones = [Tone(Fraction(i, 2), Fraction(1, 2), 60 + i % 5) for i in range(13)]
    line = MelodyLine.of(Voice(tuple(tones)), Metre(6, 8), Fraction(1, 2))
    made = change_metre(line, Metre(4, 4))
    assert made.pickup == Fraction(1, 2)
    assert len(made.bars[0]) == 1
    with pytest.raises(InputError, match="metre 3/4: does not divide as 6/8 does"):
        change_metre(line, Metre(3, 4))


def test_what_is_no_melody_is_refused() -> None:
    tones = tuple(Tone(Fraction(i), Fraction(1), 60 + i) for i in range(8))
    chords = (*tones, *(Tone(Fraction(i), Fraction(1), 48) for i in range(8)))
    two = Sheet((Voice(tones, "flute"), Voice(tuple(sorted(chords)))), name="x.mid")
    with pytest.raises(InputError, match=r"has several parts; choose one by --track: 1 flute; 2"):
        melody_of_sheet(two)
    with pytest.raises(InputError, match=r"x\.mid: is polyphonic: tones sound together; choose"):
        melody_of_sheet(two, track=2)
    assert melody_of_sheet(two, track=2, skyline=True)[1].voice(Voice(())).tones == tones
    with pytest.raises(InputError, match="has no track 3"):
        melody_of_sheet(two, track=3)
    with pytest.raises(InputError, match="is too short; give a melody of two bars"):
        melody_of_sheet(Sheet((Voice(tones[:4]),)))
