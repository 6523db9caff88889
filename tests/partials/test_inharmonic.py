"""Inharmonic partials of bells are found as they are, and none where there are none."""

from dataclasses import replace

import numpy as np
import pytest
from tones import RATE, note_event, tone
from voices import sung, white

from cambiata.audio.log_frequency import midi_to_hz
from cambiata.partials.analysis import power_spectrum
from cambiata.partials.inharmonic import (
    AGES_S,
    N_COLUMNS,
    find_inharmonic,
    inharmonic_levels_db,
    mixed_partials,
)
from cambiata.partials.note_frames import note_frames
from cambiata.partials.posteriors import BANDS, NoteEvents

PITCHES = (60, 67, 64, 72, 62, 69)
NOTE_S = 0.7


def played(note: object, pitches: tuple[int, ...] = PITCHES) -> tuple[np.ndarray, NoteEvents]:
    """Power spectrogram of notes one after another, `note(hz)` each, and the notes."""
    n = round(NOTE_S * RATE)
    sounds = [note(float(midi_to_hz(np.array(pitch)))) for pitch in pitches]  # type: ignore[operator]
    sound = np.concatenate([each[:n] for each in sounds])
    power = power_spectrum(np.concatenate([np.zeros(RATE // 5), sound]).astype(np.float32))
    scale_db = 10 * np.log10(np.mean(np.square(sound)) * len(sound) / (len(sound) + RATE // 5))
    order = np.argsort(pitches, kind="stable")
    start = (0.2 + NOTE_S * np.arange(len(pitches))) / BANDS.frame_s
    one = np.ones(len(pitches))
    level = np.full((88, len(power)), -60, np.float32)
    return power, NoteEvents(
        np.array(pitches)[order],
        start[order],
        start[order] + NOTE_S / BANDS.frame_s,
        one,
        -scale_db * one,  # of a sinusoid of amplitude 1
        level,
    )


def bell(
    hz: float, ratios: tuple[float, ...] = (2.76, 5.404), fall_db_s: float = 60.0
) -> np.ndarray:
    """A struck bar: two harmonics, and partials 6 and 12 dB softer that fall faster."""
    t = np.arange(RATE) / RATE
    sound = np.sin(2 * np.pi * hz * t) + 0.5 * np.sin(4 * np.pi * hz * t + 1)
    sound *= 10 ** (-20 * t / 20)
    for i, ratio in enumerate(ratios):
        decay = 10 ** (-fall_db_s * t / 20)
        sound += 10 ** (-6 * (i + 1) / 20) * decay * np.sin(2 * np.pi * ratio * hz * t + i)
    return sound


def test_partials_of_a_bell_are_found_with_their_levels() -> None:
    power, events = played(bell)
    found = find_inharmonic(power, events, 0.0)
    assert found is not None
    assert found.shape == (2, N_COLUMNS)
    assert 1200 * np.abs(np.log2(found[:, 0] / (2.76, 5.404))).max() < 5
    frames = note_frames(events, len(power))
    held = frames[(frames.age_s > 0.05) & (frames.age_s < 0.5)]
    level_db = inharmonic_levels_db(found, events.pitch, held)
    expected_db = np.array([-6, -12]) - 60 * held.age_s[:, None]
    np.testing.assert_allclose(level_db, expected_db, atol=2)


def test_a_style_mixed_with_itself_is_that_style() -> None:
    row = np.array([[2.76, -6, -9, -12, -18, -30, -54, -100, 60, 0]], np.float32)
    other = row + np.array([1] + [0] * (N_COLUMNS - 1), np.float32)
    frames, pitches = note_frames(note_event(72, 5, 20, 43), 43), np.array([60, 72])
    one, both, two = (
        mixed_partials([(weight, each, pitches) for weight, each in styles], frames)
        for styles in (((1.0, row),), ((0.25, row), (0.75, row)), ((0.5, row), (0.5, other)))
    )
    assert one is not None
    assert both is not None
    assert two is not None
    assert one.hz == pytest.approx(float(midi_to_hz(np.array(72))) * 2.76, rel=1e-6)
    np.testing.assert_allclose(both.level_db, one.level_db, atol=1e-4)
    assert two.hz.shape == (len(frames), 2)
    # What one of two styles has is half way to silence, at -100 dB.
    np.testing.assert_allclose(two.level_db[:, 0], (one.level_db[:, 0] - 100) / 2, atol=1e-4)
    assert mixed_partials([], frames) is None


def test_levels_fall_on_beyond_what_was_seen() -> None:
    power, events = played(bell)
    found = find_inharmonic(power, events, 0.0)
    assert found is not None
    levels = found[:, 1 : len(AGES_S) + 1]
    assert (np.diff(levels[:, 3:], axis=1) <= 0).all()
    frames = note_frames(replace(events, end=events.start + 4), len(power))
    held = note_frames(events, len(power))
    let_go = [
        inharmonic_levels_db(found, events.pitch, each)[np.isclose(each.age_s, 0.3, atol=0.012)]
        for each in (held, frames)
    ]
    assert let_go[1].max() < let_go[0].min() - 3


def _organ(hz: float) -> np.ndarray:
    return sum(np.sin(2 * np.pi * h * hz * np.arange(RATE) / RATE + h) / h for h in (1, 2, 3, 4, 8))


def _with_noise(hz: float) -> np.ndarray:
    return sung(hz) + 0.003 * white(2 * RATE)


def _hummed(hz: float) -> np.ndarray:
    return bell(hz, ()) + 0.1 * np.sin(2 * np.pi * 1234.5 * np.arange(RATE) / RATE)


def _knocked(hz: float) -> np.ndarray:
    t = np.arange(RATE) / RATE
    return bell(hz, ()) + np.exp(-t / 0.05) * np.sin(2 * np.pi * 410 * t)


def _midi(hz: float) -> int:
    return round(69 + 12 * np.log2(hz / 440))


HARMONIC = {
    "steady": lambda hz: tone(_midi(hz), 0.0, RATE),
    "bright": lambda hz: tone(_midi(hz), 0.0, RATE, 3.0),
    "stiff": lambda hz: tone(_midi(hz), 4e-4, RATE),
    "sung": sung,
    "vibrato": lambda hz: sung(hz, vibrato_cents=40),
    "noisy": _with_noise,
    "organ": _organ,
    "struck": lambda hz: bell(hz, ()),
    "hum": _hummed,
    "knock": _knocked,
}


@pytest.mark.parametrize("name", HARMONIC)
def test_harmonic_styles_have_none(name: str) -> None:
    power, events = played(HARMONIC[name])
    inharmonicity = 4e-4 if name == "stiff" else 0.0
    assert find_inharmonic(power, events, inharmonicity) is None


def test_one_note_or_pitch_tells_nothing_apart() -> None:
    power, events = played(bell, (60,) * 6)
    assert find_inharmonic(power, events, 0.0) is None
    power, events = played(bell, (60, 67))
    assert find_inharmonic(power, events, 0.0) is None
