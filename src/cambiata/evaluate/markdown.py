"""Tables in Markdown, and the two files of an evaluation: one way to write them for all."""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from cambiata.files import write_text


def markdown_table(
    headings: Iterable[str], rows: Iterable[Sequence[str]], *, numeric: bool = False
) -> list[str]:
    """Lines of a table; `numeric` aligns all columns but the first to the right."""
    headings = list(headings)
    rule = "|---|" + "---:|" * (len(headings) - 1) if numeric else "|" + "---|" * len(headings)
    return [_line(headings), rule, *(_line(row) for row in rows)]


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def escape_markdown(text: str) -> str:
    """Text of which Markdown makes nothing but itself."""
    return re.sub(r"([\\`*_\[\]<>|#&])", r"\\\1", " ".join(text.split()))


def write_evaluation(output: str | Path, name: str, facts: Any, tables: str) -> None:
    """Write NAME.json and NAME.md of an evaluation into a folder, each whole or not at all."""
    place = Path(output)
    place.mkdir(parents=True, exist_ok=True)
    write_text(place / f"{name}.json", json.dumps(facts, indent=1) + "\n")
    write_text(place / f"{name}.md", tables)
