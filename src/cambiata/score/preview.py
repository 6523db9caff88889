"""A score to listen to, played by plain oscillators."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from cambiata.audio.sound import Audio
from cambiata.score.midi import Note, Score

Samples = npt.NDArray[np.float64]

# A sketch to check notes by: its constants were set by hand, and nothing depends on them.
_RATE_HZ = 44100
_ATTACK_S, _RELEASE_S = 0.004, 0.06  # shorter ones click, longer ones blur fast notes
_PEAK = 0.7  # -3 dB
_SOUNDING_S = 16.0  # a tone is 190 dB softer then
_TAIL_S = 1.0  # time for the last note's release and for a cymbal
_KICK, _SNARE, _TOM, _HAT, _CYMBAL = range(5)
# Drums of General MIDI by the sounds that stand for them; all others are struck wood.
_DRUMS = {
    **dict.fromkeys((35, 36), _KICK),
    **dict.fromkeys((37, 38, 39, 40), _SNARE),
    **dict.fromkeys((41, 43, 45, 47, 48, 50), _TOM),
    **dict.fromkeys((22, 26, 42, 44, 46, 54, 69, 70, 82), _HAT),
    **dict.fromkeys((49, 51, 52, 53, 55, 57, 59), _CYMBAL),
}


def preview(score: Score) -> Audio:
    """Sound of a score, a plucked tone for every note and noises for drums.

    Parameters
    ----------
    score : Score
        Score to play.

    Returns
    -------
    Audio
        One channel at 44100 Hz, its peak at -3 dB; the same score is the same sound.

    Examples
    --------
    >>> from cambiata.score.midi import Part
    >>> preview(Score((Part((Note(0.0, 0.5, 69),)),))).samples.shape
    (1, 66150)
    """
    length = int((score.end_s + _TAIL_S) * _RATE_HZ)
    mixed = np.zeros(length)
    cached: dict[tuple[int, float, bool], Samples] = {}
    for part in score.parts:
        for note in part.notes:
            kind = note.pitch, 0.0 if part.is_drum else round(note.duration_s, 3), part.is_drum
            if kind not in cached:
                cached[kind] = (
                    _synthesize_drum(note.pitch) if part.is_drum else _synthesize_tone(note)
                )
            at = int(note.start_s * _RATE_HZ)
            sound = cached[kind][: length - at]
            # With this exponent half the velocity is 9 dB less.
            mixed[at : at + len(sound)] += (note.velocity / 127) ** 1.5 * sound
    peak = float(np.abs(mixed).max(initial=0.0))
    if peak > 0:
        mixed *= _PEAK / peak
    return Audio(mixed[None].astype(np.float32), _RATE_HZ)


def _synthesize_tone(note: Note) -> Samples:
    """Ten partials that decay as a plucked string's do, the higher the sooner."""
    pitch_hz = 440.0 * 2 ** ((note.pitch - 69) / 12)
    n = int((note.duration_s + _RELEASE_S) * _RATE_HZ)
    t = np.arange(min(n, round(_SOUNDING_S * _RATE_HZ))) / _RATE_HZ
    sound = np.zeros(len(t))
    for k in range(1, 11):
        if k * pitch_hz < 0.45 * _RATE_HZ:  # below half the rate, or it would fold back
            sound += np.sin(2 * np.pi * k * pitch_hz * t) / k**1.4 * np.exp(-t * (0.9 + 0.5 * k))
    attack = np.minimum(t / _ATTACK_S, 1.0)
    release = np.clip((n / _RATE_HZ - t) / _RELEASE_S, 0.0, 1.0)
    return sound * attack * release


def _synthesize_drum(pitch: int) -> Samples:
    """A second of a drum: a tone that sweeps down, noise, or both."""
    noise = np.random.default_rng(pitch).standard_normal(_RATE_HZ)
    t = np.arange(_RATE_HZ) / _RATE_HZ
    bright = np.diff(noise, prepend=0.0) / 2

    def swept_tone(low_hz: float, high_hz: float, fall_s: float) -> Samples:
        swept_hz = low_hz + (high_hz - low_hz) * np.exp(-t / 0.03)
        return np.sin(2 * np.pi * np.cumsum(swept_hz) / _RATE_HZ) * np.exp(-t / fall_s)

    open_s = 0.25 if pitch in (26, 46) else 0.04  # open hi-hats ring
    kinds: dict[int | None, Callable[[], Samples]] = {
        _KICK: lambda: swept_tone(50, 160, 0.12),
        _SNARE: lambda: 0.5 * swept_tone(180, 240, 0.06) + 0.35 * noise * np.exp(-t / 0.07),
        _TOM: lambda: 0.8 * swept_tone(60 + 4 * (pitch - 41), 100 + 8 * (pitch - 41), 0.18),
        _HAT: lambda: 0.4 * bright * np.exp(-t / open_s),
        _CYMBAL: lambda: 0.35 * bright * np.exp(-t / 0.35),
        None: lambda: 0.4 * swept_tone(700, 900, 0.03),
    }
    sound = kinds[_DRUMS.get(pitch)]()
    return sound * np.minimum(t / 0.001, 1.0)
