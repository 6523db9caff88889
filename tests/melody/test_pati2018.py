"""The published method: intervals and durations, and melodies that it makes up."""

from tiny_melodies import tune

from cambiata.melody.pati2018 import Pati2018, encode_notes
from cambiata.score.midi import Metre


def test_notes_are_intervals_and_durations() -> None:
    line = tune(Metre(3, 4), 24, 24, 24, pitches=(60, 64, 62))
    assert encode_notes(line) == [(0, 24), (4, 24), (-2, 24)]


def test_wide_intervals_count_as_two_octaves() -> None:
    line = tune(Metre(3, 4), 24, 24, 24, pitches=(40, 90, 41))
    assert [interval for interval, _ in encode_notes(line)] == [0, 24, -24]


def test_it_makes_up_melodies_by_its_seed() -> None:
    system = Pati2018()
    assert len(system.generate("reel", 8)) == 8
    assert system.generate("reel", 8, 1) == system.generate("reel", 8, 1)
    assert system.generate("reel", 32, 1) != system.generate("reel", 32, 2)
