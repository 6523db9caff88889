"""The amount over time: one, or from one to another and then staying."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cambiata.errors import SECONDS, InputError, check_numbers, check_type
from cambiata.instrument.note_model import Array
from cambiata.morphing.streaming import Morph, check_amount

Amount = float | tuple[float, float]
"""A share, or the shares from which and to which it moves."""

_ROUNDS = 20  # of finding how long a sound lasts over all of which the amount moves


@dataclass(frozen=True)
class Ramp:
    """Amounts over time."""

    start: float
    end: float
    over_s: float | None = None  # the whole sound where not given

    @classmethod
    def of(cls, amount: Amount, over_s: float | None) -> "Ramp":
        """The amounts that are meant, refused where they are out of range."""
        check_numbers(SECONDS, over_s=over_s)
        pair = amount if isinstance(amount, tuple | list) else (amount, amount)
        if len(pair) != 2:
            raise InputError(
                "amount", f"holds {len(pair)} numbers", "give one, or two: from and to"
            )
        for each in pair:
            check_type("amount", each, int | float | np.number, "numbers from 0 to 1")
            check_amount(float(each))
        if over_s is not None and not isinstance(amount, tuple | list):
            cure = "give two amounts, as in `amount=(0.0, 1.0)`, or leave it out"
            raise InputError(f"over {over_s:g} s", "goes with an amount that moves", cure)
        if over_s is not None and not over_s > 0:
            raise InputError(f"over {over_s:g} s", "is out of range", "use more than 0")
        return cls(float(pair[0]), float(pair[1]), over_s)

    @property
    def moves(self) -> bool:
        """Whether it is more than one amount."""
        return self.start != self.end

    def amounts(self, samples: npt.NDArray[np.int64], sample_rate: int) -> Array:
        """Amounts at samples."""
        over = max((self.over_s or 0.0) * sample_rate, 1.0)
        share = np.minimum(samples / over, 1.0)
        return np.asarray(self.start + (self.end - self.start) * share)

    def fitted(self, player: Morph) -> tuple["Ramp", int]:
        """The ramp with its time known, and the samples of the sound over which it runs."""
        if not self.moves:
            return self, player.n_left(self.start)
        rate = player.sample_rate
        if self.over_s is not None:
            n_samples = player.duration(self.amounts)
            if self.over_s * rate > n_samples:
                problem = f"is longer than the result, which lasts {n_samples / rate:.2f} s"
                cure = "use less, or leave it out for all of it"
                raise InputError(f"over {self.over_s:g} s", problem, cure)
            return self, n_samples
        ramp, n_samples = self, player.n_left((self.start + self.end) / 2)
        for _ in range(_ROUNDS):
            ramp = replace(self, over_s=n_samples / rate)
            before, n_samples = n_samples, player.duration(ramp.amounts)
            if abs(before - n_samples) <= 1:
                break
        return ramp, n_samples
