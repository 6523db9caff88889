"""Tones below the keyboard are known by their partials; what only looks like one is left alone."""

import numpy as np
import pytest

from cambiata.partials.low_tones import LowTone, low_pitches, low_tones, with_low_tones
from cambiata.partials.posteriors import BANDS, NoteEvents

T = np.arange(BANDS.sample_rate) / BANDS.sample_rate
SPECTRA = {
    "six": 1 / np.arange(1, 7),
    "saw": 1 / np.arange(1, 31),
    "soft": 1 / np.arange(1, 13) ** 2,
    "weak fundamental": np.array([0.2, 0.7, 1, 0.9, 0.7, 0.5, 0.4, 0.3, 0.2, 0.1]),
}


def _tone(pitch: float, amplitudes: np.ndarray, phase: float = 0.0) -> np.ndarray:
    f0 = 440 * 2 ** ((pitch - 69) / 12)
    partials = enumerate(amplitudes, 1)
    return 0.2 * sum(a * np.sin(2 * np.pi * f0 * k * T + phase * k) for k, a in partials)


def _heard(sound: np.ndarray) -> np.ndarray:
    """Low pitches of the frames that no end reaches."""
    samples = sound.astype(np.float32)
    return low_pitches(samples, BANDS.level_db(samples))[8:-8]


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("pitch", [12, 15, 17, 20, 21.3, 23])
def test_a_low_tone_alone_is_known(pitch: float, spectrum: str) -> None:
    assert _heard(_tone(pitch, SPECTRA[spectrum])) == pytest.approx(pitch, abs=0.1)


@pytest.mark.parametrize("spectrum", SPECTRA)
def test_higher_tones_and_chords_are_left_alone(spectrum: str) -> None:
    tone = SPECTRA[spectrum]
    chords = {
        "C1": [24],
        "bass": [28],
        "octave": [21, 33],
        "octave of a bass": [28, 40],
        "fifth": [33, 40],
        "octave and fifth": [29, 36, 41],
        "triad in tune": [36, 36 + 12 * np.log2(5 / 4), 36 + 12 * np.log2(3 / 2)],
        "chord on a pedal": [21, 45, 49, 52],
        "far fifth": [22, 41],
    }
    for name, pitches in chords.items():
        sound = sum(_tone(p, tone, 1.7 * i) for i, p in enumerate(pitches))
        assert np.isnan(_heard(sound)).all(), name


def test_what_is_no_tone_is_left_alone() -> None:
    noise = np.random.default_rng(0).normal(size=len(T))
    for sound in (0 * T, noise, np.cumsum(noise), np.sin(2 * np.pi * 22 * T), T == 0.5):
        assert np.isnan(_heard(0.1 * sound)).all()
    assert np.isnan(_heard(_tone(17, SPECTRA["saw"])[:4000])).all()


def test_frames_become_tones() -> None:
    pitch = np.full(100, np.nan, np.float32)
    pitch[5:40], pitch[46:70], pitch[80:84] = 17.1, 21.0, 19.0
    level_db = np.full((88, 100), -60.0, np.float32)
    level_db[8, 10:66] = 0.0  # windows reach farther than the tones
    first, second = low_tones(pitch, level_db)
    assert (round(first.pitch, 2), first.start, first.end) == (17.1, 10, 43)
    assert second == LowTone(21.0, 43, 66)


def _events(*notes: tuple[int, float, float]) -> NoteEvents:
    pitch, start, end = np.array(sorted(notes)).T
    ones = np.ones(len(notes))
    level_db = np.zeros((88, 200), np.float32)
    return NoteEvents(pitch.astype(np.int64), start, end, ones, ones, level_db)


def test_notes_of_a_tone_below_the_keyboard_are_left_out() -> None:
    events = _events((29, 2, 42), (45, 8, 30), (46, 8, 30), (29, 80, 90))
    left, below_s = with_low_tones(events, [LowTone(17.0, 0, 43)])
    # 46 is no partial (45 is the fifth), and the second 29 lies elsewhere.
    assert list(zip(left.pitch, left.start, strict=True)) == [(29, 80), (46, 8)]
    assert below_s == pytest.approx(1.0, abs=0.01)


def test_a_key_that_was_missed_is_found() -> None:
    tones = [LowTone(21.0, 10, 50)]
    missed, below_s = with_low_tones(_events((49, 16, 48), (60, 100, 120)), tones)
    assert [(p, a, b) for p, a, b in zip(missed.pitch, missed.start, missed.end, strict=True)] == [
        (21, 10, 50),
        (60, 100, 120),
    ]
    assert below_s == 0
    heard, _ = with_low_tones(_events((21, 11, 45), (33, 11, 45), (49, 16, 48)), tones)
    assert [*heard.pitch] == [21, 33]  # its octave may be played
    octave, _ = with_low_tones(_events((33, 11, 45), (60, 100, 120)), tones)
    assert [*octave.pitch] == [21, 60]  # what is heard in the key's place is the key
    # Of what was heard of the key a part is enough: the rest of a real string is not so pure.
    assert with_low_tones(_events((21, 0, 6)), tones)[0].n_notes == 1
    same = _events((21, 11, 45), (60, 16, 48))
    assert with_low_tones(same, tones)[0] is same
