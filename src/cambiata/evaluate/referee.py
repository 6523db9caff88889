"""Worksheets of counterpoint judged by music21's intervals and voice leading.

It shares no code with our rules, so that an error in them is not made twice.
"""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Any

from cambiata.errors import InputError
from cambiata.score.sheet import Sheet, Tone, Voice

_BAR = 4  # quarter notes
# Allowed in a line; a minor sixth upwards too.
_MELODIC_INTERVALS = frozenset(("m2", "M2", "m3", "M3", "P4", "P5", "P8"))


def find_objections(sheet: Sheet) -> tuple[str, ...]:
    """Objections of music21 to a worksheet in whole-note bars, each with its bar."""
    try:
        from music21 import interval, note
    except ModuleNotFoundError as error:
        raise InputError(
            "the referee", "music21 is not installed", 'pip install "cambiata[eval]"'
        ) from error
    cantus = next((voice for voice in sheet.voices if voice.name == "Cantus"), None)
    if cantus is None:
        raise InputError(sheet.name, "has no voice named Cantus", "name the cantus so")
    objections: list[str] = []
    voices = sorted(sheet.voices, key=lambda voice: -sum(t.pitch * t.length for t in voice.tones))
    for upper in range(len(voices)):
        for lower in range(upper + 1, len(voices)):
            outer = (upper, lower) == (0, len(voices) - 1)
            objections += _motion_objections(voices[upper], voices[lower], len(cantus.tones), outer)
    for voice in voices:
        if voice.name == "Cantus":
            continue
        for one, two in pairwise(voice.tones):
            melodic = interval.Interval(note.Note(one.pitch), note.Note(two.pitch))
            sixth = melodic.name == "m6" and two.pitch > one.pitch
            if one.pitch != two.pitch and melodic.name not in _MELODIC_INTERVALS and not sixth:
                objections.append(f"bar {int(two.start // _BAR) + 1}: sings {melodic.name}")
    low = voices[-1]
    for voice in voices[:-1]:
        objections += _harmony_objections(voice, low, cantus, len(voices))
    return tuple(objections)


def _tone_at(voice: Voice, place: Fraction) -> Tone | None:
    return next((tone for tone in voice.tones if tone.start <= place < tone.end), None)


def _motion_objections(upper: Voice, lower: Voice, n_bars: int, outer: bool) -> Iterator[str]:
    from music21 import note, voiceLeading

    for bar in range(1, n_bars):
        place = Fraction(_BAR * bar)
        before = [_tone_at(voice, place - Fraction(1, 8)) for voice in (upper, lower)]
        after = [_tone_at(voice, place) for voice in (upper, lower)]
        if any(tone is None for tone in (*before, *after)):
            continue
        pitches = [tone.pitch for tone in (*before, *after) if tone]
        if pitches[0] < pitches[1] or pitches[2] < pitches[3]:
            yield f"bar {bar + 1}: voices cross"
        v1n1, v2n1, v1n2, v2n2 = (note.Note(pitch) for pitch in pitches)
        quartet = voiceLeading.VoiceLeadingQuartet(v1n1, v1n2, v2n1, v2n2)
        tests = ["parallelFifth", "parallelOctave", "parallelUnison"]
        tests += ["hiddenFifth", "hiddenOctave"] * outer
        for test in tests:
            if getattr(quartet, test)():
                yield f"bar {bar + 1}: {test}"


def _harmony_objections(voice: Voice, low: Voice, cantus: Voice, n_voices: int) -> Iterator[str]:
    from music21 import interval, note

    def interval_above_bass(tone: Tone, place: Fraction) -> Any:
        other = _tone_at(low, place)
        assert other is not None
        return interval.Interval(note.Note(other.pitch), note.Note(tone.pitch))

    ends = {"P1", "P5", "P8", "m3", "M3"} if n_voices == 3 else {"P1", "P5", "P8"}
    moving = low if voice.name == "Cantus" else voice
    start = max(moving.tones[0].start, voice.tones[0].start)
    opening = interval_above_bass(_tone_at(voice, start) or voice.tones[0], start)
    if opening.semiSimpleName not in ends:
        yield f"bar 1: begins with {opening.name}"
    n_bars = len(cantus.tones)
    end = Fraction(_BAR * (n_bars - 1))
    closing = interval_above_bass(_tone_at(voice, end) or voice.tones[-1], end)
    if closing.semiSimpleName not in (ends if n_voices == 3 else {"P1", "P8"}):
        yield f"bar {n_bars}: ends with {closing.name}"
    for bar in range(1, n_bars - 1):
        place = Fraction(_BAR * bar)
        tone = _tone_at(voice, place)
        if tone is None:
            yield f"bar {bar + 1}: rests"
            continue
        harmony = interval_above_bass(tone, place)
        if harmony.isConsonant():
            continue
        tied = _tone_at(moving, place)
        after = next((t for t in moving.tones if t.start > place), None)
        if tied is None or tied.start == place or after is None:
            yield f"bar {bar + 1}: strikes {harmony.name}"
            continue
        resolution = next((t for t in moving.tones if t.start == place + 2), None)
        fall = interval.Interval(note.Note(tied.pitch), note.Note((resolution or after).pitch))
        if resolution is None or fall.directedName not in ("m-2", "M-2"):
            yield f"bar {bar + 1}: {harmony.name} is not resolved"
