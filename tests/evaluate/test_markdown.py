"""Markdown tables by hand, and the two files of an evaluation."""

import json
from pathlib import Path

from cambiata.evaluate.markdown import escape_markdown, markdown_table, write_evaluation


def test_tables_by_hand() -> None:
    rows = [["a", "1"], ["b", "2"]]
    assert markdown_table(["x", "y"], rows) == ["| x | y |", "|---|---|", "| a | 1 |", "| b | 2 |"]
    assert markdown_table(iter(["x", "y"]), [], numeric=True) == ["| x | y |", "|---|---:|"]


def test_text_stays_itself() -> None:
    assert escape_markdown("a|b  *c*\n<d>") == r"a\|b \*c\* \<d\>"
    assert escape_markdown("plain 12") == "plain 12"


def test_an_evaluation_is_two_files(tmp_path: Path) -> None:
    write_evaluation(tmp_path / "deep/run", "groove", {"n": 1}, "| a |\n")
    assert json.loads((tmp_path / "deep/run/groove.json").read_text()) == {"n": 1}
    assert (tmp_path / "deep/run/groove.md").read_text() == "| a |\n"
    assert len(list((tmp_path / "deep/run").iterdir())) == 2
