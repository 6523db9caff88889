"""Beats of a recording, its tempo changes followed.

Onsets are taken for an inhomogeneous Poisson process of the place in the beat, as by Whiteley,
Cemgil and Godsill ("Bayesian modelling of temporal structure in musical audio", ISMIR 2006), and
the tempo for a chain that changes from beat to beat (Krebs, Böck and Widmer, "An efficient
state-space model for joint tempo and meter tracking", ISMIR 2015). Where we differ: an event has
marks (how many notes, how long, how low, how loud) that say how likely it lies on a beat; and the
best succession of beats is found beat by beat, not frame by frame, which takes a fiftieth of the
states.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cambiata.transcription.onset_events import OnsetEvents, less_neighbours, standardize

Array = npt.NDArray[np.float64]

# Weights of an event's marks (count, loudness, duration, depth, flux, time before it) and a
# constant for the logarithm of the odds that it lies on a beat, of which _PRIOR is what an event
# has without marks. Logistic regression on 72 renders (24 chorales, 24 tunes alone, 24 with chords
# to them) by training fonts, from the works that may be trained on; area under the curve on the
# other half of them .90 and .91.
_WEIGHTS = np.array([1.37, 0.27, 1.0, 0.15, 0.76, -0.29])
_CONSTANT, _PRIOR = -0.75, -0.54
_MOST = 4.0  # of these odds: no single event outweighs two beats

_FRAMES_HZ = 100
# 37 to 222 beats a minute in steps of 2.9 %. Tempos are most likely near 100 a minute: the
# logarithm of the period has a normal distribution about 0.6 s, of .45, for the first beat, and a
# fifth of its weight for every other (0.1 to 0.4 serve alike on the renders, 0 and 0.8 less).
_PERIODS = np.unique(np.round(np.geomspace(0.27, 1.6, 64) * _FRAMES_HZ).astype(np.int64))
_USUAL_S, _SPREAD, _PULL = 0.6, 0.45, 0.2
# From beat to beat a period changes by 4 % for one unit of log-likelihood; at most six units, so
# that a pause or a new tempo costs as much as three events off the beat.
_CHANGE, _MOST_CHANGE = 0.04, 6.0
_ON_BEAT, _ELSEWHERE = 0.85, 0.06  # events that a beat has on it, and at no place of a division
_SPREAD_S = 0.025  # of events about their place: players' timing, and the detector's
# Log-likelihood an event more than chance; less is no beat. Renders have .14 and more, 95 % of them
# .49; onsets at random, with marks at random, .17 and less but for one of twenty.
_SURE = 0.18


@dataclass(frozen=True)
class _Division:
    """How many events a beat has at its parts, and the log-likelihood of such music."""

    events: tuple[float, ...]
    bias: float = 0.0


# Halves, running quarters, hardly anything, thirds, running thirds. By hand: one constant set of
# masses would take running semiquarters for triplets, and a tune of quarter notes for one of half
# the tempo. Music divides its beats by two about twenty times as often.
_DIVISIONS = (
    _Division((0.12, 0.45, 0.12)),
    _Division((0.6, 0.7, 0.6)),
    _Division((0.02, 0.2, 0.02)),
    _Division((0.35, 0.5), -3.0),
    _Division((0.8, 0.85), -3.0),
)


@dataclass(frozen=True, eq=False)
class BeatTrack:
    """Beats in seconds [B] from the first event or just before, and whether they have thirds."""

    time_s: Array
    is_ternary: bool


def track_beats(events: OnsetEvents) -> BeatTrack | None:
    """The beats of some events; None where they have none."""
    if len(events.time_s) < 4:
        return None
    marks = np.stack(
        [
            events.count,
            events.loudness,
            events.duration,
            events.depth,
            events.flux,
            events.before,
        ],
        axis=1,
    )
    marks = standardize(less_neighbours(marks, events.time_s))
    odds = np.clip(marks @ _WEIGHTS + _CONSTANT - _PRIOR, -_MOST, _MOST)
    frames, score, division = _best_path(events.time_s, odds)
    span_s = float(events.time_s[-1] - events.time_s[0])
    if span_s <= 0:
        return None
    by_chance = len(odds) * (np.log(len(odds) / span_s) - 1)
    if score - by_chance < _SURE * len(odds):
        return None
    time_s = _refined(frames / _FRAMES_HZ, events)
    first = max(0, int(np.searchsorted(time_s, events.time_s[0] + 2 * _SPREAD_S)) - 1)
    return BeatTrack(time_s[first:], len(_DIVISIONS[division].events) == 2)


def _best_path(time_s: Array, odds: Array) -> tuple[Array, float, int]:
    """Frames of the most likely beats, their log-likelihood, and the division of the beat.

    The best path to each frame and period comes from the frame a period earlier.
    """
    pad = int(_PERIODS.max()) + 2
    places = np.round(time_s * _FRAMES_HZ).astype(np.int64) + pad
    n_frames = int(places[-1]) + pad + 1
    n_kinds, n_periods = len(_DIVISIONS), len(_PERIODS)
    log_period = np.log(_PERIODS / _FRAMES_HZ)
    steps, costs = _changes(log_period)
    begin = -0.5 * ((log_period - np.log(_USUAL_S)) / _SPREAD) ** 2
    # What a frame's best beats give to one that begins there, of the last `pad` frames.
    onward = np.full((pad, n_kinds, n_periods), -np.inf)
    came_from = np.full((n_frames, n_kinds, n_periods), -1, np.int8)
    every = np.arange(n_periods)
    tail = np.full((n_frames - int(places[-1]), n_kinds, n_periods), -np.inf)
    pull = _PULL * begin
    for frame, segments in enumerate(_segments(places, odds, n_frames)):
        best = np.full((n_kinds, n_periods), -np.inf)
        if frame >= _PERIODS[0]:
            n_back = int(np.searchsorted(_PERIODS, frame, side="right"))
            back = (frame - _PERIODS[:n_back]) % pad
            best[:, :n_back] = (segments + pull)[:, :n_back] + onward[back, :, every[:n_back]].T
        near = best[:, steps] + costs  # [kinds, periods, steps]
        source, highest = steps[every, near.argmax(axis=2)], near.max(axis=2)
        anywhere = best.argmax(axis=1)
        jump = best[np.arange(n_kinds), anywhere][:, None] - _MOST_CHANGE
        source = np.where(jump > highest, anywhere[:, None], source)
        highest = np.maximum(highest, jump)
        if frame < pad:  # beats may begin here
            source = np.where(begin >= highest, -1, source)
            highest = np.maximum(highest, begin)
        onward[frame % pad], came_from[frame] = highest, source
        if frame >= places[-1]:
            tail[frame - int(places[-1])] = best
    tail = tail + np.array([each.bias for each in _DIVISIONS])[:, None]
    last, kind, period = (int(i) for i in np.unravel_index(int(tail.argmax()), tail.shape))
    score, frame = float(tail[last, kind, period]), last + int(places[-1])
    beats = [frame]
    while period >= 0:
        frame -= int(_PERIODS[period])
        beats.append(frame)
        period = int(came_from[frame, kind, period])
    return np.array(beats[::-1], np.float64) - pad, score, kind


def _changes(log_period: Array) -> tuple[npt.NDArray[np.int64], Array]:
    """For each period the periods that may precede it, and the log-likelihood of the change."""
    step = float(np.diff(log_period).max())
    reach = int(_MOST_CHANGE * _CHANGE / step) + 1
    steps = np.arange(len(log_period))[:, None] + np.arange(-reach, reach + 1)
    steps = np.clip(steps, 0, len(log_period) - 1)
    return steps, -np.abs(log_period[steps] - log_period[:, None]) / _CHANGE


# Log-likelihoods are computed for so many frames at once: 82 s, some 17 MB.
_AT_ONCE = 8192


def _segments(places: npt.NDArray[np.int64], odds: Array, n_frames: int) -> Iterator[Array]:
    """Frame by frame the log-likelihood of a beat that ends there [kinds, periods]."""
    import scipy.signal  # here: it takes longer to import than all of the command line

    kernels = [[_kernel(int(period), each) for period in _PERIODS] for each in _DIVISIONS]
    masses = np.array([_ON_BEAT + _ELSEWHERE + sum(each.events) for each in _DIVISIONS])
    reach = int(_PERIODS.max())
    counts = np.bincount(places, minlength=n_frames).astype(np.float64)
    weighted = np.bincount(places, odds, n_frames)
    for first in range(0, n_frames, _AT_ONCE):
        inside = slice(max(0, first - reach), first + _AT_ONCE)
        lead = first - inside.start
        found = np.empty((min(_AT_ONCE, n_frames - first), len(_DIVISIONS), len(_PERIODS)))
        for kind, of_kind in enumerate(kernels):
            for i, (density, share) in enumerate(of_kind):
                total = scipy.signal.oaconvolve(counts[inside], density)
                total += scipy.signal.oaconvolve(weighted[inside], share)
                found[:, kind, i] = total[lead : lead + len(found)]
        yield from found - masses[:, None]


def _kernel(period: int, division: _Division) -> tuple[Array, Array]:
    """Log density of events by frames before a beat's end, and the share of those on beats."""
    period_s = period / _FRAMES_HZ
    before_s = np.arange(period) / _FRAMES_HZ

    def bump(place: float) -> Array:
        away = np.abs(before_s - (1 - place) * period_s)
        away = np.minimum(away, period_s - away)
        height = 1 / (_SPREAD_S * np.sqrt(2 * np.pi))
        return np.asarray(height * np.exp(-0.5 * (away / _SPREAD_S) ** 2))

    on_beat = _ON_BEAT * bump(0.0)
    parts = len(division.events) + 1
    off_beat = _ELSEWHERE / period_s + sum(
        n * bump((i + 1) / parts) for i, n in enumerate(division.events)
    )
    return np.log(on_beat + off_beat), on_beat / (on_beat + off_beat)


def _refined(beat_s: Array, events: OnsetEvents) -> Array:
    """Beats moved to the events that they are meant for; those between, to even places."""
    nearest = np.abs(events.time_s[None] - beat_s[:, None]).argmin(axis=1)
    at = events.time_s[nearest]
    has_event = np.flatnonzero(np.abs(at - beat_s) < 2 * _SPREAD_S)
    refined = beat_s.copy()
    if len(has_event):
        inner = np.arange(has_event[0], has_event[-1] + 1)
        refined[inner] = np.interp(inner, has_event, at[has_event])
    return refined
