"""The player: every partial of a wanted note, from the notes that a style plays.

For each moment of a wanted note it finds moments of the style's notes that are like it, takes
their partials and noise as they were measured, and corrects what it took. What it says is drawn as
a spectrum, which is compared with the true target's; so it learns from the notes as the listener
heard them, with its mistakes.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from cambiata.arrays import Samples
from cambiata.data.processes import run_all
from cambiata.data.scored_examples import ScoredConfig, ScoredExamples, record_joined
from cambiata.files import write_arrays
from cambiata.partials.analysis import choose_frames, measure, noise_floor_db, power_spectrum
from cambiata.partials.bands import FLOOR, band_hz, band_quantiles_db, bands_db
from cambiata.partials.note_frames import (
    N_FEATURES,
    N_NOISE,
    N_PARTIALS,
    NOISE_CENTRES_HZ,
    NoteFrames,
    coverage,
    note_frames,
)
from cambiata.partials.posteriors import BANDS, NoteEvents, Roll, decode_notes, posteriors
from cambiata.train.band_losses import DB, BandLossTask, rms_distance_db, total_loss
from cambiata.train.config import LoopConfig, TrainingConfig
from cambiata.train.onnx import Method, OnnxPart
from cambiata.train.task import Progress, Recorded, TrainingExamples
from cambiata.weights import Model, load_model

Filter = Callable[[Tensor], Tensor]
"""From frequencies in Hz to gain in dB."""

_N_TOKENS, _N_QUERIES = 256, 1536
_EXAMPLES_PER_TASK = 16  # examples in one go
_WIDTHS = [N_FEATURES, N_PARTIALS, N_PARTIALS, N_NOISE]  # of a token's parts
_N_QUERY_META = 4  # frame, pitch, strength, coverage
# How fast each head's interest falls at the beginning: per octave, and with age.
_SLOPES = (1.0, 3.0, 8.0, 16.0, 1.0, 3.0, 8.0, 16.0), (2.0,) * 4 + (8.0,) * 4
# Envelopes over frequency, in which partials of other pitches are looked up.
_N_ENVELOPE, _LOWEST_HZ = 40, 50.0
_OCTAVES = math.log2(18000 / _LOWEST_HZ)


@dataclass(frozen=True)
class OneShotTraining:
    """Settings of `OneShotTask`."""

    width: int = 384  # Of the hidden layers
    n_heads: int = 8  # Of the attention to the style's note frames
    n_timbre: int = 64  # Length of the timbre vector
    # Whether notes are played at all; else the refiner turns the content's spectrum into the
    # target's by itself
    plays: bool = True
    # Whether it takes anything from the style's note frames; else only the vector tells it
    attends: bool = True
    # Whether a second network corrects what was drawn, seeing all of it at once
    refines: bool = True
    contrast: float = 0.0  # Weight of the contrastive loss on timbre vectors
    # How strong the filters are that style and target go through together while it learns: new
    # timbres from old ones
    equalise_db: float = 5.0
    # Weight of a second loss, by a network that learns to tell what was drawn from what is true
    adversarial: float = 0.0
    # Weights of the listener whose notes are played: shipped ones by name, or a path
    listener: str = "listener"


class PartialsPredictor(nn.Module):
    """Note frames wanted and note frames known to partials and noise."""

    def __init__(self, config: OneShotTraining) -> None:
        super().__init__()
        self.config = config
        heads, each = config.n_heads, 16
        n_token = sum(_WIDTHS)
        self.token_encoder = nn.Sequential(
            nn.Linear(n_token, 256), nn.ReLU(), nn.Linear(256, heads * each + config.n_timbre)
        )
        self.query_encoder = nn.Sequential(
            nn.Linear(N_FEATURES, 128), nn.ReLU(), nn.Linear(128, heads * each)
        )
        # How much less likely a frame is for every octave, and every unit of log age, away.
        self.slopes = nn.Parameter(torch.tensor([each[:heads] for each in _SLOPES]))
        n_attended = heads * (N_PARTIALS + N_NOISE + 1)
        n_input = N_FEATURES + config.n_timbre + (n_attended if config.attends else 0)
        n_output = 2 * N_PARTIALS + N_NOISE + 2 * heads
        self.decoder = nn.Sequential(
            nn.Linear(n_input, config.width),
            nn.ReLU(),
            nn.Linear(config.width, config.width),
            nn.ReLU(),
            nn.Linear(config.width, config.width),
            nn.ReLU(),
            nn.Linear(config.width, n_output),
        )
        nn.init.zeros_(self.decoder[-1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.decoder[-1].bias)  # type: ignore[arg-type]
        self.background_mlp = nn.Sequential(
            nn.Linear(config.n_timbre + N_NOISE, 128), nn.ReLU(), nn.Linear(128, N_NOISE)
        )
        nn.init.zeros_(self.background_mlp[-1].weight)  # type: ignore[arg-type]
        nn.init.constant_(self.background_mlp[-1].bias, -1 / 3)  # type: ignore[arg-type]
        self.harmonics: Tensor
        self.register_buffer("harmonics", torch.arange(1.0, N_PARTIALS + 1))
        octaves = torch.arange(_N_ENVELOPE) / (_N_ENVELOPE - 1) * _OCTAVES
        self.envelope_hz: Tensor
        self.register_buffer("envelope_hz", _LOWEST_HZ * 2**octaves)
        self.register_buffer("spectral_tilt", -6 * torch.log2(torch.arange(1, N_PARTIALS + 1)))

    def style(
        self, features: Tensor, partials: Tensor, mask: Tensor, noise: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Keys of a style's note frames, and its timbre vector.

        features, partials, mask, noise: [K, ...]; returns [K, heads * 16].
        """
        output = self.token_encoder(torch.cat([features, partials / 40, mask, noise / 40], dim=1))
        split = output.shape[1] - self.config.n_timbre
        return output[:, :split], output[:, split:].mean(dim=0)

    def forward(
        self,
        features: Tensor,
        partials: Tensor,
        mask: Tensor,
        noise: Tensor,
        queries: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Partials and noise of the note frames asked for, in dB relative to each note's strength.

        features: [K, N_FEATURES]; partials, mask, noise: [K, ...]; queries: [Q, N_FEATURES];
        returns [Q, N_PARTIALS], [Q, N_NOISE].
        """
        heads = self.config.n_heads
        keys, timbre = self.style(features, partials, mask, noise)
        timbre = timbre.expand(queries.shape[0], -1)
        if not self.config.attends:
            output = self.decoder(torch.cat([queries, timbre], dim=1))
            partials_db = 30 * output[:, :N_PARTIALS] + self.spectral_tilt
            noise_db = 30 * output[:, N_PARTIALS : N_PARTIALS + N_NOISE] - 60
            return partials_db, noise_db
        q = self.query_encoder(queries).view(-1, heads, 16).transpose(0, 1)
        k = keys.reshape(-1, heads, 16).transpose(0, 1)
        octaves = 2 * (queries[:, None, 0] - features[None, :, 0]).abs()
        ages = (queries[:, None, 2] - features[None, :, 2]).abs() * 4
        ages = ages + 3 * (queries[:, None, 7] - features[None, :, 7]).abs()
        slopes = functional.softplus(self.slopes)
        logits = q @ k.transpose(1, 2) / 4
        logits = logits - slopes[0][:, None, None] * octaves - slopes[1][:, None, None] * ages
        weight = torch.softmax(logits, dim=2)  # [heads, Q, K]
        # A partial that no near note has clean, or has at all, is read off the envelopes: what
        # notes of other pitches have at its frequency.
        envelopes, envelope_mask = self.envelopes(features, partials, mask)
        values = [
            mask,
            (0.02 + mask) * partials,
            envelope_mask,
            (0.02 + envelope_mask) * envelopes,
            noise,
        ]
        widths = [x.shape[1] for x in values]
        (
            attended_mask,
            weighted_partials,
            attended_envelope_mask,
            attended_envelopes,
            attended_noise,
        ) = torch.split(weight @ torch.cat(values, dim=1), widths, dim=2)
        attended = weighted_partials / (0.02 + attended_mask)
        from_envelopes = self.sample_envelopes(
            attended_envelopes / (0.02 + attended_envelope_mask), queries
        )
        mixed = from_envelopes + torch.sigmoid(8 * (attended_mask - 0.25)) * (
            attended - from_envelopes
        )
        body_input = torch.cat(
            [
                queries,
                timbre,
                (mixed / 40).transpose(0, 1).flatten(1),
                (attended_noise / 40).transpose(0, 1).flatten(1),
                attended_mask.mean(dim=2).transpose(0, 1),
            ],
            dim=1,
        )
        output = self.decoder(body_input)
        n = 2 * N_PARTIALS + N_NOISE
        mask_bias = 4 * output[:, N_PARTIALS + N_NOISE : n]
        mixed = from_envelopes + torch.sigmoid(8 * (attended_mask - 0.25) + mask_bias) * (
            attended - from_envelopes
        )
        gates = torch.softmax(output[:, n : n + heads], dim=1).t()[:, :, None]
        noise_gates = torch.softmax(output[:, n + heads :], dim=1).t()[:, :, None]
        partials_db = (gates * mixed).sum(dim=0) + 30 * output[:, :N_PARTIALS]
        noise_db = (noise_gates * attended_noise).sum(dim=0) + 30 * output[
            :, N_PARTIALS : N_PARTIALS + N_NOISE
        ]
        return partials_db, noise_db

    def envelopes(self, features: Tensor, partials: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Levels of note frames over frequency, straight between their partials.

        returns [K, _N_ENVELOPE].
        """
        harmonic = self.envelope_hz / self.fundamental_hz(features)[:, None]
        place = (harmonic - 1).clamp(0.0, N_PARTIALS - 1.001)
        low = place.floor()
        share, index = place - low, low.long()
        below, above = partials.gather(1, index), partials.gather(1, index + 1)
        envelope_mask = torch.minimum(mask.gather(1, index), mask.gather(1, index + 1))
        # Below the fundamental and above the last partial there is nothing to read.
        inside = ((harmonic > 0.9) & (harmonic < N_PARTIALS)).float()
        return below + share * (above - below), envelope_mask * inside

    def sample_envelopes(self, envelopes: Tensor, queries: Tensor) -> Tensor:
        """Envelopes at the partials of wanted note frames.

        queries: [Q, N_FEATURES].
        """
        hz = self.fundamental_hz(queries)[:, None] * self.harmonics
        place = torch.log2(hz / _LOWEST_HZ) / _OCTAVES * (_N_ENVELOPE - 1)
        place = place.clamp(0.0, _N_ENVELOPE - 1.001)
        low = place.floor()
        index = low.long().expand(envelopes.shape[0], -1, -1)
        below, above = envelopes.gather(2, index), envelopes.gather(2, index + 1)
        return below + (place - low) * (above - below)

    @staticmethod
    def fundamental_hz(features: Tensor) -> Tensor:
        """Frequency of note frames, which their first feature tells.

        features: [M, N_FEATURES]; returns [M].
        """
        return 440 * torch.exp2((24 * features[:, 0] + 64 - 69) / 12)

    def style_facts(
        self, features: Tensor, partials: Tensor, mask: Tensor, noise: Tensor, floor: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Background noise and timbre vector of a style, from its note frames.

        features, partials, mask, noise: [K, ...]; floor: [N_NOISE]; returns [N_NOISE], [n_timbre].
        """
        timbre = self.style(features, partials, mask, noise)[1]
        return self.background_noise(timbre, floor), timbre

    def background_noise(self, timbre: Tensor, floor: Tensor) -> Tensor:
        """Noise that sounds whatever is played.

        floor: [N_NOISE]; returns [N_NOISE].
        """
        corrected: Tensor = floor + 30 * self.background_mlp(torch.cat([timbre, floor / 40]))
        return corrected


class Refiner(nn.Module):
    """What was drawn to how it is to be corrected, the same way in every band."""

    def __init__(self, n_bands: int, n_timbre: int, width: int = 16) -> None:
        super().__init__()
        self.seen = nn.Conv2d(11, width, 1)
        self.style = nn.Linear(n_timbre, width)
        self.near = nn.Conv2d(width, width, (5, 3), padding=(2, 1))
        self.around = nn.Conv2d(width, width, (3, 3), padding=(2, 2), dilation=2)
        self.thought = nn.Conv2d(width, 2 * width, 1)
        self.said = nn.Conv2d(2 * width, 2, 1)
        nn.init.zeros_(self.said.weight)
        with torch.no_grad():
            assert self.said.bias is not None
            self.said.bias.copy_(torch.tensor([0.0, -3.0]))
        self.position: Tensor
        self.register_buffer("position", torch.linspace(-1, 1, n_bands)[:, None])

    def forward(
        self, rendered: Tensor, content: Tensor, quantiles: Tensor, timbre: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Corrections.

        quantiles: [3, bands].
        """
        alone = content is rendered  # clamped twice, it is more than torch's exporter can write
        rendered = rendered.clamp(-80, 30) / 40 + 1
        content = rendered if alone else content.clamp(-80, 30) / 40 + 1
        middle = rendered.mean(dim=1, keepdim=True)
        wide = [_mean_power(rendered, 1), _mean_power(rendered, 0), _mean_power(content, 0)]
        style = quantiles.clamp(-80, 30)[:, :, None] / 40 + 1
        cells = [rendered, content]
        cells += [x.expand_as(rendered) for x in (middle, *wide, *style, self.position)]
        cells += [self.position.expand_as(rendered) ** 2]
        # Two bands and two frames at a time, for a quarter of the work: 46 ms are half of the
        # window that they are seen in.
        pairs = functional.avg_pool2d(torch.stack(cells)[None], 2, ceil_mode=True)
        x = functional.relu(self.seen(pairs) + self.style(timbre)[:, None, None])
        x = x + functional.relu(self.near(x))
        x = x + functional.relu(self.around(x))
        said = self.said(functional.relu(self.thought(x)))[0]
        whole = said.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)
        gain, residual_db = whole[:, : rendered.shape[0], : rendered.shape[1]]
        return 20 * gain, 20 * residual_db - 20


def _mean_power(scaled: Tensor, dim: int) -> Tensor:
    """Mean of power over bands or time, of levels as the refiner sees them: 40 dB are 1."""
    return torch.log(torch.exp(9.21 * (scaled - 1)).mean(dim=dim, keepdim=True)) / 9.21 + 1


class Discriminator(nn.Module):
    """Whether spectra are true, place by place.

    It learns while what it judges learns to deceive it (Ganin & Lempitsky 2015: one loss, its
    gradient reversed for the one who is judged), by least squares (Mao et al. 2017), so that
    there is something to learn from even where it is sure.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, width, 5, stride=2, padding=2),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 5, stride=2, padding=2),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 1, 3, padding=1),
        )

    def forward(self, ours_db: Tensor, true_db: Tensor, weight: float) -> Tensor:
        """Loss of the judge, and with its gradient reversed of what is judged."""
        reversed_db = (1 + weight) * ours_db.detach() - weight * ours_db
        ours, true = (self.layers(x[None, None] / 40 + 1) for x in (reversed_db, true_db))
        loss: Tensor = ((ours + 1) ** 2).mean() + ((true - 1) ** 2).mean()
        return loss


class OneShotDataset(Sequence[npt.NDArray[np.float16]]):
    """What the player is asked and what is true, each half of every example."""

    def __init__(self, folder: Path, n: int, n_validation: int, validating: bool = False) -> None:
        self.folder, self.n, self.n_validation = folder, n, n_validation
        self._validating = validating

    def __len__(self) -> int:
        return 2 * (self.n_validation if self._validating else self.n)

    def __getitem__(self, index: Any) -> npt.NDArray[np.float16]:  # type: ignore[override]
        """One half, packed; `unpacked` tells its parts."""
        number, half = divmod(range(len(self))[index], 2)
        with np.load(self.folder / features_file(self._validating, number)) as cached:
            target = cached["target"]
            middle = target.shape[1] // 2
            first = half * middle
            queries = self.queries(number, cached)
            frame = queries[:, N_FEATURES]
            inside = queries[(frame >= first) & (frame < first + middle)][:_N_QUERIES].astype(
                np.float32
            )
            inside[:, N_FEATURES] -= first
            tokens = cached["tokens"]
            floor, inharmonicity = cached["floor"], cached["inharmonicity"]
            content, quantiles = cached["content"], cached["quantiles"]
        packed = [
            np.array([len(tokens), len(inside), float(inharmonicity) * 1e4]),
            floor,
            _padded(tokens, _N_TOKENS),
            _padded(inside, _N_QUERIES),
            target[:, first : first + middle],
            content[:, first : first + middle],
            quantiles,
        ]
        return np.concatenate([np.ravel(x).astype(np.float16) for x in packed])

    def queries(self, number: int, cached: Mapping[str, Any]) -> npt.NDArray[Any]:
        """What the player is asked of an example.

        returns [Q, 22].
        """
        queries: npt.NDArray[Any] = cached["queries"]
        return queries

    def validation(self) -> "OneShotDataset":
        """The examples to validate with."""
        return OneShotDataset(self.folder, self.n, self.n_validation, validating=True)


def _padded(rows: npt.NDArray[Any], n: int) -> npt.NDArray[np.float32]:
    out = np.zeros((n, rows.shape[1]), np.float32)
    out[: len(rows)] = rows
    return out


def features_file(validating: bool, number: int) -> str:
    """File of an example."""
    return f"{'validation' if validating else 'training'}-{number:05d}.npz"


def precompute_features(
    examples: ScoredExamples,
    listener: str,
    *,
    n_workers: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> OneShotDataset:
    """Let a listener hear examples, and keep what the player is asked of each."""
    model = load_model(listener, "listener")
    folder = examples.folder / f"asked-{model.sha256[:12]}"
    folder.mkdir(exist_ok=True)
    config = examples.config
    every = [(True, i) for i in range(config.n_validation)]
    every += [(False, i) for i in range(config.n_examples)]
    pending = [each for each in every if not (folder / features_file(*each)).exists()]
    groups = [
        tuple(pending[i : i + _EXAMPLES_PER_TASK])
        for i in range(0, len(pending), _EXAMPLES_PER_TASK)
    ]
    work = partial(_precompute_some, folder, examples, listener)
    run_all(work, groups, n_workers, str(folder), progress)
    return OneShotDataset(folder, config.n_examples, config.n_validation)


def _precompute_some(
    folder: Path, examples: ScoredExamples, listener: str, some: tuple[tuple[bool, int], ...]
) -> None:
    model = load_model(listener, "listener")
    parts = {False: examples, True: examples.validation()}
    for validating, number in some:
        example = parts[validating][number]
        content, style = (
            decode_notes(*_posteriors(bands_db, model), float(model.about["threshold"]))
            for bands_db in example.bands_db
        )
        rng = np.random.default_rng([number, int(validating)])
        place = folder / features_file(validating, number)
        write_arrays(place, **compute_features(content, style, example.sounds, rng))


def _posteriors(bands_db: Roll, model: Model) -> tuple[Roll, Roll, Roll]:
    onset, held, level_db = posteriors(bands_db, model.part(""))
    return onset, held, level_db


def compute_features(
    content: NoteEvents, style: NoteEvents, sounds: Samples, rng: np.random.Generator
) -> dict[str, npt.NDArray[Any]]:
    """What the player is asked of an example, and what is true.

    sounds: [3, T]; returns [K, 138], [Q, 22].
    """
    power = power_spectrum(sounds[1])
    measured, frames, inharmonicity = measure(power, style)
    chosen = measured[choose_frames(frames, _N_TOKENS, rng)]
    tokens = np.concatenate(
        [chosen.features, chosen.partials_db, chosen.mask, chosen.noise_db], axis=1
    )
    frames = note_frames(content, BANDS.n_frames(sounds.shape[1]))
    return {
        "tokens": tokens.astype(np.float16),
        "queries": queries_of(frames).astype(np.float16),
        "target": bands_db(power_spectrum(sounds[2])).astype(np.float16),
        "content": bands_db(power_spectrum(sounds[0])).astype(np.float16),
        "quantiles": band_quantiles_db(power).astype(np.float16),
        "floor": noise_floor_db(power).astype(np.float16),
        "inharmonicity": np.array(inharmonicity, np.float32),
    }


def queries_of(frames: NoteFrames) -> npt.NDArray[np.float64]:
    """Note frames as the player is asked about them.

    returns [Q, 22].
    """
    meta = [frames.frame, frames.pitch, frames.strength_db, coverage(frames.age_s)]
    queries = np.concatenate([frames.features, np.stack(meta, axis=1)], axis=1)
    return np.asarray(queries[np.argsort(frames.frame, kind="stable")])


class Example(NamedTuple):
    """An example, unpacked."""

    tokens: Tensor  # The style's note frames, measured [K, 138]
    queries: Tensor  # The content's note frames [Q, 22]
    # Levels in bands, in dB [bands, L]
    target: Tensor
    content: Tensor
    floor: Tensor  # The style's quiet level [N_NOISE]
    quantiles: Tensor  # Of the style's levels [3, bands]
    inharmonicity: Tensor  # Of its strings


class OneShotTask(BandLossTask):
    """The player with its losses."""

    settings, system, card = OneShotTraining, "oneshot", "oneshot"
    config: OneShotTraining

    @classmethod
    def record(cls, config: TrainingConfig, folder: str | None, progress: Progress) -> Recorded:
        """Examples with their notes, further ones beside them where none are given."""
        return record_joined(config.examples, config.extra_examples, folder, progress=progress)

    def dataset(self, recorded: Any, progress: Progress) -> TrainingExamples:
        """Queries and targets of every example, as the listener heard it."""
        return precompute_features(recorded, self.config.listener, progress=progress)

    def __init__(self, config: OneShotTraining) -> None:
        super().__init__(config)
        self.network = PartialsPredictor(config)
        self.band_hz: Tensor
        self.noise_hz: Tensor
        if config.refines:
            self.refiner = Refiner(self.n_bands, config.n_timbre)
        if config.adversarial:
            self.discriminator = Discriminator()
        for name, array in (
            ("band_hz", band_hz().astype(np.float32)),
            ("noise_hz", NOISE_CENTRES_HZ.astype(np.float32)),
        ):
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(array)), False)

    def unpacked(self, packed: Tensor) -> "Example":
        """Parts of what `OneShotDataset` packed."""
        x = packed.float()
        # A style without notes is one frame of nothing.
        n_tokens, n_queries, inharmonicity = max(1, int(x[0])), int(x[1]), x[2] * 1e-4
        floor, remainder = x[3 : 3 + N_NOISE], x[3 + N_NOISE :]
        width = sum(_WIDTHS)
        tokens = remainder[: _N_TOKENS * width].view(_N_TOKENS, width)[:n_tokens]
        remainder = remainder[_N_TOKENS * width :]
        width = N_FEATURES + _N_QUERY_META
        queries = remainder[: _N_QUERIES * width].view(_N_QUERIES, width)[:n_queries]
        remainder = remainder[_N_QUERIES * width :]
        rolls, quantiles = remainder[: -3 * self.n_bands], remainder[-3 * self.n_bands :]
        target, content = rolls.view(2, self.n_bands, -1)
        return Example(
            tokens, queries, target, content, floor, quantiles.view(3, -1), inharmonicity
        )

    def render_example(self, example: "Example") -> tuple[Tensor, Tensor]:
        """What the player draws of an example, before and after it is refined."""
        features, partials, mask, noise = torch.split(example.tokens, _WIDTHS, dim=1)
        keys = (features, partials, mask, noise)
        queries, n_frames = example.queries, example.target.shape[1]
        rendered = torch.zeros_like(example.target)
        if self.config.plays:
            partials_db, noise_db = self.network(*keys, queries[:, :N_FEATURES])
            rendered = self.rendered(
                partials_db, noise_db, queries, example.inharmonicity, n_frames
            )
        timbre = self.network.style(*keys)[1]
        background_noise = self.network.background_noise(timbre, example.floor) @ self.spread
        rendered = rendered + (torch.exp(background_noise / DB) * self.widths)[:, None]
        if not self.config.refines:
            return rendered, rendered
        rendered_db = DB * torch.log(rendered + FLOOR)
        refiner_reference = self.refiner_reference(example, rendered_db)
        gain, residual_db = self.refiner(rendered_db, refiner_reference, example.quantiles, timbre)
        return rendered, rendered * torch.exp(gain / DB) + torch.exp(residual_db / DB)

    def refiner_reference(self, example: "Example", rendered_db: Tensor) -> Tensor:
        """What the refiner sees beside what was drawn."""
        return example.content

    def forward(self, batch: Tensor, share: float) -> dict[str, Tensor]:
        """Losses of packed examples.

        batch: [B, ...].
        """
        losses: dict[str, list[Tensor]] = {}
        timbres: list[Tensor] = []
        for packed in batch:
            example = self.unpacked(packed)
            if self.training and self.config.equalise_db:
                spread = self.config.equalise_db
                example = self.equalize(example, _random_filter(spread), _random_filter(spread))
            if self.config.contrast:
                timbres += self._two_timbres(example.tokens)
            true = torch.exp(example.target / DB)
            rendered, refined = self.render_example(example)
            for name, value in self.band_losses(rendered, refined, true).items():
                losses.setdefault(name, []).append(value)
            if self.config.adversarial:
                both = (DB * torch.log(x + FLOOR) for x in (refined, true))
                losses.setdefault("discriminator", []).append(
                    self.discriminator(*both, self.config.adversarial)
                )
        means = {name: torch.stack(values).mean() for name, values in losses.items()}
        loss = total_loss(means)
        if self.config.adversarial:
            loss = loss + means["discriminator"]
        if self.config.contrast:
            means["contrast"] = _contrastive_loss(torch.stack(timbres))
            loss = loss + self.config.contrast * means["contrast"]
        return {"loss": loss, **means}

    def equalize(self, example: "Example", style: Filter, content: Filter) -> "Example":
        """An example whose sounds have gone through filters."""
        fundamentals = self.network.fundamental_hz(example.tokens)[:, None]
        features, partials, mask, noise = torch.split(example.tokens, _WIDTHS, dim=1)
        filtered, noise_gain_db = (
            partials + style(fundamentals * self.network.harmonics),
            style(self.noise_hz),
        )
        # Levels are relative to the strength of their note, which is filtered as well.
        strength_gain = _gain_db(partials, filtered, (1,))
        keys = features, filtered - strength_gain, mask, noise + noise_gain_db - strength_gain
        whole = style(self.band_hz)
        gain = _gain_db(example.quantiles[2], example.quantiles[2] + whole, (0,))
        target, equalized_content = (
            example.target + whole[:, None],
            example.content + content(self.band_hz)[:, None],
        )
        return example._replace(
            tokens=torch.cat(keys, dim=1),
            target=target - _gain_db(example.target, target, (0, 1)),
            content=equalized_content - _gain_db(example.content, equalized_content, (0, 1)),
            floor=example.floor + noise_gain_db - gain,
            quantiles=example.quantiles + whole - gain,
        )

    def _two_timbres(self, tokens: Tensor) -> list[Tensor]:
        """Timbre vectors of two halves of a style's note frames, drawn by chance."""
        halves = torch.randperm(len(tokens)).chunk(2)
        if len(halves) < 2:
            halves = (halves[0], halves[0])
        return [
            self.network.style(*torch.split(tokens[half], _WIDTHS, dim=1))[1] for half in halves
        ]

    def validate(self, batches: list[Tensor], share: float) -> dict[str, float]:
        """RMS difference in dB over time and its mean over bands, refined and not."""
        distances: list[tuple[float, float]] = []
        with torch.no_grad():
            for batch in batches:
                for packed in batch:
                    example = self.unpacked(packed)
                    true = torch.exp(example.target / DB)
                    rendered, refined = self.render_example(example)
                    distances.append(
                        (rms_distance_db(rendered, true), rms_distance_db(refined, true))
                    )
        rendered, refined = np.mean(distances, axis=0)
        return {"lsd": float(refined), "lsd_player": float(rendered)}

    def onnx_parts(self) -> dict[str, OnnxPart]:
        """Predictor of partials and noise, a style's own facts, and the refiner."""
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
    """Each vector must know the other half of its own style among all others (van den Oord 2018).

    Rows 2 i and 2 i + 1 belong together.
    """
    unit = functional.normalize(timbres, dim=1)
    similarity = unit @ unit.t() / 0.1
    similarity = similarity - torch.diag(torch.full((len(unit),), 1e4))
    return functional.cross_entropy(similarity, torch.arange(len(unit)) ^ 1)


def _gain_db(before: Tensor, after: Tensor, dims: tuple[int, ...]) -> Tensor:
    """By how much the power of levels has grown."""
    log_gain = torch.logsumexp(after / DB, dims, True) - torch.logsumexp(before / DB, dims, True)
    return DB * log_gain


def _random_filter(spread_db: float) -> Filter:
    """Gain in dB of frequencies in Hz: a few slow waves over the octaves."""
    waves = torch.arange(1, 7)
    depth = spread_db * torch.randn(len(waves)) / waves**0.7
    phases = torch.rand(len(waves))

    def gain_db(hz: Tensor) -> Tensor:
        place = torch.log2(hz.clamp_min(_LOWEST_HZ) / _LOWEST_HZ) / _OCTAVES
        return (depth * torch.cos(math.pi * (waves * place[..., None] + 2 * phases))).sum(dim=-1)

    return gain_db


def _oneshot() -> TrainingConfig:
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
