"""What the clips play: phrases, and what detectors fail at: repeats, runs, dense chords, pedals."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from cambiata.data.phrases import SCALES, sample_pedal, sample_phrase
from cambiata.score.midi import Note, Part

_SHORTEST_S = 0.045


def sample_texture(
    rng: np.random.Generator, pitches: Sequence[int], duration_s: float, *, sustains: bool
) -> Sequence[Note]:
    """Notes of one instrument within a range of pitches."""
    names = list(_TEXTURES)
    weights = np.array([_TEXTURES[name][1 if sustains else 2] for name in names])
    play = _TEXTURES[names[int(rng.choice(len(names), p=weights / weights.sum()))]][0]
    notes = play(rng, pitches, duration_s)
    if not sustains and rng.random() < 0.35:
        notes = _pedalled(notes, sample_pedal(rng, duration_s))
    return _without_overlaps(notes, duration_s)


def _phrase(rng: np.random.Generator, pitches: Sequence[int], duration_s: float) -> list[Note]:
    return list(sample_phrase(rng, pitches, duration_s).notes)


def _repeats(rng: np.random.Generator, pitches: Sequence[int], duration_s: float) -> list[Note]:
    """One key or chord struck again and again, 3 to 14 times a second."""
    notes, at_s = [], float(rng.uniform(0, 0.3))
    while at_s < duration_s - 0.2:
        step_s = 1 / float(np.exp(rng.uniform(np.log(3), np.log(14))))
        gate = float(rng.uniform(0.4, 1.0))
        n_keys = int(rng.choice([1, 1, 1, 2, 3]))
        keys = rng.choice(pitches, min(n_keys, len(pitches)), replace=False)
        velocity = float(rng.uniform(40, 115))
        for _ in range(int(rng.integers(3, 16))):
            for key in keys:
                loud = _velocity(rng, velocity, 8)
                notes.append(Note(at_s, at_s + gate * step_s, int(key), loud))
            at_s += step_s * float(rng.normal(1, 0.03))
        at_s += float(rng.choice([0.0, rng.uniform(0, 0.6)]))
    return notes


def _run(rng: np.random.Generator, pitches: Sequence[int], duration_s: float) -> list[Note]:
    """Scales, trills and broken chords, 5 to 16 notes a second."""
    notes, at_s = [], float(rng.uniform(0, 0.3))
    scale = SCALES[str(rng.choice(list(SCALES)))]
    ladder = [p for p in pitches if (p - pitches[0]) % 12 in scale] or list(pitches)
    while at_s < duration_s - 0.2:
        step_s = 1 / float(rng.uniform(5, 16))
        gate = float(rng.choice([1.0, 1.0, rng.uniform(0.4, 1.3)]))
        at = int(rng.integers(len(ladder)))
        by = int(rng.choice([-3, -2, -1, 1, 2, 3]))
        trill = rng.random() < 0.3
        velocity = float(rng.uniform(40, 115))
        for i in range(int(rng.integers(4, 24))):
            where = at + (i % 2) * by if trill else at + i * by
            key = ladder[int(np.clip(where, 0, len(ladder) - 1))]
            loud = _velocity(rng, velocity, 7)
            notes.append(Note(at_s, at_s + gate * step_s, int(key), loud))
            at_s += step_s * float(rng.normal(1, 0.04))
        at_s += float(rng.choice([0.0, rng.uniform(0, 0.5)]))
    return notes


def _dense(rng: np.random.Generator, pitches: Sequence[int], duration_s: float) -> list[Note]:
    """Chords of three to ten notes, as two hands or a section play them."""
    notes, at_s = [], float(rng.uniform(0, 0.3))
    while at_s < duration_s - 0.2:
        size = min(int(rng.integers(3, 11)), len(pitches))
        if rng.random() < 0.6:  # within two hands' reach
            centres = rng.choice(pitches, 2)
            near = [p for p in pitches if min(abs(p - c) for c in centres) <= 8]
            keys = rng.choice(near, min(size, len(near)), replace=False)
        else:
            keys = rng.choice(pitches, size, replace=False)
        length_s = float(np.exp(rng.uniform(np.log(0.12), np.log(2.5))))
        spread_s = float(rng.choice([0.0, 0.005, 0.02, 0.06]))
        velocity = float(rng.uniform(35, 115))
        for i, key in enumerate(sorted(keys)):
            start_s = max(0.0, at_s + i * spread_s + float(rng.normal(0, 0.004)))
            loud = _velocity(rng, velocity, 9)
            ends_s = start_s + length_s * float(rng.uniform(0.8, 1.0))
            notes.append(Note(start_s, ends_s, int(key), loud))
        at_s += length_s * float(rng.uniform(0.9, 1.4))
    return notes


def _velocity(rng: np.random.Generator, mean: float, deviation: float) -> int:
    """Velocity of one of several notes that are meant alike."""
    return int(np.clip(mean + rng.normal(0, deviation), 1, 127))


def _slow(rng: np.random.Generator, pitches: Sequence[int], duration_s: float) -> list[Note]:
    """A slow line without gaps: what is slurred, swelled and shaken."""
    notes, at_s = [], float(rng.uniform(0, 0.4))
    key = int(rng.choice(pitches))
    while at_s < duration_s - 0.1:
        length_s = float(np.exp(rng.uniform(np.log(0.15), np.log(3))))
        notes.append(Note(at_s, at_s + length_s, key, int(rng.integers(40, 115))))
        at_s += length_s + float(rng.choice([0.0, 0.0, 0.0, rng.uniform(0, 0.5)]))
        step = int(rng.choice([-7, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 7]))
        key = key + step if pitches[0] <= key + step <= pitches[-1] else key - step
        key = int(np.clip(key, pitches[0], pitches[-1]))
    return notes


_Play = Callable[[np.random.Generator, Sequence[int], float], list[Note]]
# Each, and how often it comes with sustaining and with decaying timbres.
_TEXTURES: dict[str, tuple[_Play, float, float]] = {
    "phrase": (_phrase, 0.45, 0.45),
    "repeats": (_repeats, 0.08, 0.15),
    "run": (_run, 0.14, 0.15),
    "dense": (_dense, 0.10, 0.25),
    "slow": (_slow, 0.23, 0.0),
}


def _pedalled(notes: Sequence[Note], spans: Sequence[tuple[float, float]]) -> list[Note]:
    """Notes that sound on while the pedal is down."""
    part = Part(tuple(sorted(notes)), pedal=tuple(spans))
    held = []
    for note in part.notes:
        end_s = next((b for a, b in spans if a <= note.end_s < b), note.end_s)
        held.append(replace(note, end_s=end_s))
    return held


def _without_overlaps(notes: Sequence[Note], duration_s: float) -> list[Note]:
    """Notes cut where their key is struck again, and at the end."""
    kept: list[Note] = []
    next_s: dict[int, float] = {}
    for note in sorted(notes, reverse=True):
        end_s = min(note.end_s, duration_s, next_s.get(note.pitch, duration_s))
        if end_s - note.start_s >= _SHORTEST_S:
            kept.append(replace(note, end_s=end_s))
            next_s[note.pitch] = note.start_s
    return kept[::-1]
