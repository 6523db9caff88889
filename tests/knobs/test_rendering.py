"""Notes of parameters: what they say is what sounds."""

import numpy as np
import pytest
from tiny_sets import PLAIN, changed

from cambiata.knobs.descriptors import NAMES, describe
from cambiata.knobs.parameters import (
    BLOCKS,
    DECAY_AGES_S,
    ENVELOPE_PLACES,
    N_NOISE,
    N_PARAMETERS,
    SoundParameters,
)
from cambiata.knobs.rendering import LEAD_S, SAMPLE_RATE, release_s, render_note


def held(sound: SoundParameters, midi: float = 60, seconds: float = 1.0) -> np.ndarray:
    begin = round(LEAD_S * SAMPLE_RATE)
    return render_note(sound, midi, seconds)[begin : begin + round(seconds * SAMPLE_RATE)]


def described(sound: SoundParameters, midi: float = 60) -> dict[str, float]:
    return dict(zip(NAMES, describe(held(sound, midi), SAMPLE_RATE, midi, 1.0), strict=True))


def test_partials_lie_at_the_pitch_and_fall_as_told() -> None:
    spectrum = np.abs(np.fft.rfft(held(PLAIN)[SAMPLE_RATE // 4 :] * np.hanning(33075))) ** 2
    hz = np.fft.rfftfreq(33075, 1 / SAMPLE_RATE)
    levels = []
    for h in (1, 2, 4, 8):
        near = np.flatnonzero(np.abs(hz - 261.63 * h) < 40)
        top = near[np.argmax(spectrum[near])]
        assert hz[top] == pytest.approx(261.63 * h, abs=1.5)
        levels.append(10 * np.log10(spectrum[near].sum()))
    np.testing.assert_allclose(np.diff(levels), -9.0, atol=0.1)


def test_decays_are_as_fast_as_told() -> None:
    decay = np.tile(-20.0 * (DECAY_AGES_S[1:] - DECAY_AGES_S[0]), (3, 1))
    sound = held(changed(decay_db=decay), seconds=3.0)
    levels = [20 * np.log10(np.std(sound[round(s * SAMPLE_RATE) :][:2048])) for s in (0.5, 1, 2.5)]
    # Beyond the last age, too.
    np.testing.assert_allclose(np.diff(levels), [-10, -30], atol=0.6)


def test_high_notes_decay_faster() -> None:
    decay = np.tile(-20.0 * (DECAY_AGES_S[1:] - DECAY_AGES_S[0]), (3, 1))
    sound = held(changed(decay_db=decay), midi=84)
    levels = [20 * np.log10(np.std(sound[round(s * SAMPLE_RATE) :][:2048])) for s in (0.3, 0.6)]
    assert levels[1] - levels[0] == pytest.approx(-12, abs=0.6)  # by the root of the ratio: twice


@pytest.mark.parametrize(
    ("name", "values", "expected", "within"),
    [
        # 20 to 90 % of a rise of 0.1 s are half of it.
        ("attack", {"attack": np.full(3, -1.0)}, np.log10(0.05), 0.06),
        # Twelve bands, but for what lies below half of the pitch, nearly two of them.
        ("noisiness", {"noise_db": np.full(N_NOISE, -30.0)}, -30 + 10 * np.log10(10.3), 0.7),
        ("inharmonicity", {"inharmonicity": -3.5}, -3.5, 0.03),
    ],
)
def test_parameters_are_what_is_measured(
    name: str, values: dict[str, object], expected: float, within: float
) -> None:
    assert described(changed(**values))[name] == pytest.approx(expected, abs=within)


def test_notes_are_equally_loud_whatever_the_sound_and_let_go() -> None:
    dull = changed(envelope_db=-30.0 * np.maximum(ENVELOPE_PLACES, 0))
    levels = [np.std(held(sound)[SAMPLE_RATE // 4 :]) for sound in (PLAIN, dull)]
    assert levels[0] == pytest.approx(levels[1], rel=0.02)
    note = render_note(PLAIN, 60, 0.5)
    assert release_s(PLAIN) == pytest.approx(0.6)
    assert len(note) == pytest.approx((0.5 + 0.6 + LEAD_S) * SAMPLE_RATE, abs=1)
    after = note[round((LEAD_S + 0.5 + 0.3) * SAMPLE_RATE) :][:2048]
    assert 20 * np.log10(np.std(after) / levels[0]) == pytest.approx(-35.5, abs=0.5)
    assert np.abs(note[-20:]).max() < 1e-5


def test_soft_notes_are_softer_and_duller() -> None:
    soft, loud = (render_note(PLAIN, 60, 0.5, velocity) for velocity in (30, 120))
    assert 20 * np.log10(np.std(loud) / np.std(soft)) == pytest.approx(40 * np.log10(4), abs=0.7)
    centroids = [describe(x, SAMPLE_RATE, 60, 0.5)[0] for x in (soft, loud)]
    assert centroids[0] < centroids[1] - 0.2


def test_a_seed_gives_the_same_bytes() -> None:
    noisy = changed(noise_db=np.full(N_NOISE, -20.0))
    one, same, other = (render_note(noisy, 60, 0.2, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_vectors_go_there_and_back() -> None:
    assert len(PLAIN.vector()) == N_PARAMETERS == sum(block.size for block in BLOCKS)
    np.testing.assert_array_equal(SoundParameters.of(PLAIN.vector()).vector(), PLAIN.vector())
