"""The hidden state at note frames, and what decoders are conditioned on."""

import numpy as np
from tones import note_event

from cambiata.partials.latent import (
    N_CONDITIONING,
    N_HIDDEN,
    conditioning_features,
    encode_notes,
    hidden_at_frames,
)
from cambiata.partials.note_frames import FEATURES, note_frames
from cambiata.partials.posteriors import BANDS


def test_between_frames_the_hidden_state_is_a_straight_line() -> None:
    frames = note_frames(note_event(69, 5, 20, 43), 43, per_frame=2)
    hidden = np.zeros((N_HIDDEN, 88, 43), np.float32)
    hidden[:, 69 - 21] = 3 * np.arange(43)
    actual = hidden_at_frames(hidden, frames)
    expected = 3 * np.minimum(frames.frame, 42)  # the last frame of all
    np.testing.assert_allclose(actual, np.repeat(expected[:, None], N_HIDDEN, 1), rtol=1e-6)


def test_decoders_do_not_learn_who_plays_from_levels() -> None:
    frames = note_frames(note_event(69, 5, 20, 43), 43)
    frames.features[:, FEATURES.index("level")] = 7
    frames.features[:, FEATURES.index("confidence")] = 7
    conditioning = conditioning_features(frames)
    assert conditioning.shape == (len(frames), N_CONDITIONING)
    assert not (conditioning == 7).any()


def test_silence_has_no_notes() -> None:
    silent = np.full((BANDS.n_bins, 20), -80, np.float32)

    def network(bands: np.ndarray) -> list[np.ndarray]:
        return [np.full((1, 3 + N_HIDDEN, 88, bands.shape[2]), -9, np.float32)]

    events, hidden = encode_notes(silent, network, 0.3)
    assert (events.n_notes, hidden.shape) == (0, (N_HIDDEN, 88, 20))
