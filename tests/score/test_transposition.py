import pytest

from cambiata.errors import InputError
from cambiata.score.midi import Note, Part
from cambiata.score.transposition import check_move, move_of, transposed

SCALE = Part(
    tuple(Note(i * 0.5, i * 0.5 + 0.5, p) for i, p in enumerate([60, 62, 64, 65, 67, 69, 71, 72]))
)


def test_a_part_is_moved_by_semitones_and_nothing_else_changes() -> None:
    moved = transposed(SCALE, -5)
    assert [note.pitch for note in moved.notes] == [55, 57, 59, 60, 62, 64, 66, 67]
    assert [note.start_s for note in moved.notes] == [note.start_s for note in SCALE.notes]
    assert transposed(SCALE, 0) is SCALE
    assert [note.pitch for note in transposed(Part((Note(0, 1, 120),)), 12).notes] == [127]


def test_a_part_is_moved_to_a_key_from_its_own() -> None:
    semitones, key = move_of(SCALE, 0, "D")
    assert (semitones, str(key)) == (2, "C major")
    assert move_of(SCALE, 3, None) == (3, None)


@pytest.mark.parametrize(
    ("transpose", "to_key", "message"),
    [
        (49, None, "transpose: 49 is out of range; use -48 to 48"),
        (0, "H", "key H: is not a key"),
        (2, "D", "transpose: does not go with `to_key`"),
    ],
)
def test_what_cannot_be_is_refused(transpose: int, to_key: str | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_move(transpose, to_key)
