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
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from cambiata.arrays import Samples
from cambiata.audio.source import resample
from cambiata.data.domains import DOMAINS, DomainExamples, DomainsConfig, record_domains
from cambiata.data.shards import FULL_SCALE
from cambiata.errors import InputError
from cambiata.train.config import LoopConfig, TrainingConfig
from cambiata.train.onnx import LICENCE, Method, OnnxPart
from cambiata.train.task import Progress, Recorded, Task, TrainingExamples
from cambiata.train.tensors import to_numpy
from cambiata.translation.domains import DOMAIN_SYSTEM
from cambiata.translation.sampling import LAYERS, PER_LAYER

# All as published.
SAMPLE_RATE, POOL = 16000, 800  # samples that one frame of the latent is the mean of
N_LEVELS = 256  # of mu-law
_SEGMENT_SHARES, _MAX_SEMITONES = (0.25, 0.5), 0.5  # of the segment that is detuned (section 3.1)


@dataclass(frozen=True)
class Mor2018Training:
    """Settings of `Mor2018Task`; by default those of the published scripts."""

    domains: tuple[str, ...] = tuple(DOMAINS)  # Names of the domains, in the examples' order
    width: int = 128  # Channels of the encoder, and of a decoder's layers and skip connections
    n_blocks: int = 3  # Of the encoder
    n_layers: int = 10  # In each, of dilations 1, 2, 4, ...
    n_decoder_blocks: int = 4
    n_decoder_layers: int = 14  # In each, likewise
    n_latent: int = 64  # Numbers of the latent in each of its 20 frames a second
    confusion: float = 0.01  # Weight of the classifier's cross-entropy, which the encoder raises
    crop_samples: int = 12000  # Samples of each example in a step; a multiple of 800

    def __post_init__(self) -> None:
        if self.crop_samples % POOL:
            raise ValueError(f"crop_samples must be a multiple of {POOL}")

    @property
    def dilations(self) -> tuple[int, ...]:
        """Dilations of a decoder's layers."""
        return tuple(2**i for i in range(self.n_decoder_layers)) * self.n_decoder_blocks


