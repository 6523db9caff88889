"""Trainings of a few steps, exported: settings and the runs, for the tests of each network."""

from pathlib import Path

LOOP = {
    "loop.batch_size": "2",
    "loop.max_steps": "3",
    "loop.minutes": "0",
    "loop.n_workers": "0",
    "loop.precision": "32-true",
}
SETTINGS = LOOP | {
    "examples.banks": "",
    "examples.collections": "",
    "examples.held_out": "",
    "examples.n_examples": "4",
    "examples.n_validation": "2",
    "examples.n_shard": "2",
    "examples.duration_s": "2",
}
LISTENER_SETTINGS = LOOP | {
    "task.width": "8",
    "task.narrow": "4",
    "task.n_blocks": "1",
    "examples.n_examples": "8",
    "examples.n_validation": "2",
    "examples.clips.duration_s": "1",
}


def train_and_export(preset: str, folder: Path, examples: Path, **settings: str) -> str:
    """A network of a few steps as an ONNX file, as near to torch as exports must be."""
    from cambiata.train.export import export
    from cambiata.train.run import start

    run = folder / preset
    start(preset, run, settings=settings, examples=examples)
    facts = export(run, folder / f"{preset}.onnx")
    assert facts["parity"]["max_difference"] < 1e-3
    return str(folder / f"{preset}.onnx")
