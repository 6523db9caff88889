"""Shipped weights: there, whole, documented, and refused where they are not what was shipped."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cambiata import Audio, Sheet, restyle, transcribe, transfer, weights
from cambiata.errors import CambiataError, InputError
from cambiata.score.sheet import Tone, Voice
from cambiata.weights import WEIGHTS, WeightsError, load_model, network, weights_checked

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _nothing_cached() -> Iterator[None]:
    network.cache_clear()
    yield
    network.cache_clear()


@pytest.mark.parametrize("name", WEIGHTS)
def test_file_is_the_one_that_was_shipped(name: str) -> None:
    known = WEIGHTS[name]
    data = files("cambiata").joinpath("shipped", known.file).read_bytes()
    assert hashlib.sha256(data).hexdigest() == known.sha256
    assert len(data) < 25e6  # all of them together: tests/timbre_transfer/test_vqvae.py


@pytest.mark.parametrize("name", WEIGHTS)
def test_licence_and_card(name: str) -> None:
    known = WEIGHTS[name]
    card = (ROOT / known.card).read_text()
    assert known.licence in card
    assert known.file in card


def test_timbre_metric_embeds_sounds_of_any_length() -> None:
    embed = network("timbre-metric")
    rng = np.random.default_rng(0)
    for n_frames in (128, 257, 700):
        x = rng.standard_normal((3, 12, n_frames)).astype(np.float32)
        together = embed(x)
        assert together.shape == (3, 64)
        assert together.dtype == np.float32
        assert np.isfinite(together).all()
        apart = np.concatenate([embed(one[None]) for one in x])
        np.testing.assert_allclose(together, apart, atol=1e-4)
        assert embed(x).tobytes() == together.tobytes()
    assert network("timbre-metric") is embed


def _shipping(monkeypatch: pytest.MonkeyPatch, folder: Path, data: bytes | None) -> None:
    (folder / "shipped").mkdir()
    if data is not None:
        (folder / "shipped" / "timbre-metric.onnx").write_bytes(data)
    monkeypatch.setattr(weights, "files", lambda _: folder)


def test_other_bytes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _shipping(monkeypatch, tmp_path, b"not the network")
    with pytest.raises(WeightsError, match=r"timbre-metric\.onnx: is not the file that was shippe"):
        network("timbre-metric")


@pytest.mark.parametrize("name", WEIGHTS)
def test_one_flipped_bit_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = WEIGHTS[name]
    data = bytearray(files("cambiata").joinpath("shipped", known.file).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "shipped").mkdir()
    (tmp_path / "shipped" / known.file).write_bytes(data)
    monkeypatch.setattr(weights, "files", lambda _: tmp_path)
    with pytest.raises(WeightsError, match="is not the file that was shipped"):
        weights.open_model(name)


def test_missing_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _shipping(monkeypatch, tmp_path, None)
    with pytest.raises(WeightsError, match=r"timbre-metric\.onnx: is not in the package"):
        network("timbre-metric")
    assert issubclass(WeightsError, CambiataError)


def test_wrong_hash_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"some network"
    _shipping(monkeypatch, tmp_path, data)
    right = hashlib.sha256(data).hexdigest()
    for wrong in ("", "0" * 64, right.upper()):
        monkeypatch.setitem(
            WEIGHTS, "timbre-metric", replace(WEIGHTS["timbre-metric"], sha256=wrong)
        )
        with pytest.raises(WeightsError, match="is not the file that was shipped"):
            network("timbre-metric")


def test_unknown_name() -> None:
    with pytest.raises(KeyError, match="nothing"):
        network("nothing")


# ONNX Runtime sends its usage data some ten seconds after it was loaded.
_RUNS_A_NETWORK = """
import sys, time
import numpy as np
from cambiata.weights import network
network("timbre-metric")(np.zeros((3, 12, 128), np.float32))
time.sleep(float(sys.argv[1]))
"""


# Every package of every extra that is installed, loaded together. No package but ONNX Runtime was
# seen to send anything; basic-pitch, which loads ONNX Runtime by itself, is never imported.
_LOADS_EXTRAS = """
import importlib, sys, time
import cambiata.weights
cambiata.weights.network("timbre-metric")
for name in (
    "cambiata.web.server essentia.standard fluidsynth librosa lightning_fabric matplotlib.figure "
    "mir_eval music21 numba onnx onnxscript ortools.sat.python.cp_model PIL.Image pretty_midi "
    "sklearn.mixture torch torch.onnx vector_quantize_pytorch verovio"
).split():
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        print("not installed:", name)
time.sleep(float(sys.argv[1]))
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="no strace; apt-get install strace")
@pytest.mark.parametrize("code", [_RUNS_A_NETWORK, _LOADS_EXTRAS], ids=["base", "extras"])
def test_nothing_is_sent(code: str, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    calls = "trace=socket,connect,sendto,sendmsg,sendmmsg"
    subprocess.run(
        ["strace", "-f", "-e", calls, "-o", str(trace), sys.executable, "-c", code, "25"],
        env=environment,
        check=True,
    )
    lines = trace.read_text().splitlines()
    assert any("exited with 0" in line for line in lines)
    # A socket alone, never connected, is how urllib3 (of music21) sees whether there is IPv6.
    reached = [line for line in lines if "AF_INET" in line and "socket(AF_INET6" not in line]
    assert not reached


def test_a_user_s_own_setting_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")
    network("timbre-metric")
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "0"
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY")
    network.cache_clear()
    network("timbre-metric")
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "1")  # so that the old state comes back


