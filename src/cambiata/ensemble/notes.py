"""The tune of a voice: its notes, its tuning, its vibrato."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from cambiata.ensemble.f0 import FRAME_S, PitchTrack
from cambiata.ensemble.marks import voiced_runs

Floats = npt.NDArray[np.float64]

# A frame that is further off than this costs no more: a glide, an octave mistaken.
_WORST_SEMITONES = 1.5
# What another note costs: 0.1 s that are a semitone off. Lower follows vibrato, higher misses
# short notes.
_CHANGE_COST = 10.0
_SHORTEST = 6  # frames of a note; shorter ones are part of a glide
# Notes that follow each other within this are bound: the voice glides.
_BOUND_FRAMES = 6
# Standard deviation that takes vibrato of 4 Hz and more out of a pitch, and leaves glides.
_SLOW_S = 0.11
# Vibrato of singers is a semitone either way at most; what is further off a note is a glide.
_WIDEST = 1.2
# Within this of a bound note's ends a pitch is a glide, and no vibrato.
_EDGE_FRAMES = 8
_USUAL_VIBRATO_HZ = 5.5  # of singers and strings (Prame 1994: 6.0; Ternstrom's choirs: 5 to 6)
_LEAST_VIBRATO_CENTS = 6.0  # less has no rate that could be measured


@dataclass(frozen=True)
class VoiceNote:
    """A note of a voice, in frames."""

    first: int
    last: int
    pitch: int  # MIDI number
    is_bound: bool  # to the note before, without a rest

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return (self.last - self.first) * FRAME_S


@dataclass(frozen=True, eq=False)
class Tune:
    """What a voice sings."""

    pitch: Floats  # MIDI numbers with fractions, on straight lines where there is no pitch [L]
    is_voiced: npt.NDArray[np.bool_]  # [L]
    notes: tuple[VoiceNote, ...]
    tuning: float  # semitones by which its notes lie above A4 = 440 Hz

    @cached_property
    def steadiness(self) -> Floats:
        """1 within notes, 0 where one glides to the next [L]."""
        steady = np.ones(len(self.pitch))
        frames = np.arange(len(self.pitch))
        for note in self.notes:
            if note.is_bound:
                near = slice(max(0, note.first - _EDGE_FRAMES), note.first + _EDGE_FRAMES)
                away = np.abs(frames[near] - note.first) / _EDGE_FRAMES
                np.minimum(steady[near], away, out=steady[near])
        return steady**2 * (3 - 2 * steady)

    @cached_property
    def vibrato(self) -> Floats:
        """What of the pitch wavers around its course, in semitones [L]; 0 in glides."""
        off = np.zeros(len(self.pitch))
        for note in self.notes:
            # Note by note: its neighbours' pitches are none of its course.
            own = self.pitch[note.first : note.last]
            middle = note.pitch + self.tuning
            near = np.clip(own, middle - _WIDEST, middle + _WIDEST)
            slow = gaussian_filter1d(near, _SLOW_S / FRAME_S, mode="nearest")
            off[note.first : note.last] = near - slow
        return off * self.steadiness

    @cached_property
    def vibrato_depth(self) -> Floats:
        """Half of its whole extent, in semitones, where it is [L]."""
        power = gaussian_filter1d(self.vibrato**2, 0.25 / FRAME_S, mode="nearest")
        return np.asarray(np.sqrt(2 * power))

    @cached_property
    def vibrato_hz(self) -> float:
        """How fast it wavers: that of its crossings, else what is usual."""
        deep = self.is_voiced & (self.vibrato_depth > _LEAST_VIBRATO_CENTS / 100)
        crossings = np.flatnonzero(np.diff(np.sign(self.vibrato)) * deep[1:])
        gaps = np.diff(crossings) * FRAME_S
        gaps = gaps[(gaps > 1 / 18) & (gaps < 1 / 6)]  # half periods of 3 to 9 Hz
        return float(1 / (2 * np.median(gaps))) if len(gaps) >= 8 else _USUAL_VIBRATO_HZ


def read_tune(track: PitchTrack) -> Tune:
    """Tune of a pitch track that has a pitch somewhere."""
    midi, is_voiced = track.midi, track.is_voiced
    frames = np.arange(len(midi))
    pitch = np.interp(frames, frames[is_voiced], midi[is_voiced])
    # Of the course without vibrato, which spends most of its time at its ends.
    slow = gaussian_filter1d(pitch, _SLOW_S / FRAME_S, mode="nearest")[is_voiced]
    tuning = float(np.angle(np.exp(2j * np.pi * slow).mean()) / (2 * np.pi))
    notes: list[VoiceNote] = []
    for first, last in voiced_runs(is_voiced):
        for begin, end, number in _steps(pitch[first:last] - tuning):
            before = notes[-1].last if notes else -_BOUND_FRAMES - 1
            is_bound = first + begin - before <= _BOUND_FRAMES
            if is_bound and notes[-1].pitch == number and begin:
                continue
            notes.append(VoiceNote(first + begin, first + end, number, is_bound))
    return Tune(pitch, is_voiced, tuple(notes), tuning)


def _steps(pitch: Floats) -> list[tuple[int, int, int]]:
    """First frame, the one after the last, and number of each note of a run."""
    low = int(np.floor(pitch.min()))
    numbers = np.arange(low, int(np.ceil(pitch.max())) + 1)
    cost = np.minimum(np.abs(pitch[:, None] - numbers), _WORST_SEMITONES) ** 2
    stays = np.zeros(cost.shape, bool)
    best = np.zeros(len(pitch), np.int64)
    total = cost[0]
    for i in range(1, len(pitch)):
        best[i] = int(total.argmin())
        changed = total[best[i]] + _CHANGE_COST
        stays[i] = total <= changed
        total = np.minimum(total, changed) + cost[i]
    state = int(total.argmin())
    ends, steps = len(pitch), []
    for i in range(len(pitch) - 1, 0, -1):
        if not stays[i, state]:
            steps.append((i, ends, int(numbers[state])))
            state, ends = int(best[i]), i
    steps.append((0, ends, int(numbers[state])))
    return _without_short(steps[::-1])


def _without_short(steps: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Steps, those that are no notes given to the one before, or after."""
    kept: list[tuple[int, int, int]] = []
    pending = 0
    for begin, end, number in steps:
        if end - begin < _SHORTEST:
            if kept:
                kept[-1] = (kept[-1][0], end, kept[-1][2])
            else:
                pending = end
            continue
        begin = 0 if pending and not kept else begin
        if kept and kept[-1][2] == number:
            kept[-1] = (kept[-1][0], end, number)
        else:
            kept.append((begin, end, number))
    return kept or [(steps[0][0], steps[-1][1], steps[len(steps) // 2][2])]
