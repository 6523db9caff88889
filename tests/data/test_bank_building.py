"""Banks of sound fonts: notes as the font has them, and builds that go on where they stopped."""

import json
from pathlib import Path

import numpy as np
import pytest
from tiny_fonts import (
    RATE_HZ,
    Program,
    Zone,
    fluidsynth,
    plucked,
    sustained,
    tiny_programs,
    write_font,
)

from cambiata.audio.sound import Audio
from cambiata.data import bank_building, soundfont
from cambiata.data.bank import HOLD_S, Bank
from cambiata.data.bank_building import build_bank, build_from_font
from cambiata.data.soundfont import KNOWN_FONTS, SoundSource, installed_fonts
from cambiata.errors import InputError
from cambiata.score.midi import Note

FRAME = RATE_HZ // 100


@pytest.fixture(scope="module")
def font(tmp_path_factory: pytest.TempPathFactory) -> Path:
    fluidsynth()
    return write_font(tmp_path_factory.mktemp("fonts") / "tiny.sf2", tiny_programs())


@pytest.fixture(scope="module")
def bank(font: Path, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return build_from_font(
        font, tmp_path_factory.mktemp("banks") / "tiny", velocities=(40, 100), n_workers=1
    )


def _frame_db(sound: np.ndarray) -> np.ndarray:
    frames = sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME)
    return 10 * np.log10(np.mean(frames.astype(np.float64) ** 2, axis=1) + 1e-14)


def _attacked_s(sound: np.ndarray, about_s: float) -> float:
    """When a note's envelope first reaches a tenth of what it does within 60 ms."""
    window = RATE_HZ // 1000
    first = max(0, round((about_s - 0.02) * RATE_HZ))
    near = np.abs(sound[first : round((about_s + 0.06) * RATE_HZ)])
    envelope = np.lib.stride_tricks.sliding_window_view(near, window).max(axis=1)
    return (first + int(np.argmax(envelope >= 0.1 * envelope.max()))) / RATE_HZ


def test_release_is_the_fonts(bank: Bank) -> None:
    # FluidSynth releases by 96 dB in the time that the font gives.
    for program, pitch, release_s in ((40, 69, 0.5), (73, 66, 2.0), (0, 62, 0.2)):
        slope_db_s = bank.instrument(program).sustained(pitch, 100).release_db_s
        assert slope_db_s == pytest.approx(96 / release_s, rel=0.06)
    assert bank.instrument(0).sustained(57, 100).release_db_s > 2000


def _kept_open(pitch: int, bank: Bank, program: int, duration_s: float) -> np.ndarray:
    return bank.instrument(program).play(
        [Note(0.0, duration_s, pitch, 100)], round(duration_s * RATE_HZ)
    )


