"""Sound flows one way: each room imports only from those before it."""

import ast
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "src" / "cambiata"

# From the sound on disk to the command line; a module may import from its own rank downwards.
RANKS = [
    {"errors", "arrays", "precision", "aliases"},
    {"files"},
    {"audio"},
    {"score"},
    {"weights"},
    {"partials"},
    {"system"},
    {"registry"},
    {"timbre"},
    {"render"},
    {"timbre_transfer", "performance", "transcription", "translation"},
    {"melody", "groove", "counterpoint"},
    {"__init__"},
    {"data"},
    {"train"},
    {"evaluate"},
    {"cli", "web"},
    {"__main__"},
]

ROOMS = {path.name.removesuffix(".py") for path in SOURCE.iterdir()}


def _rank(room: str) -> int:
    return next(i for i, rooms in enumerate(RANKS) if room in rooms)


def _room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "cambiata":
            # A module by its name, or something that the package's own file gives.
            found |= {
                f"cambiata.{alias.name}" if alias.name in ROOMS else "cambiata"
                for alias in node.names
            }
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.split(".")[0] == "cambiata"}


def test_imports_run_one_way() -> None:
    checked = 0
    for path in SOURCE.rglob("*.py"):
        here = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        for module in _imports(path):
            there = _room(module)
            assert _rank(there) <= _rank(here), f"{path.name} imports {module}"
            checked += 1
    assert checked > 20


def test_only_audio_touches_sound_files() -> None:
    users = {
        path.name
        for path in SOURCE.rglob("*.py")
        if any(
            isinstance(node, ast.Import | ast.ImportFrom) and "soundfile" in ast.dump(node)
            for node in ast.walk(ast.parse(path.read_text()))
        )
    }
    assert users == {"sound.py"}


def test_importing_brings_nothing_heavy() -> None:
    heavy = ("torch", "scipy.signal", "librosa", "onnxruntime", "pyloudnorm", "rich", "matplotlib")
    code = f"import sys, cambiata; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
