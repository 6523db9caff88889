"""What MIDI's channels mean, whichever track a message is in: by hand, from the standards."""

from pathlib import Path

import pytest
from midi_bytes import Event, bend, control, meta, midi, off, on, parameter, scale, track, written

from cambiata.score.midi import Part, Score, load, save

Times = list[tuple[float, float, int]]
END_OF_TRACKS = (19200, meta(6, b""))


def _load(tmp_path: Path, *tracks: list[Event], keys: bool = False) -> Score:
    data = midi(*(track(*each) for each in tracks))
    return load(written(tmp_path / "a.mid", data), keys=keys)


def _times(score: Score) -> Times:
    return [(round(n.start_s, 4), round(n.end_s, 4), n.pitch) for n in score.notes]


def _bends(part: Part) -> list[tuple[float, float]]:
    [controls] = part.controls
    return [(round(at, 4), round(semitones, 3)) for at, semitones in controls.bend]


# --- pedals and ends ------------------------------------------------------------------------------


def test_the_pedal_of_another_track_holds_the_notes_of_its_channel(tmp_path: Path) -> None:
    right = [(0, on(72)), (240, off(72)), (0, on(76, channel=1)), (240, off(76, 1))]
    left = [(0, on(48)), (240, off(48))]
    pedal = [(0, control(64, 127)), (1920, control(64, 0))]
    for tracks in ([right, left, pedal], [pedal, right, left]):
        times = _times(_load(tmp_path, *tracks))
        assert times == [(0, 2, 48), (0, 2, 72), (0.25, 0.5, 76)]
    parts = _load(tmp_path, right, left, pedal, keys=True).parts
    assert [part.pedal for part in parts] == [((0, 2),), (), ((0, 2),)]


def test_programs_of_another_track_count_where_the_own_says_nothing(tmp_path: Path) -> None:
    setup = [(0, (0xC0, 40)), (0, (0xC1, 41))]
    score = _load(tmp_path, setup, scale(), [(0, (0xC1, 73)), *scale(channel=1)])
    assert [part.program for part in score.parts] == [40, 73]


@pytest.mark.parametrize("number", [120, 123, 124, 127])
def test_all_notes_end(tmp_path: Path, number: int) -> None:
    notes = [(0, on(60)), (480, control(number, 0)), (0, on(64)), END_OF_TRACKS]
    ends = [(960, control(number, 0)), (0, control(number, 0, 3))]
    assert _times(_load(tmp_path, notes, ends)) == [(0, 0.5, 60), (0.5, 1, 64)]


def test_what_another_track_strikes_at_that_moment_goes_on(tmp_path: Path) -> None:
    notes = [(0, on(60)), (480, on(64)), (480, off(64)), (0, off(60))]
    ends = [(480, control(123, 0))]
    assert _times(_load(tmp_path, notes, ends)) == [(0, 0.5, 60), (0.5, 1, 64)]


def test_the_pedal_holds_when_keys_are_let_go_but_not_against_silence(tmp_path: Path) -> None:
    held = [(0, control(64, 127)), (0, on(60)), (480, control(123, 0)), (480, control(64, 0))]
    assert _times(_load(tmp_path, held)) == [(0, 1, 60)]
    cut = [*held[:2], (480, control(120, 0)), (240, on(62)), (120, off(62)), (240, control(64, 0))]
    assert _times(_load(tmp_path, cut)) == [(0, 0.5, 60), (0.75, 1.125, 62)]


def test_sostenuto_holds_the_keys_that_are_down(tmp_path: Path) -> None:
    track_ = [
        (0, on(60)),
        (240, control(66, 127)),
        (0, off(60)),
        (0, on(64)),  # struck later: not held
        (240, off(64)),
        (480, control(66, 0)),
        (0, on(60)),
        (0, control(66, 127)),
        (240, off(60)),
        (240, on(60)),  # struck again: the one that is held ends
        (480, off(60)),
    ]
    expected = [(0, 1, 60), (0.25, 0.5, 64), (1, 1.5, 60), (1.5, 2, 60)]
    for keys in (False, True):  # in both: it is no pedal of the part's
        assert _times(_load(tmp_path, track_, keys=keys)) == expected


def test_controllers_are_reset(tmp_path: Path) -> None:
    down = [control(64, 127), control(11, 10), control(7, 50), bend(0)]
    notes = [*((0, each) for each in down), (0, on(60)), (240, off(60)), (240, control(121, 0))]
    score = _load(tmp_path, notes, keys=True)
    [controls] = score.parts[0].controls
    assert score.parts[0].pedal == ((0, 0.5),)
    assert controls.bend == ((0.0, -2.0), (0.5, 0.0))
    assert controls.expression == ((0.0, 10.0), (0.5, 127.0))
    assert controls.volume == ((0.0, 50.0),)  # stays


# --- bends ----------------------------------------------------------------------------------------


