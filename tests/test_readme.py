"""The code of README and documentation runs as it stands.

The blocks of a page run in order, in a folder with the examples. The documentation's pages get the
examples' first seconds, and share one process (`run_page.py`); README gets them whole, with a shell
or an interpreter of its own for every block. A comment above a block marks it:

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
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest
import soundfile

from cambiata.data.inventory import inventory

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
CLIP_S = 2.5  # enough for every region that the pages name
# Kinds of blocks that hold no code to run.
SHOWN = {"", "text", "json"}
NEEDS_NOTES = ("music21", "ortools")


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


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "examples", folder / "examples")
    return folder


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


README = [block for block in runnable(ROOT / "README.md") if not block.marked("slow")]


@pytest.mark.parametrize("block", README, ids=[block.where for block in README])
def test_readme(block: Block, whole: Path) -> None:
    if absent := missing([block]):
        pytest.skip("not installed here: " + ", ".join(absent))
    command = {"sh": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}
    done = subprocess.run(
        [*command[block.kind], block.code],
        cwd=whole,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == block.expected, done.stderr


SITE = [page for page in PAGES if page.name != "README.md" or page.parent != ROOT]


@pytest.mark.parametrize(
    "page",
    [page for page in SITE if any(not b.marked("slow") for b in runnable(page))],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_page(page: Path, clipped: Path) -> None:
    run_page(page, clipped, slow=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [page for page in SITE if any(b.marked("slow") for b in runnable(page))],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_page_with_its_slow_blocks(page: Path, clipped: Path) -> None:
    run_page(page, clipped, slow=True)


def test_the_examples_are_small_and_licensed(whole: Path) -> None:
    kinds = (".ogg", ".flac", ".mid")
    sounds = [path for path in (ROOT / "examples").iterdir() if path.suffix in kinds]
    notice = (ROOT / "examples" / "LICENCES.md").read_text()
    assert sum(path.stat().st_size for path in sounds) < 2**20
    assert all(path.name in notice for path in sounds)
    done = subprocess.run(
        [sys.executable, "examples/two_sounds.py", "two.wav"],
        cwd=whole,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (whole / "two.wav").stat().st_size > 10_000
