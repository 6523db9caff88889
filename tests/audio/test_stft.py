import librosa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sounds import melody

from cambiata.audio.stft import Stft, Window


@pytest.mark.parametrize("window", ["hann", "blackman"])
@pytest.mark.parametrize(("n_fft", "hop_length"), [(512, 128), (2048, 512), (1024, 128)])
def test_agrees_with_librosa(window: Window, n_fft: int, hop_length: int) -> None:
    sound = melody([60, 67])
    ours = Stft(n_fft, hop_length, window).analyse(sound)
    theirs = librosa.stft(
        sound, n_fft=n_fft, hop_length=hop_length, window=window, pad_mode="constant"
    )
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_a_window_shorter_than_the_transform_agrees_with_librosa() -> None:
    # SS-VQ-VAE's front end: the hop divides the window, not the transform.
    sound = melody([60, 67])
    stft = Stft(2048, 500, "hann", win_length=2000)
    theirs = librosa.stft(
        sound, n_fft=2048, hop_length=500, win_length=2000, window="hann", pad_mode="constant"
    )
    np.testing.assert_allclose(stft.analyse(sound), theirs, atol=1e-4)
    again = stft.synthesise(stft.analyse(sound), len(sound))
    np.testing.assert_allclose(again[:-500], sound[:-500], atol=1e-5)


@pytest.mark.parametrize("win_length", [2001, 1900, 4096, 8])
def test_a_window_that_does_not_fit_is_refused(win_length: int) -> None:
    with pytest.raises(ValueError, match="win_length"):
        Stft(2048, 500, "hann", win_length)


@given(n=st.integers(600, 5000), window=st.sampled_from(["hann", "blackman", "gauss"]))
def test_synthesis_inverts_analysis(n: int, window: Window) -> None:
    sound = np.random.default_rng(n).normal(size=n).astype(np.float32)
    stft = Stft(512, 64, window)
    again = stft.synthesise(stft.analyse(sound), n)
    assert again.shape == sound.shape
    # The last samples lie under one window's edge only, where it has faded: hence not to the end.
    covered = (stft.n_frames(n) - 1) * 64
    np.testing.assert_allclose(again[:covered], sound[:covered], atol=1e-4)


def test_synthesis_is_the_least_squares_inverse() -> None:
    # Any other sound's spectrum is further from an arbitrary spectrum than the inverse's.
    rng = np.random.default_rng(0)
    stft = Stft(256, 64)
    shape = (stft.n_bins, stft.n_frames(2048))
    spectrum = (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)
    best = stft.synthesise(spectrum, 2048)

    def distance(sound: np.ndarray) -> float:
        # Full spectra, so bins between 0 and Nyquist count twice.
        difference = np.abs(stft.analyse(sound) - spectrum) ** 2
        return float(difference[[0, -1]].sum() + 2 * difference[1:-1].sum())

    at_best = distance(best)
    for _ in range(5):
        other = best + 0.05 * rng.normal(size=2048).astype(np.float32)
        assert distance(other) > at_best


@pytest.mark.parametrize(("n_fft", "hop_length"), [(511, 64), (512, 100), (0, 1), (512, 0)])
def test_frames_that_do_not_tile_are_refused(n_fft: int, hop_length: int) -> None:
    with pytest.raises(ValueError, match=r"even and a multiple|must be 16"):
        Stft(n_fft, hop_length)


@pytest.mark.parametrize("window", ["hann", "blackman", "gauss"])
def test_gamma_is_that_of_the_nearest_gaussian(window: Window) -> None:
    stft = Stft(2048, 256, window)
    t = np.arange(2048) - 1024
    errors = []
    for factor in (0.9, 1.0, 1.1):
        gaussian = np.exp(-np.pi * t**2 / (factor * stft.gamma))
        errors.append(np.sum((gaussian - stft.samples) ** 2))
    assert np.argmin(errors) == 1


def test_input_is_not_changed() -> None:
    sound = melody([60])
    before = sound.copy()
    spectrum = Stft().analyse(sound)
    copy = spectrum.copy()
    Stft().synthesise(spectrum, len(sound))
    assert np.array_equal(sound, before)
    assert np.array_equal(spectrum, copy)
