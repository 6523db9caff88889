"""The package's own names: imported at their first use, and known to type checkers."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import cambiata


def test_the_table_of_places_says_what_type_checkers_read() -> None:
    tree = ast.parse(Path(cambiata.__file__).read_text())
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    read = {
        alias.asname or alias.name: (node.module, alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert read == cambiata._HOMES
    assert sorted(read) == sorted(cambiata.__all__)


@pytest.mark.parametrize("name", cambiata.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(cambiata, name) is not None
    assert name in dir(cambiata)


def test_what_the_file_itself_imports_is_not_listed() -> None:
    assert not {"Any", "TYPE_CHECKING", "import_module"} & {*dir(cambiata)}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'transfr'"):
        cambiata.transfr  # type: ignore[attr-defined]  # noqa: B018


def test_importing_loads_neither_arrays_nor_networks() -> None:
    heavy = ("numpy", "scipy", "onnxruntime", "soundfile", "click", "rich", "mido")
    code = f"import sys, cambiata; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_name_is_the_functions_whatever_was_imported_before() -> None:
    # A module of a function's name would hide it once it is imported.
    code = "import cambiata.cli.main, cambiata; print(all(callable(getattr(cambiata, n)) for n in "
    code += "cambiata.__all__))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_a_transfer_needs_no_signal_processing_of_scipys() -> None:
    code = (
        "import sys, numpy as np, cambiata; t = np.arange(44100) / 44100; "
        "a = cambiata.Audio(np.sin(2765 * t) * 0.2, 44100); cambiata.transfer(a, a); "
        "print([m for m in ('scipy.signal', 'scipy.stats', 'rich', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