def test_notes_late_in_their_sample_are_held_as_long(tmp_path: Path) -> None:
    fluidsynth()
    steady, (begin, end) = sustained()
    for late_s in (0.02, 1.0):
        n_late = round(late_s * RATE_HZ)
        late = np.concatenate([np.zeros(n_late), steady])
        zone = Zone(late, 69, (69, 69), (n_late + begin, n_late + end), release_s=0.5)
        font = write_font(tmp_path / f"{late_s}.sf2", [Program(40, "late", (zone,))])
        built = build_from_font(font, tmp_path / str(late_s), velocities=(90,), n_workers=1)
        sound = _kept_open(69, built, 40, 2 * HOLD_S)
        jumps = np.abs(np.diff(sound))
        assert jumps.max() <= 1.2 * jumps[:RATE_HZ].max()
        assert _frame_db(sound)[5:].min() > _frame_db(sound).max() - 12
        assert np.abs(sound[: RATE_HZ // 100]).max() > 0.1 * np.abs(sound).max()


STRUCK = (0, 6, 11, 12, 13, 24, 25, 45, 107)


# Samples of .sf3 fonts are unpacked first, of all programs: seconds.
@pytest.mark.parametrize(
    "name",
    [
        *(
            pytest.param(name, marks=[pytest.mark.slow] * name.endswith(".sf3"))
            for name in KNOWN_FONTS
        ),
        "tiny",
    ],
)
def test_onsets_lie_within_4_ms_of_the_score(
    name: str, font: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = {path.name: path for path in installed_fonts()} | {"tiny": font}
    if name not in paths:
        pytest.skip(f"{name} is not installed")
    # A few notes of each program are enough, and quickly rendered.
    monkeypatch.setattr(soundfont, "PIANO_KEYS", range(48, 85, 12))
    programs = STRUCK if name != "tiny" else (0,)
    built = build_from_font(
        paths[name], tmp_path / "bank", programs=programs, velocities=(100,), n_workers=1
    )
    delays_ms = []
    for instrument in built.instruments:
        for index, pitch in enumerate(instrument.pitches):
            start_s = 0.1 + 0.0123 * index
            sound = instrument.play([Note(start_s, start_s + 0.4, pitch, 100)], RATE_HZ)
            delays_ms.append(1000 * (_attacked_s(sound, start_s) - start_s))
    assert len(delays_ms) >= len(programs)
    assert np.abs(delays_ms).max() <= 4.0


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_build_goes_on_where_it_stopped(font: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bank"
    build_from_font(font, folder, programs=(0, 40, 73), velocities=(90,), n_workers=1)
    whole = _contents(folder)
    facts = json.loads((folder / "bank.json").read_text())
    for missing in ("040.npy", "040.notes.npy"):
        (folder / missing).unlink()
        (folder / "bank.json").write_text(json.dumps({**facts, "complete": False}))
        with pytest.raises(InputError, match="is not whole"):
            Bank(folder)
        written_ns = (folder / "000.npy").stat().st_mtime_ns
        steps: list[float] = []
        build_from_font(
            font, folder, programs=(0, 40, 73), velocities=(90,), n_workers=1, progress=steps.append
        )
        assert steps == [1.0]
        assert (folder / "000.npy").stat().st_mtime_ns == written_ns
        assert _contents(folder) == whole


def test_what_is_damaged_of_a_finished_bank_is_made_again(font: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bank"
    built = build_from_font(font, folder, programs=(0, 40), velocities=(90,), n_workers=1)
    pitch, whole = built.instrument(40).pitches[0], _contents(folder)
    for name in ("040.npy", "040.notes.npy"):
        for damaged in (whole[name][:-7], b"", whole[name][:-1] + bytes([whole[name][-1] ^ 1])):
            (folder / name).write_bytes(damaged)
            if len(damaged) < len(whole[name]):
                with pytest.raises(InputError, match=r"bank: is damaged \(program 40\); make it"):
                    Bank(folder).instrument(40).sustained(pitch, 90)
            build_from_font(font, folder, programs=(0, 40), velocities=(90,), n_workers=1)
            assert _contents(folder) == whole


def test_finished_bank_is_returned_as_it_is(
    font: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_from_font(font, tmp_path / "bank", programs=(0,), velocities=(90,), n_workers=1)
    monkeypatch.setattr(bank_building, "Renderer", None)
    build_from_font(font, tmp_path / "bank", programs=(0,), velocities=(90,))


def test_silent_programs_are_left_out(tmp_path: Path) -> None:
    fluidsynth()
    silent = Program(1, "silent", (Zone(np.zeros(4410), 60, (60, 61)),))
    sounding = Program(2, "sounding", (Zone(plucked(60), 60, (60, 61)),))
    font = write_font(tmp_path / "font.sf2", [silent, sounding])
    for _ in range(2):  # the second time as it is
        built = build_from_font(font, tmp_path / "bank", n_workers=1)
        assert [instrument.program for instrument in built.instruments] == [2]
    with pytest.raises(InputError, match="is silent in every program"):
        build_from_font(font, tmp_path / "nothing", programs=(1,), n_workers=1)


def test_fonts_without_a_melodic_program_are_refused(tmp_path: Path) -> None:
    bell = Program(112, "bell", (Zone(plucked(60), 60, (60, 60)),))
    font = write_font(tmp_path / "font.sf2", [bell])
    with pytest.raises(InputError, match="has no melodic program"):
        build_from_font(font, tmp_path / "bank")
    with pytest.raises(InputError, match="has no program 3"):
        build_from_font(font, tmp_path / "bank", programs=(3,))
    assert not (tmp_path / "bank").exists()


@pytest.mark.parametrize("velocities", [(), (80, 40), (60, 60), (0, 60), (60, 128)])
def test_velocities_must_ascend(velocities: tuple[int, ...], font: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="velocities: must"):
        build_from_font(font, tmp_path / "bank", velocities=velocities)


def test_workers_make_the_same_bank(font: Path, tmp_path: Path) -> None:
    for n_workers in (1, 2):
        build_from_font(
            font, tmp_path / str(n_workers), programs=(0, 40), velocities=(90,), n_workers=n_workers
        )
    assert _contents(tmp_path / "1") == _contents(tmp_path / "2")


def test_what_fluidsynth_refuses_leaves_nothing_behind(font: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.sf2"
    broken.write_bytes(font.read_bytes().replace(b"sdta", b"sdtx"))
    with pytest.raises(InputError, match="FluidSynth cannot load it"):
        build_from_font(broken, tmp_path / "bank", n_workers=2)
    assert not (tmp_path / "bank").exists()


def test_own_fonts_have_the_licence_and_use_that_is_given(
    font: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bank_building, "BANK_FOLDER", tmp_path)
    built = build_bank(
        font, programs=(0,), velocities=(90,), licence="CC0", use="test", n_workers=1
    )
    assert built.folder == tmp_path / "tiny"
    assert (built.source.licence, built.source.use) == ("CC0", "test")
    known_source = tmp_path / "TimGM6mb.sf2"
    known_source.write_bytes(font.read_bytes())
    built = build_bank(known_source, programs=(0,), velocities=(90,), licence="CC0", n_workers=1)
    assert built.source == KNOWN_FONTS["TimGM6mb.sf2"]


def _recorded(folder: Path, **pitches: int) -> Path:
    folder.mkdir(exist_ok=True)
    for stem, pitch in pitches.items():
        silence = np.zeros(RATE_HZ // 5)
        sound = np.concatenate([silence, plucked(pitch, 2.0)]).astype(np.float32)
        Audio(sound, RATE_HZ).save(folder / f"{stem}.wav", force=True)
    return folder


def test_bank_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bank_building, "BANK_FOLDER", tmp_path / "banks")
    folder = _recorded(tmp_path / "harp", C4=60)
    built = build_bank(folder, licence="CC-BY", use="test")
    assert built.folder == tmp_path / "banks" / "harp"
    assert built.source == SoundSource("harp", "CC-BY", "test")
    with pytest.raises(InputError, match="leave programs out"):
        build_bank(folder, programs=[0])
