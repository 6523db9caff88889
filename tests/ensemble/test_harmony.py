"""Parts: chords of the key, within ranges, never crossed."""

import numpy as np
import pytest

from cambiata.ensemble.harmony import PARTS, find_key, part_pitches
from cambiata.ensemble.notes import Tune, VoiceNote
from cambiata.errors import InputError
from cambiata.score.keys import Key

C_MAJOR = Key(0, is_minor=False)
SCALE = {0, 2, 4, 5, 7, 9, 11}


def tune_of(pitches: list[int]) -> Tune:
    notes = tuple(
        VoiceNote(40 * i, 40 * i + 40, pitch, is_bound=i > 0) for i, pitch in enumerate(pitches)
    )
    line = np.repeat(np.array(pitches, np.float64), 40)
    return Tune(line, np.ones(len(line), bool), notes, 0.0)


# "Ode to Joy", in C.
ODE = [64, 64, 65, 67, 67, 65, 64, 62, 60, 60, 62, 64, 64, 62, 62]


def test_key_is_found_and_named() -> None:
    tune = tune_of([*ODE, 64, 64, 65, 67, 67, 65, 64, 62, 60, 60, 62, 64, 62, 60, 60])
    assert find_key(tune, None) == C_MAJOR
    assert find_key(tune, "Am") == Key(9, is_minor=True)
    assert find_key(tune, "C") == C_MAJOR


def test_parts_are_diatonic_in_range_and_in_order() -> None:
    lines = part_pitches(tune_of(ODE), "SATB", C_MAJOR, "a.wav")
    assert lines[0] == ODE
    for letter, line in zip("SATB", lines, strict=True):
        part = PARTS[letter]
        assert all(part.lowest <= pitch <= part.highest for pitch in line)
        assert {pitch % 12 for pitch in line} <= SCALE
    columns = np.array(lines)
    assert (np.diff(columns, axis=0) <= 0).all()
    # Every chord has a third: it is major or minor, and not empty.
    for column in columns.T:
        classes = {int(p) % 12 for p in column}
        assert any((c + third) % 12 in classes for c in classes for third in (3, 4))


def test_inner_parts_hardly_leap() -> None:
    lines = part_pitches(tune_of(ODE), "SATB", C_MAJOR, "a.wav")
    for line in lines[1:3]:
        assert np.abs(np.diff(line)).mean() < 2.5


def test_a_low_tune_is_sung_by_high_parts_in_another_octave() -> None:
    low = [pitch - 24 for pitch in ODE]
    [soprano] = part_pitches(tune_of(low), "S", C_MAJOR, "a.wav")
    assert set(np.subtract(soprano, low)) <= {24, 36}


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="do not fit a soprano's A3 to C6 in any octave"):
        part_pitches(tune_of([40, 84]), "SA", C_MAJOR, "a.wav")


@pytest.mark.parametrize("letters", ["SA", "TB", "SSAA", "TTBB", "SAB", "AB"])
def test_any_choice_of_parts_is_laid_out(letters: str) -> None:
    lines = part_pitches(tune_of(ODE), letters, C_MAJOR, "a.wav")
    assert len(lines) == len(letters)
    assert (np.diff(np.array(lines), axis=0) <= 0).all()
