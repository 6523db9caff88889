"""Drums of recordings: what they are heard by, how hits are found, and the network that ships."""

from pathlib import Path

import numpy as np
import pytest
import scipy.signal

from cambiata import InputError, load_score, transcribe, transcribe_file
from cambiata.arrays import Samples
from cambiata.audio.sound import Audio
from cambiata.transcription.drum_bands import DRUM_BANDS
from cambiata.transcription.drum_hits import (
    GROUPS,
    N_OUTPUTS,
    ONSET_REACH_FRAMES,
    decode_hits,
    pick_peaks,
)
from cambiata.transcription.drums import drum_notes

RATE = 44100
KICK, SNARE, HAT, OPEN, CRASH = 36, 38, 42, 46, 49


def test_a_sine_of_full_scale_is_as_loud_as_the_scale_says() -> None:
    hz = 100 * RATE / DRUM_BANDS.n_fft  # the middle of a bin
    levels = DRUM_BANDS.levels(np.sin(2 * np.pi * hz * np.arange(RATE) / RATE).astype(np.float32))
    assert levels.shape == (DRUM_BANDS.n_bands, 101)
    expected = np.log1p(DRUM_BANDS.scale * DRUM_BANDS.filters[:, 99:102] @ [0.5, 1.0, 0.5])
    assert np.allclose(levels[:, 50], expected, atol=2e-3)
    assert np.allclose(DRUM_BANDS.filters.sum(axis=1), 1, atol=1e-5)


def test_onsets_are_found_between_frames() -> None:
    at = np.arange(100)
    for place in (20.0, 20.3, 49.5, 70.75):
        triangle = np.maximum(0, 1 - np.abs(at - place) / ONSET_REACH_FRAMES).astype(np.float32)
        for height in (1.0, 0.6):
            [found], _ = pick_peaks(height * triangle, 0.3)
            assert found == pytest.approx(place, abs=0.02)
    assert len(pick_peaks(np.zeros(5, np.float32), 0.1)[0]) == 0


def test_outputs_are_decoded_by_drum_and_kind() -> None:
    outputs = np.full((N_OUTPUTS, 60), -9.0, np.float32)
    outputs[GROUPS.index("kick"), 10] = 5
    outputs[GROUPS.index("tom"), 30] = 5
    outputs[GROUPS.index("cymbal"), 50] = 0.2
    outputs[len(GROUPS) :] = 0.5
    outputs[2 * len(GROUPS) + 1, 30] = 2  # the middle tom
    outputs[-1, 50] = 2  # the ride
    hits = decode_hits(outputs, [0.5] * 6)
    assert [(round(h.onset_s, 3), h.key, h.velocity) for h in hits] == [
        (0.1, 36, 0.5),
        (0.3, 47, 0.5),
        (0.5, 51, 0.5),
    ]
    assert len(decode_hits(outputs, [0.5] * 5 + [0.9])) == 2


def artificial_loop(qpm: float = 100.0, n_bars: int = 2) -> tuple[Samples, list[tuple[float, int]]]:
    """A rock beat of hits made by formula [T], and what is struck when."""
    rng = np.random.default_rng(5)
    t = np.arange(RATE) / RATE
    phase = 52 * t + 1.4 * (1 - np.exp(-t / 0.025))
    kick = np.sin(2 * np.pi * phase) * np.exp(-t / 0.09)
    kick[:200] += 0.2 * rng.standard_normal(200) * np.linspace(1, 0, 200)
    noise = rng.standard_normal(RATE)
    high = scipy.signal.sosfilt(scipy.signal.butter(4, 7000, "high", fs=RATE, output="sos"), noise)
    middle = scipy.signal.sosfilt(
        scipy.signal.butter(2, (900, 9000), "band", fs=RATE, output="sos"), noise
    )
    skin = np.sin(2 * np.pi * 190 * t) * np.exp(-t / 0.05)
    snare = 0.6 * skin + 0.5 * middle * np.exp(-t / 0.05)
    hat, open_hat = 0.25 * high * np.exp(-t / 0.012), 0.25 * high * np.exp(-t / 0.15)
    sounds = {KICK: kick, SNARE: snare, HAT: hat, OPEN: open_hat}
    eighth_s, struck = 30 / qpm, []
    for bar in range(n_bars):
        for i in range(8):
            at = (8 * bar + i) * eighth_s + 0.02
            struck.append((at, OPEN if i == 7 else HAT))
            if i in (0, 4, 5):
                struck.append((at, KICK))
            if i in (2, 6):
                struck.append((at, SNARE))
    out = np.zeros(round((8 * n_bars * eighth_s + 1.1) * RATE))
    for at, key in struck:
        first = round(at * RATE)
        out[first : first + RATE] += sounds[key][: len(out) - first]
    return (0.4 * out).astype(np.float32), sorted(struck)


