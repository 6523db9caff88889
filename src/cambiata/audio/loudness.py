"""Loudness, silence and peaks: how loud a sound is and how to keep it so."""

from collections.abc import Iterator

import numpy as np

from cambiata.arrays import Samples
from cambiata.audio.k_weighting import BLOCK_S, block_loudness_db

# One step of 16 bits, -90.3 dBFS: what is lower is lost in a file of 16 bits. A higher gate would
# cut the ends of decaying notes, a lower one would take dither for sound.
SILENCE = 2.0**-15

# BS.1770 integrates over blocks of 0.4 s and knows up to five channels; else the RMS serves.
_MAX_CHANNELS = 5
_SEGMENT_S = 60.0  # measured at once; longer needs more memory, shorter skips more blocks' borders


class LoudnessMeter:
    """Integrated loudness of a sound that arrives in blocks, in bounded memory.

    ITU-R BS.1770-4: the standard's 0.4 s blocks are measured minute by minute, and the two gates
    are applied over the blocks of all minutes. Equal to pyloudnorm's value below a minute, within
    0.05 LU of it beyond (the few blocks across a minute's border are not measured).
    Sounds of up to 0.4 s, or of more than five channels, are measured by their RMS.

    Parameters
    ----------
    sample_rate : int
        Samples per second.

    Attributes
    ----------
    n_samples : int
        How many samples of each channel were added.

    Examples
    --------
    >>> meter = LoudnessMeter(48000)
    >>> t = np.arange(48000 * 2) / 48000
    >>> meter.add(np.sin(2 * np.pi * 997 * t, dtype=np.float32)[None])
    >>> bool(abs(meter.loudness_db() + 3.0) < 0.1)
    True
    """

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._pending: list[Samples] = []
        self._n_pending = 0
        self._blocks_db: list[float] = []
        self._energy = 0.0
        self.n_samples = 0

    def add(self, block: Samples) -> None:
        """Measure the next block.

        Parameters
        ----------
        block : numpy.ndarray
            Sound [C, T]; any T.
        """
        self._energy += float(np.sum(np.square(block, dtype=np.float64)))
        self.n_samples += block.shape[1]
        segment = int(_SEGMENT_S * self.sample_rate)
        while block.shape[1]:
            taken = block[:, : segment - self._n_pending]
            self._pending.append(taken.copy())
            self._n_pending += taken.shape[1]
            block = block[:, taken.shape[1] :]
            if self._n_pending == segment:
                self._flush()

    def _flush(self) -> None:
        sound = np.concatenate(self._pending, axis=1)
        self._pending, self._n_pending = [], 0
        if sound.shape[1] > BLOCK_S * self.sample_rate and sound.shape[0] <= _MAX_CHANNELS:
            self._blocks_db += block_loudness_db(sound, self.sample_rate).tolist()

    def loudness_db(self) -> float:
        """Loudness of all blocks so far.

        Returns
        -------
        float
            LUFS (or dB RMS, see the class); -inf for silence.
        """
        if self._n_pending:
            self._flush()
        if not self._blocks_db:
            return self.rms_db()
        # BS.1770-4, eq. 5 to 7: an absolute gate at -70, a relative one 10 below what it leaves.
        blocks_db = np.array(self._blocks_db)
        blocks_db = blocks_db[blocks_db >= -70]
        if not blocks_db.size:
            return -np.inf
        powers = 10 ** (blocks_db / 10)
        loud = powers > powers.mean() / 10
        return 10 * float(np.log10(powers[loud].mean()))

    def rms_db(self) -> float:
        """Root mean square of all blocks so far, the channels' powers added.

        Returns
        -------
        float
            Level in dB relative to a full-scale square wave; -inf for silence.
        """
        power = self._energy / max(1, self.n_samples)
        return 10 * float(np.log10(power)) if power > 0 else -np.inf


