"""A melody counted in another metre."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from cambiata.errors import InputError
from cambiata.melody.bars import STEPS, Bar, Counting, Event, MelodyLine
from cambiata.score.midi import Metre
from cambiata.score.sheet import Sheet

# Where the fast notes of a pulse go when it is counted otherwise, by the lengths of the pulse in
# steps: a long and a short of a jig become a crotchet and a quaver, and so on. Between, in
# proportion.
_TIME_MAPS = {
    (36, 48): ((0, 0), (12, 24), (24, 36), (36, 48)),
    (48, 36): ((0, 0), (24, 12), (36, 24), (48, 36)),
    (24, 36): ((0, 0), (12, 24), (24, 36)),
    (36, 24): ((0, 0), (24, 12), (36, 24)),
}


def with_pickup(tune: Sheet, pickup: str | None) -> Sheet:
    """A tune whose first bar is so many quarter notes long ("1/2"), and full where it is "0"."""
    if pickup is None:
        return tune
    try:
        length = Fraction(pickup)
    except (ValueError, ZeroDivisionError):
        length = Fraction(-1)
    if not 0 <= length < tune.metre.bar:
        raise InputError(
            f"pickup {pickup}",
            f"is not the length of the beginning of a bar of {tune.metre}",
            f"write it in quarter notes, as in 1/2 or 1, less than {tune.metre.bar}",
        )
    return replace(tune, pickup=length)


def target_metre(
    line: MelodyLine, kinds: Sequence[tuple[int, bool]], metre: str, tune: str, style: str
) -> Metre | None:
    """The metre to change to, by what a user asks for; None where it stays."""
    if metre == "content":
        return None
    if metre == "style":
        if line.counting.kind in kinds:
            return None
        for n_beats, is_compound in kinds:
            if _pulses(n_beats, is_compound) & _pulses(*line.counting.kind):
                return Metre(n_beats * 3, 8) if is_compound else Metre(n_beats, 4)
        raise InputError(
            tune, f"is in {line.metre}, which cannot become that of {style}", "choose another style"
        )
    beats, slash, unit = metre.partition("/")
    if not (slash and beats.isdecimal() and unit.isdecimal() and int(beats) and int(unit)):
        raise InputError(f"metre {metre}", "is not a metre", "use content, style, or one like 6/8")
    new_metre = Metre(int(beats), int(unit))
    return None if new_metre == line.metre else new_metre


def change_metre(line: MelodyLine, metre: Metre) -> MelodyLine:
    """A melody counted in another metre, bar for bar, each pulse mapped to one of the other's.

    The metres' bars have as many pulses: 6/8, 4/4 and 2/4; 9/8 and 3/4; 12/8 and 4/4.
    """
    counting = Counting.of(metre, [], f"metre {metre}")
    shared = _pulses(*line.counting.kind) & _pulses(*counting.kind)
    if not shared:
        raise InputError(
            f"metre {metre}", f"does not divide as {line.metre} does", "choose another metre"
        )
    n_pulses = min(shared)
    old_steps, new_steps = (each.bar_steps // n_pulses for each in (line.counting, counting))

    def map_step(step: Fraction) -> Fraction:
        pulse, within = divmod(step, old_steps)
        points = _TIME_MAPS.get((old_steps, new_steps), ((0, 0), (old_steps, new_steps)))
        for (x0, y0), (x1, y1) in pairwise(points):
            if x0 <= within <= x1:
                return pulse * new_steps + y0 + (within - x0) * Fraction(y1 - y0, x1 - x0)
        raise AssertionError("time maps cover a pulse")

    def map_bar(bar: Bar, skipped: Fraction) -> Bar:
        events: dict[Fraction, Event] = {}
        for event in bar:
            step = (event.onset + skipped) * line.counting.scale * STEPS
            onset = map_step(step) / STEPS / counting.scale - map_skipped(skipped)
            events.setdefault(onset, replace(event, onset=onset))
        return tuple(events[onset] for onset in sorted(events))

    def map_skipped(skipped: Fraction) -> Fraction:
        return map_step(skipped * line.counting.scale * STEPS) / STEPS / counting.scale

    short = line.metre.bar - line.pickup if line.pickup else Fraction(0)
    bars = [map_bar(bar, short if i == 0 else Fraction(0)) for i, bar in enumerate(line.bars)]
    pickup = metre.bar - map_skipped(short) if line.pickup else Fraction(0)
    return MelodyLine(tuple(bars), metre, counting, pickup)


def _pulses(n_beats: int, is_compound: bool) -> set[int]:
    """Numbers of pulses that a bar may be felt in."""
    if is_compound:
        return {n_beats}
    return {2: {2}, 3: {3}, 4: {2, 4}}[n_beats]
