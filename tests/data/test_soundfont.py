"""Sound fonts: the parser on files made byte by byte, the renderer on what is in them."""

import os
import random
import struct
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from tiny_fonts import Program, Zone, fluidsynth, plucked, tiny_programs, write_font

from cambiata.data import soundfont
from cambiata.data.soundfont import (
    KNOWN_FONTS,
    RENDER_RATE_HZ,
    Renderer,
    SoundFont,
    cure,
    find_font,
    identify_source,
    installed_fonts,
)
from cambiata.errors import InputError
from cambiata.score.midi import Note

BLOCK_SAMPLES = 64


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_font(tmp_path_factory.mktemp("fonts") / "tiny.sf2", tiny_programs())


@pytest.fixture(scope="module")
def renderer(tiny: Path) -> Iterator[Renderer]:
    fluidsynth()
    with Renderer(SoundFont(tiny)) as opened:
        yield opened


# --- what is in a font ---------------------------------------------------------------------------


def test_presets_are_read_with_their_names_and_samples(tiny: Path) -> None:
    font = SoundFont(tiny)
    assert {p.program: p.name for p in font.presets.values()} == {0: "Pluck", 40: "Bow", 73: "Pipe"}
    assert font.preset(0).samples == ("Pluck 0", "Pluck 1")
    assert font.source.name == "tiny"
    assert font.source.use == "train"


def _font(path: Path, *zones: tuple[int, int, int]) -> SoundFont:
    sound = plucked(60, duration_s=0.1)
    written = tuple(Zone(sound, root, (low, high)) for low, high, root in zones)
    return SoundFont(write_font(path / "font.sf2", [Program(0, "x", written)]))


@pytest.mark.parametrize(
    ("zones", "lowest", "highest"),
    [
        # An octave outside of where samples meet ...
        ([(0, 59, 48), (60, 127, 72)], 47, 72),
        ([(0, 39, 30), (40, 79, 60), (80, 127, 90)], 27, 92),
        # ... but within the keys that they have, and the piano's.
        ([(55, 59, 55), (60, 64, 62)], 55, 64),
        ([(0, 30, 24), (31, 127, 90)], 21, 43),
        # Of one sample: an octave about its root.
        ([(0, 127, 60)], 48, 72),
        ([(60, 84, 72)], 60, 84),
        ([(62, 75, 69)], 62, 75),
        ([(0, 127, 255)], 48, 72),  # no root: middle C's
    ],
)
def test_usable_pitches(
    zones: list[tuple[int, int, int]], lowest: int, highest: int, tmp_path: Path
) -> None:
    preset = _font(tmp_path, *zones).preset(0)
    assert (preset.lowest, preset.highest) == (lowest, highest)
    assert all(above - below == 1 for below, above in pairwise(preset.pitches))


def test_other_banks_are_left_out(tmp_path: Path) -> None:
    zone = Zone(plucked(60, 0.1), 60)
    drums = Program(0, "Drums", (zone,), bank=128)
    path = write_font(tmp_path / "font.sf2", [Program(3, "Piano", (zone,)), drums])
    assert [preset.name for preset in SoundFont(path).presets.values()] == ["Piano"]


def test_font_of_drums_alone_is_refused(tmp_path: Path) -> None:
    drums = Program(0, "Drums", (Zone(plucked(60, 0.1), 60),), bank=128)
    path = write_font(tmp_path / "font.sf2", [drums])
    with pytest.raises(InputError, match="holds no instrument in bank 0"):
        SoundFont(path)


def test_odd_chunk_without_padding(tmp_path: Path) -> None:
    path = write_font(tmp_path / "font.sf3", tiny_programs(), odd_unpadded=True)
    assert len(path.read_bytes()) % 2 == 1
    assert set(SoundFont(path).presets) == {0, 40, 73}


