"""Musical note sequences without end, from a seed.

Not music to listen to, but to learn from: lines that step and leap in a key, chords, arpeggios and
voices against one another, in every register, tempo, articulation and dynamic that players use.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from cambiata.score.midi import Note, Part

Texture = Literal["line", "chords", "arpeggio", "voices"]

SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "pentatonic": (0, 2, 4, 7, 9),
    "chromatic": tuple(range(12)),
}
# In beats, and how often each comes; runs of one value are as common as mixtures. These and all
# shares below are chosen, after what scores look like; none was fitted to any.
_VALUES = np.array([0.25, 1 / 3, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0])
_WEIGHTS = np.array([0.16, 0.06, 0.30, 0.06, 0.26, 0.05, 0.08, 0.03])
# Steps of the scale that a line takes: mostly seconds, then thirds, seldom a leap.
_STEPS = np.array([-7, -4, -3, -2, -1, 0, 1, 2, 3, 4, 7])
_STEP_WEIGHTS = np.array([0.02, 0.04, 0.06, 0.12, 0.24, 0.06, 0.24, 0.11, 0.06, 0.04, 0.01])
_SHORTEST_S = 0.06  # a sixteenth note at 250 beats a minute: shorter ones are clicks
_SWELL_S = 8.0  # of a dynamic's rise and fall: as long as an example
_TIMING_S = 0.004  # standard deviation of onsets: players are a few milliseconds off the beat


@dataclass(frozen=True)
class PhraseConfig:
    """Ranges from which a phrase's properties are drawn."""

    # Each and its weight.
    textures: tuple[tuple[Texture, float], ...] = (
        ("line", 0.45),
        ("chords", 0.2),
        ("arpeggio", 0.15),
        ("voices", 0.2),
    )
    tempo_bpm: tuple[float, float] = (50.0, 190.0)
    # Share of its value that a note sounds: from staccato to legato that overlaps.
    articulation: tuple[float, float] = (0.35, 1.15)
    velocity: tuple[int, int] = (30, 120)
    rest_share: float = 0.3  # of the time, at most
    max_range: int = 36  # of a phrase, in semitones; narrower ones are as common


