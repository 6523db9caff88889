"""Fewer channels: one that nothing cancels in, and two of a surround sound."""

import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio.source import Source

# Levels are compared over this long, smoothed over five such; shorter would follow single periods.
_STEP_S, _SMOOTHED_STEPS = 0.1, 5
# The mean of C unrelated channels has 1/C of their mean power. Of C times that share the mean
# serves as it is above the first, and not at all below the second (-7 and -14 dB): stereo that is
# wide, however wide, is above, channels out of phase are below.
_MEAN_SERVES, _MEAN_FAILS = 0.2, 0.04

# Copies are looked for in the first seconds that sound, up to where an echo is heard as one. Two
# microphones before one instrument are less alike than 0.95.
_COMPARED_S, _LONGEST_DELAY_S, _AUDIBLE = 6.0, 0.02, 1e-3
_COPY, _ALIKE = 0.95, 0.9

_HALF = float(np.sqrt(0.5))
# Recommendation ITU-R BS.775-3, annex 4: centre and surrounds at -3 dB, each side to its own; the
# effects channel is left out. By the number of channels, in the order of WAV and FLAC; for what the
# recommendation does not have (back and side pairs together), both pairs at -3 dB.
_LEFT, _RIGHT, _CENTRE, _EFFECTS = (1.0, 0.0), (0.0, 1.0), (_HALF, _HALF), (0.0, 0.0)
_SURROUND = ((_HALF, 0.0), (0.0, _HALF))
FOLDS: dict[int, npt.NDArray[np.float32]] = {
    len(columns): np.array(columns, np.float32).T
    for columns in (
        (_LEFT, _RIGHT, _CENTRE),
        (_LEFT, _RIGHT, *_SURROUND),
        (_LEFT, _RIGHT, _CENTRE, *_SURROUND),
        (_LEFT, _RIGHT, _CENTRE, _EFFECTS, *_SURROUND),
        (_LEFT, _RIGHT, _CENTRE, _EFFECTS, (0.5, 0.5), *_SURROUND),
        (_LEFT, _RIGHT, _CENTRE, _EFFECTS, *_SURROUND, *_SURROUND),
    )
}
"""Matrices [2, C] that fold C channels down to left and right."""


def mono(samples: Samples, sample_rate: int) -> Samples:
    """One channel of a sound: the mean of its channels, unless they cancel.

    Parameters
    ----------
    samples : numpy.ndarray
        Sound [C, T].
    sample_rate : int
        Samples per second.

    Returns
    -------
    numpy.ndarray
        Sound [1, T]. Where the mean has lost more than channels out of phase can explain, the
        channels are added along the direction in which most of their power lies.

    Examples
    --------
    >>> tone = np.sin(np.arange(8000) / 9).astype(np.float32)
    >>> bool(np.allclose(mono(np.stack([tone, -tone]), 8000), tone, atol=1e-6))
    True
    >>> bool((mono(np.stack([tone, tone]), 8000) == tone).all())
    True
    """
    return np.concatenate(list(mono_blocks(iter([samples]), sample_rate)), axis=1)


def mono_blocks(blocks: Iterator[Samples], sample_rate: int) -> Iterator[Samples]:
    """One channel of a sound that comes in blocks, as `mono` makes it.

    Parameters
    ----------
    blocks : iterator of numpy.ndarray
        Sound [C, T] each.
    sample_rate : int
        Samples per second.

    Yields
    ------
    numpy.ndarray
        Sound [1, T]; the same length together.

    Examples
    --------
    >>> pair = np.stack([np.ones(4000), -np.ones(4000)]).astype(np.float32)
    >>> [block.shape for block in mono_blocks(iter([pair, pair]), 8000)]
    [(1, 4000), (1, 4000)]
    """
    mixer = _Mixer(sample_rate)
    for block in blocks:
        yield mixer.mix(block) if block.shape[0] > 1 else block


class MonoSource:
    """A source of one channel, as `mono` makes it of another.

    A channel that repeats the loudest one a little later, as widened mono does, is brought back in
    time first: their mean would lose whole partials.

    Parameters
    ----------
    source : Source
        Sound of any number of channels.

    Examples
    --------
    >>> from cambiata.audio.sound import Audio
    >>> source = MonoSource(Audio(np.ones((2, 8000)), 8000))
    >>> source.n_channels, next(source.blocks()).shape
    (1, (1, 8000))
    """

    n_channels = 1

    def __init__(self, source: Source) -> None:
        self._source = source
        self.name, self.subtype = source.name, source.subtype
        self.sample_rate, self.n_samples = source.sample_rate, source.n_samples
        self._delays: list[int] | None = None

    def blocks(self) -> Iterator[Samples]:
        """Read it all, once more, as blocks.

        Yields
        ------
        numpy.ndarray
            Sound [1, T].
        """
        if self._delays is None:
            self._delays = _find_delays(self._source)
        blocks = self._source.blocks()
        if any(self._delays):
            blocks = _aligned(blocks, self._delays)
        yield from mono_blocks(blocks, self.sample_rate)


def fold(block: Samples) -> Samples:
    """Two channels of a surround sound, as ITU-R BS.775 folds it down.

    Parameters
    ----------
    block : numpy.ndarray
        Sound [C, T] of as many channels as `FOLDS` knows: 3 to 8.

    Returns
    -------
    numpy.ndarray
        Sound [2, T].

    Examples
    --------
    >>> (100 * fold(np.eye(6, dtype=np.float32))).astype(int).tolist()
    [[100, 0, 70, 0, 70, 0], [0, 100, 70, 0, 0, 70]]
    """
    folded: Samples = FOLDS[block.shape[0]] @ block
    return folded


