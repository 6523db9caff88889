"""ONNX files that name others are known, wherever in them the name stands."""

from importlib.resources import files
from typing import Any

import numpy as np
import pytest

from cambiata.onnx_bytes import foreign_part, names_other_files
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


def test_all_that_ships_has_known_operators_only() -> None:
    shipped = [x for x in files("cambiata").joinpath("shipped").iterdir() if x.name[-5:] == ".onnx"]
    assert len(shipped) > len(WEIGHTS)  # with their parts
    for each in shipped:
        assert foreign_part(each.read_bytes()) == "", each.name


def test_operators_of_nobody_s_are_found_wherever_they_are() -> None:
    helper = onnx.helper
    inner = helper.make_graph([helper.make_node("RandomNormal", [], ["w"])], "inner", [], [])
    own = helper.make_node("Custom", ["x"], ["y"], domain="com.microsoft")
    function = onnx.FunctionProto(node=[_add()])
    sparse = onnx.SparseTensorProto(values=_tensor(), dims=[10**12])
    plain = _model([_add()], [_tensor()])
    assert foreign_part(plain.SerializeToString()) == ""
    for model, found in (
        (_model([helper.make_node("Loop", ["x"], ["y"], body=inner)], []), "the operator Loop"),
        (_model([helper.make_node("Add", ["x"], ["y"], body=inner)], []), "operator RandomNormal"),
        (_model([own], []), "the operator com.microsoft.Custom"),
        (_model([helper.make_node("Range", ["x"] * 3, ["y"])], []), "the operator Range"),
        (onnx.ModelProto(functions=[function]), "a function"),
        (
            _model([helper.make_node("Constant", [], ["w"], sparse_value=sparse)], []),
            "sparse parts",
        ),
        (_model([_add()] * 10_001, []), "more than 10000 operators"),
    ):
        assert found in foreign_part(model.SerializeToString())


@pytest.mark.parametrize("dims", [[10**12], [2**31, 2**31], [3], [-1], [2, 2**62]])
def test_constants_that_are_not_there_are_found(dims: list[int]) -> None:
    tensor = _tensor()
    tensor.raw_data = b"12"
    del tensor.dims[:]
    tensor.dims.extend(dims)
    for model in (_model([_add()], [tensor]), _model([_constant(tensor), _add()], [])):
        found = foreign_part(model.SerializeToString())
        assert found == ("" if dims == [3] else "constants that are smaller than it states")
