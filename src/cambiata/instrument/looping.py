"""Loops without clicks, and how sounds decay and are let go: what a sampler is told of a sample."""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from cambiata.arrays import Samples
from cambiata.instrument.recorded import envelope_db

# A loop of 0.4 s and more is not heard as a rhythm or a drone of its own where it can be had.
_WANTED_S, _SHORTEST_S = 1.2, 0.05
_FADE_S = (
    0.2  # crossfaded, and no more than half of the loop: shorter, and changes of colour are heard
)
# Waves are compared over four periods, at least 5 ms.
_PERIODS, _COMPARED_S = 4, 0.005
# Before it the sound is still an attack.
_AFTER_ONSET_S = 0.25
GONE_DB = -60.0  # below the loudest: the end of a sound that decays
_FRAME_S = 0.01
# What a damper or a breath does where a recording does not tell: 60 dB in a third of a second.
DEFAULT_RELEASE_DB_S = 180.0
# Slower is a reverberation, faster a click (20 ms for 60 dB).
SLOWEST_DB_S, FASTEST_DB_S = 15.0, 3000.0


@dataclass(frozen=True, eq=False)
class Looped:
    """A sound that may be held."""

    samples: Samples  # [T]
    loop: tuple[int, int] | None
    decay_db_s: float  # that the sampler has to make from the loop's start on


def fade_out(samples: Samples, n: int) -> Samples:
    """Sound that ends in silence over its last `n` samples."""
    out = samples.copy()
    n = min(n, len(out))
    if n:
        out[-n:] *= np.linspace(1, 0, n, dtype=np.float32)
    return out


def make_loop(
    samples: Samples, sample_rate: int, hz: float, held: int, decay_db_s: float
) -> Looped:
    """A sound [T] that is held until sample `held`, with a loop where it needs one.

    What decays is levelled out within the loop, whose decay the sampler then makes. A sound that
    has decayed by itself is left as it is, but for its last hundredth of a second.
    """
    level = envelope_db(samples[:held], sample_rate)
    audible = np.flatnonzero(level > level.max() + GONE_DB)
    end_frame = int(audible[-1]) + 1
    if decay_db_s > 0 and end_frame < len(level) - 3:
        stop = min(len(samples), round((end_frame + 1) * _FRAME_S * sample_rate))
        return Looped(fade_out(samples[:stop], sample_rate // 100), None, 0.0)
    onset = int(np.argmax(level > level.max() - 20)) * round(_FRAME_S * sample_rate)
    half = max(round(_PERIODS * sample_rate / hz / 2), round(_COMPARED_S * sample_rate / 2))
    end = min(held, len(samples)) - max(round(0.02 * sample_rate), half + 8)
    earliest = min(onset + round(_AFTER_ONSET_S * sample_rate), (onset + end) // 2)
    found = _find_start(samples, sample_rate, half, earliest, end)
    if found is None:
        return Looped(fade_out(samples[: end + 1], sample_rate // 100), None, 0.0)
    start, likeness = found
    length = end - start
    out = samples[: end + 8].astype(np.float64)
    if decay_db_s > 0:
        decay_db_s = _own_decay(out[start:end], sample_rate, decay_db_s)
    growth = 10 ** (decay_db_s * np.arange(-length, len(out) - start) / sample_rate / 20)
    levelled = out.copy()
    begin = max(0, start - length)
    levelled[begin:] *= growth[len(growth) - (len(out) - begin) :]
    n = min(round(_FADE_S * sample_rate), length // 2, start)
    rise = (np.arange(n) + 0.5) / n
    # As loud as both are, whether they are alike or not.
    norm = np.sqrt(rise**2 + (1 - rise) ** 2 + 2 * likeness * rise * (1 - rise))
    faded = ((1 - rise) * levelled[end - n : end] + rise * levelled[start - n : start]) / norm
    out[start:] = levelled[start:]
    out[end - n : end] = faded
    # Samplers interpolate over the end: what follows is what follows the start.
    out[end : end + 8] = out[start : start + len(out[end : end + 8])]
    return Looped(out.astype(np.float32), (start, end), decay_db_s)


def _own_decay(part: np.ndarray, sample_rate: int, fallback_db_s: float) -> float:
    """How fast the part that is looped decays: not growing, nor much faster than the whole does.

    A loop of some tenths of a second may lie in the fall of a beat between strings.
    """
    level = envelope_db(part.astype(np.float32), sample_rate)
    if len(level) < 6:
        return fallback_db_s
    slope = float(np.polyfit(np.arange(len(level)) * _FRAME_S, level, 1)[0])
    return float(np.clip(-slope, 0.5, 1.5 * fallback_db_s + 2))


def _find_start(
    samples: Samples, sample_rate: int, half: int, earliest: int, end: int
) -> tuple[int, float] | None:
    """Where a loop to `end` begins so that waves fit best, and their likeness, -1 to 1."""
    latest = end - max(round(_SHORTEST_S * sample_rate), half)
    first = max(earliest, half, end - round(1.5 * _WANTED_S * sample_rate))
    if latest <= first:
        return None
    pattern = samples[end - half : end + half].astype(np.float64)
    field = samples[first - half : latest + half].astype(np.float64)
    size = scipy.fft.next_fast_len(len(field) + len(pattern))
    product = scipy.fft.irfft(
        scipy.fft.rfft(field, size) * np.conj(scipy.fft.rfft(pattern, size)), size
    )[: latest - first]
    sums = np.concatenate([[0.0], np.cumsum(field**2)])
    energy = sums[len(pattern) :][: latest - first] - sums[: latest - first]
    likeness = product / np.sqrt(np.maximum(energy * (pattern @ pattern), 1e-20))
    # A longer loop repeats itself less: a hundredth of likeness for each half second.
    length_s = (end - first - np.arange(latest - first)) / sample_rate
    best = int(np.argmax(likeness + 0.02 * np.minimum(length_s, _WANTED_S)))
    return first + best, float(np.clip(likeness[best], 0, 1))


def held_until(samples: Samples, sample_rate: int, *, decays: bool) -> int:
    """Sample at which a recorded note is let go; its end where it decays by itself."""
    if decays:
        return len(samples)
    level = envelope_db(samples, sample_rate)
    loud = np.flatnonzero(level > np.median(level[level > level.max() - 30]) - 6)
    return min(len(samples), (int(loud[-1]) + 1) * round(_FRAME_S * sample_rate))


def release_db_s(samples: Samples, sample_rate: int, let_go: int) -> float:
    """How fast a note decays from the sample at which it is let go."""
    level = envelope_db(samples[let_go:], sample_rate)
    if len(level) < 3 or level[0] < -80:
        return DEFAULT_RELEASE_DB_S
    gone = np.flatnonzero(level < level[0] - 40)
    last = int(gone[0]) if len(gone) else len(level) - 1
    fall = level[0] - level[last]
    if not len(gone) and fall < 12:  # cut before it could tell
        return DEFAULT_RELEASE_DB_S
    rate = fall / max(last * _FRAME_S, _FRAME_S)
    return float(np.clip(rate, SLOWEST_DB_S, FASTEST_DB_S))
