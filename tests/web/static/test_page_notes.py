"""Transcribe and Timbres, as a person works."""

from collections.abc import Callable
from itertools import combinations
from math import dist
from pathlib import Path
from typing import Any

import pytest
from studio_page import bring, press, refusal

pytestmark = pytest.mark.slow

Window = Callable[..., Any]


def _count(roll: Any) -> int:
    """Notes that a roll's label tells."""
    return int(str(roll.get_attribute("aria-label")).split(": ")[1].split()[0])


def test_notes_are_deleted_added_and_heard(window: Window) -> None:
    page = window("transcribe")
    press(page, "transcribe", "Transcribe")
    panel = page.locator("#panel-transcribe")
    roll = panel.get_by_role("application")
    n_notes = _count(roll)
    assert n_notes > 5
    roll.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Delete")
    assert _count(roll) == n_notes - 1
    page.keyboard.press("Control+z")
    assert _count(roll) == n_notes
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    panel.get_by_role("button", name="Hear the change").click()
    panel.get_by_role("radio", name="With the change").wait_for()
    assert panel.get_by_label("Loop", exact=True).is_checked()


def test_changed_notes_are_saved(window: Window) -> None:
    page = window("transcribe")
    press(page, "transcribe", "Transcribe")
    panel = page.locator("#panel-transcribe")
    panel.get_by_role("application").focus()
    page.keyboard.press("Enter")
    panel.get_by_role("button", name="Save the changed notes").click()
    panel.locator("strong", has_text="-edited.mid").wait_for()
    with page.expect_download() as download:
        panel.get_by_role("button", name="Download").click()
    assert Path(download.value.path()).read_bytes()[:4] == b"MThd"


def test_a_silent_recording(window: Window, files: Path) -> None:
    page = window("transcribe")
    bring(page, "transcribe", "Recording", files / "silence.wav")
    page.locator("#panel-transcribe .slot").get_by_text("3.0 s").wait_for()
    page.get_by_role("button", name="Transcribe", exact=True).click()
    page.locator("#panel-transcribe .error, #panel-transcribe .warning").first.wait_for()


def test_a_timbre_is_captured_and_mixed(window: Window) -> None:
    page = window("timbres")
    panel = page.locator("#panel-timbres")
    capture = panel.locator("section.card", has_text="Capture a timbre").first
    capture.get_by_label("Recordings of one sound: from the studio").select_option(
        label="cello.flac"
    )
    capture.get_by_label("Name").fill("my cello")
    press(page, "timbres", "Capture")
    assert "cambiata timbre capture" in capture.locator("code").inner_text()
    assert panel.get_by_role("button", name="Hear my cello").is_visible()
    mix = panel.locator("section.card", has_text="Mix timbres").first
    mix.get_by_label("Name").fill("half and half")
    mix.get_by_role("button", name="Mix", exact=True).click()
    panel.get_by_role("button", name="Hear half and half").wait_for()


def test_nothing_to_capture(window: Window) -> None:
    page = window("timbres")
    page.get_by_role("button", name="Capture").click()
    assert "recordings: none is chosen" in refusal(page, "timbres")


def test_a_place_on_the_map_is_heard(window: Window) -> None:
    page = window("timbres")
    panel = page.locator("#panel-timbres")
    # The first map of a studio measures all timbres that ship.
    panel.locator(".map circle").first.wait_for(timeout=600_000)
    place = panel.get_by_role("application", name="Map of timbres")
    place.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    panel.locator("section[aria-label='Heard from the map']:visible").wait_for()
    panel.get_by_role("button", name="Pause").wait_for()
    # By pointer: dragged to where, between two timbres, all are furthest; heard where it is let go.
    words = panel.locator(".map > p").first
    boxes = [each.bounding_box() for each in panel.locator(".map circle").all()]
    points = [(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in boxes if box]
    places = [((a + c) / 2, (b + d) / 2) for (a, b), (c, d) in combinations(points, 2)]
    between = max(places, key=lambda place: min(dist(place, point) for point in points))
    page.mouse.move(*points[0])
    page.mouse.down()
    assert "%" not in words.inner_text()
    page.mouse.move(*between, steps=3)
    assert "%" in words.inner_text()
    page.mouse.up()
    heard = panel.locator("p.soft", has_text=words.inner_text())
    assert heard.count() == 2
