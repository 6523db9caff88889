"""Note frames rendered into bands, and losses of bands: what predictors of partials learn by."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cambiata.partials.bands import (
    FLOOR,
    LOBE_BANDS,
    LOBE_STEPS,
    MIN_COVERAGE,
    NOISE_RANGE_DB,
    PARTIAL_RANGE_DB,
    band_filters,
    band_hz,
    noise_interpolation,
    sinusoid_lobes,
)
from cambiata.partials.note_frames import (
    BIN_HZ,
    INHARMONICITY_PITCH,
    INHARMONICITY_SEMITONES,
    N_FEATURES,
    N_PARTIALS,
)
from cambiata.train.task import Task

DB = 10 / math.log(10)  # decibels of power in a neper
# Levels are compared above this share of a sound's mean power, -70 dB, in validation.
_FLOOR = 1e-7
# A difference of loudness is evened out before sounds are compared, unless it is 20 dB: then it is
# another sound altogether, and evening it out would reward silence.
_MAX_GAIN_DB = 20
# The power of 0.15 lies between a logarithm, for which all that is quiet counts, and a magnitude,
# for which only peaks do; 1e-6 keeps its slope finite.
_COMPRESSION, _COMPRESSION_FLOOR = 0.15, 1e-6
# Levels count in units of 10 dB and loudness in units of 20; weights were chosen by hand.
_LEVEL_UNIT_DB, _LOUDNESS_UNIT_DB, _POWER_WEIGHT = 10, 20, 4


class BandLossTask(Task):
    """A task whose network predicts partials and noise of note frames."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        first, powers = sinusoid_lobes()
        filters = band_filters()
        self.n_bands = len(filters)
        self.first: Tensor
        self.powers: Tensor
        self.noise_weights: Tensor
        self.widths: Tensor
        for name, array in (
            ("first", first),
            ("powers", powers),
            ("noise_weights", noise_interpolation(band_hz())),
            ("widths", filters.sum(axis=1)),
        ):
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(array)), False)

    def render_bands(
        self, partials_db: Tensor, noise_db: Tensor, queries: Tensor, inharmonicity: Tensor, n: int
    ) -> Tensor:
        """Power in the bands [bands, n] of predicted partials and noise, which gradients pass.

        partials_db, noise_db: [Q, ...]; queries: as `note_dataset.query_rows` makes them [Q, 22].
        The same as `cambiata.partials.bands.render_bands`, without background noise.
        """
        frame, pitch, strength, cover = queries[:, N_FEATURES:].unbind(1)
        hz = self.partial_hz(pitch, inharmonicity)
        base = strength + 20 * torch.log10(cover.clamp_min(MIN_COVERAGE))
        power = torch.exp((partials_db.clamp(*PARTIAL_RANGE_DB) + base[:, None]) / DB)
        row = (hz / BIN_HZ * LOBE_STEPS).round().long()
        inside = row < len(self.first)
        power = power * inside
        row = row.clamp_max(len(self.first) - 1)
        to = (frame.long() * self.n_bands)[:, None, None] + self.first[row][:, :, None]
        to = to + torch.arange(LOBE_BANDS)
        out = torch.zeros(n * self.n_bands)
        out = out.index_add(0, to.flatten(), (power[:, :, None] * self.powers[row]).flatten())
        noise = torch.exp(
            ((noise_db.clamp(*NOISE_RANGE_DB) + base[:, None]) @ self.noise_weights) / DB
        )
        rows = out.view(n, self.n_bands).index_add(0, frame.long(), noise * self.widths)
        return rows.t()

    def partial_hz(self, pitch: Tensor, inharmonicity: Tensor) -> Tensor:
        """Frequencies of the partials of pitches [Q], as `note_frames.partial_hz` gives them."""
        h = torch.arange(1.0, N_PARTIALS + 1)
        octaves = (pitch - INHARMONICITY_PITCH) / INHARMONICITY_SEMITONES
        b = inharmonicity * torch.exp2(octaves)[:, None]
        hz = 440 * torch.exp2((pitch - 69) / 12)
        return hz[:, None] * h * torch.sqrt((1 + b * h**2) / (1 + b))

    def distance(self, estimate: Tensor, target: Tensor) -> Tensor:
        """Distance of two powers in dB: mean, and RMS over time in every band."""
        difference = DB * (torch.log(estimate + FLOOR) - torch.log(target + FLOOR))
        return difference.abs().mean() + ((difference**2).mean(dim=1) + 1).sqrt().mean()

    def band_losses(self, rendered: Tensor, refined: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Losses of powers [bands, L] before the refiner and after it.

        Levels that are right on average lack the power of their peaks: sounds are compared at one
        loudness, as listeners and tests compare them.
        """
        gains = [_gain_db(x, target).abs() for x in (rendered, refined)]
        return {
            "level": self.distance(_match_level(refined, target), target),
            "player": self.distance(_match_level(rendered, target), target),
            "power": (_compressed(rendered) - _compressed(target)).abs().mean(),
            "loudness": torch.stack(gains).mean(),
        }


def total_loss(losses: dict[str, Tensor]) -> Tensor:
    """Weighted sum of the losses."""
    # The predictor must be good by itself as well: its share of the sound is the one with a pitch.
    return (
        losses["level"] / _LEVEL_UNIT_DB
        + losses["player"] / _LEVEL_UNIT_DB
        + _POWER_WEIGHT * losses["power"]
        + losses["loudness"] / _LOUDNESS_UNIT_DB
    )


def rms_distance_db(estimate: Tensor, target: Tensor) -> float:
    """Distance of two powers at unit mean power: RMS over time, mean over bands."""
    difference = _normalized_db(estimate) - _normalized_db(target)
    return float((difference**2).mean(dim=1).sqrt().mean())


def _compressed(power: Tensor) -> Tensor:
    return (power + _COMPRESSION_FLOOR) ** _COMPRESSION


def _gain_db(estimate: Tensor, target: Tensor) -> Tensor:
    return DB * torch.log((estimate.mean() + FLOOR) / (target.mean() + FLOOR))


def _match_level(estimate: Tensor, target: Tensor) -> Tensor:
    """The estimate at the loudness of the target."""
    return estimate * torch.exp(-_gain_db(estimate, target).clamp(-_MAX_GAIN_DB, _MAX_GAIN_DB) / DB)


def _normalized_db(power: Tensor) -> Tensor:
    return DB * torch.log(power / power.mean() + _FLOOR)
