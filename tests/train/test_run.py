"""Runs of other versions: gone on with where their settings are known, refused in a line else."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_examples import SETTINGS, TINY, tiny_examples

from cambiata.errors import InputError

torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")

from cambiata.train.loop import read_checkpoint  # noqa: E402
from cambiata.train.run import read_run, resume, start  # noqa: E402
from cambiata.train.tasks.registry import make_task  # noqa: E402

MODELS = Path(__file__).parents[2] / "docs" / "models"
OLD_RUNS = Path(__file__).parent / "old_runs"


def _run_of(file: Path, folder: Path) -> Path:
    shutil.copy(file, folder / "run.json")
    return folder


@pytest.mark.parametrize("file", ["transcriber.json", "listener.json"])
def test_a_run_of_a_network_that_is_no_more_is_refused(file: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has a setting that is unknown here, crop_s; go on with"):
        resume(_run_of(OLD_RUNS / file, tmp_path))


def test_a_run_of_the_translator_keeps_its_settings(tmp_path: Path) -> None:
    _, config = read_run(_run_of(MODELS / "translation/translation.run.json", tmp_path))
    stored = json.loads((tmp_path / "run.json").read_text())["training"]["task"]
    assert config.task.encoder == stored["listener"]
    assert config.task.width == stored["width"]


def test_a_run_begun_from_another_keeps_its_components(tmp_path: Path) -> None:
    examples = []
    for name, n_examples in (("first", 8), ("second", 12)):
        (tmp_path / name).mkdir()
        examples.append(tiny_examples(tmp_path / name, replace(TINY, n_examples=n_examples)))
    settings = {**SETTINGS, "loop.max_steps": "1"}
    runs = tmp_path / "run-1", tmp_path / "run-2"
    start("vqvae-supervised", runs[0], settings=settings, examples=examples[0].folder)
    settings["examples.n_examples"] = "12"
    start(
        "vqvae-supervised",
        runs[1],
        settings=settings,
        examples=examples[1].folder,
        begin_from=runs[0],
    )
    resume(runs[1])
    first, second = (read_checkpoint(run)["task"]["network.basis"] for run in runs)
    assert torch.equal(first, second)
    # What the network reads was computed with them, for the run and when it went on.
    assert len(list(examples[1].folder.glob("components-*"))) == 1
    # They are not those of the examples.
    anew = make_task(read_run(runs[1])[1])
    anew.dataset(examples[1], None)
    assert not torch.equal(anew.network.basis, first)
