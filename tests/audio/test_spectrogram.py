"""Spectrograms against librosa, in blocks and in whole, and their axes."""

import numpy as np
import pytest
from sounds import melody

from cambiata.audio import spectrogram
from cambiata.audio.sound import Audio
from cambiata.audio.source import BLOCK_SAMPLES
from cambiata.audio.spectrogram import (
    N_MELS,
    draw_spectrogram,
    format_time,
    levels,
    measure_spectrogram,
)
from cambiata.drawing.canvas import Canvas, Image, Text


def test_spectrograms_agree_with_librosa() -> None:
    librosa = pytest.importorskip("librosa")
    sound = Audio(melody([60, 64, 67], rate=32000), 32000)
    power = librosa.feature.melspectrogram(
        y=sound.samples[0], sr=32000, n_fft=2048, hop_length=256, n_mels=160, norm=None
    )
    ours = measure_spectrogram(sound, 10_000).db()
    assert ours.shape == power.shape  # short enough for a column each
    theirs = np.maximum(10 * np.log10(power / 512**2 + 1e-30), -100)
    np.testing.assert_allclose(ours, theirs, atol=0.05)


def test_a_sound_of_several_blocks_is_measured_as_one() -> None:
    rng = np.random.default_rng(0)
    noise = Audio(rng.standard_normal((2, 2 * BLOCK_SAMPLES + 77)) / 10, 44100)
    whole = measure_spectrogram(noise, 50)
    assert whole.power.shape == (N_MELS, 50)
    # White noise is the same everywhere: no seam, no lost end.
    by_column = 10 * np.log10(whole.power.mean(axis=0))
    assert np.ptp(by_column) < 1
    region = measure_spectrogram(noise, 10, 44100, 3 * 44100)
    assert region.duration_s == pytest.approx(2.0)


def test_long_sounds_skip_frames_and_keep_their_time() -> None:
    rate, length_s = 8000, 300
    sound = np.zeros(rate * length_s, np.float32)
    sound[rate * 150 :] = 0.1 * np.sin(np.arange(rate * 150) * 0.3)
    power = measure_spectrogram(Audio(sound, rate), 100).power.sum(axis=0)
    loud = power > 0.5 * power.max()
    assert not loud[:50].any()
    assert loud[50:].all()


@pytest.mark.parametrize("hop", [256, 2048, 5000])
@pytest.mark.parametrize("length", [700, 3000, 9999])
def test_frames_lie_where_they_do_in_the_whole(hop: int, length: int) -> None:
    sound = np.arange(1, 50_001, dtype=np.float32)[None]  # each sample says where it is
    n_frames = 1 + sound.shape[1] // hop
    blocks = (sound[:, at : at + length] for at in range(0, sound.shape[1], length))
    found = np.concatenate(list(spectrogram._frames(blocks, hop, n_frames)), axis=1)[0]
    padded = np.pad(sound[0], (1024, 4096))
    expected = [padded[i * hop : i * hop + 2048] for i in range(n_frames)]
    np.testing.assert_array_equal(found, expected)


def test_silence_and_antiphase() -> None:
    silent = measure_spectrogram(Audio(np.zeros(44100), 44100), 320)
    assert (silent.db() == -100).all()
    assert (levels(silent) == 0).all()
    tone = np.sin(np.arange(44100) / 10)
    apart = measure_spectrogram(Audio(np.stack([tone, -tone]), 44100), 320)
    assert apart.db().max() > -3


def test_axes_are_labelled() -> None:
    canvas = Canvas(500, 200)
    sound = measure_spectrogram(Audio(melody([60]), 44100), 300)
    draw_spectrogram(canvas, sound, x=50, y=0, width=400, height=160, axis_s=2 * sound.duration_s)
    texts = [shape.text for shape in canvas.shapes if isinstance(shape, Text)]
    assert {"250", "1k", "8k", "0 s"} <= set(texts)
    (image,) = (shape for shape in canvas.shapes if isinstance(shape, Image))
    assert image.width == pytest.approx(200)
    assert [format_time(t) for t in (0, 9.5, 10, 59.7, 3725)] == [
        *("0 s", "9.5 s", "0:10", "1:00", "1:02:05")
    ]
