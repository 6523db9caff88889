"""What the page consists of: small, and nothing from elsewhere."""

import re
from pathlib import Path

import cambiata

STATIC = Path(cambiata.__file__).parent / "web" / "static"


def test_it_is_small() -> None:
    assert sum(path.stat().st_size for path in STATIC.rglob("*") if path.is_file()) <= 600_000


def test_it_names_no_other_host() -> None:
    """Addresses in what the browser runs: the names of SVG and XHTML alone."""
    for path in STATIC.rglob("*"):
        if path.suffix in {".js", ".html", ".css", ".svg"}:
            found = set(re.findall(r"https?://[^\s\"'`)>]+", path.read_text("utf-8")))
            found -= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xhtml"}
            assert not {each for each in found if "127.0.0.1" not in each}, path.name


def test_licences_are_with_what_was_brought() -> None:
    vendor = STATIC / "vendor"
    table = (vendor / "README.md").read_text("utf-8")
    for path in vendor.iterdir():
        assert path.name in table or path.name == "README.md"
