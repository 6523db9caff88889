"""Lower bounds are those that `make base-lowest` tries; hashes are of the set that is tested."""

import re
import runpy
import tomllib
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

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


def _hashed() -> dict[str, tuple[str, str, list[str]]]:
    """Of requirements-base.txt, versions, conditions and hashes by packages' names."""
    text = (ROOT / "requirements-base.txt").read_text().replace("\\\n", " ")
    lines = (line.partition("#")[0].split("--hash=") for line in text.splitlines())
    found = {}
    for first, *hashes in (line for line in lines if line[0].strip()):
        pin, _, condition = first.partition(";")
        name, version = pin.strip().split("==")
        found[name] = version, condition.strip(), [each.strip() for each in hashes]
    return found


def test_packages_with_hashes_are_the_set_that_is_tested() -> None:
    hashed, pins = _hashed(), _pins("constraints.txt")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {each.split(">=")[0] for each in project["dependencies"]} <= hashed.keys()
    for name, (version, _, hashes) in hashed.items():
        assert pins.get(name, version) == version, f"{name}: run `make hashes`"
        assert hashes, name
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in hashes), name


def test_compiled_packages_have_wheels_for_three_systems_and_pythons() -> None:
    # The file has no names of wheels; there is one at least for each of nine.
    few = [name for name in ("numpy", "scipy", "onnxruntime") if len(_hashed()[name][2]) < 9]
    assert not few


def test_packages_with_hashes_lack_none_that_they_ask_for() -> None:
    hashed = {canonicalize_name(name) for name in _hashed()}
    for name in hashed:
        for requirement in map(Requirement, distribution(name).requires or []):
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                assert canonicalize_name(requirement.name) in hashed, f"{name}: {requirement}"


def test_what_pip_audit_reports_is_judged() -> None:
    facts = runpy.run_path(str(ROOT / "tests" / "base_audit.py"))
    fault = {"id": "PYSEC-2026-1", "fix_versions": ["1.1", "2.0"]}
    packages = [
        {"name": "one", "version": "1.0", "vulns": [fault, {"id": "GHSA-x", "fix_versions": []}]},
        {"name": "two", "version": "2.0", "vulns": []},
        {"name": "three", "skip_reason": "not found on PyPI"},
    ]
    known, skipped = facts["judge"]({"dependencies": packages})
    assert known == [
        "one 1.0: PYSEC-2026-1, fixed in 1.1 and 2.0",
        "one 1.0: GHSA-x, fixed in no version",
    ]
    assert skipped == ["three"]
