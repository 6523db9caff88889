"""Depth of vibrato in a voice's held tones, in cents to either side of the pitch."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cambiata.audio.sound import Audio
from cambiata.errors import MissingExtraError

Curve = npt.NDArray[np.float64]

_RATE_HZ, _FRAME, _HOP = 22050, 2048, 256
_TRACKED_HOP = 2 * _HOP  # of the tracker, which is slow
_LOWEST_HZ, _HIGHEST_HZ = 55.0, 1760.0  # A1 to A6: voices, strings and winds
_N_HARMONICS = 6  # that pitch is read from: higher ones are weak, or lost in noise
_HOP_S = _HOP / _RATE_HZ
# Vibrato is what wavers 4 to 8 times a second (Prame 1994: 5 to 7 Hz; strings up to 8).
_SLOWEST_HZ, _FASTEST_HZ = 4.0, 8.0
_LEAST_S = 0.45  # of a held tone: two periods of the slowest
_JUMP_CENTS = 90.0  # between frames: more is another note. 100 cents at 7 Hz move 51 a frame
_DRIFT_CENTS = 350.0  # of a tone, all in all: more is a glide, or a tracker's errors
_LEAST_CENTS = 10.0  # of a content: less is none


@dataclass(frozen=True)
class HeldTone:
    """A stretch of one voice without a jump."""

    start: int  # frame
    pitch_cents: Curve


def pitch_curve_cents(sound: Audio) -> Curve:
    """Pitch of a voice in cents above 1 Hz every 11.6 ms; not a number where it has none.

    By pYIN (Mauch & Dixon 2014), as librosa has it; of chords it makes little. Its frames of 93 ms
    level vibrato, by a third at 5.5 Hz: pitch is read anew from the phases of the harmonics that
    it found.
    """
    try:
        import librosa
    except ImportError as error:
        raise MissingExtraError("vibrato", "eval") from error

    samples = sound.mono().resampled(_RATE_HZ).samples[0]
    f0_hz, voiced, _ = librosa.pyin(
        samples,
        fmin=_LOWEST_HZ,
        fmax=_HIGHEST_HZ,
        sr=_RATE_HZ,
        frame_length=_FRAME,
        hop_length=_TRACKED_HOP,
        fill_na=None,
    )
    times = np.arange(1 + len(samples) // _HOP) * _HOP
    nearest = np.minimum((times + _TRACKED_HOP // 2) // _TRACKED_HOP, len(f0_hz) - 1)
    if not voiced.any():
        return np.full(len(times), np.nan)
    read_hz = _read_phases(samples, f0_hz, float(np.quantile(f0_hz[voiced], 0.1)))[
        np.minimum(times, len(samples) - 1)
    ]
    curve: Curve = np.where(voiced[nearest], 1200 * np.log2(np.maximum(read_hz, 1.0)), np.nan)
    return curve


def _read_phases(samples: npt.NDArray[np.float32], tracked_hz: Curve, lowest_hz: float) -> Curve:
    """Pitch in Hz at every sample [T], from how fast the harmonics of a tracked pitch turn.

    Each harmonic is moved to 0 Hz and its neighbours are filtered out; what is left turns by what
    the tracker missed.
    """
    from scipy.signal import fftconvolve

    at = np.minimum(
        (np.arange(len(samples)) + _TRACKED_HOP // 2) // _TRACKED_HOP, len(tracked_hz) - 1
    )
    pitch_hz = tracked_hz[at]
    turn = np.exp(-2j * np.pi * np.cumsum(pitch_hz) / _RATE_HZ)
    # Hann's first zero lies at two periods' reciprocal: where the lowest note's neighbours are.
    window = np.hanning(round(2 * _RATE_HZ / lowest_hz) + 2)
    smooth = np.hanning(2 * _HOP) / _HOP
    missed, weight = np.zeros(len(samples)), np.full(len(samples), 1e-20)
    turned = samples.astype(np.complex128)
    for harmonic in range(1, _N_HARMONICS + 1):
        turned = turned * turn
        alone = fftconvolve(turned, window, "same")
        step = np.conj(alone[:-1]) * alone[1:]
        missed[1:] += step.imag / harmonic  # power times angle, for small angles
        weight[1:] += np.abs(step)
    missed = fftconvolve(missed, smooth, "same") / fftconvolve(weight, smooth, "same").clip(1e-20)
    read: Curve = pitch_hz + missed * _RATE_HZ / (2 * np.pi)
    return read


def held_tones(curve_cents: Curve) -> list[HeldTone]:
    """Stretches of 0.45 s and more without jumps."""
    broken = ~np.isfinite(curve_cents)
    jumps = np.abs(np.diff(curve_cents, prepend=curve_cents[:1])) > _JUMP_CENTS
    cuts = np.flatnonzero(broken | jumps)
    tones = []
    for start, end in zip([0, *cuts], [*cuts, len(curve_cents)], strict=True):
        first = start + 1 if start < len(broken) and broken[start] else start
        pitch = curve_cents[first:end]
        if len(pitch) * _HOP_S >= _LEAST_S and np.ptp(pitch) <= _DRIFT_CENTS:
            tones.append(HeldTone(int(first), pitch))
    return tones


def vibrato_cents(pitch_cents: Curve) -> float:
    """Depth of the vibrato of a held tone: amplitude of what wavers at 4 to 8 Hz."""
    times = np.arange(len(pitch_cents)) * _HOP_S
    window = np.hanning(len(pitch_cents))
    straight = np.polynomial.Polynomial.fit(times, pitch_cents, 2)(times)
    rates_hz = np.arange(_SLOWEST_HZ, _FASTEST_HZ, 0.1)
    waves = np.exp(-2j * np.pi * rates_hz[:, None] * times)
    amplitudes = 2 * np.abs(waves @ (window * (pitch_cents - straight))) / window.sum()
    return float(amplitudes.max())


def vibrato_ratio(content: Curve, output: Curve) -> float:
    """Vibrato of an output over its content's, in the content's held tones that have 10 cents.

    Means over those tones in which the output holds one, too; not a number where there are none.
    """
    theirs, ours = [], []
    for tone in held_tones(content):
        depth = vibrato_cents(tone.pitch_cents)
        if depth < _LEAST_CENTS:
            continue
        same = output[tone.start : tone.start + len(tone.pitch_cents)]
        longest = max(held_tones(same), key=lambda each: len(each.pitch_cents), default=None)
        if longest is not None:
            part = tone.pitch_cents[longest.start : longest.start + len(longest.pitch_cents)]
            theirs.append(vibrato_cents(part))
            ours.append(vibrato_cents(longest.pitch_cents))
    return float(np.mean(ours) / np.mean(theirs)) if theirs else float("nan")
