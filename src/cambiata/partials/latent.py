"""The translators' encoding of a recording: its notes, and a hidden state at their moments."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from cambiata.partials.note_frames import FEATURES, NoteFrames
from cambiata.partials.posteriors import (
    LEVEL_SCALE_DB,
    LOWEST_PITCH,
    Heard,
    NoteEvents,
    Roll,
    decode_notes,
    logits,
    sigmoid,
)

N_HIDDEN = 32  # channels of the encoder's last layer before its heads
# The course of a note's level and the confidence in it tell which instrument plays. Decoders do not
# get them: what they need of that must pass the latent, which is kept free of the domain.
_EXCLUDED_FEATURES = (FEATURES.index("level"), FEATURES.index("confidence"))
CONDITIONING_FEATURES = tuple(i for i in range(len(FEATURES)) if i not in _EXCLUDED_FEATURES)
N_CONDITIONING = len(CONDITIONING_FEATURES)
_N_ROLLS = 3  # onset, activation, level


def encode_notes(bands_db: Roll, network: object, threshold: float) -> tuple[NoteEvents, Roll]:
    """The notes of a sound, and the network's hidden state [N_HIDDEN, 88, L].

    `bands_db` [312, L] are as `LogFrequency.level_db` gives them; `network` turns bands
    [1, 312, L] into logits and hidden state [1, 3 + N_HIDDEN, 88, L].
    """
    outputs = logits(bands_db, network)
    onset, activation, level = outputs[:_N_ROLLS]
    # Encoders know neither offsets nor deviations nor slurs.
    none = np.zeros_like(onset)
    level_db = level * np.float32(LEVEL_SCALE_DB)
    heard = Heard(sigmoid(onset), sigmoid(activation), none, level_db, none, none)
    events = replace(decode_notes(heard, threshold), deviation_cents=None, slurred=None)
    return events, outputs[_N_ROLLS:]


def hidden_at_frames(hidden: Roll, frames: NoteFrames) -> npt.NDArray[np.float32]:
    """Hidden state at note frames [Q, N_HIDDEN], straight lines between the frames of `BANDS`."""
    last = hidden.shape[2] - 1
    at = np.clip(frames.frame, 0, last)
    first = np.minimum(at.astype(np.int64), max(0, last - 1))
    share = (at - first).astype(np.float32)[:, None]
    rows = frames.pitch - LOWEST_PITCH
    before, after = hidden[:, rows, first].T, hidden[:, rows, np.minimum(first + 1, last)].T
    return np.ascontiguousarray(before + share * (after - before))


def conditioning_features(frames: NoteFrames) -> npt.NDArray[np.float32]:
    """Features of note frames that decoders are conditioned on, [Q, N_CONDITIONING]."""
    return np.ascontiguousarray(frames.features[:, CONDITIONING_FEATURES])
