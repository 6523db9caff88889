"""What a synthesised note turned out to be: its pitch, where it begins, whether it is one note.

A random setting of a synthesiser may be noise, an arpeggio or silence: what is kept is measured.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.signal

from cambiata.arrays import Samples
from cambiata.data.soundfont import RENDER_RATE_HZ

# A note whose peak is below this is silent.
_SILENCE_AMPLITUDE = 1e-4
ONSET_DB = -40.0  # below the peak: where a note begins
# Air pressure and bows push to one side: 15 Hz lies an octave under all notes.
_NO_DC = scipy.signal.butter(1, 15, "highpass", fs=RENDER_RATE_HZ, output="sos")
_KEPT_BEFORE_ONSET = RENDER_RATE_HZ // 200  # 5 ms: a filter's ringing, and room to fade in
_FADE = RENDER_RATE_HZ // 1000  # 1 ms, so that what is cut off makes no click
ENVELOPE_HOP = RENDER_RATE_HZ // 50  # 20 ms: two periods at 100 Hz, finer than any decay here
# The lowest and highest pitches that are searched: an octave beyond the notes rendered.
_LOWEST_HZ, _HIGHEST_HZ = 20.0, 5000.0
# De Cheveigne and Kawahara (YIN, 2002) take the first dip under 0.1; chorused sounds need more.
_APERIODICITY = 0.25
MOST_APERIODICITY = 0.45  # above it a sound has no pitch: hiss, bells, ring modulation
# Yin's window is this long, but six periods of the lowest note at least.
_WINDOW_S = 0.15
# Of partials that matter little to a pitch: -20 dB; and how many are the low ones that make it.
_FAINT, _LOW_PARTIALS = 0.01, 6
# A level that rises by so much within 80 ms is struck again: arpeggios, delays, gates.
_RESTRIKE_DB, _RISE_FRAMES = 9.0, 4
# Softer than this at the start, for longer than that, and nobody can say when the note began.
_SLOW_ATTACK_DB, _SLOWEST_ATTACK_S = -12.0, 0.4


@dataclass(frozen=True)
class Pitch:
    """Pitch measured of a note."""

    midi: float  # MIDI number with its fraction
    aperiodicity: float  # 0 of a periodic sound to about 1 of noise
    fundamental_db: float  # level of the first partial under the strongest
    clear: bool  # False where a listener may hear another octave or a high partial instead


def measure_pitch(samples: Samples, start: int, length: int | None = None) -> Pitch | None:
    """Pitch of a stretch of sound (YIN with parabolic interpolation); None of hardly any sound."""
    n = length or round(_WINDOW_S * RENDER_RATE_HZ)
    longest = round(RENDER_RATE_HZ / _LOWEST_HZ)
    frame = samples[start : start + n + longest].astype(np.float64)
    if len(frame) < n // 2 + longest or np.abs(frame).max() < _SILENCE_AMPLITUDE:
        return None
    n = len(frame) - longest
    frame = frame - frame.mean()
    shape = scipy.fft.next_fast_len(len(frame) + n)
    head = scipy.fft.rfft(frame[:n], shape)
    correlation = scipy.fft.irfft(np.conj(head) * scipy.fft.rfft(frame, shape), shape)[:longest]
    power = np.concatenate([[0.0], np.cumsum(frame**2)])
    energy = power[n : n + longest] - power[:longest]
    difference = energy[0] + energy - 2 * correlation
    lags = np.arange(longest)
    normalised = difference * lags / np.maximum(np.cumsum(difference), 1e-12)
    normalised[0] = 1.0
    shortest = round(RENDER_RATE_HZ / _HIGHEST_HZ)
    lag = _first_dip(normalised, shortest)
    period = _refine(difference, lag)
    hz = RENDER_RATE_HZ / period
    levels = _partials_db(frame, hz / 2)
    midi = 69 + 12 * np.log2(hz / 440)
    fundamental_db = float(levels[1] - levels.max())
    return Pitch(float(midi), float(normalised[lag]), fundamental_db, _is_clear(levels))


def _first_dip(normalised: npt.NDArray[np.float64], shortest: int) -> int:
    """Lag of the first dip that is deep enough, else of the deepest."""
    inner = normalised[shortest:-1]
    deepest = inner.min()
    # A dip nearly as deep as the deepest is a shorter period of the same sound.
    under = np.flatnonzero(inner < max(_APERIODICITY * 0.4, deepest + 0.05))
    lag = shortest + int(under[0])
    while lag + 1 < len(normalised) - 1 and normalised[lag + 1] < normalised[lag]:
        lag += 1
    return lag


def _refine(difference: npt.NDArray[np.float64], lag: int) -> float:
    if not 0 < lag < len(difference) - 1:
        return float(lag)
    before, here, after = difference[lag - 1 : lag + 2]
    curvature = before - 2 * here + after
    shift = 0.5 * (before - after) / curvature if curvature > 0 else 0.0
    return lag + float(np.clip(shift, -1, 1))


def _partials_db(frame: npt.NDArray[np.float64], hz: float) -> npt.NDArray[np.float64]:
    """Levels of the first 64 partials of a frequency, in dB, -200 of those that are not there."""
    n = 4 * len(frame)
    spectrum = np.abs(scipy.fft.rfft(frame * np.hanning(len(frame)), n))
    levels = np.full(64, -200.0)
    for number in range(1, 65):
        low, high = ((number + side * 0.2) * hz * n / RENDER_RATE_HZ for side in (-1, 1))
        bins = spectrum[round(low) : round(high) + 1]
        if len(bins):
            levels[number - 1] = 20 * np.log10(bins.max() + 1e-10)
    return levels


def _is_clear(half_partials_db: npt.NDArray[np.float64]) -> bool:
    """True where the pitch is what one hears, by partials of half its frequency."""
    power = 10 ** (half_partials_db / 10)
    between, partials = power[0::2], power[1::2]  # of the octave below, and the sound's own
    if partials[:_LOW_PARTIALS].max() < _FAINT * partials.max():
        return False
    if between[:8].sum() > _FAINT * partials[:8].sum():
        return False
    numbers = np.arange(1, len(partials) + 1)
    # Where only every second or third partial matters, the octave or the twelfth is heard.
    return all(
        partials[numbers % step != 0].sum() > _FAINT * partials[numbers % step == 0].sum()
        for step in (2, 3)
    )


def has_partial(samples: Samples, start: int, hz: float) -> bool:
    """True where a frequency is the strongest and lowest partial, as of bars and some bells.

    Their other partials stand in no whole ratio to it, so that the sound as a whole has no period.
    """
    frame = samples[start : start + round(2 * _WINDOW_S * RENDER_RATE_HZ)]
    if len(frame) < RENDER_RATE_HZ // 10:
        return False
    n = 8 * len(frame)
    spectrum = np.abs(scipy.fft.rfft(frame * np.hanning(len(frame)), n))
    peak = int(np.argmax(spectrum))
    low = spectrum[round(25 * n / RENDER_RATE_HZ) : round(0.85 * hz * n / RENDER_RATE_HZ)]
    cents = 1200 * np.log2(max(peak, 1) * RENDER_RATE_HZ / n / hz)
    return bool(abs(cents) < 15 and low.max(initial=0.0) < 0.1 * spectrum[peak])


def trim(samples: Samples) -> tuple[Samples, int] | None:
    """A note without the silence before it, and its onset; None of a silent one."""
    if not np.isfinite(samples).all():
        return None
    samples = scipy.signal.sosfilt(_NO_DC, samples).astype(np.float32)
    level = np.abs(samples)
    peak = level.max(initial=0.0)
    if peak < _SILENCE_AMPLITUDE:
        return None
    onset = int(np.argmax(level >= peak * 10 ** (ONSET_DB / 20)))
    first = max(0, onset - _KEPT_BEFORE_ONSET)
    note = samples[first:].copy()
    if first:
        note[:_FADE] *= np.linspace(0, 1, len(note[:_FADE]), dtype=np.float32)
    return note, onset - first


def envelope_db(samples: Samples) -> npt.NDArray[np.float64]:
    """RMS level of each 20 ms, in dB of full scale, -120 at least."""
    n = len(samples) // ENVELOPE_HOP
    frames = samples[: n * ENVELOPE_HOP].reshape(n, ENVELOPE_HOP).astype(np.float64)
    return np.asarray(10 * np.log10(np.mean(frames**2, axis=1) + 1e-12))


def is_one_note(samples: Samples) -> bool:
    """False where the level falls and jumps up again, or rises too slowly to say when it began.

    Strings that beat and tremolo rise again too, but over a tenth of a second or more.
    """
    level = envelope_db(samples)
    if len(level) < 5:
        return False
    power = np.convolve(10 ** (level / 10), np.full(3, 1 / 3), "same")
    smooth = 10 * np.log10(power + 1e-12)
    smooth = np.maximum(smooth, smooth.max() - 40)  # what is softer than that is heard by nobody
    top = int(np.argmax(smooth > smooth.max() - 6))
    rises = smooth[top + _RISE_FRAMES :] - smooth[top:-_RISE_FRAMES]
    if rises.max(initial=0.0) > _RESTRIKE_DB:
        return False
    first_loud = int(np.argmax(level >= level.max() + _SLOW_ATTACK_DB))
    return first_loud * ENVELOPE_HOP / RENDER_RATE_HZ <= _SLOWEST_ATTACK_S


def decays(samples: Samples) -> bool:
    """True of a sound that dies away while it is held: 4 dB a second or more."""
    level = envelope_db(samples)
    per_s = RENDER_RATE_HZ / ENVELOPE_HOP
    early = level[round(0.6 * per_s) : round(0.8 * per_s)]
    late = level[round(1.4 * per_s) : round(1.6 * per_s)]
    if not len(early) or not len(late):
        return True
    # Softer than -50 dB of its peak at 0.6 s: has decayed, whatever it does later.
    if early.mean() < level.max() - 50:
        return True
    return bool(early.mean() - late.mean() > 0.8 * 4)


def release_db_s(held: Samples, released: Samples, let_go_s: float) -> float:
    """How fast a note dies once let go, in dB a second beyond its own decay.

    Both begin at the same sample; the released one was let go after `let_go_s`.
    """
    begin = round(let_go_s * RENDER_RATE_HZ / ENVELOPE_HOP)
    after, before = envelope_db(released)[begin:], envelope_db(held)[begin:]
    n = min(len(after), len(before))
    fall = np.maximum(before[:n] - after[:n], 0)
    t = (np.arange(n) + 0.5) * ENVELOPE_HOP / RENDER_RATE_HZ
    # Deeper than 50 dB is rounding; where the held note has decayed itself nothing is told.
    usable = (before[:n] > envelope_db(held).max(initial=-120) - 50) & (fall < 50)
    first_gone = int(np.argmax(fall >= 50)) if np.any(fall >= 50) else n
    usable[first_gone:] = False
    if usable.sum() < 2:
        return 2000.0  # gone within two frames of 20 ms
    t, fall = t[usable], fall[usable]
    return float(np.clip((fall @ t) / (t @ t), 10, 4000))


def cut_decay(samples: Samples, below_peak_db: float = -60.0) -> Samples:
    """A note up to where it stays that far below its peak."""
    level = envelope_db(samples)
    audible = np.flatnonzero(level >= level.max() + below_peak_db)
    return samples[: (int(audible[-1]) + 1) * ENVELOPE_HOP] if len(audible) else samples
