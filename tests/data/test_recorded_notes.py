"""Banks of recorded notes: pitches by names and key maps, levels, transposition."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from tiny_fonts import (
    RATE_HZ,
    plucked,
    sustained,
)

from cambiata.audio.sound import Audio
from cambiata.data.bank import Bank
from cambiata.data.recorded_notes import build_from_recordings, parse_pitch
from cambiata.data.soundfont import SoundSource
from cambiata.errors import CambiataWarning, InputError
from cambiata.score.midi import Note

FRAME = RATE_HZ // 100
MINE = SoundSource("mine", "CC0", "train")


def _frame_db(sound: np.ndarray) -> np.ndarray:
    frames = sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME)
    return 10 * np.log10(np.mean(frames.astype(np.float64) ** 2, axis=1) + 1e-14)


@pytest.mark.parametrize(
    ("name", "pitch"),
    [
        ("C4", 60),
        ("Fs4", 66),
        ("G#3", 56),
        ("Bb2", 46),
        ("A_062__D4_3", 62),
        ("LEVEL3_CLOSE_60", 60),
        ("Piano A0 v3", 21),
        ("C-1", 0),
        ("B9", None),
        ("C-3", None),
        ("note 200", None),
        ("piano", None),
        ("take 3", None),
    ],
)
def test_pitches_of_names(name: str, pitch: int | None) -> None:
    assert parse_pitch(name) == pitch


def _recorded(folder: Path, **pitches: int) -> Path:
    folder.mkdir(exist_ok=True)
    for stem, pitch in pitches.items():
        silence = np.zeros(RATE_HZ // 5)
        sound = np.concatenate([silence, plucked(pitch, 2.0)]).astype(np.float32)
        Audio(sound, RATE_HZ).save(folder / f"{stem}.wav", force=True)
    return folder


def _frequency_hz(sound: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(sound[:RATE_HZ] * np.hanning(RATE_HZ), 4 * RATE_HZ))
    return float(spectrum.argmax()) / 4


def test_recordings_become_a_bank(tmp_path: Path) -> None:
    folder = _recorded(tmp_path / "harp", C4=60, E4=64)
    built = build_from_recordings(folder, tmp_path / "bank", MINE)
    instrument = built.instrument(0)
    assert instrument.name == "harp"
    assert instrument.pitches == tuple(range(57, 68))
    for pitch in (57, 60, 62, 64, 67):
        sustained = instrument.sustained(pitch, 80).samples
        assert _frequency_hz(sustained) == pytest.approx(440 * 2 ** ((pitch - 69) / 12), rel=0.003)
        assert (
            np.abs(sustained[: RATE_HZ // 100]).max() > 0.2 * np.abs(sustained).max()
        )  # its silence is cut
    assert Bank(tmp_path / "bank").source == MINE
    # A second time it is as it was, and more recordings are another bank.
    build_from_recordings(folder, tmp_path / "bank", MINE)
    _recorded(folder, G4=67)
    with pytest.raises(InputError, match="of another make"):
        build_from_recordings(folder, tmp_path / "bank", MINE)
    again = build_from_recordings(folder, tmp_path / "bank", MINE, force=True)
    assert again.instrument(0).pitches[-1] == 70


def test_transposed_recordings_are_held_as_long(tmp_path: Path) -> None:
    steady = np.tile(sustained()[0][1000:2000], 400).astype(np.float32)
    (tmp_path / "organ").mkdir()
    Audio(steady, RATE_HZ).save(tmp_path / "organ" / "A4.wav")
    instrument = build_from_recordings(tmp_path / "organ", tmp_path / "bank", MINE).instrument(0)
    for pitch in (66, 69, 72):
        sound = instrument.play([Note(0.0, 5.0, pitch)], 5 * RATE_HZ)
        assert _frame_db(sound).min() > _frame_db(sound).max() - 12
        assert np.abs(np.diff(sound)).max() <= 1.2 * np.abs(np.diff(sound[:RATE_HZ])).max()


def test_key_map_knows_better_than_names(tmp_path: Path) -> None:
    folder = _recorded(tmp_path / "sitar", S1=50, S2=62, S3=64)
    (folder / "map.sfz").write_text(
        "// <region> sample=S1.wav pitch_keycenter=10\n<group> lovel=1\n"
        "<region> sample=..\\x\\S1.wav lokey=48 hikey=52 pitch_keycenter=d3 key=90\n"
        "<region> key=62 sample=S2.flac <group> pitch_keycenter=1\n"
    )
    with pytest.warns(CambiataWarning, match=r"1 of 3 files not used: S3\.wav: neither"):
        built = build_from_recordings(folder, tmp_path / "bank", MINE)
    sounds = built.instrument(0)
    assert (sounds.pitches[0], sounds.pitches[-1]) == (47, 65)
    assert _frequency_hz(sounds.sustained(50, 80).samples) == pytest.approx(146.8, rel=0.003)
    assert _frequency_hz(sounds.sustained(62, 80).samples) == pytest.approx(293.7, rel=0.003)


def test_levels_become_velocities(tmp_path: Path) -> None:
    folder = tmp_path / "piano"
    folder.mkdir()
    for level in (1, 2, 3):
        sound = np.float32(0.2 * level) * plucked(60).astype(np.float32)
        Audio(sound, RATE_HZ).save(folder / f"LEVEL{level}_60.wav")
    instrument = build_from_recordings(folder, tmp_path / "bank", MINE).instrument(0)
    at_c4 = instrument.table[instrument.table["pitch"] == 60]
    assert list(at_c4["velocity"]) == [40, 80, 120]
    peaks = [np.abs(instrument.sustained(60, velocity).samples).max() for velocity in (40, 80, 120)]
    np.testing.assert_allclose(np.array(peaks) / peaks[0], [1, 2, 3], rtol=0.01)


def test_unusable_recordings_are_named_and_left_out(tmp_path: Path) -> None:
    folder = _recorded(tmp_path / "harp", C4=60, noname=64)
    (folder / "D4.wav").write_bytes(b"no sound")
    (folder / "E4.wav").write_bytes(b"")
    Audio(np.zeros(4410, np.float32), RATE_HZ).save(folder / "F4.wav")
    Audio(np.float32(plucked(60)), RATE_HZ).save(folder / "C-1.wav")
    (folder / "readme.txt").write_text("not a recording")
    with pytest.warns(CambiataWarning, match="5 of 6 files not used") as caught:
        built = build_from_recordings(folder, tmp_path / "bank", MINE)
    message = str(caught[0].message)
    for name in ("C-1.wav", "D4.wav", "E4.wav", "F4.wav: is silent", "noname.wav"):
        assert name in message
    assert caught[0].filename == __file__
    assert built.instrument(0).pitches == tuple(range(57, 64))


def test_recordings_without_a_usable_note_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "nothing"
    folder.mkdir()
    with pytest.raises(InputError, match="holds no usable note"):
        build_from_recordings(folder, tmp_path / "bank", MINE)
    (folder / "C4.wav").write_bytes(b"no sound")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CambiataWarning)
        with pytest.raises(InputError, match="holds no usable note"):
            build_from_recordings(folder, tmp_path / "bank", MINE)
    assert not (tmp_path / "bank").exists()
