"""The README's code runs as it stands, in order, in a folder with the two files it speaks of."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cambiata.data.inventory import inventory

ROOT = Path(__file__).parent.parent
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "examples", folder / "examples")
    return folder


def _run(kind: str, code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = {"sh": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}[kind]
    return subprocess.run(
        [*command, code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_block_is_of_a_kind_that_is_run() -> None:
    assert {kind for kind, _ in BLOCKS} == {"sh", "python"}


@pytest.mark.parametrize(("kind", "code"), BLOCKS, ids=[f"{i}" for i in range(len(BLOCKS))])
def test_block(kind: str, code: str, folder: Path) -> None:
    # `make` and `pip` lines set the project up: CI runs them, this test would run itself.
    lines = [line for line in code.splitlines() if not line.startswith(("make ", "pip "))]
    if not lines:
        targets = re.findall(r"^make (\w+)", code, re.M)
        makefile = (ROOT / "Makefile").read_text()
        assert targets or code.startswith("pip install")
        assert all(re.search(rf"^{target}:", makefile, re.M) for target in targets)
        return
    if "timgm6mb" in code or "cambiata evaluate" in code:
        _skip_without_data()
    done = _run(kind, "\n".join(lines), folder)
    assert done.returncode == 0, done.stderr


def _skip_without_data() -> None:
    """The README says that `make fonts` and two extras come first."""
    missing = [
        item.name
        for item in inventory()
        if not item.present and item.name in ("libfluidsynth", "timgm6mb", "music21", "basic-pitch")
    ]
    if missing:
        pytest.skip("not installed here: " + ", ".join(missing))


def test_the_examples_are_small_and_licensed(folder: Path) -> None:
    kinds = (".ogg", ".flac", ".mid")
    sounds = [path for path in (ROOT / "examples").iterdir() if path.suffix in kinds]
    notice = (ROOT / "examples" / "LICENCES.md").read_text()
    assert sum(path.stat().st_size for path in sounds) < 2**20
    assert all(path.name in notice for path in sounds)
    done = subprocess.run(
        [sys.executable, "examples/two_sounds.py", "two.wav"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (folder / "two.wav").stat().st_size > 10_000