def test_bends_go_two_semitones_or_as_far_as_the_range(tmp_path: Path) -> None:
    bends = [(0, bend(16383)), (480, bend(8192)), (480, bend(0)), (0, bend(4096))]
    score = _load(tmp_path, [*bends, *scale()])
    assert _bends(score.parts[0]) == [(0, 2), (0.5, 0), (1, -1)]
    score = _load(tmp_path, [*parameter(0, 12), *bends], scale())
    assert _bends(score.parts[0]) == [(0, 11.999), (0.5, 0), (1, -6)]
    # A range of 2.5 semitones; a value for a parameter that is not registered is not one.
    fine = [*parameter(0, 2)[:3], (0, control(38, 50)), (0, control(99, 1)), (0, control(6, 9))]
    assert _bends(_load(tmp_path, [*fine, *bends, *scale()]).parts[0])[-1] == (1, -1.25)


def test_a_channel_may_be_tuned(tmp_path: Path) -> None:
    tuned = [*parameter(2, 64 + 3), *parameter(1, 96)]  # three semitones, and half of one
    score = _load(tmp_path, [*tuned, *scale()])
    assert _bends(score.parts[0]) == [(0, 3.5)]
    assert [note.pitch for note in score.parts[0].nearest_pitches().notes][:2] == [64, 66]
    assert _load(tmp_path, [*parameter(2, 64), *scale()]).parts[0].controls == ()


def test_notes_of_an_mpe_zone_are_one_part(tmp_path: Path) -> None:
    zone = [*parameter(6, 15), (0, control(64, 127))]
    member = [(0, bend(8192 + 341, 1)), (0, on(60, channel=1)), (960, off(60, 1))]
    other = [(0, bend(8192 - 171, 9)), (0, on(60, channel=9)), (960, off(60, 9))]
    everyone = [(480, bend(16383))]
    [part] = _load(tmp_path, [*zone, *member, *other, (0, control(64, 0))], everyone).parts
    assert not part.is_drum  # although one of them plays in channel 10
    assert [(n.pitch, n.channel) for n in part.notes] == [(60, 0), (60, 1)]
    curves = [[round(semitones) for _, semitones in each.bend] for each in part.controls]
    assert curves == [[2, 4], [2, 1]]  # 48 semitones each way, and two for all
    assert [note.pitch for note in part.nearest_pitches().notes] == [62, 61]


def test_the_range_of_one_channel_is_that_of_its_zone(tmp_path: Path) -> None:
    zone = [(0, control(*pair, 15)) for pair in ((101, 0), (100, 6), (6, 3))]  # the upper one
    member = [*parameter(0, 24, 14), (0, bend(0, 13)), *scale((60, 62), channel=13)]
    beyond = [(0, bend(0, 11)), *scale((60, 62), channel=11)]
    parts = _load(tmp_path, [*zone, *member, *beyond]).parts
    assert [_bends(part) for part in parts] == [[(1, -2)], [(0, -24)]]


def test_ports_have_channels_of_their_own(tmp_path: Path) -> None:
    other = [(0, meta(0x21, [1])), *scale()]
    score = _load(tmp_path, [(0, bend(0)), *scale()], other)
    assert [len(part.controls) for part in score.parts] == [1, 0]


def test_what_changes_nothing_is_no_control(tmp_path: Path) -> None:
    usual = [control(7, 100), control(11, 127), bend(8192), control(10, 0), control(1, 60)]
    score = _load(tmp_path, [*((0, each) for each in usual), *scale()])
    assert score.parts[0].controls == ()


# --- through files --------------------------------------------------------------------------------


def test_controls_are_saved_and_loaded(tmp_path: Path) -> None:
    single = [
        (0, control(7, 90)),
        *scale((60,)),
        (0, bend(0)),
        (480, control(11, 3)),
        *scale((62,)),
    ]
    zone = [*parameter(6, 8)]
    for i in range(8):
        zone += [(0, bend(8192 + 400 * i, i + 1)), (0, on(60 + i, channel=i + 1))]
    zone += [(480, off(60 + i, i + 1)) for i in range(8)]
    ordinary = [(0, meta(0x21, [1])), *scale((50, 52)), (0, control(64, 127)), (96, control(64, 0))]
    drums = [(0, control(7, 30, 9)), *scale((36, 38), channel=9)]
    score = _load(tmp_path, single, zone, ordinary, drums, keys=True)
    save(score, tmp_path / "b.mid")
    again = load(tmp_path / "b.mid", keys=True)
    assert len(again.parts[0].controls) == 1
    bends = {(n.pitch, round(v)) for p in again.parts for n in p.notes for v in _bend_of(p, n)}
    assert bends == {
        (n.pitch, round(v)) for p in score.parts for n in p.notes for v in _bend_of(p, n)
    }
    assert {p.pedal for p in again.parts} == {p.pedal for p in score.parts}
    assert [p.controls[0].volume for p in again.parts if p.is_drum] == [((0.0, 30.0),)]
    assert again.parts[0].controls[0].expression == score.parts[0].controls[0].expression


def _bend_of(part: Part, note: object) -> list[float]:
    channel = note.channel  # type: ignore[attr-defined]
    curve = part.controls[channel].bend if part.controls else ()
    return [semitones for _, semitones in curve] or [0.0]
