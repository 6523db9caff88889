"""Breaches planted in worksheets, by arithmetic on semitones, for the checker to find."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from cambiata.counterpoint.api import check
from cambiata.score.sheet import Sheet, Tone

_BAR = 4  # quarter notes


@dataclass(frozen=True)
class Planted:
    """A worksheet with a breach that was put there."""

    rule: str
    bar: int  # from 1
    sheet: Sheet


# The bar of the breach, and the changed line.
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
    """True where the checker finds a planted breach, in its bar and by its name."""
    species, position, _ = PLANTS[case.rule]
    breaches = check(case.sheet, species=species, position=position).breaches
    return any((breach.bar, breach.rule) == (case.bar, case.rule) for breach in breaches)
