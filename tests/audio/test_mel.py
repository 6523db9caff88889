import librosa
import numpy as np
import pytest
from sounds import RATE, melody

from cambiata.audio.mel import mel_filters, mel_power, mfcc, power_db, stft_power

RNG = np.random.default_rng(0)
SOUNDS = {
    "noise": RNG.normal(0, 0.1, 16000).astype(np.float32),
    "tones": melody([60, 64, 67], rate=16000),
    "clicks": (RNG.random(9000) > 0.999).astype(np.float32),
}


@pytest.mark.parametrize(
    ("sample_rate", "n_fft", "n_mels", "fmin_hz", "fmax_hz"),
    [
        (16000, 2048, 128, 0.0, None),
        (44100, 2048, 80, 30.0, 8000.0),
        (22050, 1024, 40, 1200.0, None),
        (16000, 400, 12, 0.0, 900.0),
    ],
)
def test_filters_are_librosas(
    sample_rate: int, n_fft: int, n_mels: int, fmin_hz: float, fmax_hz: float | None
) -> None:
    ours = mel_filters(sample_rate, n_fft, n_mels, fmin_hz, fmax_hz)
    theirs = librosa.filters.mel(
        sr=sample_rate, n_fft=n_fft, n_mels=n_mels, fmin=fmin_hz, fmax=fmax_hz
    )
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, atol=1e-7)


@pytest.mark.parametrize(
    ("n_mels", "fmin_hz", "fmax_hz"), [(0, 0.0, None), (8, -1.0, None), (8, 900.0, 900.0)]
)
def test_filters_without_a_range_are_refused(
    n_mels: int, fmin_hz: float, fmax_hz: float | None
) -> None:
    with pytest.raises(ValueError, match="n_mels"):
        mel_filters(16000, 2048, n_mels, fmin_hz, fmax_hz)
    with pytest.raises(ValueError, match="sample_rate / 2"):
        mel_filters(16000, 2048, 8, 0.0, 8001.0)


@pytest.mark.parametrize("name", SOUNDS)
@pytest.mark.parametrize(("n_fft", "hop_length"), [(2048, 512), (2048, 500), (512, 128)])
def test_power_is_librosas(name: str, n_fft: int, hop_length: int) -> None:
    sound = SOUNDS[name]
    theirs = librosa.stft(sound, n_fft=n_fft, hop_length=hop_length, pad_mode="reflect")
    ours = stft_power(sound, n_fft, hop_length)
    np.testing.assert_allclose(ours, np.abs(theirs) ** 2, rtol=1e-3, atol=1e-6 * ours.max())


@pytest.mark.parametrize("name", SOUNDS)
@pytest.mark.parametrize("hop_length", [512, 500])
def test_mel_power_is_librosas(name: str, hop_length: int) -> None:
    ours = mel_power(SOUNDS[name], 16000, hop_length=hop_length)
    theirs = librosa.feature.melspectrogram(
        y=SOUNDS[name], sr=16000, hop_length=hop_length, pad_mode="reflect"
    )
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-6 * theirs.max())


@pytest.mark.parametrize("name", SOUNDS)
def test_decibels_are_librosas(name: str) -> None:
    power = mel_power(SOUNDS[name], 16000)
    np.testing.assert_allclose(power_db(power), librosa.power_to_db(power), atol=1e-4)
    np.testing.assert_allclose(
        power_db(power, 40.0), librosa.power_to_db(power, top_db=40), atol=1e-4
    )


@pytest.mark.parametrize("name", SOUNDS)
def test_cepstra_are_librosas(name: str) -> None:
    ours = mfcc(SOUNDS[name], 16000)
    theirs = librosa.feature.mfcc(
        y=SOUNDS[name], sr=16000, n_mfcc=13, hop_length=500, pad_mode="reflect"
    )
    np.testing.assert_allclose(ours, theirs, atol=0.02)


def test_silence_is_a_floor_of_decibels() -> None:
    silent = np.zeros(4000, np.float32)
    assert not mel_power(silent, 16000).any()
    # Near, not equal: a float32 logarithm is rounded otherwise by every processor.
    np.testing.assert_allclose(power_db(mel_power(silent, 16000)), -100, atol=1e-4)
    assert np.isfinite(mfcc(silent, 16000)).all()


def test_gain_moves_decibels_by_as_much() -> None:
    sound = melody([60, 67])
    louder = power_db(mel_power(4 * sound, RATE)) - power_db(mel_power(sound, RATE))
    np.testing.assert_allclose(louder, 20 * np.log10(4), atol=1e-2)


@pytest.mark.parametrize("n", [1, 2, 3, 700, 1024, 1025])
def test_short_sounds_are_mirrored_as_often_as_it_takes(n: int) -> None:
    sound = RNG.normal(size=n).astype(np.float32)
    # A mirrored sound goes on for ever with a period of 2 (n - 1).
    period = max(1, 2 * (n - 1))
    places = np.arange(-1024, n + 1024) % period
    endless = sound[np.where(places < n, places, period - places)]
    windowed = endless[:2048] * np.hanning(2049)[:-1]
    ours = stft_power(sound)
    assert ours.shape == (1025, 1 + n // 512)
    np.testing.assert_allclose(ours[:, 0], np.abs(np.fft.rfft(windowed)) ** 2, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("shape", [(0,), (1, 4000), (2, 4000)])
def test_what_is_no_mono_sound_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="mono"):
        mel_power(np.zeros(shape, np.float32), 16000)


def test_input_is_not_changed() -> None:
    sound = melody([60])
    before = sound.copy()
    mfcc(sound, RATE)
    power = mel_power(sound, RATE)
    copy = power.copy()
    power_db(power)
    assert np.array_equal(sound, before)
    assert np.array_equal(power, copy)
