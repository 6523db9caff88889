"""The listener from examples to ONNX: it learns, exports, and detects notes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sounds import melody
from tiny_training import LISTENER_SETTINGS, train_and_export

from cambiata.partials.posteriors import BANDS, detect_notes
from cambiata.weights import load_model

torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")
pytest.importorskip("onnx")

from cambiata.data.scored_examples import ScoredExamples  # noqa: E402
from cambiata.train.run import resume, start  # noqa: E402
from cambiata.train.tasks.listener import Listener, ListenerTask, ListenerTraining, targets  # noqa: E402


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory, scored_examples: ScoredExamples) -> Path:
    settings = LISTENER_SETTINGS | {"loop.max_steps": "6"}
    folder = tmp_path_factory.mktemp("listener")
    return Path(train_and_export("listener", folder, scored_examples, **settings))


def test_a_run_goes_on(scored_examples: ScoredExamples, tmp_path: Path) -> None:
    first = start(
        "listener", tmp_path / "run", settings=LISTENER_SETTINGS, examples=scored_examples.folder
    )
    again = resume(tmp_path / "run", minutes=0.2)
    assert again["step"] >= first["step"]


def test_the_listener_learns_what_sounds() -> None:
    """Tones of one pitch each: a few steps tell held keys from silence."""
    torch.manual_seed(0)
    task = ListenerTask(ListenerTraining(width=8, n_blocks=1, crop_s=1.0, n_semitones=0))
    batch = _packed()
    before = task(batch, 0.0)
    optimizer = torch.optim.AdamW(task.parameters(), 1e-2)
    for _ in range(30):
        losses = task(batch, 0.0)
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
    after = task(batch, 0.0)
    for name in ("held", "level", "loss"):
        assert float(after[name].detach()) < 0.7 * float(before[name].detach())


def _packed() -> Any:
    rows = [[0.1, 0.8, pitch, 100] for pitch in (50, 57, 64, 71)]
    n_frames, clips = 44, []
    for row in rows:
        t = np.arange(44100) / 44100
        sound = np.sin(2 * np.pi * 440 * 2 ** ((row[2] - 69) / 12) * t)
        sound[(t < row[0]) | (t > row[1])] = 0
        bands = np.clip((BANDS.level_db(sound.astype(np.float32)) + 80) / 0.4, 0, 255)
        onsets, activation = targets([row], n_frames)
        clips.append(np.concatenate([bands, 255 * onsets, 255 * activation, 180 * activation]))
    return torch.from_numpy(np.stack(clips).astype(np.uint8))


def test_pitches_move_with_the_bands() -> None:
    """A clip a semitone higher is heard a semitone higher: the network knows no absolute pitch."""
    torch.manual_seed(0)
    network = Listener(ListenerTraining(width=8, n_blocks=2)).eval()
    bands = torch.full((1, BANDS.n_bins, 20), -2.0)
    bands[0, 130:140] = torch.rand(10, 20)
    moved = torch.full_like(bands, -2.0)
    moved[:, 3:] = bands[:, :-3]
    with torch.no_grad():
        first, second = network(bands), network(moved)
    assert torch.allclose(first[0, :, 35:50], second[0, :, 36:51], atol=1e-5)


def test_a_listener_s_file_hears(listener: Path) -> None:
    events = detect_notes(melody([60, 64, 67], rate=44100), str(listener), threshold=0.01)
    assert events.level_db.shape == (88, BANDS.n_frames(3 * round(0.4 * 44100)))
    assert load_model(str(listener), "listener").about["threshold"] > 0
