"""Drums on a grid: which grid, which step, which drum; and back to the notes that were played."""

import numpy as np
import pytest
from hypothesis import given, settings
from tiny_grooves import (
    CONGA,
    HAT,
    KICK,
    groove,
    jig,
    played,
    random_arrays,
    rock,
    score_of,
    shuffled,
    ticks,
)

from cambiata import InputError
from cambiata.groove.grid import (
    DRUMS,
    N_DRUMS,
    Groove,
    Hit,
    Strike,
    drum_class,
    drum_pitch,
    drum_strikes,
    replace_drums,
    straighten,
    swing,
)
from cambiata.score.midi import Clock, Metre, Note, Part, Score


def test_pitches_are_the_drums_of_the_paper() -> None:
    # Gillick et al. 2019, appendix: Roland TD-11's pitches and what each becomes.
    paper = {
        "kick": [36],
        "snare": [38, 40, 37],
        "high tom": [48, 50],
        "mid tom": [45, 47],
        "low tom": [43, 58],
        "open hi-hat": [46, 26],
        "closed hi-hat": [42, 22, 44],
        "crash": [49, 55, 57, 52],
        "ride": [51, 59, 53],
    }
    for name, pitches in paper.items():
        assert {DRUMS[drum_class(pitch)] for pitch in pitches} == {name}
    assert len({drum_class(pitch) for pitch in range(128)}) == N_DRUMS + 128 - 25
    assert all(
        drum_class(drum_pitch(drum_class(pitch))) == drum_class(pitch) for pitch in range(128)
    )


@settings(max_examples=30)
@given(played())
def test_every_note_comes_back(score: Score) -> None:
    strikes = drum_strikes(score)
    again = Groove.of(score).strikes
    assert ticks(again) == ticks(strikes)
    assert ticks(drum_strikes(replace_drums(score, again))) == ticks(strikes)


@pytest.mark.parametrize(
    ("metre", "per_quarter", "n_steps"),
    [
        (Metre(4, 4), 4, 16),
        (Metre(4, 4), 3, 12),
        (Metre(4, 4), 6, 24),
        (Metre(6, 8), 4, 12),
        (Metre(3, 4), 4, 12),
        (Metre(5, 8), 4, 10),
        (Metre(7, 16), 4, 7),
    ],
    ids=str,
)
def test_arrays_there_and_back(metre: Metre, per_quarter: int, n_steps: int) -> None:
    arrays = random_arrays(np.random.default_rng(0), 2 * n_steps)
    made = Groove.of_arrays(*arrays, metre=metre, steps_per_quarter=per_quarter)
    assert made.n_bars == 2
    for ours, wanted in zip(made.arrays(), arrays, strict=True):
        np.testing.assert_allclose(ours, wanted, atol=1e-5)
    # And by way of the notes themselves.
    again = Groove.of(score_of(list(made.strikes), metre), steps_per_quarter=per_quarter)
    for ours, wanted in zip(again.arrays(), arrays, strict=True):
        np.testing.assert_allclose(ours[: 2 * n_steps], wanted[: len(ours)], atol=1e-4)


@pytest.mark.parametrize("late", [-0.03, 0.0, 0.03])
def test_the_grid_is_the_one_that_was_played(late: float) -> None:
    def moved(strikes: list[Strike]) -> list[Strike]:
        return [s._replace(onset=max(s.onset + late, 0.0)) for s in strikes]

    assert groove(moved(rock())).steps_per_quarter == 4
    assert groove(moved(shuffled())).steps_per_quarter == 3
    sixths = [Strike(i / 6, 0.1, HAT, 80) for i in range(48)]
    assert groove(moved(sixths)).steps_per_quarter == 6
    # 6/8 counts in sixteenths, twelve in a bar, whatever is played.
    assert groove(moved(jig()), Metre(6, 8)).arrays()[0].shape == (24, 9)


def test_beats_alone_say_nothing_for_triplets() -> None:
    assert groove([Strike(i, 0.1, KICK, 90) for i in range(8)]).steps_per_quarter == 4


