"""Changes of a melody: which are made at an amount, and bars written in a new rhythm."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from cambiata.melody.bars import STEPS, Bar, Counting, Event, MelodyLine, Pattern

# What it costs to leave a tone out or to use it again when rhythms are aligned: as much as moving a
# tone by an eighth note. Chosen; lower: tones are dropped and repeated where they might have moved.
_SKIP_COST = 12.0  # steps
_ADDED_VELOCITY = 100  # of rests, which have none; it is never heard


def select_changes(
    gains: npt.NDArray[np.float64], weights: npt.NDArray[np.float64], amount: float
) -> npt.NDArray[np.bool_]:
    """Mask of the changes that are made: those of the greatest gain, up to a share of their weight.

    What has no gain (not above 0) is never made. Gains and weights (how often a change is heard)
    have any shape, and the mask has it too; what is made at an amount is made at any higher one.
    """
    selected = np.zeros(gains.shape, bool)
    candidates = np.flatnonzero(gains.ravel() > 0)
    order = candidates[np.argsort(-gains.ravel()[candidates], kind="stable")]
    cumulative = np.cumsum(weights.ravel()[order])
    if len(order):
        # A change is made once half of its weight is within the share.
        midpoint = cumulative - weights.ravel()[order] / 2
        selected.ravel()[order[midpoint <= amount * cumulative[-1]]] = True
    return selected if amount > 0 else np.zeros(gains.shape, bool)


def tones_with_steps(line: MelodyLine, bar: Bar) -> list[tuple[int, Event]]:
    """Tones of a bar with their steps, without rests."""
    return [(step, event) for step, event in line.steps(bar) if event.is_tone]


def align_tones(source_steps: Sequence[int], target_steps: Sequence[int]) -> list[tuple[int, bool]]:
    """For each target tone the index of its source tone, in order, and whether it is an added one.

    Onsets are aligned by dynamic programming on how far they lie apart; each source left out, and
    each one used again, costs as much as an eighth note. Steps rise; sources are not empty.
    """
    n, m = len(source_steps), len(target_steps)
    if not m:
        return []
    costs = np.full((m, n), np.inf)
    back_pointers = np.zeros((m, n), int)
    for j in range(n):
        costs[0, j] = abs(target_steps[0] - source_steps[j]) + _SKIP_COST * j
    for i in range(1, m):
        for j in range(n):
            # From the same tone again, from the one before, or from one further back.
            steps = [
                costs[i - 1, k] + (_SKIP_COST if k == j else _SKIP_COST * (j - k - 1))
                for k in range(j + 1)
            ]
            back_pointers[i, j] = int(np.argmin(steps))
            costs[i, j] = steps[back_pointers[i, j]] + abs(target_steps[i] - source_steps[j])
    j = int(np.argmin(costs[-1] + _SKIP_COST * np.arange(n)[::-1]))
    sources = [j]
    for i in range(m - 1, 0, -1):
        j = int(back_pointers[i, j])
        sources.append(j)
    sources.reverse()
    # Of the targets of one source, the nearest is it; the others are added tones.
    nearest_targets = {
        j: min(
            (i for i in range(m) if sources[i] == j),
            key=lambda i: (abs(target_steps[i] - source_steps[j]), i),
        )
        for j in set(sources)
    }
    return [(j, nearest_targets[j] != i) for i, j in enumerate(sources)]


@dataclass(frozen=True)
class Draft:
    """A bar in a new rhythm, its pitches to be decided."""

    steps: tuple[int, ...]  # where something begins
    tones: tuple[Event | None, ...]  # the tone it comes from; None for a rest
    added: tuple[bool, ...]  # whether a tone was not there before

    @property
    def n_tones(self) -> int:
        """How many tones begin."""
        return sum(tone is not None for tone in self.tones)


def draft_bar(
    line: MelodyLine, bar: Bar, sounding: int | None, patterns: Sequence[Pattern]
) -> Draft:
    """A bar in a new rhythm, each tone from the nearest one it had.

    Where the bar had no tone at all, new ones have the pitch that sounds on into it (`sounding`).
    """
    events = [
        (beat * line.counting.beat_steps + onset, is_tone)
        for beat, pattern in enumerate(patterns)
        for onset, is_tone in pattern
    ]
    source_tones = tones_with_steps(line, bar)
    if not source_tones and sounding is not None:
        source_tones = [(0, Event(Fraction(0), sounding))]
    if not source_tones:  # silence stays silence
        return Draft((0,), (None,), (False,))
    target_steps = [step for step, is_tone in events if is_tone]
    matches = iter(align_tones([step for step, _ in source_tones], target_steps))
    tones: list[Event | None] = []
    added = []
    for _, is_tone in events:
        index, is_added = next(matches) if is_tone else (0, False)
        tones.append(source_tones[index][1] if is_tone else None)
        added.append(is_added)
    return Draft(tuple(step for step, _ in events), tuple(tones), tuple(added))


def write_bar(counting: Counting, draft: Draft, pitches: Sequence[int | None]) -> Bar:
    """Events of a draft with its pitches, a pitch for each of its events (None for rests)."""
    return tuple(
        Event(
            Fraction(step, STEPS) / counting.scale,
            pitch,
            tone.velocity if tone is not None else _ADDED_VELOCITY,
        )
        for step, tone, pitch in zip(draft.steps, draft.tones, pitches, strict=True)
    )


def close_last_bar(before: Bar, after: Bar) -> Bar:
    """A last bar that ends where it did: cut off at its last rest, or at its last tone."""
    if not before or before[-1].is_tone:
        n_left = max((i + 1 for i, event in enumerate(after) if event.is_tone), default=0)
        return after[:n_left]
    last_rest = before[-1]
    return (*(event for event in after if event.onset < last_rest.onset), last_rest)
