"""Noise of held notes is lowered to the style's by what is played; attacks are left."""

import numpy as np
import pytest

from cambiata.partials.analysis import power_spectrum
from cambiata.partials.background import (
    StyleNoise,
    between_power,
    breath_ratio_db,
    held_frames,
)
from cambiata.partials.bands import band_hz
from cambiata.partials.noise_bounds import lowered_noise
from cambiata.partials.note_frames import N_NOISE, NoteFrames, note_frames
from cambiata.partials.posteriors import BANDS, N_PITCHES, NoteEvents
from cambiata.partials.synthesis import PER_FRAME, Played

RATE = BANDS.sample_rate
N_SAMPLES = 6 * RATE
T = np.arange(N_SAMPLES) / RATE
TONE = sum(np.sin(2 * np.pi * 440 * h * T) / h for h in range(1, 9)).astype(np.float32)
NOISE = np.random.default_rng(0).standard_normal(N_SAMPLES).astype(np.float32)
SILENCE = np.zeros(N_SAMPLES, np.float32)


def frames() -> NoteFrames:
    """Note frames of two notes of 3 s."""
    start = np.array([0.0, 3.0]) / BANDS.frame_s
    level = np.zeros((N_PITCHES, BANDS.n_frames(N_SAMPLES)), np.float32)
    events = NoteEvents(
        np.full(2, 69), start, start + 2.9 / BANDS.frame_s, np.ones(2), np.zeros(2), level
    )
    return note_frames(events, level.shape[1], PER_FRAME)


def style(noise_db: float) -> StyleNoise:
    """Noise of a style, measured: the tone with noise at a level."""
    sound = TONE + np.float32(10 ** (noise_db / 20)) * NOISE[::-1]
    total = power_spectrum(sound).sum(axis=1)
    held = held_frames(frames(), len(total))
    return StyleNoise(
        np.full(N_NOISE, -130, np.float32), breath_ratio_db(between_power(sound), total, held)
    )


@pytest.mark.parametrize(("style_db", "lowered_db"), [(-38, 7), (-60, 12), (-20, 0)])
def test_noise_is_lowered_to_a_decibel_above_the_styles(style_db: float, lowered_db: float) -> None:
    noise = np.float32(10 ** (-30 / 20)) * NOISE
    out = lowered_noise(Played(TONE, noise, SILENCE), frames(), style(style_db), None)
    left = out - TONE
    for start_s in (1.0, 4.0):
        held = slice(round(start_s * RATE), round((start_s + 1) * RATE))
        change_db = 20 * np.log10(left[held].std() / noise[held].std())
        assert change_db == pytest.approx(-lowered_db, abs=0.7)
    attack = slice(round(3.0 * RATE), round(3.04 * RATE))
    assert left[attack].std() == pytest.approx(noise[attack].std(), rel=0.05)


def test_what_the_equaliser_will_raise_is_lowered_as_far() -> None:
    played = Played(TONE, np.float32(10 ** (-35 / 20)) * NOISE, SILENCE)
    # A style of white spectrum, by which all above the tone is raised.
    plain, raised = (
        lowered_noise(played, frames(), style(-38), style_db)
        for style_db in (None, np.zeros(len(band_hz()), np.float32))
    )
    held = slice(RATE, 2 * RATE)
    difference_db = 20 * np.log10((plain - TONE)[held].std() / (raised - TONE)[held].std())
    assert difference_db > 2
