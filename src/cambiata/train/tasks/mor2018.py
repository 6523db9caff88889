"""The Universal Music Translation Network: one encoder, a WaveNet decoder for every domain.

Mor, Wolf, Polyak, Taigman, "A Universal Music Translation Network", ICLR 2019 (arXiv 2018). The
encoder is a WaveNet that sees both ways and is pooled to 20 frames a second; it learns to confuse a
classifier of domains; each domain has a WaveNet decoder, which predicts every sample by those
before. Each batch is two turns, as published: first the classifier learns, then encoder and
decoders do, against it.

It differs from the published training in these: the segment whose pitch is changed is read faster
or slower (which moves what is in it by at most 15 ms) instead of going through a phase vocoder;
gradients are clipped by their norm; samples before the first are silence.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from cambiata.audio.source import resample
from cambiata.data.domains import DOMAINS, DomainExamples, DomainsConfig, record_domains
from cambiata.data.packed import PackedPieces, is_pack
from cambiata.data.shards import FULL_SCALE
from cambiata.errors import InputError
from cambiata.train.causal import (
    add_held,
    causal_conv,
    gated_activation,
    pointwise,
    two_sided_conv,
)
from cambiata.train.config import LoopConfig, TrainingConfig
from cambiata.train.level_losses import level_nats, n_outputs, with_amplitudes
from cambiata.train.onnx import LICENCE, Method, OnnxPart
from cambiata.train.task import Progress, Recorded, Task, TrainingExamples
from cambiata.translation.domains import DOMAIN_SYSTEM
from cambiata.translation.sampling import LAYERS, PER_LAYER
from cambiata.wavenet_sampling import N_LEVELS

# All as published.
LATENT_RATE_HZ = 20  # frames of the latent in a second, at any rate of the samples
_SEGMENT_SHARES, _MAX_SEMITONES = (0.25, 0.5), 0.5  # of the segment that is detuned (section 3.1)


@dataclass(frozen=True)
class Mor2018Training:
    """Settings of `Mor2018Task`; by default those of the published scripts."""

    domains: tuple[str, ...] = tuple(DOMAINS)  # Names of the domains, in the examples' order
    sample_rate: int = 16000  # A multiple of 20
    width: int = 128  # Channels of the encoder, and of a decoder's layers and skip connections
    n_blocks: int = 3  # Of the encoder
    n_layers: int = 10  # In each, of dilations 1, 2, 4, ...
    n_decoder_blocks: int = 4
    n_decoder_layers: int = 14  # In each, likewise
    n_latent: int = 64  # Numbers of the latent in each of its 20 frames a second
    confusion: float = 0.01  # Weight of the classifier's cross-entropy, which the encoder raises
    crop_samples: int = 12000  # Samples of each example in a step; whole frames of the latent
    # Frames of the latent to both sides of a crop that the encoder sees and no decoder plays
    context_frames: int = 0
    # Logistic distributions that a sample is drawn from; 0: a number for each of 256 mu-law levels,
    # as published
    n_mixture: int = 0

    def __post_init__(self) -> None:
        if self.sample_rate % LATENT_RATE_HZ:
            raise ValueError(f"sample_rate must be a multiple of {LATENT_RATE_HZ}")
        if self.crop_samples % self.pool:
            raise ValueError(f"crop_samples must be a multiple of {self.pool}")

    @property
    def pool(self) -> int:
        """Samples that one frame of the latent is the mean of: 800 as published."""
        return self.sample_rate // LATENT_RATE_HZ

    @property
    def dilations(self) -> tuple[int, ...]:
        """Dilations of a decoder's layers."""
        return tuple(2**i for i in range(self.n_decoder_layers)) * self.n_decoder_blocks


class Encoder(nn.Module):
    """Samples to a latent of 20 frames a second; no activation and no norm on it."""

    def __init__(self, config: Mor2018Training) -> None:
        super().__init__()
        width, self.pool = config.width, config.pool
        self.start = nn.Conv1d(1, width, 3, padding=1)
        self.dilations = [2**i for i in range(config.n_layers)] * config.n_blocks
        self.dilated_convs = nn.ModuleList(
            nn.Conv1d(width, width, 3, padding=d, dilation=d) for d in self.dilations
        )
        self.convs_1x1 = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in self.dilations)
        self.conv_1x1 = nn.Conv1d(width, config.n_latent, 1)

    def forward(self, coded: Tensor) -> Tensor:
        """The latent.

        coded: [B, T]; returns [B, n_latent, T / pool].
        """
        x = two_sided_conv(self.start, coded[:, :, None], 1).float()
        for dilation, dilated, layer in zip(
            self.dilations, self.dilated_convs, self.convs_1x1, strict=True
        ):
            x = x + pointwise(layer, functional.relu(two_sided_conv(dilated, x, dilation)))
        # A mean of groups rather than `avg_pool1d`, which the exporter writes of one length only;
        # of the channels before the last layer, as both are linear and means are fewer.
        grouped = x.reshape(x.shape[0], -1, self.pool, x.shape[2])
        latent: Tensor = pointwise(self.conv_1x1, grouped.mean(dim=2)).transpose(1, 2)
        return latent

    def encode_groups(self, groups: Tensor) -> Tensor:
        """The latent of samples in groups, a frame of each.

        A file cannot say that a number of samples is a multiple of 800; it can of groups.

        groups: [B, L, pool]; returns [B, n_latent, L].
        """
        latent: Tensor = self(groups.flatten(1))
        return latent


