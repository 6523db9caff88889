"""Runs from start to ONNX: one command each, checked against torch, runnable without it."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sounds import melody
from tiny_examples import SETTINGS, TINY, tiny_examples

from cambiata.audio.sound import Audio
from cambiata.errors import InputError
from cambiata.timbre_transfer.api import transfer
from cambiata.timbre_transfer.vqvae import VqVae as VqVaeSystem
from cambiata.timbre_transfer.vqvae import VqVaeConfig
from cambiata.weights import load_model

torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")
pytest.importorskip("onnx")

from cambiata.train import onnx as onnx_module  # noqa: E402
from cambiata.train import run as run_module  # noqa: E402
from cambiata.train.export import export  # noqa: E402
from cambiata.train.loop import METRICS  # noqa: E402
from cambiata.train.run import read_run, resume, start  # noqa: E402
from cambiata.train.vqvae_network import VqVae, VqVaeShape  # noqa: E402


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    (folder / "examples").mkdir()
    tiny_examples(folder / "examples")
    found = start(
        "vqvae-supervised", folder / "run", settings=SETTINGS, examples=folder / "examples"
    )
    assert found["step"] == 4
    return folder / "run"


def test_a_run_tells_what_it_is(run: Path) -> None:
    facts, config = read_run(run)
    assert facts["preset"] == "vqvae-supervised"
    assert config.task.learning == "supervised"
    assert config.task.shape.width == 8
    assert config.examples == TINY.__class__(**(TINY.__dict__))
    assert len(facts["commit"]) >= 7
    assert "torch" in facts["machine"]
    assert (run / METRICS).exists()


def test_a_run_is_not_overwritten(run: Path) -> None:
    before = (run / METRICS).read_bytes()
    with pytest.raises(
        InputError, match="exists; go on with `cambiata train resume`, or replace it"
    ):
        start("vqvae-self-supervised", run, settings=SETTINGS)
    assert (run / METRICS).read_bytes() == before


def test_going_on_takes_a_new_limit(run: Path) -> None:
    again = resume(run)
    assert again["step"] == 4  # four steps were the limit: nothing to do
    with pytest.raises(InputError, match="is not a run; start one"):
        resume(run.parent)


@pytest.fixture(scope="module")
def exported(run: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The run's file, as it is by default, and the facts that were told of it."""
    place = tmp_path_factory.mktemp("exported") / "tiny.onnx"
    return place, export(run, place)


def test_the_file_says_what_torch_says(exported: tuple[Path, dict[str, Any]]) -> None:
    _says_what_torch_says(*exported)


@pytest.mark.slow
def test_the_full_file_says_what_torch_says(run: Path, tmp_path: Path) -> None:
    _says_what_torch_says(tmp_path / "tiny.onnx", export(run, tmp_path / "tiny.onnx", half=False))


def _says_what_torch_says(place: Path, facts: dict[str, Any]) -> None:
    assert facts["parity"]["max_difference"] < 1e-4
    assert facts["parity"]["equal_codes"] > 0.9
    assert json.loads(place.with_suffix(".json").read_text()) == json.loads(json.dumps(facts))
    model = load_model(str(place), "vqvae")
    assert model.about["licence"] == "Apache-2.0"
    assert model.about["preset"] == "vqvae-supervised"
    assert model.about["training"]["task"]["shape"]["width"] == 8
    # Frames of any number, each way; the code is part of the answer.
    rng = np.random.default_rng(0)
    for n_frames in (8, 33, 100):
        spectrogram = rng.random((1, 1025, n_frames)).astype(np.float32)
        [timbre] = model.part("style")(spectrogram)
        made, codes = model.part()(spectrogram, timbre)
        assert timbre.shape == (1, 8)
        assert made.shape == spectrogram.shape
        assert codes.shape == (1, (n_frames // 2 + 1) // 2 + 1)


@pytest.mark.slow
def test_half_the_size(run: Path, tmp_path: Path) -> None:
    export(run, tmp_path / "half.onnx")
    export(run, tmp_path / "full.onnx", half=False)
    sizes = [(tmp_path / f"{name}.style.onnx").stat().st_size for name in ("half", "full")]
    assert sizes[0] < 0.8 * sizes[1]  # the smallest arrays stay as they are


@pytest.mark.slow
def test_it_plays_through_the_main_job(run: Path, tmp_path: Path) -> None:
    export(run, tmp_path / "tiny.onnx")
    content, style = (Audio(melody([60, 64], rate=44100), 44100) for _ in range(2))
    settings = {"weights": str(tmp_path / "tiny.onnx")}
    out = transfer(content, style, system="vqvae", settings=settings)
    assert out.samples.shape == content.samples.shape
    assert np.isfinite(out.samples).all()


@pytest.mark.slow
def test_nothing_is_left_where_the_two_disagree(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_module, "MAX_DIFFERENCE", -1.0)
    with pytest.raises(InputError, match=r"x\.onnx: differs from torch by"):
        export(run, tmp_path / "x.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_authors_checkpoint_becomes_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Their network at a hundredth of the width: the published one is 212 MB.
    def small(*_shape: Any) -> VqVaeShape:
        return VqVaeShape(width=8, n_codes=16)

    monkeypatch.setattr("cambiata.train.vqvae_network.VqVaeShape", small)
    torch.manual_seed(0)
    torch.save(VqVae(small()).state_dict(), tmp_path / "state.pt")
    facts = export(tmp_path / "state.pt", tmp_path / "theirs.onnx", half=False)
    assert facts["preset"] == "cifka2021"
    assert facts["licence"] == "not stated by the authors"
    system = VqVaeSystem(VqVaeConfig(weights=str(tmp_path / "theirs.onnx")))
    assert system.capture(melody([60], rate=16000)).shape == (8,)


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("x.pt", r"x\.pt: is not a \.onnx file; name it NAME\.onnx"),
        ("none/x.onnx", r"none: is not a folder; make it first"),
        ("there.onnx", r"there\.onnx: exists"),
    ],
)
def test_an_output_that_cannot_be_is_said(run: Path, tmp_path: Path, name: str, match: str) -> None:
    (tmp_path / "there.onnx").write_text("precious")
    with pytest.raises(InputError, match=match):
        export(run, tmp_path / name)
    assert (tmp_path / "there.onnx").read_text() == "precious"


def test_a_file_whose_part_is_gone_or_changed_is_refused(
    exported: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    for path in exported[0].parent.iterdir():
        shutil.copy(path, tmp_path)
    part = tmp_path / "tiny.style.onnx"
    part.write_bytes(part.read_bytes() + b" ")
    with pytest.raises(InputError, match=r"tiny\.style\.onnx: has changed; export it again"):
        load_model(str(tmp_path / "tiny.onnx"), "vqvae")
    part.unlink()
    with pytest.raises(InputError, match=r"tiny\.onnx: lacks tiny\.style\.onnx beside it"):
        load_model(str(tmp_path / "tiny.onnx"), "vqvae")


def test_the_commit_is_told_where_there_is_one() -> None:
    assert run_module._commit() != ""
