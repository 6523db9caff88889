"""Public docstrings hold what numpydoc asks for, judged by numpydoc on the imported objects."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import pytest
from numpydoc.validate import validate

import cambiata

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
# Click turns these docstrings into help texts for people who know no Python.
HELP_TEXTS = {
    f"cambiata.cli.main{command}"
    for command in (
        *(".cli", ".transfer", ".systems", ".data", ".check", ".bank", ".render"),
        *(".evaluate", ".evaluate_transfer", ".evaluate_report"),
        *(".train", ".train_run", ".train_resume", ".train_export"),
        *("_notes.melody", "_notes.groove", "_notes.counterpoint", "_notes.solve", "_notes.check"),
    )
}


def _modules() -> Iterator[str]:
    for module in pkgutil.walk_packages(cambiata.__path__, "cambiata."):
        if not module.name.endswith("__main__"):
            yield module.name


def _public() -> Iterator[tuple[str, bool]]:
    """Every public function, class and method, and whether it owes an example."""
    for name in _modules():
        module = importlib.import_module(name)
        for key, thing in vars(module).items():
            if key.startswith("_") or getattr(thing, "__module__", None) != name:
                continue
            if inspect.isfunction(thing):
                yield f"{name}.{key}", name != "cambiata.cli.main"
            elif inspect.isclass(thing):
                if getattr(thing, "_is_protocol", False):
                    continue
                is_error = issubclass(thing, Exception) and "__init__" not in vars(thing)
                # A system's example is the transfer's; an abstract class has none.
                is_system = issubclass(thing, cambiata.System)
                yield f"{name}.{key}", not is_error and not is_system
                for method, member in vars(thing).items():
                    if not method.startswith("_") and inspect.isfunction(member):
                        yield f"{name}.{key}.{method}", False


PUBLIC = [pair for pair in _public() if pair[0] not in HELP_TEXTS]


@pytest.mark.parametrize(("name", "owes_example"), PUBLIC, ids=[name for name, _ in PUBLIC])
def test_docstring(name: str, owes_example: bool) -> None:
    wanted = CODES | ({"EX01"} if owes_example else set())
    errors = [text for code, text in validate(name)["errors"] if code in wanted]
    assert not errors


def test_something_was_judged() -> None:
    assert len(PUBLIC) > 50
    assert any(owes for _, owes in PUBLIC)
