"""The transcriber from examples to ONNX: it learns, exports, and transcribes."""

from contextlib import suppress
from pathlib import Path

import pytest
from sounds import melody
from tiny_training import SETTINGS, train_and_export

import cambiata
from cambiata import Audio, transcribe
from cambiata.weights import load_model

torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")
pytest.importorskip("onnx")

from cambiata.data.scored_examples import ScoredExamples  # noqa: E402
from cambiata.train.run import start  # noqa: E402
from cambiata.train.tasks.listener import ListenerTraining  # noqa: E402
from cambiata.train.tasks.transcriber import (  # noqa: E402
    TranscriberDataset,
    TranscriberTask,
    TranscriberTraining,
    offset_targets,
)

SOUND = Audio(melody([57, 60, 64, 69], partials=10, rate=44100), 44100)


def test_a_transcriber_trained_here_transcribes(
    scored_examples: ScoredExamples, tmp_path: Path
) -> None:
    tiny = {"task.width": "8", "task.n_blocks": "1", "task.crop_s": "1"}
    path = train_and_export("transcriber", tmp_path, scored_examples, **tiny)
    assert load_model(path, "transcriber").about["threshold"] > 0
    notes = []
    with suppress(cambiata.InputError):  # three steps may well detect nothing
        notes = list(transcribe(SOUND, weights=path, onset_threshold=0.01).notes)
    assert all(21 <= note.pitch <= 108 for note in notes)


def test_a_transcriber_begins_with_what_a_listener_learnt(
    scored_examples: ScoredExamples, tmp_path: Path
) -> None:
    tiny = SETTINGS | {"task.width": "8", "task.n_blocks": "1", "task.crop_s": "1"}
    start("listener", tmp_path / "listener", settings=tiny, examples=scored_examples.folder)
    begun = {
        "settings": tiny,
        "examples": scored_examples.folder,
        "begin_from": tmp_path / "listener",
    }
    start("transcriber", tmp_path / "transcriber", **begun)
    other = tiny | {"task.width": "16"}
    with pytest.raises(cambiata.InputError, match="is of another network"):
        start("transcriber", tmp_path / "other", **begun | {"settings": other})


def test_endings_are_where_notes_end() -> None:
    offsets, velocities = offset_targets(
        [[0.1, 0.5, 60, 64], [0.5, 0.9, 60, 127], [0.0, 1.0, 12, 9]], 60
    )
    frame = 0.5 * 44100 / 1024
    assert abs(int(offsets[39, 10:30].argmax()) + 10 - frame) < 1
    assert velocities[39, round(0.1 * 44100 / 1024)] == pytest.approx(64 / 127)
    assert velocities[39].max() == 1
    assert offsets.sum() == offsets[39].sum()


def test_the_transcriber_learns(scored_examples: ScoredExamples) -> None:
    torch.manual_seed(0)
    task = TranscriberTask(TranscriberTraining(width=8, n_blocks=1, crop_s=2.0, n_semitones=0))
    rows = TranscriberDataset(scored_examples)
    batch = torch.stack([torch.from_numpy(rows[i]) for i in range(4)])
    before = task(batch, 0.0)
    optimizer = torch.optim.AdamW(task.parameters(), 1e-2)
    for _ in range(40):
        losses = task(batch, 0.0)
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
    after = task(batch, 0.0)
    for name in ("offset", "velocity", "held", "loss"):
        assert float(after[name].detach()) < 0.8 * float(before[name].detach()), name
    assert isinstance(task.config, ListenerTraining)
