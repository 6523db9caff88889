"""An unknown command names the nearest one, and all."""

from pathlib import Path

import pytest
from commands import run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("trasnfer", "a", "b"), "No such command trasnfer (did you mean transfer?); use one of "),
        (("timbre", "captur"), "No such command captur (did you mean capture?); use one of captur"),
        (("xyz",), "No such command xyz; use one of counterpoint, data, domains, evaluate, groove"),
    ],
)
def test_an_unknown_command_names_the_nearest_and_all(
    arguments: tuple[str, ...], message: str
) -> None:
    done = run(*arguments, folder=Path.cwd())
    assert done.returncode == 2
    [line] = done.stderr.decode().splitlines()
    assert line.startswith(f"cambiata: {message}")
