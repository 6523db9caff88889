"""Knobs of a set whose sounds are measured."""

from collections.abc import Sequence

import numpy as np

from cambiata.errors import InputError, warn
from cambiata.knobs.collection import MeasuredSound
from cambiata.knobs.descriptors import NAMES
from cambiata.knobs.directions import PathFinder, main_directions, measure, scales_of
from cambiata.knobs.knob_set import KnobSet
from cambiata.system import Progress

# Descriptors are measured at the middle of the set's pitches and this far to both sides, in
# semitones, so that a knob moves the same at all of them.
_APART, _LOWEST_KEY, _HIGHEST_KEY = 7, 31, 91
# Sounds nearer to each other than this, in spreads of the least that is heard, are all alike.
_ALIKE = 0.5
_DESCRIBED, _DERIVED = 0.3, 0.5  # progress shown then: estimates


def fit_set(
    measured: Sequence[MeasuredSound], subject: str, progress: Progress | None = None
) -> KnobSet:
    """Main directions and named knobs of a set of sounds."""

    def show(share: float) -> None:
        if progress is not None:
            progress(share)

    parameters = np.stack([each.parameters for each in measured])
    spread = (parameters - parameters.mean(0)) / scales_of(parameters)
    if np.abs(spread).max() < _ALIKE / np.sqrt(len(parameters[0])):
        raise InputError(subject, "holds sounds that are all alike", "give sounds that differ")
    keys = _keys(measured)
    described = []
    for i, row in enumerate(parameters):
        described.append(measure(row, keys))
        show(_DESCRIBED * (i + 1) / len(parameters))
    finder = PathFinder(parameters, np.stack(described), keys)
    gradients = finder.gradients(
        lambda share: show(_DESCRIBED + (_DERIVED - _DESCRIBED) * share),
    )
    paths, names = [], finder.names()
    for i, name in enumerate(names):
        paths.append(finder.walk(name, gradients))
        show(_DERIVED + (1 - _DERIVED) * (i + 1) / len(names))
    if missing := [name for name in NAMES if name not in names]:
        warn(f"{subject}: its sounds do not differ in {', '.join(missing)}: no such knob is made")
    main = main_directions(parameters)
    return KnobSet(
        tuple(each.name for each in measured),
        parameters,
        np.stack(described),
        keys,
        tuple(paths),
        main,
    )


def _keys(measured: Sequence[MeasuredSound]) -> tuple[int, ...]:
    """Low, middle and high key of a set, at which it is described."""
    pitches = [pitch for each in measured for pitch in each.pitches]
    middle = int(np.clip(round(float(np.median(pitches))), _LOWEST_KEY, _HIGHEST_KEY))
    return middle - _APART, middle, middle + _APART
