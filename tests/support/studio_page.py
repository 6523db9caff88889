"""What a person does on the studio's page, for the tests that drive a browser."""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def serving(
    folder: Path, *flags: str, port: int | None = None, killed: bool = False
) -> Iterator[str]:
    """Address of a studio that runs until the end of the block."""
    if port is None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
    command = [sys.executable, "-m", "cambiata", "serve", "--no-open", "--port", str(port)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--data", str(folder / "data"), *flags], stdout=log, stderr=log
        )
        try:
            address = f"http://127.0.0.1:{port}/"
            _wait(address, process, folder / "log")
            yield address
        finally:
            (process.kill if killed else process.terminate)()
            process.wait(timeout=30)


def _wait(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Return when the studio answers."""
    for _ in range(240):
        assert process.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(f"{address}health", timeout=5).close()
            return
        except OSError:
            time.sleep(0.5)
    raise AssertionError(f"no answer from {address}: {log.read_text()}")


def press(page: Any, tab: str, label: str) -> None:
    """Press a tab's main button and wait for the end."""
    page.locator(f"#panel-{tab} button.primary", has_text=label).first.click()
    page.locator(f"#panel-{tab} .go .state:visible", has_text="Done in").first.wait_for()


def begin(page: Any, tab: str, label: str) -> None:
    """Press a tab's main button and wait until the server is at it; before, it may not know it."""
    page.locator(f"#panel-{tab} button.primary", has_text=label).first.click()
    page.locator(f"#panel-{tab} .go .state:visible", has_text="Working:").first.wait_for()


def bring(page: Any, tab: str, slot: str, file: Path) -> None:
    """Choose a file in a slot, by its heading."""
    section = page.locator(f"#panel-{tab} section.slot", has_text=slot).first
    with page.expect_file_chooser() as chooser:
        section.get_by_role("button", name="choose a file").click()
    chooser.value.set_files(file)


def refusal(page: Any, tab: str) -> str:
    """The words of the error that a tab shows."""
    return str(page.locator(f"#panel-{tab} .error:visible").first.inner_text())


def seconds(clock: str) -> float:
    """Seconds of a clock, 1:02.5."""
    minutes, rest = clock.split(" / ")[0].split(":")
    return 60 * int(minutes) + float(rest)
