"""Our own transfer at run time: right notes, the style's sound, all kinds of styles and options."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sounds import melody

import cambiata
from cambiata.partials.posteriors import BANDS, detect_notes
from cambiata.timbre_transfer.oneshot import OneShot, OneShotConfig
from cambiata.weights import WEIGHTS

EXAMPLES = Path(__file__).parents[2] / "examples"
GOLDEN = Path(__file__).parent / "oneshot_golden.json"
BANDS_HZ = (125, 250, 500, 1000, 2000, 4000, 8000)
RATE = BANDS.sample_rate
PITCHES = [60, 64, 67, 72, 65]
CONTENT = melody(PITCHES, rate=RATE)
STYLE = melody([60, 62, 64, 65, 67, 69, 71, 72], partials=20, rate=RATE)


@pytest.fixture(scope="module")
def system() -> OneShot:
    return OneShot(OneShotConfig())


def played(system: OneShot, content: np.ndarray, style: np.ndarray, **options: Any) -> np.ndarray:
    arguments = {"amount": 1.0, "seed": 0, "progress": lambda _share: None, **options}
    return system.render(content, system.capture(style), **arguments)


def test_the_examples_sound_as_they_did_when_it_was_trained() -> None:
    """The shipped weights; ``PYTHONPATH=tests/support python`` and this file write it."""
    actual, expected = _golden(), json.loads(GOLDEN.read_text())
    assert actual["pitches"] == expected["pitches"]
    levels_db = np.array(expected["levels_db"])
    # Within half a decibel; of what is next to silence, where rounding is heard first, within two.
    near = np.abs(np.array(actual["levels_db"]) - levels_db) < np.where(levels_db > -40, 0.5, 2.0)
    assert near.all()


def _golden() -> dict[str, list[Any]]:
    """Notes heard in the trumpet; levels, by octave and half second, of it played by the cello."""
    content = cambiata.load(EXAMPLES / "trumpet.ogg", end_s=4.0)
    out = cambiata.transfer(content, cambiata.load(EXAMPLES / "cello.flac"), system="oneshot")
    events = detect_notes(content.resampled(RATE).mono().samples[0])
    n = out.sample_rate // 2
    pieces = out.samples[0][: 8 * n].reshape(8, n)
    power = np.square(np.abs(np.fft.rfft(pieces, axis=1)))
    hz = np.fft.rfftfreq(n, 1 / out.sample_rate)
    bands = [power[:, (hz >= low_hz) & (hz < 2 * low_hz)].mean(1) for low_hz in BANDS_HZ]
    levels = 10 * np.log10(np.array(bands) / power.mean())
    return {
        "pitches": events.pitch.tolist(),
        "levels_db": np.round(np.maximum(levels, -60).astype(float), 2).tolist(),
    }


def test_the_notes_are_the_contents(system: OneShot) -> None:
    sound = played(system, CONTENT, STYLE)
    events = detect_notes(sound)
    order = np.argsort(events.start)
    assert events.pitch[order].tolist() == PITCHES
    starts_s = events.start[order] * BANDS.frame_s
    assert np.abs(starts_s - 0.4 * np.arange(len(PITCHES))).max() < 0.03


def test_the_sound_is_the_styles(system: OneShot) -> None:
    def high_share(sound: np.ndarray) -> float:
        power = np.abs(np.fft.rfft(sound)) ** 2
        hz = np.fft.rfftfreq(len(sound), 1 / RATE)
        return float(power[hz > 3000].sum() / power.sum())

    dull = played(system, CONTENT, melody([60, 62, 64, 65, 67], partials=2, rate=RATE))
    assert high_share(played(system, CONTENT, STYLE)) > 5 * high_share(dull)


def test_octaves() -> None:
    for octave, shift in (("1", 12), ("-1", -12)):
        moved = OneShot(OneShotConfig(octave=octave))
        events = detect_notes(played(moved, CONTENT, STYLE))
        assert sorted(events.pitch) == sorted(p + shift for p in PITCHES)
    low = melody([36, 38, 40, 41, 43], partials=20, rate=RATE)
    events = detect_notes(played(OneShot(OneShotConfig(octave="auto")), CONTENT, low))
    assert np.median(events.pitch) == pytest.approx(np.median(PITCHES) - 24, abs=2)


LOW = melody([36, 38, 40, 41, 43], partials=20, rate=RATE)


def _heard(sound: cambiata.Audio) -> list[int]:
    events = detect_notes(sound.samples[0])
    return events.pitch[np.argsort(events.start)].tolist()


def test_notes_are_moved_by_semitones_and_to_keys() -> None:
    content, style = cambiata.Audio(CONTENT, RATE), cambiata.Audio(STYLE, RATE)
    moved = cambiata.transfer(content, style, transpose=-3)
    assert _heard(moved) == [pitch - 3 for pitch in PITCHES]
    # C E G c F is in C major.
    moved = cambiata.transfer(content, style, to_key="D")
    assert _heard(moved) == [pitch + 2 for pitch in PITCHES]


def test_one_octave_is_chosen_for_all_of_a_content_and_said(tmp_path: Path) -> None:
    # Chunk by chunk the low half would be moved by one octave, the high half by three.
    tune = np.concatenate(
        [melody([50, 52, 53] * 3, rate=RATE), melody([72, 74, 76] * 2, rate=RATE)]
    )
    cambiata.Audio(tune, RATE).save(tmp_path / "tune.wav")
    cambiata.Audio(LOW, RATE).save(tmp_path / "low.wav")
    for name, octave in (("asis", None), ("auto", "auto")):
        report = cambiata.transfer_file(
            *(tmp_path / "tune.wav", tmp_path / "low.wav", tmp_path / f"{name}.wav"),
            octave=octave,
            settings={"chunk_s": 2.0},
        )
        if octave is None:
            assert (report.transposed, report.octaves_above_style) == (0, 1)
        else:
            assert (report.transposed, report.octaves_above_style) == (-12, 0)
    before, after = (_heard(cambiata.load(tmp_path / f"{n}.wav")) for n in ("asis", "auto"))
    assert [round(a - b) for a, b in zip(after, before, strict=False)][:3] == [-12] * 3
    assert np.median(after[-3:]) == pytest.approx(np.median(before[-3:]) - 12, abs=1)


def test_the_key_that_was_found_is_said(tmp_path: Path) -> None:
    for name, sound in (("tune.wav", CONTENT), ("style.wav", STYLE)):
        cambiata.Audio(sound, RATE).save(tmp_path / name)
    report = cambiata.transfer_file(
        *(tmp_path / "tune.wav", tmp_path / "style.wav", tmp_path / "out.wav"), to_key="Bb"
    )
    assert (report.transposed, report.key) == (-2, "C major")


def test_dynamics_of_the_content_or_the_style() -> None:
    loud, soft = (melody([p], rate=RATE) for p in (60, 67))
    content = np.concatenate([loud, 0.1 * soft, loud, 0.1 * soft])

    def ratio_db(dynamics: str) -> float:
        sound = played(OneShot(OneShotConfig(dynamics=dynamics)), content, STYLE)
        a, b, c, d = (np.mean(piece**2) for piece in np.split(sound, 4))
        return float(10 * np.log10((a + c) / (b + d)))

    # The style plays all its notes alike; 20 dB of the content are heard as fewer.
    assert ratio_db("content") > ratio_db("style") + 3


def _drums() -> np.ndarray:
    rng = np.random.default_rng(0)
    drums = np.zeros(2 * RATE, np.float32)
    for at in range(0, 2 * RATE, RATE // 3):
        burst = rng.standard_normal(RATE // 6) * np.exp(-np.arange(RATE // 6) / 1500)
        drums[at : at + len(burst)] += 0.3 * burst[: len(drums) - at]
    return drums


def test_a_style_without_pitch_lends_its_noise(system: OneShot) -> None:
    [(_, memory)] = system.capture(_drums())
    assert (memory.measured.partials_db <= -100).all()
    sound = played(system, CONTENT, _drums())
    assert np.isfinite(sound).all()
    power = np.abs(np.fft.rfft(sound[: 2 * RATE])) ** 2 + 1e-12
    # Far from a comb of partials: noise.
    assert np.exp(np.log(power).mean()) / power.mean() > 0.01


@pytest.mark.parametrize(("drums_db", "pitched"), [(-30, True), (20, False)])
def test_drums_with_some_notes_in_them_are_drums(
    drums_db: float, pitched: bool, system: OneShot
) -> None:
    drums, tune = _drums(), STYLE[: 2 * RATE]
    gain = 10 ** (drums_db / 20) * tune.std() / drums.std()
    [(_, memory)] = system.capture((tune + gain * drums).astype(np.float32))
    assert (memory.measured.partials_db > -100).any() == pitched


def test_vibrato_and_tuning_are_the_contents(system: OneShot) -> None:
    t = np.arange(2 * RATE) / RATE
    phase = 2 * np.pi * 440 * 2 ** (30 / 1200) * t
    content = (sum(np.sin(k * phase) / k for k in range(1, 7)) * 0.1).astype(np.float32)
    sound = played(system, content, STYLE)
    piece = sound[RATE // 2 : 3 * RATE // 2] * np.hanning(RATE)
    peak_hz = np.argmax(np.abs(np.fft.rfft(piece, 8 * RATE))[: 8 * 600]) / 8
    octave = 2.0 ** np.round(np.log2(peak_hz / 440))
    assert 1200 * np.log2(peak_hz / 440 / octave) == pytest.approx(30, abs=8)


def test_a_detuned_content_keeps_every_note_and_its_tuning() -> None:
    flat = [pitch - 0.48 for pitch in (60, 64, 67)]
    content = cambiata.Audio(melody(flat, 8, RATE), RATE)
    with pytest.warns(cambiata.CambiataWarning, match="cents flat.*its tuning is kept"):
        sound = cambiata.transfer(content, cambiata.Audio(STYLE, RATE)).samples[0]
    for i, pitch in enumerate(flat):
        piece = sound[round((0.4 * i + 0.1) * RATE) : round((0.4 * i + 0.3) * RATE)]
        spectrum = np.abs(np.fft.rfft(piece * np.hanning(len(piece)), 8 * RATE))
        hz = 440 * 2 ** ((pitch - 69) / 12)
        near = np.arange(round(8 * hz * 0.94), round(8 * hz * 1.06))
        assert 1200 * np.log2(near[spectrum[near].argmax()] / 8 / hz) == pytest.approx(0, abs=15)
        assert np.sqrt(np.mean(piece**2)) > 0.3 * np.sqrt(np.mean(sound**2))


def test_channels_with_equal_notes_keep_the_middle(system: OneShot) -> None:
    left = played(system, CONTENT, STYLE)
    right = played(system, 0.5 * CONTENT, STYLE)
    assert np.corrcoef(left, right)[0, 1] > 0.99


def test_silence_and_noise_as_content_are_no_trouble(system: OneShot) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    for content in (noise, np.zeros(RATE, np.float32)):
        assert np.isfinite(played(system, content, STYLE)).all()


def test_what_ships_is_small() -> None:
    names = ("listener.onnx", "oneshot.onnx", "oneshot.style.onnx", "oneshot.refine.onnx")
    sizes = [len(files("cambiata").joinpath("shipped", name).read_bytes()) for name in names]
    assert sum(sizes) < 45e6
    cards = [WEIGHTS[name].card for name in ("oneshot", "listener")]
    assert cards == ["docs/models/oneshot.md", "docs/models/transcription.md"]


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(_golden(), indent=1) + "\n")
