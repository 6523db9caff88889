"""A score to listen to, played by plain oscillators."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cambiata.audio.sound import Audio
from cambiata.audio.writing import Destination
from cambiata.score.midi import Note, Score

Samples = npt.NDArray[np.float32]

# A sketch to check notes by: its constants were set by hand, and nothing depends on them.
_RATE_HZ = 44100
_ATTACK_S, _RELEASE_S = 0.004, 0.06  # shorter ones click, longer ones blur fast notes
_PEAK = 0.7  # -3 dB
_SOUNDING_S = 10.0  # a tone is 120 dB softer then
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


def check_preview(path: str | Path, *, force: bool = False) -> None:
    """Refuse a sound file that a preview cannot be written to.

    Parameters
    ----------
    path : str or pathlib.Path
        File to write.
    force : bool
        Replace one that exists.

    Raises
    ------
    InputError
        It exists, its folder does not, or its extension is that of no sound format.

    Examples
    --------
    >>> check_preview("sketch.txt")
    Traceback (most recent call last):
    cambiata.errors.InputError: sketch.txt: cannot tell a format from .txt; end it in .wav, ...
    """
    Destination(path, like=Audio(np.zeros((1, 1), np.float32), _RATE_HZ), force=force)


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
    mixed = np.zeros(length, np.float32)
    tones: dict[int, Samples] = {}
    drums: dict[int, Samples] = {}
    for part in score.parts:
        for note in part.notes:
            at = int(note.start_s * _RATE_HZ)
            if part.is_drum:
                if note.pitch not in drums:
                    drums[note.pitch] = _synthesize_drum(note.pitch).astype(np.float32)
                sound = drums[note.pitch][: length - at]
            else:
                sound = _released(note, tones)[: length - at]
            # With this exponent half the velocity is 9 dB less.
            mixed[at : at + len(sound)] += np.float32((note.velocity / 127) ** 1.5) * sound
    peak = max(float(mixed.max(initial=0.0)), -float(mixed.min(initial=0.0)))
    if peak > 0:
        mixed *= np.float32(_PEAK / peak)
    return Audio(mixed[None], _RATE_HZ)


def sounding_s(score: Score) -> float:
    """Seconds of all notes together, as long as they are heard: what a preview's time grows with.

    Parameters
    ----------
    score : Score
        Score to play.

    Returns
    -------
    float
        Seconds, at most ten of each note.

    Examples
    --------
    >>> from cambiata.score.midi import Part
    >>> sounding_s(Score((Part((Note(0.0, 0.5, 69), Note(0.0, 60.0, 72))),)))
    10.5
    """
    return sum(min(note.duration_s, _SOUNDING_S) for part in score.parts for note in part.notes)


def _released(note: Note, tones: dict[int, Samples]) -> Samples:
    """A tone that ends with its note; `tones` has those of its pitch, as long as was needed."""
    n = int((note.duration_s + _RELEASE_S) * _RATE_HZ)
    longest = round(_SOUNDING_S * _RATE_HZ)
    n_heard = min(n, longest)
    known = tones.get(note.pitch)
    if known is None or len(known) < n_heard:
        n_made = min(longest, max(n_heard, 0 if known is None else 2 * len(known)))
        known = tones[note.pitch] = _synthesize_tone(note.pitch, n_made)
    sound = known[:n_heard].copy()
    n_release = min(n_heard, round(_RELEASE_S * _RATE_HZ) + 1)
    left = n - np.arange(n_heard - n_release, n_heard)
    sound[n_heard - n_release :] *= np.clip(left / (_RELEASE_S * _RATE_HZ), 0, 1, dtype=np.float32)
    return sound


def _synthesize_tone(pitch: int, n_samples: int) -> Samples:
    """Ten partials that decay as a plucked string's do, the higher the sooner."""
    pitch_hz = 440.0 * 2 ** ((pitch - 69) / 12)
    t = np.arange(n_samples) / _RATE_HZ
    sound = np.zeros(n_samples)
    for k in range(1, 11):
        if k * pitch_hz < 0.45 * _RATE_HZ:  # below half the rate, or it would fold back
            sound += np.sin(2 * np.pi * k * pitch_hz * t) / k**1.4 * np.exp(-t * (0.9 + 0.5 * k))
    return (sound * np.minimum(t / _ATTACK_S, 1.0)).astype(np.float32)


def _synthesize_drum(pitch: int) -> npt.NDArray[np.float64]:
    """A second of a drum: a tone that sweeps down, noise, or both."""
    noise = np.random.default_rng(pitch).standard_normal(_RATE_HZ)
    t = np.arange(_RATE_HZ) / _RATE_HZ
    bright = np.diff(noise, prepend=0.0) / 2

    def swept_tone(low_hz: float, high_hz: float, fall_s: float) -> npt.NDArray[np.float64]:
        swept_hz = low_hz + (high_hz - low_hz) * np.exp(-t / 0.03)
        return np.sin(2 * np.pi * np.cumsum(swept_hz) / _RATE_HZ) * np.exp(-t / fall_s)

    open_s = 0.25 if pitch in (26, 46) else 0.04  # open hi-hats ring
    kinds: dict[int | None, Callable[[], npt.NDArray[np.float64]]] = {
        _KICK: lambda: swept_tone(50, 160, 0.12),
        _SNARE: lambda: 0.5 * swept_tone(180, 240, 0.06) + 0.35 * noise * np.exp(-t / 0.07),
        _TOM: lambda: 0.8 * swept_tone(60 + 4 * (pitch - 41), 100 + 8 * (pitch - 41), 0.18),
        _HAT: lambda: 0.4 * bright * np.exp(-t / open_s),
        _CYMBAL: lambda: 0.35 * bright * np.exp(-t / 0.35),
        None: lambda: 0.4 * swept_tone(700, 900, 0.03),
    }
    sound = kinds[_DRUMS.get(pitch)]()
    return sound * np.minimum(t / 0.001, 1.0)
