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

    bands_db: [312, L]; network: [1, 312, L] or [1, 3 + N_SEEN, 88, L]; returns [N_SEEN, 88, L].
    """
    logits_and_hidden = logits(bands_db, network)
    onset, activation, level = logits_and_hidden[:_N_ROLLS]
    rolls = sigmoid(onset), sigmoid(activation), level * np.float32(LEVEL_SCALE_DB)
    return decode_notes(*rolls, threshold), logits_and_hidden[_N_ROLLS:]


def hidden_at_frames(hidden: Roll, frames: NoteFrames) -> npt.NDArray[np.float32]:
    """What was seen at moments of notes.

    hidden: [N_SEEN, 88, L]; frames: [Q]; returns [Q, N_SEEN].
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

    frames: [Q]; returns [Q, N_TOLD].
    """
    return np.ascontiguousarray(frames.features[:, CONDITIONING_FEATURES])
