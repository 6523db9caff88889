"""Sound flows one way: each room imports only from those before it, and no circle closes."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "cambiata"

# From the sound on disk to the command line; a module may import from its own rank downwards.
RANKS = [
    {"names", "errors", "arrays", "precision", "aliases", "keywords", "inputs", "archives"},
    {"files", "scratch", "caches", "engines"},
    {"drawing"},
    {"audio"},
    {"score"},
    {"page"},
    {"onnx_bytes", "weights", "named_timbres", "wavenet_sampling"},
    {"partials"},
    {"system"},
    {"registry"},
    {"timbre"},
    {"style", "render"},
    {"timbre_transfer", "performance", "transcription", "translation"},
    {
        "melody",
        "groove",
        "counterpoint",
        "reverb",
        "instrument",
        "ensemble",
        "transposition",
        "morphing",
    },
    {"knobs"},
    {"batches"},
    {"__init__"},
    {"data"},
    {"train", "evaluate"},
    {"cli", "web"},
    {"__main__"},
]
JOBS = sorted(RANKS[12] | RANKS[13] | RANKS[14])

# Rooms of one rank that know nothing of each other: what both need is in a room below.
STRANGERS = [("evaluate", "train"), ("train", "evaluate")]

ROOMS = {path.name.removesuffix(".py") for path in SOURCE.iterdir()}
MODULES = {
    ".".join(("cambiata", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(
        ".__init__"
    ): path
    for path in SOURCE.rglob("*.py")
}
TREES = {path: ast.parse(path.read_text()) for path in MODULES.values()}


def _rank(room: str) -> int:
    return next(i for i, rooms in enumerate(RANKS) if room in rooms)


def _room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def _imported(tree: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    """Every import, inside functions too: the statement, and the module that it names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                # A module by its name, or something that a module gives.
                inner = f"{node.module}.{alias.name}"
                yield node, inner if inner in MODULES else node.module
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name


def _users(*packages: str) -> set[str]:
    """Files that import a package of others."""
    return {
        str(path.relative_to(SOURCE))
        for path, tree in TREES.items()
        if any(name.split(".")[0] in packages for _, name in _imported(tree))
    }


def _graph() -> dict[str, set[str]]:
    return {
        module: {name for _, name in _imported(TREES[path]) if name in MODULES}
        for module, path in MODULES.items()
    }


def test_imports_run_one_way() -> None:
    checked = 0
    for module, others in _graph().items():
        here = _room(module) if module != "cambiata" else "__init__"
        for other in others:
            there = _room(other)
            assert _rank(there) <= _rank(here), f"{module} imports {other}"
            assert (here, there) not in STRANGERS, f"{module} imports {other}"
            checked += 1
    assert checked > 200


def test_no_circle_of_imports() -> None:
    graph = _graph()
    # Modules whose imports are all known to lead nowhere are taken away, until none is left.
    while graph:
        ends = {module for module, others in graph.items() if not others & graph.keys()}
        assert ends, f"a circle among {sorted(graph)}"
        graph = {module: others for module, others in graph.items() if module not in ends}


def _within(tree: ast.AST, kinds: tuple[type[ast.AST], ...]) -> set[ast.AST]:
    return {inner for node in ast.walk(tree) if isinstance(node, kinds) for inner in ast.walk(node)}


def _typing_only(tree: ast.AST) -> set[ast.AST]:
    return {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }


@pytest.mark.parametrize("package", ["torch", "lightning_fabric", "onnx"])
def test_what_trains_is_imported_by_training_alone(package: str) -> None:
    # ulyanov differentiates at run time, and asks what the processor multiplies in: torch is
    # imported there, within functions.
    for path, tree in TREES.items():
        place = path.relative_to(SOURCE)
        if place.parts[0] == "train":
            continue
        allowed = _typing_only(tree)
        if place.name in ("ulyanov.py", "precision.py"):
            allowed |= _within(tree, (ast.FunctionDef,))
        for node, name in _imported(tree):
            if name.split(".")[0] == package:
                assert node in allowed, f"{place}:{node.lineno} imports {name}"


def test_only_audio_touches_sound_files() -> None:
    users = _users("soundfile", "wave", "audioread")
    assert users
    assert {Path(name).parts[0] for name in users} == {"audio"}


def test_one_file_writes_midi() -> None:
    assert _users("mido") == {"score/midi_writing.py"}


def test_one_file_opens_networks() -> None:
    assert _users("onnxruntime") == {"weights.py"}


def test_packages_hold_a_docstring_only() -> None:
    for path, tree in TREES.items():
        if path.name == "__init__.py" and path.parent != SOURCE:
            assert ast.get_docstring(tree), path
            assert len(tree.body) == 1, f"{path.relative_to(SOURCE)}: imports go to its api"


def test_every_job_has_an_api() -> None:
    assert all(f"cambiata.{job}.api" in MODULES for job in JOBS)


@pytest.mark.parametrize("module", ["cambiata", "cambiata.cli.main"])
def test_importing_brings_nothing_heavy(module: str) -> None:
    heavy = ("torch", "scipy.signal", "librosa", "onnxruntime", "pyloudnorm", "rich", "matplotlib")
    code = f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_tests_mirror_the_package() -> None:
    tests = Path(__file__).parent
    of_all = {
        "test_docstrings",
        "test_init",
        "test_kills",
        "test_layout",
        "test_limits",
        "test_readme",
        "test_requirements",
        "test_slow",
        "test_sockets",
        "test_threads",
    }
    for path in tests.rglob("test_*.py"):
        place = path.relative_to(tests)
        if place.parent == Path("web/static"):
            continue  # of the studio's page, in a browser: by what a person does
        module = SOURCE / place.parent / (path.stem.removeprefix("test_") + ".py")
        assert module.exists() or path.stem in of_all, f"tests/{place} tests no module"
