"""Notes below a style's range are played by its spectral envelope, others as predicted."""

import numpy as np
import pytest
from tones import note_event

from cambiata.partials.analysis import MeasuredFrames
from cambiata.partials.envelope import envelope_db, with_envelope
from cambiata.partials.note_frames import N_NOISE, N_PARTIALS, NoteFrames, note_frames, partial_hz

FORMANT_HZ = 2000.0


def resonance_db(hz: np.ndarray) -> np.ndarray:
    """A body that is loudest at one frequency and falls by 12 dB an octave to either side."""
    return -12 * np.abs(np.log2(hz / FORMANT_HZ))


def frames_of(pitch: int) -> NoteFrames:
    return note_frames(note_event(pitch, 0, 40, 60), 60)


@pytest.fixture(scope="module")
def style() -> MeasuredFrames:
    frames = frames_of(72)
    level = resonance_db(partial_hz(frames.pitch, 0.0)).astype(np.float32)
    noise = np.full((len(frames), N_NOISE), -130, np.float32)
    return MeasuredFrames(frames.features, level, np.ones_like(level), noise)


def test_the_envelope_is_that_of_the_body(style: MeasuredFrames) -> None:
    level = envelope_db(style, 0.0, 72.0)
    assert level is not None
    centres = np.sqrt(np.geomspace(40, 18000, 28)[1:] * np.geomspace(40, 18000, 28)[:-1])
    inside = (centres > 1500) & (centres < 16000)
    np.testing.assert_allclose(level[inside], resonance_db(centres)[inside], atol=2.5)


@pytest.mark.parametrize("semitones", [12, 24])
def test_notes_below_the_range_come_half_of_the_way(style: MeasuredFrames, semitones: int) -> None:
    frames = frames_of(72 - semitones)
    # As a player that knows partials by their number would have it: the resonance moves along.
    hz = partial_hz(frames.pitch, 0.0)
    predicted = resonance_db(hz * 2 ** (semitones / 12)).astype(np.float32)
    played = with_envelope(predicted, frames, [(1.0, style, np.array([72]))], 0.0)
    audible = hz[0] < 15000

    def centroid(levels: np.ndarray) -> float:
        power = 10 ** (levels[0, audible] / 10)
        return float((power * hz[0, audible]).sum() / power.sum())

    true = resonance_db(hz)
    assert centroid(predicted) < centroid(played) < centroid(true)
    before, after = (np.abs(x - true)[0, audible].mean() for x in (predicted, played))
    assert after < 0.75 * before
    powers = [(10 ** (x[:, hz[0] < 18000] / 10)).sum(axis=1) for x in (predicted, played)]
    np.testing.assert_allclose(powers[1], powers[0], rtol=1e-3)


def test_notes_in_the_range_and_unknown_styles_are_as_predicted(style: MeasuredFrames) -> None:
    rng = np.random.default_rng(0)
    for pitch in (72, 84):
        frames = frames_of(pitch)
        predicted = rng.normal(-20, 5, (len(frames), N_PARTIALS)).astype(np.float32)
        played = with_envelope(predicted, frames, [(1.0, style, np.array([72]))], 0.0)
        np.testing.assert_array_equal(played, predicted)
    unowned = MeasuredFrames(
        style.features, style.partials_db, np.zeros_like(style.mask), style.noise_db
    )
    frames = frames_of(48)
    predicted = rng.normal(-20, 5, (len(frames), N_PARTIALS)).astype(np.float32)
    played = with_envelope(predicted, frames, [(1.0, unowned, np.array([72]))], 0.0)
    np.testing.assert_array_equal(played, predicted)
