"""Notes with vibrato and glides, played at such a speed that their pitch is steady.

High partials swing by more than the distance between partials; at a steady pitch they stay apart.
"""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage

from cambiata.arrays import Samples
from cambiata.instrument.note_model import Array, track_partials

# The course is read off the lowest partials, whose windows see them wherever they swing to.
_N_PARTIALS = 6
# Attacks have no pitch yet; what is 30 dB softer than the note has none that could be trusted.
_ATTACK_S, _FAINT_DB = 0.04, -30.0
_SMOOTH_S = 0.015  # of the course: a tenth of a fast vibrato
# Less than three cents (standard deviation) move the tenth partial by less than a window tells.
_LEAST = 3 / 1200 * np.log(2)
_MOST = 0.12  # two semitones: more is another note
_SPLINE = 5  # order: up to 0.4 of the rate to -60 dB


@dataclass(frozen=True, eq=False)
class Straightened:
    """A note at a steady pitch."""

    sound: Samples  # [C, T']
    frames: Array  # where the frames of the original are in it, in frames [L]
    hop: int

    def warp(self, sample: float) -> float:
        """Where a sample of the original is."""
        at = np.arange(len(self.frames)) * self.hop
        return float(np.interp(sample, at, self.frames * self.hop))


def straighten(
    sound: Samples, sample_rate: int, frequencies: Array, onset: int, hop: int
) -> Straightened:
    """A note's sound [C, T] at a steady pitch; as it is where it is steady already."""
    n_frames = sound.shape[1] // hop + 2
    course = _course(sound.mean(0), sample_rate, frequencies, onset, hop, n_frames)
    if course is None:
        return Straightened(sound, np.arange(n_frames, dtype=float), hop)
    frames = np.concatenate([[0.0], np.cumsum(1 + course[:-1])])
    n_samples = int(frames[-1] * hop)
    at = np.interp(np.arange(n_samples), frames * hop, np.arange(n_frames) * float(hop))
    moved = [
        scipy.ndimage.map_coordinates(
            channel.astype(np.float64), at[None], order=_SPLINE, mode="constant"
        )
        for channel in sound
    ]
    return Straightened(np.array(moved, np.float32), frames, hop)


def _course(
    mono: Samples, sample_rate: int, frequencies: Array, onset: int, hop: int, n_frames: int
) -> Array | None:
    """Deviation of the pitch from frame to frame, as a share [L]; None where it is steady."""
    lowest = frequencies[:_N_PARTIALS]
    tracks = track_partials(mono, sample_rate, float(lowest[0]), lowest, onset, hop)
    turned = np.angle(tracks[1:] * np.conj(tracks[:-1])) / (2 * np.pi * hop / sample_rate * lowest)
    power = np.abs(tracks[1:]) ** 2
    size = max(1, round(_SMOOTH_S * sample_rate / hop))
    total = scipy.ndimage.uniform_filter1d(power.sum(1), size)
    mean = scipy.ndimage.uniform_filter1d((turned * power).sum(1), size)
    mean = mean / np.maximum(total, 1e-20)
    known = total > 10 ** (_FAINT_DB / 10) * total.max(initial=0.0)
    known &= np.arange(len(known)) * hop > onset + _ATTACK_S * sample_rate
    known &= np.abs(mean) < _MOST
    if known.sum() < 4 or np.std(mean[known]) < _LEAST:
        return None
    frames = np.arange(n_frames)
    return np.asarray(np.interp(frames, np.flatnonzero(known), mean[known]))
