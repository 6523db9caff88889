"""Rendered bands in torch are those in NumPy, and equal sounds are no distance apart."""

import numpy as np
import pytest
from tones import note_event

from cambiata.partials.bands import FLOOR, render_bands
from cambiata.partials.note_frames import N_NOISE, N_PARTIALS, note_frames

torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")

from cambiata.train.note_dataset import query_rows  # noqa: E402
from cambiata.train.tasks.oneshot import OneShotTask, OneShotTraining  # noqa: E402


def test_rendering_is_that_of_the_library() -> None:
    rng = np.random.default_rng(0)
    frames = note_frames(note_event(57, 3, 30, 43), 43)
    partials = rng.uniform(-60, 0, (len(frames), N_PARTIALS)).astype(np.float32)
    noise = rng.uniform(-90, -60, (len(frames), N_NOISE)).astype(np.float32)
    expected = render_bands(frames, partials, noise, np.full(N_NOISE, -300.0), 2e-4, 43)
    task = OneShotTask(OneShotTraining(width=16))
    order = np.argsort(frames.frame, kind="stable")
    arrays = (x[order] for x in (partials, noise))
    power = task.render_bands(
        *map(torch.from_numpy, arrays),
        torch.from_numpy(query_rows(frames)).float(),
        torch.tensor(2e-4),
        43,
    )
    actual = 10 * np.log10(power.numpy() + FLOOR)
    np.testing.assert_allclose(actual, expected, atol=0.05)


def test_equal_powers_cost_next_to_nothing() -> None:
    task = OneShotTask(OneShotTraining(width=16))
    power = torch.rand(210, 40) + 0.1
    losses = task.band_losses(power, power, power)
    assert float(losses["power"]) == float(losses["loudness"]) == 0
    assert float(losses["level"]) == pytest.approx(1, abs=1e-3)  # of its smooth root at zero
    quieter = task.band_losses(0.1 * power, power, power)
    assert float(quieter["loudness"]) == pytest.approx(5, abs=0.01)  # 10 dB in one of two
