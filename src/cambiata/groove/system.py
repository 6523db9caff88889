"""The contract of every system for grooves, and the sliders that it follows."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cambiata.errors import SHARE, InputError, check_numbers
from cambiata.groove.grid import Groove, Strike
from cambiata.system import SystemFacts


@dataclass(frozen=True)
class GrooveAmounts:
    """Amounts of the way from A to B, one for each slider, 0 to 1."""

    hits: float  # what is struck
    velocity: float  # how hard
    timing: float  # when

    def __post_init__(self) -> None:
        for name in ("hits", "velocity", "timing"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise InputError(f"{name} {value:g}", "is out of range", "use 0 to 1")

    @classmethod
    def of(
        cls,
        amount: float,
        hits: float | None = None,
        velocity: float | None = None,
        timing: float | None = None,
    ) -> "GrooveAmounts":
        """All three sliders; those that are not given follow one amount."""
        check_numbers(SHARE, amount=amount, hits=hits, velocity=velocity, timing=timing)
        if not 0 <= amount <= 1:
            raise InputError(f"amount {amount:g}", "is out of range", "use 0 to 1")
        return cls(*(amount if own is None else own for own in (hits, velocity, timing)))


class Interpolator(Protocol):
    """Anything that gives the groove some part of the way from one to another."""

    def at(self, amounts: GrooveAmounts) -> tuple[Strike, ...]:
        """The groove that lies some part of the way."""
        ...


class GrooveSystem(SystemFacts, ABC):
    """An interpolator between two grooves; at its ends exactly one and the other."""

    @classmethod
    @abstractmethod
    def between(
        cls, a: Groove, b: Groove, drummer: Sequence[Groove], weights: str
    ) -> "GrooveSystem":
        """The interpolator from A to B, in as many bars (`cambiata.groove.phrases.fit_bars`).

        `drummer` is all that a drummer played where B is the nearest of it, else empty; `weights`
        are shipped ones by name, or a path, for systems that have any.
        """

    @abstractmethod
    def at(self, amounts: GrooveAmounts) -> tuple[Strike, ...]:
        """The groove that lies some part of the way."""
