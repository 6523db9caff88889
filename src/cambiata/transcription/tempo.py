"""Tempo map of a transcription: its beats and bars as a score's clock.

The tempo changes no more often than it must so that every beat stays near where it is, since a
player's timing is no change of tempo.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby, pairwise

import numpy as np
import numpy.typing as npt

from cambiata.errors import InputError, warn
from cambiata.score.clock import Clock, Metre
from cambiata.score.midi import Note
from cambiata.transcription.bars import find_bars
from cambiata.transcription.beats import track_beats
from cambiata.transcription.onset_events import Flux, find_events

SLOWEST_QPM, FASTEST_QPM = 20.0, 400.0  # a file's tempo; beyond these a number is a slip
# A beat lies at most so far from where the clock has it: detected onsets lie up to 10 ms off, and
# players' own up to 20. With half of it every second bar had a tempo of its own.
_NEAR_S = 0.025
# A beat given in advance that falls so near to the beginning begins there: music played to a click
# is heard late by an attack and a room.
_AT_BEGINNING_S = 0.04
# Whole beats come before the first, or sixteenths where there is less than one: as near to the
# tempo as a signature can be.
_SHORTEST_LEAD = Fraction(1, 4)

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BeatGrid:
    """Beats of a recording, how they are counted, and the clock that has them."""

    beat_s: Array  # [B]
    beat: Fraction  # length of a beat in quarter notes
    lead: Fraction  # quarter notes before the first beat
    metre: Metre
    first_bar: int  # the first beat that begins a bar
    clock: Clock

    @property
    def qpm(self) -> float:
        """Quarter notes a minute, the median of all beats."""
        return 60 * float(self.beat) / float(np.median(np.diff(self.beat_s)))

    @property
    def first_bar_s(self) -> float:
        """When the first bar begins."""
        return float(self.beat_s[self.first_bar])

    @property
    def origin(self) -> Fraction:
        """Where the first bar begins, in quarter notes."""
        return self.lead + self.first_bar * self.beat

    def quarters(self, seconds: Array) -> Array:
        """Places in the score of some times, counted between the beats themselves."""
        last = len(self.beat_s) - 2
        at = np.clip(np.searchsorted(self.beat_s, seconds, side="right") - 1, 0, last)
        period = np.diff(self.beat_s)[at]
        beats = at + (seconds - self.beat_s[at]) / period
        return np.asarray(float(self.lead) + beats * float(self.beat))


def check_tempo(tempo: float | str | None) -> None:
    """Refuse what is no tempo."""
    if tempo is None or tempo == "auto":
        return
    if isinstance(tempo, str) or not SLOWEST_QPM <= tempo <= FASTEST_QPM:
        raise InputError(
            f"tempo {tempo}",
            "is not a tempo",
            f"use auto, or {SLOWEST_QPM:g} to {FASTEST_QPM:g} beats a minute",
        )


def find_grid(
    name: str, notes: Sequence[Note], strength: Flux, tempo: float | str | None
) -> BeatGrid | None:
    """The beats of notes in their order, or those of a tempo that is given; None for none."""
    if tempo is None:
        return None
    events = find_events(notes, strength)
    is_ternary = False
    if isinstance(tempo, str):
        track = track_beats(events)
        if track is None:
            warn(f"{name}: no beat was found in it; 120 a minute is written")
            return None
        beat_s, is_ternary = track.time_s, track.is_ternary
    else:
        beat_s = _steady_beats(events.time_s, tempo)
    bars = find_bars(beat_s, events, notes)
    return grid_of(beat_s, bars.n_beats, bars.place, is_ternary=is_ternary)


def grid_of(
    beat_s: Array, n_beats: int, place: npt.NDArray[np.int64], *, is_ternary: bool = False
) -> BeatGrid:
    """Grid of beats [B], with each one's place in its bar of so many; with thirds, in eighths."""
    beat = Fraction(3, 2) if is_ternary else Fraction(1)
    metre = Metre(3 * n_beats, 8) if is_ternary else Metre(n_beats, 4)
    inside = beat_s > -_NEAR_S  # what begins off the beat has one before the recording
    beat_s, place = beat_s[inside], place[inside]
    vertices = _straight(beat_s)
    begin_s = vertices[0][1]
    period_s = float(np.diff(beat_s)[:4].mean())
    lead = Fraction(0)
    if begin_s > _NEAR_S:
        beats = begin_s / period_s
        whole = beat if beats >= 1 else _SHORTEST_LEAD
        lead = max(round(float(beat) * beats / float(whole)) * whole, whole)
    else:
        vertices[0] = (0, 0.0)
    corners = [(float(lead + at * beat), at_s) for at, at_s in vertices]
    if lead:
        corners.insert(0, (0.0, 0.0))
    tempos = tuple(
        (at, 60 * (following - at) / (following_s - at_s))
        for (at, at_s), (following, following_s) in pairwise(corners)
    )
    metres = tuple(_metres(lead, beat, metre, place))
    return BeatGrid(beat_s, beat, lead, metre, int(np.argmax(place == 0)), Clock(tempos, metres))