def test_a_note_before_the_bar_belongs_to_it() -> None:
    [_, early] = groove([Strike(0, 0.1, KICK, 90), Strike(3.97, 0.1, KICK, 90)]).hits
    assert (early.bar, early.step) == (1, 0)
    assert early.onset == pytest.approx(-0.03)


def test_offsets_are_in_steps_and_velocities_of_one() -> None:
    _, velocity, offset = groove([Strike(1.05, 0.1, KICK, 127)], steps_per_quarter=4).arrays()
    assert velocity[4, 0] == 1
    assert offset[4, 0] == pytest.approx(0.2)


def test_of_two_strokes_on_a_step_arrays_have_the_louder() -> None:
    both = groove([Strike(0, 0.1, KICK, 50), Strike(0.05, 0.1, KICK, 100)])
    assert len(both.strikes) == 2
    assert both.arrays()[1][0, 0] == pytest.approx(100 / 127)


def test_a_conga_is_kept_beside_the_arrays() -> None:
    made = groove([Strike(0, 0.1, KICK, 90), Strike(0, 0.1, CONGA, 90)])
    assert made.arrays()[0].sum() == 1
    assert [s.pitch for s in made.strikes] == [KICK, CONGA]


def test_salience_is_lerdahl_and_jackendoffs_grid() -> None:
    def salience(metre: Metre, per_quarter: int) -> list[int]:
        n_steps = int(metre.bar * per_quarter)
        made = Groove((metre,), per_quarter, ())
        return [made.salience(Hit(0, step, 0.0, 0.1, KICK, 90)) for step in range(n_steps)]

    assert salience(Metre(4, 4), 4) == [4, 0, 1, 0, 2, 0, 1, 0, 3, 0, 1, 0, 2, 0, 1, 0]
    assert salience(Metre(6, 8), 4) == [4, 0, 1, 0, 1, 0, 3, 0, 1, 0, 1, 0]
    assert salience(Metre(4, 4), 3)[:4] == [4, 1, 1, 2]
    assert salience(Metre(3, 4), 4)[4] == 2


def test_straightening_undoes_swinging() -> None:
    for place in np.arange(0, 3, 1 / 24):
        assert straighten(swing(place)) == pytest.approx(place)
    cells = [groove(shuffled()).cell(hit) for hit in groove(shuffled()).hits if hit.pitch == 51]
    assert set(cells) == set(range(0, 16, 2))


def test_bars_are_counted_through_changes_of_metre() -> None:
    clock = Clock(metres=((0.0, Metre(4, 4)), (4.0, Metre(3, 4))))
    notes = tuple(Note(i / 2, i / 2 + 0.1, KICK) for i in range(10))
    made = Groove.of(Score((Part(notes, is_drum=True),), clock=clock))
    assert [str(metre) for metre in made.metres] == ["4/4", "3/4", "3/4"]
    assert made.bar_starts == (0, 4, 7, 10)


@pytest.mark.parametrize(
    ("clock", "match"),
    [
        (Clock(), "has no time signature; write its time signature into the file"),
        (Clock(metres=((0.0, Metre(5, 32)),)), "is in 5/32, which has no sixteenths"),
        (
            Clock(metres=((0.0, Metre(4, 4)), (1.0, Metre(3, 4)))),
            "changes its metre inside a bar; move the change",
        ),
    ],
)
def test_metres_that_cannot_be_counted(clock: Clock, match: str) -> None:
    score = Score((Part((Note(3.0, 3.1, KICK),), is_drum=True),), "x.mid", clock)
    with pytest.raises(InputError, match=f"x.mid: {match}"):
        Groove.of(score)


def test_a_piano_is_no_groove() -> None:
    score = Score((Part((Note(0.0, 0.1, 60),)),), "piano.mid")
    with pytest.raises(InputError, match=r"piano.mid: has no drums; choose .* channel 10"):
        Groove.of(score)
