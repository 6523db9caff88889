"""A set's knobs: positions between 0 and 1, and the sound that they stand for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cambiata.errors import SHARE, InputError, check_numbers
from cambiata.knobs.descriptors import NAMES, UNITS, readable
from cambiata.knobs.directions import POSITIONS, Directions, NamedPath, measure
from cambiata.knobs.parameters import Array, SoundParameters
from cambiata.names import nearest_names, plain_name

MIDDLE = 0.5  # where every knob is that is not named: the set's mean
_MAIN = "main-{}"


@dataclass(frozen=True, eq=False)
class KnobSet:
    """What is found of a set of sounds."""

    sounds: tuple[str, ...]
    parameters: Array  # of the sounds [N, N_PARAMETERS]
    described: Array  # [N, NAMES]
    keys: tuple[int, ...]  # at which descriptors are measured: low, middle, high
    paths: tuple[NamedPath, ...]
    main: Directions

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the knobs: the named ones, then the main directions."""
        mains = (_MAIN.format(i + 1) for i in range(len(self.main.directions)))
        return (*(path.name for path in self.paths), *mains)

    def checked(self, values: Mapping[str, float]) -> dict[str, float]:
        """Positions by the knobs' own names; unknown ones and those out of range are refused."""
        found = {}
        own = {plain_name(name): name for name in self.names}
        for given, value in values.items():
            check_numbers(SHARE, **{given: value})
            name = own.get(plain_name(given))
            if name is None:
                self._refuse(given)
            assert name is not None
            if not 0 <= value <= 1:
                raise InputError(f"{name}={value:g}", "is out of range", "use 0 to 1")
            found[name] = float(value)
        return found

    def _refuse(self, given: str) -> None:
        if plain_name(given) in NAMES:
            problem = "is not a knob of this set, whose sounds do not differ in it"
        else:
            near = nearest_names(given, self.names)
            problem = f"is not a knob{f' ({near})' if near else ''}"
        raise InputError(given, problem, f"use {', '.join(self.names)}")

    def at(self, values: Mapping[str, float]) -> Array:
        """Parameters [N_PARAMETERS] at positions of knobs: what each adds to the mean, added up."""
        positions = self.checked(values)
        out = self.main.mean.copy()
        for path in self.paths:
            if path.name in positions:
                place = positions[path.name]
                way = [np.interp(place, POSITIONS, column) for column in path.parameters.T]
                out += np.array(way) - self.main.mean
        for i, direction in enumerate(self.main.directions):
            name = _MAIN.format(i + 1)
            if name in positions:
                ends = self.main.scores[:, i].min(), 0.0, self.main.scores[:, i].max()
                out += float(np.interp(positions[name], (0, MIDDLE, 1), ends)) * direction
        return out

    def sound(self, values: Mapping[str, float]) -> SoundParameters:
        """Sound at positions of knobs."""
        return SoundParameters.of(self.at(values))

    def describe(self, values: Mapping[str, float]) -> dict[str, float]:
        """Descriptors of the sound at positions of knobs, measured, in their units."""
        found = measure(self.at(values), self.keys)
        return {name: readable(name, value) for name, value in zip(NAMES, found, strict=True)}

    def facts(self) -> dict[str, Any]:
        """Knobs, their ranges, and where the set's sounds lie, for people and programs."""
        knobs: list[dict[str, Any]] = []
        for path in self.paths:
            own = NAMES.index(path.name)
            ends = path.described[[0, len(POSITIONS) // 2, -1], own]
            low, mean, high = (readable(path.name, value) for value in ends)
            at = [_position(path.described[:, own], value) for value in self.described[:, own]]
            knobs.append(
                {
                    "name": path.name,
                    "unit": UNITS[path.name],
                    "low": low,
                    "mean": mean,
                    "high": high,
                    "set": [
                        readable(path.name, value)
                        for value in (self.described[:, own].min(), self.described[:, own].max())
                    ],
                    "sounds": dict(zip(self.sounds, at, strict=True)),
                }
            )
        for i, explained in enumerate(self.main.explained):
            scores = self.main.scores[:, i]
            spans = (float(scores.min()), 0.0, float(scores.max()))
            at = [float(np.interp(score, spans, (0, MIDDLE, 1))) for score in scores]
            knobs.append(
                {
                    "name": _MAIN.format(i + 1),
                    "explained": float(explained),
                    "sounds": dict(zip(self.sounds, at, strict=True)),
                }
            )
        return {"sounds": list(self.sounds), "keys": list(self.keys), "knobs": knobs}


def _position(described: Array, value: float) -> float:
    """Position at which a knob's own descriptor has a value; its nearest end beyond them."""
    rising = np.maximum.accumulate(described)
    return float(np.interp(value, rising, POSITIONS))
