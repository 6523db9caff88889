"""A studio in a process of its own, and headless Chromium on its page."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from sounds import melody
from studio_page import serving

# Two busy cores and cold networks: what takes a second alone may take minutes.
PATIENCE_MS = int(os.environ.get("PATIENCE_MS", "300000"))
RATE = 44100


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a studio."""
    pytest.importorskip("fastapi", reason="fastapi is not installed")
    with serving(tmp_path_factory.mktemp("studio")) as address:
        yield address


@pytest.fixture(scope="session")
def chromium_flags() -> list[str]:
    """Flags of the browser: a microphone that beeps; containers run it as root."""
    return [
        *("--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    ]


@pytest.fixture(scope="session")
def chromium(chromium_flags: list[str]) -> Iterator[Any]:
    """The browser."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=chromium_flags)
        yield browser
        browser.close()


@pytest.fixture
def window(chromium: Any, studio: str) -> Iterator[Callable[..., Any]]:
    """Opens a tab of the studio in a new window; none may ask another host or fail in a script."""
    contexts, asked, failed = [], [], []

    def opened(
        tab: str = "transfer", *, address: str = studio, token: tuple[str, ...] = (), **look: object
    ):
        context = chromium.new_context(permissions=["microphone"], **look)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: failed.append(f"{error.message}\n{error.stack}"))
        page.goto(f"{address}#{tab}")
        for word in token:
            page.get_by_label("Token", exact=True).fill(word)
            page.get_by_role("button", name="Open").click()
        page.locator(f"#panel-{tab} button:visible").first.wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()
    hosts = {url.split("/")[2].split(":")[0] for url in asked if url.startswith("http")}
    assert hosts <= {"127.0.0.1"}
    assert not failed


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of files that a person may drop, good ones and bad ones."""
    folder = tmp_path_factory.mktemp("files")
    samples = melody([60, 64, 67, 72], rate=RATE, partials=6)
    soundfile.write(folder / "tune.wav", samples, RATE)
    soundfile.write(folder / "long.wav", np.tile(samples, 60)[: 100 * RATE], RATE)
    soundfile.write(folder / "silence.wav", np.zeros(3 * RATE), RATE)
    noise = 0.1 * np.random.default_rng(0).standard_normal(2 * RATE)
    soundfile.write(folder / "noise.wav", noise, RATE)
    soundfile.write(folder / "hour.wav", np.zeros(3600 * 8000), 8000, "PCM_U8")
    (folder / "empty.wav").write_bytes(b"")
    (folder / "words.wav").write_text("This is not a sound.\n" * 100)
    (folder / "words.mid").write_text("This is not a score.\n" * 100)
    with (folder / "huge.wav").open("wb") as file:
        file.truncate(2**31)
    return folder