def _own_model(place: Path, about: object, value: float = 1.0, path: str = "") -> Path:
    """A model of two inputs' sum and a constant, which may lie in another file."""
    onnx = pytest.importorskip("onnx")
    tensor = onnx.numpy_helper.from_array(np.full(2, value, np.float32), "w")
    if path:
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=path)
    ends = [onnx.helper.make_tensor_value_info(x, 1, [2]) for x in ("x", "y")]
    add = onnx.helper.make_node("Add", ["x", "w"], ["y"])
    graph = onnx.helper.make_graph([add], "g", ends[:1], ends[1:], [tensor])
    opset = [onnx.helper.make_opsetid("", 17)]
    model = onnx.helper.make_model(graph, opset_imports=opset, ir_version=8)
    onnx.helper.set_model_props(model, {"cambiata": json.dumps(about)})
    place.write_bytes(model.SerializeToString())
    return place


def test_weights_that_give_nan_are_refused(tmp_path: Path) -> None:
    place = _own_model(tmp_path / "a.onnx", {"system": "oneshot"}, float("nan"))
    model = load_model(str(place), "oneshot")
    problem = r"a\.onnx: its network gives NaN or infinite numbers; give a file of"
    with pytest.raises(InputError, match=problem):
        model.part()(np.zeros(2, np.float32))
    good = load_model(str(_own_model(tmp_path / "b.onnx", {"system": "oneshot"})), "oneshot")
    assert good.part()(np.zeros(2, np.float32))[0].tolist() == [1, 1]
    for arrays in ((), (np.zeros(3, np.float32),), (np.zeros(2),)):
        with pytest.raises(InputError, match=r"b\.onnx: its network takes other inputs"):
            good.part()(*arrays)


def test_a_model_reads_no_other_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_bytes(np.full(2, 7, np.float32).tobytes())
    for path in ("secret", str(tmp_path / "secret")):
        place = _own_model(tmp_path / "a.onnx", {"system": "oneshot"}, path=path)
        with pytest.raises(InputError, match=r"a\.onnx: keeps weights in another file"):
            load_model(str(place), "oneshot")
    parts = {"system": "oneshot", "parts": {"style": ["../b.onnx", "0" * 64]}}
    (tmp_path / "inner").mkdir()
    (tmp_path / "b.onnx").write_bytes((tmp_path / "a.onnx").read_bytes())
    with pytest.raises(InputError, match=r"lacks \.\./b\.onnx beside it"):
        load_model(str(_own_model(tmp_path / "inner" / "a.onnx", parts)), "oneshot")


