"""A sound at another pitch or speed, read block by block."""

import math
from collections.abc import Iterator

import numpy as np

from cambiata.arrays import Samples
from cambiata.audio.loudness import SILENCE
from cambiata.audio.source import Source, crop_blocks, resample_blocks
from cambiata.errors import InputError
from cambiata.transposition.formants import EnvelopeShift
from cambiata.transposition.phase_vocoder import stretch_blocks, window_samples
from cambiata.transposition.transients import find_transients, map_time

_LEAST_S = 0.1  # as `transcribe` asks for: hardly longer than the vocoder's window


class Moved:
    """A sound at another pitch or speed: a `Source` of its own.

    It is stretched by the ratio of pitches and the factor of time together, then resampled by the
    ratio, so that what is left is the factor. A sound that is not moved stays as it is, to the bit.
    """

    def __init__(
        self, source: Source, ratio: float, n_samples: int, *, keeps_envelope: bool
    ) -> None:
        self.source, self.ratio, self.n_samples = source, ratio, n_samples
        self.name, self.sample_rate, self.subtype = source.name, source.sample_rate, source.subtype
        self.n_channels = source.n_channels
        self._keeps_envelope = keeps_envelope and ratio != 1
        self._n_fft = window_samples(source.sample_rate)
        duration_s = source.n_samples / source.sample_rate
        if duration_s < _LEAST_S:
            raise InputError(
                source.name, f"lasts {duration_s:.2g} s", f"give {_LEAST_S:g} s or more"
            )
        self._peak = 0.0
        self._transients = find_transients(
            self._read(), source.n_samples, source.sample_rate, self._n_fft
        )
        if self._peak < SILENCE:
            raise InputError(source.name, "is silent", "choose a recording with sound")

    def _read(self) -> Iterator[Samples]:
        for block in self.source.blocks():
            self._peak = max(self._peak, float(np.abs(block).max()))
            yield block

    def blocks(self) -> Iterator[Samples]:
        """The sound [C, T], block by block."""
        if self.ratio == 1 and self.n_samples == self.source.n_samples:
            yield from self.source.blocks()
            return
        n_stretched = math.ceil(self.n_samples * self.ratio)
        shaping = None
        if self._keeps_envelope:
            shaping = EnvelopeShift(self.ratio, self.sample_rate)
        stretched = stretch_blocks(
            self.source.blocks(),
            self.n_channels,
            n_stretched,
            map_time(
                self._transients,
                n_stretched / self.source.n_samples,
                self._n_fft,
                # What is resampled goes evenly: else attacks would be shorter, the higher they are.
                evenly=self.ratio != 1,
            ),
            self._n_fft,
            self._transients,
            shaping,
        )
        # The last sample of what was stretched by a ratio below 1 is cut off where it is half one.
        moved = resample_blocks(
            stretched, self.ratio * self.sample_rate, self.sample_rate, self.n_channels
        )
        yield from crop_blocks(moved, 0, self.n_samples)
