"""Runs of other versions: gone on with where their settings are known, refused in a line else."""

import json
import shutil
from pathlib import Path

import pytest

from cambiata.errors import InputError

pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")

from cambiata.train.run import read_run, resume

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
