"""Descriptors of timbre, measured on the sound of a note whose pitch is known.

All five follow the literature; what differs is said at each. Where a descriptor is a ratio or a
time its logarithm is taken, as the ear does.
"""

import math
from collections.abc import Mapping

import numpy as np

from cambiata.arrays import Samples
from cambiata.instrument.note_model import count_partials, partials_hz
from cambiata.knobs.parameters import INHARMONICITY_FLOOR, Array, inharmonicity_at

# What each is measured in.
UNITS: Mapping[str, str] = {
    "brightness": "Hz, spectral centroid",
    "attack": "s, 20 to 90 %",
    "warmth": "dB, below 3.5 f0 over above",
    "noisiness": "dB, noise to partials",
    "inharmonicity": "B of middle C",
}
NAMES = tuple(UNITS)
_WINDOW, _HOP = 8192, 2048  # 186 ms: partials of G1 lie 9 bins apart
_HIGHEST_HZ = 18000.0
# Envelope of the attack: 6 ms windows, and two periods at least, every millisecond.
_ATTACK_WINDOW_S, _ATTACK_HOP_S = 0.006, 0.001
_LOW_SHARE, _HIGH_SHARE = 0.2, 0.9
_WARM_PARTIALS = 3.5
_LOBE_BINS = 5  # of a Blackman-Harris window on either side: 4, and one that decays widen it by
_LEAST_NOISE_DB = -100.0
# Partials of which inharmonicity is told: four at least, no more than 60 dB below the loudest peak
# and 8 dB above the mean level within 8 bins.
_LEAST_PARTIALS, _RANGE_NEPERS, _PEAK_NEPERS = 4, 13.8, 1.85


def describe(samples: Samples, sample_rate: int, midi: float, duration_s: float) -> Array:
    """Descriptors [NAMES] of a held note [T] whose pitch is known.

    Brightness in octaves over 1 Hz, attack in decades of a second, warmth and noisiness in dB,
    inharmonicity in decades.
    """
    hz = float(440 * 2 ** ((midi - 69) / 12))
    held = samples[: round(duration_s * sample_rate)].astype(np.float64)
    power, bins_hz = _power_frames(held, sample_rate)
    inharmonicity = _inharmonicity(power, bins_hz, hz)
    log_inharmonicity = INHARMONICITY_FLOOR
    if inharmonicity > 0:
        at_pitch = inharmonicity_at(-3.0, midi) * 1e3
        log_inharmonicity = max(np.log10(inharmonicity / at_pitch), INHARMONICITY_FLOOR)
    return np.array(
        [
            _log_centroid(power, bins_hz),
            _log_attack_s(held, sample_rate, hz),
            _warmth_db(power, bins_hz, hz),
            _noisiness_db(power, bins_hz, hz, inharmonicity),
            log_inharmonicity,
        ]
    )


def readable(name: str, value: float) -> float:
    """A descriptor in its unit (`UNITS`), of the value that `describe` gives."""
    if name == "brightness":
        return float(2**value)
    return float(10**value) if name in ("attack", "inharmonicity") else float(value)


def _power_frames(held: Array, sample_rate: int) -> tuple[Array, Array]:
    """Power spectra [L, F] of a note, and their frequencies [F]."""
    held = np.pad(held, (0, max(0, _WINDOW - len(held))))
    n = np.arange(_WINDOW) * 2 * np.pi / _WINDOW
    # Harris 1978, the window of four terms: sidelobes 92 dB down hide no noise.
    window = 0.35875 - 0.48829 * np.cos(n) + 0.14128 * np.cos(2 * n) - 0.01168 * np.cos(3 * n)
    frames = np.lib.stride_tricks.sliding_window_view(held, _WINDOW)[::_HOP]
    power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2
    bins_hz = np.fft.rfftfreq(_WINDOW, 1 / sample_rate)
    heard = bins_hz < _HIGHEST_HZ
    return np.asarray(power[:, heard]), np.asarray(bins_hz[heard], np.float64)


def _log_centroid(power: Array, bins_hz: Array) -> float:
    """Log2 of the centroid of the magnitude spectrum, mean over frames by their energy.

    Peeters et al. 2011, section II.B.3 (STFT magnitude); they take the median over frames.
    """
    magnitude = np.sqrt(power)
    centroid = magnitude @ bins_hz / np.maximum(magnitude.sum(1), 1e-20)
    energy = power.sum(1)
    return float(np.log2(np.maximum(centroid, 1)) @ energy / max(float(energy.sum()), 1e-20))


