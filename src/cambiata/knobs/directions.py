"""Directions of a set of sounds: the main ones, and those that move one descriptor alone.

The main directions are principal components. A named knob goes from the set's mean where its own
descriptor moves and the others stay: of all ways to do so the one that is least unlike the set, by
its covariance S. With the descriptors' gradients G that is ``S G (G' S G)^-1``, a Newton step; as
descriptors are no straight functions of parameters, the way is walked in steps, at each of which
descriptors are measured again, on the sound.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cambiata.knobs.descriptors import NAMES, describe
from cambiata.knobs.parameters import (
    HIGHEST,
    LEAST_SPREADS,
    LOWEST,
    PLACES,
    WEIGHTS,
    Array,
    SoundParameters,
)
from cambiata.knobs.rendering import LEAD_S, SAMPLE_RATE, render_note

# Knobs are told at these positions, and go straight between them.
POSITIONS = np.linspace(0, 1, 9)
MOST_DIRECTIONS = 6
_MIDDLE = len(POSITIONS) // 2
# So much of a note is described, by when steady noise and decays are told; it ends at once.
_DESCRIBED_S, _QUICK = 0.6, 3.4
# A step of the gradients, in spreads of a parameter: less is lost in rounding, more bends.
_GRADIENT_STEP = 0.5
# A position is reached where all descriptors are within so much of a set's spread; after so many
# steps it is as near as it gets.
_NEAR, _MOST_STEPS = 0.03, 8
_LONGEST_STEP = 1.5  # spreads of a descriptor, at a time
# A way goes on by half a spread of its descriptor, until something is further off than a seventh.
_STEP_SPREADS, _FAR = 0.5, 0.15
# Of the descriptors' variance: keeps gradients that are nearly alike from huge steps.
_RIDGE = 1e-3
# Differences of a set below these are none: a knob would move nothing that is heard. A quarter of
# an octave, a third of a time, 2 dB, 2 dB, a third of an inharmonicity.
LEAST_RANGES = np.array([0.1, 0.12, 2.0, 2.0, 0.2])
_LEAST_SPREADS = LEAST_RANGES / 4

Step = Callable[[float], None]


@dataclass(frozen=True, eq=False)
class NamedPath:
    """The way of a named knob."""

    name: str
    parameters: Array  # at POSITIONS [9, N_PARAMETERS]
    described: Array  # all descriptors there [9, NAMES]


@dataclass(frozen=True, eq=False)
class Directions:
    """The main directions of a set."""

    mean: Array  # [N_PARAMETERS]
    directions: Array  # by which parameters change for one spread of the scores [K, N_PARAMETERS]
    scores: Array  # of the set's sounds, in spreads [N, K]
    explained: Array  # shares of the variance [K]


def scales_of(parameters: Array) -> Array:
    """What one unit of a standardised parameter is [N_PARAMETERS], of a set's [N, ...]."""
    return np.asarray(np.maximum(parameters.std(0, ddof=1), LEAST_SPREADS) / WEIGHTS)


def main_directions(parameters: Array, most: int = MOST_DIRECTIONS) -> Directions:
    """Principal components of a set's standardised parameters [N, N_PARAMETERS]."""
    mean, scales = parameters.mean(0), scales_of(parameters)
    standard = (parameters - mean) / scales
    left, singular, axes = np.linalg.svd(standard, full_matrices=False)
    n = min(most, len(parameters) - 1, int((singular > 1e-6 * singular[0]).sum()))
    # Signs are free: the largest component is positive.
    signs = np.sign(axes[np.arange(n), np.abs(axes[:n]).argmax(1)])
    spreads = singular[:n] / np.sqrt(len(parameters) - 1)
    scores = left[:, :n] * signs * np.sqrt(len(parameters) - 1)
    directions = axes[:n] * (signs * spreads)[:, None] * scales
    explained = singular[:n] ** 2 / max(float((singular**2).sum()), 1e-20)
    return Directions(mean, directions, scores, explained)


def shrunk_covariance(standard: Array) -> Array:
    """Covariance of standardised parameters [N, P] by Ledoit & Wolf 2004, eq. 14 [P, P].

    >>> wide = np.random.default_rng(0).standard_normal((8, 30))
    >>> bool(np.linalg.eigvalsh(shrunk_covariance(wide)).min() > 0.1)
    True
    """
    n, p = standard.shape
    sample = standard.T @ standard / n
    level = np.trace(sample) / p
    distance = ((sample - level * np.eye(p)) ** 2).sum()
    error = sum(((np.outer(row, row) - sample) ** 2).sum() for row in standard) / n**2
    share = min(error / max(distance, 1e-20), 1.0)
    return np.asarray(share * level * np.eye(p) + (1 - share) * sample)


