"""Hits of drums found in a network's posteriors."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cambiata.transcription.drum_bands import DRUM_BANDS

GROUPS = ("kick", "snare", "closed hat", "open hat", "tom", "cymbal")
"""What has an onset posterior of its own."""

TOM, CYMBAL = GROUPS.index("tom"), GROUPS.index("cymbal")
TOM_KINDS = ("low", "mid", "high")
CYMBAL_KINDS = ("crash", "ride")
N_OUTPUTS = 2 * len(GROUPS) + len(TOM_KINDS) + len(CYMBAL_KINDS)
"""Rows of the network's output: onset logits, velocities, logits of kinds of toms, of cymbals."""

ONSET_REACH_FRAMES = 2.5  # half the width of the triangle that an onset is learnt as
# General MIDI's keys: by group, and by kind for toms and cymbals.
_KEYS = {
    "kick": 36,
    "snare": 38,
    "closed hat": 42,
    "open hat": 46,
    "low": 43,
    "mid": 47,
    "high": 50,
    "crash": 49,
    "ride": 51,
}
# Frames to either side among which an onset is the highest: drums are struck at most every 30 ms
# by one hand, so that what is nearer is the same hit.
_NEIGHBOURS = 2
_SAME_S = 0.03  # likewise: within it a hat is struck once

Array = npt.NDArray[np.float32]


class DrumHit(NamedTuple):
    """A hit that was found."""

    onset_s: float
    key: int  # of General MIDI
    velocity: float  # 0 to 1
    certainty: float  # posterior over its drum's threshold


def pick_peaks(posterior: Array, threshold: float) -> tuple[Array, npt.NDArray[np.int64]]:
    """Onsets of one posterior [L] in frames, between frames too, and the frames of their peaks."""
    padded = np.pad(posterior, _NEIGHBOURS, constant_values=-1.0)
    near = np.lib.stride_tricks.sliding_window_view(padded, 2 * _NEIGHBOURS + 1)
    is_peak = (posterior >= threshold) & (near.argmax(axis=1) == _NEIGHBOURS)
    at = np.flatnonzero(is_peak)
    # Where the top of a triangle lies that is sampled at three places.
    before, here, after = (near[at, _NEIGHBOURS + i] for i in (-1, 0, 1))
    slope = np.maximum(after, 0) - np.maximum(before, 0)
    shift = slope * (ONSET_REACH_FRAMES / 2) / np.maximum(here + np.abs(slope) / 2, 1e-6)
    centre = at + np.clip(shift, -0.5, 0.5)
    return centre.astype(np.float32), at


def decode_hits(outputs: Array, thresholds: npt.ArrayLike) -> list[DrumHit]:
    """Hits of the network's outputs [17, L], by their time."""
    n = len(GROUPS)
    posteriors = 1 / (1 + np.exp(-np.clip(outputs[:n], -30, 30)))
    velocities, toms, cymbals = np.split(outputs[n:], [n, n + len(TOM_KINDS)])
    hits = []
    for group, threshold in enumerate(np.asarray(thresholds, np.float32)):
        for onset, at in zip(*pick_peaks(posteriors[group], float(threshold)), strict=True):
            name = GROUPS[group]
            if group == TOM:
                name = TOM_KINDS[int(toms[:, at].argmax())]
            elif group == CYMBAL:
                name = CYMBAL_KINDS[int(cymbals[:, at].argmax())]
            velocity = float(np.clip(velocities[group, at], 0, 1))
            onset_s = max(0.0, float(onset) * DRUM_BANDS.frame_s)
            certainty = float(posteriors[group, at] / threshold)
            hits.append(DrumHit(onset_s, _KEYS[name], velocity, certainty))
    return _one_hat(sorted(hits))


def _one_hat(hits: list[DrumHit]) -> list[DrumHit]:
    """Hits without the less certain of a closed and an open hat at once: there is one hat."""
    hats = [hit for hit in hits if hit.key in (_KEYS["closed hat"], _KEYS["open hat"])]
    doubled = {
        min(first, second, key=lambda hit: hit.certainty)
        for first, second in pairwise(hats)
        if first.key != second.key and second.onset_s - first.onset_s < _SAME_S
    }
    return [hit for hit in hits if hit not in doubled]
