"""Depth of vibrato: as it was made, kept or lost, and none where there is no held tone."""

import numpy as np
import pytest

pytest.importorskip("librosa", reason='pip install "cambiata[eval]"')

from voices import RATE, noise, sung

from cambiata import Audio
from cambiata.evaluate.vibrato import (
    held_tones,
    pitch_curve_cents,
    vibrato_cents,
    vibrato_ratio,
)


def curve(pitch_hz: float, depth_cents: float, rate_hz: float = 5.5) -> np.ndarray:
    sound = sung(pitch_hz, 1.2, depth_cents, rate_hz)
    return pitch_curve_cents(Audio(sound, RATE))


@pytest.mark.parametrize(("pitch_hz", "depth_cents"), [(196, 50), (440, 20), (660, 100)])
def test_depth_is_as_it_was_made(pitch_hz: float, depth_cents: float) -> None:
    [tone] = held_tones(curve(pitch_hz, depth_cents))
    assert vibrato_cents(tone.pitch_cents) == pytest.approx(depth_cents, rel=0.05)


def known(
    depth_cents: float, *, glide_cents: float = 0.0, pitch_cents: float = 10000
) -> np.ndarray:
    """A pitch curve, as a tracker would give it."""
    t = np.arange(100) * 256 / 22050
    wave = depth_cents * np.sin(2 * np.pi * 6 * t)
    return pitch_cents + wave + glide_cents * t / t[-1]


def test_glides_and_steady_tones_have_none() -> None:
    assert vibrato_cents(known(0, glide_cents=200)) < 1
    assert vibrato_cents(known(0)) < 1


def test_ratio() -> None:
    assert vibrato_ratio(known(40), known(20, pitch_cents=8000)) == pytest.approx(0.5, abs=0.02)
    assert vibrato_ratio(known(40), known(0)) < 0.02
    assert np.isnan(vibrato_ratio(known(5), known(40)))  # none to keep
    assert np.isnan(vibrato_ratio(known(40), np.full(100, np.nan)))  # not heard


def test_other_notes_and_pauses_end_a_tone() -> None:
    pause = np.full(10, np.nan)
    tones = held_tones(
        np.concatenate([known(20), pause, known(20), known(20) + 200, known(0)[:20]])
    )
    assert [(each.start, len(each.pitch_cents)) for each in tones] == [
        (0, 100),
        (110, 100),
        (210, 100),
    ]


def test_noise_and_silence_hold_no_tone() -> None:
    for sound in (noise(1.0), np.zeros(RATE, np.float32)):
        assert not held_tones(pitch_curve_cents(Audio(sound, RATE)))
