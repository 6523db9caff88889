"""Beats and bars are found where notes have them, and a score's clock has them where they are."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from cambiata.errors import CambiataWarning, InputError
from cambiata.score.midi import Note, Part, Score, load, save
from cambiata.transcription.grid import parse_step, quantise_notes
from cambiata.transcription.onset_events import Flux
from cambiata.transcription.tempo import BeatGrid, find_grid, grid_of

SILENT = Flux(np.zeros(0, np.float32), np.zeros(0, np.float32))
Array = npt.NDArray[np.float64]
# Two bars that are neither even nor syncopated, in quarter notes.
RHYTHM = (1, 1, 0.5, 0.5, 1, 1.5, 0.5, 1, 1)


def _waltz_or_march(n_beats: int, n_bars: int = 12) -> list[tuple[float, float, int]]:
    """Bass on each bar's first beat, chords on the others, a tune of quarters and eighths."""
    roots = (36, 41, 43, 36)
    notes = []
    for bar in range(n_bars):
        at, root = float(bar * n_beats), roots[bar % 4]
        notes.append((at, 0.9, root))
        notes += [(at + b, 0.5, root + 12 + step) for b in range(1, n_beats) for step in (4, 7, 12)]
        notes += [(at, n_beats - 1.0, root + 36), (at + n_beats - 1, 0.5, root + 38)]
        notes.append((at + n_beats - 0.5, 0.5, root + 40))
    return notes


def _play(
    written: list[tuple[float, float, int]], times: Array, jitter_s: float = 0.008
) -> list[Note]:
    """Written notes at the times of their quarter notes."""
    rng = np.random.default_rng(0)
    quarters = np.arange(len(times))
    played = []
    for at, length, pitch in written:
        start, end = np.interp([at, at + length], quarters, times)
        start = max(0.0, start + jitter_s * rng.normal())
        played.append(Note(float(start), max(float(end), float(start) + 0.05), pitch, 80))
    return sorted(played)


def _tune(bars: int) -> list[tuple[float, float, int]]:
    begins = np.append(0, np.cumsum(RHYTHM * bars))
    return [
        (float(begin), 0.9 * float(end - begin), 60 + i % 7)
        for i, (begin, end) in enumerate(pairwise(begins))
    ]


def _found(notes: list[Note], tempo: float | str = "auto") -> BeatGrid:
    grid = find_grid("tune", notes, SILENT, tempo)
    assert grid is not None
    return grid


@pytest.mark.parametrize("qpm", [66.0, 84.0, 100.0, 120.0, 147.3])
def test_a_steady_tempo_is_found_or_its_double_or_half(qpm: float) -> None:
    times = np.arange(40) * 60 / qpm
    grid = _found(_play(_tune(4), times))
    octave = round(np.log2(grid.qpm / qpm))
    assert abs(octave) <= 1
    assert len(grid.clock.tempos) <= 2  # one before the first beat
    assert grid.clock.tempos[-1][1] / 2.0**octave == pytest.approx(qpm, rel=0.003)


@pytest.mark.parametrize("n_beats", [3, 4])
def test_tempo_changes_are_followed_and_bars_begin_with_the_bass(n_beats: int) -> None:
    n = 12 * n_beats
    qpm = 100 * 2 ** (
        0.2 * np.sin(np.arange(n + 1) / 9) - 0.6 * np.clip(np.arange(n + 1) / n - 0.8, 0, 1)
    )
    times = 0.7 + np.append(0, np.cumsum(60 / qpm))
    grid = _found(_play(_waltz_or_march(n_beats), times))
    beats = times[: len(grid.beat_s)]
    assert np.abs(grid.beat_s[: len(beats)] - beats).max() < 0.05
    assert str(grid.metre) == f"{n_beats}/4"
    assert grid.first_bar_s == pytest.approx(0.7, abs=0.03)
    # The clock has every beat where it is, and a bar begins on each downbeat.
    on_clock = [
        grid.clock.seconds(float(grid.lead + i * grid.beat)) for i in range(len(grid.beat_s))
    ]
    assert np.abs(np.array(on_clock) - grid.beat_s).max() < 0.026
    assert grid.clock.metres[-1][0] == float(grid.origin)