def test_an_artificial_loop_is_transcribed_right() -> None:
    sound, struck = artificial_loop()
    score = transcribe(Audio(sound, RATE), instrument="drums")
    [part] = score.parts
    assert part.is_drum
    # What is struck with a snare may be hidden by it: hats are not counted there.
    snares = [at for at, key in struck if key == SNARE]

    def counted(hits: list[tuple[float, int]]) -> list[tuple[float, int]]:
        under = [min(abs(at - snare) for snare in snares) < 0.03 for at, _ in hits]
        return [
            hit for hit, is_under in zip(hits, under, strict=True) if hit[1] != HAT or not is_under
        ]

    found = counted([(note.start_s, note.pitch) for note in part.notes])
    expected = counted(struck)
    assert sorted(key for _, key in found) == sorted(key for _, key in expected)
    for key in (KICK, SNARE, HAT, OPEN):
        pairs = zip(
            [at for at, each in found if each == key],
            [at for at, each in expected if each == key],
            strict=True,
        )
        assert all(abs(at - true) < 0.01 for at, true in pairs)


def test_a_file_of_drums_is_written_on_channel_10(tmp_path: Path) -> None:
    sound, struck = artificial_loop(n_bars=4)
    Audio(sound, RATE).save(tmp_path / "loop.wav")
    report = transcribe_file(
        tmp_path / "loop.wav", tmp_path / "loop.mid", instrument="drums", tempo="auto"
    )
    assert report.instrument == "drums"
    assert report.tempo == pytest.approx(100, abs=0.5)
    assert report.metre == "4/4"
    [part] = load_score(tmp_path / "loop.mid").parts
    assert part.is_drum
    assert len(part.notes) == report.n_notes >= 0.8 * len(struck)
    with pytest.raises(InputError, match="is not the name of a MIDI file"):
        transcribe_file(tmp_path / "loop.wav", tmp_path / "loop.musicxml", instrument="drums")
    with pytest.raises(InputError, match="has no pedal and no bends"):
        transcribe(Audio(sound, RATE), instrument="drums", bends=True)


def test_silence_and_what_has_no_drums_is_refused() -> None:
    with pytest.raises(InputError, match="is silent; choose a recording with sound"):
        drum_notes(Audio(np.zeros(RATE, np.float32), RATE))
    with pytest.raises(InputError, match=r"lasts 0\.05 s; give at least 0\.1 s"):
        drum_notes(Audio(np.ones(2205, np.float32), RATE))
    with pytest.raises(InputError, match="is not of drums"):
        drum_notes(Audio(np.ones(RATE, np.float32), RATE), weights="listener")


def test_chunks_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    sound, _ = artificial_loop()
    whole, _ = drum_notes(Audio(sound, RATE))
    monkeypatch.setattr("cambiata.transcription.drums._CHUNK_S", 2.0)
    chunked, _ = drum_notes(Audio(sound, RATE))
    assert [n.pitch for n in chunked] == [n.pitch for n in whole]
    assert np.allclose([n.start_s for n in chunked], [n.start_s for n in whole], atol=1e-3)
