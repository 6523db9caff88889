"""Bars of a recording: how many beats they have, and which beats begin one.

Every beat has marks: what begins on it, and how the harmony changes there. From them come the
likelihoods of a bar's first beat, of its middle and of any other; the best succession of bars is
found by dynamic programming (Papadopoulos and Peeters, "Joint estimation of chords and downbeats
from an audio signal", 2011, have the same cues).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cambiata.score.midi import Note
from cambiata.transcription.onset_events import OnsetEvents, standardize

Array = npt.NDArray[np.float64]

# Weights of a beat's marks (count, loudness, duration, depth, flux, bass flux of its event; change
# of the pitch classes from the beat before to this one and from the two before to two from here;
# whether nothing begins on it; a constant) for first beats, the middle of four, and others:
# multinomial regression on the 72 renders of `beats.py`, velocities as the network of then gave
# them: fitted anew with those by level, bars were worse there (F .81 for .84).
_WEIGHTS = np.array(
    [
        [-0.26, 0.13, 0.17, 0.11, 0.25, 0.08, 0.11, 0.11, -0.1, 0.55],
        [0.14, -0.09, 0.04, 0.04, -0.06, 0.02, 0.18, 0.08, -0.2, -1.39],
        [0.12, -0.04, -0.21, -0.15, -0.18, -0.1, -0.29, -0.19, 0.29, 0.84],
    ]
)
_SHARES = np.array([-0.88, -2.86, -0.64])  # log of how many beats are of these kinds
_NEIGHBOURS = 8  # beats to either side that a beat is compared with: two bars of four
_NEAR_S = 0.07  # of a beat: its event
_LEAST_S = 0.03  # of a note in a beat that counts for its harmony
# Log-likelihood of metres of 2, 3 and 4 beats; by their errors on the renders.
_METRES = {2: -1.0, 3: -2.0, 4: 0.0}
_IRREGULAR = -8.0  # log-likelihood of a bar that is longer or shorter than the others


@dataclass(frozen=True, eq=False)
class Bars:
    """How many beats a bar has, and the place of each beat in its bar, from 0 [B]."""

    n_beats: int
    place: npt.NDArray[np.int64]


def find_bars(beat_s: Array, events: OnsetEvents, notes: Sequence[Note]) -> Bars:
    """The bars that some beats make."""
    marks = _marks(beat_s, events, notes)
    logits = np.column_stack([marks, np.ones(len(marks))]) @ _WEIGHTS.T
    log_share = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return _best_bars(log_share - _SHARES)


def _marks(beat_s: Array, events: OnsetEvents, notes: Sequence[Note]) -> Array:
    """Marks of beats [B, D], beside their neighbours'."""
    nearest = np.abs(events.time_s[None] - beat_s[:, None]).argmin(axis=1)
    has_event = np.abs(events.time_s[nearest] - beat_s) < _NEAR_S
    of_events = np.stack(
        [
            events.count,
            events.loudness,
            events.duration,
            events.depth,
            events.flux,
            events.bass_flux,
        ],
        axis=1,
    )[nearest]
    of_events[~has_event] = np.nan
    classes = _pitch_classes(beat_s, notes)
    marks = np.column_stack([of_events, _change(classes, 1), _change(classes, 2), ~has_event])
    beside = np.empty_like(marks)
    for i in range(len(marks)):
        near = marks[max(0, i - _NEIGHBOURS) : i + _NEIGHBOURS + 1]
        known = ~np.isnan(near)
        mean = np.where(known, near, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        beside[i] = np.nan_to_num(marks[i] - mean)
    return standardize(beside)


def _pitch_classes(beat_s: Array, notes: Sequence[Note]) -> Array:
    """How long each pitch class sounds in each beat, in seconds [B, 12]."""
    classes = np.zeros((len(beat_s), 12))
    ends_s = np.append(beat_s[1:], 2 * beat_s[-1] - beat_s[-2]) - _LEAST_S
    begins_s = beat_s - _LEAST_S
    for note in notes:
        first = int(np.searchsorted(ends_s, note.start_s, side="right"))
        for i in range(first, len(beat_s)):
            sounds_s = min(note.end_s, ends_s[i]) - max(note.start_s, begins_s[i])
            if begins_s[i] >= note.end_s:
                break
            if sounds_s > _LEAST_S:
                classes[i, note.pitch % 12] += min(sounds_s, 1.0)
    return classes


def _change(classes: Array, reach: int) -> Array:
    """1 less the likeness of the pitch classes of some beats from here on to those before [B]."""
    total = np.vstack([np.zeros(12), np.cumsum(classes, axis=0)])
    at = np.arange(len(classes))
    before = total[at] - total[np.maximum(at - reach, 0)]
    after = total[np.minimum(at + reach, len(classes))] - total[at]
    norm = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    return np.asarray(1 - (before * after).sum(axis=1) / (norm + 1e-6))


def _best_bars(log_likelihood: Array) -> Bars:
    """The most likely bars, of log-likelihoods of first, middle and other beats [B, 3]."""
    best, found = -np.inf, None
    for n_beats, prior in _METRES.items():
        kinds = [0 if p == 0 else 1 if (n_beats, p) == (4, 2) else 2 for p in range(n_beats)]
        of_places = log_likelihood[:, kinds]
        score, came_from = of_places[0].copy(), []
        for own in of_places[1:]:
            regular, irregular = np.roll(score, 1), score.max() + _IRREGULAR
            source = (np.arange(n_beats) - 1) % n_beats
            came_from.append(np.where(regular >= irregular, source, score.argmax()))
            score = np.maximum(regular, irregular) + own
        if score.max() + prior > best:
            best = float(score.max() + prior)
            path = [int(score.argmax())]
            for sources in reversed(came_from):
                path.append(int(sources[path[-1]]))
            found = Bars(n_beats, np.array(path[::-1]))
    assert found is not None  # three metres were tried
    return found
