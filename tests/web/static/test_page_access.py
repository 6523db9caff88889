"""Keyboard, screen readers, narrow windows, both colour schemes, and the token."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from studio_page import press, serving

pytestmark = pytest.mark.slow

Window = Callable[..., Any]
TABS = (
    *("transfer", "play", "transcribe", "translate"),
    *("melody", "groove", "counterpoint", "timbres"),
    *("instrument", "morph", "knobs", "choir", "transpose", "reverb"),
)
AXE = (Path(__file__).parent / "axe.min.js").read_text("utf-8")


def _faults(page: Any) -> list[str]:
    """What axe-core finds that is serious or worse, with the places."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{fault['id']}: {node['target']} {node['failureSummary']}"
        for fault in found["violations"]
        if fault["impact"] in {"serious", "critical"}
        for node in fault["nodes"]
    ]


def _drawn(page: Any) -> None:
    """Return when the page has been laid out and drawn."""
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_fault_of_access(window: Window, scheme: str) -> None:
    page = window("groove", color_scheme=scheme)
    press(page, "groove", "Mix them")
    found = {"groove after": _faults(page)}
    for tab in TABS:
        page.locator(f"#tab-{tab}").click()
        page.locator(f"#panel-{tab} button:visible").first.wait_for()
        _drawn(page)
        for details in page.locator(f"#panel-{tab} details.more").all():
            details.evaluate("details => { details.open = true; }")
        found[tab] = _faults(page)
    assert not {tab: faults for tab, faults in found.items() if faults}


def test_no_serious_fault_after_a_result(window: Window) -> None:
    page = window("transcribe")
    press(page, "transcribe", "Transcribe")
    assert not _faults(page)
    page.locator("#tab-transfer").click()
    page.locator("#panel-transfer button:visible").first.wait_for()
    press(page, "transfer", "Transfer")
    assert not _faults(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_fault_after_a_tools_result(window: Window, scheme: str) -> None:
    page = window("reverb", color_scheme=scheme, viewport={"width": 400, "height": 800})
    page.locator("#panel-reverb .pick label", has_text="How long it rings").click()
    press(page, "reverb", "Estimate")
    page.locator("#panel-reverb .picture img").evaluate("image => image.decode()")
    assert not _faults(page)


def test_tabs_by_arrow_keys(window: Window) -> None:
    page = window("transfer")
    page.locator("#tab-transfer").focus()
    for tab in (*TABS[1:], TABS[0]):
        page.keyboard.press("ArrowRight")
        assert page.locator(f"#tab-{tab}").get_attribute("aria-selected") == "true"
        assert page.evaluate("document.activeElement.id") == f"tab-{tab}"
    page.keyboard.press("End")
    assert page.locator(f"#panel-{TABS[-1]}").is_visible()


def test_the_first_result_by_keyboard_alone(window: Window) -> None:
    page = window("transfer")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.className") == "primary":
            break
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    page.locator("#panel-transfer .state", has_text="Done in").wait_for()
    assert page.evaluate("document.activeElement.className") == "primary"


@pytest.mark.parametrize("tab", TABS)
def test_four_hundred_pixels_are_wide_enough(window: Window, tab: str) -> None:
    page = window(tab, viewport={"width": 400, "height": 800})
    _drawn(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_the_token_is_asked_for(window: Window, tmp_path: Path) -> None:
    with serving(tmp_path, "--token", "open-sesame-1234567890") as address:
        page = window("transfer", address=address, token=("wrong", "open-sesame-1234567890"))
        assert page.get_by_role("button", name="Transfer", exact=True).is_enabled()