def test_a_tempo_that_is_given_is_kept() -> None:
    times = np.arange(40) * 0.6
    for first_s, lead in ((0.0, 0), (0.02, 0), (0.43, Fraction(3, 4)), (1.8, 0)):
        grid = _found(_play(_tune(4), times + first_s), 100)
        assert grid.lead == lead
        assert grid.clock.tempos[-1][1] == pytest.approx(100)
        assert grid.clock.seconds(float(grid.lead)) == pytest.approx(
            first_s if lead else 0, abs=0.01
        )


def test_jigs_have_dotted_beats() -> None:
    jig = [(1.5 * b + e / 2, 0.45, 60 + (5 * b + 2 * e) % 9) for b in range(32) for e in range(3)]
    jig += [(1.5 * b, 1.4, 40 + b % 4) for b in range(0, 32, 2)]
    grid = _found(_play(jig, np.arange(60) * 0.4))
    assert grid.metre.unit == 8
    assert grid.beat == Fraction(3, 2)
    assert grid.qpm == pytest.approx(150, rel=0.03)


def test_irregular_bars_are_marked() -> None:
    place = np.array([2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 4, 0, 1, 2, 3])
    grid = grid_of(0.5 * np.arange(len(place)) + 1.0, 4, place)
    # Two beats before the first and two of a bar that has begun make a whole bar.
    assert [(at, str(metre)) for at, metre in grid.clock.metres] == [
        (0.0, "4/4"),
        (8.0, "5/4"),
        (13.0, "4/4"),
    ]


def test_few_notes_or_random_ones_have_no_beat() -> None:
    rng = np.random.default_rng(1)
    chord = [Note(0.0, 1.0, p) for p in (60, 64, 67, 71, 74)]
    at = np.sort(rng.uniform(0, 30, 60))
    noise = [
        Note(float(s), float(s) + 0.2, int(p))
        for s, p in zip(at, rng.integers(40, 80, 60), strict=True)
    ]
    for notes in (chord, _play(_tune(4), np.arange(40) * 0.6)[:3], noise):
        with pytest.warns(CambiataWarning, match="no beat was found"):
            assert find_grid("it", notes, SILENT, "auto") is None


def test_steps_of_grids() -> None:
    assert [parse_step(t) for t in ("1/4", "1/16", "1/8T", "1/16t")] == [
        1,
        Fraction(1, 4),
        Fraction(1, 3),
        Fraction(1, 6),
    ]
    for wrong in ("1/5", "16", "1/16TT", "", "1/0"):
        with pytest.raises(InputError, match="is not a note value; use 1/4"):
            parse_step(wrong)


def test_quantised_notes_are_the_written_ones(tmp_path: Path) -> None:
    written = _waltz_or_march(4)
    times = 1.1 + np.append(0, np.cumsum(0.6 + 0.05 * np.sin(np.arange(60) / 7)))
    played = _play(written, times)
    grid = _found(played)
    notes = [note for note, _ in quantise_notes(played, grid, Fraction(1, 2))]
    save(Score((Part(tuple(notes)),), clock=grid.clock), tmp_path / "a.mid")
    again = load(tmp_path / "a.mid")
    places = [(again.clock.quarters(note.start_s), note.pitch) for note in again.notes]
    expected = sorted((at + float(grid.origin), pitch) for at, _, pitch in written)
    assert np.abs(np.array(sorted(places)) - np.array(expected)).max() < 0.002
    # In seconds they stay near where they were played.
    assert max(abs(a.start_s - b.start_s) for a, b in zip(notes, played, strict=True)) < 0.06


def test_quantised_notes_of_one_pitch_do_not_overlap() -> None:
    grid = grid_of(0.5 * np.arange(9), 4, np.arange(9) % 4)
    notes = [
        Note(0.0, 1.1, 60, 50),
        Note(0.05, 0.3, 60, 90),
        Note(0.98, 1.02, 60),
        Note(1.0, 1.5, 67),
    ]
    assert [
        (n.start_s, n.end_s, n.pitch, n.velocity, i)
        for n, i in quantise_notes(notes, grid, Fraction(1))
    ] == [(0.0, 1.0, 60, 90, 1), (1.0, 1.5, 60, 100, 2), (1.0, 1.5, 67, 100, 3)]