def sample_phrase(
    rng: np.random.Generator,
    pitches: Sequence[int],
    duration_s: float,
    config: PhraseConfig | None = None,
) -> Part:
    """A phrase of some texture, in one key and manner."""
    config = config or PhraseConfig()
    names, weights = zip(*config.textures, strict=True)
    texture: Texture = names[rng.choice(len(names), p=np.array(weights) / sum(weights))]
    ladder = _choose_ladder(rng, pitches, config.max_range)
    style = _PhraseStyle.sample(rng, config)
    if texture == "voices":
        notes = _sample_voices(rng, ladder, duration_s, style)
    else:
        play = {"line": _sample_line, "chords": _sample_chords, "arpeggio": _sample_arpeggio}[
            texture
        ]
        notes = list(play(rng, ladder, duration_s, style))
    played = _cut_overlaps(notes, duration_s)
    if not played:  # all rests: one note is the least that a phrase has
        played = (Note(0.0, duration_s, ladder[len(ladder) // 2], round(style.velocity)),)
    return Part(played, name=texture)


def sample_pedal(rng: np.random.Generator, duration_s: float) -> tuple[tuple[float, float], ...]:
    """Spans in which a pianist's foot is down, in seconds."""
    spans, time_s = [], float(rng.uniform(0, 0.5))
    longest_s = float(rng.uniform(0.6, 4))
    while time_s < duration_s:
        end_s = min(duration_s, time_s + float(rng.uniform(0.3, longest_s)))
        if end_s > time_s + 0.05:
            spans.append((time_s, end_s))
        time_s = end_s + float(rng.uniform(0.05, 0.4))
    return tuple(spans)


@dataclass(frozen=True)
class _PhraseStyle:
    """Tempo, articulation and dynamics of one phrase."""

    beat_s: float
    values: tuple[float, ...]
    articulation: float
    velocity: float
    swell: float
    rest: float

    @classmethod
    def sample(cls, rng: np.random.Generator, config: PhraseConfig) -> "_PhraseStyle":
        n_values = int(rng.integers(1, 4))
        chosen = rng.choice(_VALUES, n_values, replace=False, p=_WEIGHTS)
        return cls(
            beat_s=60 / float(rng.uniform(*config.tempo_bpm)),
            values=tuple(float(value) for value in chosen),
            articulation=float(rng.uniform(*config.articulation)),
            velocity=float(rng.uniform(*config.velocity)),
            swell=float(rng.normal(0, 12)),
            rest=float(rng.uniform(0, config.rest_share)) * float(rng.random() < 0.6),
        )


def _choose_ladder(rng: np.random.Generator, pitches: Sequence[int], max_range: int) -> list[int]:
    """Pitches of one key within a range, ascending; at least one."""
    available = np.array(sorted(set(pitches)))
    width = int(rng.integers(5, max_range + 1))
    low = int(rng.integers(available[0], max(available[0], available[-1] - width) + 1))
    key = int(rng.integers(12))
    scale = SCALES[str(rng.choice(list(SCALES)))]
    in_range = available[(available >= low) & (available <= low + width)]
    if not len(in_range):
        in_range = available
    in_key = [int(pitch) for pitch in in_range if (pitch - key) % 12 in scale]
    return in_key or [int(pitch) for pitch in in_range]


def _sample_rhythm(
    rng: np.random.Generator, duration_s: float, style: _PhraseStyle
) -> Iterator[tuple[float, float, int]]:
    """Onsets, lengths and velocities, one after another."""
    at_s = float(rng.uniform(0, 0.25))
    beat = 0.0
    while at_s < duration_s - _SHORTEST_S:
        value = float(rng.choice(style.values))
        length_s = max(value * style.beat_s, _SHORTEST_S * 1.5)
        if rng.random() >= style.rest:
            sounding_s = max(_SHORTEST_S, length_s * style.articulation * rng.uniform(0.9, 1.1))
            accent = 8.0 if beat % 1 == 0 else 0.0
            swell = style.swell * np.sin(2 * np.pi * at_s / _SWELL_S)
            velocity = style.velocity + accent + swell + rng.normal(0, 4)
            start_s = max(0.0, at_s + rng.normal(0, _TIMING_S))
            yield start_s, sounding_s, int(np.clip(round(velocity), 1, 127))
        at_s += length_s
        beat += value


def _sample_line(
    rng: np.random.Generator, ladder: list[int], duration_s: float, style: _PhraseStyle
) -> Iterator[Note]:
    at = int(rng.integers(len(ladder)))
    for start_s, length_s, velocity in _sample_rhythm(rng, duration_s, style):
        yield Note(start_s, start_s + length_s, ladder[at], velocity)
        step = int(rng.choice(_STEPS, p=_STEP_WEIGHTS / _STEP_WEIGHTS.sum()))
        # Off the end of the ladder it turns back.
        at = at + step if 0 <= at + step < len(ladder) else at - step
        at = int(np.clip(at, 0, len(ladder) - 1))


def _choose_chord(rng: np.random.Generator, ladder: list[int]) -> list[int]:
    """Two to four notes in thirds or fourths on a step of the ladder."""
    size = int(rng.integers(2, 5))
    skip = 2 if rng.random() < 0.7 else 3  # thirds, else fourths
    root = int(rng.integers(max(1, len(ladder) - skip * (size - 1))))
    return ladder[root : root + skip * (size - 1) + 1 : skip]


def _sample_chords(
    rng: np.random.Generator, ladder: list[int], duration_s: float, style: _PhraseStyle
) -> Iterator[Note]:
    spread_s = float(rng.choice([0.0, 0.0, 0.008, 0.03]))  # struck together, by hand, or rolled
    for start_s, length_s, velocity in _sample_rhythm(rng, duration_s, style):
        for index, pitch in enumerate(_choose_chord(rng, ladder)):
            begin_s = start_s + index * spread_s
            yield Note(begin_s, begin_s + length_s, pitch, velocity)


def _sample_arpeggio(
    rng: np.random.Generator, ladder: list[int], duration_s: float, style: _PhraseStyle
) -> Iterator[Note]:
    chord, index, ring = _choose_chord(rng, ladder), 0, float(rng.uniform(1, 4))
    for start_s, length_s, velocity in _sample_rhythm(rng, duration_s, style):
        if index == len(chord) * int(rng.integers(1, 3)):
            chord, index = _choose_chord(rng, ladder), 0
        pitch = chord[index % len(chord)]
        yield Note(start_s, start_s + ring * length_s, pitch, velocity)
        index += 1


def _sample_voices(
    rng: np.random.Generator, ladder: list[int], duration_s: float, style: _PhraseStyle
) -> list[Note]:
    """Two to four lines, each in its own part of the ladder."""
    n_voices = min(int(rng.integers(2, 5)), len(ladder))
    bounds = np.linspace(0, len(ladder), n_voices + 1).round().astype(int)
    return [
        note
        for low, high in pairwise(bounds)
        for note in _sample_line(rng, ladder[low:high], duration_s, style)
    ]


def _cut_overlaps(notes: list[Note], duration_s: float) -> tuple[Note, ...]:
    """Notes cut at the end, and where their pitch is struck again."""
    notes_reversed: list[Note] = []
    next_onset_s: dict[int, float] = {}
    for note in sorted(notes, reverse=True):
        end_s = min(note.end_s, duration_s, next_onset_s.get(note.pitch, duration_s))
        if end_s - note.start_s >= _SHORTEST_S / 2:
            notes_reversed.append(Note(note.start_s, end_s, note.pitch, note.velocity))
            next_onset_s[note.pitch] = note.start_s
    return tuple(reversed(notes_reversed))
