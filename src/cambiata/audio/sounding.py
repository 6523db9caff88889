"""Where a recording sounds: the stretch that is worth using of one that begins with silence."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio.loudness import SILENCE

_STEP_S = 0.1
# A stretch of which this share is louder than -60 dB of full scale, an audible level anywhere, is
# used as it is: the rest of the recording need not be read.
_ENOUGH, _AUDIBLE = 0.25, 1e-3
# Where it is looked for, sound is what comes within 40 dB of the loudest moment; a stretch with
# nine tenths as much of it as the best has enough, so that the earliest of many is taken.
_BELOW_LOUDEST, _AS_GOOD = 1e-2, 0.9


def step_levels(blocks: Iterator[Samples], sample_rate: int) -> npt.NDArray[np.float64]:
    """RMS of all channels in steps of a tenth of a second.

    Parameters
    ----------
    blocks : iterator of numpy.ndarray
        Sound [C, T] each.
    sample_rate : int
        Samples per second.

    Returns
    -------
    numpy.ndarray
        Levels [steps], full scale at 1.

    Examples
    --------
    >>> step_levels(iter([np.ones((1, 2000), np.float32)]), 8000).tolist()
    [1.0, 1.0, 1.0]
    """
    step = max(1, round(_STEP_S * sample_rate))
    powers: list[npt.NDArray[np.float64]] = []
    rest = np.zeros(0)
    for block in blocks:
        power = np.concatenate([rest, np.square(block, dtype=np.float64).mean(axis=0)])
        n_whole = len(power) // step
        powers.append(power[: n_whole * step].reshape(n_whole, step).mean(axis=1))
        rest = power[n_whole * step :]
    if len(rest):
        powers.append(rest.mean(keepdims=True))
    return np.sqrt(np.concatenate(powers))


def sounds_enough(samples: Samples, sample_rate: int) -> bool:
    """Whether a stretch is worth using as it is.

    Parameters
    ----------
    samples : numpy.ndarray
        Sound [C, T].
    sample_rate : int
        Samples per second.

    Returns
    -------
    bool
        At least a quarter of it is louder than -60 dB of full scale.

    Examples
    --------
    >>> sounds_enough(np.zeros((1, 8000), np.float32), 8000)
    False
    """
    levels = step_levels(iter([samples]), sample_rate)
    return bool((levels > _AUDIBLE).mean() >= _ENOUGH)


def best_start_s(levels: npt.NDArray[np.float64], length_s: float) -> float:
    """Where the stretch of a length begins that holds enough of a recording's sound.

    Parameters
    ----------
    levels : numpy.ndarray
        As `step_levels` gives them.
    length_s : float
        How long the stretch is, in seconds.

    Returns
    -------
    float
        In seconds; 0 where the beginning is as good as any, or nothing sounds.

    Examples
    --------
    >>> best_start_s(np.repeat([0.0, 0.5, 0.0], [300, 20, 300]), 10.0)
    29.9
    """
    sounds = levels > max(SILENCE, _BELOW_LOUDEST * float(levels.max(initial=0.0)))
    width = max(1, round(length_s / _STEP_S))
    total = np.concatenate([[0], np.cumsum(sounds)])
    ends = np.minimum(np.arange(len(sounds)) + width, len(sounds))
    counts = total[ends] - total[:-1]
    good = counts >= _AS_GOOD * counts.max(initial=0)
    if not len(good) or good[0]:
        return 0.0
    first = int(good.argmax())
    # From its first sound on, with a step before it so that no attack is cut.
    first += int(sounds[first:].argmax())
    return round(max(0, first - 1) * _STEP_S, 1)
