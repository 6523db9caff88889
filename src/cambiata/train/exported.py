"""Weights of an exported network read back, so that its training goes on without its run."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cambiata.errors import InputError
from cambiata.train.onnx import MAX_DIFFERENCE, largest_difference
from cambiata.train.task import Task
from cambiata.weights import METADATA_KEY

ONNX_SUFFIX = ".onnx"
_HALF = ".half"  # what `train.onnx` appends to the names of arrays kept as float16


def is_exported(source: str | Path) -> bool:
    """True of a path to an exported network rather than to a run's folder."""
    return Path(source).suffix == ONNX_SUFFIX


def load_exported(task: Task, place: str | Path) -> None:
    """Give a task the weights of NAME.onnx, and of the parts and companions beside it.

    The exporter keeps the names of most arrays, and folds some (scales of norms) into constants
    without a name, which are taken in the order of their use. The result is compared with the file
    as an export is: networks whose layers it has rearranged go on from their runs alone. What no
    part of an export holds (classifiers of a training) stays as it is.
    """
    main = Path(place)
    # Files of earlier versions lack parts that only repeat what others hold.
    names = {"", *_read_metadata(main).get("parts", {})}
    parts = {name: part for name, part in task.onnx_parts().items() if name in names}
    arrays = {
        name: _read_arrays(main.with_suffix(f".{name}.onnx") if name else main)
        for name, part in parts.items()
        if not part.data
    }
    fits = task.load_parts(arrays)
    if fits is None:
        fits = all(_fill(task, parts[name].module, own) for name, own in arrays.items())
    task.load_folded(arrays.get("", {}))  # none where the main file is data of another kind
    companions = {
        suffix: main.with_name(f"{main.stem}-{suffix}.onnx") for suffix in task.onnx_companions("")
    }
    fits &= all(
        task.load_companion(suffix, _read_arrays(place)) for suffix, place in companions.items()
    )
    refusal = InputError(str(place), "holds another network's weights", "begin from a run's folder")
    if not fits:
        raise refusal
    training = task.training
    task.eval()
    # Made again: some parts hold copies of the weights.
    parts = {name: part for name, part in task.onnx_parts().items() if name in names}
    differences = [largest_difference(parts, main)] + [
        largest_difference(own_parts, companions[suffix])
        for suffix, (_, own_parts) in task.onnx_companions("").items()
    ]
    if max(differences) > MAX_DIFFERENCE:
        raise refusal
    task.train(training)


def _fill(task: Task, module: nn.Module, arrays: dict[str, Tensor]) -> bool:
    """Whether arrays fit a module, copied by their names, the others in the order of their use."""
    own = dict(module.named_parameters())
    # A network within another may have had another name there.
    tails = {_tail(name): name for name in arrays if name.count(".") > 2}
    named = {name: name if name in arrays else tails.get(_tail(name), name) for name in own}
    unnamed = [array for name, array in arrays.items() if name not in named.values()]
    with torch.no_grad():
        for name, parameter in own.items():
            array = arrays.get(named[name])
            if array is None:
                same = (i for i, each in enumerate(unnamed) if each.numel() == parameter.numel())
                index = next(same, None)
                if index is None:
                    continue
                array = unnamed.pop(index)
            if array.numel() != parameter.numel():
                return False
            parameter.copy_(task.arrange_exported(parameter, array))
    return True


def _tail(name: str) -> str:
    """The name of an array within the network that its first part names."""
    return name.partition(".")[2]


def exported_facts(place: str | Path) -> dict[str, Any]:
    """Facts of the training of an exported network, as a run's own are."""
    facts = _read_metadata(Path(place))
    names = ("preset", "training", "data", "begun from", "commit", "machine", "step")
    return {"weights": Path(place).name} | {name: facts[name] for name in names if name in facts}


def _read_metadata(place: Path) -> dict[str, Any]:
    properties = {p.key: p.value for p in _read_model(place).metadata_props}
    facts: dict[str, Any] = json.loads(properties.get(METADATA_KEY, "{}"))
    return facts


def _read_arrays(place: Path) -> dict[str, Tensor]:
    """Arrays of float in the order of their use."""
    from onnx import numpy_helper

    graph = _read_model(place).graph
    used = [name for node in graph.node for name in node.input if node.op_type != "Cast"]
    order = {name: i for i, name in reversed(list(enumerate(used)))}
    arrays = {
        array.name.removesuffix(_HALF): torch.from_numpy(numpy_helper.to_array(array).copy())
        for array in graph.initializer
    }
    return {
        name: arrays[name].float()
        for name in sorted(arrays, key=lambda name: order.get(name, len(order)))
        if arrays[name].is_floating_point()
    }


def _read_model(place: Path) -> Any:
    import onnx

    try:
        return onnx.load(str(place), load_external_data=False)
    except Exception as error:
        raise InputError(str(place), "cannot be read", "name a file of `train export`") from error
