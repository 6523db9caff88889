"""Bars as inputs of networks: closed forms, and the same in any key."""

import numpy as np
from tiny_melodies import tune

from cambiata.melody.bars import Counting, MelodyLine
from cambiata.melody.encoding import (
    N_PACKED,
    EncodedBars,
    Vocabulary,
    encode_bars,
    encode_context,
    encode_pitch,
)
from cambiata.score.midi import Metre

FOUR = (60, 62, 64, 60)


def test_a_bar_is_encoded_by_beat_tone_and_moment() -> None:
    line = tune(Metre(), *([24] * 4), pitches=FOUR)
    encoded = encode_bars(line, [0], Vocabulary((((0, True),),), ()))
    assert encoded.rhythm.tolist() == [[1, 1, 1, 1]]
    assert encoded.pitches[0, :4].tolist() == [15, 17, 19, 15]
    assert encoded.contour[0, ::12].tolist() == [15, 17, 19, 15]
    assert encode_pitch(line, 62) == 17


def test_pitches_far_away_are_moved_by_octaves() -> None:
    line = tune(Metre(), *([24] * 4), pitches=FOUR)
    assert encode_pitch(line, 62 + 36) == encode_pitch(line, 62 + 24)
    assert encode_pitch(line, 62 - 36) == encode_pitch(line, 62 - 12)


def test_a_context_has_the_metre_and_the_place_in_the_phrase() -> None:
    line = MelodyLine(((), ()), Metre(3, 4), Counting(3, False))
    assert encode_context(line, 1).tolist() == [0, 1, 0, 0, 0, 1, 0, 0, 1]


def test_packed_bars_come_back() -> None:
    packed = np.arange(3 * N_PACKED, dtype=np.int16).reshape(3, N_PACKED)
    np.testing.assert_array_equal(EncodedBars.unpacked(packed).packed(), packed)


def test_rhythms_have_indexes_from_one() -> None:
    vocabulary = Vocabulary((((0, True),), ((0, True), (12, True))), (((0, True),),))
    assert vocabulary.index(((0, True), (11, True)), False) == 2
    assert (len(vocabulary), vocabulary.pattern(3)) == (4, ((0, True),))


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