def test_facts_that_are_missing_or_out_of_range_are_refused(tmp_path: Path) -> None:
    place = _own_model(tmp_path / "a.onnx", {"system": "vqvae", "domains": [{}]})
    model = load_model(str(place), "vqvae")
    with pytest.raises(InputError, match=r"a\.onnx: its metadata lacks width"):
        model.about["width"]
    with pytest.raises(InputError, match=r"a\.onnx: its metadata lacks name"):
        model.about["domains"][0]["name"]
    for i, wrong in enumerate((1e12, [3, 1e12], {"a": float("inf")}, float("nan"))):
        place = _own_model(tmp_path / f"{i}.onnx", {"system": "vqvae", "width": wrong})
        with pytest.raises(InputError, match="its metadata has a width that no network has"):
            load_model(str(place), "vqvae")
    for i, about in enumerate(([], "text", None)):
        place = _own_model(tmp_path / f"no-{i}.onnx", about)
        with pytest.raises(InputError, match="is not a model"):
            load_model(str(place), "vqvae")


# Found by fuzzing with coverage: facts that were looked up before anything else was checked.
@pytest.mark.parametrize(
    ("system", "fact"),
    [
        ("listener", {"threshold": "../x"}),
        ("drums", {"thresholds": [0.3, [0.4], 0.3, 0.15, 0.25, 0.25]}),
        ("melody", {"styles": 5}),
        ("melody", {"styles": {"reel": {"kinds": [[None, True]]}}}),
        ("pati2018", {"genres": 5, "durations": []}),
        ("oneshot", {"system": "oneshot", "parts": []}),
    ],
)
def test_facts_of_another_type_are_refused(
    tmp_path: Path, system: str, fact: dict[str, object]
) -> None:
    place = str(_own_model(tmp_path / "own.onnx", {"system": system, **fact}))
    tone = Audio(np.sin(np.arange(16000) / 8).astype(np.float32), 16000)
    tune = Sheet((Voice(tuple(Tone(Fraction(i), Fraction(1), 60 + i % 5) for i in range(16))),))
    own: dict[str, Any] = {"settings": {"weights": place}}
    calls = {
        "listener": lambda: transcribe(tone, weights=place),
        "drums": lambda: transcribe(tone, instrument="drums", weights=place),
        "melody": lambda: restyle(tune, "reel", **own),
        "pati2018": lambda: restyle(tune, "reel", system=system, **own),
        "oneshot": lambda: transfer(tone, tone, **own),
    }
    with pytest.raises(InputError, match=r"own\.onnx: .*; give a file of `cambiata train export`"):
        calls[system]()


def _reduced(place: Path, about: object, axes: list[int]) -> str:
    """Hash of a model of two inputs that gives the first one's mean over axes, all for none."""
    onnx = pytest.importorskip("onnx")
    inputs = [
        onnx.helper.make_tensor_value_info("x", 1, [None, None, None]),
        onnx.helper.make_tensor_value_info("timbre", 1, [None, None]),
    ]
    output = onnx.helper.make_tensor_value_info("y", 1, None)
    mean = onnx.helper.make_node("ReduceMean", ["x"], ["y"], keepdims=0, axes=axes or None)
    graph = onnx.helper.make_graph([mean], "g", inputs[: 1 if axes else 2], [output])
    opset = [onnx.helper.make_opsetid("", 17)]
    model = onnx.helper.make_model(graph, opset_imports=opset, ir_version=8)
    onnx.helper.set_model_props(model, {"cambiata": json.dumps(about)})
    place.write_bytes(model.SerializeToString())
    return hashlib.sha256(place.read_bytes()).hexdigest()


@pytest.mark.parametrize("style_axes", [[2], [0, 1, 2]], ids=["render", "capture"])
def test_outputs_of_another_shape_are_refused(tmp_path: Path, style_axes: list[int]) -> None:
    sha256 = _reduced(tmp_path / "style.onnx", {}, style_axes)
    parts = {"style": ["style.onnx", sha256]}
    about = {"system": "vqvae", "level_db": -20, "lowered_by": 0, "parts": parts}
    _reduced(tmp_path / "own.onnx", about, [])
    tone = Audio(np.sin(np.arange(16000) / 8).astype(np.float32), 16000)
    settings = {"weights": str(tmp_path / "own.onnx")}
    with pytest.raises(InputError, match=r"own\.onnx: its networks do not fit the system; give a"):
        transfer(tone, tone, system="vqvae", settings=settings)


