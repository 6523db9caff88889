"""The code of README and documentation runs as it stands.

The blocks of a page run in order, in one process (`run_page.py`), in a folder with the examples, of
which the recordings are cut to their first seconds. A comment above a block marks it:

    <!-- test: slow: why -->         runs in `make test-all` only
    <!-- test: skip: why -->         never runs here
    <!-- test: needs: a b -->        skipped where these are missing (see `cambiata data check`)
    <!-- test: exit code 2 -->       ends with that exit code
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import click
import pytest
import soundfile

import cambiata
from cambiata.cli.main import cli
from cambiata.data.inventory import inventory

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
CLIP_S = 2.2  # enough for every region that the pages name
# Kinds of blocks that hold no code to run.
SHOWN = {"", "text", "json"}


@dataclass(frozen=True)
class Block:
    """A fenced block, and what the comments above it say."""

    kind: str
    code: str
    where: str
    marks: tuple[str, ...]

    @property
    def expected(self) -> int:
        return next((int(x.split()[-1]) for x in self.marks if x.startswith("exit code")), 0)

    @property
    def needs(self) -> set[str]:
        return {
            name
            for mark in self.marks
            if mark.startswith("needs:")
            for name in mark.removeprefix("needs:").split()
        }

    def marked(self, word: str) -> bool:
        return any(mark.startswith(f"{word}: ") for mark in self.marks)


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text()
    pattern = r"((?:^<!-- test: .*? -->\n+)*)^(`{3,})([^\n`]*)\n(.*?)^\2$"
    return [
        Block(
            kind.strip(),
            code,
            f"{page.relative_to(ROOT)}:{text.count(chr(10), 0, found.start(2)) + 1}",
            tuple(re.findall(r"<!-- test: (.*?) -->", marks)),
        )
        for found in re.finditer(pattern, text, re.M | re.S)
        for marks, _, kind, code in [found.groups()]
    ]


PAGES = sorted(
    page
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md"))
    if "_build" not in page.parts and any(b.kind in ("sh", "python") for b in blocks_of(page))
)
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


def runnable(page: Path) -> list[Block]:
    """Blocks with their setting-up lines left out: CI runs those, this test would run itself."""
    found = []
    for block in blocks_of(page):
        if block.kind not in ("sh", "python") or block.marked("skip"):
            continue
        lines = [x for x in block.code.splitlines() if not x.startswith(("make ", "pip "))]
        if any(line.strip() and not line.lstrip().startswith("#") for line in lines):
            found.append(Block(block.kind, "\n".join(lines), block.where, block.marks))
    return found


@pytest.fixture
def clipped(tmp_path: Path) -> Path:
    """The examples with short recordings under the same names."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    for name in ("trumpet.ogg", "cello.flac"):
        place = tmp_path / "examples" / name
        rate = soundfile.info(place).samplerate
        samples, _ = soundfile.read(place, frames=round(CLIP_S * rate), dtype="float32")
        soundfile.write(place, samples, rate)
    return tmp_path


def environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def missing(blocks: list[Block]) -> list[str]:
    needed = {name for block in blocks for name in block.needs}
    items = {item.name: item.present for item in inventory()} if needed else {}
    return sorted(
        name
        for name in needed
        if not (items[name] if name in items else find_spec(name) is not None)
    )


def run_page(page: Path, folder: Path, *, slow: bool) -> None:
    blocks = [b for b in runnable(page) if slow or not b.marked("slow")]
    absent = set(missing(blocks))
    todo = [b for b in blocks if not b.needs & absent]
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "run_page.py")],
        input=json.dumps([[b.kind, b.code, b.where, b.expected] for b in todo]),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if absent:
        pytest.skip("all but some blocks run; not installed here: " + ", ".join(sorted(absent)))


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_block_is_of_a_known_kind(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for block in blocks_of(page):
        kind = block.kind
        assert kind in {"sh", "python"} | SHOWN or kind.startswith("{"), block.where
        for mark in block.marks:
            assert re.match(r"(slow|skip|needs): .+|exit code \d+$", mark), (block.where, mark)
        for target in re.findall(r"^make ([\w-]+)", block.code, re.M):
            assert re.search(rf"^{target}:", makefile, re.M), (block.where, target)


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if any(not b.marked("slow") for b in runnable(page))],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_page(page: Path, clipped: Path) -> None:
    run_page(page, clipped, slow=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if any(b.marked("slow") for b in runnable(page))],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_page_with_its_slow_blocks(page: Path, clipped: Path) -> None:
    run_page(page, clipped, slow=True)


def test_the_reference_has_every_public_name() -> None:
    listed = re.findall(r"^   (\w+)$", (DOCS / "reference" / "api.rst").read_text(), re.M)
    assert sorted(listed) == sorted(cambiata.__all__)


def test_the_reference_has_every_verb() -> None:
    def verbs(command: click.Command, name: str = "") -> Iterator[str]:
        if isinstance(command, click.Group):
            for part, below in command.commands.items():
                yield from verbs(below, f"{name} {part}".strip())
        else:
            yield name

    text = (DOCS / "reference" / "command-line.md").read_text()
    assert set(verbs(cli)) <= set(re.findall(r"^```{command-help} (.+)$", text, re.M))


def test_the_examples_are_small_and_licensed(tmp_path: Path) -> None:
    kinds = (".ogg", ".flac", ".mid")
    sounds = [path for path in (ROOT / "examples").iterdir() if path.suffix in kinds]
    notice = (ROOT / "examples" / "LICENCES.md").read_text()
    assert sum(path.stat().st_size for path in sounds) < 2**20
    assert all(path.name in notice for path in sounds)
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "two_sounds.py"), "two.wav"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "two.wav").stat().st_size > 10_000
