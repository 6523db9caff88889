"""The bound of noise, once more, by what is played.

Predicted levels are bound before anything is played (`background.noise_gain_db`). What then lies
between the partials also depends on how many notes ring on into each other, on which of them are
held, and on the equaliser: it is measured as the style's was, and what is too much is filtered out.
"""

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.partials.analysis import power_spectrum
from cambiata.partials.background import (
    UNBOUNDED_DB,
    StyleNoise,
    between_power,
    bound_share_of_frames,
    breath_power,
    breath_ratio_db,
    held_frames,
    loudest_ratio_db,
)
from cambiata.partials.bands import band_hz, noise_interpolation
from cambiata.partials.long_term import equalizer_gain_db, filter_bands, long_term_db
from cambiata.partials.note_frames import HOP, NoteFrames
from cambiata.partials.posteriors import BANDS
from cambiata.partials.synthesis import Played

# Three pieces of 4 s tell as much as a minute, in a fifth of the time.
_PIECE_FRAMES, _N_PIECES = 172, 3
# Without ten frames in which notes are held (0.2 s), all in which one sounds are looked at.
_MIN_HELD_FRAMES = 10
# More than 12 dB would not be the noise's doing but that of partials too near each other.
_GAIN_RANGE_DB = (-12.0, 0.0)

Array = npt.NDArray[np.float32]


def lowered_noise(
    played: Played, frames: NoteFrames, style: StyleNoise, style_db: Array | None
) -> Samples:
    """All that is played [T], with no more noise between held notes' partials than the style's.

    `style_db` is the long-term spectrum [bands] by which it will be equalised.
    """
    sound = played.sound
    if not style.is_bounded or not sound.any():
        return sound
    gain_db = _gain_db(sound, frames, style, style_db)
    if not gain_db.any():
        return sound
    filtered = filter_bands(played.noise, gain_db @ noise_interpolation(band_hz()))
    share = bound_share_of_frames(frames, BANDS.n_frames(len(sound)))
    at = np.arange(len(sound), dtype=np.float32) / np.float32(HOP)
    share = np.interp(at, np.arange(len(share)), share).astype(np.float32)
    return np.asarray(sound + share * (filtered - played.noise), np.float32)


def _gain_db(
    sound: Samples, frames: NoteFrames, style: StyleNoise, style_db: Array | None
) -> Array:
    """Gain of the noise in its bands [N_NOISE]."""
    n_frames = BANDS.n_frames(len(sound))
    between, total, spectra, chosen = [], [], [], []
    power = float(np.mean(np.square(sound, dtype=np.float64)))
    for first in _piece_starts(n_frames):
        piece = sound[first * HOP : (first + _PIECE_FRAMES) * HOP]
        relative = np.float32(np.mean(np.square(piece, dtype=np.float64)) / power)
        spectrum = power_spectrum(piece) * relative
        between.append(between_power(piece) * relative)
        total.append(spectrum.sum(axis=1))
        spectra.append(spectrum.sum(axis=0))
        chosen.append(first + np.arange(len(spectrum)))
    at = np.minimum(np.concatenate(chosen), n_frames - 1)
    held = held_frames(frames, n_frames)[at]
    if held.sum() < _MIN_HELD_FRAMES:
        held = _sounding(frames, n_frames)[at]
    background = (10 ** (style.background_db / 10)).astype(np.float32)
    breath = breath_power(np.concatenate(between), background)
    own_db = breath_ratio_db(breath, np.concatenate(total), held)
    if own_db.max() >= UNBOUNDED_DB:  # too few frames to tell
        return np.zeros_like(own_db)
    if style_db is not None:
        played_db = long_term_db(np.sum(spectra, axis=0)[None])
        gain_db = equalizer_gain_db(played_db, style_db, len(sound) / BANDS.sample_rate)
        weights = noise_interpolation(band_hz())
        own_db += weights @ gain_db / weights.sum(axis=1)
    gain_db = np.clip(loudest_ratio_db(style.ratio_db) - own_db, *_GAIN_RANGE_DB)
    return np.asarray(gain_db, np.float32)


def _piece_starts(n_frames: int) -> list[int]:
    """First frames of pieces, spread evenly; one where they would be all of it."""
    if n_frames <= _PIECE_FRAMES * _N_PIECES:
        return list(range(0, n_frames - 1, _PIECE_FRAMES))
    return [int(x) for x in np.linspace(0, n_frames - _PIECE_FRAMES, _N_PIECES)]


def _sounding(frames: NoteFrames, n_frames: int) -> npt.NDArray[np.bool_]:
    """Frames [L] in which a note has begun and may have been released."""
    sounding = np.zeros(n_frames, bool)
    at = np.round(frames.frame[frames.age_s >= 0]).astype(np.int64)
    sounding[at[at < n_frames]] = True
    return sounding
