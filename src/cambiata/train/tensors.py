"""Tensors brought home from wherever a training computes them."""

from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor


def to_numpy(tensor: Tensor) -> npt.NDArray[Any]:
    """A tensor of any device and type as an array; bfloat16, which NumPy lacks, as float32."""
    at_home = tensor.detach().cpu()
    if at_home.dtype == torch.bfloat16:
        at_home = at_home.float()
    array: npt.NDArray[Any] = at_home.numpy()
    return array
