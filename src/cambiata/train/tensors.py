"""Tensors brought home from wherever a training computes them, and laid end to end there."""

from typing import Any, NamedTuple

import numpy.typing as npt
import torch
from torch import Tensor


class Flat(NamedTuple):
    """Stretches of different lengths, laid end to end: a row for every sample of each."""

    event: Tensor  # which stretch [S]
    offset: Tensor  # samples since its start [S]
    first: Tensor  # row of each one's first sample [N]


def to_numpy(tensor: Tensor) -> npt.NDArray[Any]:
    """A tensor of any device and type as an array; bfloat16, which NumPy lacks, as float32."""
    at_home = tensor.detach().cpu()
    if at_home.dtype == torch.bfloat16:
        at_home = at_home.float()
    array: npt.NDArray[Any] = at_home.numpy()
    return array


def flatten(lengths: Tensor) -> Flat:
    """A row for every sample of stretches of so many samples [N]."""
    event = torch.repeat_interleave(lengths)
    first = torch.cumsum(lengths, 0) - lengths
    offset = torch.arange(len(event), device=lengths.device) - first[event]
    return Flat(event, offset, first)
