"""Notes out of posteriors: where they begin and end, and what is left of them when they move."""

import numpy as np
import pytest
from tones import RATE, note_event, tone

from cambiata.partials.posteriors import (
    BANDS,
    decode_notes,
    detect_notes,
    logits,
    pick_onsets,
)


def test_onsets_lie_between_frames() -> None:
    onset = np.zeros((88, 40), np.float32)
    at = np.arange(40)
    onset[30] = np.maximum(0, 1 - np.abs(at - 17.3) / 2.5)
    rows, frames, heights = pick_onsets(onset, 0.3)
    assert rows.tolist() == [30]
    assert frames[0] == pytest.approx(17.3, abs=0.01)
    assert heights[0] > 0.8


def test_notes_of_onsets_and_of_activation() -> None:
    onset, keys = np.zeros((2, 88, 60), np.float32)
    level = np.full((88, 60), -60.0, np.float32)
    onset[40, 10], onset[40, 30] = 0.9, 0.8
    keys[40, 10:50] = 1.0
    level[40, 10:50] = -5.0
    keys[50, 20:45] = 0.9  # a slow attack: active, but without an onset
    keys[60, 5:7] = 1.0  # too short to be one
    notes = decode_notes(onset, keys, level, 0.5)
    assert notes.pitch.tolist() == [61, 61, 71]
    assert notes.start.tolist() == [10, 30, 20]
    assert notes.end.tolist() == [30, 50, 45]
    assert notes.strength_db[0] == -5
    assert notes.confidence[2] == 0


def test_a_tone_is_one_note() -> None:
    events = detect_notes(tone(69, 0.0, RATE, slope_db=9.0))
    assert events.pitch.tolist() == [69]


def test_chunks_are_as_the_whole() -> None:
    """A network that sees 60 frames to either side says the same of chunks and of all at once."""
    bands = np.random.default_rng(0).uniform(-80, 0, (BANDS.n_bins, 2100)).astype(np.float32)

    def network(x: np.ndarray) -> list[np.ndarray]:
        padded = np.pad(x[:, :264], ((0, 0), (0, 0), (60, 60)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, 121, axis=2)
        return [windows.max(axis=3).reshape(1, 3, 88, -1)]

    inside = slice(60, -60)  # the padding at the ends differs
    scaled = ((np.maximum(bands, -80) + 40) / 20).astype(np.float32)
    whole = network(scaled[None])[0][0]
    assert np.array_equal(logits(bands, network)[:, :, inside], whole[:, :, inside])


def test_notes_that_leave_the_keyboard_are_left_out() -> None:
    events = note_event(100, 2, 9, 20)
    moved, chosen = events.transposed(12)
    assert (moved.n_notes, len(chosen)) == (0, 0)
    moved, chosen = events.transposed(-12)
    assert (moved.pitch.tolist(), chosen.tolist()) == ([88], [0])
    assert np.array_equal(moved.level_db[88 - 21], events.level_db[100 - 21])
