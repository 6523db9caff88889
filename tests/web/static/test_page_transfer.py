"""Transfer, as a person works: first result, listening, takes, bad inputs, two windows."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sounds import EXAMPLES
from studio_page import begin, bring, press, refusal, seconds, serving

pytestmark = pytest.mark.slow

Window = Callable[..., Any]
_SWITCHED = """async () => {
  const listening = document.querySelector("section[aria-label='Listen: A, B, C']");
  const clock = listening.querySelector(".clock");
  const before = clock.textContent;
  listening.querySelector("input[type=radio]").click();
  while (clock.textContent === before) await new Promise(requestAnimationFrame);
  return [before, clock.textContent];
}"""
_GOES_BACK = """clock => {
  const before = window.seenAt ?? "";
  window.seenAt = clock.textContent;
  return clock.textContent < before;
}"""


def test_the_first_result_is_one_click_away(window: Window) -> None:
    page = window("transfer")
    press(page, "transfer", "Transfer")
    panel = page.locator("#panel-transfer")
    assert panel.get_by_role("radio").count() == 3
    assert panel.get_by_role("radio", name="Result").is_checked()
    assert "cambiata transfer trumpet.ogg cello.flac" in panel.locator("code").first.inner_text()
    panel.locator(".strip canvas").nth(2).wait_for()


def test_examples_that_are_late_are_waited_for(window: Window) -> None:
    page = window("transfer")
    late = {"sounds": [], "total": 0, "complete": False}
    page.route("**/api/examples", lambda route: route.fulfill(json=late), times=1)
    with page.expect_response(lambda answer: "/api/examples" in answer.url):
        page.reload()
    slot = page.locator("#panel-transfer .slot", has_text="Content: the notes")
    slot.get_by_text("5.3 s").wait_for()
    assert slot.locator("option:checked").inner_text() == "trumpet.ogg"


def test_switching_keeps_the_place(window: Window) -> None:
    page = window("transfer")
    press(page, "transfer", "Transfer")
    panel = page.locator("#panel-transfer")
    listening = panel.locator("section[aria-label='Listen: A, B, C']")
    clock = listening.locator(".clock")
    listening.get_by_role("button", name="Play", exact=True).click()
    listening.locator(".clock", has_text=re.compile(r"^0:0([1-9]|0\.[5-9])")).wait_for()
    # In one breath, so that the sound has no time to end: switch, and look where it goes on.
    before, after = page.evaluate(_SWITCHED)
    assert 0.5 <= seconds(before) <= seconds(after) < seconds(before) + 1.0
    page.keyboard.press("b")
    assert listening.get_by_role("radio", name="Style").is_checked()
    # A loop: from the keyboard's side, by numbers.
    listening.get_by_label("Loop from, in seconds").fill("1")
    listening.get_by_label("Loop to, in seconds").fill("1.5")
    listening.get_by_label("Loop", exact=True).check()
    if listening.get_by_role("button", name="Pause").count() == 0:
        listening.get_by_role("button", name="Play", exact=True).click()
    # A loop goes backwards; however slow the machine, two looks in a row see it at last.
    page.wait_for_function(_GOES_BACK, arg=clock.element_handle())
    assert 0.9 <= seconds(clock.inner_text()) <= 1.6


def test_a_take_is_kept_compared_and_downloaded(window: Window) -> None:
    page = window("transfer")
    panel = page.locator("#panel-transfer")
    press(page, "transfer", "Transfer")
    panel.get_by_role("slider", name="Amount").fill("0.5")
    press(page, "transfer", "Transfer")
    assert "--amount 0.5" in panel.locator("code").first.inner_text()
    panel.get_by_role("button", name="Keep").click()
    panel.get_by_role("button", name="Kept").wait_for()
    panel.locator("ul.list input[type=checkbox]").nth(1).check()
    panel.get_by_role("radio", name="Take 1").wait_for()
    panel.get_by_label("Download as").first.select_option("flac")
    with page.expect_download() as download:
        panel.get_by_role("button", name="Download").first.click()
    assert Path(download.value.path()).read_bytes()[:4] == b"fLaC"


def test_a_part_of_the_content(window: Window) -> None:
    page = window("transfer")
    panel = page.locator("#panel-transfer")
    panel.get_by_label("Content: the notes: from, in seconds").fill("0.5")
    panel.get_by_label("Content: the notes: to, in seconds").fill("2")
    panel.get_by_label("Content: the notes: to, in seconds").press("Tab")
    press(page, "transfer", "Transfer")
    command = panel.locator("code").first.inner_text()
    assert "--start 0.5" in command
    assert "--end 2" in command
    assert "/ 0:01.5" in panel.locator(".clock").first.inner_text()


def test_an_instrument_and_an_ensemble_as_style(window: Window) -> None:
    page = window("transfer")
    panel = page.locator("#panel-transfer")
    style = panel.get_by_label("Style: the sound: from the studio")
    style.select_option("flute")
    press(page, "transfer", "Transfer")
    assert "trumpet.ogg flute" in panel.locator("code").first.inner_text()
    style.select_option("domain:church-organ")
    press(page, "transfer", "Transfer")
    assert "cambiata translate" in panel.locator("code").first.inner_text()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("empty.wav", "empty"),
        ("words.wav", "words.wav"),
        ("huge.wav", "more than"),
        ("hour.wav", "hour.wav"),
    ],
)
def test_bad_files_are_refused_in_words(window: Window, files: Path, name: str, words: str) -> None:
    page = window("transfer")
    bring(page, "transfer", "Content", files / name)
    assert words in refusal(page, "transfer")


@pytest.mark.parametrize("slot", ["Content: the notes", "Style: the sound"])
def test_silence_is_refused_in_words(window: Window, files: Path, slot: str) -> None:
    page = window("transfer")
    bring(page, "transfer", slot, files / "silence.wav")
    page.locator("#panel-transfer .slot", has_text=slot).get_by_text("3.0 s").wait_for()
    page.get_by_role("button", name="Transfer", exact=True).click()
    assert "silent" in refusal(page, "transfer")


def test_a_wrong_pair(window: Window, files: Path) -> None:
    """A score where a sound belongs is refused; noise as the sound of a tune is pointed out."""
    page = window("transfer")
    bring(page, "transfer", "Content: the notes", EXAMPLES / "reel.mid")
    assert "reel.mid: is a score; choose a sound" in refusal(page, "transfer")
    bring(page, "transfer", "Style: the sound", files / "noise.wav")
    page.locator("#panel-transfer .slot", has_text="Style").get_by_text("2.0 s").wait_for()
    press(page, "transfer", "Transfer")
    assert "noise.wav" in page.locator("#panel-transfer .warning").first.inner_text()


def test_nothing_chosen(window: Window) -> None:
    page = window("transfer")
    page.get_by_label("Style: the sound: from the studio").select_option("")
    page.get_by_role("button", name="Transfer", exact=True).click()
    assert "style: nothing is chosen" in refusal(page, "transfer")


def test_cancelled_half_way(window: Window, files: Path) -> None:
    page = window("transfer")
    bring(page, "transfer", "Content", files / "long.wav")
    panel = page.locator("#panel-transfer")
    panel.locator(".slot", has_text="Content").get_by_text("1:36.0").wait_for()
    begin(page, "transfer", "Transfer")
    panel.get_by_role("button", name="Cancel").click()
    panel.locator(".state", has_text="Cancelled").wait_for()
    assert page.get_by_role("button", name="Transfer", exact=True).is_enabled()


def test_cancelled_before_the_server_has_answered(window: Window) -> None:
    page = window("transfer")
    panel = page.locator("#panel-transfer")
    press(page, "transfer", "Transfer")  # a job before it, which is not the one to be cancelled
    held: list[Any] = []
    page.route("**/api/jobs/transfer", lambda route: held.append(route))
    with page.expect_request("**/api/jobs/transfer"):
        page.get_by_role("button", name="Transfer", exact=True).click()
    panel.get_by_role("button", name="Cancel").click()
    held[0].continue_()
    panel.locator(".state", has_text="Cancelled").wait_for()


def test_reloaded_half_way_it_finds_its_job_again(window: Window, files: Path) -> None:
    page = window("transfer")
    bring(page, "transfer", "Content", files / "long.wav")
    panel = page.locator("#panel-transfer")
    panel.locator(".slot", has_text="Content").get_by_text("1:36.0").wait_for()
    begin(page, "transfer", "Transfer")
    page.reload()
    panel.get_by_role("radio", name="Result").wait_for()
    assert "long.wav" in panel.locator("code").first.inner_text()


def test_a_server_that_is_killed_and_started_anew(
    window: Window, files: Path, tmp_path: Path
) -> None:
    with serving(tmp_path, killed=True) as address:
        page = window("transfer", address=address)
        bring(page, "transfer", "Content", files / "long.wav")
        panel = page.locator("#panel-transfer")
        panel.locator(".slot", has_text="Content").get_by_text("1:36.0").wait_for()
        begin(page, "transfer", "Transfer")
        other = window("transfer", address=address)
    panel.locator(".state", has_text="does not answer").wait_for()
    style = other.locator("#panel-transfer .slot", has_text="Style: the sound")
    style.locator("select").select_option(label="trumpet.ogg")
    style.locator(".error", has_text="no answer from the server").wait_for()
    with serving(tmp_path, port=int(address.split(":")[2].strip("/"))):
        panel.locator(".state", has_text="Done in").wait_for()
        assert "begun again" in panel.locator(".warning").first.inner_text()
        # What failed meanwhile is done again, and its error is taken away.
        style.locator(".error").wait_for(state="detached")
        style.get_by_text("5.3 s").wait_for()


def test_two_windows_do_not_disturb_each_other(window: Window) -> None:
    pages = [window("transfer"), window("transfer")]
    for page, amount in zip(pages, ("0.3", "0.8"), strict=True):
        page.get_by_role("slider", name="Amount").fill(amount)
        page.get_by_role("button", name="Transfer", exact=True).click()
    for page, amount in zip(pages, ("0.3", "0.8"), strict=True):
        page.locator("#panel-transfer .state", has_text="Done in").wait_for()
        assert f"--amount {amount}" in page.locator("#panel-transfer code").first.inner_text()


def test_the_microphone(window: Window) -> None:
    page = window("transfer")
    panel = page.locator("#panel-transfer")
    content = panel.locator(".slot", has_text="Content")
    content.get_by_role("button", name="record").click()
    content.get_by_text(re.compile(r"Recording: [1-9]")).wait_for()
    content.get_by_role("button", name="record").click()
    content.get_by_text("mono").wait_for()
    assert "recording-" in content.locator("select").locator("option:checked").inner_text()
