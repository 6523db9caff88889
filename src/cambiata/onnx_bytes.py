"""ONNX files that strangers made, looked into before the runtime is: they may name no other file.

A tensor of an ONNX model may lie in another file, by any path; some versions of ONNX Runtime open
it. Only the parts of the format that can hold a tensor are walked through (onnx.proto3, IR 13).
"""

from collections.abc import Iterator, Mapping

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5  # protobuf's wire types
_TENSOR_EXTERNAL_DATA, _TENSOR_LOCATION = 13, 14  # fields of TensorProto
_DEEPEST = 64  # graphs in attributes of nodes of graphs; our own networks have one
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


def names_other_files(model: bytes) -> bool:
    """Whether a tensor of an ONNX model lies in another file; ValueError where it is no model.

    >>> names_other_files(b"")
    False
    """
    pending = [("model", memoryview(model), 0)]
    while pending:
        kind, message, depth = pending.pop()
        if depth > _DEEPEST:
            raise ValueError("graphs in graphs without end")
        for field, value in _fields(message):
            if kind == "tensor":
                if field == _TENSOR_EXTERNAL_DATA or (field == _TENSOR_LOCATION and value != 0):
                    return True
            elif field in _LEADS[kind] and isinstance(value, memoryview):
                pending.append((_LEADS[kind][field], value, depth + 1))
    return False


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
