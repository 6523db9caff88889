"""Layers of WaveNets as products of matrices, channels last: [B, T, C].

The modules are `nn.Conv1d`, whose names and shapes the published networks have; only the arithmetic
is done here. cuDNN's dilated one-dimensional convolutions, and torch's on a CPU, take longer.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


def pointwise(layer: Any, x: Tensor) -> Tensor:
    """A convolution of width one."""
    return functional.linear(x, layer.weight[:, :, 0], layer.bias)


def causal_conv(layer: Any, x: Tensor, dilation: int) -> Tensor:
    """A convolution of width two on a sample and the one `dilation` before, 0 before the first."""
    return causal_pair(x, layer.weight[:, :, 0], layer.weight[:, :, 1], layer.bias, dilation)


def causal_pair(x: Tensor, past_weight: Any, weight: Any, bias: Any, dilation: int) -> Tensor:
    """The same, by the weights of past and present [C_out, C_in]."""
    past = functional.pad(x, (0, 0, dilation, 0))[:, : x.shape[1]]
    current = functional.linear(x, weight, bias)
    # One product adds to the other: a pass less over memory.
    total = torch.addmm(current.flatten(0, 1), past.flatten(0, 1), past_weight.t())
    return total.view(current.shape)


def two_sided_conv(layer: Any, x: Tensor, dilation: int) -> Tensor:
    """A convolution of width three, padded with zeros."""
    n = x.shape[1]
    padded = functional.pad(x, (0, 0, dilation, dilation))
    three = torch.cat([padded[:, :n], x, padded[:, 2 * dilation :]], dim=2)
    weight = layer.weight.permute(0, 2, 1).flatten(1)
    return functional.linear(three, weight, layer.bias)


def add_held(x: Tensor, frames: Tensor) -> Tensor:
    """Samples [B, T, C] and the frame that each lies in [B, L, C]; T is a multiple of L."""
    grouped = x.view(x.shape[0], frames.shape[1], -1, x.shape[2])
    return (grouped + frames[:, :, None]).flatten(1, 2)


def gated_activation(h: Tensor) -> Tensor:
    """Sigmoid of the first half of the channels times tanh of the second."""
    gate, filtered = h.chunk(2, dim=-1)
    return torch.sigmoid(gate) * torch.tanh(filtered)
