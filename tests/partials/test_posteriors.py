"""Notes out of posteriors: where they begin and end, and what is left of them when they move."""

from dataclasses import replace

import numpy as np
import pytest
from rolls import Rolls
from tones import RATE, note_event, tone

from cambiata.partials.note_bands import N_ROWS, note_bands_db
from cambiata.partials.posteriors import (
    BANDS,
    Heard,
    decode_notes,
    detect_notes,
    hear,
    logits,
    pick_onsets,
)
from cambiata.weights import load_model


def test_onsets_lie_between_frames() -> None:
    onset = np.zeros((88, 40), np.float32)
    at = np.arange(40)
    onset[30] = np.maximum(0, 1 - np.abs(at - 17.3) / 2.5)
    rows, frames, heights = pick_onsets(onset, 0.3)
    assert rows.tolist() == [30]
    assert frames[0] == pytest.approx(17.3, abs=0.01)
    assert heights[0] > 0.8


def _notes(rolls: Rolls, *, soft_onsets: bool = True) -> list[tuple[int, float]]:
    events = decode_notes(rolls.heard(), 0.4, soft_onsets=soft_onsets)
    return list(zip((events.pitch - 21).tolist(), events.start.round(1).tolist(), strict=True))


def test_notes_of_onsets_and_of_activation() -> None:
    rolls = Rolls(60)
    for at in (10, 30):
        rolls.begins(40, at, 0.9)
    rolls.sounds(40, 10, 50, -5.0)
    rolls.sounds(60, 5, 7, active=1.0)  # too short to be a note
    events = decode_notes(rolls.heard(), 0.5)
    assert events.pitch.tolist() == [61, 61]
    assert events.start.tolist() == [10, 30]
    assert events.end.tolist() == [30, 50]
    assert events.strength_db.tolist() == [-5, -5]
    assert events.confidence == pytest.approx([0.9, 0.9])
    assert decode_notes(rolls.heard(), 0.95, soft_onsets=False).n_notes == 0


def test_ten_strikes_a_second_are_ten_notes() -> None:
    rolls = Rolls(60)
    strikes = 5 + 4.3 * np.arange(10)
    for at in strikes:
        rolls.begins(30, at)
    rolls.sounds(30, 5, 50)
    assert _notes(rolls) == [(30, round(float(at), 1)) for at in strikes]


@pytest.mark.parametrize(
    ("height", "active", "n_active", "is_note"),
    [
        (0.25, 0.95, 20, True),
        (0.15, 0.95, 20, False),
        (0.25, 0.8, 20, False),
        (0.25, 0.95, 6, False),
    ],
)
def test_a_slow_attack_is_a_note_where_it_surely_sounds(
    height: float, active: float, n_active: int, is_note: bool
) -> None:
    """Half an onset is enough for what is surely active, and for long."""
    rolls = Rolls(60)
    rolls.sounds(50, 20, 20 + n_active, active=active)
    rolls.begins(50, 19, height)
    assert _notes(rolls) == [(50, 20.0)] * is_note
    assert _notes(rolls, soft_onsets=False) == []


@pytest.mark.parametrize(
    ("gap", "level_db", "between_db", "n_notes"),
    [
        (6, 1.0, -5.0, 1),  # hardly louder than before, hardly softer in between
        (6, 6.0, -5.0, 2),  # louder
        (6, 1.0, -20.0, 2),  # it was gone in between
        (16, 1.0, -5.0, 2),  # long ago
    ],
)
def test_what_goes_on_after_a_short_gap_is_one_note(
    gap: int, level_db: float, between_db: float, n_notes: int
) -> None:
    rolls = Rolls(100)
    rolls.sounds(40, 10, 40)
    rolls.begins(40, 10)
    rolls.level[40, 40 : 40 + gap] = between_db
    rolls.sounds(40, 40 + gap, 70, level_db)
    rolls.begins(40, 40 + gap, 0.3)
    events = decode_notes(rolls.heard(), 0.4)
    assert events.start.tolist() == [10, 40 + gap][:n_notes]
    assert events.end[-1] == 70


@pytest.mark.parametrize("semitones", [12, 19, 24])
def test_a_partial_that_is_hardly_active_is_a_ghost(semitones: int) -> None:
    for active, expected in ((0.55, [(20, 10.0)]), (0.95, [(20, 10.0), (20 + semitones, 11.0)])):
        rolls = Rolls(60)
        rolls.sounds(20, 10, 50)
        rolls.begins(20, 10)
        rolls.sounds(20 + semitones, 11, 30, active=active)
        rolls.begins(20 + semitones, 11, 0.6)
        assert _notes(rolls) == expected


@pytest.mark.parametrize(("semitones", "late"), [(12, 8), (7, 1), (-12, 1)])
def test_no_ghosts_of_another_time_or_pitch(semitones: int, late: int) -> None:
    rolls = Rolls(60)
    rolls.sounds(40, 10, 50)
    rolls.begins(40, 10)
    rolls.sounds(40 + semitones, 10 + late, 30, active=0.55)
    rolls.begins(40 + semitones, 10 + late, 0.6)
    assert (40 + semitones, 10.0 + late) in _notes(rolls)


