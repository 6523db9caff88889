"""Counterpoint judged: an independent referee, planted breaches, and the ranking put to the test.

The referee is music21's voice leading and intervals, and shares no code with our rules. Breaches
are planted by arithmetic on semitones. The ranking is asked to tell what Bach and Fux wrote from
what the rules merely allow.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from cambiata.counterpoint.api import Solution, sample_lines, score_counterpoint, solve
from cambiata.counterpoint.cantus import Cantus
from cambiata.counterpoint.checker import LineNote, Position, check
from cambiata.counterpoint.ranking import Ranking, shipped
from cambiata.data.chorales import PAIRS, read_chorales, successions
from cambiata.errors import InputError
from cambiata.evaluate.metrics import bootstrap_interval
from cambiata.evaluate.run_facts import describe_machine
from cambiata.score.notation import Sheet, Tone, Voice

_BAR = 4
FUX = {
    "fux-dorian": (62, 65, 64, 62, 67, 65, 69, 67, 65, 64, 62),
    "fux-phrygian": (64, 60, 62, 60, 57, 69, 67, 64, 65, 64),
    "fux-lydian": (65, 67, 69, 65, 62, 64, 65, 72, 69, 65, 67, 65),
    "fux-mixolydian": (55, 60, 59, 55, 60, 64, 62, 67, 64, 60, 62, 59, 57, 55),
    "fux-aeolian": (57, 60, 59, 62, 60, 64, 65, 64, 62, 60, 59, 57),
    "fux-ionian": (60, 64, 65, 67, 64, 69, 67, 64, 65, 64, 62, 60),
}
COMPOSED = {
    "own-dorian-1": (62, 64, 65, 67, 64, 65, 62, 64, 62),
    "own-dorian-2": (62, 69, 67, 65, 64, 67, 65, 64, 62),
    "own-phrygian-1": (64, 67, 65, 69, 67, 64, 62, 65, 64),
    "own-phrygian-2": (64, 62, 67, 65, 69, 67, 64, 65, 64),
    "own-lydian-1": (65, 69, 67, 65, 60, 62, 64, 67, 65),
    "own-lydian-2": (65, 64, 62, 67, 65, 69, 67, 65),
    "own-mixolydian-1": (67, 69, 71, 67, 72, 71, 69, 67),
    "own-mixolydian-2": (55, 62, 59, 60, 57, 59, 57, 55),
    "own-aeolian-1": (57, 64, 62, 60, 65, 64, 62, 59, 57),
    "own-aeolian-2": (57, 60, 62, 64, 60, 62, 59, 57),
    "own-ionian-1": (60, 62, 64, 67, 65, 69, 67, 64, 62, 60),
    "own-ionian-2": (60, 65, 64, 62, 69, 67, 64, 62, 60),
}
CANTUS = FUX | COMPOSED
# Fux's own first species, as remembered from the modern editions: cantus, where, his counterpoint.
FUX_SOLUTIONS = (
    ("fux-dorian", "above", (69, 69, 67, 69, 71, 72, 72, 71, 74, 73, 74)),
    ("fux-dorian", "below", (50, 50, 57, 53, 52, 50, 53, 60, 62, 61, 62)),
    ("fux-phrygian", "above", (71, 72, 65, 67, 69, 72, 71, 76, 74, 76)),
    ("fux-lydian", "above", (77, 76, 72, 77, 77, 79, 81, 79, 72, 74, 76, 77)),
)
TASKS = (*((species, 2) for species in range(1, 6)), (1, 3))
_MELODIC_INTERVALS = frozenset(("m2", "M2", "m3", "M3", "P4", "P5", "P8"))
_N_SAMPLED = 200  # random counterpoints against which a real one is ranked


def cantus_sheet(pitches: Sequence[int], name: str = "cantus") -> Sheet:
    """Sheet of a cantus in whole notes."""
    return Sheet((_whole_notes(pitches, "Cantus"),), name=name)


def _whole_notes(pitches: Sequence[int], name: str) -> Voice:
    length = Fraction(_BAR)
    return Voice(tuple(Tone(i * length, length, p) for i, p in enumerate(pitches)), name)


# --- the referee --------------------------------------------------------------------------------


def find_objections(sheet: Sheet) -> tuple[str, ...]:
    """What music21 objects to in a worksheet in whole-note bars."""
    try:
        from music21 import interval, note
    except ModuleNotFoundError as error:
        raise InputError(
            "the referee", "music21 is not installed", 'pip install "cambiata[eval]"'
        ) from error
    cantus = next((voice for voice in sheet.voices if voice.name == "Cantus"), None)
    if cantus is None:
        raise InputError(sheet.name, "has no voice named Cantus", "name the cantus so")
    found: list[str] = []
    voices = sorted(sheet.voices, key=lambda voice: -sum(t.pitch * t.length for t in voice.tones))
    for upper in range(len(voices)):
        for lower in range(upper + 1, len(voices)):
            outer = (upper, lower) == (0, len(voices) - 1)
            found += _motion_objections(voices[upper], voices[lower], len(cantus.tones), outer)
    for voice in voices:
        if voice.name == "Cantus":
            continue
        for one, two in pairwise(voice.tones):
            melodic = interval.Interval(note.Note(one.pitch), note.Note(two.pitch))
            sixth = melodic.name == "m6" and two.pitch > one.pitch
            if one.pitch != two.pitch and melodic.name not in _MELODIC_INTERVALS and not sixth:
                found.append(f"bar {int(two.start // _BAR) + 1}: sings {melodic.name}")
    low = voices[-1]
    for voice in voices[:-1]:
        found += _harmony_objections(voice, low, cantus, len(voices))
    return tuple(found)


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


# --- planted breaches ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Planted:
    """A worksheet with a breach that was put there."""

    rule: str  # Its rule
    bar: int  # Where it is, from 1
    sheet: Sheet  # The worksheet


Change = tuple[int, list[Tone]]
_PlantBreach = Callable[[Sequence[int], list[Tone]], Iterator[Change]]


def _with_pitch(tones: list[Tone], index: int, pitch: int) -> list[Tone]:
    changed = list(tones)
    changed[index] = replace(changed[index], pitch=pitch)
    return changed


def _interval_plant(semitones: Sequence[int], *, inner: bool = True) -> _PlantBreach:
    """An inner note that lies so far from the cantus."""

    def plant(cantus: Sequence[int], tones: list[Tone]) -> Iterator[Change]:
        places = range(1, len(tones) - 2) if inner else (0,)
        for index in places:
            for size in semitones:
                yield index + 1, _with_pitch(tones, index, cantus[index] + size)

    return plant


def _parallel_plant(size: int) -> _PlantBreach:
    def plant(cantus: Sequence[int], tones: list[Tone]) -> Iterator[Change]:
        for index in range(2, len(tones) - 2):
            if cantus[index] != cantus[index - 1]:
                changed = _with_pitch(tones, index - 1, cantus[index - 1] + size)
                yield index + 1, _with_pitch(changed, index, cantus[index] + size)

    return plant


def _direct_plant(size: int) -> _PlantBreach:
    def plant(cantus: Sequence[int], tones: list[Tone]) -> Iterator[Change]:
        for index in range(2, len(tones) - 2):
            before, after = tones[index - 1].pitch, cantus[index] + size
            along = (cantus[index] - cantus[index - 1]) * (after - before) > 0
            if along and abs(before - cantus[index - 1]) % 12 != abs(size) % 12:
                yield index + 1, _with_pitch(tones, index, after)

    return plant


def _line_plant(shape: Sequence[int], *, back: int = 0) -> _PlantBreach:
    """Inner notes of a given shape, in semitones from the first; marked so many before its end."""

    def plant(_: Sequence[int], tones: list[Tone]) -> Iterator[Change]:
        for index in range(1, len(tones) - len(shape) - 2):
            changed = list(tones)
            for offset, size in enumerate(shape):
                at = index + offset
                changed[at] = replace(changed[at], pitch=tones[index].pitch + size)
            yield index + len(shape) - back, changed

    return plant


def _last_plant(back: int, size: int) -> _PlantBreach:
    def plant(cantus: Sequence[int], tones: list[Tone]) -> Iterator[Change]:
        index = len(tones) - back
        yield len(cantus) - back + 1, _with_pitch(tones, index, tones[index].pitch + size)

    return plant


def _weak_plant(cantus: Sequence[int], tones: list[Tone]) -> Iterator[Change]:
    """A second, fourth or seventh off the beat, left by a leap of more than a third."""
    for index in range(2, len(tones) - 3):
        tone = tones[index]
        bar = int(tone.start // _BAR)
        for size in (2, 5, 10, 11, 14):
            pitch = cantus[bar] + size
            far = abs(pitch - tones[index + 1].pitch) > 4
            if tone.start % _BAR and bar < len(cantus) - 2 and far:
                yield bar + 1, _with_pitch(tones, index, pitch)


def _repeated_plant(cantus: Sequence[int], tones: list[Tone]) -> Iterator[Change]:
    for index in range(2, len(tones) - 3):
        if tones[index].start < _BAR * (len(cantus) - 2):
            bar = int(tones[index].start // _BAR)
            yield bar + 1, _with_pitch(tones, index, tones[index - 1].pitch)


def _upward_plant(cantus: Sequence[int], tones: list[Tone]) -> Iterator[Change]:
    """After a tied second, fourth or seventh the line goes up a step instead of down."""
    for index in range(len(tones) - 2):
        tone = tones[index]
        bar = int(tone.end // _BAR)
        ties = tone.end > (tone.start // _BAR + 1) * _BAR
        if ties and abs(tone.pitch - cantus[bar]) % 12 in (1, 2, 5, 6, 10, 11):
            yield bar + 1, _with_pitch(tones, index + 1, tone.pitch + 2)


def _unprepared_plant(cantus: Sequence[int], tones: list[Tone]) -> Iterator[Change]:
    for index in range(1, len(tones) - 2):
        tone = tones[index]
        bar = int(tone.start // _BAR)
        if tone.end > (bar + 1) * _BAR:
            sign = 1 if tone.pitch > cantus[bar] else -1
            yield bar + 1, _with_pitch(tones, index, cantus[bar] + sign * 14)


def _halved_plant(_: Sequence[int], tones: list[Tone]) -> Iterator[Change]:
    for index in range(1, len(tones) - 2):
        tone = tones[index]
        if tone.start % _BAR == 0 and tone.length in (1, 2, 4):
            short = replace(tone, length=tone.length / 4)
            rest = replace(tone, start=tone.start + short.length, length=tone.length * 3 / 4)
            bar = int(tone.start // _BAR)
            yield bar + 1, [*tones[:index], short, rest, *tones[index + 1 :]]


def _untied_plant(cantus: Sequence[int], tones: list[Tone]) -> Iterator[Change]:
    """Two ties in succession are struck again."""
    ties = [i for i, t in enumerate(tones) if t.end > (t.start // _BAR + 1) * _BAR]
    for one, two in pairwise(ties):
        bar = int(tones[two].start // _BAR) + 1
        if two != one + 1 or bar >= len(cantus) - 1:
            continue
        changed = list(tones[:one])
        for tone in tones[one : two + 1]:
            line = (tone.start // _BAR + 1) * _BAR
            changed.append(replace(tone, length=line - tone.start))
            changed.append(replace(tone, start=Fraction(line), length=tone.end - line))
        yield bar + 1, [*changed, *tones[two + 1 :]]


def _eighth_plant(_: Sequence[int], tones: list[Tone]) -> Iterator[Change]:
    for index in range(1, len(tones) - 1):
        if tones[index].length == Fraction(1, 2):
            bar = int(tones[index].start // _BAR)
            yield bar + 1, _with_pitch(tones, index, tones[index - 1].pitch + 5)


def _varied_plant(cantus: Sequence[int], tones: list[Tone]) -> Iterator[Change]:
    """Three bars of quarters on their first notes."""
    for bar in range(2, len(cantus) - 4):
        begin, end = Fraction(_BAR * bar), Fraction(_BAR * (bar + 3))
        around = [t for t in tones if t.start < begin < t.end or t.start < end < t.end]
        if around:
            continue
        pitch = next(t.pitch for t in tones if t.start >= begin)
        steps = [Tone(begin + i, Fraction(1), pitch + 2 * (i % 2)) for i in range(12)]
        outside = [t for t in tones if t.end <= begin], [t for t in tones if t.start >= end]
        yield bar + 3, [*outside[0], *steps, *outside[1]]


def _flat_plant(cantus: Sequence[int], tones: list[Tone]) -> Iterator[Change]:
    for index in range(1, len(tones) - 2):
        if cantus[index] % 12 == 11:
            near = tones[index].pitch
            yield index + 1, _with_pitch(tones, index, near - near % 12 + 10)


def _foreign_plant(_: Sequence[int], tones: list[Tone]) -> Iterator[Change]:
    """An E flat, which no mode here has."""
    for index in range(1, len(tones) - 2):
        near = tones[index].pitch
        yield index + 1, _with_pitch(tones, index, near - near % 12 + 3)


def _tritone_plant(_: Sequence[int], tones: list[Tone]) -> Iterator[Change]:
    """F-G-A-B-A after a note that lies higher than the F."""
    for index in range(1, len(tones) - 6):
        before = tones[index - 1].pitch
        begin = before - 1 - (before - 1 - 5) % 12
        changed = list(tones)
        for offset, size in enumerate((0, 2, 4, 6, 4)):
            changed[index + offset] = replace(changed[index + offset], pitch=begin + size)
        yield int(tones[index + 3].start // _BAR) + 1, changed


def _overlap_plant(cantus: Sequence[int], tones: list[Tone]) -> Iterator[Change]:
    for index in range(2, len(tones) - 2):
        if cantus[index] < cantus[index - 1] - 1 and tones[index - 1].pitch >= cantus[index - 1]:
            yield index + 1, _with_pitch(tones, index, cantus[index - 1] - 1)


def _third_plant(cantus: Sequence[int], tones: list[Tone]) -> Iterator[Change]:
    """Four tenths running, in white notes."""
    white = [p for p in range(128) if p % 12 in (0, 2, 4, 5, 7, 9, 11)]
    for index in range(1, len(tones) - 5):
        changed = list(tones)
        for at in range(index, index + 4):
            changed[at] = replace(changed[at], pitch=white[white.index(cantus[at]) + 9])
        before = tones[index - 1].pitch - cantus[index - 1]
        moves = all(cantus[at] != cantus[at + 1] for at in range(index, index + 3))
        if moves and before % 12 not in (3, 4):
            yield index + 4, changed


# Species and position in which each rule is broken, and how.
PLANTS: dict[str, tuple[int, str, _PlantBreach]] = {
    "consonance": (1, "above", _interval_plant((2, 5, 10, 14))),
    "dissonance": (2, "above", _weak_plant),
    "preparation": (4, "above", _unprepared_plant),
    "resolution": (4, "above", _upward_plant),
    "opening": (1, "above", _interval_plant((3, 4), inner=False)),
    "ending": (1, "above", _last_plant(1, 3)),
    "cadence": (1, "above", _last_plant(2, -1)),
    "parallel-fifths": (1, "above", _parallel_plant(7)),
    "parallel-octaves": (1, "above", _parallel_plant(12)),
    "direct-fifths": (1, "above", _direct_plant(7)),
    "direct-octaves": (1, "above", _direct_plant(12)),
    "unison": (1, "above", _interval_plant((0,))),
    "imperfect-run": (1, "above", _third_plant),
    "distance": (1, "above", _interval_plant((24,))),
    "crossing": (1, "above", _interval_plant((-3, -4, -5))),
    "overlap": (1, "above", _overlap_plant),
    "false-relation": (1, "above", _flat_plant),
    "mode": (1, "above", _foreign_plant),
    "leap": (1, "above", _line_plant((0, 6))),
    "leap-recovery": (1, "above", _line_plant((0, 12, 14), back=1)),
    "leaps-running": (1, "above", _line_plant((0, 5, 10, 15))),
    "tritone": (3, "above", _tritone_plant),
    "repetition": (3, "above", _repeated_plant),
    "range": (1, "above", _line_plant((0, 24))),
    "rhythm": (2, "above", _halved_plant),
    "ligature": (4, "above", _untied_plant),
    "eighths": (5, "above", _eighth_plant),
    "variety": (5, "above", _varied_plant),
}


def plant_breaches(
    rule: str, solutions: Sequence[tuple[Sequence[int], Sheet]]
) -> Iterator[Planted]:
    """Worksheets with a breach of a rule, one for each place where it can be put."""
    plant = PLANTS[rule][2]
    for cantus, sheet in solutions:
        for bar, tones in plant(cantus, list(sheet.voices[0].tones)):
            if all(0 <= tone.pitch <= 127 for tone in tones):
                voice = replace(sheet.voices[0], tones=tuple(tones))
                yield Planted(rule, bar, replace(sheet, voices=(voice, *sheet.voices[1:])))


def is_found(case: Planted) -> bool:
    """Whether the checker finds a planted breach, in its bar and by its name."""
    species, position, _ = PLANTS[case.rule]
    found = check(case.sheet, species=species, position=position).breaches
    return any((breach.bar, breach.rule) == (case.bar, case.rule) for breach in found)


# --- the ranking --------------------------------------------------------------------------------


def _share_below(value: float, others: Sequence[float]) -> float:
    return sum((other < value) + 0.5 * (other == value) for other in others) / len(others)


def rank_fux(n_lines: int = _N_SAMPLED, *, seed: int = 0) -> list[dict[str, Any]]:
    """How Fux's solutions rank among counterpoints that keep the rules and were drawn at random."""
    ranks: list[dict[str, Any]] = []
    for name, position, pitches in FUX_SOLUTIONS:
        cantus = Cantus.of(cantus_sheet(FUX[name]).voices[0], name)
        side: Position = "above" if position == "above" else "below"
        length = Fraction(_BAR)
        line = tuple(LineNote(i * length, length, pitch) for i, pitch in enumerate(pitches))
        sampled = sample_lines(cantus, side, n_lines, seed=seed)
        scores = [score_counterpoint(cantus, other, side) for other in sampled]
        share = _share_below(score_counterpoint(cantus, line, side), scores)
        ranks.append(
            {"cantus": name, "position": position, "share_below": share, "n": len(sampled)}
        )
    return ranks


