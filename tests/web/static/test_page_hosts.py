"""What the browser itself notes of its network while the page is used: no other host."""

import json
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from studio_page import press, serving

pytestmark = pytest.mark.slow

# Of Chromium's own events: whatever is fetched, looked up or connected to.
_URLS = ("url", "host", "address", "address_list", "remote_address", "group_id")


def _places(log: Path) -> dict[str, set[str]]:
    """Addresses in a net log, by the names under which they stand."""
    text = log.read_text("utf-8")
    try:
        events = json.loads(text)["events"]
    except json.JSONDecodeError:  # a browser that is ended at once leaves the list open
        events = json.loads(text.rstrip().rstrip(",") + "]}")["events"]
    found: dict[str, set[str]] = {}
    for event in events:
        for name in _URLS:
            value = event.get("params", {}).get(name)
            for each in value if isinstance(value, list) else [value]:
                if each:
                    found.setdefault(name, set()).add(str(each))
    return found


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
    places = _places(log)
    host = urlsplit(address).netloc
    assert any(urlsplit(url).netloc == host for url in places["url"])
    elsewhere = {
        each
        for each in set().union(*places.values())
        if "127.0.0.1" not in each and each.partition(":")[0] not in ("data", "blob", "chrome")
    }
    assert not elsewhere
