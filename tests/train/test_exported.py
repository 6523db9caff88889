"""Weights read back from exported networks."""

from pathlib import Path
from typing import Any

import pytest

import cambiata
from cambiata.errors import InputError

torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")
pytest.importorskip("onnx")

from cambiata.train.config import override  # noqa: E402
from cambiata.train.export import export_task  # noqa: E402
from cambiata.train.exported import exported_facts, load_exported  # noqa: E402
from cambiata.train.tasks.registry import make_task, training  # noqa: E402

SHIPPED = Path(cambiata.__file__).parent / "shipped"


def _task(seed: int) -> Any:
    torch.manual_seed(seed)
    task = make_task(override(training("performancenet-l1"), {"task.widths": "8,12"}))
    with torch.no_grad():
        for parameter in task.parameters():  # norms begin as ones and zeros, each like the others
            parameter.add_(0.1 * torch.randn_like(parameter))
    return task


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("exported") / "tiny.onnx"
    facts: dict[str, Any] = {"system": "performancenet", "preset": "performancenet-l1", "step": 7}
    # As a network has it that went on from a machine lent until a time.
    facts["begun from"] = {"training": {"loop": {"deadline_s": 1.8e9}}}
    export_task(_task(0).eval(), facts, place, half=False)
    return place


def test_an_exported_network_is_gone_on_with(file: Path) -> None:
    trained, other = _task(0), _task(1)
    load_exported(other, file)
    assert other.training
    expected = trained.state_dict()
    assert all(torch.equal(array, expected[name]) for name, array in other.state_dict().items())
    assert exported_facts(file)["step"] == 7


def test_another_network_is_refused(file: Path, tmp_path: Path) -> None:
    larger = make_task(override(training("performancenet-l1"), {"task.widths": "8,16"}))
    with pytest.raises(InputError, match="holds another network's weights; begin from a run"):
        load_exported(larger, file)
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(InputError, match=r"text\.onnx: cannot be read"):
        load_exported(larger, tmp_path / "text.onnx")


@pytest.mark.parametrize(
    "preset",
    ["wavenet", "mor2018-small", "oneshot", "player", "vqvae-supervised", "vqvae-self-supervised"],
)
def test_a_network_that_ships_is_gone_on_with(preset: str) -> None:
    # Of the first the exporter drops a layer that nothing reads, of others it transposes layers or
    # keeps what is computed of them; the last two's norms behind convolutions are folded into them.
    task = make_task(training(preset))
    before = {name: array.detach().clone() for name, array in task.named_parameters()}
    load_exported(task, SHIPPED / f"{'vqvae' if preset == 'vqvae-supervised' else preset}.onnx")
    after = dict(task.named_parameters())
    as_begun = {name for name, array in before.items() if torch.equal(array, after[name])}
    folded = ("content_encoder.1", "decoder.0.3", "decoder.1.3", "decoder.1.6")
    without_arrays = ("classifier.", "network.residual.15.", *(f"network.{x}.bias" for x in folded))
    assert all(name.startswith(without_arrays) for name in as_begun)


def test_a_network_whose_companions_cannot_be_read_back_is_refused() -> None:
    with pytest.raises(InputError, match="begin from a run's folder"):
        load_exported(make_task(training("translation")), SHIPPED / "translation.onnx")