def test_missing_program_is_refused(tiny: Path) -> None:
    with pytest.raises(InputError, match="tiny: has no program 5"):
        SoundFont(tiny).preset(5)


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        SoundFont(tmp_path / "none.sf2")
    with pytest.raises(InputError, match="is not a readable file"):
        SoundFont(tmp_path)


@pytest.mark.parametrize(
    "data",
    [b"", b"RIFF", b"RIFF\0\0\0\0WAVE" + bytes(50), random.Random(0).randbytes(5000), bytes(5000)],
    ids=["empty", "short", "wav", "random", "zeros"],
)
def test_other_bytes_are_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "font.sf2"
    path.write_bytes(data)
    with pytest.raises(InputError, match="is not a whole sound font"):
        SoundFont(path)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.7, 0.999])
def test_truncated_files_are_refused(share: float, tiny: Path, tmp_path: Path) -> None:
    data = tiny.read_bytes()
    path = tmp_path / "font.sf2"
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(InputError, match="is not a whole sound font"):
        SoundFont(path)


def test_corrupted_files_are_refused_or_read(tmp_path: Path) -> None:
    zones = (Zone(plucked(60, 0.01), 60, (0, 59)), Zone(plucked(72, 0.01), 72, (60, 127)))
    path = write_font(tmp_path / "font.sf2", [Program(n, f"p{n}", zones) for n in range(3)])
    data = path.read_bytes()
    tables = data.index(b"pdta")
    outcomes = set()
    for seed in range(100):
        rng = random.Random(seed)
        broken = bytearray(data)
        # Half of them where it hurts: in the tables.
        first = tables if seed % 2 else 0
        for _ in range(rng.randrange(1, 8)):
            broken[rng.randrange(first, len(data))] = rng.randrange(256)
        if seed % 5 == 0:
            del broken[rng.randrange(len(broken)) :]
        path.write_bytes(broken)
        try:
            presets = SoundFont(path).presets
        except InputError:
            outcomes.add("refused")
        else:
            assert all(preset.pitches for preset in presets.values())
            outcomes.add("read")
    assert outcomes == {"refused", "read"}


# --- where fonts come from -----------------------------------------------------------------------


def test_missing_known_font_names_its_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(soundfont, "FONT_FOLDERS", (tmp_path,))
    monkeypatch.delenv("CAMBIATA_FONTS", raising=False)
    assert installed_fonts() == []
    for name in ("timgm6mb", "TimGM6mb.sf2"):
        with pytest.raises(InputError, match="not installed; apt-get install timgm6mb-soundfont"):
            find_font(name)
    with pytest.raises(InputError, match="name that in CAMBIATA_FONTS"):
        find_font("generaluser-gs")
    for file_name, source in KNOWN_FONTS.items():
        assert source.package in cure(file_name)


def test_known_fonts_are_found_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(soundfont, "FONT_FOLDERS", ())
    here = write_font(tmp_path / "TimGM6mb.sf2", tiny_programs())
    monkeypatch.setenv("CAMBIATA_FONTS", os.pathsep.join(["/nowhere", str(tmp_path)]))
    assert installed_fonts() == [here]
    assert find_font("timgm6mb") == find_font(str(here)) == here


def test_link_to_the_test_font_stays_for_tests(tmp_path: Path) -> None:
    real = write_font(tmp_path / "TimGM6mb.sf2", tiny_programs())
    link = tmp_path / "default-GM.sf2"
    link.symlink_to(real)
    assert identify_source(link) == identify_source(real)
    assert SoundFont(link).source.use == "test"


# --- its sound -----------------------------------------------------------------------------------


def _first_audible(sound: np.ndarray) -> int:
    return int(np.argmax(np.abs(sound).max(axis=0) > 1e-4))


def test_same_notes_give_the_same_bytes(renderer: Renderer) -> None:
    notes = [Note(0.1, 0.6, 57, 90), Note(0.4, 0.9, 62, 40), Note(0.7, 1.4, 57, 120)]
    first = renderer.render(notes, 0, 1.3)
    renderer.render([Note(0, 2, 70)], 73, 0.5)  # which still sounds when it ends
    assert renderer.render(notes, 0, 1.3).tobytes() == first.tobytes()


