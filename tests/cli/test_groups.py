"""An unknown command names the nearest one, and all."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from commands import run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("trasnfer", "a", "b"), "No such command trasnfer (did you mean transfer?); use one of "),
        (("timbre", "captur"), "No such command captur (did you mean capture?); use one of captur"),
        (
            ("convert",),
            "No such command convert; use one of batch, ",
        ),
        (
            ("xyz",),
            "No such command xyz; use one of batch, ",
        ),
    ],
)
def test_an_unknown_command_names_the_nearest_and_all(
    arguments: tuple[str, ...], message: str
) -> None:
    done = run(*arguments, folder=Path.cwd())
    assert done.returncode == 2
    [line] = done.stderr.decode().splitlines()
    assert line.startswith(f"cambiata: {message}")


@pytest.mark.parametrize(
    ("module", "arguments", "message"),
    [
        ("torch", "train run listener -o R", 'train run: needs packages .* "cambiata.train."'),
        ("torch", "train resume R", 'train resume: needs packages .* "cambiata.train."'),
        ("torch", "train export R -o x.onnx", 'train export: needs packages .* "cambiata.train."'),
        ("music21", "evaluate melody -o M", 'pip install "cambiata.(train|eval)."'),
        ("music21", "evaluate counterpoint -o M", 'pip install "cambiata.(train|eval)."'),
    ],
)
def test_a_verb_without_its_extra_says_how_to_have_it(
    module: str, arguments: str, message: str, tmp_path: Path
) -> None:
    code = (
        f"import sys; sys.modules['{module}'] = None\n"
        f"sys.argv = ['cambiata', *'{arguments}'.split()]\n"
        "from cambiata.cli.main import main; main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, check=False, text=True
    )
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert re.search(message, line)