class Encoder(nn.Module):
    """Samples to a latent of 20 frames a second; no activation and no norm on it."""

    def __init__(self, config: Mor2018Training) -> None:
        super().__init__()
        width = config.width
        self.start = nn.Conv1d(1, width, 3, padding=1)
        dilations = [2**i for i in range(config.n_layers)] * config.n_blocks
        self.dilated_convs = nn.ModuleList(
            nn.Conv1d(width, width, 3, padding=d, dilation=d) for d in dilations
        )
        self.convs_1x1 = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in dilations)
        self.conv_1x1 = nn.Conv1d(width, config.n_latent, 1)

    def forward(self, coded: Tensor) -> Tensor:
        """The latent.

        coded: [B, T]; returns [B, n_latent, T / 800].
        """
        x = self.start(coded[:, None])
        for dilated, pointwise in zip(self.dilated_convs, self.convs_1x1, strict=True):
            x = x + pointwise(functional.relu(dilated(x)))
        latent = self.conv_1x1(x)
        # A mean of groups rather than `avg_pool1d`, which the exporter writes of one length only.
        pooled: Tensor = latent.reshape(latent.shape[0], latent.shape[1], -1, POOL).mean(dim=3)
        return pooled

    def encode_groups(self, groups: Tensor) -> Tensor:
        """The latent of samples in groups of 800, a frame of each.

        A file cannot say that a number of samples is a multiple of 800; it can of groups.

        groups: [B, L, 800]; returns [B, n_latent, L].
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
        self.first_conv = nn.Conv1d(1, width, 2)
        self.skip_conv = nn.Conv1d(width, width, 1)
        self.dilated = nn.ModuleList(
            nn.Conv1d(width, 2 * width, 2, dilation=d) for d in self.dilations
        )
        self.condition = nn.ModuleList(nn.Conv1d(config.n_latent, 2 * width, 1) for _ in range(n))
        self.residual = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in range(n))
        self.skip = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in range(n))
        self.fc = nn.Conv1d(width, width, 1)
        self.fc_condition = nn.Conv1d(config.n_latent, width, 1)
        self.logits = nn.Conv1d(width, N_LEVELS, 1)

    def forward(self, previous: Tensor, latent: Tensor) -> Tensor:
        """Logits of every sample after the one given at its place.

        previous: [B, T]; latent: [B, n_latent, T / 800]; returns [B, T, N_LEVELS].
        """
        # Channels last and products of matrices: a quarter less time than convolutions here.
        n = previous.shape[1]

        def causal(layer: Any, x: Tensor, dilation: int) -> Tensor:
            past = functional.pad(x, (0, 0, dilation, 0))[:, :n]
            weight = layer.weight
            now = functional.linear(x, weight[:, :, 1], layer.bias)
            out: Tensor = past @ weight[:, :, 0].t() + now
            return out

        def pointwise(layer: Any, x: Tensor) -> Tensor:
            return functional.linear(x, layer.weight[:, :, 0], layer.bias)

        def upsampled(layer: Any) -> Tensor:
            out = pointwise(layer, latent.transpose(1, 2))
            return out.repeat_interleave(POOL, dim=1)[:, :n]

        x = causal(self.first_conv, previous[:, :, None], 1)
        skip = pointwise(self.skip_conv, x)
        layers = zip(
            self.dilated, self.condition, self.residual, self.skip, self.dilations, strict=True
        )
        for dilated, condition, residual, skip_layer, dilation in layers:
            gate, filtered = (causal(dilated, x, dilation) + upsampled(condition)).chunk(2, dim=2)
            gated = torch.sigmoid(gate) * torch.tanh(filtered)
            x = x + pointwise(residual, gated)
            skip = skip + pointwise(skip_layer, gated)
        fc = pointwise(self.fc, functional.relu(skip)) + upsampled(self.fc_condition)
        logits: Tensor = pointwise(self.logits, functional.relu(fc))
        return logits


def mu_law_encode(samples: Tensor) -> Tensor:
    """Samples as mu-law levels."""
    mu = N_LEVELS - 1
    coded = samples.sign() * torch.log1p(mu * samples.abs().clamp_max(1.0)) / math.log1p(mu)
    return ((coded + 1) / 2 * mu).long()


def levels_to_input(levels: Tensor) -> Tensor:
    """Levels as encoder and decoder take them: one channel, -0.5 to 0.5."""
    return levels / (N_LEVELS - 1) - 0.5


class DomainSounds(Sequence[npt.NDArray[np.float32]]):
    """Domains' sounds at 16 kHz, both of each example, each by itself."""

    def __init__(self, examples: DomainExamples) -> None:
        self.examples = examples

    def __len__(self) -> int:
        return 2 * len(self.examples)

    def __getitem__(self, index: Any) -> npt.NDArray[np.float32]:  # type: ignore[override]
        """Domain and sound, [1 + T]."""
        number, half = divmod(range(len(self))[index], 2)
        sounds, facts = self.examples.stored(number)
        sound = sounds[half].astype(np.float32) / np.float32(FULL_SCALE)
        resampled = resample(sound, self.examples.config.sample_rate, SAMPLE_RATE)
        return np.append(np.float32(facts["domains"][half]), resampled).astype(np.float32)

    def validation(self) -> "DomainSounds":
        """The sounds to validate with."""
        return DomainSounds(self.examples.validation())


