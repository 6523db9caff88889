"""Listener and player from examples to ONNX: they learn, export, and are played without torch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.signal
from sounds import melody
from tiny_scored import TINY, tiny_scored

import cambiata
from cambiata.partials.note_frames import N_FEATURES
from cambiata.partials.posteriors import BANDS, NoteEvents, decode_notes, detect_notes
from cambiata.timbre_transfer.oneshot import OneShot, OneShotConfig
from cambiata.weights import load_model

torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")
pytest.importorskip("onnx")

from cambiata.data.scored_examples import ScoredExample, ScoredExamples  # noqa: E402
from cambiata.train.export import export  # noqa: E402
from cambiata.train.note_dataset import (  # noqa: E402
    Example,
    compute_features,
    precompute_features,
)
from cambiata.train.predictor import Discriminator  # noqa: E402
from cambiata.train.run import resume, start  # noqa: E402
from cambiata.train.tasks.listener import (  # noqa: E402
    Listener,
    ListenerTask,
    ListenerTraining,
    targets,
)
from cambiata.train.tasks.oneshot import OneShotTask, OneShotTraining  # noqa: E402

COMMON = {
    "examples.banks": "",
    "examples.collections": "",
    "examples.held_out": "",
    "examples.n_examples": "4",
    "examples.n_validation": "2",
    "examples.n_shard": "2",
    "examples.duration_s": "2",
    "loop.batch_size": "2",
    "loop.max_steps": "6",
    "loop.minutes": "0",
    "loop.n_workers": "0",
    "loop.precision": "32-true",
}


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> ScoredExamples:
    folder = tmp_path_factory.mktemp("scored")
    return tiny_scored(folder)


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory, examples: ScoredExamples) -> Path:
    folder = tmp_path_factory.mktemp("listener")
    settings = {"task.width": "8", "task.n_blocks": "1", "task.crop_s": "1", **COMMON}
    found = start("listener", folder / "run", settings=settings, examples=examples.folder)
    assert found["step"] == 6
    facts = export(folder / "run", folder / "listener.onnx")
    assert facts["parity"]["max_difference"] < 1e-3
    return folder / "listener.onnx"


@pytest.fixture(scope="module")
def player(
    tmp_path_factory: pytest.TempPathFactory, examples: ScoredExamples, listener: Path
) -> Path:
    folder = tmp_path_factory.mktemp("player")
    settings = {"task.width": "32", "task.listener": str(listener), **COMMON}
    start("oneshot", folder / "run", settings=settings, examples=examples.folder)
    export(folder / "run", folder / "player.onnx")
    return folder / "player.onnx"


def test_a_run_goes_on(examples: ScoredExamples, tmp_path: Path) -> None:
    settings = {"task.width": "8", "task.n_blocks": "1", "task.crop_s": "1", **COMMON}
    first = start("listener", tmp_path / "run", settings=settings, examples=examples.folder)
    again = resume(tmp_path / "run", minutes=0.2)
    assert again["step"] >= first["step"]


@pytest.mark.slow
def test_networks_trained_here_play(listener: Path, player: Path) -> None:
    config = OneShotConfig(weights=str(player), listener=str(listener))
    system = OneShot(config)
    content, style = (melody([60, 64, 67], k, rate=44100) for k in (3, 20))
    sound = system.render(
        content, system.capture(style), amount=1.0, seed=0, progress=lambda _share: None
    )
    assert sound.shape == content.shape
    assert np.isfinite(sound).all()


def test_weights_of_the_wrong_part_are_refused(listener: Path) -> None:
    with pytest.raises(cambiata.InputError, match="is not of oneshot; choose weights of oneshot"):
        OneShot(OneShotConfig(weights=str(listener)))


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


def _reference_events(example: ScoredExample) -> list[NoteEvents]:
    return [
        decode_notes(
            *targets([[x.start_s, x.end_s, x.pitch, x.velocity] for x in notes], energy.shape[1]),
            energy,
            0.5,
        )
        for notes, energy in zip(example.notes, example.energy_db, strict=True)
    ]


def _unpacked(arrays: dict[str, Any]) -> Example:
    return Example(*(torch.from_numpy(arrays[name]).float() for name in Example._fields))


def test_untrained_the_player_is_nearer_to_the_target_than_the_content(
    examples: ScoredExamples,
) -> None:
    """What it takes from the style's own notes is where it begins."""
    example = examples[0]
    content, style = _reference_events(example)
    assert content.n_notes == len(example.notes[0])
    unpacked = _unpacked(compute_features(content, style, example.sounds, np.random.default_rng(0)))
    task = OneShotTask(OneShotTraining())
    assert unpacked.target.shape == (task.n_bands, BANDS.n_frames(TINY.n_samples))
    with torch.no_grad():
        rendered = 10 * torch.log10(task.render_example(unpacked)[0] + 1e-7)
    distances = [
        (x - unpacked.target)[unpacked.target > -40].abs().mean()
        for x in (rendered, unpacked.content)
    ]
    assert distances[0] < 0.7 * distances[1]


