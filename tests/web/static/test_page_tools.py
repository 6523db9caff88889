"""The sound tools' tabs, as a person works: places, settings, results, pictures, downloads."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from studio_page import bring, press, refusal

pytestmark = pytest.mark.slow

Window = Callable[..., Any]
RATE = 44100


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Recordings of single notes, named by them."""
    folder, t = tmp_path_factory.mktemp("notes"), np.arange(RATE) / RATE
    files = []
    for name, hz in (("C4", 261.63), ("F#4", 369.99), ("C5", 523.25)):
        tone = sum(np.sin(2 * np.pi * hz * k * t) / k**2 for k in range(1, 9)) * np.exp(-4 * t)
        files.append(folder / f"{name}.wav")
        soundfile.write(files[-1], 0.3 * np.asarray(tone), RATE)
    return files


def _choose(page: Any, tab: str, words: str) -> None:
    """Choose what to do, or what of."""
    page.locator(f"#panel-{tab} .pick label", has_text=words).click()


def _select(page: Any, tab: str, slot: str, label: str) -> None:
    section = page.locator(f"#panel-{tab} section.slot:visible", has_text=slot)
    section.first.locator("select").select_option(label=label)


def _check_picture(page: Any, tab: str) -> None:
    """Fail unless the picture is there, whole, and the page no wider for it."""
    picture = page.locator(f"#panel-{tab} .picture img")
    picture.wait_for()
    picture.evaluate("image => image.decode()")
    assert picture.evaluate("image => image.naturalWidth") > 300
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def _download(page: Any, tab: str, name: str) -> Path:
    with page.expect_download() as saved:
        page.locator(f"#panel-{tab}").get_by_role("button", name=f"Download {name}").click()
    return Path(saved.value.path())


def test_an_instrument_of_the_example(window: Window) -> None:
    page = window("instrument", viewport={"width": 400, "height": 800})
    page.get_by_label("Keys, as 21-108", exact=True).fill("48-52")
    page.get_by_label("Velocity layers", exact=True).fill("1")
    press(page, "instrument", "Make the instrument")
    _check_picture(page, "instrument")
    assert _download(page, "instrument", "cello.sf2").read_bytes()[8:12] == b"sfbk"
    command = page.locator("#panel-instrument code").first.inner_text()
    assert command == "cambiata instrument cello.flac -o cello.sf2 --keys 48-52 --velocities 1"
    # What only a timbre needs is not asked of notes.
    assert page.get_by_label("Seconds for which a note is held", exact=True).is_visible()
    _choose(page, "instrument", "Recordings of notes")
    assert page.get_by_label("Seconds for which a note is held", exact=True).is_hidden()
    page.get_by_role("button", name="Make the instrument").click()
    assert "nothing is chosen" in refusal(page, "instrument")


def test_an_instrument_of_notes(window: Window, notes: list[Path]) -> None:
    page = window("instrument")
    _choose(page, "instrument", "Recordings of notes")
    panel = page.locator("#panel-instrument")
    with page.expect_file_chooser() as chooser:
        panel.get_by_role("button", name="choose files").click()
    chooser.value.set_files(notes)
    panel.locator(".list li").nth(2).wait_for()
    panel.get_by_role("button", name="Remove C5.wav").click()
    page.get_by_label("File", exact=True).select_option("sfz")
    page.get_by_label("Keys, as 21-108", exact=True).fill("58-68")
    page.get_by_label("Velocity layers", exact=True).fill("1")
    press(page, "instrument", "Make the instrument")
    assert "2 as recorded" in panel.inner_text()
    with zipfile.ZipFile(_download(page, "instrument", "notes.zip")) as packed:
        assert packed.namelist()[0] == "notes.sfz"
    assert "cambiata instrument C4.wav 'F#4.wav' -o notes.sfz" in panel.inner_text()


def test_a_room_is_simulated_and_used(window: Window) -> None:
    page = window("reverb")
    panel = page.locator("#panel-reverb")
    press(page, "reverb", "Simulate")
    panel.locator("section[aria-label='Listen'] .pick label").nth(1).wait_for()
    assert panel.get_by_role("radio", name="Before").is_visible()
    # Without a sound it is the room's response, which then lies in the place for rooms.
    _select(page, "reverb", "Sound", "Choose a sound…")
    page.get_by_label("Size of the room (m)", exact=True).fill("5x4x2.5")
    page.get_by_label("Source (m)", exact=True).fill("4,3,1.5")
    press(page, "reverb", "Simulate")
    panel.locator("table").wait_for()
    _check_picture(page, "reverb")
    assert "--size 5x4x2.5 --listener 2,2,1.5 --source 4,3,1.5" in panel.inner_text()
    _choose(page, "reverb", "Put into a measured room")
    room = panel.locator("section.slot:visible", has_text="Room").last
    room.get_by_text("mono").wait_for()
    assert room.locator("option:checked").inner_text() == "room.wav"
    _select(page, "reverb", "Sound", "trumpet.ogg")
    press(page, "reverb", "Put into the room")
    assert "cambiata reverb apply trumpet.ogg room.wav" in panel.inner_text()


