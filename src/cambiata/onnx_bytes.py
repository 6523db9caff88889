"""ONNX files that strangers made, looked into before the runtime is.

A tensor of an ONNX model may lie in another file, by any path; some versions of ONNX Runtime open
it. An operator may make arrays of any size, or go on for ever; what the operators that are left
can take, the runtime is told (`weights.open_session`). Only the parts of the format that lead to
tensors and operators are walked through (onnx.proto3, IR 13).
"""

from collections.abc import Iterator, Mapping

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5  # protobuf's wire types
_TENSOR_DIMS, _TENSOR_EXTERNAL_DATA, _TENSOR_LOCATION = 1, 13, 14  # fields of TensorProto
_NODE_OPERATOR, _NODE_DOMAIN = 4, 7  # fields of NodeProto
_DEEPEST = 64  # graphs in attributes of nodes of graphs; our own networks have one
_MOST_NODES = 10_000  # the largest network that ships has 386
# Of every message that leads to tensors, the fields that do, and which message each is.
_LEADS: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse",
    },
    "sparse": {1: "tensor", 2: "tensor"},
}  # fmt: skip
# What our own exports never have: its operators would be called by other names, or begin loops.
_NEVER_EXPORTED = ("training", "function", "sparse")
# Of all networks that ship; in the second row what other versions of torch's exporter write for the
# same layers. Loop, If and Scan, which hold graphs, and whatever makes arrays from numbers alone
# (Range, Tile, OneHot, Resize, NonZero, random ones) are not among them.
_NAMES = """
    Abs Add And ArgMin AveragePool BatchNormalization Cast Clip Concat ConstantOfShape Conv
    ConvTranspose Cos Div Exp Expand Floor GRU Gather GatherElements Gelu Gemm Greater LeakyRelu
    Less Log MatMul MaxPool Min Mul Pad Pow ReduceMax ReduceMean ReduceSum Relu Reshape Shape
    Sigmoid Sin Slice Softmax Softplus Split Sqrt Squeeze Sub Tanh Transpose Unsqueeze Where

    ArgMax Ceil Constant Elu Equal Erf Flatten GlobalAveragePool GreaterOrEqual GroupNormalization
    Identity InstanceNormalization LSTM LayerNormalization LessOrEqual LogSoftmax Max Neg Not Or
    Reciprocal ReduceMin Round Sign
"""
_OPERATORS = frozenset(_NAMES.split())


def names_other_files(model: bytes) -> bool:
    """Whether a tensor of an ONNX model lies in another file; ValueError where it is no model.

    >>> names_other_files(b"")
    False
    """
    for kind, message in _messages(model):
        if kind == "tensor":
            for field, value in _fields(message):
                if field == _TENSOR_EXTERNAL_DATA or (field == _TENSOR_LOCATION and value != 0):
                    return True
    return False


def foreign_part(model: bytes) -> str:
    """What none of our networks has and is not run, in words that follow "has "; empty for none.

    ValueError where it is no model.

    >>> foreign_part(b"")
    ''
    """
    n_nodes = 0
    for kind, message in _messages(model):
        if kind in _NEVER_EXPORTED:
            return f"a {kind}" if kind == "function" else f"{kind} parts"
        if kind == "tensor" and _n_elements(message) > len(message):
            return "constants that are smaller than it states"
        if kind == "node":
            n_nodes += 1
            operator = _operator(message)
            if operator not in _OPERATORS:
                return f"the operator {operator}"
            if n_nodes > _MOST_NODES:
                return f"more than {_MOST_NODES} operators"
    return ""


def _messages(model: bytes) -> Iterator[tuple[str, memoryview]]:
    """Every message that leads to tensors or operators, and tensors themselves, by their kinds."""
    pending = [("model", memoryview(model), 0)]
    while pending:
        kind, message, depth = pending.pop()
        if depth > _DEEPEST:
            raise ValueError("graphs in graphs without end")
        yield kind, message
        if kind == "tensor":
            continue
        for field, value in _fields(message):
            if field in _LEADS[kind] and isinstance(value, memoryview):
                pending.append((_LEADS[kind][field], value, depth + 1))


def _operator(node: memoryview) -> str:
    """Name of a node's operator, with its domain where that is not ONNX's own."""
    names = {_NODE_OPERATOR: "", _NODE_DOMAIN: ""}
    for field, value in _fields(node):
        if field in names and isinstance(value, memoryview):
            names[field] = bytes(value[:80]).decode("ascii", "replace")
    domain = names[_NODE_DOMAIN]
    prefix = "" if domain in ("", "ai.onnx") else f"{domain}."
    return prefix + names[_NODE_OPERATOR]


def _n_elements(tensor: memoryview) -> int:
    """Elements that a tensor states. Each that is there takes a byte at least."""
    n = 1
    for field, value in _fields(tensor):
        if field != _TENSOR_DIMS:
            continue
        if isinstance(value, int):
            n *= value
            continue
        at = 0  # several in one field
        while at < len(value):
            size, at = _varint(value, at)
            n *= size
    return n


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Fields of a protobuf message: their numbers, and an integer or the bytes of each."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        field, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(message, at)
            yield field, value
            continue
        if wire == _BYTES:
            length, at = _varint(message, at)
        elif wire in (_EIGHT, _FOUR):
            length = 8 if wire == _EIGHT else 4
        else:
            raise ValueError("an unknown wire type")
        if at + length > len(message):
            raise ValueError("a field that is longer than its message")
        yield field, message[at : at + length]
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """An integer of seven bits a byte, and where the next field begins."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        byte = message[at]
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return value, at
    raise ValueError("an integer without an end")
