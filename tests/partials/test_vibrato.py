"""Wide vibrato is taken out and given back; trills, chords and small vibrato are left alone."""

from dataclasses import replace

import numpy as np
import pytest
from tones import RATE

from cambiata.partials.analysis import pitch_deviation_cents, power_spectrum
from cambiata.partials.posteriors import BANDS, NoteEvents, detect_notes
from cambiata.partials.vibrato import is_wavering, straighten

T = np.arange(2 * RATE) / RATE


def _voice(pitch: np.ndarray | float, level: float = 0.1) -> np.ndarray:
    hz = 440 * 2 ** ((np.broadcast_to(pitch, T.shape) - 69) / 12)
    phase = 2 * np.pi * np.cumsum(hz) / RATE
    sound = level * sum(np.sin(k * phase) / k for k in range(1, 9)) * np.minimum(T / 0.02, 1)
    return sound.astype(np.float32)


def _vibrato(semitones: float, hz: float = 5.5) -> np.ndarray:
    return semitones * np.sin(2 * np.pi * hz * T)


def _events(*notes: tuple[int, float, float]) -> NoteEvents:
    pitch, start, end = np.array(notes, np.float64).T
    one = np.ones(len(notes))
    level = np.zeros((88, 200), np.float32)
    return NoteEvents(pitch.astype(np.int64), start, end, one, one, level)


@pytest.mark.parametrize(("semitones", "hz"), [(1.0, 5.5), (0.7, 6.5), (1.0, 4.5)])
def test_wide_vibrato_is_taken_out_and_known(semitones: float, hz: float) -> None:
    vibrato = _vibrato(semitones, hz)
    found = straighten(_voice(60 + vibrato))
    assert found is not None
    sound, cents = found
    events = detect_notes(sound)
    assert events.pitch.tolist() == [60]
    frames = np.arange(10, 76)
    expected = 100 * vibrato[frames * BANDS.hop_length]
    assert np.abs(cents[frames] - expected).mean() < 12 * semitones
    assert len(sound) == len(T)


def test_the_notes_keep_their_vibrato() -> None:
    found = straighten(_voice(60 + _vibrato(1.0)))
    assert found is not None
    events = _events((60, 0.0, 86.0))
    deviation = pitch_deviation_cents(
        power_spectrum(found[0]), replace(events, vibrato_cents=found[1]), len(found[1])
    )
    assert np.ptp(deviation[0, 10:76]) == pytest.approx(200, abs=25)


@pytest.mark.parametrize(
    "sound",
    [
        _voice(60 + _vibrato(0.2)),
        _voice(60 + (np.sin(2 * np.pi * 6 * T) > 0)),  # a trill
        _voice(48 + 12 * T),  # a glide
        _voice(60 + _vibrato(1.0)) + _voice(65) + _voice(69),  # one of three voices
        np.random.default_rng(0).normal(0, 0.1, len(T)).astype(np.float32),
        np.zeros(len(T), np.float32),
    ],
    ids=["small", "trill", "glide", "chord", "noise", "silence"],
)
def test_what_is_no_wide_vibrato_stays(sound: np.ndarray) -> None:
    assert straighten(sound) is None


def test_rows_of_short_neighbours_waver() -> None:
    row = [(60 + i % 2, 8.0 * i, 8.0 * i + 7) for i in range(6)]
    assert is_wavering(_events(*row))
    assert not is_wavering(_events(*row[:3]))
    assert not is_wavering(_events(*[(60 + 3 * i, a, b) for i, (_, a, b) in enumerate(row)]))
    assert not is_wavering(_events(*[(p, 4 * a, 4 * a + 30) for p, a, _ in row]))