def _steady_beats(onset_s: Array, qpm: float) -> Array:
    """Beats of a tempo that is known, the first at 0 or later, beyond the last onset."""
    period_s = 60 / qpm
    # Where the mean of the onsets lies on a circle of one beat.
    phase = float(np.angle(np.exp(2j * np.pi * onset_s / period_s).mean())) / (2 * np.pi)
    first_s = phase % 1.0 * period_s
    if min(first_s, period_s - first_s) < _AT_BEGINNING_S:
        first_s = 0.0
    n_beats = max(2, int((onset_s[-1] - first_s) / period_s) + 2)
    return np.asarray(first_s + period_s * np.arange(n_beats))


def _straight(beat_s: Array) -> list[tuple[int, float]]:
    """Corners of the fewest straight lines, found one by one, that come near every beat."""
    corners = [(0, float(beat_s[0]))]
    first = 0
    while first < len(beat_s) - 1:
        slowest, fastest = -np.inf, np.inf  # seconds a beat
        last = first + 1
        begin_s = corners[-1][1]
        for at in range(first + 1, len(beat_s)):
            low = (beat_s[at] - _NEAR_S - begin_s) / (at - first)
            high = (beat_s[at] + _NEAR_S - begin_s) / (at - first)
            if max(slowest, low) > min(fastest, high):
                break
            slowest, fastest, last = max(slowest, low), min(fastest, high), at
        period_s = (slowest + fastest) / 2
        corners.append((last, float(begin_s + period_s * (last - first))))
        first = last
    return corners


def _metres(
    lead: Fraction, beat: Fraction, metre: Metre, place: npt.NDArray[np.int64]
) -> list[tuple[float, Metre]]:
    """Where which metre begins: a short bar, bars, and those that a beat more or less makes."""
    firsts = np.flatnonzero(place == 0)
    begins = [lead + int(at) * beat for at in firsts] or [lead]
    bars = [(begin, following - begin) for begin, following in pairwise(begins)]
    bars.append((begins[-1], metre.bar))
    before = begins[0]
    short = before % metre.bar
    spans = [(Fraction(0), short)] if short else []
    if before > short:
        spans.append((short, metre.bar))
    spans += bars
    changes = []
    for length, same in groupby(spans, key=lambda span: span[1]):
        begin = next(same)[0]
        changes.append((float(begin), metre if length == metre.bar else _bar_of(length, metre)))
    return changes


def _bar_of(length: Fraction, metre: Metre) -> Metre:
    """Signature of a bar of another length, in the metre's unit where it fits."""
    unit = metre.unit
    while (length * unit / 4).denominator > 1:
        unit *= 2
    return Metre(int(length * unit / 4), unit)
