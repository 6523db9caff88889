"""What a translator's decoders are told: notes, and a latent beside each of their moments."""

import numpy as np
import numpy.typing as npt

from cambiata.partials.note_frames import N_FEATURES, NoteFrames
from cambiata.partials.posteriors import (
    LEVEL_SCALE_DB,
    LOWEST_PITCH,
    NoteEvents,
    Roll,
    decode_notes,
    logits,
    sigmoid,
)

N_HIDDEN = 32
# How a note's level goes and how surely it was heard tell who plays: for them there is the latent.
_EXCLUDED_FEATURES = (14, 15)
CONDITIONING_FEATURES = tuple(i for i in range(N_FEATURES) if i not in _EXCLUDED_FEATURES)
N_CONDITIONING = len(CONDITIONING_FEATURES)
_N_ROLLS = 3


def encode_notes(bands_db: Roll, network: object, threshold: float) -> tuple[NoteEvents, Roll]:
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
    >>> events, hidden = encode_notes(silent, network, 0.3)
    >>> events.n_notes, hidden.shape
    (0, (32, 88, 20))
    """
    logits_and_hidden = logits(bands_db, network)
    onset, activation, level = logits_and_hidden[:_N_ROLLS]
    rolls = sigmoid(onset), sigmoid(activation), level * np.float32(LEVEL_SCALE_DB)
    return decode_notes(*rolls, threshold), logits_and_hidden[_N_ROLLS:]


def hidden_at_frames(hidden: Roll, frames: NoteFrames) -> npt.NDArray[np.float32]:
    """What was seen at moments of notes.

    Parameters
    ----------
    hidden : numpy.ndarray
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
    >>> events = NoteEvents(69 * one.astype(int), 5 * one, 20 * one, one, 0 * one, np.zeros((88, 43)))
    >>> hidden_at_frames(np.zeros((32, 88, 43), np.float32), note_frames(events, 43)).shape
    (40, 32)
    """
    last = hidden.shape[2] - 1
    at = np.clip(frames.frame, 0, last)
    first = np.minimum(at.astype(np.int64), max(0, last - 1))
    share = (at - first).astype(np.float32)[:, None]
    rows = frames.pitch - LOWEST_PITCH
    below, above = hidden[:, rows, first].T, hidden[:, rows, np.minimum(first + 1, last)].T
    return np.ascontiguousarray(below + share * (above - below))


def conditioning_features(frames: NoteFrames) -> npt.NDArray[np.float32]:
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
    >>> conditioning_features(NoteFrames(none, none, none, none, none, np.zeros((0, 18), np.float32))).shape
    (0, 16)
    """
    return np.ascontiguousarray(frames.features[:, CONDITIONING_FEATURES])