def test_a_choir_sings(window: Window) -> None:
    page = window("choir", viewport={"width": 400, "height": 800})
    page.get_by_label("Parts, as SATB", exact=True).fill("SA")
    page.get_by_label("Key of the parts: D, Bb, F#m", exact=True).fill("H")
    page.get_by_role("button", name="Let them sing").click()
    assert refusal(page, "choir").startswith("key H: is not a key")
    page.get_by_label("Key of the parts: D, Bb, F#m", exact=True).fill("")
    press(page, "choir", "Let them sing")
    panel = page.locator("#panel-choir")
    panel.get_by_role("radio", name="Alone").wait_for()
    assert "in parts SA" in panel.inner_text()
    _check_picture(page, "choir")


def test_a_recording_is_moved_and_stretched(window: Window) -> None:
    page = window("transpose", color_scheme="dark")
    panel = page.locator("#panel-transpose")
    press(page, "transpose", "Transpose")
    assert "Moved by +2 semitones." in panel.inner_text()
    # One of the two counts: what is not asked for is not sent.
    page.get_by_label("Move it", exact=True).select_option("to a key")
    assert page.get_by_label("Semitones up", exact=True).is_hidden()
    page.get_by_label("Key: D, Bb, F#m", exact=True).fill("D")
    press(page, "transpose", "Transpose")
    assert "cambiata transpose trumpet.ogg -o trumpet-moved.wav --to D" in panel.inner_text()
    _choose(page, "transpose", "Another speed")
    page.get_by_label("Times as long", exact=True).fill("1.5")
    press(page, "transpose", "Stretch")
    panel.get_by_text("1.5 times as long: 8.0 s.").wait_for()
    panel.locator(".clock", has_text="0:08.0").wait_for()


def test_one_note_becomes_another(window: Window, notes: list[Path]) -> None:
    page = window("morph", color_scheme="dark", viewport={"width": 400, "height": 800})
    panel = page.locator("#panel-morph")
    bring(page, "morph", "A: the first sound", notes[0])
    bring(page, "morph", "B: the second sound", notes[1])
    page.get_by_label("It moves, to this amount", exact=True).check()
    page.get_by_role("slider", name="Amount", exact=True).fill("0")
    press(page, "morph", "Morph")
    assert "1 note morphed, at 0 % to 100 %" in panel.inner_text()
    assert "cambiata morph C4.wav 'F#4.wav'" in panel.inner_text()
    assert "--amount 0..1" in panel.inner_text()
    assert panel.locator("section[aria-label='Listen'] .pick label").count() == 3
    _check_picture(page, "morph")


def test_knobs_are_found_turned_and_exported(window: Window) -> None:
    page = window("knobs", viewport={"width": 400, "height": 800})
    panel = page.locator("#panel-knobs")
    panel.get_by_role("button", name="Remove Cello").click()
    press(page, "knobs", "Find the knobs")
    _check_picture(page, "knobs")
    _choose(page, "knobs", "Play")
    page.get_by_label("Brightness", exact=True).fill("0.8")
    press(page, "knobs", "Play")
    command = panel.locator("code").first.inner_text()
    assert "--notes C4,E4,G4,C4+E4+G4 --knob brightness=0.8" in command
    _choose(page, "knobs", "Export")
    assert page.get_by_label("Brightness", exact=True).input_value() == "0.8"
    press(page, "knobs", "Export")
    page.locator("#tab-timbres").click()
    page.locator("#panel-timbres input[value=sounds-sound]").wait_for()


def test_a_sweep_comes_to_the_next_step(window: Window) -> None:
    page = window("reverb", color_scheme="dark")
    panel = page.locator("#panel-reverb")
    _choose(page, "reverb", "Measure: the sweep")
    page.get_by_label("Length of the sweep (s)", exact=True).fill("2")
    press(page, "reverb", "Make the sweep")
    _choose(page, "reverb", "Measure: the room")
    panel.locator("section.slot:visible", has_text="Sweep").get_by_text("10.4 s").wait_for()
    _select(page, "reverb", "Recording in the room", "trumpet.ogg")
    panel.get_by_role("button", name="Measure the room").click()
    error = panel.locator(".error:visible")
    error.wait_for()
    assert error.inner_text().startswith("trumpet.ogg: no sweep is heard in it; ")


def test_a_reload_and_the_list_of_jobs_find_it_again(window: Window) -> None:
    page = window("reverb")
    panel = page.locator("#panel-reverb")
    _choose(page, "reverb", "How long it rings")
    press(page, "reverb", "Estimate")
    page.reload()
    panel.locator("table").wait_for()
    assert panel.get_by_role("radio", name="How long it rings").is_checked()
    _choose(page, "reverb", "Simulate a room")
    panel.get_by_role("button", name="Simulate", exact=True).wait_for()
    page.locator("#tab-transfer").click()
    page.locator("#jobs summary").click()
    page.get_by_role("button", name="Show reverb-estimate trumpet.ogg").first.click()
    panel.get_by_role("button", name="Estimate", exact=True).wait_for()
    panel.locator("table").wait_for()
    _check_picture(page, "reverb")