def rank_chorales(
    ranking: Ranking, *, n_lines: int = _N_SAMPLED, most: int = 12, seed: int = 0
) -> list[float]:
    """How Bach's sopranos rank among random consonant ones, over basses that were held out."""
    rng = np.random.default_rng(seed)
    shares = []
    for _, parts in read_chorales("test"):
        high, low = PAIRS[0]
        pairs = successions(parts[low], parts[high])[:most]
        if len(pairs) < most:
            continue
        # Where the soprano passes between notes of the bass, what sounds with each note counts.
        bass, soprano = ([pairs[0][0][i], *(after[i] for _, after in pairs)] for i in (0, 1))
        scale = {note.pitch % 12 for part in parts for note in part.notes[:40]}
        scores = [
            _score_line(ranking, bass, _sample_consonant_line(bass, soprano[0], scale, rng))
            for _ in range(n_lines)
        ]
        shares.append(_share_below(_score_line(ranking, bass, soprano), scores))
    return shares


def _score_line(ranking: Ranking, bass: Sequence[int], line: Sequence[int]) -> float:
    chords = list(zip(bass, line, strict=True))
    pairs = list(pairwise(chords))
    moved = [p for i, p in enumerate(line) if i == 0 or line[i - 1] != p]
    return ranking.score("above", pairs, moved)


