"""Note frames of a style that are recalled as they were measured, where the content has the same.

Beside the network stands a regression by a kernel (Nadaraya 1964, Watson 1964): what the style has
nearly alike, in pitch, age, time since the release and strength, need not be predicted.
"""

import numpy as np
import numpy.typing as npt

from cambiata.partials.analysis import MeasuredFrames
from cambiata.partials.note_frames import FEATURES, N_PARTIALS

# Standard deviations of what must be alike, in units of the features: a semitone; a factor of 1.35
# in age, from 20 ms on; of 1.8 in the time since the offset, from 30 ms on; released or not; 3 dB
# of strength. They and the next two were chosen on pairs of training fonts. With deviations twice
# as wide, and measured and predicted alike at 0.3, single pairs lost up to 2.6 dB (LSD).
_DEVIATIONS = {
    "pitch": 1 / 24,
    "log_age": 0.075,
    "log_release": 0.15,
    "released": 0.5,
    "relative_strength": 0.15,
}
_COLUMNS = [FEATURES.index(name) for name in _DEVIATIONS]
# A note frame that the style has exactly counts as much as what is predicted of it.
_HALF_LIKENESS = 1.0
# Of several note frames the nearest shall count rather than the mean: their kernel is narrower by
# this factor (of squares).
_NARROWER = 3.0
# Partials that are another note's count little, yet more than none at all.
_LEAST_OWNERSHIP = 1e-3
_BATCH_FRAMES = 1024  # queries at a time: bounds memory, changes nothing else

Array = npt.NDArray[np.float32]


def recall(
    measured: MeasuredFrames, features: Array, partials_db: Array, noise_db: Array
) -> tuple[Array, Array]:
    """Predicted partials and noise of note frames, brought towards those of the most alike.

    The weight of what was measured is ``k / (k + 1)``, with k the kernel of the nearest note
    frame; a partial of which the mask says that it is another's stays as it is predicted.
    """
    mask, key_features = measured.mask, measured.features
    ownership = mask**2 + np.float32(_LEAST_OWNERSHIP)
    values = np.concatenate(
        [ownership * measured.partials_db, ownership, measured.noise_db], axis=1
    )
    partials, noise = np.empty_like(partials_db), np.empty_like(noise_db)
    for at in range(0, len(features), _BATCH_FRAMES):
        batch = slice(at, at + _BATCH_FRAMES)
        kernel, nearest = _kernel(features[batch], key_features)
        total = kernel.sum(axis=1, keepdims=True)
        own_db, own, measured_noise_db = np.split(
            kernel @ values, (N_PARTIALS, 2 * N_PARTIALS), axis=1
        )
        likeness = nearest * np.minimum(own / total, 1)
        share = likeness / (likeness + np.float32(_HALF_LIKENESS))
        partials[batch] = partials_db[batch] + share * (own_db / own - partials_db[batch])
        share = nearest / (nearest + np.float32(_HALF_LIKENESS))
        noise[batch] = noise_db[batch] + share * (measured_noise_db / total - noise_db[batch])
    return partials, noise


def _kernel(queries: Array, keys: Array) -> tuple[Array, Array]:
    """Weights of keys, 1 for the nearest [Q, M], and how like the query that one is [Q, 1]."""
    scale = np.array(list(_DEVIATIONS.values()), np.float32)
    a, b = queries[:, _COLUMNS] / scale, keys[:, _COLUMNS] / scale
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    least = np.maximum(squares.min(axis=1, keepdims=True), 0)
    return np.exp((least - squares) * np.float32(_NARROWER / 2)), np.exp(-least / 2)
