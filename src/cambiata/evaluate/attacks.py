"""Attacks of a transfer against its content's: struck anew where nothing began, or missing.

Attacks are peaks of the spectral flux, with the maximum filter that keeps vibrato out of it (Böck &
Widmer, "Maximum filter vibrato suppression for onset detection", DAFx 2013, as librosa has it).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cambiata.audio.sound import Audio
from cambiata.errors import MissingExtraError

Times = npt.NDArray[np.float64]

WINDOW_S = 0.07  # within which two attacks are one: the flux of a slow attack peaks late

_RATE_HZ, _N_FFT, _HOP = 44100, 2048, 441
# As in the paper: filters of 24 an octave, differences over two frames, maximum over three bands.
_N_BANDS, _LOWEST_HZ, _HIGHEST_HZ, _LAG, _MAX_BANDS = 138, 27.5, 16000, 2, 3
_RANGE_DB = 50  # below the loudest: noise wavers further down
# An attack is the highest flux within 30 ms, and its bands rise by so many dB more, on average,
# than within 100 ms before and 70 after it. Of 580 onsets of phrases by 18 programs of a training
# font 0.3 finds 87 % (and 9 % of what it finds is none), 0.5 finds 80 % (5 %), 1.0 68 % (2 %).
_PEAK_FRAMES, _BEFORE_FRAMES, _AFTER_FRAMES, _RISE_DB = 3, 10, 7, 0.4
_APART_FRAMES = 5


@dataclass(frozen=True)
class AttackCounts:
    """Attacks of a content and of an output, and how many of them are in both."""

    n_content: int
    n_output: int
    n_matched: int

    @property
    def extra_share(self) -> float:
        """Share of the output's attacks that the content lacks; not a number without attacks."""
        return _share_left(self.n_matched, self.n_output)

    @property
    def missing_share(self) -> float:
        """Share of the content's attacks that the output lacks; likewise."""
        return _share_left(self.n_matched, self.n_content)


def _share_left(n_matched: int, n: int) -> float:
    return 1 - n_matched / n if n else float("nan")


def find_attacks(sound: Audio) -> Times:
    """Times of a sound's attacks, in seconds."""
    try:
        import librosa
    except ImportError as error:
        raise MissingExtraError("attacks", "eval") from error

    power = librosa.feature.melspectrogram(
        y=sound.mono().resampled(_RATE_HZ).samples[0],
        sr=_RATE_HZ,
        n_fft=_N_FFT,
        hop_length=_HOP,
        n_mels=_N_BANDS,
        fmin=_LOWEST_HZ,
        fmax=_HIGHEST_HZ,
    )
    level_db = librosa.power_to_db(power, ref=np.max, top_db=_RANGE_DB)
    flux = librosa.onset.onset_strength(
        S=level_db, sr=_RATE_HZ, hop_length=_HOP, n_fft=_N_FFT, lag=_LAG, max_size=_MAX_BANDS
    )
    peaks = librosa.util.peak_pick(
        flux,
        pre_max=_PEAK_FRAMES,
        post_max=_PEAK_FRAMES + 1,
        pre_avg=_BEFORE_FRAMES,
        post_avg=_AFTER_FRAMES + 1,
        delta=_RISE_DB,
        wait=_APART_FRAMES,
    )
    return np.asarray(peaks * (_HOP / _RATE_HZ), np.float64)


def match_attacks(content_s: Times, output_s: Times) -> AttackCounts:
    """Counts of two lists of times, as many as can be matched within `WINDOW_S`."""
    try:
        from mir_eval.util import match_events
    except ImportError as error:
        raise MissingExtraError("attacks", "eval") from error

    n_matched = len(match_events(content_s, output_s, WINDOW_S))
    return AttackCounts(len(content_s), len(output_s), n_matched)