def measure(parameters: Array, keys: Sequence[int]) -> Array:
    """Descriptors of a sound's notes, mean over keys [NAMES]; measured on what is played."""
    sound = replace(SoundParameters.of(parameters), release=_QUICK)
    found = []
    for key in keys:
        note = render_note(sound, key, _DESCRIBED_S)
        held = note[round(LEAD_S * SAMPLE_RATE) :]
        found.append(describe(held, SAMPLE_RATE, key, _DESCRIBED_S))
    return np.asarray(np.mean(found, axis=0))


class PathFinder:
    """Ways of named knobs through a set's space."""

    def __init__(self, parameters: Array, described: Array, keys: Sequence[int]) -> None:
        self.keys = keys
        self.mean, self.scales = parameters.mean(0), scales_of(parameters)
        self.covariance = shrunk_covariance((parameters - self.mean) / self.scales)
        self.spreads = np.maximum(described.std(0, ddof=1), _LEAST_SPREADS)
        self.low, self.high = described.min(0), described.max(0)
        self.middle = measure(self.mean, keys)

    def names(self) -> list[str]:
        """Descriptors in which the set differs."""
        return [n for n, r in zip(NAMES, self.high - self.low >= LEAST_RANGES, strict=True) if r]

    def gradients(self, on_step: Step = lambda _share: None) -> Array:
        """Change of descriptors, in their spreads, for one unit of a parameter [P, NAMES]."""
        found = np.zeros((len(self.mean), len(NAMES)))
        middle = measure(self.mean, self.keys[1:2])
        silent = PLACES["release"]  # heard only after what is described
        for i in range(len(self.mean)):
            if not silent.start <= i < silent.stop:
                step = _GRADIENT_STEP * self.scales[i] * WEIGHTS[i]
                moved = self.mean.copy()
                moved[i] += step
                change = measure(moved, self.keys[1:2]) - middle
                found[i] = change / self.spreads / step * self.scales[i]
            on_step((i + 1) / len(self.mean))
        return found

    def walk(self, name: str, gradients: Array) -> NamedPath:
        """The way of one knob: the set's lowest at 0, its mean at .5, its highest at 1.

        It ends earlier where the others would not stay: brightness may go no further without
        warmth, in this set.
        """
        own = NAMES.index(name)
        middle, spread = self.middle[own], self.spreads[own]
        ends = (
            min(self.low[own], middle - _LEAST_SPREADS[own]),
            max(self.high[own], middle + _LEAST_SPREADS[own]),
        )
        places: list[Array] = []
        for end, positions in zip(ends, (POSITIONS[_MIDDLE::-1], POSITIONS[_MIDDLE:]), strict=True):
            count = max(_MIDDLE, int(np.ceil(abs(end - middle) / (_STEP_SPREADS * spread))))
            walked = self._walked(own, np.linspace(middle, end, count + 1)[1:], gradients)
            at = np.abs(np.array([described[own] for _, described in walked]) - middle)
            at = np.maximum.accumulate(at)
            aims = np.linspace(0, at[-1], len(positions))
            parameters = np.stack([each for each, _ in walked])
            places += [
                np.array([np.interp(aim, at, column) for column in parameters.T]) for aim in aims
            ]
        way = np.stack(places[_MIDDLE:0:-1] + places[_MIDDLE + 1 :])
        return NamedPath(name, way, np.stack([measure(each, self.keys) for each in way]))

    def _walked(self, own: int, aims: Array, gradients: Array) -> list[tuple[Array, Array]]:
        """Parameters and descriptors on the way to the last aim, as far as all others stay."""
        here, found, slope = self.mean, self.middle, gradients.copy()
        walked = [(here, found)]
        for aim in aims:
            wanted = self.middle.copy()
            wanted[own] = aim
            here, found, slope = self.approach(here, found, wanted, slope)
            if np.abs((wanted - found) / self.spreads).max() > _FAR:
                break
            walked.append((here, found))
        return walked

    def approach(
        self, here: Array, found: Array, wanted: Array, slope: Array
    ) -> tuple[Array, Array, Array]:
        """Parameters whose descriptors are as wanted, the descriptors, and gradients there."""
        best, best_found = here, found
        best_off = np.abs((wanted - found) / self.spreads).max()
        for _ in range(_MOST_STEPS):
            off = (wanted - found) / self.spreads
            if np.abs(off).max() < _NEAR:
                break
            off = np.clip(off, -_LONGEST_STEP, _LONGEST_STEP)
            pull = self.covariance @ slope
            gram = slope.T @ pull
            gram[np.diag_indices_from(gram)] += _RIDGE * np.trace(gram) / len(gram)
            step = pull @ np.linalg.solve(gram, off)
            moved = np.clip(here + step * self.scales, LOWEST, HIGHEST)
            step = (moved - here) / self.scales
            then = measure(moved, self.keys)
            # Broyden 1965: the gradients that explain what was found.
            wrong = (then - found) / self.spreads - slope.T @ step
            slope = slope + np.outer(step, wrong) / max(float(step @ step), 1e-9)
            here, found = moved, then
            now = np.abs((wanted - found) / self.spreads).max()
            if now < best_off:
                best, best_found, best_off = here, found, now
        return best, best_found, slope
