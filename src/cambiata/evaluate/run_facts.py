"""The facts in run.json: when, where and with what a run was made, its sets and its rows."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cambiata.errors import InputError
from cambiata.evaluate.machine import describe_machine
from cambiata.evaluate.rows import Row
from cambiata.evaluate.testset import TestSet
from cambiata.files import write_text


def describe_run(
    folder: Path, sets: Sequence[TestSet], rows: Sequence[Row], seed: int, tools: dict[str, str]
) -> None:
    """Write a run's facts, or add to those that are there; refused where the two do not agree."""
    place = folder / "run.json"
    facts: dict[str, Any] = {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_machine(),
        "python": sys.version.split()[0],
        "cambiata": version("cambiata"),
        "seed": seed,
        "tools": tools,
        "sets": {},
        "rows": [],
    }
    if place.exists():
        facts = _read_facts(place)
        _check_tools(folder, facts["tools"], tools)
        facts["tools"] = tools
    known = {row["name"]: row for row in facts["rows"]}
    for row in rows:
        known[row.name] = {
            "name": row.name,
            "label": row.label,
            "about": row.about,
            "kind": row.kind,
        }
    facts["rows"] = list(known.values())
    pairs = {test_set.name: _add_set(folder, facts["sets"], test_set) for test_set in sets}
    for name, listed in pairs.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        write_json(folder / name / "pairs.json", listed)
    write_json(place, facts)


def _add_set(folder: Path, sets: dict[str, Any], test_set: TestSet) -> list[dict[str, Any]]:
    """Enter a set into run.json's; its pairs, those of earlier calls included."""
    own = _pair_facts(test_set)
    listed, about, counts = own, test_set.about, test_set.facts
    if test_set.name in sets:
        before = sets[test_set.name]
        # A row may be run on a subset: the pairs of earlier calls stay in the table.
        listed = _merge_earlier(folder, test_set, before["facts"], listed)
        if len(listed) > len(own):
            about, counts = before["about"], before["facts"]
    bins: dict[str, int] = {}
    for entry in listed:
        bins[entry["bin"]] = bins.get(entry["bin"], 0) + 1
    sets[test_set.name] = {
        "title": test_set.title,
        "n_pairs": len(listed),
        "about": about,
        "bins": bins,
        "facts": counts,
    }
    return listed


def _read_facts(place: Path) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = json.loads(place.read_text("utf-8"))
        if not {"tools", "rows", "sets"} <= set(facts):
            raise ValueError("no run")
    except (OSError, ValueError, TypeError) as error:
        raise InputError(str(place), "is not what a run writes", "choose another folder") from error
    return facts


def _pair_facts(test_set: TestSet) -> list[dict[str, Any]]:
    return [
        {"id": e.name, "bin": e.bin, "content": e.content, "style": e.style}
        for e in test_set.entries
    ]


def _check_tools(folder: Path, before: dict[str, str], now: dict[str, str]) -> None:
    """Scores by other tools do not belong into one table."""
    for name, tool in now.items():
        # Runs of old named no version of the transcriber.
        if not tool.startswith(before.get(name, "")):
            raise InputError(
                str(folder), f"was scored by {before[name]}, not {tool}", "choose another folder"
            )


def _merge_earlier(
    folder: Path, test_set: TestSet, before: dict[str, Any], listed: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Pairs of this call and of earlier ones, by name; never another set's."""
    place = folder / test_set.name / "pairs.json"
    listed_before = json.loads(place.read_text("utf-8")) if place.exists() else []
    earlier = {entry["id"]: entry for entry in listed_before}
    same = all(earlier.get(entry["id"], entry) == entry for entry in listed)
    # What is counted of a set changes with the number of its pairs.
    counted = {"windows of each instrument", "not used"}
    now = json.loads(json.dumps(test_set.facts))
    same &= all(before.get(name) == now.get(name) for name in {*before, *now} - counted)
    if not same:
        raise InputError(str(folder), f"holds another {test_set.name} set", "choose another folder")
    earlier.update((entry["id"], entry) for entry in listed)
    return [earlier[name] for name in sorted(earlier)]


def write_json(place: Path, facts: Any) -> None:
    """Write JSON, whole or not at all."""
    write_text(place, json.dumps(facts, indent=1, ensure_ascii=False))
