"""Voices of chorales: successions where both sound, works of the split alone."""

from cambiata.data.chorales import merge_repeats, read_chorales, successions
from cambiata.data.scores import Work
from cambiata.score.midi import Note, Part


def _part(pitches: list[int], name: str = "") -> Part:
    return Part(tuple(Note(i, i + 0.95, p) for i, p in enumerate(pitches)), name=name)


def test_voices_are_read_where_both_sound() -> None:
    high = Part((Note(0, 1.95, 72), Note(2, 3, 74)))
    low = _part([60, 62, 64])
    assert successions(low, high) == [((60, 72), (62, 72)), ((62, 72), (64, 74))]
    assert merge_repeats(_part([60, 60, 62])) == [60, 62]


def test_only_whole_chorales_of_the_split_are_used() -> None:
    parts = tuple(_part([60, 62], name) for name in "SATB")
    reduced = _part([60, 62], "S+A")
    works = [Work(f"bach/bwv{i}.mxl", "chorales", (*parts, reduced)) for i in range(40)]
    works.append(Work("bach/two.mxl", "chorales", parts[:2]))
    split = {use: {name for name, _ in read_chorales(use, works)} for use in ("train", "test")}
    assert len(split["train"]) + len(split["test"]) == 40
    assert not split["train"] & split["test"]
