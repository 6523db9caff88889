"""What the browser itself notes of its network while the page is used: no other host."""

import json
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from studio_page import press, serving

pytestmark = pytest.mark.slow


def _requests(log: Path) -> set[tuple[str, str]]:
    """Who asked, and for which address, of all requests in a net log."""
    text = log.read_text("utf-8")
    try:
        found = json.loads(text)
    except json.JSONDecodeError:  # a browser that is ended at once leaves the list open
        found = json.loads(text.rstrip().rstrip(",") + "]}")
    started = found["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    events = [event for event in found["events"] if event["type"] == started]
    asked = [event.get("params", {}) for event in events]  # the end of each has other ones
    return {(each["initiator"], each["url"]) for each in asked if "initiator" in each}


def test_the_browsers_net_log_names_no_other_host(
    chromium: Any, chromium_flags: list[str], tmp_path: Path
) -> None:
    log = tmp_path / "net.json"
    flags = [*chromium_flags, f"--log-net-log={log}", "--net-log-capture-mode=IncludeSensitive"]
    path = shutil.which("chromium")
    browser = chromium.browser_type.launch(executable_path=path, args=flags)
    with serving(tmp_path) as address:
        page = browser.new_page()
        page.set_default_timeout(180_000)
        page.goto(address)
        page.locator("#panel-transfer button:visible").first.wait_for()
        press(page, "transfer", "Transfer")
        for tab in page.locator("[role=tab]").all():
            tab.click()
            panel = str(tab.get_attribute("aria-controls"))
            page.locator(f"#{panel} button:visible").first.wait_for()
        browser.close()
    # The browser's own requests (updates, hints for forms) have no page that began them.
    asked = [(who, url) for who, url in _requests(log) if who != "not an origin"]
    origin = urlsplit(address)
    assert len(asked) > 20
    assert {urlsplit(url).netloc for _, url in asked} == {origin.netloc}
    assert {urlsplit(who).netloc for who, _ in asked} == {origin.netloc}
