"""Stretches of a sound that arrives in blocks: enough to judge a long one by, in bounded time."""

from abc import ABC, abstractmethod

import numpy as np

from cambiata.arrays import Samples
from cambiata.audio.downmix import mono

# A long recording is heard in 30 stretches of 4 s, spread evenly: a tenth of a second of work.
_STRETCH_S, _N_STRETCHES = 4.0, 30


class StretchMeter(ABC):
    """What is measured of a sound, stretch by stretch."""

    def __init__(self, sample_rate: int, n_samples: int) -> None:
        self._rate = sample_rate
        self._length = round(_STRETCH_S * sample_rate)
        self._every = max(self._length, -(-n_samples // _N_STRETCHES))
        self._at = 0
        self._pieces: list[Samples] = []

    def add(self, block: Samples) -> None:
        """Hear the next samples [C, T]."""
        begin, end = self._at, self._at + block.shape[1]
        for start in range(begin - begin % self._every, end, self._every):
            stop = start + self._length
            piece = block[:, max(0, start - begin) : max(0, stop - begin)]
            if piece.shape[1]:
                self._pieces.append(mono(piece, self._rate)[0])
            if begin < stop <= end:
                self._finish()
        self._at = end

    def _finish(self) -> None:
        """Measure what was collected of a stretch, if anything."""
        if self._pieces:
            stretch = np.concatenate(self._pieces)
            self._pieces = []
            self._measure(stretch)

    @abstractmethod
    def _measure(self, stretch: Samples) -> None:
        """Measure a stretch [T]."""
