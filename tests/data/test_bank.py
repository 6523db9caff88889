"""Banks against FluidSynth's own sound of the same notes, and what may happen on a disk."""

import json
import warnings
from collections.abc import Iterator
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
from cambiata.data import bank as bank_module
from cambiata.data import bank_building, soundfont
from cambiata.data.bank import HOLD_S, Bank, BankedNote, Instrument
from cambiata.data.bank_building import build_bank, build_from_font
from cambiata.data.bank_writing import find_onset, store_notes
from cambiata.data.recorded_notes import build_from_recordings, parse_pitch
from cambiata.data.soundfont import KNOWN_FONTS, Renderer, SoundFont, SoundSource, installed_fonts
from cambiata.errors import CambiataWarning, InputError
from cambiata.score.midi import Note

FRAME = RATE_HZ // 100
MINE = SoundSource("mine", "CC0", "train")


@pytest.fixture(scope="module")
def font(tmp_path_factory: pytest.TempPathFactory) -> Path:
    fluidsynth()
    return write_font(tmp_path_factory.mktemp("fonts") / "tiny.sf2", tiny_programs())


@pytest.fixture(scope="module")
def bank(font: Path, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return build_from_font(
        font, tmp_path_factory.mktemp("banks") / "tiny", velocities=(40, 100), n_workers=1
    )


@pytest.fixture(scope="module")
def renderer(font: Path) -> Iterator[Renderer]:
    with Renderer(SoundFont(font)) as opened:
        yield opened


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


# --- its sound against FluidSynth's ---------------------------------------------------------------

SCORES = {
    0: [Note(0.05, 0.4, 55, 100), Note(0.5, 1.2, 63, 60), Note(0.8, 1.0, 57, 90)],
    40: [Note(0.1, 0.9, 65, 100), Note(0.6, 1.4, 69, 50), Note(1.6, 1.9, 72, 70)],
    73: [Note(0.0, 0.5, 60, 80), Note(0.7, 1.9, 71, 45), Note(1.0, 1.5, 64, 95)],
}


@pytest.mark.parametrize("program", SCORES)
def test_notes_added_up_are_what_fluidsynth_plays(
    program: int, bank: Bank, renderer: Renderer
) -> None:
    notes = SCORES[program]
    theirs = renderer.render(notes, program, 2.5).mean(axis=0)
    ours = bank.instrument(program).play(notes, len(theirs))
    their_db, our_db = _frame_db(theirs), _frame_db(ours)
    loud = their_db > their_db.max() - 40
    assert np.median(np.abs(our_db - their_db)[loud]) < 0.6
    assert np.abs(our_db - their_db)[loud].max() < 6  # the frames in which notes begin and end
    for note in notes:
        # At most FluidSynth's block of 1.5 ms apart.
        spacing_s = _attacked_s(theirs, note.start_s) - _attacked_s(ours, note.start_s)
        assert abs(spacing_s) < 0.003


@pytest.mark.parametrize("velocity", [40, 55, 75, 100])
def test_levels_between_the_layers(velocity: int, bank: Bank, renderer: Renderer) -> None:
    theirs = renderer.render([Note(0, 1, 69, velocity)], 40, 0.8).mean(axis=0)
    ours = bank.instrument(40).sustained(69, velocity).samples[: len(theirs)]
    assert np.abs(_frame_db(ours)[5:] - _frame_db(theirs)[5:]).max() < 0.6
    assert np.median(_frame_db(ours) - _frame_db(theirs)) == pytest.approx(0, abs=0.25)


def test_release_is_the_fonts(bank: Bank) -> None:
    # FluidSynth releases by 96 dB in the time that the font gives.
    for program, pitch, release_s in ((40, 69, 0.5), (73, 66, 2.0), (0, 62, 0.2)):
        slope_db_s = bank.instrument(program).sustained(pitch, 100).release_db_s
        assert slope_db_s == pytest.approx(96 / release_s, rel=0.06)
    assert bank.instrument(0).sustained(57, 100).release_db_s > 2000


def test_played_notes_fall_along_the_release(bank: Bank) -> None:
    sound = bank.instrument(40).play([Note(0.0, 0.5, 69, 100)], RATE_HZ)
    level_db = _frame_db(sound)
    fall_db_s = (level_db[55] - level_db[75]) / 0.2
    assert fall_db_s == pytest.approx(192, rel=0.06)
    assert np.ptp(level_db[10:49]) < 0.5


def test_notes_begin_at_their_sample(bank: Bank) -> None:
    for start_s in (0.0, 0.3333, 0.9):
        sound = bank.instrument(0).play([Note(start_s, start_s + 0.3, 57)], 2 * RATE_HZ)
        first = round(start_s * RATE_HZ)
        assert not sound[:first].any()
        assert np.abs(sound[first : first + 20]).max() > 0


def test_playing_is_adding_up(bank: Bank) -> None:
    notes = SCORES[73]
    instrument = bank.instrument(73)
    together = instrument.play(notes, 2 * RATE_HZ)
    one_by_one = sum(instrument.play([note], 2 * RATE_HZ) for note in notes)
    np.testing.assert_allclose(together, one_by_one, atol=1e-6)
    assert instrument.play(notes, 3 * RATE_HZ)[: 2 * RATE_HZ].tobytes() == together.tobytes()
    assert not instrument.play([Note(5, 6, 60)], RATE_HZ).any()


def test_pitches_out_of_range_are_refused(bank: Bank) -> None:
    with pytest.raises(InputError, match=r"tiny: Pluck .*has no pitch 20"):
        bank.instrument(0).play([Note(0, 1, 20)], RATE_HZ)
    with pytest.raises(InputError, match="has no program 7"):
        bank.instrument(7)


def _kept_open(pitch: int, bank: Bank, program: int, duration_s: float) -> np.ndarray:
    return bank.instrument(program).play(
        [Note(0.0, duration_s, pitch, 100)], round(duration_s * RATE_HZ)
    )


@pytest.mark.parametrize(("program", "pitch"), [(40, 62), (40, 69), (73, 61), (73, 72)])
def test_notes_longer_than_the_hold_go_on_without_a_click(
    program: int, pitch: int, bank: Bank
) -> None:
    sound = _kept_open(pitch, bank, program, 3 * HOLD_S)
    n_hold = round(HOLD_S * RATE_HZ)
    jumps = np.abs(np.diff(sound))
    assert jumps[n_hold // 2 :].max() <= 1.2 * jumps[: n_hold // 2].max()
    level_db = _frame_db(sound)[5:]
    held_db = level_db[: round(HOLD_S * 100) - 110]
    assert level_db.max() < held_db.max() + 1.0
    # Nor does it stop.
    assert np.median(level_db[-100:]) > held_db.min() - 12


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


def test_decaying_notes_go_on_decaying() -> None:
    t = np.arange(round(HOLD_S * RATE_HZ)) / RATE_HZ
    string = (np.sin(2 * np.pi * 220 * t) * np.exp(-t)).astype(np.float32)
    n_samples = round(8 * RATE_HZ)
    sound = bank_module._release(BankedNote(57, 90, string, 100.0), 8.0, n_samples)
    level_db = _frame_db(sound)
    assert len(sound) == n_samples
    slope_db_s = np.polyfit(np.arange(310, 790) / 100, level_db[310:790], 1)[0]
    assert slope_db_s == pytest.approx(-8.7, abs=2.5)


# --- onsets of the fonts that are installed -------------------------------------------------------

STRUCK = (0, 6, 11, 12, 13, 24, 25, 45, 107)


@pytest.mark.parametrize("name", [*KNOWN_FONTS, "tiny"])
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


def test_breath_before_a_stroke_is_cut_and_a_slow_attack_is_not() -> None:
    rng = np.random.default_rng(0)
    stroke = plucked(60)
    breath = 0.0015 * np.abs(stroke).max() * rng.uniform(-1, 1, RATE_HZ // 50)
    struck = np.concatenate([np.zeros(333), breath, stroke]).astype(np.float32)
    first = find_onset(struck, -60.0)
    assert 0 <= first - (333 + len(breath)) < 0.0005 * RATE_HZ
    slow, _ = sustained(n_attack=RATE_HZ // 20)
    slow = np.concatenate([np.zeros(333), slow]).astype(np.float32)
    first = find_onset(slow, -60.0)
    assert 0 <= first - 333 < 0.002 * RATE_HZ


# --- files ----------------------------------------------------------------------------------------


def test_layers_that_differ_by_level_alone_are_stored_once(bank: Bank) -> None:
    for instrument in bank.instruments:
        pitches = len(instrument.pitches)
        stored = np.load(bank.folder / f"{instrument.program:03}.npy", mmap_mode="r")
        assert len(instrument.table) == 2 * pitches
        assert len(np.unique(instrument.table["start"])) <= 1.2 * pitches
        assert len(stored) <= 1.2 * pitches * round(HOLD_S * RATE_HZ)


def test_layers_of_different_sound_are_stored_apart(tmp_path: Path) -> None:
    notes = [BankedNote(60, v, np.float32(plucked(60 + v)), 100.0) for v in (1, 2)]
    store_notes(tmp_path, 0, notes)
    instrument = Instrument(tmp_path, MINE, {"program": 0, "name": "x"})
    for note in notes:
        sustained = instrument.sustained(60, note.velocity).samples
        np.testing.assert_allclose(sustained, note.samples, atol=2e-5)


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


def test_bank_with_a_file_missing_is_not_whole(font: Path, tmp_path: Path) -> None:
    build_from_font(font, tmp_path / "bank", programs=(0,), velocities=(90,), n_workers=1)
    (tmp_path / "bank" / "000.npy").unlink()
    with pytest.raises(InputError, match="is not whole or of another version"):
        Bank(tmp_path / "bank")


def test_finished_bank_is_returned_as_it_is(
    font: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_from_font(font, tmp_path / "bank", programs=(0,), velocities=(90,), n_workers=1)
    monkeypatch.setattr(bank_building, "Renderer", None)
    build_from_font(font, tmp_path / "bank", programs=(0,), velocities=(90,))


def test_other_banks_are_not_written_over(font: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bank"
    build_from_font(font, folder, programs=(0,), velocities=(90,), n_workers=1)
    before = _contents(folder)
    other = write_font(
        tmp_path / "other.sf2", [Program(5, "x", (Zone(plucked(60), 60, (60, 60)),))]
    )
    with pytest.raises(InputError, match="holds a bank of another make"):
        build_from_font(other, folder, n_workers=1)
    with pytest.raises(InputError, match="holds a bank of another make"):
        build_from_font(font, folder, programs=(0,), velocities=(91,), n_workers=1)
    assert _contents(folder) == before
    built = build_from_font(other, folder, n_workers=1, force=True)
    assert [instrument.program for instrument in built.instruments] == [5]
    assert set(_contents(folder)) == {"bank.json", "005.npy", "005.notes.npy"}


def test_folder_of_something_else_is_left_alone(font: Path, tmp_path: Path) -> None:
    (tmp_path / "001.npy").write_text("mine")
    for force in (False, True):
        with pytest.raises(InputError, match="holds something other than a bank"):
            build_from_font(font, tmp_path, force=force)
    with pytest.raises(InputError, match="is a file"):
        build_from_font(font, tmp_path / "001.npy")
    assert (tmp_path / "001.npy").read_text() == "mine"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 0, "complete": true}', "\xff"])
def test_other_jsons_are_no_banks(text: str, tmp_path: Path) -> None:
    (tmp_path / "bank.json").write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match=r"is no bank|is not whole"):
        Bank(tmp_path)


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


# --- recordings -----------------------------------------------------------------------------------


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


def test_bank_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bank_building, "BANK_FOLDER", tmp_path / "banks")
    folder = _recorded(tmp_path / "harp", C4=60)
    built = build_bank(folder, licence="CC-BY", use="test")
    assert built.folder == tmp_path / "banks" / "harp"
    assert built.source == SoundSource("harp", "CC-BY", "test")
    with pytest.raises(InputError, match="leave programs out"):
        build_bank(folder, programs=[0])