def test_filters_on_what_is_asked_are_filters_on_the_sounds(examples: ScoredExamples) -> None:
    example = examples[0]
    content, style = _reference_events(example)
    hz = np.geomspace(20, 22050, 200)
    gain_db = 6 * np.cos(3 * np.log2(hz / 100))
    taps = scipy.signal.firwin2(
        8191, np.append(0, hz), 10 ** (np.append(gain_db[0], gain_db) / 20), fs=44100
    )
    filtered = example.sounds.copy()
    for i in (1, 2):
        filtered[i] = scipy.signal.fftconvolve(example.sounds[i], taps, mode="same")
    before, expected = (
        _unpacked(compute_features(content, style, sounds, np.random.default_rng(0)))
        for sounds in (example.sounds, filtered)
    )
    equalized = OneShotTask(OneShotTraining()).equalize(
        before, lambda hz: 6 * torch.cos(3 * torch.log2(hz / 100)), torch.zeros_like
    )
    loud = expected.target > -40
    assert (equalized.target - expected.target)[loud].abs().mean() < 1
    assert (before.target - expected.target)[loud].abs().mean() > 3
    loud = expected.quantiles > -40
    assert (equalized.quantiles - expected.quantiles)[loud].abs().mean() < 1
    # The same notes were given, so that their strengths are what they were: up to a constant.
    partials = slice(N_FEATURES, N_FEATURES + 8)
    distances = (equalized.tokens - expected.tokens)[:, partials]
    distances = (distances - distances.mean(dim=1, keepdim=True))[
        expected.tokens[:, partials].min(1)[0] > -40
    ]
    assert len(distances) > 10
    assert distances.abs().mean() < 1
    assert torch.equal(equalized.content, before.content)


def test_the_player_learns(examples: ScoredExamples, listener: Path) -> None:
    torch.manual_seed(0)
    task = OneShotTask(OneShotTraining(width=64))
    dataset = precompute_features(examples, str(listener), n_workers=1)
    batch = torch.stack([torch.from_numpy(dataset[i]) for i in range(4)])
    assert len(dataset) == 2 * TINY.n_examples
    before = task.validate([batch], 0.0)
    optimizer = torch.optim.AdamW(task.parameters(), 2e-3)
    for _ in range(40):
        losses = task(batch, 0.0)
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
    after = task.validate([batch], 0.0)
    assert after["lsd"] < 0.8 * before["lsd"]


def test_what_is_judged_learns_to_deceive_the_judge() -> None:
    torch.manual_seed(0)
    discriminator, true = Discriminator(), torch.zeros(210, 16)
    ours = torch.full((210, 16), -60.0, requires_grad=True)
    gradients = [
        torch.autograd.grad(discriminator(ours, true, w).sum(), ours)[0] for w in (-1.0, 0.5)
    ]
    torch.testing.assert_close(gradients[1], -0.5 * gradients[0])


@pytest.mark.parametrize("name", ["adversarial", "contrast"])
def test_further_losses_reach_the_networks(
    name: str, examples: ScoredExamples, listener: Path
) -> None:
    torch.manual_seed(0)
    task = OneShotTask(OneShotTraining(width=16, **{name: 0.1})).train()
    dataset = precompute_features(examples, str(listener), n_workers=1)
    losses = task(torch.stack([torch.from_numpy(dataset[i]) for i in range(2)]), 0.0)
    further = {"adversarial": "discriminator", "contrast": "contrast"}[name]
    losses[further].backward()
    learning = {
        part.partition(".")[0]
        for part, weight in task.named_parameters()
        if weight.grad is not None and weight.grad.any()
    }
    assert learning >= {"adversarial": {"discriminator", "refiner"}, "contrast": {"network"}}[name]


def test_a_listener_s_file_hears(listener: Path) -> None:
    events = detect_notes(melody([60, 64, 67], rate=44100), str(listener), threshold=0.01)
    assert events.level_db.shape == (88, BANDS.n_frames(3 * round(0.4 * 44100)))
    assert load_model(str(listener), "listener").about["threshold"] > 0
