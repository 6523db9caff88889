"""Look through a built site: ``python docs/check_site.py docs/_build/html``.

Nothing that a page loads may come from a network, and every link, anchor, picture and sound within
the site must be there. Exits with the list of what is wrong.
"""

import re
import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# What a browser fetches by itself, by tag; links (a) may lead anywhere.
LOADED = {
    "audio": "src",
    "iframe": "src",
    "img": "src",
    "link": "href",
    "script": "src",
    "source": "src",
    "video": "src",
}
# Links of a page's head that no browser fetches to show it.
UNFETCHED = {"canonical", "next", "prev", "search", "index", "author", "genindex"}


class Page(HTMLParser):
    """What a page loads, links to, and can be linked to by."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take down one element."""
        values = {name: value or "" for name, value in attrs}
        self.ids |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        elif tag == "link" and UNFETCHED & set(values.get("rel", "").split()):
            return
        elif tag in LOADED and LOADED[tag] in values:
            self.loads.append(values[LOADED[tag]])


@cache
def page(place: Path) -> Page:
    """A page, read once."""
    return Page(place.read_text())


def faults(site: Path) -> Iterator[str]:
    """One line for everything that is wrong."""
    for place in sorted(site.rglob("*.html")):
        if "_static" in place.parts:  # the theme's own templates
            continue
        here = place.relative_to(site)
        for address in page(place).loads:
            parts = urlsplit(address)
            if parts.scheme not in ("", "data") or parts.netloc:
                yield f"{here}: loads {address}"
            elif parts.scheme == "" and not (place.parent / unquote(parts.path)).exists():
                yield f"{here}: {address} is missing"
        for address in page(place).links:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            there = (place.parent / unquote(parts.path)).resolve() if parts.path else place
            if not there.exists():
                yield f"{here}: links to {address}, which is missing"
            elif (
                parts.fragment
                and there.suffix == ".html"
                and unquote(parts.fragment) not in page(there).ids
            ):
                yield f"{here}: links to {address}, which has no such anchor"
    for style in sorted(site.rglob("*.css")):
        for address in re.findall(
            r"(?:@import|url\()\s*[\"']?((?:https?:)?//[^\"')]+)", style.read_text()
        ):
            yield f"{style.relative_to(site)}: loads {address}"


def main() -> None:
    """Print what is wrong, and fail where anything is."""
    site = Path(sys.argv[1])
    found = list(faults(site))
    n_pages = len(list(site.rglob("*.html")))
    if not n_pages:
        sys.exit(f"{site} holds no pages")
    if found:
        sys.exit("\n".join(found))
    print(f"{n_pages} pages: no link is broken, nothing is loaded from a network")


if __name__ == "__main__":
    main()
