"""Tables in Markdown: one way to write them for every evaluation."""

import re
from collections.abc import Iterable, Sequence


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
