"""Breaches of the rules between a cantus and two counterpoints, first species."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

from cambiata.counterpoint import rules
from cambiata.counterpoint.cantus import Cantus
from cambiata.counterpoint.one_line import (
    cadence_breaches,
    line_breaches,
    motion_words,
    rhythm_breaches,
    sort_breaches,
    with_article,
)
from cambiata.counterpoint.rules import FIRST
from cambiata.counterpoint.worksheet import Breach, Line, Position


def three_voice_breaches(
    cantus: Cantus, lines: Sequence[Line], position: Position
) -> tuple[Breach, ...]:
    """Breaches of two counterpoints (the higher first) against a cantus, a rule once a bar."""
    breaches: list[Breach] = []
    n_bars = len(cantus.pitches)
    names = ("the upper counterpoint", "the lower counterpoint")
    for line, name in zip(lines, names, strict=True):
        breaches += line_breaches(cantus, line, FIRST, name)
        breaches += rhythm_breaches(line, FIRST, n_bars)
    breaches += _three_cadence(cantus, lines)
    by_bar = [{note.bar: note.pitch for note in line} for line in lines]
    full = [bar for bar in range(n_bars) if all(bar in line for line in by_bar)]
    chords: dict[int, tuple[int, int, int]] = {}
    for bar in full:
        high, low = (line[bar] for line in by_bar)
        at = cantus.pitches[bar]
        chords[bar] = (at, low, high) if position == "above" else (low, high, at)
    voices = ("cantus", *names[::-1]) if position == "above" else (*names[::-1], "cantus")
    for bar, chord in chords.items():
        breaches += chord_breaches(cantus, bar, chord, voices)
        if bar - 1 in chords:
            breaches += motion_breaches(cantus, bar, chords[bar - 1], chord, voices)
    return sort_breaches(breaches, FIRST)


def _three_cadence(cantus: Cantus, lines: Sequence[Line]) -> list[Breach]:
    """Breach of the rule that one of the counterpoints leads to the final."""
    each = [
        list(cadence_breaches(cantus, line[-2].pitch, line[-1].pitch, True))
        for line in lines
        if len(line) > 1
    ]
    is_led = any(not breaches for breaches in each)
    if is_led or not each:
        return []
    return [replace(each[0][0], words="no voice has the leading note")]


def chord_breaches(
    cantus: Cantus, bar: int, chord: tuple[int, int, int], voices: Sequence[str] = "123"
) -> Iterator[Breach]:
    """Breaches of one chord of three voices, its pitches from the lowest."""
    names = [cantus.name_of(pitch) for pitch in chord]
    low, middle, high = chord
    at_end = bar in (0, len(cantus.pitches) - 1)
    if at_end:
        rule = "ending" if bar else "opening"
        thirds = (4,) if bar else (3, 4)
        if (low - cantus.final) % 12 or any(
            (pitch - low) % 12 not in (0, 7, *thirds) for pitch in (middle, high)
        ):
            yield Breach(bar + 1, rule, f"{'-'.join(names)} is not a chord for it")
    else:
        for pitch, name in ((middle, names[1]), (high, names[2])):
            if not rules.is_consonant(low, pitch):
                interval = with_article(rules.interval_name(low, pitch))
                words = f"{name} is {interval} over the lowest voice"
                yield Breach(bar + 1, "consonance", words)
        steps = abs(rules.steps_between(middle, high)) % 7
        if not rules.is_consonant(middle, high) and abs(high - middle) % 12 not in (5, 6):
            words = f"{names[1]}-{names[2]} is a dissonance between the upper voices"
            yield Breach(bar + 1, "consonance", words)
        elif abs(high - middle) % 12 in (5, 6) and steps not in (3, 4):
            words = f"{names[1]}-{names[2]} is a chromatic interval"
            yield Breach(bar + 1, "consonance", words)
        for one, two in combinations(range(3), 2):
            if chord[one] == chord[two]:
                yield Breach(bar + 1, "unison", f"{voices[one]} and {voices[two]} on {names[one]}")
    if high - middle > rules.MAX_DISTANCE_ABOVE or middle - low > rules.MAX_DISTANCE:
        yield Breach(bar + 1, "distance", f"{'-'.join(names)} lie too far apart")
    if not low <= middle <= high:
        yield Breach(bar + 1, "crossing", f"{'-'.join(names)}: voices cross")
    for one, two in combinations(range(3), 2):
        if rules.is_false_relation(chord[one], chord[two]):
            yield Breach(bar + 1, "false-relation", f"{names[one]} against {names[two]}")


def motion_breaches(
    cantus: Cantus,
    bar: int,
    chord: tuple[int, int, int],
    following: tuple[int, int, int],
    voices: Sequence[str] = "123",
) -> Iterator[Breach]:
    """Breaches between two chords of three voices."""
    for one, two in combinations(range(3), 2):
        pair, after = (chord[one], chord[two]), (following[one], following[two])
        rules_broken = [rules.parallel(pair, after)]
        if (one, two) == (0, 2):
            rules_broken.append(rules.direct(pair, after))
        for rule in rules_broken:
            if rule:
                between = f"{voices[one]} and {voices[two]}"
                yield Breach(bar + 1, rule, motion_words(cantus, pair, after, between))
        for a, b in ((one, two), (two, one)):
            if rules.is_false_relation(chord[a], following[b]):
                names = [cantus.name_of(p) for p in (chord[a], following[b])]
                yield Breach(bar + 1, "false-relation", " then ".join(names))
