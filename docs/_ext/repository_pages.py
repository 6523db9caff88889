"""Pages whose text lies elsewhere in the repository, and links between them and the site.

The changelog, CONTRIBUTING and the benchmarks' figures are read where a visitor of the repository
expects them; the site shows the same text. Links are written so that they work in the repository,
and are turned here into links that work on the site.
"""

import os
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

DOCS = Path(__file__).parents[1]
ROOT = DOCS.parent

# Page of the site: file of the repository.
PAGES = {
    "benchmarks/measurements": "benchmarks/README.md",
    "changelog": "CHANGELOG.md",
    "contributing/index": "CONTRIBUTING.md",
    "examples": "examples/LICENCES.md",
}
# Tables that the evaluation writes begin without a title.
TITLES = {
    "counterpoint/counterpoint": "Counterpoint: all tables",
    "groove/groove": "Grooves: all tables",
    "melody/melody": "Melodies: all tables",
}
_TARGETS = {file: f"docs/{page}.md" for page, file in PAGES.items()}
_LINK = re.compile(r"(?<!!)\[([^\]\n]*)\]\(([^)#\s]+)(#[^)\s]*)?\)")


def site_links(text: str, file: Path, page: str) -> str:
    """The text with links as they must stand in a page of the site.

    A link to a file that the site does not have becomes the file's name, as code.
    """

    def link(found: re.Match[str]) -> str:
        label, target, anchor = found[1], found[2], found[3] or ""
        if re.match(r"[a-z]+:", target):
            return found[0]
        place = Path(os.path.normpath(file.parent / target))
        if not place.is_relative_to(ROOT):
            return found[0]
        inside = place.relative_to(ROOT).as_posix()
        inside = _TARGETS.get(inside, inside)
        if not inside.startswith("docs/"):
            return f"{label} (`{inside}`)" if label.strip("`") != inside else f"`{inside}`"
        return f"[{label}]({os.path.relpath(ROOT / inside, (DOCS / page).parent)}{anchor})"

    return _LINK.sub(link, text)


def read(app: Sphinx, page: str, source: list[str]) -> None:
    """Put the repository's text before what a stub holds, and mend the links of any page."""
    if page in PAGES:
        file = ROOT / PAGES[page]
        app.env.note_dependency(str(file))
        source[0] = f"{site_links(file.read_text(), file, page)}\n{source[0]}"
    elif (DOCS / f"{page}.md").exists():
        source[0] = site_links(source[0], DOCS / f"{page}.md", page)
    if page in TITLES:
        source[0] = f"# {TITLES[page]}\n\n{source[0]}"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the change."""
    app.connect("source-read", read)
    return {"parallel_read_safe": True}
