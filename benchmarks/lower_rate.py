"""Make of a shipped WaveNet one of half its rate, for a training to begin with.

    python benchmarks/lower_rate.py wavenet OUT.onnx [--mixture 2]
    cambiata train run wavenet --from OUT.onnx ...

A dilation of two samples at 8 kHz is one of one sample at 4: each stack loses its layers of dilation
1, all others and what conditions them stay. With a mixture the last layer begins anew. Prints the
settings that the training has to have.
"""

import argparse
import dataclasses
import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cambiata.train.export import export_task
from cambiata.train.exported import exported_facts, load_exported
from cambiata.train.tasks.registry import make_task, training

SHIPPED = Path(__file__).parent.parent / "src" / "cambiata" / "shipped"
# Of each preset: settings that say how many layers a stack has, and the layers that they count.
STACKS = {
    "wavenet": {"n_layers": ("dilated_past", "dilated_current", "residual", "skip")},
    "mor2018-small": {
        "n_layers": ("dilated_convs", "convs_1x1"),
        "n_decoder_layers": ("dilated", "condition", "residual", "skip"),
    },
}


def lowered(preset: str, n_mixture: int) -> Any:
    """Settings of a preset's training at half the rate."""
    config = training(preset)
    task = config.task
    fewer = {name: getattr(task, name) - 1 for name in STACKS[preset]}
    changed = dataclasses.replace(
        task, sample_rate=task.sample_rate // 2, n_mixture=n_mixture, **fewer
    )
    return dataclasses.replace(config, task=changed)


def kept_layers(preset: str, task: Any, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state without the first layer of each stack, the others numbered anew."""
    sizes = {
        layer: getattr(task, count) for count, layers in STACKS[preset].items() for layer in layers
    }
    kept = {}
    for name, array in state.items():
        found = re.fullmatch(r"(.*\b)(\w+)\.(\d+)\.(weight|bias)", name)
        if found and found[2] in sizes:
            stack, place = divmod(int(found[3]), sizes[found[2]])
            if place:
                number = stack * (sizes[found[2]] - 1) + place - 1
                kept[f"{found[1]}{found[2]}.{number}.{found[4]}"] = array
        elif "condition_projection" in name:
            per_layer = array.view(task.n_stacks, task.n_layers, 2 * task.width, *array.shape[1:])
            kept[name] = per_layer[:, 1:].flatten(0, 2)
        else:
            kept[name] = array
    return kept


def main() -> None:
    """Write the network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("preset", choices=list(STACKS))
    parser.add_argument("output", type=Path)
    parser.add_argument("--mixture", type=int, default=2)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    old = make_task(training(arguments.preset))
    shipped = SHIPPED / f"{arguments.preset}.onnx"
    load_exported(old, shipped)
    config = lowered(arguments.preset, arguments.mixture)
    new = make_task(config)
    own = new.state_dict()
    state = kept_layers(arguments.preset, old.config, old.state_dict())
    fits = {name: x for name, x in state.items() if own[name].shape == x.shape}
    print("begun anew:", *sorted(own.keys() - fits.keys()))
    new.load_state_dict(own | fits)
    facts = {
        "system": new.system,
        "preset": arguments.preset,
        "training": dataclasses.asdict(config),
        "begun from": exported_facts(shipped),
        **new.onnx_facts(config, {}),
    }
    export_task(new.eval(), facts, arguments.output, half=False)
    for name in ("sample_rate", "n_mixture", *STACKS[arguments.preset]):
        print(f"--set task.{name}={getattr(config.task, name)}", end=" ")
    print()


if __name__ == "__main__":
    main()
