"""``oneshot``: every partial of the content's notes, from the notes of a style.

The predictor's output is rendered into bands and compared with the target's spectrum, so that it
learns from notes as the listener detects them, with its mistakes.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from cambiata.data.scored_examples import ScoredConfig, record_joined
from cambiata.partials.bands import FLOOR, band_hz
from cambiata.partials.note_frames import N_FEATURES, N_NOISE, N_PARTIALS, NOISE_CENTRES_HZ
from cambiata.partials.synthesis import SILENCE_DB
from cambiata.train.band_losses import DB, BandLossTask, rms_distance_db, total_loss
from cambiata.train.config import LoopConfig, TrainingConfig
from cambiata.train.note_dataset import Example, precompute_features, unpack
from cambiata.train.onnx import Method, OnnxPart
from cambiata.train.predictor import (
    LOWEST_HZ,
    N_OCTAVES,
    TOKEN_WIDTHS,
    Discriminator,
    PartialsPredictor,
    Refiner,
    fundamental_hz,
)
from cambiata.train.task import Progress, Recorded, TrainingExamples
from cambiata.train.torch_synthesis import Levels

Filter = Callable[[Tensor], Tensor]
"""From frequencies in Hz to gain in dB."""

# Cosines over the octaves that a random filter is made of, 1 to 6 half waves, slow ones strongest.
# Chosen by hand.
_N_WAVES, _WAVE_DECAY = 6, 0.7
_TEMPERATURE = 0.1  # of the contrastive loss, chosen by hand


@dataclass(frozen=True)
class OneShotTraining:
    """Settings of `OneShotTask`."""

    width: int = 384  # of the predictor's hidden layers
    n_heads: int = 8  # of the attention to the style's note frames
    n_timbre: int = 64  # length of the timbre vector
    # Three ablations (docs/models/oneshot.md): without notes the refiner alone turns the content's
    # spectrum into the target's; without attention the timbre vector alone tells the style; without
    # the refiner nothing corrects what is rendered.
    plays: bool = True
    attends: bool = True
    refines: bool = True
    contrast: float = 0.0  # weight of the contrastive loss on timbre vectors; did not help
    # Strength of the filters that style and target go through together, and the content by itself:
    # new timbres from old ones
    equalise_db: float = 5.0
    adversarial: float = 0.0  # weight of the discriminator's loss; did not help
    listener: str = "listener"  # weights that detect the notes: shipped ones by name, or a path


class OneShotTask(BandLossTask):
    """Predictor and refiner with their losses."""

    settings, system, card = OneShotTraining, "oneshot", "oneshot"
    config: OneShotTraining

    @classmethod
    def record(cls, config: TrainingConfig, folder: str | None, progress: Progress) -> Recorded:
        """Examples with their notes, further ones beside them where none are given."""
        return record_joined(config.examples, config.extra_examples, folder, progress=progress)

    def dataset(self, recorded: Any, progress: Progress) -> TrainingExamples:
        """Queries and targets of every example, as the listener detects its notes."""
        return precompute_features(recorded, self.config.listener, progress=progress)

    def __init__(self, config: OneShotTraining) -> None:
        super().__init__(config)
        self.network = PartialsPredictor(
            config.width, config.n_heads, config.n_timbre, config.attends
        )
        if config.refines:
            self.refiner = Refiner(self.n_bands, config.n_timbre)
        if config.adversarial:
            self.discriminator = Discriminator()
        self.band_hz: Tensor
        self.noise_hz: Tensor
        for name, hz in (("band_hz", band_hz()), ("noise_hz", NOISE_CENTRES_HZ)):
            self.register_buffer(name, torch.from_numpy(hz.astype(np.float32)), False)

    def unpack(self, packed: Tensor) -> Example:
        """Parts of an array of the dataset."""
        return unpack(packed, self.n_bands)

    def render_example(self, example: Example) -> tuple[Tensor, Tensor]:
        """Power of an example in the bands [bands, L], before the refiner and after it."""
        rendered, refined, _ = self.predict(example)
        return rendered, refined

    def predict(self, example: Example) -> tuple[Tensor, Tensor, Levels]:
        """`render_example`, and the levels that it is made of."""
        tokens = torch.split(example.tokens, TOKEN_WIDTHS, dim=1)
        queries, n_frames = example.queries, example.target.shape[1]
        partials_db, noise_db = (
            torch.full((len(queries), n), SILENCE_DB) for n in (N_PARTIALS, N_NOISE)
        )
        rendered = torch.zeros_like(example.target)
        if self.config.plays:
            partials_db, noise_db = self.network(*tokens, queries[:, :N_FEATURES])
            rendered = self.render_bands(
                partials_db, noise_db, queries, example.inharmonicity, n_frames
            )
        timbre = self.network.encode_style(*tokens)[1]
        behind_db = self.network.background_noise(timbre, example.floor)
        background_db = behind_db @ self.noise_weights
        rendered = rendered + (torch.exp(background_db / DB) * self.widths)[:, None]
        if not self.config.refines:
            gain_db = torch.zeros_like(example.target)
            silence = torch.full_like(gain_db, SILENCE_DB)
            return rendered, rendered, Levels(partials_db, noise_db, behind_db, gain_db, silence)
        rendered_db = DB * torch.log(rendered + FLOOR)
        reference_db = self.refiner_reference(example, rendered_db)
        gain, residual = self.refiner(rendered_db, reference_db, example.quantiles, timbre)
        refined = rendered * torch.exp(gain / DB) + torch.exp(residual / DB)
        return rendered, refined, Levels(partials_db, noise_db, behind_db, gain, residual)

    def refiner_reference(self, example: Example, rendered_db: Tensor) -> Tensor:
        """Levels that the refiner compares with those rendered: the content's."""
        return example.content

    def forward(self, batch: Tensor, share: float) -> dict[str, Tensor]:
        """Losses of packed examples [B, ...]."""
        losses: dict[str, list[Tensor]] = {}
        timbres: list[Tensor] = []
        for packed in batch:
            example = self.unpack(packed)
            if self.training and self.config.equalise_db:
                spread = self.config.equalise_db
                example = self.equalize(example, _random_filter(spread), _random_filter(spread))
            if self.config.contrast:
                timbres += self._two_timbres(example.tokens)
            target = torch.exp(example.target / DB)
            rendered, refined, levels = self.predict(example)
            for name, value in self.band_losses(rendered, refined, target).items():
                losses.setdefault(name, []).append(value)
            if self.config.adversarial:
                both = (DB * torch.log(x + FLOOR) for x in (refined, target))
                losses.setdefault("discriminator", []).append(
                    self.discriminator(*both, self.config.adversarial)
                )
            for name, value in self.waveform_losses(packed, example, levels).items():
                losses.setdefault(name, []).append(value)
        means = {name: torch.stack(values).mean() for name, values in losses.items()}
        loss = self.total_loss(means)
        if self.config.adversarial:
            loss = loss + means["discriminator"]
        if self.config.contrast:
            means["contrast"] = _contrastive_loss(torch.stack(timbres))
            loss = loss + self.config.contrast * means["contrast"]
        return {"loss": loss, **means}

    def waveform_losses(
        self, packed: Tensor, example: Example, levels: Levels
    ) -> dict[str, Tensor]:
        """Losses of the waveform of what is predicted: none."""
        return {}

    def total_loss(self, losses: dict[str, Tensor]) -> Tensor:
        """What is learnt by: the losses of bands."""
        return total_loss(losses)

    def equalize(self, example: Example, style: Filter, content: Filter) -> Example:
        """An example whose sounds have gone through filters."""
        fundamentals = fundamental_hz(example.tokens)[:, None]
        features, partials, mask, noise = torch.split(example.tokens, TOKEN_WIDTHS, dim=1)
        filtered = partials + style(fundamentals * self.network.harmonics)
        noise_gain = style(self.noise_hz)
        # Levels are relative to the strength of their note, which is filtered as well.
        strength_gain = _gain_db(partials, filtered, (1,))
        tokens = features, filtered - strength_gain, mask, noise + noise_gain - strength_gain
        band_gain = style(self.band_hz)
        quantiles = example.quantiles + band_gain
        # And to the mean power of their sound: here, to that of the loud quantile.
        sound_gain = _gain_db(example.quantiles[2], quantiles[2], (0,))
        target = example.target + band_gain[:, None]
        filtered_content = example.content + content(self.band_hz)[:, None]
        return example._replace(
            tokens=torch.cat(tokens, dim=1),
            target=target - _gain_db(example.target, target, (0, 1)),
            content=filtered_content - _gain_db(example.content, filtered_content, (0, 1)),
            floor=example.floor + noise_gain - sound_gain,
            quantiles=quantiles - sound_gain,
        )

    def arrange_exported(self, parameter: Tensor, array: Tensor) -> Tensor:
        """A layer of the predictor or the refiner; some are exported as their transposes."""
        if array.dim() == 2 and array.shape == parameter.shape[::-1] != parameter.shape:
            return array.t()
        return super().arrange_exported(parameter, array)

    def load_folded(self, arrays: Mapping[str, Tensor]) -> None:
        """Take the attention's slopes, which are exported as what they are in use."""
        shape = (self.config.n_heads, 1, 1)
        slopes = [array.flatten() for array in arrays.values() if array.shape == shape]
        if len(slopes) == len(self.network.slopes):
            with torch.no_grad():
                # The inverse of softplus.
                self.network.slopes.copy_(torch.log(torch.expm1(torch.stack(slopes))))

    def _two_timbres(self, tokens: Tensor) -> list[Tensor]:
        """Timbre vectors of two random halves of a style's note frames."""
        halves = torch.randperm(len(tokens)).chunk(2)
        if len(halves) < 2:
            halves = (halves[0], halves[0])
        return [
            self.network.encode_style(*torch.split(tokens[half], TOKEN_WIDTHS, dim=1))[1]
            for half in halves
        ]

    def validate(self, batches: list[Tensor], share: float) -> dict[str, float]:
        """RMS difference in dB over time and its mean over bands, refined and not."""
        distances: list[tuple[float, float]] = []
        with torch.no_grad():
            for batch in batches:
                for packed in batch:
                    example = self.unpack(packed)
                    target = torch.exp(example.target / DB)
                    rendered, refined = self.render_example(example)
                    distances.append(
                        (rms_distance_db(rendered, target), rms_distance_db(refined, target))
                    )
        rendered_db, refined_db = np.mean(distances, axis=0)
        return {"lsd": float(refined_db), "lsd_player": float(rendered_db)}

    def onnx_parts(self) -> dict[str, OnnxPart]:
        """Predictor of partials and noise, a style's own facts, and the refiner.

        Inputs and outputs are called as in the files that ship.
        """
        widths = {
            "known": N_FEATURES,
            "partials": N_PARTIALS,
            "clean": N_PARTIALS,
            "noise": N_NOISE,
        }
        style = {name: torch.zeros(32, width) for name, width in widths.items()}
        of_style = {name: {0: "known"} for name in style}
        queries = {"wanted": torch.zeros(48, N_FEATURES)}
        rolls = {name: torch.zeros(self.n_bands, 64) for name in ("drawn", "content")}
        quantiles = torch.zeros(3, self.n_bands)
        timbre = torch.zeros(self.config.n_timbre)
        return {
            "": OnnxPart(
                self.network,
                style | queries,
                of_style | {"wanted": {0: "wanted"}},
                ["partials_db", "noise_db"],
            ),
            "style": OnnxPart(
                Method(self.network, "style_facts"),
                style | {"floor": torch.zeros(N_NOISE)},
                of_style,
                ["behind_db", "timbre"],
            ),
            "refine": OnnxPart(
                self.refiner,
                rolls | {"quantiles": quantiles, "timbre": timbre},
                {name: {1: "frames"} for name in rolls},
                ["gain_db", "besides_db"],
            ),
        }


