"""Parts below a tune: a triad of its key for each of its notes, laid out for the voices of a choir.

Chords are the cheapest path through the key's triads: those of the tonic, the dominant and the
subdominant cost least, a tone that is not of the chord costs by its length, and so does a change.
The parts below take chord tones within their ranges, near those that they had, and do not cross.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from cambiata.ensemble.notes import Tune, VoiceNote
from cambiata.errors import InputError
from cambiata.score.keys import Key, key_fits, parse_key
from cambiata.score.rolls import note_name

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """A part of a choir."""

    name: str
    lowest: int  # MIDI numbers
    highest: int
    # Formants over a soprano's: vocal tracts of men are some 15 % longer (Fant 1966); a little
    # less, as a part moved by an octave with all of it sounds like another singer.
    formant_ratio: float


# Ranges of choirs (usual ones, a third more at either end).
PARTS = {
    "S": Part("soprano", 57, 84, 1.0),
    "A": Part("alto", 52, 77, 0.97),
    "T": Part("tenor", 45, 72, 0.91),
    "B": Part("bass", 38, 65, 0.87),
}

# Degree of the root, intervals above it, and what the chord costs: major, then minor.
_MAJOR_CHORDS = (
    *((0, (0, 4, 7), 0.0), (5, (0, 4, 7), 0.4), (7, (0, 4, 7), 0.3), (9, (0, 3, 7), 0.8)),
    *((2, (0, 3, 7), 0.8), (4, (0, 3, 7), 1.5)),
)
_MINOR_CHORDS = (
    *((0, (0, 3, 7), 0.0), (5, (0, 3, 7), 0.4), (7, (0, 4, 7), 0.3), (8, (0, 4, 7), 0.7)),
    *((3, (0, 4, 7), 0.8), (10, (0, 4, 7), 0.9)),
)
# Notes of 0.3 s and more belong to their chord; another chord costs half of what a foreign tone
# does, so that runs stay over one.
_LONG_S, _FOREIGN_COST, _CHANGE_COST = 0.3, 3.0, 0.7


def find_key(tune: Tune, named: str | None) -> Key:
    """Key that is named, or the tune's by its notes; always with a mode."""
    used = np.zeros(12)
    for note in tune.notes:
        used[note.pitch % 12] += note.duration_s
    fits = key_fits(used)
    if named is None:
        mode, tonic = np.unravel_index(int(np.argmax(fits)), fits.shape)
        return Key(int(tonic), bool(mode))
    key = parse_key(named)
    if key.is_minor is None:
        return Key(key.tonic, bool(fits[1, key.tonic] > fits[0, key.tonic]))
    return key


def part_pitches(tune: Tune, parts: str, key: Key, name: str) -> list[list[int]]:
    """MIDI number of every note in every part, highest part first."""
    order = sorted(parts, key="SATB".index)
    pitches = [note.pitch for note in tune.notes]
    octave = _octave(pitches, PARTS[order[0]], name)
    lines = [[pitch + octave for pitch in pitches]]
    if len(order) == 1:
        return lines
    chords = _chords(tune.notes, key)
    below = [PARTS[letter] for letter in order[1:]]
    before: tuple[int, ...] | None = None
    rows = []
    for top, chord in zip(lines[0], chords, strict=True):
        before = _laid_out(top, chord, below, before)
        rows.append(before)
    return lines + [[row[i] for row in rows] for i in range(len(below))]


def _octave(pitches: list[int], part: Part, name: str) -> int:
    """Semitones, whole octaves, by which a tune comes into the range of a part."""
    low, high = min(pitches), max(pitches)
    fitting = [
        octave
        for octave in range(-48, 49, 12)
        if part.lowest <= low + octave and high + octave <= part.highest
    ]
    if not fitting:
        raise InputError(
            name,
            f"its notes {note_name(low)} to {note_name(high)} do not fit a {part.name}'s "
            f"{note_name(part.lowest)} to {note_name(part.highest)} in any octave",
            "give a part of it, or leave out `parts`",
        )
    middle, centre = (low + high) / 2, (part.lowest + part.highest) / 2
    # As it was sung, where that fits.
    return 0 if 0 in fitting else min(fitting, key=lambda octave: abs(middle + octave - centre))


