"""Every network in train/tasks/ is found, trains, goes on and is exported, in both precisions.

Run on every machine: bfloat16 is slow where the processor does not multiply in it, but works; where
there is a GPU, the loop takes it.
"""

import ast
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tiny_groove_data import tiny_groove_data
from tiny_packs import training_pack
from tiny_training import LISTENER_SETTINGS, LOOP, SETTINGS

torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")
pytest.importorskip("onnx")
import tiny_domains  # noqa: E402
import tiny_examples  # noqa: E402
import tiny_tunes  # noqa: E402

import cambiata.train  # noqa: E402
from cambiata.data import melody_bars, melody_notes  # noqa: E402
from cambiata.data.drum_grooves import DrumGroovesConfig, record_drum_grooves  # noqa: E402
from cambiata.data.grooves import GroovesConfig, record_grooves  # noqa: E402
from cambiata.data.scored_examples import ScoredExamples  # noqa: E402
from cambiata.train.export import export  # noqa: E402
from cambiata.train.loop import _Loop, read_metrics  # noqa: E402
from cambiata.train.run import RUN_FILE, resume, start  # noqa: E402
from cambiata.train.tasks.registry import PRESETS, make_task, task_type, training  # noqa: E402
from cambiata.train.tensors import to_numpy  # noqa: E402

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


_VQVAE = tiny_examples.SETTINGS | {"task.shape.width": "8"}
_ROLLS = SETTINGS | {"task.crop_s": "1"}

# What makes each task small, by the class of its settings.
TINY: dict[str, dict[str, str]] = {
    "DrumsTraining": LOOP | {"task.width": "4", "task.n_hidden": "8", "task.n_blocks": "1"},
    "GrooveTraining": LOOP | {"task.width": "16", "task.n_hits": "4", "task.n_performance": "3"},
    "ListenerTraining": LISTENER_SETTINGS,
    "MelodyTraining": LOOP | {"task.width": "16", "loop.batch_size": "8"},
    "Mor2018Training": tiny_domains.SETTINGS
    | {"task.width": "8", "task.crop_samples": "1600", "task.n_layers": "3"},
    "OneShotTraining": SETTINGS | {"task.width": "16"},
    "Pati2018Training": LOOP | {"task.width": "8", "loop.batch_size": "8"},
    "PerformanceNetTraining": _ROLLS | {"task.widths": "8,16", "task.n_blocks": "1"},
    "PlayerTraining": SETTINGS | {"task.width": "16"},
    "TimbreMetricTraining": LOOP | {"examples.n_tracks": "8", "examples.n_validation": "8"},
    "TranslationTraining": tiny_domains.SETTINGS | {"task.width": "16"},
    "VqVaeTraining": _VQVAE,
    "WaveNetTraining": SETTINGS
    | {"task.width": "8", "task.n_skip": "8", "task.n_stacks": "1", "task.n_layers": "3"},
}


@pytest.fixture(scope="session")
def recorded(
    tmp_path_factory: pytest.TempPathFactory,
    scored_examples: ScoredExamples,
    roll_examples: ScoredExamples,
) -> Callable[[str], Path]:
    """Folder of the examples that a preset learns from, by the class of their settings."""
    folders = {"ScoredConfig": scored_examples.folder, "PianoConfig": roll_examples.folder}

    def make(kind: str) -> Path:
        place = tmp_path_factory.mktemp(kind)
        if kind == "ExamplesConfig":
            tiny_examples.tiny_examples(place)
        elif kind == "DomainsConfig":
            tiny_domains.tiny_domains(place)
        elif kind == "ClipsConfig":
            training_pack(place)
        elif kind == "GroovesConfig":
            record_grooves(GroovesConfig(str(tiny_groove_data(place))), place)
        elif kind == "DrumGroovesConfig":
            source = str(tiny_groove_data(place))
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("cambiata.data.soundfont.installed_fonts", list)
                config = DrumGroovesConfig(source, "", n_synthetic=1)
                record_drum_grooves(config, place)
        elif kind == "TracksConfig":
            rng = np.random.default_rng(0)
            for split in ("training", "validation", "test"):
                features = rng.standard_normal((8, 2, 12, 257)).astype(np.float32)
                np.savez(place / f"{split}.npz", features=features, names=["a", "b"] * 4)
            (place / "facts.json").write_text('{"banks": []}')
        elif kind == "TunesConfig":
            melody_bars.write_bars(melody_bars.parse_lines(tiny_tunes.tunes(20)), place, 1)
        elif kind == "NotesConfig":
            melody_notes.record_notes(melody_notes.NotesConfig(1), place)
        return place

    def find(kind: str) -> Path:
        if kind not in folders:
            folders[kind] = make(kind)
        return folders[kind]

    return find


