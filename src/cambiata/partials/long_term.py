"""Long-term spectra of styles, and the equaliser that brings what is played nearer to them.

What the predictor says of single partials it says for every note apart; that all of them together
are too dark, or lack what the style has above 5 kHz, is seen in the mean spectrum alone.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio.convolution import convolve
from cambiata.partials.bands import band_filters, band_hz
from cambiata.partials.posteriors import BANDS

# On 40 pairs of recordings and 48 of training fonts (FluidR3, GeneralUser GS): half of the way, by
# means over an octave, costs .07 dB (+-.15) of LSD on the fonts; this, over half an octave, costs
# nothing (.00 +-.12), takes 2.1 dB of 11.9 off the distance of long-term spectra of the recordings
# and a seventh off that of their timbres. All of the way makes both worse: a style's notes are not
# the content's, and what they lack no filter adds.
_SHARE, _SMOOTH_OCTAVES = 0.35, 0.5
_MAX_DIFFERENCE_DB = (
    12.0  # more is not a filter's doing; of 20 dB the fonts' LSD lost twice as much
)
_FLOOR_DB = -70.0  # below the loudest band a long-term spectrum is silence
# A spectrum of half a second is believed by a half: it is that of a note or two.
_DOUBTED_S = 0.5
_N_TAPS, _N_BINS = 4095, 4097  # of the filter: 93 ms, which resolves half an octave from 60 Hz on

Array = npt.NDArray[np.float32]


def long_term_db(power: Array) -> Array:
    """Mean level of a power spectrogram [L, F] about every band, in dB of its density [bands]."""
    filters = band_filters()
    near = _neighbours()
    density = near @ (filters @ power.mean(axis=0)) / (near @ filters.sum(axis=1))
    return np.asarray(10 * np.log10(density + 1e-13), np.float32)


@lru_cache(maxsize=1)
def _neighbours() -> Array:
    """Which bands lie within a quarter of an octave of each, [bands, bands]."""
    octave = np.log2(band_hz())
    return np.asarray(np.abs(octave[:, None] - octave) <= _SMOOTH_OCTAVES / 2, np.float32)


def equalize(sound: Samples, played_db: Array, style_db: Array) -> Samples:
    """A sound [T] whose long-term spectrum is brought nearer to a style's, at the same power.

    `played_db` and `style_db` [bands] are as `long_term_db` gives them.
    """
    gain_db = equalizer_gain_db(played_db, style_db, len(sound) / BANDS.sample_rate)
    filtered = filter_bands(sound, gain_db)
    before, after = (float(np.mean(np.square(x, dtype=np.float64))) for x in (sound, filtered))
    return np.asarray(filtered * np.float32(np.sqrt(before / max(after, 1e-20))), np.float32)


def equalizer_gain_db(played_db: Array, style_db: Array, duration_s: float) -> Array:
    """Gain in bands by which `equalize` brings what is played nearer to a style, [bands]."""
    levels = [np.maximum(x - x.max(), _FLOOR_DB) for x in (played_db, style_db)]
    difference_db = levels[1] - levels[0]
    difference_db -= np.average(difference_db, weights=10 ** (levels[0] / 10))
    share = _SHARE * duration_s / (duration_s + _DOUBTED_S)
    return np.asarray(
        share * np.clip(difference_db, -_MAX_DIFFERENCE_DB, _MAX_DIFFERENCE_DB), np.float32
    )


def filter_bands(sound: Samples, gain_db: Array) -> Samples:
    """A sound [T] with a gain in each band [bands], of zero phase: attacks stay where they are."""
    hz = np.linspace(0, BANDS.sample_rate / 2, _N_BINS)
    gain = 10 ** (np.interp(np.log(np.maximum(hz, 1)), np.log(band_hz()), gain_db) / 20)
    taps = np.roll(np.fft.irfft(gain), _N_TAPS // 2)[:_N_TAPS] * np.hanning(_N_TAPS + 2)[1:-1]
    return convolve(sound, taps.astype(np.float32), _N_TAPS // 2)
