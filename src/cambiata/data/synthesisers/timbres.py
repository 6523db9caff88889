"""A timbre of a synthesiser: something that renders a note."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from cambiata.arrays import Samples

# Frequency in Hz, velocity, how long the note is held and its whole length in s; gives mono
# samples [T] at 44.1 kHz.
RenderNote = Callable[[float, int, float, float], Samples]


@dataclass(frozen=True)
class Timbre:
    """One setting of a synthesiser."""

    name: str
    pitches: tuple[int, int]  # lowest and highest MIDI number that make sense
    render: RenderNote
    in_semitones: bool = False  # True where only whole MIDI numbers can be rendered


def hz_of(pitch: float) -> float:
    """Frequency of a MIDI number."""
    return float(440 * 2 ** ((pitch - 69) / 12))


def pitch_of(hz: float) -> int:
    """Nearest MIDI number of a frequency."""
    return round(69 + 12 * math.log2(hz / 440))