@pytest.mark.parametrize(
    ("at", "height", "expected"),
    [(42.4, 0.5, 42.4), (38.0, 0.5, 38.0), (42.4, 0.1, 40.0), (47.0, 0.5, 40.0)],
)
def test_a_note_ends_at_the_offset_near_its_end(at: float, height: float, expected: float) -> None:
    rolls = Rolls(60)
    rolls.sounds(30, 10, 40)
    rolls.begins(30, 10)
    rolls.ends(30, at, height)
    assert decode_notes(rolls.heard(), 0.4).end == pytest.approx([expected], abs=0.3)


def test_notes_are_slurred_where_their_onsets_are() -> None:
    rolls = Rolls(60)
    for row, at, slurred in ((30, 5, 0.1), (32, 20, 0.8), (34, 35, 0.4)):
        rolls.sounds(row, at, at + 15)
        rolls.begins(row, at)
        rolls.slurred[row, at - 2 : at + 3] = slurred
    events = decode_notes(rolls.heard(), 0.4)
    assert events.slurred is not None
    assert events.slurred.tolist() == [False, True, False]
    assert events.chosen(np.array([1, 2])).slurred.tolist() == [True, False]


def test_stretches_of_what_was_heard_make_the_whole() -> None:
    rng = np.random.default_rng(0)
    whole = Heard(*rng.random((6, 88, 50), np.float32))
    parts = [whole.frames(slice(a, b)) for a, b in ((0, 7), (7, 30), (30, None))]
    assert parts[1].onset.shape == (88, 23)
    for first, second in zip(Heard.joined(parts).rolls, whole.rolls, strict=True):
        assert np.array_equal(first, second)


def test_rolls_are_scaled_from_what_the_network_gives() -> None:
    """Logits to posteriors, 20 dB and semitones to dB and cents, in the order of its heads."""

    def network(bands: np.ndarray) -> list[np.ndarray]:
        assert bands.shape[1] == N_ROWS
        heads = np.array([0.0, np.log(3), -np.log(3), -1.5, 0.25, 100.0], np.float32)
        return [np.broadcast_to(heads[None, :, None, None], (1, 6, 88, bands.shape[2]))]

    heard = hear(np.zeros((N_ROWS, 5), np.float32), network)
    values = [float(roll[40, 2]) for roll in heard.rolls]
    assert values == pytest.approx([0.5, 0.75, 0.25, -30.0, 25.0, 1.0])


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


@pytest.mark.parametrize("weights", ["listener", "listener-causal"])
def test_what_ships_sees_no_farther_than_chunks_reach(
    weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = load_model(weights, "listener").part("")
    bands_db = np.random.default_rng(0).uniform(-80, 0, (N_ROWS, 300)).astype(np.float32)
    whole = logits(bands_db, network)
    monkeypatch.setattr("cambiata.partials.posteriors._CHUNK_FRAMES", 100)
    np.testing.assert_allclose(logits(bands_db, network), whole, atol=1e-3)


@pytest.mark.parametrize(("weights", "is_causal"), [("listener-causal", True), ("listener", False)])
def test_the_causal_listener_hears_nothing_that_sounds_48_ms_later(
    weights: str, is_causal: bool
) -> None:
    """Whatever comes after a frame's centre and 48 ms (2 of them a filter's) is of no effect."""
    network = load_model(weights, "listener").part("")
    rng = np.random.default_rng(0)
    sound = 0.1 * rng.normal(size=60 * BANDS.hop_length).astype(np.float32)
    frame = 33
    later = frame * BANDS.hop_length + 2048 + 80
    changed = np.append(sound[:later], np.zeros(len(sound) - later, np.float32))
    first, second = (logits(note_bands_db(x, mean=0.01), network) for x in (sound, changed))
    apart = np.abs(first - second).max(axis=(0, 1))
    assert (apart[: frame + 1].max() < 0.01) == is_causal
    assert apart[frame + 3 :].max() > 1


def test_notes_that_leave_the_keyboard_are_left_out() -> None:
    events = note_event(100, 2, 9, 20)
    moved, chosen = events.transposed(12)
    assert (moved.n_notes, len(chosen)) == (0, 0)
    moved, chosen = events.transposed(-12)
    assert (moved.pitch.tolist(), chosen.tolist()) == ([88], [0])
    assert np.array_equal(moved.level_db[88 - 21], events.level_db[100 - 21])


def test_deviations_move_with_the_notes() -> None:
    cents = np.zeros((88, 20), np.float32)
    cents[60 - 21] = 30
    events = replace(note_event(60, 2, 9, 20), deviation_cents=cents)
    moved, _ = events.transposed(5)
    assert moved.deviation_cents is not None
    assert (moved.deviation_cents[65 - 21] == 30).all()
    assert not moved.deviation_cents[60 - 21].any()