class Classifier(nn.Module):
    """A latent to the domain that it is of: what the encoder is to confuse."""

    def __init__(self, n_latent: int, n_domains: int, width: int = 100) -> None:
        super().__init__()
        self.convs = nn.Sequential(
            nn.Conv1d(n_latent, width, 1),
            nn.ELU(),
            nn.Conv1d(width, width, 1),
            nn.ELU(),
            nn.Conv1d(width, width, 1),
            nn.ELU(),
            nn.Conv1d(width, n_domains, 1),
        )

    def forward(self, latent: Tensor) -> Tensor:
        """Logits, their mean over time.

        latent: [B, n_latent, L]; returns [B, n_domains].
        """
        logits: Tensor = self.convs(latent).mean(dim=2)
        return logits

    def forward_detached(self, latent: Tensor) -> Tensor:
        """The same, for those who learn against it and do not teach it.

        latent: [B, n_latent, L]; returns [B, n_domains].
        """
        weights = {name: p.detach() for name, p in self.named_parameters()}
        logits: Tensor = torch.func.functional_call(self, weights, (latent,))
        return logits


class Decoder(nn.Module):
    """Samples so far and a latent to the next sample's level."""

    def __init__(self, config: Mor2018Training) -> None:
        super().__init__()
        width, self.dilations = config.width, config.dilations
        n = len(self.dilations)
        self.n_mixture = config.n_mixture
        self.first_conv = nn.Conv1d(2 if config.n_mixture else 1, width, 2)
        self.skip_conv = nn.Conv1d(width, width, 1)
        self.dilated = nn.ModuleList(
            nn.Conv1d(width, 2 * width, 2, dilation=d) for d in self.dilations
        )
        self.condition = nn.ModuleList(nn.Conv1d(config.n_latent, 2 * width, 1) for _ in range(n))
        self.residual = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in range(n))
        self.skip = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in range(n))
        self.fc = nn.Conv1d(width, width, 1)
        self.fc_condition = nn.Conv1d(config.n_latent, width, 1)
        self.logits = nn.Conv1d(width, n_outputs(config.n_mixture), 1)

    def forward(self, previous: Tensor, latent: Tensor) -> Tensor:
        """What is said of every sample after the one given at its place.

        previous: [B, T]; latent: [B, n_latent, T / pool]; returns [B, T, outputs].
        """
        # Channels last and products of matrices: a quarter less time than convolutions here. What
        # is added up over layers and the head stay in float32: bfloat16 has no more steps than
        # mu-law has levels.
        latent = latent.transpose(1, 2)
        given = with_amplitudes(previous, 0.5) if self.n_mixture else previous[:, :, None]
        x = causal_conv(self.first_conv, given, 1).float()
        skip = pointwise(self.skip_conv, x).float()
        layers = zip(
            self.dilated, self.condition, self.residual, self.skip, self.dilations, strict=True
        )
        for dilated, condition, residual, skip_layer, dilation in layers:
            h = add_held(causal_conv(dilated, x, dilation), pointwise(condition, latent))
            gated = gated_activation(h)
            x = x + pointwise(residual, gated)
            skip = skip + pointwise(skip_layer, gated)
        with torch.autocast(x.device.type, enabled=False):
            fc_condition = pointwise(self.fc_condition, latent.float())
            fc = add_held(pointwise(self.fc, functional.relu(skip)), fc_condition)
            outputs: Tensor = pointwise(self.logits, functional.relu(fc))
        return outputs


def mu_law_encode(samples: Tensor) -> Tensor:
    """Samples as mu-law levels."""
    mu = N_LEVELS - 1
    coded = samples.sign() * torch.log1p(mu * samples.abs().clamp_max(1.0)) / math.log1p(mu)
    return ((coded + 1) / 2 * mu).long()


