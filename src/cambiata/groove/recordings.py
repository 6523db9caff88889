"""Recorded drums as grooves: hits are heard, beats are found, and where bars begin."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import ceil

import numpy as np
import numpy.typing as npt

from cambiata.audio.source import Source
from cambiata.errors import InputError, warn
from cambiata.score.midi import Metre, Note, Part, Score
from cambiata.transcription.drum_beats import NEAR, find_beats, first_beat, steady_beats
from cambiata.transcription.drums import drum_notes
from cambiata.transcription.tempo import check_tempo, grid_of

Array = npt.NDArray[np.float64]


def hear_groove(
    source: Source, *, tempo: float | str = "auto", metre: Metre | None = None
) -> Score:
    """Drums of a recording as a score in bars, the first of which begins with the music.

    `tempo` is in quarter notes a minute, or "auto" to find it; a metre cannot be heard: 4/4 where
    it is not given.
    """
    check_tempo(tempo)
    metre = metre or Metre()
    beat = Fraction(3, 2) if metre.is_compound else Fraction(1)
    n_beats = metre.bar / beat
    if n_beats.denominator > 1:
        raise InputError(
            f"metre {metre}", "has no whole beats", "use quarter notes, or 6/8, 9/8 or 12/8"
        )
    notes, _ = drum_notes(source)
    if isinstance(tempo, str):
        beat_s = find_beats(notes)
    else:
        beat_s = steady_beats(notes, 60 / tempo * float(beat))
    if beat_s is None:
        cure = "name its tempo (`tempo=96`)"
        raise InputError(source.name, "has no steady beat that could be found", cure)
    beat_s = _in_bars(beat_s, notes, int(n_beats))
    begins_s = float(beat_s[0])
    shifted = [
        replace(n, start_s=max(0.0, n.start_s - begins_s), end_s=max(0.01, n.end_s - begins_s))
        for n in notes
    ]
    place = np.arange(len(beat_s)) % int(n_beats)
    grid = grid_of(beat_s - begins_s, int(n_beats), place, is_ternary=metre.is_compound)
    warn(
        f"{source.name}: {len(notes)} hits were heard, at {grid.qpm:.4g} beats a minute, "
        f"the first bar at {begins_s:.2f} s"
    )
    part = Part(tuple(sorted(shifted)), name="drums", is_drum=True)
    return Score((part,), source.name, replace(grid.clock, metres=((0.0, metre),)))


def _in_bars(beat_s: Array, notes: Sequence[Note], n_beats: int) -> Array:
    """Beats from where the first bar begins in which something is struck."""
    first = first_beat(beat_s, notes, n_beats)
    # What is struck before the first bar is an upbeat in a bar of its own; a little early is none.
    period_s = float(np.diff(beat_s)[: 2 * n_beats].mean())
    upbeats = (float(beat_s[first]) - notes[0].start_s) / period_s - NEAR
    before = n_beats * max(0, ceil(upbeats / n_beats))
    lead = beat_s[first] - period_s * np.arange(before, 0, -1)
    rest = beat_s[first:]
    if len(rest) < 2:
        rest = np.append(rest, rest[-1] + period_s)
    return np.concatenate([lead, rest])
