"""Notes drawn as spectra, and how far spectra are apart: what every player of notes learns by."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cambiata.partials.bands import (
    FLOOR,
    LOBE_BANDS,
    LOBE_STEPS,
    band_filters,
    band_hz,
    noise_interpolation,
    sinusoid_lobes,
)
from cambiata.partials.note_frames import BIN_HZ, N_FEATURES, partial_hz
from cambiata.train.task import Task

DB = 10 / math.log(10)


class BandLossTask(Task):
    """A task whose network says partials and noise of note frames."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        first, powers = sinusoid_lobes()
        filters = band_filters()
        self.n_bands = len(filters)
        self.first: Tensor
        self.powers: Tensor
        self.spread: Tensor
        self.widths: Tensor
        for name, array in (
            ("first", first),
            ("powers", powers),
            ("spread", noise_interpolation(band_hz())),
            ("widths", filters.sum(axis=1)),
        ):
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(array)), False)

    def rendered(
        self, partials_db: Tensor, noise_db: Tensor, queries: Tensor, inharmonicity: Tensor, n: int
    ) -> Tensor:
        """Power in the bands of what the player said.

        partials_db, noise_db: [Q, ...]; queries: [Q, 22].
        """
        frame, pitch, strength, cover = queries[:, N_FEATURES:].unbind(1)
        hz = torch.from_numpy(partial_hz(pitch.numpy(), float(inharmonicity))).float()
        base = strength + 20 * torch.log10(cover.clamp_min(1e-3))
        power = torch.exp((partials_db.clamp(-100, 40) + base[:, None]) / DB)
        row = (hz / BIN_HZ * LOBE_STEPS).round().long()
        inside = row < len(self.first)
        power = power * inside
        row = row.clamp_max(len(self.first) - 1)
        to = (frame.long() * self.n_bands)[:, None, None] + self.first[row][:, :, None]
        to = to + torch.arange(LOBE_BANDS)
        out = torch.zeros(n * self.n_bands)
        out = out.index_add(0, to.flatten(), (power[:, :, None] * self.powers[row]).flatten())
        noise = torch.exp(((noise_db.clamp(-130, 30) + base[:, None]) @ self.spread) / DB)
        rows = out.view(n, self.n_bands).index_add(0, frame.long(), noise * self.widths)
        return rows.t()

    def distance(self, estimate: Tensor, target: Tensor) -> Tensor:
        """How far levels are apart in dB: in the mean, and as RMS over time in every band."""
        difference = DB * (torch.log(estimate + FLOOR) - torch.log(target + FLOOR))
        return difference.abs().mean() + ((difference**2).mean(dim=1) + 1).sqrt().mean()

    def band_losses(self, rendered: Tensor, refined: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Losses of what was drawn, before and after it was refined.

        Levels that are right on average lack the power of their peaks: sounds are compared as they
        will be heard, at one loudness.
        """
        gains = [_gain_db(x, target).abs() for x in (rendered, refined)]
        return {
            "level": self.distance(_match_level(refined, target), target),
            "player": self.distance(_match_level(rendered, target), target),
            "power": ((rendered + 1e-6) ** 0.15 - (target + 1e-6) ** 0.15).abs().mean(),
            "loudness": torch.stack(gains).mean(),
        }


def total_loss(losses: dict[str, Tensor]) -> Tensor:
    """One loss of several."""
    # The player is to be good by itself: its share of the sound is the one with a pitch.
    return (
        losses["level"] / 10 + losses["player"] / 10 + 4 * losses["power"] + losses["loudness"] / 20
    )


def rms_distance_db(estimate: Tensor, target: Tensor) -> float:
    """How far spectra are apart: RMS over time, mean over bands, both at unit mean power."""
    difference = _normalized_db(estimate) - _normalized_db(target)
    return float((difference**2).mean(dim=1).sqrt().mean())


def _gain_db(estimate: Tensor, target: Tensor) -> Tensor:
    return DB * torch.log((estimate.mean() + FLOOR) / (target.mean() + FLOOR))


def _match_level(estimate: Tensor, target: Tensor) -> Tensor:
    """Ours at the loudness of the true one, where that is not another sound altogether."""
    return estimate * torch.exp(-_gain_db(estimate, target).clamp(-20, 20) / DB)


def _normalized_db(power: Tensor) -> Tensor:
    return DB * torch.log(power / power.mean() + 1e-7)
