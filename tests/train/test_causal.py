"""Layers of WaveNets against torch's convolutions."""

import pytest

torch = pytest.importorskip("torch")

from cambiata.train.causal import (  # noqa: E402
    add_held,
    causal_conv,
    gated_activation,
    pointwise,
    two_sided_conv,
)


@pytest.mark.parametrize("dilation", [1, 4, 50])
def test_they_are_torch_s(dilation: int) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 40, 3)
    channels_first = x.transpose(1, 2)
    with torch.no_grad():
        pair = torch.nn.Conv1d(3, 5, 2, dilation=dilation)
        wanted = pair(torch.nn.functional.pad(channels_first, (dilation, 0))).transpose(1, 2)
        torch.testing.assert_close(causal_conv(pair, x, dilation), wanted)
        three = torch.nn.Conv1d(3, 5, 3, dilation=dilation, padding=dilation)
        wanted = three(channels_first).transpose(1, 2)
        torch.testing.assert_close(two_sided_conv(three, x, dilation), wanted)
        one = torch.nn.Conv1d(3, 5, 1)
        torch.testing.assert_close(pointwise(one, x), one(channels_first).transpose(1, 2))


def test_frames_are_held_and_gates_close() -> None:
    x, frames = torch.zeros(1, 6, 2), torch.tensor([[[1.0, 2.0], [3.0, 4.0]]])
    held = add_held(x, frames)
    assert held[0, :, 0].tolist() == [1, 1, 1, 3, 3, 3]
    gated = gated_activation(torch.tensor([[-50.0, 50.0, 2.0, 2.0]]))
    torch.testing.assert_close(gated, torch.tanh(torch.tensor([[0.0, 2.0]])))
