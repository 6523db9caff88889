"""Time of a sound between two: landmarks coincide, and between them both run at an even pace."""

import numpy as np

from cambiata.instrument.note_model import Array

_ROUNDING = 1e-6  # samples by which sums of lengths may be off
_State = tuple[int, float, float]


class Clock:
    """Place in two sounds whose landmarks are heard at the same moment.

    Between two landmarks a stretch lasts as long as the mean of both, by the amount: at 0 the first
    sound runs at its own speed, at 1 the second does.
    """

    def __init__(self, marks_a: Array, marks_b: Array) -> None:
        """Landmarks in samples, in order, from 0 to the ends of the sounds, [K + 1] each."""
        starts = np.stack([marks_a, marks_b]).T
        self._starts: list[list[float]] = starts.tolist()
        self._lengths: list[list[float]] = np.diff(starts, axis=0).tolist()
        # The stretch that runs (K beyond the end), the share of it that is over, and samples since
        # the end.
        self._state: _State = (0, 0.0, 0.0)
        self.advance(0.0, 0.5)

    @property
    def stretch(self) -> int:
        """Number of the stretch that runs; K beyond the end."""
        return self._state[0]

    @property
    def has_ended(self) -> bool:
        """Whether both sounds are over."""
        return self._state[0] >= len(self._lengths)

    def places(self) -> tuple[float, float]:
        """Where both sounds are, in samples; beyond their ends once they are over."""
        return self._places(self._state)

    def advance(self, n_samples: float, amount: float) -> None:
        """Let time pass."""
        self._state = self._after(n_samples, amount)

    def later(self, n_samples: float, amount: float) -> tuple[float, float]:
        """Where both sounds will be."""
        return self._places(self._after(n_samples, amount))

    def remaining(self, amount: float) -> float:
        """Samples until both are over."""
        stretch, share, _ = self._state
        rest = [(1 - amount) * a + amount * b for a, b in self._lengths[stretch:]]
        return (1 - share) * rest[0] + sum(rest[1:]) if rest else 0.0

    def _places(self, state: _State) -> tuple[float, float]:
        stretch, share, beyond = state
        a, b = self._starts[stretch]
        if stretch == len(self._lengths):
            return a + beyond, b + beyond
        length_a, length_b = self._lengths[stretch]
        return a + share * length_a, b + share * length_b

    def _after(self, left: float, amount: float) -> _State:
        stretch, share, beyond = self._state
        while stretch < len(self._lengths):
            length_a, length_b = self._lengths[stretch]
            length = (1 - amount) * length_a + amount * length_b
            rest = (1 - share) * length
            if rest > left + _ROUNDING:
                return stretch, share + left / length, beyond
            left -= rest
            stretch, share = stretch + 1, 0.0
        return stretch, 0.0, beyond + max(left, 0.0)
