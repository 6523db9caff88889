"""Every network in train/tasks/ is found, with all that it owes the rest."""

import ast
from pathlib import Path

import pytest

pytest.importorskip("torch")

import cambiata.train
from cambiata.train.tasks.registry import PRESETS, task_type, training

TRAIN = Path(cambiata.train.__path__[0])
REPOSITORY = TRAIN.parents[2]


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_has_a_task_with_a_system_and_a_card(name: str) -> None:
    config = training(name)
    task = task_type(config)
    assert task.settings is type(config.task)
    assert task.system
    assert (REPOSITORY / "docs" / "models" / f"{task.card}.md").is_file()
    assert config.loop.minutes or config.loop.max_steps
    for hook in ("record", "onnx_parts"):
        assert getattr(task, hook).__module__.startswith("cambiata.train.tasks.")


def test_a_preset_is_called_as_its_system_or_its_file() -> None:
    for name in PRESETS:
        task = task_type(training(name))
        module = task.__module__.rpartition(".")[2].replace("_", "-")
        assert name.split("-")[0] in (task.system.split("-")[0], module.split("-")[0]), name


def test_no_file_beside_the_tasks_names_one() -> None:
    tasks = {path.stem for path in (TRAIN / "tasks").glob("*.py")} - {"__init__", "registry"}
    for file in ("config", "export", "loop", "onnx", "run", "task", "tasks/registry"):
        tree = ast.parse((TRAIN / f"{file}.py").read_text())
        imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)} | {
            name.name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for name in node.names
        }
        assert not imported & {f"cambiata.train.tasks.{task}" for task in tasks}, file
