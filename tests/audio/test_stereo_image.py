"""An image laid upon another sound: where it lies, how wide it is, and what is no image."""

import numpy as np
import pytest

from cambiata.audio.stereo_image import StereoMeter, with_image

RATE = 22050


def noise(seed: int, low_hz: float = 0, high_hz: float = RATE / 2) -> np.ndarray:
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(2 * RATE))
    hz = np.fft.rfftfreq(2 * RATE, 1 / RATE)
    spectrum[(hz < low_hz) | (hz >= high_hz)] = 0
    return (0.1 * np.fft.irfft(spectrum)).astype(np.float32)


def panned(*parts: tuple[np.ndarray, float, float]) -> np.ndarray:
    return np.stack(
        [sum(left * x for x, left, _ in parts), sum(right * x for x, _, right in parts)]
    )


def metered(sound: np.ndarray) -> StereoMeter:
    meter = StereoMeter()
    for first in range(0, sound.shape[1], 5000):
        meter.add(sound[:, first : first + 5000])
    return meter


def side_over_mid_db(sound: np.ndarray) -> float:
    return 10 * np.log10(np.mean((sound[0] - sound[1]) ** 2) / np.mean((sound[0] + sound[1]) ** 2))


def test_the_width_is_the_contents() -> None:
    content = panned((noise(1), 1, 1), (noise(2), 0.25, -0.25), (noise(3, 0, 500), 0.6, 0.1))
    out = with_image(noise(4)[None], content, RATE)
    assert out.shape == content.shape
    assert side_over_mid_db(out) == pytest.approx(side_over_mid_db(content), abs=0.05)
    assert metered(content).side_over_mid == pytest.approx(
        10 ** (side_over_mid_db(content) / 10), rel=1e-3
    )


def test_bands_lie_where_the_contents_do() -> None:
    content = panned((noise(1, 0, 1000), 1, 0.5), (noise(2, 4000), 0.5, 1))
    for low_hz, high_hz, louder in ((0, 800, 0), (5000, RATE / 2, 1)):
        out = with_image(noise(3, low_hz, high_hz)[None], content, RATE)
        level_db = 10 * np.log10(np.mean(out**2, axis=1))
        assert level_db[louder] - level_db[1 - louder] == pytest.approx(6, abs=1)


def test_a_channel_without_sound_gets_none_and_time_is_kept() -> None:
    half = np.arange(2 * RATE) < RATE
    left = noise(1) * half
    content = np.stack([left, noise(1) - left]).astype(np.float32)
    out = with_image(noise(2)[None], content, RATE)
    level_db = 10 * np.log10(np.mean(out.reshape(2, 2, RATE)[..., 4000:-4000] ** 2, axis=2) + 1e-13)
    assert level_db[0, 0] > level_db[0, 1] + 40
    assert level_db[1, 1] > level_db[1, 0] + 40


@pytest.mark.parametrize(
    ("content", "is_one"),
    [
        (panned((noise(1), 1, 0.8), (noise(2), 0.2, -0.2)), True),
        (panned((noise(1), 1, -1), (noise(2), 0.1, 0.1)), True),
        (panned((noise(1), 1, 0), (noise(2), 0, 1)), False),  # two sounds
        (panned((noise(1), 1, 1)), False),  # one: played once anyhow
    ],
)
def test_what_is_one_image(content: np.ndarray, is_one: bool) -> None:
    assert metered(content).is_one_image == is_one


def test_other_numbers_of_channels_have_no_image() -> None:
    assert not metered(noise(1)[None]).is_one_image
    assert not metered(np.stack([noise(1)] * 3)).is_one_image


def test_where_sounds_end_in_silence_there_is_silence() -> None:
    rng = np.random.default_rng(0)
    bursts = np.zeros(2 * RATE, np.float32)
    for start in range(1000, 2 * RATE - 4000, 4000):  # running sums keep a rest of each, often < 0
        level = 10 ** rng.uniform(-4, 0)
        bursts[start : start + 700] = level * rng.standard_normal(700) * np.hanning(700)
    out = with_image(bursts[None], panned((bursts, 1, 0.3), (bursts[::-1], 0.1, 0.2)), RATE)
    assert np.isfinite(out).all()