@pytest.mark.parametrize("duration_s", [0.0, 0.5, 0.777, 1.0])
def test_length_is_exact(duration_s: float, renderer: Renderer) -> None:
    sound = renderer.render([Note(0, 1, 60)], 0, duration_s)
    assert sound.shape == (2, round(duration_s * RENDER_RATE_HZ))
    assert sound.dtype == np.float32


@pytest.mark.parametrize("start_s", [0.0, 0.25, 0.5003, 1.01])
def test_notes_sound_at_their_time(start_s: float, renderer: Renderer) -> None:
    sound = renderer.render([Note(start_s, start_s + 0.5, 60)], 0, 2.0)
    late = _first_audible(sound) - round(start_s * RENDER_RATE_HZ)
    assert 0 <= late <= BLOCK_SAMPLES + 5


def test_level_is_kept(renderer: Renderer) -> None:
    one = renderer.render([Note(0, 1, 60)], 0, 1.0)
    both = renderer.render([Note(0, 1, 60), Note(0, 1, 64)], 0, 1.0)
    other = renderer.render([Note(0, 1, 64)], 0, 1.0)
    np.testing.assert_allclose(both, one + other, atol=2e-5)
    assert np.abs(one).max() > 0.01


def test_level_is_proportional_to_the_sample(tmp_path: Path) -> None:
    fluidsynth()
    loud = plucked(60, 0.5)
    programs = [Program(n, "x", (Zone(loud * gain, 60),)) for n, gain in enumerate((1.0, 0.25))]
    with Renderer(SoundFont(write_font(tmp_path / "font.sf2", programs))) as opened:
        one, quarter = (opened.render([Note(0, 1, 60)], n, 0.5) for n in (0, 1))
    np.testing.assert_allclose(quarter, one / 4, atol=2e-5)


def test_there_is_no_reverb_or_chorus(tmp_path: Path) -> None:
    fluidsynth()
    programs = [Program(n, "x", (Zone(plucked(60), 60, sends=n == 1),)) for n in (0, 1)]
    with Renderer(SoundFont(write_font(tmp_path / "font.sf2", programs))) as opened:
        dry, sound = (opened.render([Note(0, 0.3, 60)], program, 1.0) for program in (0, 1))
    np.testing.assert_array_equal(sound, dry)
    assert np.abs(sound[:, : RENDER_RATE_HZ // 10]).max() > 0.01
    # The zone lets go within a millisecond, and nothing rings on.
    assert np.abs(sound[:, round(0.32 * RENDER_RATE_HZ) :]).max() < 1e-6


def test_renderer_refuses_a_program_that_the_font_lacks(renderer: Renderer) -> None:
    with pytest.raises(InputError, match="has no program 1"):
        renderer.render([Note(0, 1, 60)], 1, 1.0)


def test_font_that_only_fluidsynth_refuses(tiny: Path, tmp_path: Path) -> None:
    fluidsynth()
    data = tiny.read_bytes()
    at = data.index(b"sdta")
    path = tmp_path / "font.sf2"
    path.write_bytes(data[:at] + b"sdtx" + data[at + 4 :])
    with pytest.raises(InputError, match="FluidSynth cannot load it"):
        Renderer(SoundFont(path))


def test_tables_of_odd_sizes_are_refused(tiny: Path, tmp_path: Path) -> None:
    data = bytearray(tiny.read_bytes())
    at = data.index(b"shdr") + 4
    data[at : at + 4] = struct.pack("<I", struct.unpack("<I", data[at : at + 4])[0] - 1)
    path = tmp_path / "font.sf2"
    path.write_bytes(data)
    with pytest.raises(InputError, match="is not a whole sound font"):
        SoundFont(path)
