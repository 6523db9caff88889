"""What is found on a machine, and what it says of what is not."""

from pathlib import Path

import pytest
from tiny_fonts import fluidsynth, tiny_programs, write_font
from tiny_packs import tiny_pack

from cambiata.data import inventory as inventory_module
from cambiata.data import soundfont
from cambiata.data.bank_building import build_from_font
from cambiata.data.inventory import Item, inventory
from cambiata.data.scores import COLLECTION_NAMES
from cambiata.data.soundfont import KNOWN_FONTS


@pytest.fixture(autouse=True)
def _bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(soundfont, "FONT_FOLDERS", (tmp_path / "fonts",))
    monkeypatch.delenv("CAMBIATA_FONTS", raising=False)
    monkeypatch.setattr(inventory_module, "SCORE_CACHE", tmp_path / "scores")
    monkeypatch.setattr(inventory_module, "PACK_FOLDER", tmp_path / "pack")


def _of(kind: str, folder: str | Path = "/nowhere") -> dict[str, Item]:
    return {item.name: item for item in inventory(folder) if item.kind == kind}


def test_missing_fonts_name_their_packages() -> None:
    fonts = _of("sound font")
    assert set(fonts) == {source.name for source in KNOWN_FONTS.values()}
    for source in KNOWN_FONTS.values():
        item = fonts[source.name]
        assert not item.present
        assert source.package in item.cure
        assert source.licence in item.about
    assert fonts["timgm6mb"].cure == "apt-get install timgm6mb-soundfont"
    assert "for test" in fonts["timgm6mb"].about


def test_fonts_here_are_counted_and_broken_ones_named(tmp_path: Path) -> None:
    folder = tmp_path / "fonts"
    folder.mkdir()
    write_font(folder / "TimGM6mb.sf2", tiny_programs())
    (folder / "FluidR3_GM.sf2").write_bytes(b"RIFF")
    fonts = _of("sound font")
    assert fonts["timgm6mb"].present
    assert "3 programs; GPL-2.0; for test" in fonts["timgm6mb"].about
    assert fonts["timgm6mb"].cure == ""
    assert not fonts["fluid-r3"].present
    assert "is not a whole sound font" in fonts["fluid-r3"].about
    assert fonts["fluid-r3"].cure == "apt-get install fluid-soundfont-gm"


def test_a_pack_is_counted_where_trainings_look_for_it(tmp_path: Path) -> None:
    [missing] = _of("pack").values()
    assert (missing.present, missing.cure) == (False, "cambiata data pack")
    tiny_pack(tmp_path / "pack")
    [found] = _of("pack").values()
    assert found.present
    assert found.about.startswith("12 notes of 3 timbres; for train; ")


def test_banks_whole_and_not(tmp_path: Path) -> None:
    fluidsynth()
    (missing,) = _of("bank", tmp_path / "banks").values()
    assert not missing.present
    assert "cambiata data bank" in missing.cure
    font = write_font(tmp_path / "tiny.sf2", tiny_programs())
    for name in ("good", "bad"):
        build_from_font(
            font, tmp_path / "banks" / name, programs=(0,), velocities=(90,), n_workers=1
        )
    (tmp_path / "banks" / "bad" / "000.npy").unlink()
    banks = _of("bank", tmp_path / "banks")
    assert banks["good"].present
    assert "1 instruments; unknown: the user's own; for train" in banks["good"].about
    assert not banks["bad"].present
    assert "cambiata data bank FONT --force" in banks["bad"].cure


def test_packages_that_are_missing_say_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory_module, "find_spec", lambda _: None)
    packages = _of("package")
    assert not any(item.present for item in packages.values())
    assert all("pip install" in item.cure for item in packages.values())
    scores = _of("scores")
    assert set(scores) == set(COLLECTION_NAMES)
    assert not any(item.present for item in scores.values())


def test_what_is_here_needs_no_cure() -> None:
    items = inventory("/nowhere")
    assert all(bool(item.cure) != item.present for item in items)
    kinds = {"package", "library", "sound font", "synthesiser", "bank", "pack", "scores"}
    assert {item.kind for item in items} == kinds


def test_synthesisers_are_tools_with_licences() -> None:
    synthesisers = _of("synthesiser")
    assert set(synthesisers) == {"amsynth", "vital", "dx7", "stk", "faust"}
    assert all("GPL" in item.about and "a tool" in item.about for item in synthesisers.values())
