"""Samples of an instrument and the keys and velocities that they answer to."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from cambiata.arrays import Samples
from cambiata.errors import check_between


@dataclass(frozen=True, eq=False)
class Sample:
    """A sound of an instrument, as a sampler plays it."""

    name: str
    samples: Samples  # [T]
    sample_rate: int
    key: int  # at which it plays as it is
    cents: float  # by which it is sharp at that key
    velocity: int  # at which it plays as it is
    loop: tuple[int, int] | None  # first sample, and the one after the last
    hold_s: float  # until then it plays as it is ...
    decay_db_s: float  # ... and decays by so much after, 0 of a sustained sound
    release_db_s: float  # decay once the key is let go


@dataclass(frozen=True, eq=False)
class Zone:
    """A sample and the keys and velocities, first and last, that it answers to."""

    sample: Sample
    keys: tuple[int, int]
    velocities: tuple[int, int]


def check_sampling(velocities: int, step: int, hold_s: float, seed: int) -> None:
    """Refuse numbers of layers, semitones and seconds that no instrument is sampled by."""
    check_between(1, 16, velocities=velocities)
    check_between(1, 12, step=step)
    check_between(0.5, 20, hold_s=hold_s)
    check_between(0, 2**31, seed=seed)


def velocity_layers(count: int) -> list[tuple[int, int]]:
    """First and last velocity of layers of one width.

    >>> velocity_layers(2)
    [(1, 64), (65, 127)]
    """
    edges = [round(127 * i / count) for i in range(count + 1)]
    return [(low + 1, high) for low, high in itertools.pairwise(edges)]


def middle_velocity(layer: tuple[int, int]) -> int:
    """Velocity that stands for a layer."""
    return max(1, (layer[0] + layer[1]) // 2)


def key_ranges(roots: Sequence[int], keys: tuple[int, int]) -> list[tuple[int, int]]:
    """Keys, first and last, that play the sample of each root: those that are nearest to it.

    >>> key_ranges([60, 63], (58, 70))
    [(58, 61), (62, 70)]
    """
    edges = [(low + high) // 2 for low, high in itertools.pairwise(roots)]
    firsts = [keys[0], *(edge + 1 for edge in edges)]
    return list(zip(firsts, [*edges, keys[1]], strict=True))


def spaced_roots(recorded: Sequence[int], keys: tuple[int, int], step: int) -> list[int]:
    """Keys that get a sample: those recorded, and others so that none is further than `step` apart.

    >>> spaced_roots([60], (57, 67), 3)
    [57, 60, 63, 66]
    """
    roots = {key for key in recorded if keys[0] <= key <= keys[1]}
    if not roots:
        roots = {min(keys[1], keys[0] + step // 2)}
    low, high = min(roots), max(roots)
    inner = sorted(roots)
    for first, last in itertools.pairwise(inner):
        parts = -(-(last - first) // step)
        roots |= {first + round(i * (last - first) / parts) for i in range(1, parts)}
    # The outermost serve half a step on either side.
    while low - keys[0] > step // 2:
        low = max(keys[0], low - step)
        roots.add(low)
    while keys[1] - high > step // 2:
        high = min(keys[1], high + step)
        roots.add(high)
    return sorted(roots)
