"""Sounds with another reverb: read block by block, mixed with the original, at its loudness."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np

from cambiata.arrays import Samples
from cambiata.audio.chunks import cut
from cambiata.audio.downmix import mono_blocks
from cambiata.audio.loudness import SILENCE, LoudnessMeter
from cambiata.audio.source import BLOCK_SAMPLES, Source, crop_blocks, resample, roomy_folder
from cambiata.errors import InputError
from cambiata.reverb.convolution import Convolver, Matrix, response_matrix
from cambiata.reverb.deconvolution import direct_start
from cambiata.reverb.image_source import Point, Shoebox, along
from cambiata.scratch import scratch_file

# Between two responses of a moving source: at a walk, 15 cm.
_STEP_S = 0.1


class Reverberant(ABC):
    """A sound whose reverb is changed: a `Source` of its own, longer by a tail.

    It is rendered to a scratch file once, brought to the loudness of the original over the
    original's length, and mixed with it: amount 0 is the original to the bit.
    """

    def __init__(self, source: Source, amount: float, tail_s: float) -> None:
        if not 0 <= amount <= 1:
            raise InputError(f"amount {amount:g}", "is out of range", "use 0 to 1")
        if not 0 <= tail_s <= 3600:
            raise InputError(f"tail {tail_s:g} s", "is out of range", "use 0 to 3600 seconds")
        self.source, self.amount = source, amount
        self.name, self.sample_rate, self.subtype = source.name, source.sample_rate, source.subtype
        self.n_channels = source.n_channels
        self.n_samples = source.n_samples + round(tail_s * source.sample_rate)
        self._meter = LoudnessMeter(source.sample_rate)
        peak = 0.0
        for block in source.blocks():
            self._meter.add(block)
            peak = max(peak, float(np.abs(block).max()))
        if peak < SILENCE:
            raise InputError(source.name, "is silent", "choose a recording with sound")

    @abstractmethod
    def rendered(self) -> Iterator[Samples]:
        """The changed sound [C, T], whole, at whatever level."""

    def blocks(self) -> Iterator[Samples]:
        """The sound [C, T], block by block."""
        if self.amount == 0:
            yield from self._original(self.n_samples)
            return
        with scratch_file(roomy_folder()) as file:
            meter, n_left = LoudnessMeter(self.sample_rate), self.source.n_samples
            for block in self.rendered():
                if n_left > 0:
                    meter.add(block[:, :n_left])
                n_left -= block.shape[1]
                file.write(np.ascontiguousarray(block.T, np.float32).tobytes())

            def mixed(gain: float) -> Iterator[Samples]:
                file.seek(0)
                wet_gain, dry_gain = np.float32(gain * self.amount), np.float32(1 - self.amount)
                for dry in self._original(self.n_samples):
                    raw = file.read(4 * self.n_channels * dry.shape[1])
                    wet = np.frombuffer(raw, np.float32).reshape(-1, self.n_channels).T
                    yield wet_gain * wet + dry_gain * dry

            gain = self._gain(meter)
            level = 1.0
            if self.amount < 1:
                meter = LoudnessMeter(self.sample_rate)
                for block in crop_blocks(mixed(gain), 0, self.source.n_samples):
                    meter.add(block)
                level = self._gain(meter)
            for block in mixed(gain):
                yield block * np.float32(level)

    def _gain(self, meter: LoudnessMeter) -> float:
        """Gain to the original's loudness; by RMS for what the standard does not measure."""
        difference_db = self._meter.loudness_db() - meter.loudness_db()
        if not np.isfinite(difference_db):
            difference_db = self._meter.rms_db() - meter.rms_db()
        return float(10 ** (difference_db / 20)) if np.isfinite(difference_db) else 1.0

    def _original(self, n_samples: int) -> Iterator[Samples]:
        """The original with the output's channels, and silence after it."""
        for block in self.source.blocks():
            if block.shape[0] < self.n_channels:
                block = np.repeat(block, self.n_channels, axis=0)
            yield block
        missing = n_samples - self.source.n_samples
        while missing > 0:
            yield np.zeros((self.n_channels, min(missing, BLOCK_SAMPLES)), np.float32)
            missing -= BLOCK_SAMPLES


