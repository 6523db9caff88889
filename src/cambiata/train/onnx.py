"""Networks as ONNX files that the base install runs, checked against torch."""

import copy
import hashlib
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cambiata.errors import InputError
from cambiata.files import atomic_files
from cambiata.train.tensors import to_numpy
from cambiata.weights import METADATA_KEY, Model

LICENCE = "Apache-2.0"
# Largest difference of ln(1 + |X|) allowed between torch and the file, both in float32: a
# thousandth is 0.009 dB.
MAX_DIFFERENCE = 1e-3
# Arrays smaller than this stay float32: their rounding would be audible, and saves nothing.
_SMALLEST_FLOAT16 = 4096


@dataclass(frozen=True)
class OnnxPart:
    """One of the networks that a task is exported as."""

    module: nn.Module
    inputs: Mapping[
        str, Tensor
    ]  # Examples by name; of one array given twice, torch makes one input
    lengths: Mapping[str, Mapping[int, str]]  # Axes of any length, by input, and their names
    outputs: Sequence[str]  # Names
    data: bytes = b""  # The file itself, where there is one already; `module` is then not used
    min_lengths: Mapping[str, int] = field(default_factory=dict)  # By their names; else 1


class Method(nn.Module):
    """A method of a network as a module of its own, which is what torch exports."""

    def __init__(self, network: nn.Module, method: str) -> None:
        super().__init__()
        self.network, self.method = network, method

    def forward(self, *inputs: Tensor) -> Any:
        """Results of the method."""
        return getattr(self.network, self.method)(*inputs)


def write_parts(
    parts: Mapping[str, "OnnxPart"],
    place: Path,
    metadata: Mapping[str, Any],
    *,
    half: bool,
    compare: Callable[[Path], dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Facts of networks written into files that lie beside each other, all of them or none.

    The main file, NAME.onnx, is that of the part without a name; the others are NAME.PART.onnx.
    `compare` tells from the main file its "max_difference" from torch; else every part is compared
    on random inputs. `half` keeps large arrays as float16.
    """
    metadata = dict(metadata)
    names = [*(name for name in parts if name), ""]  # the main file last: it vouches for the others
    places = [place.with_name(f"{place.stem}.{name}.onnx") if name else place for name in names]
    with atomic_files(*places) as unfinished:
        files = dict(zip(names, unfinished, strict=True))
        for name, part in parts.items():
            _write(part, files[name], half=half)
            if name:
                _describe(files[name], {"part of": place.name})
        others = {name: file for name, file in files.items() if name}
        metadata["parts"] = {name: [file.name, _sha256(file)] for name, file in others.items()}
        main = files[""]
        _describe(main, metadata)
        facts = metadata | {
            "sha256": _sha256(main),
            "size_mb": round(sum(p.stat().st_size for p in files.values()) / 1e6, 2),
            "parity": compare(main)
            if compare is not None
            else {"max_difference": largest_difference(parts, main)},
        }
        if facts["parity"]["max_difference"] > MAX_DIFFERENCE:
            raise InputError(
                str(place),
                f"differs from torch by {facts['parity']['max_difference']:.2g}",
                "report this with the versions of torch and onnxruntime",
            )
    return facts


def largest_difference(parts: Mapping[str, OnnxPart], place: Path) -> float:
    """Largest difference between torch and the files, relative to outputs that exceed 1."""
    model = Model(place.read_bytes(), lambda file, _: (place.parent / file).read_bytes())
    generator, worst = torch.Generator().manual_seed(0), 0.0
    for trial in range(3):
        for name, part in parts.items():
            if part.data:
                continue
            inputs = []
            for key, example in part.inputs.items():
                shape = list(example.shape)
                for axis in part.lengths.get(key, {}):
                    shape[axis] += 17 * trial
                inputs.append(
                    torch.rand(shape, generator=generator)
                    if example.is_floating_point()
                    else torch.randint(int(example.max()) + 1, shape, generator=generator)
                )
            with torch.no_grad():
                expected_outputs = part.module(*inputs)
            expected_outputs = (
                expected_outputs if isinstance(expected_outputs, tuple) else (expected_outputs,)
            )
            actual_outputs = model.part(name)(*(to_numpy(x) for x in inputs))
            for actual, expected in zip(actual_outputs, expected_outputs, strict=True):
                scale = max(1.0, float(expected.abs().max()))
                worst = max(worst, float(np.abs(actual - to_numpy(expected)).max()) / scale)
    return worst


def round_to_float16(network: nn.Module) -> None:
    """Round what will be kept as float16, in place, so that torch is compared with the same."""
    with torch.no_grad():
        for array in (*network.parameters(), *network.buffers()):
            if array.is_floating_point() and array.numel() >= _SMALLEST_FLOAT16:
                array.copy_(array.half().float())


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Without the exporter's remarks on packages that it does not need."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _write(part: OnnxPart, place: Path, *, half: bool) -> None:
    if part.data:
        place.write_bytes(part.data)
        return
    module = copy.deepcopy(part.module).eval()
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if hasattr(child, "onnx_module"):
                setattr(parent, name, child.onnx_module())  # type: ignore[operator]
    names = {length for axes in part.lengths.values() for length in axes.values()}
    dynamic = {name: torch.export.Dim(name, min=part.min_lengths.get(name, 1)) for name in names}
    shapes: tuple[Any, ...] = tuple(
        {axis: dynamic[length] for axis, length in part.lengths.get(name, {}).items()}
        for name in part.inputs
    )
    if isinstance(module, Method):  # its inputs are one argument to the exporter, *inputs
        shapes = (shapes,)
    with _quiet_exporter():
        program = torch.onnx.export(
            module,
            tuple(part.inputs.values()),
            input_names=list(part.inputs),
            output_names=part.outputs,
            dynamic_shapes=shapes,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    if half:
        _to_float16(model)
    place.write_bytes(model.SerializeToString())


def _to_float16(model: Any) -> None:
    """Large arrays as float16, each cast back before its use."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for array in model.graph.initializer:
        values = numpy_helper.to_array(array)
        if array.data_type != TensorProto.FLOAT or values.size < _SMALLEST_FLOAT16:
            continue
        name = array.name
        array.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name + ".half"))
        casts.append(helper.make_node("Cast", [name + ".half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _describe(place: Path, metadata: Mapping[str, Any]) -> None:
    """Put metadata into a file, and take out where it was made."""
    import onnx

    model = onnx.load(str(place))
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, json.dumps(metadata, ensure_ascii=False)
    # Where the exporter ran is nobody's business, and would make every file another.
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    onnx.checker.check_model(model)
    place.write_bytes(model.SerializeToString())


def _sha256(place: Path) -> str:
    return hashlib.sha256(place.read_bytes()).hexdigest()
