"""ONNX files that name others are known, wherever in them the name stands."""

from typing import Any

import numpy as np
import pytest

from cambiata.onnx_bytes import names_other_files
from cambiata.weights import WEIGHTS, open_model

onnx = pytest.importorskip("onnx")


def _tensor(name: str = "w", path: str = "") -> Any:
    tensor = onnx.numpy_helper.from_array(np.ones(2, np.float32), name)
    if path:
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=path)
    return tensor


def _model(nodes: list[Any], initializers: list[Any]) -> Any:
    ends = [onnx.helper.make_tensor_value_info(x, 1, [2]) for x in ("x", "y")]
    graph = onnx.helper.make_graph(nodes, "g", ends[:1], ends[1:], initializers)
    return onnx.helper.make_model(graph)


def _add() -> Any:
    return onnx.helper.make_node("Add", ["x", "w"], ["y"])


def _constant(tensor: Any) -> Any:
    return onnx.helper.make_node("Constant", [], ["w"], value=tensor)


@pytest.mark.parametrize("path", ["", "/etc/passwd"])
def test_external_tensors_are_found_wherever_they_are(path: str) -> None:
    tensor = _tensor(path=path)
    in_a_graph = onnx.helper.make_graph([_constant(tensor)], "inner", [], [])
    branch = onnx.helper.make_node("If", ["x"], ["y"], then_branch=in_a_graph)
    sparse = onnx.helper.make_node(
        "Constant", [], ["w"], sparse_value=onnx.SparseTensorProto(values=tensor)
    )
    models = [
        _model([_add()], [tensor]),
        _model([_constant(tensor), _add()], []),
        _model([branch], []),
        _model([sparse], []),
        onnx.ModelProto(functions=[onnx.FunctionProto(node=[_constant(tensor)])]),
    ]
    for model in models:
        assert names_other_files(model.SerializeToString()) == bool(path)


def test_what_ships_is_alone() -> None:
    for name in ("oneshot", "groove"):
        assert not names_other_files(open_model(name)[0])
    assert len(WEIGHTS) > 5


@pytest.mark.parametrize("data", [b"\xff" * 20, b"\x3a\xff\xff", b"text that is no model", b"\x3b"])
def test_other_bytes_are_no_model(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"integer|field|wire"):
        names_other_files(data)