def _growing(place: Path, operator: str, n: int) -> Path:
    """A model that makes an array of some 4 n bytes of two numbers, by operators that ours have."""
    onnx = pytest.importorskip("onnx")
    helper, arrays = onnx.helper, onnx.numpy_helper
    side = round(n**0.5)
    sizes = {"ConstantOfShape": [n], "Expand": [n], "Pad": [0, n], "Add": [side, 1], "Reshape": []}
    x, y = (helper.make_tensor_value_info(name, 1, None) for name in ("x", "y"))
    size = arrays.from_array(np.array(sizes[operator], np.int64), "size")
    nodes = [helper.make_node(operator, ["x", "size"][operator == "ConstantOfShape" :], ["big"])]
    if operator == "Add":  # both a column and a row of ones, which the sum makes a square
        nodes = [
            helper.make_node("ConstantOfShape", ["size"], ["column"]),
            helper.make_node("Transpose", ["column"], ["row"]),
            helper.make_node("Add", ["column", "row"], ["big"]),
        ]
    nodes.append(helper.make_node("ReduceMean", ["big"], ["y"]))
    graph = helper.make_graph(nodes, "g", [x], [y], [size])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.helper.set_model_props(model, {"cambiata": '{"system": "oneshot"}'})
    place.write_bytes(model.SerializeToString())
    return place


@pytest.mark.parametrize("operator", ["ConstantOfShape", "Expand", "Pad", "Add"])
def test_networks_of_strangers_take_no_more_than_a_bounded_amount_of_memory(
    operator: str, tmp_path: Path
) -> None:
    resource = pytest.importorskip("resource")
    x = np.zeros(1, np.float32)
    small = load_model(str(_growing(tmp_path / "small.onnx", operator, 1 << 16)), "oneshot")
    assert np.isfinite(small.part()(x)[0]).all()
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    place = _growing(tmp_path / "a.onnx", operator, 3 << 30)  # 12 GB
    with pytest.raises(InputError, match=r"a\.onnx: its network asks for more memory than any of"):
        load_model(str(place), "oneshot").part()(x)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 100_000


def test_operators_that_no_network_of_ours_has_are_refused(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load(str(_own_model(tmp_path / "a.onnx", {"system": "oneshot"})))
    model.graph.node[0].op_type = "Range"
    (tmp_path / "a.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(InputError, match=r"a\.onnx: has the operator Range, as no network of ours"):
        load_model(str(tmp_path / "a.onnx"), "oneshot")


def _use(weights: str, system: str, fault: Exception) -> None:
    with weights_checked():
        load_model(weights, system)
    raise fault


def test_faults_with_weights_that_ship_are_ours() -> None:
    with pytest.raises(ValueError, match="a bug"), weights_checked():
        _use("groove", "groove", ValueError("a bug"))
    with pytest.raises(InputError, match="silent"), weights_checked():
        raise InputError("a.wav", "is silent", "choose another")


def test_the_model_that_was_used_is_named_by_every_block_around(tmp_path: Path) -> None:
    place = str(_own_model(tmp_path / "a.onnx", {"system": "oneshot"}))
    for fault in (ValueError("a shape"), KeyError("a"), AttributeError("a"), ZeroDivisionError()):
        with pytest.raises(InputError, match=r"a\.onnx: its networks do not"), weights_checked():
            _use(place, "oneshot", fault)


def test_a_damaged_model_prints_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(_own_model(tmp_path / "a.onnx", {"system": "oneshot"}).read_bytes())
    at = data.index(b"Add")
    data[at : at + 3] = b"And"  # of truths, not of numbers
    (tmp_path / "b.onnx").write_bytes(data)
    with pytest.raises(InputError, match=r"b\.onnx: is not a model"):
        load_model(str(tmp_path / "b.onnx"), "oneshot")
    assert capfd.readouterr().out == ""


def test_too_little_memory_is_not_said_to_be_a_damaged_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(*_arguments: object, is_own: bool) -> None:
        raise RuntimeError(f"std::bad_alloc {is_own}")

    place = _own_model(tmp_path / "a.onnx", {"system": "oneshot"})
    monkeypatch.setattr(weights, "open_session", no_memory)
    with pytest.raises(MemoryError):
        load_model(str(place), "oneshot")