def _contrastive_loss(timbres: Tensor) -> Tensor:
    """Error of finding each vector's other half among all others (van den Oord et al. 2018).

    Rows 2 i and 2 i + 1 belong together.
    """
    unit = functional.normalize(timbres, dim=1)
    similarity = unit @ unit.t() / _TEMPERATURE
    similarity = similarity - torch.diag(torch.full((len(unit),), 1e4))  # never itself
    return functional.cross_entropy(similarity, torch.arange(len(unit)) ^ 1)


def _gain_db(before: Tensor, after: Tensor, dims: tuple[int, ...]) -> Tensor:
    """Growth of the power of levels in dB."""
    log_gain = torch.logsumexp(after / DB, dims, True) - torch.logsumexp(before / DB, dims, True)
    return DB * log_gain


def _random_filter(spread_db: float) -> Filter:
    """A filter of a few slow waves over the octaves, at random."""
    waves = torch.arange(1, _N_WAVES + 1)
    depth = spread_db * torch.randn(len(waves)) / waves**_WAVE_DECAY
    phases = torch.rand(len(waves))

    def gain_db(hz: Tensor) -> Tensor:
        place = torch.log2(hz.clamp_min(LOWEST_HZ) / LOWEST_HZ) / N_OCTAVES
        return (depth * torch.cos(math.pi * (waves * place[..., None] + 2 * phases))).sum(dim=-1)

    return gain_db


def _oneshot() -> TrainingConfig:
    """Of the weights that ship: 70 minutes of two cores (docs/models/oneshot.md)."""
    loop = LoopConfig(
        batch_size=4,
        learning_rate=1e-3,
        ema_decay=0.998,
        report_every_steps=100,
        validate_every_s=300.0,
        minutes=70.0,
    )
    return TrainingConfig(OneShotTraining(), ScoredConfig(n_examples=4608), loop)


PRESETS = {"oneshot": _oneshot}