def _sample_consonant_line(
    bass: Sequence[int], first: int, scale: set[int], rng: np.random.Generator
) -> list[int]:
    """A line of consonances in the key, by steps and thirds, without perfect parallels."""
    line = [first]
    for before, low in pairwise(bass):
        apart = (line[-1] - before) % 12
        choices = [
            pitch
            for pitch in range(line[-1] - 4, line[-1] + 5)
            if pitch >= low and (pitch - low) % 12 in (0, 3, 4, 7, 8, 9) and pitch % 12 in scale
            if before == low or (pitch - low) % 12 != apart or apart not in (0, 7)
        ]
        line.append(int(rng.choice(choices)) if choices else line[-1])
    return line


# --- all of it ----------------------------------------------------------------------------------


def evaluate_counterpoint(
    output: str | Path,
    *,
    cantus: Sequence[str] = tuple(CANTUS),
    tasks: Sequence[tuple[int, int]] = TASKS,
    n_planted: int = 40,
    n_lines: int = _N_SAMPLED,
    seed: int = 0,
    progress: Callable[[str, float], None] | None = None,
) -> dict[str, Any]:
    """Solutions judged by the referee, breaches planted and found, the ranking tested."""
    for name in cantus:
        if name not in CANTUS:
            raise InputError(name, "no such cantus", "use " + ", ".join(CANTUS))
    rows, solved = [], {}
    jobs = [
        (*task, where, name) for task in tasks for where in ("above", "below") for name in cantus
    ]
    for done, (species, voices, where, name) in enumerate(jobs, 1):
        row, solution = _solve_one(name, species, voices, where, seed)
        rows.append(row)
        if solution is not None:
            solved[species, voices, where, name] = solution.sheet
        if progress:
            progress("solving", done / len(jobs))
    plants = []
    for done, (rule, (species, position, _)) in enumerate(PLANTS.items(), 1):
        sheets = [
            (CANTUS[name], sheet)
            for (kind, voices, where, name), sheet in solved.items()
            if (kind, voices, where) == (species, 2, position)
        ]
        cases = list(plant_breaches(rule, sheets))
        chosen = cases[:: max(1, len(cases) // n_planted)][:n_planted]
        plants.append({"rule": rule, "planted": len(chosen), "found": sum(map(is_found, chosen))})
        if progress:
            progress("planting", done / len(PLANTS))
    shares = rank_chorales(shipped(), n_lines=n_lines, seed=seed)
    table = {
        "machine": describe_machine(),
        "seed": seed,
        "solutions": [_summary(rows, *task) for task in tasks],
        "planted": plants,
        "fux": rank_fux(n_lines, seed=seed),
        "chorales": {
            "n": len(shares),
            "share_below": float(np.mean(shares)),
            "interval": bootstrap_interval(shares),
        },
        "rows": rows,
    }
    place = Path(output)
    place.mkdir(parents=True, exist_ok=True)
    (place / "counterpoint.json").write_text(json.dumps(table, indent=1) + "\n")
    (place / "counterpoint.md").write_text(markdown(table))
    return table


def _solve_one(
    name: str, species: int, voices: int, where: str, seed: int
) -> tuple[dict[str, Any], Solution | None]:
    row: dict[str, Any] = {"cantus": name, "species": species, "voices": voices, "position": where}
    began = time.perf_counter()
    try:
        (solution,) = solve(
            cantus_sheet(CANTUS[name], name),
            species=species,
            position=where,
            voices=voices,
            seed=seed,
        )
    except InputError as error:
        return row | {"s": time.perf_counter() - began, "unsolved": error.problem}, None
    row["s"] = time.perf_counter() - began
    row["score"] = solution.score
    found = check(solution.sheet, species=species, position=where).breaches
    row["breaches"] = [str(breach) for breach in found]
    row["objections"] = list(find_objections(solution.sheet))
    return row, solution


def _summary(rows: Sequence[dict[str, Any]], species: int, voices: int) -> dict[str, Any]:
    selected = [row for row in rows if (row["species"], row["voices"]) == (species, voices)]
    done = [row for row in selected if "unsolved" not in row]
    return {
        "species": species,
        "voices": voices,
        "asked": len(selected),
        "solved": len(done),
        "pass_checker": sum(not row["breaches"] for row in done),
        "pass_referee": sum(not row["objections"] for row in done),
        "median_s": median(row["s"] for row in selected),
        "worst_s": max(row["s"] for row in selected),
    }


def markdown(table: dict[str, Any]) -> str:
    """The tables."""
    lines = [
        f"Machine: {table['machine']}. Seed {table['seed']}.",
        "",
        "| species | voices | asked | solved | pass checker | pass music21 | median s | worst s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    counts = ("species", "voices", "asked", "solved", "pass_checker", "pass_referee")
    for row in table["solutions"]:
        cells = [str(row[name]) for name in counts]
        cells += [f"{row[name]:.2f}" for name in ("median_s", "worst_s")]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "| rule | planted | found |", "|---|---|---|"]
    lines += ["| `{rule}` | {planted} | {found} |".format(**row) for row in table["planted"]]
    lines += ["", "| ranked | among | share below it |", "|---|---|---|"]
    for row in table["fux"]:
        lines.append(
            f"| Fux, {row['cantus']}, {row['position']} | {row['n']} legal, drawn at random |"
            f" {row['share_below']:.2f} |"
        )
    chorales = table["chorales"]
    low, high = chorales["interval"]
    lines.append(
        f"| Bach, {chorales['n']} held-out chorales, soprano over bass |"
        " consonant lines by steps and thirds, drawn at random |"
        f" {chorales['share_below']:.2f} [{low:.2f}, {high:.2f}] |"
    )
    return "\n".join(lines) + "\n"
