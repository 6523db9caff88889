"""A run's network, or a published checkpoint, as ONNX files with all that is known of them."""

import json
from pathlib import Path
from typing import Any

from cambiata.errors import InputError
from cambiata.files import WEIGHTS, check_output, write_text
from cambiata.train.loop import load_weights, read_checkpoint
from cambiata.train.onnx import LICENCE, round_to_float16, write_parts
from cambiata.train.run import read_run
from cambiata.train.task import Task
from cambiata.train.tasks.registry import load_published, make_task


def export(
    source: str | Path, output: str | Path, *, half: bool = True, force: bool = False
) -> dict[str, Any]:
    """Facts of a run's network, written as ONNX: settings, licence, data, hashes, sizes, parity.

    `source` is a run's folder, or a checkpoint of the network's authors where the task reads one.
    Beside "NAME.onnx" lie its other parts, "NAME.PART.onnx", and "NAME.json" with the facts. With
    `half` large arrays are kept as float16: half the size, computed in float32 as before; the
    network is rounded before it is compared, so that the parity is that of the file.
    """
    place = check_output(output, WEIGHTS, force=force)
    task, facts = load_published(source) if Path(source).is_file() else _load_run(source)
    half = half and not task.keeps_float32
    task = task.eval().float()
    if half:
        round_to_float16(task)
    facts = export_task(task, facts, place, half=half)
    write_text(place.with_suffix(".json"), json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
    return facts


def export_task(task: Task, facts: dict[str, Any], place: Path, *, half: bool) -> dict[str, Any]:
    """Facts of a task that is written as ONNX, its companions' facts among them."""
    parts = task.onnx_parts()
    written = write_parts(
        parts, place, facts, half=half, compare=lambda main: task.parity(parts, main)
    )
    for suffix, (own_facts, own_parts) in task.onnx_companions(written["sha256"]).items():
        companion = place.with_name(f"{place.stem}-{suffix}.onnx")
        written[suffix] = write_parts(own_parts, companion, facts | own_facts, half=half)
    return written


def _load_run(run: str | Path) -> tuple[Task, dict[str, Any]]:
    run_facts, config = read_run(run)
    state = read_checkpoint(run)
    if not state["latest"]:
        raise InputError(
            str(run), "has not been validated yet", "go on with `cambiata train resume`"
        )
    task = make_task(config)
    task.examples_folder = run_facts.get("examples")
    load_weights(task, run)
    return task, {
        "system": task.system,
        "preset": run_facts["preset"],
        "licence": LICENCE,
        **task.onnx_facts(config, state["latest"]),
        "n_parameters": task.n_parameters,
        "training": run_facts["training"],
        "data": run_facts["data"],
        "begun from": run_facts.get("begun from"),
        "commit": run_facts["commit"],
        "machine": run_facts["machine"],
        "step": state["step"],
        "elapsed_s": round(state["elapsed_s"], 1),
        "validation": state["latest"],
    }
