"""Velocities by the dynamics and wedges of a part."""

from bisect import bisect_right
from dataclasses import dataclass, field
from fractions import Fraction

from cambiata.score.played import DYNAMICS

_DEFAULT = 100  # where no dynamics stand: what sheets of other formats have
_FORTE = 90  # velocity of 100 %, says MusicXML
_WEDGE = 15  # velocity that a wedge without a mark at its end adds: a step of the dynamics
_NEAR = Fraction(1)  # quarter notes after a wedge's end in which its mark is looked for


@dataclass
class Dynamics:
    """Marks and wedges of a part while it is read, by the place where they are written."""

    marks: dict[Fraction, int] = field(default_factory=dict)
    wedges: list[tuple[Fraction, Fraction, int]] = field(default_factory=list)  # begin, end, sign
    _open: dict[str, tuple[Fraction, int]] = field(default_factory=dict)

    def mark(self, at: Fraction, name: str) -> None:
        """Begin a mark such as "pp"; accents of single notes are none."""
        name = {"fp": "p", "pf": "f", "sfp": "p", "sfpp": "pp", "n": "pppp"}.get(name, name)
        if name in DYNAMICS:
            self.marks[at] = DYNAMICS[name]

    def percent(self, at: Fraction, text: str) -> None:
        """Begin a level in percent of forte."""
        velocity = velocity_of_percent(text)
        if velocity is not None:
            self.marks[at] = velocity

    def wedge(self, at: Fraction, kind: str, number: str) -> None:
        """Begin or end a wedge."""
        if kind in ("crescendo", "diminuendo"):
            self._open[number] = at, 1 if kind == "crescendo" else -1
        elif kind == "stop" and number in self._open:
            begin, sign = self._open.pop(number)
            if at > begin:
                self.wedges.append((begin, at, sign))

    def velocities(self, places: list[Fraction]) -> list[int]:
        """Velocity at each of some places."""
        ramps = self._ramps()
        begins = [ramp[0] for ramp in ramps]
        velocities = []
        for place in places:
            number = bisect_right(begins, place) - 1
            if number < 0:
                velocities.append(_DEFAULT)
                continue
            begin, end, first, last = ramps[number]
            share = min(Fraction(1), (place - begin) / (end - begin)) if end > begin else 1
            velocities.append(min(127, max(1, round(first + (last - first) * share))))
        return velocities

    def _ramps(self) -> list[tuple[Fraction, Fraction, int, int]]:
        """Begin, end, first and last velocity of each stretch; a mark is one without length."""
        ramps: list[tuple[Fraction, Fraction, int, int]] = []
        events = sorted(
            [(at, 0, at, velocity) for at, velocity in self.marks.items()]
            + [(begin, 1, end, sign) for begin, end, sign in self.wedges]
        )
        level, marked = _DEFAULT, sorted(self.marks)
        for at, is_wedge, end, value in events:
            if not is_wedge:
                level = value
                ramps.append((at, at, level, level))
                continue
            following = marked[bisect_right(marked, end - _NEAR / 4) :][:1]
            target = self.marks[following[0]] if following and following[0] <= end + _NEAR else None
            if target is None or (target - level) * value <= 0:
                target = min(127, max(DYNAMICS["pppp"], level + value * _WEDGE))
            ramps.append((at, end, level, target))
            level = target
        return ramps


def velocity_of_percent(text: str) -> int | None:
    """Velocity of a level in percent of forte; None where the text is not a number."""
    try:
        return min(127, max(1, round(_FORTE * float(text) / 100)))
    except (ValueError, OverflowError):
        return None