def levels_to_input(levels: Tensor) -> Tensor:
    """Levels as encoder and decoder take them: one channel, -0.5 to 0.5."""
    return levels / (N_LEVELS - 1) - 0.5


class DomainSounds(Sequence[npt.NDArray[np.float32]]):
    """Domains' sounds at a network's rate, both of each example, each by itself."""

    def __init__(self, examples: DomainExamples, sample_rate: int = 16000) -> None:
        self.examples, self.sample_rate = examples, sample_rate

    def __len__(self) -> int:
        return 2 * len(self.examples)

    def __getitem__(self, index: Any) -> npt.NDArray[np.float32]:  # type: ignore[override]
        """Domain and sound, [1 + T]."""
        number, half = divmod(range(len(self))[index], 2)
        sounds, facts = self.examples.stored(number)
        sound = sounds[half].astype(np.float32) / np.float32(FULL_SCALE)
        resampled = resample(sound, self.examples.config.sample_rate, self.sample_rate)
        return np.append(np.float32(facts["domains"][half]), resampled).astype(np.float32)

    def validation(self) -> "DomainSounds":
        """The sounds to validate with."""
        return DomainSounds(self.examples.validation(), self.sample_rate)


class PackedSounds(Sequence[npt.NDArray[np.float32]]):
    """Sounds of a pack at a network's rate, each with the number of its domain."""

    def __init__(self, pieces: PackedPieces, sample_rate: int) -> None:
        self.pieces, self.sample_rate = pieces, sample_rate

    def __len__(self) -> int:
        return len(self.pieces)

    def __getitem__(self, index: Any) -> npt.NDArray[np.float32]:  # type: ignore[override]
        """Domain and sound, [1 + T]."""
        piece, config = self.pieces.pieces[index], self.pieces.config
        sound = resample(piece.sound, config.sample_rate, self.sample_rate)
        domain = config.domains.index(piece.player)
        return np.append(np.float32(domain), sound).astype(np.float32)

    def validation(self) -> "PackedSounds":
        """The sounds to validate with."""
        return PackedSounds(self.pieces.validation(), self.sample_rate)


def detune_segment(samples: Tensor) -> Tensor:
    """Sounds in each of which a segment is up to half a semitone higher or lower.

    Mor et al. 2018, section 3.1: a quarter to a half of it, spliced in as it is.

    samples: [B, T]; returns [B, T].
    """
    n, device = samples.shape[1], samples.device
    share, place, by = torch.rand(3, len(samples), 1, device=device)
    low, high = _SEGMENT_SHARES
    length = (low + (high - low) * share) * n
    start = place * (n - length)
    ratio = 2 ** (_MAX_SEMITONES * (2 * by - 1) / 12)
    at = torch.arange(n, device=device).expand(len(samples), n)
    middle = start + length / 2
    moved = (middle + ratio * (at - middle)).clamp(0, n - 1)
    positions = torch.where((at >= start) & (at < start + length), moved, at.float())
    before = positions.long().clamp_max(n - 2)
    weight = positions - before
    return samples.gather(1, before) * (1 - weight) + samples.gather(1, before + 1) * weight