@pytest.fixture(autouse=True)
def no_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures of the losses take longer than the three steps."""
    monkeypatch.setattr("cambiata.train.loop.draw_curves", lambda _run: None)


@pytest.fixture
def tiny_corpus(monkeypatch: pytest.MonkeyPatch, recorded: Callable[[str], Path]) -> None:
    """The old collections' tunes, by which `melody` and `pati2018` are sized, are a few of ours."""
    from cambiata.train.tasks import melody, pati2018

    monkeypatch.setattr(melody_notes, "read_tunes", lambda **_: tiny_tunes.tunes(20))
    bars = melody_bars.TuneBars(recorded("TunesConfig"), "train")
    notes = melody_notes.TuneNotes(recorded("NotesConfig"), "train")
    monkeypatch.setattr(melody, "record_tunes", lambda *_, **__: bars)
    monkeypatch.setattr(pati2018, "record_notes", lambda *_, **__: notes)


def _train(preset: str, precision: str, run: Path, recorded: Callable[[str], Path]) -> None:
    """Two steps and a third one after a break, each followed by a validation."""
    config = training(preset)
    settings = TINY[type(config.task).__name__] | {"loop.precision": precision}
    settings |= {"loop.max_steps": "2", "loop.n_workers": "0", "loop.report_every_steps": "1"}
    examples = recorded(type(config.examples).__name__)
    assert start(preset, run, settings=settings, examples=examples)["step"] == 2
    facts = json.loads((run / RUN_FILE).read_text())
    facts["training"]["loop"]["max_steps"] = 3
    (run / RUN_FILE).write_text(json.dumps(facts))
    assert resume(run)["step"] == 3
    lines = read_metrics(run)
    assert [line["step"] for line in lines if "loss" in line] == [1, 2, 3]
    validations = [line["validation"] for line in lines if "validation" in line]
    assert len(validations) == 2
    figures: list[Any] = [value for each in validations for value in each.values()]
    assert np.isfinite(np.array(figures, float)).all()


# Without those that need features of examples or take long for another reason.
_QUICK = (
    "listener",
    "listener-causal",
    "vqvae-supervised",
    "performancenet",
    "wavenet",
    "pati2018",
)


@pytest.mark.usefixtures("tiny_corpus")
@pytest.mark.parametrize("preset", _QUICK)
@pytest.mark.slow
def test_a_preset_trains_and_goes_on_in_bfloat16(
    preset: str, recorded: Callable[[str], Path], tmp_path: Path
) -> None:
    _train(preset, "bf16-mixed", tmp_path / "run", recorded)


@pytest.mark.slow
@pytest.mark.usefixtures("tiny_corpus")
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_trains_goes_on_and_is_exported(
    preset: str, precision: str, recorded: Callable[[str], Path], tmp_path: Path
) -> None:
    _train(preset, precision, tmp_path / "run", recorded)
    facts = export(tmp_path / "run", tmp_path / "made.onnx")
    assert facts["parity"]["max_difference"] < 1e-3
    assert facts["system"] == task_type(training(preset)).system


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64, torch.bool])
def test_tensors_of_every_type_come_home(dtype: torch.dtype) -> None:
    tensor = torch.tensor([0.0, 1.0], requires_grad=True).to(dtype)
    assert to_numpy(tensor).tolist() == [0, 1]


@pytest.mark.parametrize("preset", ["wavenet"])
def test_a_task_keeps_to_the_device_of_its_batches(
    preset: str, recorded: Callable[[str], Path]
) -> None:
    """As on a GPU, where tensors of two devices do not mix: on a device that is none."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    class AnyNumber(FakeTensorMode):  # a number drawn on a device that is none is 1
        def dispatch(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is torch.ops.aten._local_scalar_dense.default:
                return 1
            return super().dispatch(func, types, args, kwargs)

    config = training(preset, TINY[type(training(preset).task).__name__])
    task = make_task(config)
    folder = recorded(type(config.examples).__name__)
    dataset = task.dataset(task.record(config, str(folder), None), None)
    batch = torch.stack([torch.from_numpy(dataset[i]) for i in range(2)])
    with AnyNumber(allow_non_fake_inputs=True), torch.no_grad():

        def elsewhere(tensor: torch.Tensor) -> torch.Tensor:
            return torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")

        for module in task.modules():
            for name, parameter in module._parameters.items():
                if parameter is not None:
                    module._parameters[name] = torch.nn.Parameter(elsewhere(parameter), False)
            for name, buffer in module._buffers.items():
                module._buffers[name] = elsewhere(buffer) if buffer is not None else None
        loop = SimpleNamespace(fabric=SimpleNamespace(device=torch.device("meta")))
        with _Loop._device_context(loop):  # type: ignore[arg-type]
            losses = task(elsewhere(batch), 0.5)
    assert {loss.device.type for loss in losses.values()} == {"meta"}
