"""Tempo of notes: how many beats a minute, and where the first beat lies.

Ellis, "Beat tracking by dynamic programming", Journal of New Music Research 2007, section 3: onset
strength is compared with itself some time later; the tempo is the delay at which it is most alike,
weighted by a normal distribution over the logarithm of tempo, as listeners tap near 120 a minute.
We take the notes for onset strength instead of a spectrogram. Where the beat is steady, its exact
tempo is the one at which all onsets lie most nearly on beats and half beats.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cambiata.errors import InputError, warn
from cambiata.score.midi import Note

SLOWEST_QPM, FASTEST_QPM = 20.0, 400.0  # a file's tempo; beyond these a number is a slip
_FRAME_S, _BLUR_S = 0.01, 0.02  # detected onsets lie up to 10 ms off, players' own up to 20
# Tempos that are tried, in steps of 1 %. Ellis' distribution is as wide: 0.9 octaves.
_TRIED_QPM = np.geomspace(40, 240, 180)
_MIDDLE_QPM, _OCTAVES = 120.0, 0.9
_MULTIPLES = 4  # a tempo is judged by delays of one beat to four: a bar
_MIN_ONSETS = 4
# The exact tempo is looked for within 2 % of the one tried, in steps of 0.01 %: in ten minutes they
# move the last beat by a tenth of one.
_NEAR, _STEP = 0.02, 1e-4
# Mean length of onsets on a circle of half a beat: even music has 0.8 and more, chance about 0.2.
_STEADY = 0.5
# Share of the onsets that have another one a beat later; a third of random ones do.
_LEAST_ALIKE = 0.25

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Beat:
    """A tempo, and where its first beat lies."""

    qpm: float  # quarter notes a minute
    first_s: float | None  # None where beats are not steady


def find_beat(notes: Sequence[Note]) -> Beat | None:
    """The beat of notes; None where there are too few, or they have none."""
    onset_s, weight = _onsets(notes)
    if len(onset_s) < _MIN_ONSETS:
        return None
    alike = _self_similarity(onset_s, weight)
    delays = (60 / _TRIED_QPM)[:, None] * np.arange(1, _MULTIPLES + 1) / _FRAME_S
    likeness = np.interp(delays, np.arange(len(alike)), alike, right=0.0)
    prior = np.exp(-0.5 * (np.log2(_TRIED_QPM / _MIDDLE_QPM) / _OCTAVES) ** 2)
    best = int(np.argmax(likeness.mean(axis=1) * prior))
    if likeness[best].max() < _LEAST_ALIKE:
        return None
    near = _TRIED_QPM[best] * np.arange(1 - _NEAR, 1 + _NEAR, _STEP)
    half = np.abs(_pulse(onset_s, weight, near / 30))
    pulse = half + np.abs(_pulse(onset_s, weight, near / 60))
    exact = int(np.argmax(pulse))
    if half[exact] < _STEADY:
        return Beat(float(_TRIED_QPM[best]), None)
    return beat_at(notes, float(near[exact]))


def beat_at(notes: Sequence[Note], qpm: float) -> Beat:
    """The beat of notes whose tempo is known."""
    phase = np.angle(_pulse(*_onsets(notes), np.array([qpm / 60]))[0]) / (2 * np.pi)
    # What lies just before a beat belongs to the one at 0.
    first_s = (phase + 1e-3) % 1.0 - 1e-3
    return Beat(qpm, float(max(first_s, 0.0) * 60 / qpm))


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


def beat_asked_for(name: str, notes: Sequence[Note], tempo: float | str | None) -> Beat | None:
    """The beat that is asked for; None for none, and where none is found."""
    if tempo is None:
        return None
    if not isinstance(tempo, str):
        return beat_at(notes, tempo)
    beat = find_beat(notes)
    if beat is None:
        problem = "no beat was found in it; 120 a minute is written"
    elif beat.first_s is None:
        problem = f"its beat is not steady; {beat.qpm:.0f} a minute is written"
    else:
        return beat
    warn(f"{name}: {problem}")
    return beat


def _onsets(notes: Sequence[Note]) -> tuple[Array, Array]:
    """Times of notes and their weights; of a chord, the root of its notes' number together."""
    onset_s = np.array(sorted(note.start_s for note in notes), np.float64)
    place = np.round(onset_s / (2 * _BLUR_S)).astype(np.int64)
    _, index, count = np.unique(place, return_inverse=True, return_counts=True)
    return onset_s, 1 / np.sqrt(count[index])


def _self_similarity(onset_s: Array, weight: Array) -> Array:
    """Likeness of onset strength to itself later, by delay in frames; 1 at none."""
    n_frames = int(onset_s[-1] / _FRAME_S) + 8
    strength = np.bincount(np.round(onset_s / _FRAME_S).astype(np.int64), weight, n_frames)
    reach = np.arange(-3, 4) * _FRAME_S
    strength = np.convolve(strength, np.exp(-0.5 * (reach / _BLUR_S) ** 2))
    alike = np.fft.irfft(np.abs(np.fft.rfft(strength, 2 * len(strength))) ** 2)[: len(strength)]
    return np.asarray(alike / alike[0])


def _pulse(onset_s: Array, weight: Array, hz: Array) -> npt.NDArray[np.complex128]:
    """Mean of the onsets on a circle, once around for each period of the frequencies."""
    # One by one: all at once would take half a gigabyte for an hour of piano.
    sums = [np.exp(2j * np.pi * each * onset_s) @ weight for each in hz]
    return np.asarray(np.array(sums) / max(weight.sum(), 1e-20))