def _find_delays(source: Source) -> list[int]:
    """Samples by which each channel is later than the loudest one whose copy it is; else 0."""
    if source.n_channels == 1:
        return [0]
    pieces: list[Samples] = []
    n_wanted = round(_COMPARED_S * source.sample_rate)
    for block in source.blocks():
        if np.abs(block).max() > _AUDIBLE:
            pieces.append(block[:, :n_wanted])
            n_wanted -= pieces[-1].shape[1]
        if n_wanted <= 0:
            break
    if not pieces:
        return [0] * source.n_channels
    sound = np.concatenate(pieces, axis=1)
    size = 1 << (2 * sound.shape[1] - 1).bit_length()
    energies = np.square(sound, dtype=np.float64).sum(axis=1)
    loudest = int(energies.argmax())
    spectrum = np.fft.rfft(sound[loudest], size)
    reach = min(round(_LONGEST_DELAY_S * source.sample_rate), sound.shape[1] - 1)
    delays = []
    for channel, energy in zip(sound, energies, strict=True):
        products = np.fft.irfft(np.fft.rfft(channel, size) * spectrum.conj(), size)
        near = np.abs(np.concatenate([products[-reach:], products[: reach + 1]]))
        near /= np.sqrt(energy * energies[loudest]) + 1e-20
        is_copy = near.max() > _COPY and near[reach] < _ALIKE * near.max()
        # A steady tone looks alike a period later: of equals the nearest.
        equals = np.flatnonzero(near > 0.99 * near.max()) - reach
        delays.append(int(equals[np.abs(equals).argmin()]) if is_copy else 0)
    return delays


def _aligned(blocks: Iterator[Samples], delays: list[int]) -> Iterator[Samples]:
    """Blocks whose channels are each so much earlier; silence where there is nothing more."""
    reach = max(map(abs, delays))
    buffer: Samples | None = None
    for block in itertools.chain(blocks, [None]):
        if buffer is None:
            assert block is not None
            buffer = np.zeros((block.shape[0], reach), np.float32)
        if block is None:
            block = np.zeros((buffer.shape[0], reach), np.float32)
        buffer = np.concatenate([buffer, block], axis=1)
        n = buffer.shape[1] - 2 * reach
        if n > 0:
            shifted = [channel[reach + d :][:n] for channel, d in zip(buffer, delays, strict=True)]
            yield np.stack(shifted)
            buffer = buffer[:, n:]


class _Mixer:
    """Weights of channels that follow a sound, block after block."""

    def __init__(self, sample_rate: int) -> None:
        self._step = max(1, round(_STEP_S * sample_rate))
        self._covariance: npt.NDArray[np.float64] | None = None  # of what the mean fails for
        self._direction: npt.NDArray[np.float64] | None = None
        self._share: float | None = None  # of the direction at the end of the block before

    def mix(self, block: Samples) -> Samples:
        """The next block [C, T] as [1, T]."""
        mean: Samples = block.mean(axis=0, keepdims=True)
        n_channels, n_samples = block.shape
        starts = np.arange(0, n_samples, self._step)
        kept = np.add.reduceat(np.square(mean[0], dtype=np.float64), starts)
        power = np.add.reduceat(np.square(block, dtype=np.float64).mean(axis=0), starts)
        share = self._shares(kept, power, n_channels)
        if self._share is None:
            self._share = float(share[0])
        if not self._share and not share.any():
            return mean
        before = self._direction
        self._turn(block, starts, share)
        # From the centre of one step to that of the next; from the block before to the first.
        centres = np.minimum(starts + self._step / 2, n_samples)
        at = np.arange(n_samples)
        gain = np.interp(at, [0.0, *centres], [self._share, *share])
        along = self._along(block, before, at)
        self._share = float(share[-1])
        mixed: Samples = (mean + gain * (along - mean)).astype(np.float32)
        return mixed

    def _shares(
        self, kept: npt.NDArray[np.float64], power: npt.NDArray[np.float64], n_channels: int
    ) -> npt.NDArray[np.float64]:
        """How much of the principal direction is needed in each step, 0 to 1."""
        window = np.ones(_SMOOTHED_STEPS)
        kept, power = (
            np.convolve(each, window, mode="same")[: len(kept)] for each in (kept, power)
        )
        ratio = np.ones_like(power)
        np.divide(n_channels * kept, power, out=ratio, where=power > 0)
        return np.clip((_MEAN_SERVES - ratio) / (_MEAN_SERVES - _MEAN_FAILS), 0, 1)

    def _turn(
        self, block: Samples, starts: npt.NDArray[np.int64], share: npt.NDArray[np.float64]
    ) -> None:
        """Note in which direction most power lies of what the mean fails for."""
        covariance = (
            np.zeros((block.shape[0],) * 2) if self._covariance is None else self._covariance
        )
        for start, weight in zip(starts, share, strict=True):
            if weight > 0:
                piece = block[:, start : start + self._step].astype(np.float64)
                covariance = covariance + weight * (piece @ piece.T)
        self._covariance = covariance
        vector = np.linalg.eigh(covariance)[1][:, -1]
        # Of a direction and its opposite, the one in which the strongest channel keeps its sign.
        vector = vector * np.sign(vector[np.argmax(np.abs(vector))])
        if self._direction is not None and vector @ self._direction < 0:
            vector = -vector
        self._direction = vector / np.abs(vector).sum()

    def _along(
        self, block: Samples, before: npt.NDArray[np.float64] | None, at: npt.NDArray[np.int64]
    ) -> Samples:
        """The block [1, T] along the direction; from the one of before within one step."""
        assert self._direction is not None
        along = self._direction @ block
        if before is not None:
            fade = np.minimum(1.0, (at + 1) / self._step)
            along = (before @ block) * (1 - fade) + along * fade
        return along[None].astype(np.float32)
