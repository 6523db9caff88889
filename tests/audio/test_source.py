"""Regions, blocks and rates of sounds, against librosa."""

import librosa
import numpy as np
import pytest
from sounds import RATE, melody

import cambiata
from cambiata.audio.sound import Audio
from cambiata.audio.source import crop_blocks, pad_or_trim, region, resample


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
def test_resample_agrees_with_librosa(rate: int) -> None:
    sound = melody([60, 67])
    ours = resample(sound[None], RATE, rate)[0]
    theirs = librosa.resample(sound, orig_sr=RATE, target_sr=rate, res_type="soxr_vhq")
    assert ours.shape[0] == round(len(sound) * rate / RATE)
    np.testing.assert_allclose(ours[: len(theirs)], theirs[: len(ours)], atol=1e-5)


@pytest.mark.parametrize(
    ("start_s", "end_s"), [(1.0, 0.5), (0.5, 0.5), (-1.0, None), (9.0, None), (float("nan"), 1.0)]
)
def test_impossible_regions_are_refused(start_s: float, end_s: float | None) -> None:
    with pytest.raises(cambiata.InputError, match="has no region"):
        region(Audio(melody([60]), RATE, name="a.wav"), start_s, end_s)


def test_crop_blocks_reads_no_further_than_needed() -> None:
    read = []

    def blocks():
        for i in range(5):
            read.append(i)
            yield np.full((1, 10), i, np.float32)

    got = np.concatenate(list(crop_blocks(blocks(), 5, 15)), axis=1)
    assert got.tolist() == [[0.0] * 5 + [1.0] * 5]
    assert read == [0, 1]


def test_pad_or_trim_cuts_and_fills() -> None:
    sound = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert pad_or_trim(sound, 2).tolist() == [[0, 1], [3, 4]]
    assert pad_or_trim(sound, 4).tolist() == [[0, 1, 2, 0], [3, 4, 5, 0]]
