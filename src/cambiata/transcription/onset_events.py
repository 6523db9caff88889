"""What begins when in a recording: chords as one event each, with what marks a beat in them.

Marks of an event are compared with those of its neighbours and with their spread in the recording,
so that soft and loud, thick and thin music give the same numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cambiata.partials.posteriors import BANDS
from cambiata.score.midi import Note

Array = npt.NDArray[np.float64]
Roll = npt.NDArray[np.float32]

# Notes of a chord follow each other by less than this, and all of them within 1.6 times as much:
# hands are 10 to 30 ms apart (Goebl 2001), the fastest repeats that are told apart 100 ms.
CHORD_S, _WHOLE_CHORD = 0.035, 1.6
# Flux is the rise over two frames (46 ms), since the attack of a note fills about as much, of
# levels that are above the noise. The lowest 81 bands are those of the bass, up to B2.
_FLUX_FRAMES, _FLOOR_DB, _BASS_BANDS = 2, -60.0, 81
_NEIGHBOURS_S = 3.0  # of an event to either side: a bar or two
_SHORTEST_S = 0.03


@dataclass(frozen=True, eq=False)
class Flux:
    """Rise of the level of a recording's bands, as dB over bands, per frame of `BANDS`."""

    whole: Roll  # [L]
    bass: Roll  # [L]

    def part(self, frames: slice) -> "Flux":
        """Some of the frames."""
        return Flux(self.whole[frames], self.bass[frames])

    @classmethod
    def joined(cls, parts: Sequence["Flux"]) -> "Flux":
        """Several one after another."""
        whole, bass = ([getattr(each, name) for each in parts] for name in ("whole", "bass"))
        return cls(np.concatenate(whole), np.concatenate(bass))


NO_FLUX = Flux(np.zeros(0, np.float32), np.zeros(0, np.float32))
"""Of notes whose sound was not looked at."""


def flux(bands_db: Roll) -> Flux:
    """Spectral flux of bands [F, L]: Dixon 2006, section 2.2, over levels in dB."""
    floored = np.maximum(bands_db[: BANDS.n_bins], np.float32(_FLOOR_DB))
    rise = np.maximum(floored[:, _FLUX_FRAMES:] - floored[:, :-_FLUX_FRAMES], 0)
    rise = np.pad(rise, ((0, 0), (1, _FLUX_FRAMES - 1)))[:, : bands_db.shape[1]]
    return Flux(rise.mean(axis=0), rise[:_BASS_BANDS].mean(axis=0))


@dataclass(frozen=True, eq=False)
class OnsetEvents:
    """Chords and single notes in the order of time."""

    time_s: Array  # [N]
    count: Array  # notes, as a logarithm [N]
    loudness: Array  # highest velocity [N]
    duration: Array  # of the longest note, as a logarithm [N]
    depth: Array  # how low its lowest note is, in octaves [N]
    before: Array  # time since the event before, as a logarithm [N]
    flux: Array  # [N]
    bass_flux: Array  # [N]
    members: tuple[npt.NDArray[np.int64], ...]  # indices of its notes


def group_chords(start_s: Array) -> list[npt.NDArray[np.int64]]:
    """Indices of notes that are struck together, of onsets in their order."""
    groups: list[list[int]] = []
    for i, at in enumerate(start_s.tolist()):
        if (
            groups
            and at - start_s[groups[-1][-1]] < CHORD_S
            and at - start_s[groups[-1][0]] < CHORD_S * _WHOLE_CHORD
        ):
            groups[-1].append(i)
        else:
            groups.append([i])
    return [np.array(each) for each in groups]


def find_events(notes: Sequence[Note], strength: Flux) -> OnsetEvents:
    """Events of notes in their order, with the sound's flux at each."""
    start_s, end_s, pitch, velocity = (
        np.array([getattr(note, name) for note in notes], np.float64)
        for name in ("start_s", "end_s", "pitch", "velocity")
    )
    groups = group_chords(start_s)
    time_s = np.array([np.average(start_s[g], weights=velocity[g]) for g in groups])
    gap = np.log(np.maximum(np.diff(time_s), _SHORTEST_S))
    longest = np.array([(end_s[g] - start_s[g]).max() for g in groups])
    return OnsetEvents(
        time_s,
        np.log([len(g) for g in groups]),
        np.array([velocity[g].max() for g in groups]),
        np.log(np.maximum(longest, _SHORTEST_S)),
        np.array([-pitch[g].min() / 12 for g in groups]),
        np.append(gap.mean() if len(gap) else 0.0, gap),
        _peaks(strength.whole, time_s),
        _peaks(strength.bass, time_s),
        tuple(groups),
    )


def _peaks(values: Roll, time_s: Array) -> Array:
    """Highest flux from a frame before to two frames after some moments."""
    if not len(values):
        return np.zeros(len(time_s))
    at = np.round(time_s / BANDS.frame_s).astype(np.int64)
    near = np.clip(at[:, None] + np.arange(-1, 3), 0, len(values) - 1)
    return np.asarray(values[near].max(axis=1), np.float64)


def standardize(marks: Array) -> Array:
    """Marks [N, D] in units of their spread; those that never change stay 0."""
    return np.asarray(marks / np.maximum(marks.std(axis=0), 1e-6))


def less_neighbours(marks: Array, time_s: Array) -> Array:
    """Marks [N, D] less the mean of the events around each."""
    first = np.searchsorted(time_s, time_s - _NEIGHBOURS_S)
    last = np.searchsorted(time_s, time_s + _NEIGHBOURS_S)
    total = np.vstack([np.zeros(marks.shape[1]), np.cumsum(marks, axis=0)])
    return np.asarray(marks - (total[last] - total[first]) / (last - first)[:, None])
