"""What a WaveNet's output says of mu-law levels, as a loss."""

import torch
from torch import Tensor
from torch.nn import functional

from cambiata.wavenet_sampling import (
    LEVEL_EDGES,
    LOG_SCALE_RANGE,
    LOG_SCALE_UNIT,
    MEAN_UNIT,
    N_LEVELS,
)

# Below this chance a level is so far out that a difference of two distribution functions has lost
# its digits, and its gradient with them.
_LEAST = 1e-4


def n_outputs(n_mixture: int) -> int:
    """Outputs of a network of so many logistic distributions; of 0: one for every level."""
    return 3 * n_mixture or N_LEVELS


def with_amplitudes(coded: Tensor, full_scale: float) -> Tensor:
    """Companded samples, of so much at full scale, and their amplitudes [..., 2].

    What says amplitudes is given them too: a sum of sines is a linear function of its past, and
    none of its companded past.
    """
    companded = coded / full_scale
    amplitude = companded.sign() * (float(N_LEVELS) ** companded.abs() - 1) / (N_LEVELS - 1)
    return torch.stack([coded, amplitude / MEAN_UNIT], dim=-1)


def level_nats(outputs: Tensor, levels: Tensor) -> Tensor:
    """Error of every level, in nats.

    outputs: [..., 256], or [..., 3 K] of a mixture of K logistic distributions (van den Oord et al.
    2017, section 3.1); levels: [...]; returns [...].
    """
    if outputs.shape[-1] == N_LEVELS:
        nats = functional.cross_entropy(outputs.flatten(0, -2), levels.flatten(), reduction="none")
        return nats.view(levels.shape)
    weights, means, scales = outputs.float().chunk(3, dim=-1)
    scales = (scales + LOG_SCALE_UNIT).clamp(*LOG_SCALE_RANGE)
    edges = torch.as_tensor(LEVEL_EDGES, dtype=torch.float32, device=levels.device)
    low, high = edges[levels, None], edges[levels + 1, None]
    inverse, means = torch.exp(-scales), MEAN_UNIT * means
    # The outermost levels take what lies beyond full scale.
    last = (levels == N_LEVELS - 1)[..., None]
    below = torch.sigmoid((low - means) * inverse).masked_fill((levels == 0)[..., None], 0.0)
    chance = torch.sigmoid((high - means) * inverse).masked_fill(last, 1.0) - below
    # Far out: the density in the middle times the width.
    z = ((low + high) / 2 - means) * inverse
    far = -z - scales - 2 * functional.softplus(-z) + torch.log(high - low)
    log_chance = torch.where(chance > _LEAST, chance.clamp_min(_LEAST).log(), far)
    return -torch.logsumexp(functional.log_softmax(weights, dim=-1) + log_chance, dim=-1)