def detune_segment(samples: Samples, rng: np.random.Generator) -> Samples:
    """A sound in which a segment is up to half a semitone higher or lower.

    Mor et al. 2018, section 3.1: a quarter to a half of it, spliced in as it is.

    samples: [T]; returns [T].
    """
    n = len(samples)
    length = int(rng.uniform(*_SEGMENT_SHARES) * n)
    start = int(rng.uniform(0, n - length))
    ratio = 2 ** (rng.uniform(-_MAX_SEMITONES, _MAX_SEMITONES) / 12)
    middle = start + length / 2
    positions = middle + ratio * (np.arange(start, start + length) - middle)
    out = samples.copy()
    out[start : start + length] = np.interp(positions, np.arange(n), samples)
    return out


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
        return record_domains(config.examples, folder, progress=progress)

    def dataset(self, recorded: Any, progress: Progress) -> TrainingExamples:
        """Sounds of the domains, each by itself."""
        check_domains(self.config.domains, recorded)
        return DomainSounds(recorded)

    def unpack_batch(self, batch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Domains, and levels of crops, clean and with the pitch of a segment changed.

        batch: [B, 1 + T]; returns [B], [B, crop].
        """
        n = min(self.config.crop_samples, (batch.shape[1] - 1) // POOL * POOL)
        clean, augmented = [], []
        for sound in batch[:, 1:].cpu():
            n_left = len(sound) - n
            at = int(torch.randint(0, n_left + 1, ())) if self.training else n_left // 2
            crop = sound[at : at + n]
            rng = np.random.default_rng(int(torch.randint(0, 2**31, ())))
            clean.append(crop)
            augmented.append(torch.from_numpy(detune_segment(to_numpy(crop), rng)))
        pair = (mu_law_encode(torch.stack(x).to(batch.device)) for x in (clean, augmented))
        return batch[:, 0].long(), *pair  # type: ignore[return-value]

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
        """Mean error of the decoders, in nats a sample.

        latent: [B, n_latent, L]; domains: [B]; levels: [B, T].
        """
        # The input lies one sample behind the target.
        previous = levels_to_input(functional.pad(levels[:, :-1], (1, 0), value=N_LEVELS // 2))
        total = latent.new_zeros(())
        for domain in sorted(set(domains.tolist())):
            mask = domains == domain
            logits = self.decoders[domain](previous[mask], latent[mask])
            total = total + functional.cross_entropy(
                logits.reshape(-1, N_LEVELS), levels[mask].reshape(-1), reduction="sum"
            )
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
        groups = {"groups": torch.zeros(1, 6, POOL)}
        encode = Method(self.encoder, "encode_groups")
        return {"": OnnxPart(encode, groups, {"groups": {1: "groups"}}, ["latent"])}

    def onnx_facts(self, config: TrainingConfig, figures: Mapping[str, Any]) -> dict[str, Any]:
        """The kind of translator, its rate, and the decoders' dilations."""
        return {
            "kind": "samples",
            "sample_rate": SAMPLE_RATE,
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


def check_domains(domains: tuple[str, ...], recorded: Any) -> None:
    """Refuse examples that are of other domains than a network's."""
    if domains != recorded.config.domains:
        raise InputError("domains", "are not those of the examples", "name the same")


def domain_facts(name: str) -> dict[str, Any]:
    """Name, players and licence of a domain that ships."""
    programs = [f"{member.bank}:{member.program}" for member in DOMAINS.get(name, ())]
    return {"name": name, "sources": programs, "licence": LICENCE}


class DecoderArrays(nn.Module):
    """WaveNet decoders' own arrays, which are run by `translation.sampling`."""

    def __init__(self, decoders: nn.ModuleList) -> None:
        super().__init__()
        self.names: list[str] = []
        for name, attribute in LAYERS.items():
            for kind in ("weight", "bias"):
                stacks = []
                for decoder in decoders:
                    layer = getattr(decoder, attribute)
                    each = list(layer) if name in PER_LAYER else [layer]
                    arrays = [getattr(one, kind).detach() for one in each]
                    whole = torch.stack(arrays) if name in PER_LAYER else arrays[0]
                    if kind == "weight" and whole.shape[-1] == 1:
                        whole = whole[..., 0]
                    if name == "first" and kind == "weight":
                        whole = whole[:, 0]
                    stacks.append(whole)
                self.names.append(name if kind == "weight" else f"{name}_bias")
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
    task = Mor2018Training(
        width=32,
        n_blocks=2,
        n_layers=9,
        n_decoder_blocks=2,
        n_decoder_layers=10,
        crop_samples=8000,
    )
    loop = LoopConfig(
        batch_size=8,
        learning_rate=2e-3,
        warmup_steps=30,
        ema_decay=0.98,
        report_every_steps=20,
        validate_every_s=400.0,
        minutes=25.0,
    )
    return TrainingConfig(task, DomainsConfig(), loop)


PRESETS = {"mor2018": _mor2018, "mor2018-small": _mor2018_small}
