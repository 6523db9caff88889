"""``oneshot`` from examples to ONNX: its networks learn, export, and run without torch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.signal
from rolls import heard_of
from sounds import melody
from tiny_packs import training_pack
from tiny_scored import TINY
from tiny_training import LISTENER_SETTINGS, SETTINGS, train_and_export

import cambiata
from cambiata.partials.note_frames import N_FEATURES
from cambiata.partials.posteriors import BANDS, NoteEvents, decode_notes
from cambiata.timbre_transfer.oneshot import OneShot, OneShotConfig

torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")
pytest.importorskip("onnx")

from cambiata.data.scored_examples import ScoredExample, ScoredExamples  # noqa: E402
from cambiata.train.note_dataset import Example, compute_features, precompute_features  # noqa: E402
from cambiata.train.tasks.oneshot import OneShotTask, OneShotTraining  # noqa: E402


def _reference_events(example: ScoredExample) -> list[NoteEvents]:
    return [
        decode_notes(
            heard_of([[x.start_s, x.end_s, x.pitch, x.velocity] for x in notes], energy), 0.5
        )
        for notes, energy in zip(example.notes, example.energy_db, strict=True)
    ]


def _unpacked(arrays: dict[str, Any]) -> Example:
    return Example(*(torch.from_numpy(arrays[name]).float() for name in Example._fields))


@pytest.mark.slow
def test_networks_trained_here_play(scored_examples: ScoredExamples, tmp_path: Path) -> None:
    pack = training_pack(tmp_path / "pack")
    listener = train_and_export("listener", tmp_path, pack, **LISTENER_SETTINGS)
    settings = SETTINGS | {"task.width": "32", "task.listener": listener}
    player = train_and_export("oneshot", tmp_path, scored_examples.folder, **settings)
    config = OneShotConfig(weights=player, listener=listener)
    system = OneShot(config)
    content, style = (melody([60, 64, 67], k, rate=44100) for k in (3, 20))
    sound = system.render(
        content, system.capture(style), amount=1.0, seed=0, progress=lambda _share: None
    )
    assert sound.shape == content.shape
    assert np.isfinite(sound).all()


def test_weights_of_the_wrong_part_are_refused() -> None:
    with pytest.raises(cambiata.InputError, match="is not of oneshot; choose weights of oneshot"):
        OneShot(OneShotConfig(weights="listener"))


def test_untrained_the_player_is_nearer_to_the_target_than_the_content(
    scored_examples: ScoredExamples,
) -> None:
    """What it takes from the style's own notes is where it begins."""
    example = scored_examples[0]
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


def test_filters_on_what_is_asked_are_filters_on_the_sounds(
    scored_examples: ScoredExamples,
) -> None:
    example = scored_examples[0]
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


@pytest.mark.slow
def test_the_player_learns(scored_examples: ScoredExamples) -> None:
    torch.manual_seed(0)
    task = OneShotTask(OneShotTraining(width=64))
    dataset = precompute_features(scored_examples, "listener", n_workers=1)
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


@pytest.mark.parametrize("name", ["adversarial", "contrast"])
def test_further_losses_reach_the_networks(name: str, scored_examples: ScoredExamples) -> None:
    torch.manual_seed(0)
    task = OneShotTask(OneShotTraining(width=16, **{name: 0.1})).train()
    dataset = precompute_features(scored_examples, "listener", n_workers=1)
    losses = task(torch.stack([torch.from_numpy(dataset[i]) for i in range(2)]), 0.0)
    further = {"adversarial": "discriminator", "contrast": "contrast"}[name]
    losses[further].backward()
    learning = {
        part.partition(".")[0]
        for part, weight in task.named_parameters()
        if weight.grad is not None and weight.grad.any()
    }
    assert learning >= {"adversarial": {"discriminator", "refiner"}, "contrast": {"network"}}[name]
