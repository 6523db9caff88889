"""Pitch of a recorded note, and whether it is one note: period, comb of partials, what is left."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.fft

from cambiata.arrays import Samples

# Piano keys and a fifth beyond them either way.
_LOWEST_HZ, _HIGHEST_HZ = 18.0, 6500.0
# De Cheveigne & Kawahara (2002) take the first dip under 0.1; chorus and breath need more.
_DIP, _APERIODIC = 0.1, 0.5
_FRAME_S = 0.12  # six periods of the lowest string of a guitar; two of a piano's
_N_FRAMES = 9  # places over the note at which its period is measured
# A frame counts where it is not softer than this below the loudest.
_FAINT_DB = -30.0
# Notes with vibrato of a quarter tone remain one note; two notes lie a semitone apart.
_SAME_SEMITONES = 0.6
_STEADY_SHARE = 0.6  # of the frames, which have to agree


@dataclass(frozen=True)
class NotePitch:
    """Pitch measured of a recording."""

    midi: float  # MIDI number with its fraction
    hz: float
    is_steady: bool  # the same all through: one note, and not several one after the other


def measure_pitch(samples: Samples, sample_rate: int) -> NotePitch | None:
    """Pitch of a note [T]; None where nothing is periodic."""
    midis, weights, _ = _frame_pitches(samples, sample_rate)
    if not len(midis):
        return None
    # The pitch that most of the sound agrees on.
    support = [(weights * (np.abs(midis - midi) < _SAME_SEMITONES)).sum() for midi in midis]
    middle = midis[int(np.argmax(support))]
    near = np.abs(midis - middle) < _SAME_SEMITONES
    # An octave apart is the same note to whom it is: a weak fundamental makes it flicker.
    apart = np.abs((midis - middle + 6) % 12 - 6) < _SAME_SEMITONES
    midi = float(np.median(midis[near]))
    midi = refine_pitch(samples, sample_rate, midi)
    hz = 440 * 2 ** ((midi - 69) / 12)
    return NotePitch(midi, hz, float(np.mean(apart)) >= _STEADY_SHARE)


def changes_pitch(samples: Samples, sample_rate: int, midi: float) -> bool:
    """Whether another pitch, no octave of this one, is heard in two places side by side."""
    midis, _, places = _frame_pitches(samples, sample_rate)
    is_other = np.abs((midis - midi + 6) % 12 - 6) >= _SAME_SEMITONES
    beside = (np.diff(places) == 1) & (np.abs(np.diff(midis)) < _SAME_SEMITONES)
    return bool(np.any(beside & is_other[1:] & is_other[:-1]))


def _frame_pitches(
    samples: Samples, sample_rate: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """MIDI numbers and powers of the places that have a period, and which places these are."""
    length = round(_FRAME_S * sample_rate)
    longest = round(sample_rate / _LOWEST_HZ)
    size = min(len(samples), length + longest)
    starts = np.unique(np.linspace(0, len(samples) - size, _N_FRAMES).astype(int))
    frames = [samples[start : start + size].astype(np.float64) for start in starts]
    powers = np.array([np.mean(frame**2) for frame in frames])
    midis, places = [], []
    for i, (frame, power) in enumerate(zip(frames, powers, strict=True)):
        if power > powers.max() * 10 ** (_FAINT_DB / 10):
            found = _period(frame, sample_rate)
            if found is not None:
                midis.append(69 + 12 * np.log2(sample_rate / found / 440))
                places.append(i)
    return np.array(midis), powers[places], np.array(places, np.int64)


def _period(frame: npt.NDArray[np.float64], sample_rate: int) -> float | None:
    """Period in samples by YIN, refined by a parabola; None where the frame has none."""
    longest = min(round(sample_rate / _LOWEST_HZ), len(frame) // 2)
    shortest = max(2, int(sample_rate / _HIGHEST_HZ))
    if longest <= shortest + 2:
        return None
    frame = frame - frame.mean()
    n = len(frame) - longest
    size = scipy.fft.next_fast_len(len(frame) + n)
    head = scipy.fft.rfft(frame[:n], size)
    correlation = scipy.fft.irfft(np.conj(head) * scipy.fft.rfft(frame, size), size)[:longest]
    power = np.concatenate([[0.0], np.cumsum(frame**2)])
    energy = power[n : n + longest] - power[:longest]
    difference = np.maximum(energy[0] + energy - 2 * correlation, 0)
    lags = np.arange(longest)
    normalised = difference * lags / np.maximum(np.cumsum(difference), 1e-20)
    inner = normalised[shortest:-1]
    if inner.min() > _APERIODIC:
        return None
    # A dip nearly as deep as the deepest is a shorter period of the same sound.
    under = np.flatnonzero(inner < max(_DIP, inner.min() + 0.05))
    lag = shortest + int(under[0])
    while lag + 2 < longest and normalised[lag + 1] < normalised[lag]:
        lag += 1
    before, here, after = difference[lag - 1 : lag + 2]
    curvature = before - 2 * here + after
    shift = 0.5 * (before - after) / curvature if curvature > 0 else 0.0
    return lag + float(np.clip(shift, -1, 1))


def refine_pitch(samples: Samples, sample_rate: int, midi: float) -> float:
    """The pitch by how fast the phases of the lowest partials turn, over most of a second.

    YIN's parabola is some cents off at high pitches, whose period is a few samples.
    """
    hz = 440 * 2 ** ((midi - 69) / 12)
    begin = min(len(samples) // 8, sample_rate // 10)
    part = samples[begin : begin + sample_rate].astype(np.float64)
    if len(part) < 8 * sample_rate / hz:
        return midi
    n = 4 * scipy.fft.next_fast_len(len(part))
    spectrum = np.abs(scipy.fft.rfft(part * np.hanning(len(part)), n))
    ratios, weights = [], []
    # Low partials alone: stiffness pulls the high ones away.
    for number in range(1, 5):
        low, high = (
            round(number * hz * 2 ** (side * 0.4 / 12) * n / sample_rate) for side in (-1, 1)
        )
        if high + 1 >= len(spectrum) or high <= low + 1:
            break
        top = low + int(np.argmax(spectrum[low : high + 1]))
        a, b, c = np.log(spectrum[top - 1 : top + 2] + 1e-20)
        curve = a - 2 * b + c
        place = top + (0.5 * (a - c) / curve if curve < 0 else 0.0)
        ratios.append(place * sample_rate / n / (number * hz))
        # Sharp high partials of stiff strings weigh less: the fundamental is what is tuned.
        weights.append(spectrum[top] / number**2)
    if not ratios:
        return midi
    ratio = float(np.average(ratios, weights=weights))
    return midi + 12 * float(np.log2(ratio)) if 0.97 < ratio < 1.03 else midi
