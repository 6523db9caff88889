"""The drum transcriber's training: mixing, features as the base install has them, export."""

from pathlib import Path

import numpy as np
import pytest

from cambiata.data.drum_hits import pack_hits, synthetic_kit
from cambiata.transcription.drum_bands import DRUM_BANDS
from cambiata.transcription.drum_hits import GROUPS
from cambiata.weights import Model

torch = pytest.importorskip("torch")

from cambiata.train.drum_mixing import CLIP_SAMPLES, N_FRAMES, DrumMixer  # noqa: E402
from cambiata.train.export import export_task  # noqa: E402
from cambiata.train.tasks.drums import (  # noqa: E402
    DrumNetwork,
    DrumsTask,
    DrumsTraining,
    count_matches,
)

TINY = DrumsTraining(width=4, n_hidden=8, n_blocks=2, dropout=0.0)


@pytest.fixture(scope="module")
def mixer() -> DrumMixer:
    rooms = np.zeros((2, 3000), np.float32)
    rooms[:, 0] = 1
    rooms[1, 1000] = 0.3
    return DrumMixer(pack_hits([synthetic_kit(2, number) for number in range(2)]), rooms)


def windows(n: int = 2) -> "torch.Tensor":
    """A kick, a snare, a closed hat, a low tom and a ride, half a second apart."""
    out = np.full((n, 12, 3), -1.0, np.float32)
    for i, articulation in enumerate((0, 1, 4, 7, 11)):
        out[:, i] = (0.3 + 0.5 * i, articulation, 0.8)
    return torch.from_numpy(out)


def test_it_is_small() -> None:
    n = sum(parameter.numel() for parameter in DrumNetwork(DrumsTraining()).parameters())
    assert n <= 250_000  # two bytes each: half a megabyte


def test_levels_are_those_of_the_base_install(mixer: DrumMixer) -> None:
    sound = np.random.default_rng(0).standard_normal(20000).astype(np.float32) / 4
    ours = mixer.levels(torch.from_numpy(sound[None]))[0].numpy()
    assert np.allclose(ours, DRUM_BANDS.levels(sound), atol=1e-3)


def test_clips_hold_what_is_struck_when_it_is_struck(mixer: DrumMixer) -> None:
    torch.manual_seed(0)
    clips = mixer.mix(windows(), train=False)
    assert clips.sound.shape == (2, CLIP_SAMPLES)
    assert clips.onset.shape == (2, len(GROUPS), N_FRAMES)
    for i, group in enumerate((0, 1, 2, 4, 5)):
        at = 30 + 50 * i
        assert clips.onset[0, group].argmax() == at
        assert clips.velocity[0, group, at] == pytest.approx(0.8)
        before = clips.sound[0, at * 441 - 1500 : at * 441 - 200].abs().max()
        after = clips.sound[0, at * 441 : at * 441 + 1300].abs().max()
        assert after > 2 * before
    assert clips.kind[0, 5, 230] == 1  # a ride
    assert clips.sound.abs().max() <= 1


def test_variation_keeps_sound_and_targets_together(mixer: DrumMixer) -> None:
    torch.manual_seed(3)
    clips = mixer.mix(windows(16), train=True)
    assert bool(clips.sound.isfinite().all())
    flux = mixer.levels(clips.sound).diff(dim=2).clamp_min(0).sum(1)
    onset = clips.onset.amax(1)[:, 1:]
    at_onsets = {lag: float((flux.roll(-lag, 1) * onset).sum()) for lag in (-8, -4, 0, 4, 8)}
    assert max(at_onsets, key=lambda lag: at_onsets[lag]) == 0


def test_the_loss_falls_and_the_export_is_torchs(mixer: DrumMixer, tmp_path: Path) -> None:
    torch.manual_seed(0)
    task = DrumsTask(TINY)
    task.mixer = mixer
    optimizer = torch.optim.Adam(task.parameters(), 1e-2)
    losses = []
    for _ in range(12):
        torch.manual_seed(1)  # the same clips
        loss = task(windows(), 0.0)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]
    task.eval()
    figures = task.validate([windows()], 1.0)
    assert {"f1", "f1_kick", "threshold_open_hat"} <= figures.keys()
    facts = {"system": "drums"} | task.onnx_facts(None, figures)  # type: ignore[arg-type]
    assert len(facts["thresholds"]) == len(GROUPS)
    written = export_task(task, facts, tmp_path / "drums.onnx", half=True)
    assert written["parity"]["max_difference"] < 1e-3
    model = Model((tmp_path / "drums.onnx").read_bytes(), lambda *_: b"")
    [outputs] = model.part("")(np.zeros((1, DRUM_BANDS.n_bands, 30), np.float32))
    assert outputs.shape == (1, 17, 30)


def test_matches_are_one_to_one() -> None:
    assert count_matches([10, 11], [10.5]) == 1
    assert count_matches([10, 20], [9, 21, 40]) == 2
    assert count_matches([], [1.0]) == 0