def silence_gate(samples: Samples, sample_rate: int) -> Samples | None:
    """Gain that is 1 where a sound is audible and 0 where it is silent.

    Silence is anything below one step of 16 bits that lasts longer than 60 ms: shorter gaps are
    zero crossings and rests inside notes. The gate is open for 2 ms before and after audible sound
    and fades over the 6 ms beyond.

    Parameters
    ----------
    samples : numpy.ndarray
        Sound [T].
    sample_rate : int
        Samples per second.

    Returns
    -------
    numpy.ndarray or None
        Gain [T] in [0, 1]; None where no part is silent.

    Examples
    --------
    >>> sound = np.concatenate([np.zeros(8000), np.ones(8000)]).astype(np.float32)
    >>> gain = silence_gate(sound, 8000)
    >>> float(gain[0]), float(gain[-1]), bool((gain[8000:] == 1).all())
    (0.0, 1.0, True)
    """
    from scipy.ndimage import binary_closing, distance_transform_edt

    step = max(1, sample_rate // 1000)  # a grid of about 1 ms
    n_steps = -(-samples.shape[0] // step)
    padded = np.zeros(n_steps * step, bool)
    padded[: samples.shape[0]] = np.abs(samples) >= SILENCE
    active = padded.reshape(n_steps, step).any(axis=1)
    if active.any() and not active.all():
        # Gaps of up to 60 steps are closed; the pad of half of it keeps the edges as they are.
        active |= binary_closing(np.pad(active, 30), np.ones(61, bool))[30:-30]
    if active.all():
        return None
    if not active.any():
        return np.zeros(samples.shape[0], np.float32)
    distance_ms = distance_transform_edt(~active)
    gain_steps = np.clip((8 - distance_ms) / 6, 0, 1)  # 1 up to 2 ms away, 0 from 8 ms
    centres = (np.arange(n_steps) + 0.5) * step
    gain: Samples = np.interp(np.arange(samples.shape[0]), centres, gain_steps).astype(np.float32)
    return gain


class Limiter:
    """Turns a sound down, only where and while its peaks would clip.

    A look-ahead limiter: the gain that each sample needs, its minimum over 5 ms to both sides,
    smoothed over the same span. The result never exceeds the ceiling, and sound further than
    10 ms from a peak is untouched, to the bit.

    Parameters
    ----------
    sample_rate : int
        Samples per second.
    ceiling : float
        Highest magnitude let through.

    Attributes
    ----------
    reduction_db : float
        The most that was taken away so far, in dB; 0 where nothing was.

    Examples
    --------
    >>> limiter = Limiter(8000, ceiling=1.0)
    >>> loud = np.full((1, 4000), 2.0, np.float32)
    >>> out = np.concatenate(list(limiter.process(iter([loud]))), axis=1)
    >>> out.shape[1], bool(np.abs(out).max() <= 1.0), round(limiter.reduction_db, 1)
    (4000, True, 6.0)
    """

    def __init__(self, sample_rate: int, ceiling: float = 1.0) -> None:
        self.ceiling = ceiling
        self.reduction_db = 0.0
        self._reach = max(1, round(0.005 * sample_rate))

    def process(self, blocks: Iterator[Samples]) -> Iterator[Samples]:
        """Limited blocks, together exactly as long as those given.

        Parameters
        ----------
        blocks : iterator of numpy.ndarray
            Sound [C, T] each.

        Yields
        ------
        numpy.ndarray
            Sound [C, T]; block borders may move.
        """
        context = 2 * self._reach
        buffer: Samples | None = None  # `n_past` samples already given out, then what is pending
        n_past = 0
        for block in blocks:
            buffer = block if buffer is None else np.concatenate([buffer, block], axis=1)
            ready = buffer.shape[1] - context
            if ready > n_past:
                yield self._limited(buffer)[:, n_past:ready]
                n_dropped = max(0, ready - context)
                buffer, n_past = buffer[:, n_dropped:], ready - n_dropped
        if buffer is not None and buffer.shape[1] > n_past:
            yield self._limited(buffer)[:, n_past:]

    def _limited(self, sound: Samples) -> Samples:
        peak = np.abs(sound).max(axis=0)
        if not (peak > self.ceiling).any():
            return sound
        from scipy.ndimage import minimum_filter1d, uniform_filter1d

        needed = np.minimum(1.0, self.ceiling / np.maximum(peak, 1e-9), dtype=np.float64)
        width = 2 * self._reach + 1
        gain = uniform_filter1d(minimum_filter1d(needed, width, mode="nearest"), width)
        # The running mean carries rounding on: where nothing is needed, it is exactly one.
        gain = np.minimum(np.where(gain > 1 - 1e-9, 1.0, gain), needed)
        self.reduction_db = max(self.reduction_db, -20 * float(np.log10(gain.min())))
        limited: Samples = sound * gain.astype(np.float32)
        return np.clip(limited, -self.ceiling, self.ceiling, out=limited)
