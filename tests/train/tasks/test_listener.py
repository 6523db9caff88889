"""The listener from a pack to ONNX: it learns what is mixed, exports, and detects notes."""

from pathlib import Path

import numpy as np
import pytest
from sounds import melody
from tiny_packs import training_pack
from tiny_training import LISTENER_SETTINGS, train_and_export

from cambiata.partials.note_bands import N_ROWS
from cambiata.partials.posteriors import BANDS, detect_notes
from cambiata.weights import load_model

torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")
pytest.importorskip("onnx")

from cambiata.data.clip_examples import ClipExamples  # noqa: E402
from cambiata.train.loop import load_weights  # noqa: E402
from cambiata.train.run import read_run, resume, start  # noqa: E402
from cambiata.train.tasks.listener import ListenerTask, count_matches  # noqa: E402
from cambiata.train.tasks.registry import make_task, training  # noqa: E402


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training_pack(tmp_path_factory.mktemp("pack"))


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["listener", "listener-causal"])
def test_a_listener_s_file_hears(preset: str, pack: Path, tmp_path: Path) -> None:
    listener = train_and_export(preset, tmp_path, pack, **LISTENER_SETTINGS)
    events = detect_notes(melody([60, 64, 67], rate=44100), listener, threshold=0.01)
    assert events.level_db.shape == (88, BANDS.n_frames(3 * round(0.4 * 44100)))
    about = load_model(listener, "listener").about
    assert 0 < about["threshold"] < 1
    assert about["heads"] == ["onset", "active", "offset", "level", "deviation", "slurred"]
    assert about["causal"] == (preset == "listener-causal")
    assert about["data"] == [{"name": "tones", "licence": "none"}]


def test_a_run_goes_on(pack: Path, tmp_path: Path) -> None:
    first = start("listener", tmp_path / "run", settings=LISTENER_SETTINGS, examples=pack)
    again = resume(tmp_path / "run", minutes=0.02)
    assert again["step"] >= first["step"]


def test_the_listener_learns_what_is_mixed(pack: Path) -> None:
    """The same two clips again and again: a few steps tell what sounds from what does not."""
    torch.manual_seed(0)
    settings = LISTENER_SETTINGS | {"task.gain_db": "0", "examples.clips.effect_share": "0"}
    config = training("listener", settings)
    task = make_task(config)
    assert isinstance(task, ListenerTask)
    dataset = task.dataset(ClipExamples(pack, config.examples), lambda _share: None)
    batch = torch.stack([torch.from_numpy(dataset[i]) for i in range(2)])
    before = {name: float(value.detach()) for name, value in task(batch, 0.0).items()}
    optimizer = torch.optim.AdamW(task.parameters(), 1e-2)
    for _ in range(40):
        losses = task(batch, 0.0)
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
    for name in ("onset", "active", "level", "loss"):
        assert float(losses[name].detach()) < 0.7 * before[name], name
    figures = task.eval().validate([batch], 0.0)
    assert set(before) <= set(figures)
    assert 0 <= figures["onset_f1"] <= 1


def test_validation_is_the_same_every_time(pack: Path) -> None:
    config = training("listener", LISTENER_SETTINGS)
    task = make_task(config).eval()
    dataset = task.dataset(ClipExamples(pack, config.examples), lambda _share: None)
    batch = torch.stack([torch.from_numpy(x) for x in dataset.validation()])
    assert task.validate([batch], 0.0) == task.validate([batch], 0.0)


def test_onsets_are_matched_once_each_within_50_ms() -> None:
    def onsets(*pairs: tuple[int, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows, at_s = np.array(pairs).T
        return rows.astype(int), at_s / BANDS.frame_s, np.ones(len(pairs))

    reference = onsets((30, 1.0), (30, 1.2), (40, 2.0))
    assert count_matches(onsets((30, 1.04), (30, 1.16), (40, 1.96)), reference) == 3
    assert count_matches(onsets((30, 1.0), (30, 1.02), (40, 2.06)), reference) == 1
    assert count_matches(onsets((31, 1.0), (41, 2.0)), reference) == 0


@pytest.mark.parametrize("name", ["listener", "listener-causal"])
def test_training_can_begin_with_the_weights_that_ship(name: str) -> None:
    """The run in the repository is that of the shipped file, which is rounded to float16."""
    run = Path(__file__).parents[3] / "docs" / "models" / "transcription" / f"{name}-run"
    _, config = read_run(run)
    task = make_task(config)
    load_weights(task, run)
    bands = np.random.default_rng(0).uniform(-2, 2, (1, N_ROWS, 64)).astype(np.float32)
    with torch.no_grad():
        ours = task.eval().network(torch.from_numpy(bands)).numpy()
    shipped = load_model(name, "listener").part("")(bands)[0]
    assert np.abs(ours - shipped).max() < 0.02
