"""Docstrings of the public names hold what numpydoc asks for, judged on the imported objects.

Public is what users and other packages import: what `cambiata` exports, `audio`, `score`, `system`
and each job's `api`. The rest owes one plain line, which ruff asks for.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from numpydoc.validate import validate

import cambiata
from cambiata.system import SystemFacts

# Summary, parameters (all, none unknown, described), returns and yields; not its taste in stops.
CODES = {
    "GL08",
    "SS01",
    "PR01",
    "PR02",
    "PR03",
    "PR04",
    "PR07",
    "PR10",
    "RT01",
    "RT03",
    "RT04",
    "YD01",
}


def _public_modules() -> Iterator[str]:
    for module in pkgutil.walk_packages(cambiata.__path__, "cambiata."):
        parts = module.name.split(".")[1:]
        if parts[0] == "score" and parts[1:2] and parts[1] in ("abc", "musicxml", "played"):
            continue  # read through `score.notation` alone, as the next test sees
        if parts[:2] == ["audio", "codecs"]:
            continue  # through `audio.sound` and `audio.writing` alone
        if parts[0] in ("audio", "score", "system") or parts[-1] == "api":
            yield module.name


def _exported() -> Iterator[tuple[str, object]]:
    """What `cambiata` exports, by the names of where it is defined."""
    for name in cambiata.__all__:
        thing = getattr(cambiata, name)
        if hasattr(thing, "__qualname__"):
            yield f"{thing.__module__}.{thing.__qualname__}", thing


def _defined() -> Iterator[tuple[str, object]]:
    for name in _public_modules():
        module = importlib.import_module(name)
        for key, thing in vars(module).items():
            if not key.startswith("_") and getattr(thing, "__module__", None) == name:
                yield f"{name}.{key}", thing


def _judged() -> dict[str, bool]:
    """Every public function, class and method, and whether it owes an example."""
    found: dict[str, bool] = {}
    for name, thing in (*_exported(), *_defined()):
        if inspect.isfunction(thing):
            found[name] = True
        elif inspect.isclass(thing) and not getattr(thing, "_is_protocol", False):
            is_error = issubclass(thing, Exception) and "__init__" not in vars(thing)
            # A system's example is its job's; facts and abstract classes have none.
            is_system = issubclass(thing, SystemFacts)
            found[name] = not is_error and not is_system
            for method, member in vars(thing).items():
                if not method.startswith("_") and inspect.isfunction(member):
                    found[f"{name}.{method}"] = False
    return found


PUBLIC = _judged()


@pytest.mark.parametrize("name", PUBLIC)
def test_docstring(name: str) -> None:
    wanted = CODES | ({"EX01"} if PUBLIC[name] else set())
    errors = [text for code, text in validate(name)["errors"] if code in wanted]
    assert not errors


@pytest.mark.parametrize("package", ["abc", "musicxml"])
def test_readers_of_notation_are_imported_by_notation_alone(package: str) -> None:
    users = {
        path.name
        for path in (Path(cambiata.__file__).parent).rglob("*.py")
        if f"cambiata.score.{package}" in path.read_text() and path.parent.name != package
    }
    assert users == {"notation.py"}


def test_something_was_judged() -> None:
    assert len(PUBLIC) > 100
    assert {"cambiata.audio.sound.Audio", "cambiata.timbre_transfer.api.transfer"} <= set(PUBLIC)
    assert any(PUBLIC.values())
