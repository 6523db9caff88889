"""Spectrograms of the report against librosa."""

import numpy as np
import pytest
from sounds import melody

from cambiata.audio.sound import Audio
from cambiata.evaluate.report_sounds import mel_db

pytest.importorskip("matplotlib")


def test_spectrograms_agree_with_librosa() -> None:
    import librosa

    sound = Audio(melody([60, 64, 67], rate=32000), 32000)
    power = librosa.feature.melspectrogram(
        y=sound.samples[0], sr=32000, n_fft=2048, hop_length=256, n_mels=160, norm=None
    )
    ours = mel_db(sound)
    assert ours.shape == power.shape  # short enough for a column each
    theirs = np.maximum(10 * np.log10(power / 512**2 + 1e-30), -100)
    np.testing.assert_allclose(ours, theirs, atol=0.05)


def test_spectrograms_of_long_and_silent_sounds() -> None:
    assert mel_db(Audio(np.zeros(10 * 44100), 44100)).tolist() == [[-100.0] * 320] * 160
