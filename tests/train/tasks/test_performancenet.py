"""PerformanceNet from examples to ONNX."""

from pathlib import Path

import numpy as np
import pytest
from sounds import melody
from tiny_training import SETTINGS, train_and_export

from cambiata import Audio, Note, Part, Score, play

torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")
pytest.importorskip("onnx")

from cambiata.data.scored_examples import ScoredExamples  # noqa: E402
from cambiata.train.tasks.performancenet import (  # noqa: E402
    PerformanceNetTask,
    PerformanceNetTraining,
    _Norm,
)
from cambiata.train.tasks.rolls import RollExamples  # noqa: E402

SOUND = Audio(melody([57, 60, 64, 69], partials=10, rate=44100), 44100)
SCORE = Score((Part((Note(0.0, 0.4, 60), Note(0.4, 0.8, 64))),))


@pytest.mark.parametrize("loss", ["l1", "multi-scale"])
def test_performancenet_learns(loss: str, roll_examples: ScoredExamples) -> None:
    torch.manual_seed(0)
    config = PerformanceNetTraining((16, 32), 1, loss, crop_s=1.0)  # type: ignore[arg-type]
    task = PerformanceNetTask(config)
    rows = RollExamples(roll_examples, task.sample_rate, task.frame_rate_hz)
    batch = torch.stack([torch.from_numpy(rows[i]) for i in range(2)])
    task.eval()
    before = float(task(batch, 0.0)["loss"].detach())
    optimizer = torch.optim.AdamW(task.parameters(), 3e-3)
    for _ in range(15):
        losses = task(batch, 0.0)
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
    assert float(task(batch, 0.0)["loss"].detach()) < 0.8 * before


def test_normed_over_channels_a_frame_does_not_depend_on_the_others() -> None:
    x = torch.rand(1, 6, 8)
    longer = torch.cat([x, 9 * torch.rand(1, 6, 8)], dim=2)
    for over in ("channels", "time"):
        norm = _Norm(6, over)  # type: ignore[arg-type]
        same = torch.allclose(norm(longer)[:, :, :8], norm(x))
        assert same == (over == "channels")


@pytest.mark.slow
def test_performancenet_trained_here_plays(roll_examples: ScoredExamples, tmp_path: Path) -> None:
    tiny = {"task.widths": "8,16", "task.n_blocks": "1", "task.crop_s": "1"}
    path = train_and_export("performancenet", tmp_path, roll_examples.folder, **SETTINGS | tiny)
    made = play(SCORE, SOUND, system="performancenet", settings={"weights": path})
    assert np.isfinite(made.samples).all()
