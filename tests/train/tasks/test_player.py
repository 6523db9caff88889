"""Players of scores and the transcriber from examples to ONNX: they learn, export, and play."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from sounds import melody
from tiny_scored import tiny_scored

import cambiata
from cambiata import Audio, Note, Part, Score, play, transcribe
from cambiata.score.piano_roll import FRAME_RATE_HZ
from cambiata.weights import load_model

torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")
pytest.importorskip("onnx")

from cambiata.data.scored_examples import JoinedExamples, PianoConfig, ScoredExamples  # noqa: E402
from cambiata.train.export import export  # noqa: E402
from cambiata.train.note_dataset import precompute_features  # noqa: E402
from cambiata.train.run import start  # noqa: E402
from cambiata.train.tasks.listener import ListenerTraining  # noqa: E402
from cambiata.train.tasks.performancenet import (  # noqa: E402
    PerformanceNetTask,
    PerformanceNetTraining,
)
from cambiata.train.tasks.player import (  # noqa: E402
    ConcatDataset,
    PlayerDataset,
    PlayerTask,
    PlayerTraining,
)
from cambiata.train.tasks.rolls import RollExamples, SoundEncoder, unpack_batch  # noqa: E402
from cambiata.train.tasks.transcriber import (  # noqa: E402
    TranscriberDataset,
    TranscriberTask,
    TranscriberTraining,
    offset_targets,
)
from cambiata.train.tasks.wavenet import (  # noqa: E402
    PER_FRAME,
    WaveNet,
    WaveNetTask,
    WaveNetTraining,
    mu_law,
)

COMMON = {
    "examples.banks": "",
    "examples.collections": "",
    "examples.held_out": "",
    "examples.n_examples": "4",
    "examples.n_validation": "2",
    "examples.n_shard": "2",
    "examples.duration_s": "2",
    "loop.batch_size": "2",
    "loop.max_steps": "3",
    "loop.minutes": "0",
    "loop.n_workers": "0",
    "loop.precision": "32-true",
}
SOUND = Audio(melody([57, 60, 64, 69], partials=10, rate=44100), 44100)
SCORE = Score((Part((Note(0.0, 0.4, 60), Note(0.4, 0.8, 64))),))


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> ScoredExamples:
    return tiny_scored(tmp_path_factory.mktemp("scored"))


@pytest.fixture(scope="module")
def roll_examples(tmp_path_factory: pytest.TempPathFactory) -> ScoredExamples:
    return tiny_scored(
        tmp_path_factory.mktemp("pianos"),
        PianoConfig(
            banks=(),
            collections=(),
            held_out=(),
            n_examples=4,
            n_validation=2,
            n_shard=2,
            duration_s=2.0,
        ),
    )


def _made(preset: str, folder: Path, examples: ScoredExamples, **settings: str) -> str:
    run = folder / preset
    start(preset, run, settings=COMMON | settings, examples=examples.folder)
    facts = export(run, folder / f"{preset}.onnx")
    assert facts["parity"]["max_difference"] < 1e-3
    return str(folder / f"{preset}.onnx")


def test_a_transcriber_trained_here_transcribes(examples: ScoredExamples, tmp_path: Path) -> None:
    tiny = {"task.width": "8", "task.n_blocks": "1", "task.crop_s": "1"}
    path = _made("transcriber", tmp_path, examples, **tiny)
    assert load_model(path, "transcriber").about["threshold"] > 0
    found = []
    with suppress(cambiata.InputError):  # three steps may well hear nothing
        found = list(transcribe(SOUND, weights=path, onset_threshold=0.01).notes)
    assert all(21 <= note.pitch <= 108 for note in found)


def test_a_transcriber_begins_with_what_a_listener_learnt(
    examples: ScoredExamples, tmp_path: Path
) -> None:
    tiny = COMMON | {"task.width": "8", "task.n_blocks": "1", "task.crop_s": "1"}
    start("listener", tmp_path / "listener", settings=tiny, examples=examples.folder)
    begun = {"settings": tiny, "examples": examples.folder, "begin_from": tmp_path / "listener"}
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


def test_the_transcriber_learns(examples: ScoredExamples) -> None:
    torch.manual_seed(0)
    task = TranscriberTask(TranscriberTraining(width=8, n_blocks=1, crop_s=2.0, n_semitones=0))
    rows = TranscriberDataset(examples)
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


def test_sets_are_joined(examples: ScoredExamples, roll_examples: ScoredExamples) -> None:
    both = JoinedExamples([examples, roll_examples])
    assert len(both) == 8
    assert np.array_equal(both[5].sounds, roll_examples[1].sounds)
    assert len(both.validation()) == 4
    with pytest.raises(IndexError):
        both[8]
    concatenated = ConcatDataset([_Numbers([1, 2]), _Numbers([3])], [1, 3])
    assert [concatenated[i] for i in range(len(concatenated))] == [1, 2, 3, 3, 3]


class _Numbers(list[int]):
    def validation(self) -> "_Numbers":
        return self


@pytest.mark.slow
def test_a_player_trained_here_plays(examples: ScoredExamples, tmp_path: Path) -> None:
    path = _made("player", tmp_path, examples, **{"task.width": "32"})
    made = play(SCORE, SOUND, settings={"weights": path})
    assert np.isfinite(made.samples).all()


def test_the_score_is_what_the_player_is_asked(examples: ScoredExamples) -> None:
    features = precompute_features(examples, "listener", n_workers=1)
    rows = PlayerDataset(features, examples)
    task = PlayerTask(PlayerTraining(width=16))
    unpacked = task.unpack(torch.from_numpy(rows[0]))
    pitches = {int(pitch) for pitch in unpacked.queries[:, 19]}
    assert pitches <= {note.pitch for note in examples[0].notes[0]}
    # A score says nothing of how levels go.
    assert not unpacked.queries[:, 14].any()


@pytest.mark.parametrize("loss", ["levels", "l1", "multi-scale"])
def test_the_player_learns_by_every_loss(loss: str, examples: ScoredExamples) -> None:
    torch.manual_seed(0)
    rows = PlayerDataset(precompute_features(examples, "listener", n_workers=1), examples)
    task = PlayerTask(PlayerTraining(width=64, loss=loss))  # type: ignore[arg-type]
    batch = torch.stack([torch.from_numpy(rows[i]) for i in range(4)])
    before = task(batch, 0.0)["level"]
    optimizer = torch.optim.AdamW(task.parameters(), 2e-3)
    for _ in range(25):
        losses = task(batch, 0.0)
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
    assert float(task(batch, 0.0)["level"].detach()) < 0.95 * float(before.detach())


def test_rows_of_rolls(roll_examples: ScoredExamples) -> None:
    rows = RollExamples(roll_examples, 16000, FRAME_RATE_HZ)
    mel, roll, sound = unpack_batch(torch.from_numpy(rows[1])[None], 16000, FRAME_RATE_HZ)
    assert (mel.shape, roll.shape, sound.shape) == ((1, 80, 173), (1, 265, 500), (1, 32000))
    assert float((sound**2).mean()) == pytest.approx(1, rel=0.01)
    strikes = torch.nonzero(roll[0, :88])
    wanted = {(n.pitch - 21, round(n.start_s * 250)) for n in roll_examples[1].notes[0]}
    assert {(int(key), int(frame)) for key, frame in strikes} == wanted


def test_the_reference_is_pooled_over_time() -> None:
    """Frames in another order say the same: the original copied unrelated frames."""
    encoder = SoundEncoder(16).eval()
    mel = 6 * torch.randn(1, 80, 40) - 6
    twice = torch.cat([mel, mel], dim=2)
    with torch.no_grad():
        first, again = encoder(mel), encoder(twice)
        other = encoder(mel + torch.linspace(12, -12, 80)[:, None])
    assert float((first - again).abs().max()) < 0.3 * float((first - other).abs().max())


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


@pytest.mark.slow
def test_performancenet_trained_here_plays(roll_examples: ScoredExamples, tmp_path: Path) -> None:
    tiny = {"task.widths": "8,16", "task.n_blocks": "1", "task.crop_s": "1"}
    path = _made("performancenet", tmp_path, roll_examples, **tiny)
    made = play(SCORE, SOUND, system="performancenet", settings={"weights": path})
    assert np.isfinite(made.samples).all()


def test_a_wavenet_s_steps_are_its_whole() -> None:
    torch.manual_seed(0)
    network = WaveNet(WaveNetTraining(8, 8, 2, 3)).eval()
    samples = torch.rand(2, 2 * PER_FRAME) * 2 - 1
    condition = network.condition(torch.rand(2, 265, 2), torch.rand(2, 64))
    with torch.no_grad():
        whole = network(samples, condition)
        given: list[torch.Tensor] = []
        dilations = network.config.dilations
        for t in range(samples.shape[1]):
            past = torch.zeros(2, len(dilations), 8)
            for i, dilation in enumerate(dilations):
                if t >= dilation:
                    past[:, i] = given[t - dilation][:, i]
            logits, now = network.step(samples[:, t, None], past, condition[:, t // PER_FRAME])
            given.append(now)
            torch.testing.assert_close(logits, whole[:, :, t], atol=1e-5, rtol=1e-4)


def test_mu_law_is_the_inverse_of_the_player_s() -> None:
    x = torch.linspace(-1, 1, 401)
    coded = mu_law(x).numpy() / 127.5 - 1
    back = np.sign(coded) * (256.0 ** np.abs(coded) - 1) / 255
    assert np.abs(back - x.numpy()).max() < 0.03
    assert np.abs(back - x.numpy())[180:221].max() < 3e-3


def test_the_wavenet_learns(roll_examples: ScoredExamples) -> None:
    torch.manual_seed(0)
    task = WaveNetTask(WaveNetTraining(8, 8, 1, 5, crop_frames=20))
    rows = RollExamples(roll_examples, task.sample_rate, task.frame_rate_hz)
    batch = torch.stack([torch.from_numpy(rows[i]) for i in range(2)])
    task.eval()
    before = float(task(batch, 0.0)["loss"].detach())
    optimizer = torch.optim.AdamW(task.parameters(), 1e-2)
    for _ in range(20):
        losses = task(batch, 0.0)
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
    assert float(task(batch, 0.0)["loss"].detach()) < 0.8 * before


@pytest.mark.slow
def test_a_wavenet_trained_here_plays(roll_examples: ScoredExamples, tmp_path: Path) -> None:
    tiny = {"task.width": "8", "task.n_skip": "8", "task.n_stacks": "1", "task.n_layers": "3"}
    path = _made("wavenet", tmp_path, roll_examples, **tiny)
    score = Score((Part((Note(0.0, 0.2, 60),)),))
    made = play(score, SOUND, system="wavenet", tail_s=0.1, settings={"weights": path})
    assert (made.sample_rate, made.n_samples) == (44100, 13230)