class Mor2018Task(Task):
    """Encoder, classifier and decoders with their losses."""

    settings, system, card = Mor2018Training, "translation", "translation"
    config: Mor2018Training
    turns = 2

    def __init__(self, config: Mor2018Training) -> None:
        super().__init__(config)
        self.encoder = Encoder(config)
        self.classifier = Classifier(config.n_latent, len(config.domains))
        self.decoders = nn.ModuleList(Decoder(config) for _ in config.domains)
        # The crops of a batch, which both of its turns are about.
        self.crops: tuple[Tensor, Tensor, Tensor]

    @classmethod
    def record(cls, config: TrainingConfig, folder: str | None, progress: Progress) -> Recorded:
        """Pieces by the players of the domains."""
        if folder is not None and is_pack(folder):
            return PackedPieces(folder)
        return record_domains(config.examples, folder, progress=progress)

    def dataset(self, recorded: Any, progress: Progress) -> TrainingExamples:
        """Sounds of the domains, each by itself."""
        check_domains(self.config.domains, recorded)
        if isinstance(recorded, PackedPieces):
            return PackedSounds(recorded, self.config.sample_rate)
        return DomainSounds(recorded, self.config.sample_rate)

    def unpack_batch(self, batch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Domains, and levels of crops, clean and with the pitch of a segment changed.

        batch: [B, 1 + T]; returns [B], [B, crop].
        """
        sounds, pool = batch[:, 1:].float(), self.config.pool
        n = self.config.crop_samples + 2 * self.config.context_frames * pool
        n = min(n, sounds.shape[1] // pool * pool)
        n_left = sounds.shape[1] - n
        if self.training:
            first = torch.randint(0, n_left + 1, (len(batch), 1), device=batch.device)
        else:
            first = torch.full((len(batch), 1), n_left // 2, device=batch.device)
        crops = sounds.gather(1, first + torch.arange(n, device=batch.device))
        return batch[:, 0].long(), mu_law_encode(crops), mu_law_encode(detune_segment(crops))

    def forward(self, batch: Tensor, share: float) -> dict[str, Tensor]:
        """Losses of a turn: the classifier's, then that of encoder and decoders."""
        if self.turn == 0:
            self.crops = self.unpack_batch(batch)
        domains, clean, augmented = self.crops
        if self.turn == 0:
            with torch.no_grad():
                latent = self.encoder(levels_to_input(clean))
            classifier_loss = functional.cross_entropy(self.classifier(latent), domains)
            return {"loss": classifier_loss, "told apart": classifier_loss}
        latent = self.encoder(levels_to_input(augmented))
        nats = self.nats(latent, domains, clean)
        confusion_loss = functional.cross_entropy(self.classifier.forward_detached(latent), domains)
        return {"loss": nats - self.config.confusion * confusion_loss, "nats": nats}

    def nats(self, latent: Tensor, domains: Tensor, levels: Tensor) -> Tensor:
        """Mean error of the decoders, in nats a sample; without the frames around a crop.

        latent: [B, n_latent, L]; domains: [B]; levels: [B, T].
        """
        # The input lies one sample behind the target.
        previous = levels_to_input(functional.pad(levels[:, :-1], (1, 0), value=N_LEVELS // 2))
        n_around = self.config.context_frames
        if n_around:
            latent = latent[:, :, n_around:-n_around]
            inside = slice(n_around * self.config.pool, -n_around * self.config.pool)
            previous, levels = previous[:, inside], levels[:, inside]
        total = latent.new_zeros(())
        for domain in sorted(set(domains.tolist())):
            mask = domains == domain
            outputs = self.decoders[domain](previous[mask], latent[mask])
            total = total + level_nats(outputs, levels[mask]).sum()
        return total / levels.numel()

    def validate(self, batches: list[Tensor], share: float) -> dict[str, float]:
        """Error of the decoders, and how often the classifier is right."""
        nats, accuracies = [], []
        with torch.no_grad():
            for batch in batches:
                domains, clean, _ = self.unpack_batch(batch)
                latent = self.encoder(levels_to_input(clean))
                nats.append(float(self.nats(latent, domains, clean)))
                accuracies.append(
                    float((self.classifier(latent).argmax(1) == domains).float().mean())
                )
        return {"nats": float(np.mean(nats)), "told_apart": float(np.mean(accuracies))}

    def onnx_parts(self) -> dict[str, OnnxPart]:
        """The encoder."""
        groups = {"groups": torch.zeros(1, 6, self.config.pool)}
        encode = Method(self.encoder, "encode_groups")
        return {"": OnnxPart(encode, groups, {"groups": {1: "groups"}}, ["latent"])}

    def onnx_facts(self, config: TrainingConfig, figures: Mapping[str, Any]) -> dict[str, Any]:
        """The kind of translator, its rate, and the decoders' dilations."""
        return {
            "kind": "samples",
            "sample_rate": self.config.sample_rate,
            "dilations": list(self.config.dilations),
        }

    def onnx_companions(
        self, main_sha256: str
    ) -> dict[str, tuple[dict[str, Any], dict[str, OnnxPart]]]:
        """The decoders of all domains, as the arrays that `cambiata.translation.sampling` runs."""
        arrays = DecoderArrays(self.decoders)
        inputs = {"one": torch.ones(1), "domain": torch.zeros((), dtype=torch.int64)}
        facts = {
            "system": DOMAIN_SYSTEM,
            "encoder": main_sha256,
            "domains": [domain_facts(name) for name in self.config.domains],
            "arrays": list(arrays.names),
        }
        return {"domains": (facts, {"": OnnxPart(arrays, inputs, {}, arrays.names)})}

    def arrange_exported(self, parameter: Tensor, array: Tensor) -> Tensor:
        """A layer of the encoder, which is exported as the matrix that it is multiplied as."""
        if array.dim() == parameter.dim() == 3:  # [out, 3, in]
            return array.permute(0, 2, 1)
        if array.dim() == 2:  # transposed: [3 or 1 times in, out]
            n_out, n_in, n_taps = parameter.shape
            return array.t().reshape(n_out, n_taps, n_in).permute(0, 2, 1)
        return super().arrange_exported(parameter, array)

    def load_companion(self, suffix: str, arrays: Mapping[str, Tensor]) -> bool:
        """Take the decoders; the classifier is in no file, and learns anew."""
        for name, kind in product(LAYERS, ("weight", "bias")):
            stacked = arrays.get(f"all_{_array_name(name, kind)}")
            layers = [layer for decoder in self.decoders for layer in _layers(decoder, name)]
            parameters = [getattr(layer, kind) for layer in layers]
            if stacked is None or stacked.numel() != sum(each.numel() for each in parameters):
                return False
            for parameter, array in zip(
                parameters, stacked.reshape(len(parameters), -1), strict=True
            ):
                with torch.no_grad():
                    parameter.copy_(array.reshape(parameter.shape))
        return True


def check_domains(domains: tuple[str, ...], recorded: Any) -> None:
    """Refuse examples that are of other domains than a network's."""
    if domains != recorded.config.domains:
        raise InputError("domains", "are not those of the examples", "name the same")


def domain_facts(name: str) -> dict[str, Any]:
    """Name, players and licence of a domain that ships."""
    programs = [f"{member.bank}:{member.program}" for member in DOMAINS.get(name, ())]
    return {"name": name, "sources": programs, "licence": LICENCE}


def _layers(decoder: nn.Module, name: str) -> list[Any]:
    """Layers of a decoder that are stored under one name: one, or one of each dilation."""
    layer: Any = getattr(decoder, LAYERS[name])
    return list(layer) if name in PER_LAYER else [layer]


def _array_name(name: str, kind: str) -> str:
    return name if kind == "weight" else f"{name}_bias"


class DecoderArrays(nn.Module):
    """WaveNet decoders' own arrays, which are run by `translation.sampling`."""

    def __init__(self, decoders: nn.ModuleList) -> None:
        super().__init__()
        self.names: list[str] = []
        for name, kind in product(LAYERS, ("weight", "bias")):
            stacks = []
            for decoder in decoders:
                arrays = [getattr(layer, kind).detach() for layer in _layers(decoder, name)]
                whole = torch.stack(arrays) if name in PER_LAYER else arrays[0]
                if kind == "weight" and whole.shape[-1] == 1:
                    whole = whole[..., 0]
                if name == "first" and kind == "weight":
                    whole = whole.flatten(1)  # levels before and now, amplitudes likewise
                stacks.append(whole)
            self.names.append(_array_name(name, kind))
            self.register_buffer(f"all_{self.names[-1]}", torch.stack(stacks).clone())

    def forward(self, one: Tensor, domain: Tensor) -> tuple[Tensor, ...]:
        """The arrays of one domain; `one` is 1, so that they are no constants to the exporter."""
        index = domain.reshape(1)
        arrays = (getattr(self, f"all_{name}") for name in self.names)
        return tuple(one * array.index_select(0, index).squeeze(0) for array in arrays)


def _mor2018() -> TrainingConfig:
    # The published size and rate; its decay of the rate by the epoch is the cosine's here.
    loop = LoopConfig(
        batch_size=32, learning_rate=1e-3, warmup_steps=1, ema_decay=0, max_steps=1_000_000
    )
    return TrainingConfig(Mor2018Training(), DomainsConfig(), loop)


def _mor2018_small() -> TrainingConfig:
    # What two cores train in an hour: melodies by three domains (`benchmarks/pack_pieces.py
    # melodies`) at 2 kHz. A decoder of 16 layers sees back over a quarter of a second, the encoder
    # an eighth to both sides; crops are short, as `wavenet`'s are and for the same reason.
    domains = ("church-organ", "nylon-guitar", "wind-quintet")
    task = Mor2018Training(
        domains=domains,
        sample_rate=2000,
        width=32,
        n_blocks=2,
        n_layers=7,
        n_decoder_blocks=2,
        n_decoder_layers=8,
        crop_samples=800,
        context_frames=3,
        n_mixture=2,
    )
    loop = LoopConfig(
        batch_size=6,
        learning_rate=2e-3,
        weight_decay=0.01,
        warmup_steps=200,
        ema_decay=0.998,
        report_every_steps=20,
        validate_every_s=60.0,
        in_memory=True,
        minutes=240.0,
    )
    return TrainingConfig(task, DomainsConfig(banks=("fluid-r3",), domains=domains), loop)


PRESETS = {"mor2018": _mor2018, "mor2018-small": _mor2018_small}
