"""Time in scores: metres, and the clock that says when quarter notes fall."""

from bisect import bisect_right
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from math import ceil, inf

_QPM = 120.0  # quarter notes a minute where a file says nothing: the standard's default


@dataclass(frozen=True)
class Metre:
    """Time signature: how a bar is counted.

    Parameters
    ----------
    beats : int
        Upper number of the signature.
    unit : int
        Lower number, a power of two.

    Examples
    --------
    >>> Metre(6, 8).bar, str(Metre(6, 8))
    (Fraction(3, 1), '6/8')
    """

    beats: int = 4
    unit: int = 4

    @property
    def bar(self) -> Fraction:
        """Length of a bar in quarter notes."""
        return Fraction(4 * self.beats, self.unit)

    @property
    def is_compound(self) -> bool:
        """Whether its beats divide into three: 6/8, 9/8, 12/8."""
        return self.unit >= 8 and self.beats % 3 == 0 and self.beats > 3

    @property
    def beat(self) -> Fraction:
        """Length of a beat in quarter notes; dotted in compound metres."""
        return Fraction(4 * (3 if self.is_compound else 1), self.unit)

    def __str__(self) -> str:
        return f"{self.beats}/{self.unit}"


@dataclass(frozen=True)
class Clock:
    """Tempos, metres and key of a score: when its quarter notes fall, and how they are counted.

    Parameters
    ----------
    tempos : tuple of tuple
        Where a tempo begins in quarter notes, the first at 0, and how many quarter notes a minute
        it has.
    metres : tuple of tuple
        Where a metre begins in quarter notes, and the metre; none where the score says nothing.
    key : str
        Key signature as MIDI has it ("Bb", "F#m"); empty where the score says nothing.
    has_beats : bool
        Whether the score counts in beats. Where it counts in seconds, a quarter note here is half
        a second.

    Examples
    --------
    >>> clock = Clock(((0.0, 60.0), (4.0, 120.0)))
    >>> clock.seconds(6.0), clock.quarters(5.0)
    (5.0, 6.0)
    """

    tempos: tuple[tuple[float, float], ...] = ((0.0, _QPM),)
    metres: tuple[tuple[float, Metre], ...] = ()
    key: str = ""
    has_beats: bool = True

    @cached_property
    def _tempo_starts_s(self) -> list[float]:
        starts_s = [0.0]
        for (start, qpm), (end, _) in zip(self.tempos, self.tempos[1:], strict=False):
            starts_s.append(starts_s[-1] + (end - start) * 60 / qpm)
        return starts_s

    def seconds(self, quarters: float) -> float:
        """Time at which a place in the score is reached.

        Parameters
        ----------
        quarters : float
            The place, in quarter notes from the beginning.

        Returns
        -------
        float
            In seconds.
        """
        at = max(bisect_right(self.tempos, quarters, key=lambda tempo: tempo[0]) - 1, 0)
        start, qpm = self.tempos[at]
        return self._tempo_starts_s[at] + (quarters - start) * 60 / qpm

    def quarters(self, seconds: float) -> float:
        """Place in the score that is reached at a time.

        Parameters
        ----------
        seconds : float
            The time.

        Returns
        -------
        float
            In quarter notes from the beginning.
        """
        at = max(bisect_right(self._tempo_starts_s, seconds) - 1, 0)
        start, qpm = self.tempos[at]
        past_s = seconds - self._tempo_starts_s[at]
        return start + (past_s * qpm / 60 if past_s else 0.0)  # a tempo may be infinite

    def moved(self, start_s: float) -> "Clock":
        """The same with another beginning.

        Parameters
        ----------
        start_s : float
            What becomes second 0.

        Returns
        -------
        Clock
            Bars are counted from the first that begins there or later.

        Examples
        --------
        >>> Clock(metres=((0.0, Metre(3, 4)),)).moved(1.0).metres[0][0]
        1.0
        """
        first = self.quarters(start_s)
        tempos: dict[float, float] = {}
        for at, qpm in self.tempos:
            tempos[max(at - first, 0.0)] = qpm
        ends = [*(at for at, _ in self.metres[1:]), inf]
        metres = []
        for (at, metre), end in zip(self.metres, ends, strict=False):
            bar = float(metre.bar)
            begin = at + max(0, ceil((first - at) / bar)) * bar
            if begin < end:  # else none of its bars begins any more
                metres.append((begin - first, metre))
        return replace(self, tempos=tuple(sorted(tempos.items())), metres=tuple(metres))
