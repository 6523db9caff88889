"""Lower bounds: those that pyproject.toml states are those that `make base-lowest` tries."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def _pins(name: str) -> dict[str, str]:
    lines = (ROOT / name).read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def _release(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))


def test_the_lowest_versions_that_are_tried_are_those_that_are_allowed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    allowed = dict(each.split(">=") for each in project["dependencies"])
    pins = _pins("constraints-lowest.txt")
    assert pins.keys() == allowed.keys()
    for name, lowest in allowed.items():
        given = _release(lowest)
        assert _release(pins[name])[: len(given)] == given, name
        assert not any(_release(pins[name])[len(given) :]), name


def test_the_set_that_is_tested_is_allowed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = _pins("constraints.txt")
    extras = (each for group in project["optional-dependencies"].values() for each in group)
    for requirement in (*project["dependencies"], *extras):
        name, _, lowest = requirement.partition(">=")
        if lowest and name in pins:
            assert _release(pins[name]) >= _release(lowest), name
