"""What a note detector is to say of mixed clips, and how wrong it is."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from cambiata.partials.posteriors import LEVEL_SCALE_DB, N_PITCHES, ONSET_REACH_FRAMES
from cambiata.train.note_mixing import Mixed
from cambiata.train.tensors import flatten

_FLOOR_DB = -60.0
# Cells louder than that, of the mean power, are those that losses count by.
_SOUNDING_DB = -45.0
# Pitch is learnt where it can be heard.
_CLEAR_DB = -30.0
_CENTS = 100.0  # deviations are learnt in semitones
# Onsets are rare, and what notes hang on. Chosen by hand, like the others.
_WEIGHTS = {
    "onset": 2.0,
    "active": 1.0,
    "offset": 0.7,
    "level": 1.0,
    "deviation": 1.0,
    "slurred": 0.3,
}


class Targets(NamedTuple):
    """Rolls of clips [B, 88, L]."""

    onset: Tensor  # falls to 0 over 2.5 frames at either side
    active: Tensor  # 0 or 1
    offset: Tensor
    level: Tensor  # in units of 20 dB
    deviation: Tensor  # in semitones
    slurred: Tensor  # 0 or 1 near onsets, else -1


def make_targets(mixed: Mixed) -> Targets:
    """Targets of all frames of mixed clips."""
    power = mixed.power
    n_batch, _, n_frames = power.shape
    level = (10 * torch.log10(power + 1e-12)).clamp_min(_FLOOR_DB) / LEVEL_SCALE_DB
    size = n_batch * N_PITCHES * n_frames
    cell = (mixed.clip * N_PITCHES + mixed.row) * n_frames
    first = (mixed.start - 0.5).ceil().clamp(0, n_frames - 1).long()
    last = (mixed.end + 0.5).floor().clamp(0, n_frames - 1).long()
    flat = flatten((last - first + 1).clamp_min(0))
    active = torch.zeros(size, device=power.device)
    active[cell[flat.event] + first[flat.event] + flat.offset] = 1
    onset, slurred = torch.zeros_like(active), torch.full_like(active, -1)
    offset = torch.zeros_like(active)
    for by in range(-3, 4):
        for roll, centre in ((onset, mixed.start), (offset, mixed.end)):
            frame = centre.round() + by
            height = 1 - (frame - centre).abs() / ONSET_REACH_FRAMES
            inside = (frame >= 0) & (frame < n_frames) & (height > 0)
            where = (cell + frame.long())[inside]
            roll.scatter_reduce_(0, where, height[inside], "amax")
            if roll is onset:
                slurred[where] = mixed.slurred[inside]
    shape = (n_batch, N_PITCHES, n_frames)
    return Targets(
        onset.view(shape),
        active.view(shape),
        offset.view(shape),
        level,
        mixed.cents / _CENTS,
        slurred.view(shape),
    )


def losses(outputs: Tensor, targets: Targets) -> dict[str, Tensor]:
    """Losses of outputs [B, 6, 88, L] per cell that sounds: silence does not dilute them."""
    onset, active, offset, level, deviation, slurred = outputs.float().unbind(1)
    sounding = (targets.level > _SOUNDING_DB / LEVEL_SCALE_DB).float()
    n = sounding.sum().clamp_min(1)
    clear = targets.active * (targets.level > _CLEAR_DB / LEVEL_SCALE_DB).float()
    begins = (targets.slurred >= 0).float()
    entropy = functional.binary_cross_entropy_with_logits
    off = functional.smooth_l1_loss(deviation, targets.deviation, reduction="none", beta=0.2)
    joined = entropy(slurred, targets.slurred.clamp_min(0), reduction="none")
    parts = {
        "onset": entropy(onset, targets.onset, reduction="sum") / n,
        "active": entropy(active, targets.active, reduction="sum") / n,
        "offset": entropy(offset, targets.offset, reduction="sum") / n,
        "level": ((level - targets.level).abs() * sounding).sum() / n,
        "deviation": (off * clear).sum() / clear.sum().clamp_min(1),
        "slurred": (joined * begins).sum() / begins.sum().clamp_min(1),
    }
    total = sum((_WEIGHTS[name] * value for name, value in parts.items()), torch.zeros_like(n))
    return parts | {"loss": total}
