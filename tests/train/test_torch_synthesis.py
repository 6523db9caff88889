"""Waveforms made in torch sound as those of the run time do, and gradients pass them."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from cambiata import Note, Part  # noqa: E402
from cambiata.partials.analysis import power_spectrum  # noqa: E402
from cambiata.partials.bands import band_filters, bands_db  # noqa: E402
from cambiata.partials.note_frames import (  # noqa: E402
    HOP,
    N_NOISE,
    N_PARTIALS,
    events_from_part,
    partial_hz,
    score_note_frames,
)
from cambiata.partials.synthesis import Prediction, synthesize  # noqa: E402
from cambiata.train.note_dataset import query_rows  # noqa: E402
from cambiata.train.spectral_losses import multi_scale_loss  # noqa: E402
from cambiata.train.torch_synthesis import Levels, TorchSynthesis  # noqa: E402

N_FRAMES = 86  # two seconds
# The third key is struck anew while it is down; the last two sound at a time.
PART = Part(
    (Note(0.1, 0.5, 45), Note(0.6, 0.9, 64), Note(0.9, 1.2, 64), Note(1.2, 1.9, 52, 30)),
)


def _frames(per_frame: int = 1):
    return score_note_frames(events_from_part(PART), N_FRAMES, per_frame)


def _levels(n: int, noise_db: float) -> tuple[np.ndarray, ...]:
    """Levels of n note frames, a correction of 6 dB above the middle of the bands, no residual."""
    partials = np.repeat(-6.0 * np.arange(N_PARTIALS)[None] / 4, n, axis=0).astype(np.float32)
    noise = np.full((n, N_NOISE), noise_db, np.float32)
    background = np.full(N_NOISE, -100, np.float32)
    gain = np.zeros((len(band_filters()), N_FRAMES), np.float32)
    gain[len(gain) // 2 :] = 6
    return partials, noise, background, gain, np.full_like(gain, -100)


def _torch_sound(noise_db: float, seed: int = 0) -> np.ndarray:
    torch.manual_seed(seed)
    frames = _frames()
    queries = torch.from_numpy(query_rows(frames)).float()
    levels = Levels(*(torch.from_numpy(x) for x in _levels(len(queries), noise_db)))
    hz = torch.from_numpy(partial_hz(queries[:, 19].numpy().astype(np.float64), 1e-4)).float()
    return TorchSynthesis()(levels, queries, hz).numpy()


def _run_time_sound(noise_db: float) -> np.ndarray:
    frames = _frames(2)
    partials, noise, background, gain, residual = _levels(len(frames), noise_db)
    prediction = Prediction(partials, noise, background, 1e-4, gain, residual)
    return synthesize(frames, prediction, np.zeros((4, N_FRAMES), np.float32), N_FRAMES * HOP, 0)


@pytest.mark.parametrize("noise_db", [-100.0, -10.0])
def test_it_sounds_as_at_run_time(noise_db: float) -> None:
    ours, theirs = _torch_sound(noise_db), _run_time_sound(noise_db)
    assert ours.shape == theirs.shape
    assert np.sqrt(np.mean(ours**2)) == pytest.approx(np.sqrt(np.mean(theirs**2)), rel=0.05)
    ours_db, theirs_db = (bands_db(power_spectrum(x)) for x in (ours, theirs))
    audible = theirs_db > -50
    assert audible.mean() > 0.2
    # Phases differ, and noise is another: single levels of noise vary by 5.6 dB.
    median_db = np.median(np.abs(ours_db - theirs_db)[audible])
    assert median_db < (0.3 if noise_db < -50 else 4.0)
    assert abs(np.mean((ours_db - theirs_db)[audible])) < 0.5


def test_nothing_sounds_before_a_note_and_it_begins_at_once() -> None:
    sound = np.abs(_torch_sound(-100.0))
    onset = round(0.1 * 44100)
    assert sound[: onset - 512].max() < 1e-3
    assert sound[onset : onset + 1024].max() > 0.3 * sound.max()


def test_learning_by_the_waveform_finds_the_levels() -> None:
    torch.manual_seed(0)
    queries = torch.from_numpy(query_rows(_frames())).float()
    hz = torch.from_numpy(partial_hz(queries[:, 19].numpy().astype(np.float64), 0.0)).float()
    synthesis = TorchSynthesis()
    fixed = [torch.from_numpy(x) for x in _levels(len(queries), -100.0)]
    target = synthesis(Levels(*fixed), queries, hz)[None]
    offset = torch.full((N_PARTIALS,), 12.0, requires_grad=True)
    optimizer = torch.optim.Adam([offset], 1.0)
    for _ in range(30):
        levels = Levels(fixed[0] + offset, *fixed[1:])
        loss = multi_scale_loss(synthesis(levels, queries, hz)[None], target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    # Phases are new each time, by which levels of partials that meet stay uncertain.
    assert offset.detach()[:8].abs().mean() < 5


def test_an_example_without_notes_is_its_residual() -> None:
    torch.manual_seed(0)
    levels = [torch.from_numpy(x) for x in _levels(0, -100.0)]
    levels[4] = torch.full_like(levels[4], -20.0)
    sound = TorchSynthesis()(Levels(*levels), torch.zeros(0, 22), torch.zeros(0, N_PARTIALS))
    assert sound.shape == (N_FRAMES * HOP,)
    assert 1e-3 < float(sound.square().mean().sqrt()) < 10