def _log_attack_s(held: Array, sample_rate: int, hz: float) -> float:
    """Log10 of the seconds from 20 to 90 % of the envelope's maximum.

    Log attack time with fixed thresholds (Peeters 2004, section 3.2; Essentia's defaults); Peeters
    et al. 2011 choose the thresholds by the envelope.
    """
    hop = round(_ATTACK_HOP_S * sample_rate)
    size = max(3, round(max(_ATTACK_WINDOW_S, 2 / hz) / _ATTACK_HOP_S))
    # What begins at once begins from silence.
    squared = np.pad(held[: len(held) // hop * hop] ** 2, (size * hop, 0))
    window = np.hanning(size + 2)[1:-1]
    envelope = np.sqrt(np.convolve(squared.reshape(-1, hop).mean(1), window / window.sum()))
    envelope = envelope[: len(squared) // hop]
    top = int(np.argmax(envelope > 0.999 * envelope.max()))
    share = envelope[: top + 1] / max(float(envelope[top]), 1e-20)
    places = []
    for level in (_LOW_SHARE, _HIGH_SHARE):
        above = int(np.argmax(share >= level))
        step = share[above] - share[above - 1] if above else 1.0
        places.append(above - (share[above] - level) / max(float(step), 1e-9) if above else 0.0)
    return float(np.log10(max((places[1] - places[0]) * _ATTACK_HOP_S, 1e-3)))


def _warmth_db(power: Array, bins_hz: Array, hz: float) -> float:
    """Energy below 3.5 times the fundamental over the energy above, in dB.

    Williams & Brookes 2010 take its share in all energy; this is the logit of it.
    """
    spectrum = power.sum(0)
    low = float(spectrum[bins_hz < _WARM_PARTIALS * hz].sum())
    high = float(spectrum[bins_hz >= _WARM_PARTIALS * hz].sum())
    return float(10 * np.log10((low + 1e-20) / (high + 1e-20 + 1e-9 * low)))


def _noisiness_db(power: Array, bins_hz: Array, hz: float, inharmonicity: float) -> float:
    """Power of the noise over the partials', in dB.

    The noise-to-tonal ratio of Peeters et al. 2011 (section II.C); noise is what lies between the
    lobes of the partials, as dense below them.
    """
    count = count_partials(hz, inharmonicity, 44100)
    places = partials_hz(hz, inharmonicity, count)
    width = _LOBE_BINS * bins_hz[1]
    owner = np.searchsorted(places, bins_hz)
    bounded = np.concatenate([[-np.inf], places, [np.inf]])
    nearest = np.minimum(bins_hz - bounded[owner], bounded[owner + 1] - bins_hz)
    is_lobe = nearest < min(width, 0.4 * hz)
    spectrum = power.sum(0)
    # Bins beside partials tell how dense noise is there: of every stretch between two partials.
    free = ~is_lobe & (bins_hz > 0.5 * hz)
    sums = np.bincount(owner[free], spectrum[free], count + 1)
    counts = np.bincount(owner[free], minlength=count + 1)
    known = np.flatnonzero(counts)
    if not len(known):
        return _LEAST_NOISE_DB
    density = np.interp(owner, known, sums[known] / counts[known])
    noise = float(density[bins_hz > 0.5 * hz].sum())
    tonal = max(float((spectrum - density)[is_lobe].sum()), 1e-20)
    return float(max(10 * np.log10(noise / tonal + 1e-20), _LEAST_NOISE_DB))


def _inharmonicity(power: Array, bins_hz: Array, hz: float) -> float:
    """Inharmonicity B of a stiff string by the places of partials; 0 where there is none.

    Fletcher 1964: ``(f_h / h)^2`` is a line over ``h^2`` whose slope tells B. Peeters et al. 2011
    (section II.D.4) take the partials' mean distance from harmonics, which hangs on their levels.
    """
    spectrum = power.sum(0)
    bin_hz = bins_hz[1]
    level = np.log(spectrum + 1e-20)
    loudest = level.max()
    sums = np.zeros(5)
    b, first, n = 0.0, hz**2, 0
    for h in range(1, 41):
        place = h * math.sqrt(first * (1 + b * h**2)) / bin_hz
        # Until a line is told, stiff strings may be up to .5 % off for each partial.
        wide = 0.012 if n >= _LEAST_PARTIALS else 0.03
        reach = max(2.0, min(0.35 * hz / bin_hz, wide * place + 2))
        low, high = round(place - reach), round(place + reach)
        if high + 9 >= len(level):
            break
        top = low + int(np.argmax(level[low : high + 1]))
        is_peak = low < top < high and level[top] > loudest - _RANGE_NEPERS
        if not is_peak or level[top] < level[max(0, top - 8) : top + 9].mean() + _PEAK_NEPERS:
            continue
        before, here, after = level[top - 1 : top + 2]
        curve = before - 2 * here + after
        shift = 0.5 * (before - after) / curve if curve < 0 else 0.0
        square = ((top + shift) * bin_hz / h) ** 2
        # Weighted least squares, one partial after the other; errors fall with the number.
        sums += h**2 * np.array([1, h**2, h**4, square, h**2 * square])
        n += 1
        if n >= _LEAST_PARTIALS:
            slope = (sums[0] * sums[4] - sums[1] * sums[3]) / (sums[0] * sums[2] - sums[1] ** 2)
            first = (sums[3] - slope * sums[1]) / sums[0]
            b = max(slope / first, 0.0)
    return float(b) if n >= _LEAST_PARTIALS else 0.0
