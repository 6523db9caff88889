"""What is measured of a style's notes is what they were made of."""

import numpy as np
import pytest
from tones import RATE, note_event, tone
from voices import sung

from cambiata.partials.analysis import (
    choose_frames,
    detect_hits,
    is_pitched,
    measure,
    measure_hits,
    pitch_deviation_cents,
    power_spectrum,
)
from cambiata.partials.note_frames import note_frames, partial_hz
from cambiata.partials.posteriors import BANDS, NoteEvents


@pytest.mark.parametrize("inharmonicity", [0.0, 4e-4])
@pytest.mark.parametrize("pitch", [45, 69])
def test_partials_of_a_steady_tone(pitch: int, inharmonicity: float) -> None:
    sound = tone(pitch, inharmonicity, 2 * RATE)
    power = power_spectrum(sound)
    events = note_event(pitch, 0, len(power), len(power))
    measured, frames, measured_inharmonicity = measure(power, events)
    assert measured_inharmonicity == pytest.approx(inharmonicity, rel=0.1)
    mean_db = 10 * np.log10(np.mean(sound**2))
    steady = (frames.age_s > 0.1) & (frames.age_s < 1.8)
    hz = partial_hz(np.array([pitch]), inharmonicity)[0]
    partials = measured.partials_db[steady][:, hz < 17000]
    expected = -6 * np.log2(np.arange(1, partials.shape[1] + 1)) - mean_db
    assert np.abs(partials - expected).max() < 1.0
    assert measured.mask[steady][:, hz < 17000].min() > 0.9


def test_upper_partials_of_a_piano_s_strings_lie_where_they_are_looked_for() -> None:
    # Inharmonicities of plain strings as Rigaud et al. (JASA 133, 2013) measured them on pianos.
    pitches = np.array([45, 52, 59, 66, 73])
    strings = np.exp(0.0926 * pitches - 13.64)
    t, h = np.arange(RATE // 2) / RATE, np.arange(1, 41)
    notes = []
    for pitch, b in zip(pitches, strings, strict=True):
        hz = 440 * 2 ** ((pitch - 69) / 12) * h * np.sqrt((1 + b * h**2) / (1 + b))
        phases = 2 * np.pi * t[:, None] * hz[hz < 16000] + h[hz < 16000] ** 2
        notes.append(np.sin(phases) @ (1 / h[hz < 16000]))
    power = power_spectrum(np.concatenate(notes).astype(np.float32))
    start = np.arange(5) * 0.5 / BANDS.frame_s
    level = np.zeros((88, len(power)), np.float32)
    events = NoteEvents(pitches, start, start + 0.5 / BANDS.frame_s, *np.ones((2, 5)), level)
    measured = partial_hz(pitches, measure(power, events)[2])
    for upper in (14, 29):
        n = upper + 1
        true_hz = measured[:, 0] * n * np.sqrt((1 + strings * n**2) / (1 + strings))
        below = true_hz < 9000
        assert np.abs(1200 * np.log2(measured[:, upper] / true_hz))[below].max() < 15


def test_who_plays_sharp_has_no_stiff_strings() -> None:
    power = power_spectrum(sung(220 * 2 ** (25 / 1200)))
    events = note_event(57, 0, len(power), len(power))
    assert measure(power, events)[2] == 0


def test_noise_is_measured_between_partials() -> None:
    noise = np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32)
    sound = tone(69, 0.0, 2 * RATE) + 0.01 * noise
    power = power_spectrum(sound)
    measured, frames, _ = measure(power, note_event(69, 0, len(power), len(power)))
    steady = (frames.age_s > 0.1) & (frames.age_s < 1.8)
    # Bands of the bass hold a partial and little else. White noise of variance 1 counts 6 / 4096
    # in every bin of the transform.
    expected = 10 * np.log10(0.01**2 * 6 / 4096 / np.mean(sound**2))
    assert np.abs(measured.noise_db[steady][:, 12:].mean(axis=0) - expected).max() < 3


