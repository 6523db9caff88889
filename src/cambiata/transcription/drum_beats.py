"""Beats and bars of drums: by the tracker for all music, and by what kicks and snares are for.

The tracker takes running eighths of a hat for divisions of a beat twice as long; where most of
the kicks or of the snares then fall between the beats, the beat is half of it.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cambiata.errors import warn
from cambiata.score.midi import Note
from cambiata.transcription.beats import track_beats
from cambiata.transcription.onset_events import NO_FLUX, find_events
from cambiata.transcription.tempo import BeatGrid, grid_of

_KICKS, _SNARES, _CRASHES = (35, 36), (37, 38, 39, 40), (49, 52, 55, 57)
# What speaks for a beat being the first of a bar, by hits on it: kicks and crashes are struck on
# the first beat, snares on the others. Loops and takes begin with a bar more often than not, which
# is worth two kicks in every bar. Chosen by hand on grooves of the Groove MIDI Dataset.
_FIRST_KICK, _FIRST_CRASH, _FIRST_SNARE, _BACKBEAT, _BEGINS = 1.0, 1.0, -1.0, 0.5, 2.0
NEAR = 0.2
"""Of a beat: what is nearer to a beat is on it."""

_BEGINNING_S = 0.1  # a loop's first hit comes before that
_LONGEST_S, _SHORTEST_S = 1.1, 0.375  # of a beat that is halved, and that comes of it
# Share of the kicks, or of the snares, between beats from which what lies there are beats too.
_BETWEEN = 0.6
# Loops begin on a beat nearly always. Of 1.3, 2 and 3 the best on validation grooves and loops cut
# from them.
_BEGINS_ON_BEAT = 3.0
_STEADY_S = 0.035  # of beats from a line: what the tracker's and a good player's are off
_N_BEATS = 4  # of a bar, where nothing else is said
_PHASES = 48  # places in a beat among which that of a given tempo is sought

Array = npt.NDArray[np.float64]


def drum_grid(name: str, notes: Sequence[Note], tempo: float | str | None) -> BeatGrid | None:
    """Beats and bars of four of drums; None where none are asked for, and where none are found."""
    if tempo is None:
        return None
    beat_s = steady_beats(notes, 60 / tempo) if not isinstance(tempo, str) else find_beats(notes)
    if beat_s is None:
        warn(f"{name}: no beat was found in it; 120 a minute is written")
        return None
    beat_s[0] = max(0.0, beat_s[0])
    place = (np.arange(len(beat_s)) - first_beat(beat_s, notes, _N_BEATS)) % _N_BEATS
    return grid_of(beat_s, _N_BEATS, place)


def find_beats(notes: Sequence[Note]) -> Array | None:
    """Beats of drums [B]; None where they have none."""
    track = track_beats(find_events(notes, NO_FLUX))
    if track is None:
        return None
    beat_s = track.time_s
    period_s = float(np.median(np.diff(beat_s)))
    if period_s / 2 >= _SHORTEST_S:
        halves = np.sort(np.concatenate([beat_s, (beat_s[:-1] + beat_s[1:]) / 2]))
        shares = [
            float(between / max(on + between, 1e-6))
            for on, between in (_struck(notes, keys, halves, 2) for keys in (_SNARES, _KICKS))
        ]
        if period_s > _LONGEST_S or max(shares) > _BETWEEN:
            beat_s = halves
    beat_s = _begun(_straightened(beat_s, notes), notes)
    shifted = beat_s + np.gradient(beat_s) / 2
    shifted = _begun(shifted if len(shifted) > 1 else beat_s, notes)
    return max((beat_s, shifted), key=lambda beats: _weight(beats, notes))


def _weight(beat_s: Array, notes: Sequence[Note]) -> float:
    """How much of kicks and snares is on beats, and whether the first hit of a loop is."""
    struck = float(_struck(notes, (*_SNARES, *_KICKS), beat_s, 1)[0])
    first_s = notes[0].start_s
    near = np.abs(beat_s - first_s).min() < NEAR * float(np.diff(beat_s).mean())
    return struck * (_BEGINS_ON_BEAT if near and first_s < _BEGINNING_S else 1.0)


def _straightened(beat_s: Array, notes: Sequence[Note]) -> Array:
    """Beats on one line where they are as near to it as players keep time; else as they are."""
    onset_s = np.array([note.start_s for note in notes])
    number = np.abs(onset_s[:, None] - beat_s).argmin(axis=1)
    near = np.abs(onset_s - beat_s[number]) < NEAR * float(np.diff(beat_s).mean())
    if len(np.unique(number[near])) < 2:
        return beat_s
    period_s, begin_s = np.polyfit(number[near], onset_s[near], 1)
    line_s = begin_s + period_s * np.arange(len(beat_s))
    is_steady = float(np.abs(line_s - beat_s).max()) < _STEADY_S
    return np.asarray(line_s) if is_steady else beat_s


def steady_beats(notes: Sequence[Note], period_s: float) -> Array:
    """Beats of a period that is known, where most is struck on them."""
    onset_s, hard = (np.array([getattr(n, x) for n in notes]) for x in ("start_s", "velocity"))
    phases = np.arange(_PHASES) / _PHASES
    off = (onset_s / period_s - phases[:, None] + 0.5) % 1 - 0.5
    best = int((np.exp(-0.5 * (off / (NEAR / 2)) ** 2) @ hard).argmax())
    near = np.abs(off[best]) < NEAR
    mean_off = float(np.average(off[best][near], weights=hard[near]))
    beat_s = period_s * (phases[best] + mean_off + np.arange(onset_s[-1] / period_s + 2))
    return _begun(beat_s, notes)


def first_beat(beat_s: Array, notes: Sequence[Note], n_beats: int) -> int:
    """Number of the first beat that begins a bar, by what is struck on which beat."""
    kicks, snares, crashes = (
        _struck(notes, keys, beat_s, n_beats) / max(1.0, len(beat_s) / n_beats)
        for keys in (_KICKS, _SNARES, _CRASHES)
    )
    near_s = NEAR * float(np.diff(beat_s).mean())

    def rating(first: int) -> float:
        backbeats = {(first + 1) % n_beats, (first + n_beats - 1) % n_beats} - {first}
        begins = abs(notes[0].start_s - beat_s[first]) < near_s and beat_s[first] < _BEGINNING_S
        return float(
            _FIRST_KICK * kicks[first]
            + _FIRST_CRASH * crashes[first]
            + _FIRST_SNARE * snares[first]
            + _BACKBEAT * sum(snares[beat] for beat in backbeats)
            + _BEGINS * begins
        )

    return max(range(min(n_beats, len(beat_s) - 1)), key=rating)


def _struck(notes: Sequence[Note], keys: Sequence[int], beat_s: Array, n_beats: int) -> Array:
    """How hard drums are struck on each beat of a bar of so many [n_beats], all bars together."""
    onset_s = np.array([note.start_s for note in notes])
    number = np.abs(onset_s[:, None] - beat_s).argmin(axis=1)
    on_beat = np.abs(onset_s - beat_s[number]) < NEAR * np.gradient(beat_s)[number]
    chosen = on_beat & np.array([note.pitch in keys for note in notes])
    hard = np.array([note.velocity / 127 for note in notes])
    return np.bincount(number[chosen] % n_beats, hard[chosen], n_beats).astype(np.float64)


def _begun(beat_s: Array, notes: Sequence[Note]) -> Array:
    """Beats from the one that the first hit is on, or follows; two at least."""
    period_s = float(np.diff(beat_s)[:4].mean()) if len(beat_s) > 1 else _LONGEST_S
    while beat_s[0] > notes[0].start_s + NEAR * period_s and beat_s[0] >= period_s:
        beat_s = np.concatenate([[beat_s[0] - period_s], beat_s])
    return beat_s if len(beat_s) > 1 else np.append(beat_s, beat_s[0] + period_s)
