"""Melodies that the tests of melodies share: made here, small."""

from fractions import Fraction

from cambiata.melody.bars import MelodyLine
from cambiata.score.midi import Metre
from cambiata.score.sheet import Tone, Voice


def tune(metre: Metre, *steps: int, pitches: tuple[int, ...] = (62, 66, 69, 67)) -> MelodyLine:
    """Tones of so many twenty-fourths of a quarter note, one after the other."""
    at, tones = Fraction(0), []
    for i, step in enumerate(steps):
        tones.append(Tone(at, Fraction(step, 24), pitches[i % len(pitches)]))
        at += Fraction(step, 24)
    return MelodyLine.of(Voice(tuple(tones)), metre)
