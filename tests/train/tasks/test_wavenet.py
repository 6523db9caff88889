"""WaveNet from examples to ONNX."""

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
from cambiata.train.tasks.rolls import RollExamples  # noqa: E402
from cambiata.train.tasks.wavenet import WaveNet, WaveNetTask, WaveNetTraining, mu_law  # noqa: E402

SOUND = Audio(melody([57, 60, 64, 69], partials=10, rate=44100), 44100)


@pytest.mark.parametrize("n_mixture", [0, 2])
def test_a_wavenet_s_steps_are_its_whole(n_mixture: int) -> None:
    torch.manual_seed(0)
    config = WaveNetTraining(16000, 8, 8, 2, 3, n_mixture=n_mixture)
    network, per_frame = WaveNet(config).eval(), config.per_frame
    samples = torch.rand(2, 2 * per_frame) * 2 - 1
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
            outputs, now = network.step(samples[:, t, None], past, condition[:, t // per_frame])
            given.append(now)
            torch.testing.assert_close(outputs, whole[:, t], atol=1e-5, rtol=1e-4)


def test_mu_law_is_the_inverse_of_the_player_s() -> None:
    x = torch.linspace(-1, 1, 401)
    coded = mu_law(x).numpy() / 127.5 - 1
    back = np.sign(coded) * (256.0 ** np.abs(coded) - 1) / 255
    assert np.abs(back - x.numpy()).max() < 0.03
    assert np.abs(back - x.numpy())[180:221].max() < 3e-3


@pytest.mark.parametrize("n_mixture", [0, 2])
def test_the_wavenet_learns(roll_examples: ScoredExamples, n_mixture: int) -> None:
    torch.manual_seed(0)
    task = WaveNetTask(WaveNetTraining(16000, 8, 8, 1, 5, 20, 16, 2, n_mixture=n_mixture))
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


def test_without_held_keys_strikes_are_all_that_is_seen() -> None:
    torch.manual_seed(0)
    roll, timbre = torch.rand(1, 265, 8), torch.rand(1, 64)
    without = roll.clone()
    without[:, 88:264] = 0
    for held_keys in (True, False):
        network = WaveNet(WaveNetTraining(8000, 8, 8, 1, 2, held_keys=held_keys)).eval()
        with torch.no_grad():
            same = torch.equal(network.condition(roll, timbre), network.condition(without, timbre))
        assert same != held_keys


def test_a_condition_depends_on_the_frames_that_it_says() -> None:
    torch.manual_seed(0)
    network = WaveNet(WaveNetTraining(8000, 8, 8, 1, 2, n_condition=16, n_condition_layers=2))
    context = network.config.condition_context
    roll = torch.rand(1, 265, 4 * context).requires_grad_()
    network.condition(roll, torch.rand(1, 64))[0, 2 * context].sum().backward()
    frames = torch.nonzero(roll.grad.abs().sum(dim=(0, 1)))[:, 0]
    assert (int(frames[0]), int(frames[-1])) == (context, 3 * context)


def test_keys_reach_every_layer_by_themselves() -> None:
    torch.manual_seed(0)
    network = WaveNet(WaveNetTraining(8000, 8, 8, 1, 2, keys_to_layers=True)).eval()
    projection = network.keys_projection
    assert projection is not None
    with torch.no_grad():
        torch.nn.init.normal_(projection.weight)
        network.condition_projection.weight.zero_()
        roll = torch.zeros(1, 265, 30)
        silent = network.condition(roll, torch.rand(1, 64))
        roll[0, 88 + 40, 10:20] = 1  # a key is held
        played = network.condition(roll, torch.rand(1, 64))
    differs = (played - silent).abs().amin(dim=(0, 2, 3)) > 0
    assert torch.nonzero(differs)[:, 0].tolist() == list(range(10, 20))
    inside = network.condition_inside(roll, torch.rand(1, 64), 6)
    torch.testing.assert_close(inside, played[:, 6:24])


@pytest.mark.slow
def test_a_wavenet_trained_here_plays(roll_examples: ScoredExamples, tmp_path: Path) -> None:
    tiny = {"task.width": "8", "task.n_skip": "8", "task.n_stacks": "1", "task.n_layers": "3"}
    path = train_and_export("wavenet", tmp_path, roll_examples.folder, **SETTINGS | tiny)
    score = Score((Part((Note(0.0, 0.2, 60),)),))
    made = play(score, SOUND, system="wavenet", tail_s=0.1, settings={"weights": path})
    assert (made.sample_rate, made.n_samples) == (44100, 13230)
