"""The note detector's network: pitches look alike to it, and the causal one knows no future."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from cambiata.partials.note_bands import N_ROWS, PITCH_BANDS, note_bands_db  # noqa: E402
from cambiata.train.listener_network import HEADS, Listener, causal_lags  # noqa: E402

# Of the window that looks farthest after a frame's centre: 46 ms, and a decimation filter's 2 ms.
AHEAD_SAMPLES = 2048 + 80


def _network(*, causal: bool, n_blocks: int = 5) -> Listener:
    """A small network that has learnt something: nothing in it is the identity."""
    torch.manual_seed(0)
    network = Listener(8, 4, n_blocks, causal=causal)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    return network.eval()


def _outputs(network: Listener, bands: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return network(bands)


@pytest.mark.parametrize("causal", [False, True])
def test_six_outputs_for_every_pitch_and_frame(causal: bool) -> None:
    outputs = _outputs(_network(causal=causal), torch.rand(2, N_ROWS, 30))
    assert outputs.shape == (2, len(HEADS), 88, 30) == (2, 6, 88, 30)


def test_the_size_of_what_ships() -> None:
    parameters = sum(p.numel() for p in Listener(48, 16, 5).parameters())
    assert parameters == sum(p.numel() for p in Listener(48, 16, 5, causal=True).parameters())
    assert parameters == 208_166


def test_pitches_move_with_the_bands() -> None:
    """A clip a semitone higher is heard a semitone higher: the network knows no absolute pitch."""
    network = _network(causal=False, n_blocks=1)  # which looks 38 semitones up and down
    bands = torch.full((1, N_ROWS, 20), -2.0)
    rng = np.random.default_rng(0)
    bands[0, 150:153] = torch.tensor(rng.uniform(-1, 1, (3, 20)))
    bands[0, 312 + 50] = bands[0, 416 + 50] = 0.5
    moved = torch.full_like(bands, -2.0)
    moved[:, 3:312] = bands[:, :309]
    for first in (312, 416):
        moved[:, first + 1 : first + 104] = bands[:, first : first + 103]
    lower, higher = _outputs(network, bands), _outputs(network, moved)
    assert float((lower[..., 41:49, :] - lower[..., 40:48, :]).abs().max()) > 0.003
    torch.testing.assert_close(higher[..., 41:49, :], lower[..., 40:48, :], atol=1e-5, rtol=0)


def test_long_windows_are_late_by_what_they_look_ahead() -> None:
    lags = causal_lags(PITCH_BANDS)
    assert len(lags) == PITCH_BANDS.n_bins
    assert [lags[3 * (pitch - 21) + 1] for pitch in (21, 64, 67, 76, 79, 108)] == [6, 6, 2, 2, 0, 0]
    assert sorted(lags, reverse=True) == lags


def test_the_causal_network_sees_no_frame_that_comes_later() -> None:
    bands = torch.rand(1, N_ROWS, 80)
    changed = bands.clone()
    changed[:, :, 40:] = torch.rand(1, N_ROWS, 40)
    for causal in (True, False):
        network = _network(causal=causal)
        apart = (_outputs(network, bands) - _outputs(network, changed)).abs().amax((0, 1, 2))
        assert float(apart[40:].max()) > 0.01
        assert (float(apart[:40].max()) < 1e-5) == causal


@pytest.mark.parametrize("frame", [20, 33])
def test_the_causal_network_hears_nothing_that_sounds_later(frame: int) -> None:
    """Of the sound itself: whatever comes 48 ms after a frame's centre never changes its output."""
    rng = np.random.default_rng(0)
    sound = 0.1 * rng.normal(size=60 * 1024).astype(np.float32)
    later = frame * 1024 + AHEAD_SAMPLES
    changed = sound.copy()
    changed[later:] = 0.1 * rng.normal(size=len(sound) - later)
    network = _network(causal=True)
    first, second = (
        _outputs(network, torch.from_numpy((note_bands_db(x, mean=0.01)[None] + 40) / 20))
        for x in (sound, changed)
    )
    apart = (first - second).abs().amax((0, 1, 2))
    assert float(apart[: frame + 1].max()) < 1e-3
    assert float(apart[frame + 3 :].max()) > 0.05


def test_it_keeps_to_the_device_of_its_input() -> None:
    for causal in (False, True):
        network = _network(causal=causal).to("meta")
        outputs = network(torch.empty(1, N_ROWS, 20, device="meta"))
        assert outputs.device.type == "meta"