def _chords(notes: tuple[VoiceNote, ...], key: Key) -> list[tuple[int, ...]]:
    """Pitch classes of each note's chord, its root first."""
    table = _MINOR_CHORDS if key.is_minor else _MAJOR_CHORDS
    chords = [tuple((key.tonic + root + i) % 12 for i in above) for root, above, _ in table]
    base = np.array([cost for _, _, cost in table])
    cost = np.zeros((len(notes), len(chords)))
    for i, note in enumerate(notes):
        weight = min(1.0, note.duration_s / _LONG_S)
        foreign = np.array([note.pitch % 12 not in chord for chord in chords])
        cost[i] = weight * (0.3 * base + _FOREIGN_COST * foreign)
    # It ends at home where it can.
    cost[-1] += 1.5 * base
    total, came_from = cost[0], []
    for i in range(1, len(notes)):
        best = int(total.argmin())
        stays = total <= total[best] + _CHANGE_COST
        came_from.append(np.where(stays, np.arange(len(chords)), best))
        total = np.minimum(total, total[best] + _CHANGE_COST) + cost[i]
    path = [int(total.argmin())]
    for ways in reversed(came_from):
        path.append(int(ways[path[-1]]))
    return [chords[i] for i in reversed(path)]


def _laid_out(
    top: int, chord: tuple[int, ...], parts: list[Part], before: tuple[int, ...] | None
) -> tuple[int, ...]:
    """Chord tones for the parts below a note."""
    options = []
    for part in parts:
        tones = [
            pitch for pitch in range(part.lowest, min(part.highest, top) + 1) if pitch % 12 in chord
        ]
        # Where the tune lies low for the part, it doubles it an octave down.
        options.append(tones or [pitch for pitch in (top - 12, top) if pitch >= 24][:1])
    best: tuple[float, tuple[int, ...]] | None = None
    for chosen in product(*options):
        cost = _layout_cost(top, chosen, chord, parts, before)
        if best is None or cost < best[0]:
            best = cost, chosen
    assert best is not None
    return best[1]


def _layout_cost(
    top: int,
    chosen: tuple[int, ...],
    chord: tuple[int, ...],
    parts: list[Part],
    before: tuple[int, ...] | None,
) -> float:
    """How far a layout is from what singers like."""
    all_pitches = (top, *chosen)
    gaps = [high - low for high, low in zip(all_pitches, chosen, strict=False)]
    cost = sum(20.0 for gap in gaps if gap < 0)  # crossed
    cost += sum(4.0 for gap in gaps if gap == 0)
    cost += sum(0.5 * (gap - 12) for gap in gaps[:-1] if gap > 12)  # the bass may lie far below
    heard = {pitch % 12 for pitch in all_pitches}
    # The third says what chord it is; the root below says it best.
    cost += 3.0 * (chord[0] not in heard) + 4.0 * (chord[1] not in heard)
    cost += 1.0 * (chord[2] not in heard)
    if len(parts) >= 2:
        cost += 2.5 * (chosen[-1] % 12 != chord[0]) + 3.0 * (chosen[-1] % 12 == chord[2])
    for i, (pitch, part) in enumerate(zip(chosen, parts, strict=True)):
        centre = (part.lowest + part.highest) / 2
        cost += 0.05 * abs(pitch - centre)
        if before is not None:
            leap = abs(pitch - before[i])
            cost += (0.1 if i == len(parts) - 1 and len(parts) > 1 else 0.3) * leap
    return cost


def natural_part(tune: Tune) -> str:
    """Letter of the part whose range a voice is in the middle of."""
    middle = float(np.median(tune.pitch[tune.is_voiced]))
    return min(PARTS, key=lambda p: abs(middle - (PARTS[p].lowest + PARTS[p].highest) / 2))
