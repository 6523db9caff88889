"""What a translator's decoders are told: notes, and a latent beside each of their moments."""

import numpy as np
import numpy.typing as npt

from cambiata.partials.note_frames import N_FEATURES, NoteFrames
from cambiata.partials.posteriors import (
    LEVEL_UNIT_DB,
    LOWEST_PITCH,
    Heard,
    Roll,
    listened_raw,
    notes_of,
    sigmoid,
)

N_SEEN = 32
# How a note's level goes and how surely it was heard tell who plays: for them there is the latent.
_LEFT_OUT = (14, 15)
TOLD = tuple(i for i in range(N_FEATURES) if i not in _LEFT_OUT)
N_TOLD = len(TOLD)
_N_ROLLS = 3


def overheard(bands_db: Roll, network: object, threshold: float) -> tuple[Heard, Roll]:
    """The notes of a sound, and what the listener saw before it made up its mind.

    Parameters
    ----------
    bands_db : numpy.ndarray
        [312, L], as `LogFrequency.level_db` gives them.
    network : callable
        From bands [1, 312, L] to rolls and what was seen [1, 3 + N_SEEN, 88, L].
    threshold : float
        Least height of an onset.

    Returns
    -------
    tuple
        The notes, and [N_SEEN, 88, L].

    Examples
    --------
    >>> silent = np.full((312, 20), -80, np.float32)
    >>> network = lambda bands: [np.full((1, 35, 88, bands.shape[2]), -9, np.float32)]
    >>> heard, seen = overheard(silent, network, 0.3)
    >>> heard.n_notes, seen.shape
    (0, (32, 88, 20))
    """
    raw = listened_raw(bands_db, network)
    onset, held, level = raw[:_N_ROLLS]
    rolls = sigmoid(onset), sigmoid(held), level * np.float32(LEVEL_UNIT_DB)
    return notes_of(*rolls, threshold), raw[_N_ROLLS:]


def seen_at(seen: Roll, frames: NoteFrames) -> npt.NDArray[np.float32]:
    """What was seen at moments of notes.

    Parameters
    ----------
    seen : numpy.ndarray
        [N_SEEN, 88, L].
    frames : NoteFrames
        Moments [Q].

    Returns
    -------
    numpy.ndarray
        [Q, N_SEEN], straight between the frames.

    Examples
    --------
    >>> from cambiata.partials.note_frames import note_frames
    >>> one = np.ones(1)
    >>> heard = Heard(69 * one.astype(int), 5 * one, 20 * one, one, 0 * one, np.zeros((88, 43)))
    >>> seen_at(np.zeros((32, 88, 43), np.float32), note_frames(heard, 43)).shape
    (40, 32)
    """
    last = seen.shape[2] - 1
    at = np.clip(frames.frame, 0, last)
    first = np.minimum(at.astype(np.int64), max(0, last - 1))
    share = (at - first).astype(np.float32)[:, None]
    rows = frames.pitch - LOWEST_PITCH
    below, above = seen[:, rows, first].T, seen[:, rows, np.minimum(first + 1, last)].T
    return np.ascontiguousarray(below + share * (above - below))


def told_of(frames: NoteFrames) -> npt.NDArray[np.float32]:
    """What a decoder is told of moments of notes, beside the latent.

    Parameters
    ----------
    frames : NoteFrames
        Moments [Q].

    Returns
    -------
    numpy.ndarray
        [Q, N_TOLD].

    Examples
    --------
    >>> none = np.zeros(0)
    >>> told_of(NoteFrames(none, none, none, none, none, np.zeros((0, 18), np.float32))).shape
    (0, 16)
    """
    return np.ascontiguousarray(frames.features[:, TOLD])