class InRoom(Reverberant):
    """A sound in a room; the room's direct sound falls on the sound itself."""

    def __init__(self, source: Source, room: Source, amount: float, tail_s: float) -> None:
        super().__init__(source, amount, tail_s)
        response = read_room(room, source.sample_rate)
        matrix = response_matrix(response, source.n_channels)
        if matrix is None:
            raise InputError(
                room.name,
                f"has {response.shape[0]} channels, and {source.name} has {source.n_channels}",
                "use a room of one or two channels, or of four (true stereo) for stereo",
            )
        self.matrix: Matrix = matrix
        self.start = direct_start(response, source.sample_rate)
        self.n_channels = matrix.shape[0]

    def rendered(self) -> Iterator[Samples]:
        """The sound convolved with the room's response."""
        n_tail = self.n_samples - self.source.n_samples + self.start
        convolved = Convolver(self.matrix).process(self.source.blocks(), n_tail)
        return crop_blocks(convolved, self.start, self.start + self.n_samples)


def read_room(room: Source, sample_rate: int) -> Samples:
    """Response [C, T] of a room at a rate; refused where it is silent or no response."""
    # Longer than a minute is no room: a piece of music named by mistake.
    if room.n_samples > 60 * room.sample_rate:
        duration_s = room.n_samples / room.sample_rate
        raise InputError(
            room.name,
            f"lasts {duration_s:.0f} s, longer than any room rings",
            "give an impulse response, as `cambiata.reverb_capture` writes",
        )
    response = np.concatenate(list(room.blocks()), axis=1)
    if float(np.abs(response).max()) < SILENCE:
        raise InputError(room.name, "is silent", "give an impulse response")
    return resample(response, room.sample_rate, sample_rate)


class OnPath(Reverberant):
    """A mono sound whose source moves along a path in a simulated room, at an even speed.

    Every tenth of a second has a response of its own, and the windows of the sound that go through
    them overlap by half. There is no Doppler shift: a walk does not need one.
    """

    def __init__(
        self,
        source: Source,
        room: Shoebox,
        path: Sequence[Point],
        listeners: Sequence[Point],
        amount: float,
        tail_s: float,
        seed: int,
    ) -> None:
        super().__init__(source, amount, tail_s)
        self.room, self.path, self.listeners, self.seed = room, path, listeners, seed
        self.n_channels = len(listeners)

    def rendered(self) -> Iterator[Samples]:
        """The sound in the room, window by window."""
        import scipy.fft

        hop, rate = round(_STEP_S * self.sample_rate), self.sample_rate
        n_steps = -(-self.source.n_samples // hop) + 1
        window = (0.5 - 0.5 * np.cos(np.pi * np.arange(2 * hop) / hop)).astype(np.float32)
        spans = [(max(0, (i - 1) * hop), (i + 1) * hop) for i in range(n_steps)]
        mixed = mono_blocks(self.source.blocks(), rate)
        padded = chain(mixed, [np.zeros((1, 2 * hop), np.float32)])
        ringing = np.zeros((self.n_channels, 0), np.float32)
        for i, chunk in enumerate(cut(padded, spans)):
            piece = chunk[0] * window[-chunk.shape[1] :]
            point = along(self.path, i / max(1, n_steps - 1))
            response = self.room.response(point, self.listeners, rate, self.seed)
            n = len(piece) + response.shape[1] - 1
            size = scipy.fft.next_fast_len(n, real=True)
            spectrum = scipy.fft.rfft(piece, size) * scipy.fft.rfft(response, size)
            out = scipy.fft.irfft(spectrum, size)[:, :n]
            out[:, : ringing.shape[1]] += ringing[:, :n]
            given = min(hop, chunk.shape[1] - hop) if i else 0
            yield out[:, :given].astype(np.float32)
            ringing = out[:, given:].astype(np.float32)
        missing = self.n_samples - (n_steps - 1) * hop
        yield np.pad(ringing, ((0, 0), (0, max(0, missing))))[:, : max(0, missing)]