def test_of_two_notes_the_louder_owns_the_shared_partial() -> None:
    power = power_spectrum(tone(57, 0.0, RATE) + 0.03 * tone(69, 0.0, RATE))
    n = len(power)
    first, second = note_event(57, 0, n, n, 0.0), note_event(69, 0, n, n, -30.0)
    both = NoteEvents(
        np.array([57, 69]),
        np.zeros(2),
        np.full(2, float(n)),
        np.ones(2),
        np.array([0.0, -30.0]),
        np.maximum(first.level_db, second.level_db),
    )
    measured, frames, _ = measure(power, both)
    low, high = measured.mask[frames.pitch == 57], measured.mask[frames.pitch == 69]
    assert low[:, 0].min() > 0.95  # nobody else plays there
    assert low[:, 1].mean() > 0.9 > 0.1 > high[:, 0].mean()  # the octave is the lower note's


def test_attacks_are_chosen_most_of_all() -> None:
    frames = note_frames(note_event(60, 5, 300, 345), 345)
    chosen = choose_frames(frames, 60, np.random.default_rng(0))
    assert len(chosen) == 60
    assert (frames.age_s[chosen] < 0.15).mean() > (frames.age_s < 0.15).mean()


def test_hits_are_found_and_measured_as_noise() -> None:
    rng = np.random.default_rng(1)
    sound = np.zeros(2 * RATE, np.float32)
    for at in (0.25, 0.75, 1.5):
        start = round(at * RATE)
        burst = rng.standard_normal(RATE // 4) * np.exp(-np.arange(RATE // 4) / 2000)
        sound[start : start + len(burst)] += burst
    power = power_spectrum(sound)
    events = detect_hits(power)
    assert np.abs(events.start * BANDS.frame_s - [0.25, 0.75, 1.5]).max() < 0.05
    measured, _ = measure_hits(power, events)
    assert (measured.partials_db == -100).all()
    assert measured.mask.min() == 1


def test_vibrato_and_tuning_are_measured() -> None:
    t = np.arange(2 * RATE) / RATE
    cents = 20 + 25 * np.sin(2 * np.pi * 5 * t)
    phase = 2 * np.pi * np.cumsum(440 * 2 ** (cents / 1200)) / RATE
    sound = sum(np.sin(k * phase) / k for k in range(1, 7)).astype(np.float32)
    power = power_spectrum(sound)
    events = note_event(69, 0, len(power), len(power))
    deviation = pitch_deviation_cents(power, events, len(power))[0]
    expected = np.interp(np.arange(len(power)) * BANDS.frame_s, t, cents)
    steady = slice(6, -6)
    # The window of 93 ms flattens a vibrato of 5 Hz by about a third.
    assert np.abs(deviation[steady] - expected[steady]).max() < 15
    assert np.corrcoef(deviation[steady], expected[steady])[0, 1] > 0.95
    assert np.median(deviation) == pytest.approx(20, abs=5)


def test_bells_have_no_harmonics_and_are_no_drums() -> None:
    """Steady partials where no note has any; bursts of noise between the same notes."""
    rng = np.random.default_rng(0)
    t = np.arange(2 * RATE) / RATE
    fade = np.exp(-2 * (t % 0.5))
    bell = sum(np.sin(2 * np.pi * 523 * ratio * t) for ratio in (2.76, 5.4, 8.93)) * fade
    burst = 3 * rng.standard_normal(len(t)) * np.exp(-40 * (t % 0.25))
    one = np.ones(1)
    n_frames = BANDS.n_frames(len(t))
    events = NoteEvents(
        np.array([69]), 0 * one, 80 * one, one, 0 * one, np.zeros((88, n_frames), np.float32)
    )
    frames = note_frames(events, n_frames)
    assert is_pitched(power_spectrum(bell.astype(np.float32)), frames, 0.0)
    assert not is_pitched(power_spectrum(burst.astype(np.float32)), frames, 0.0)
    assert not is_pitched(power_spectrum(bell.astype(np.float32)), frames[:3], 0.0)
