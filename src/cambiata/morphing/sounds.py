"""Notes of a sound that is to be morphed: one, or one after the other; where each begins and ends.

What is neither (chords, loops of drums) is said in words.
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio.loudness import SILENCE
from cambiata.audio.sound import Audio
from cambiata.errors import InputError
from cambiata.instrument.looping import held_until
from cambiata.instrument.pitch import changes_pitch, measure_pitch, refine_pitch
from cambiata.instrument.recorded import (
    envelope_db,
    find_onset,
    first_sample,
    is_decaying,
    is_polyphonic,
    named_key,
)
from cambiata.score.midi import Note
from cambiata.transcription.api import transcribe

# A window of the model holds four periods; shorter sounds are clicks.
SHORTEST_S = 0.1
# Both sounds are in memory, and two in stereo of two minutes took 1.1 GB; longer ones are for
# `cambiata.transfer`, which reads them in blocks.
LONGEST_S = 60.0
# A note's partials begin so long before its onset: two frames, in which they rise.
_LEAD_S = 0.006
# An attack is over where the level is within 3 dB of the highest, and in the first half of a note.
_ATTACK_DB, _ATTACK_SHARE = 3.0, 0.5
_ENVELOPE_S = 0.01
# A measured pitch may be an octave off, and a note out of tune; what is further from a file's name
# was not named by its note.
_SAME_SEMITONES = 0.7
# Legato notes overlap by less than this share of the first; what overlaps more sounds together.
_LEGATO_SHARE, _TOGETHER_S = 0.5, 0.05
# A damper takes 15 dB in 0.1 s, and three times what the sound loses by itself.
_DAMP_FRAMES, _DAMP_DB, _DAMP_FACTOR = 10, 15.0, 3.0
# Hits of a loop stand out by 10 dB within 30 ms, and lie 60 ms apart.
_HIT_DB, _HIT_FRAMES, _APART_FRAMES = 10.0, 3, 6
# Most of what ends a note is over when it has fallen by 45 dB; a pitch is measured before.
_HELD_DB = 45.0


Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Span:
    """A note, its landmarks in samples."""

    midi: float | None  # pitch with its fraction; None where it has none
    begin: int
    onset: int
    attacked: int  # end of the attack
    released: int  # where it is let go; its end where it decays by itself
    end: int


@dataclass(frozen=True)
class Notes:
    """Notes of a sound; none where they cannot be told apart, for which there is a reason."""

    spans: tuple[Span, ...]
    reason: str = ""


def find_notes(sound: Audio) -> Notes:
    """Notes of a sound, refused where it is silent, too short or a loop of drums."""
    samples = sound.mono().samples[0]
    rate = sound.sample_rate
    if np.abs(sound.samples).max() < SILENCE:
        raise InputError(sound.name, "is silent", "choose a recording with sound")
    audible_s = (len(samples) - first_sample(samples)) / rate
    if audible_s < SHORTEST_S:
        cure = f"choose one of {SHORTEST_S:g} s and more"
        raise InputError(sound.name, f"sounds for {audible_s:.2f} s", cure)
    onset = find_onset(samples)
    held = _held(samples[onset:], rate)
    midi, is_one = _single_pitch(sound, held)
    if is_one:
        return Notes((_span(samples, rate, midi, 0, onset, len(samples)),))
    notes = _transcribed(sound)
    if not notes:
        if _count_hits(samples, rate) > 1:
            cure = "cut one hit, or interpolate loops with `cambiata groove`"
            raise InputError(sound.name, "holds several hits without pitch", cure)
        return Notes((_span(samples, rate, None, 0, onset, len(samples)),))
    if _sound_together(notes):
        return Notes((), "holds notes that sound together")
    return Notes(tuple(_phrase(samples, rate, notes)))


def _held(samples: Samples, rate: int) -> Samples:
    """What sounds of a note, before its end is lost in rooms and noise."""
    level = envelope_db(samples, rate)
    loud = np.flatnonzero(level > level.max() - _HELD_DB)
    return samples[: max(1, len(samples) * (int(loud[-1]) + 1) // len(level))]


def _single_pitch(sound: Audio, held: Samples) -> tuple[float | None, bool]:
    """Pitch of a sound, and whether it is one note.

    A file's name, as in C4.wav, decides about octaves, and where there is no period (bells).
    """
    rate = sound.sample_rate
    pitch = measure_pitch(held, rate)
    key = named_key(Path(sound.name).name)
    is_clear = (
        pitch is not None
        and pitch.is_steady
        and not is_polyphonic(held, rate, pitch.hz)
        and not changes_pitch(held, rate, pitch.midi)
    )
    if key is not None:
        is_octave = (
            pitch is not None
            and min(abs(pitch.midi - key - octave) for octave in (-12, 0, 12)) < _SAME_SEMITONES
        )
        if is_octave or not is_clear:
            return refine_pitch(held, rate, float(key)), True
    return (pitch.midi if pitch is not None and is_clear else None), is_clear


def _transcribed(sound: Audio) -> list[Note]:
    """Notes by their onsets; none where no note was heard."""
    try:
        score = transcribe(sound)
    except InputError:
        return []
    return sorted((note for part in score.parts for note in part.notes), key=lambda n: n.start_s)


def _sound_together(notes: list[Note]) -> bool:
    for note, following in pairwise(notes):
        overlap_s = note.end_s - following.start_s
        if following.start_s - note.start_s < _TOGETHER_S:
            return True
        if overlap_s > _LEGATO_SHARE * (note.end_s - note.start_s):
            return True
    return False


def _phrase(samples: Samples, rate: int, notes: list[Note]) -> list[Span]:
    """Spans of notes that follow each other."""
    lead = round(_LEAD_S * rate)
    onsets = [min(len(samples) - 1, round(note.start_s * rate)) for note in notes]
    begins = [0, *(max(0, onset - lead) for onset in onsets[1:]), len(samples)]
    spans = []
    for i, (note, onset) in enumerate(zip(notes, onsets, strict=True)):
        end = begins[i + 1]
        let_go = min(end, max(onset + 1, round(note.end_s * rate)))
        midi = refine_pitch(samples[onset:let_go], rate, float(note.pitch))
        span = _span(samples, rate, midi, begins[i], onset, end)
        spans.append(span)
    return spans


def _span(
    samples: Samples, rate: int, midi: float | None, begin: int, onset: int, end: int
) -> Span:
    """Landmarks of a note that begins and ends there."""
    lead = round(_LEAD_S * rate)
    part = samples[onset:end]
    frame = round(_ENVELOPE_S * rate)
    level = envelope_db(part, rate)
    attacked = onset + frame * int(np.argmax(level > level.max() - _ATTACK_DB)) + frame
    attacked = min(attacked, onset + int(_ATTACK_SHARE * (end - onset)))
    released = end
    if len(part) > 4 * frame:
        if is_decaying(part, rate):
            damped = _damped(level)
            released = end if damped >= len(level) else onset + damped * frame
        else:
            released = onset + held_until(part, rate, decays=False)
    released = min(max(released, attacked), end)
    return Span(midi, max(begin, onset - lead), onset, attacked, released, end)


def _damped(level: Floats) -> int:
    """Frame in which a sound that decays is damped; the last where it dies away by itself."""
    fall = level[:-_DAMP_FRAMES] - level[_DAMP_FRAMES:]
    top = int(np.argmax(level)) + _DAMP_FRAMES
    audible = np.flatnonzero(level > level.max() - _HELD_DB)
    inside = fall[top : int(audible[-1]) + 1]
    if len(inside) < _DAMP_FRAMES:
        return len(level)
    least = max(_DAMP_DB, _DAMP_FACTOR * float(np.median(inside)))
    steep = np.flatnonzero(inside > least)
    return top + int(steep[0]) + _DAMP_FRAMES // 2 if len(steep) else len(level)


def _count_hits(samples: Samples, rate: int) -> int:
    """How often the level rises as at a hit."""
    level = np.maximum(envelope_db(samples, rate), -90.0)
    level = np.maximum(level, level.max() - 40)
    rise = level[_HIT_FRAMES:] - level[:-_HIT_FRAMES]
    rise = np.concatenate([level[:_HIT_FRAMES] - level.min(), rise])
    found = np.flatnonzero(rise > _HIT_DB)
    if not len(found):
        return 1
    return 1 + int((np.diff(found) > _APART_FRAMES).sum())
