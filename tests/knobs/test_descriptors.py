"""Descriptors of timbre, against closed forms."""

import numpy as np
import pytest
from tiny_sets import RATE_HZ, tone

from cambiata.knobs.descriptors import NAMES, describe, readable

BRIGHTNESS, ATTACK, WARMTH, NOISINESS, INHARMONICITY = range(5)
HZ = 440 * 2 ** ((60 - 69) / 12)
T = np.arange(RATE_HZ) / RATE_HZ


def measured(sound: np.ndarray) -> np.ndarray:
    return describe(sound.astype(np.float32), RATE_HZ, 60, 1.0)


def test_brightness_is_the_centroid_of_magnitudes() -> None:
    sound = np.sin(2 * np.pi * HZ * T) + 0.5 * np.sin(2 * np.pi * 4 * HZ * T)
    expected = (HZ + 0.5 * 4 * HZ) / 1.5
    assert readable("brightness", measured(sound)[BRIGHTNESS]) == pytest.approx(expected, rel=0.01)


@pytest.mark.slow
def test_brightness_is_librosas() -> None:
    librosa = pytest.importorskip("librosa")
    sound = tone(60, noise_db=-120)[882:]
    centroid = librosa.feature.spectral_centroid(
        y=sound, sr=RATE_HZ, n_fft=8192, hop_length=2048, window="blackmanharris", center=False
    )
    ours = readable("brightness", measured(sound)[BRIGHTNESS])
    # Theirs goes up to 22 kHz, where there is nothing.
    assert ours == pytest.approx(float(centroid.mean()), rel=0.02)


@pytest.mark.parametrize("rise_s", [0.03, 0.1, 0.4])
def test_attack_is_the_time_of_a_known_ramp(rise_s: float) -> None:
    sound = np.sin(2 * np.pi * HZ * T) * np.clip(T / rise_s, 0, 1)
    # The window of two periods adds to short ones.
    expected = 0.7 * rise_s
    assert readable("attack", measured(sound)[ATTACK]) == pytest.approx(expected, rel=0.1)


def test_warmth_is_the_ratio_of_energies() -> None:
    sound = np.sin(2 * np.pi * HZ * T) + 0.1 * np.sin(2 * np.pi * 5 * HZ * T)
    assert measured(sound)[WARMTH] == pytest.approx(20.0, abs=0.2)


@pytest.mark.parametrize("noise_db", [-50, -30, -10])
def test_noisiness_is_the_level_of_white_noise(noise_db: float) -> None:
    sound = tone(60, noise_db=noise_db, attack_s=1e-4)[882:]
    inside = 10 * np.log10((18000 - HZ / 2) / (RATE_HZ / 2))  # of white noise, what is looked at
    assert measured(sound)[NOISINESS] == pytest.approx(noise_db + inside, abs=1.0)


@pytest.mark.parametrize("stiffness", [3e-5, 3e-4, 3e-3])
def test_inharmonicity_is_that_of_the_string(stiffness: float) -> None:
    sound = tone(60, stiffness=stiffness, noise_db=-60)
    found = readable("inharmonicity", measured(sound)[INHARMONICITY])
    assert found == pytest.approx(stiffness, rel=0.1)


def test_harmonic_sounds_have_no_inharmonicity() -> None:
    for midi in (48, 60, 72):
        found = describe(tone(midi), RATE_HZ, midi, 1.0)
        assert readable("inharmonicity", found[INHARMONICITY]) < 2e-5


def test_levels_change_nothing() -> None:
    sound = tone(60)
    np.testing.assert_allclose(measured(sound), measured(0.01 * sound), atol=0.02)
    assert len(NAMES) == len(measured(sound))
