"""The Universal Music Translation Network: one encoder, a WaveNet decoder for every domain.

Mor, Wolf, Polyak, Taigman, "A Universal Music Translation Network", ICLR 2019 (arXiv 2018). The
encoder is a WaveNet that sees both ways and is pooled to 20 frames a second; a network that tries
to tell domains by what it says is what it learns to confuse; a decoder of one's own for each domain
says every sample by those before it. Each batch is two turns, as published: first the classifier
learns, then encoder and decoders do, against it.

It differs from the published training in these: the segment whose pitch is changed is read faster
or slower (which moves what is in it by at most 15 ms) instead of going through a phase vocoder;
gradients are clipped by their norm; samples before the first are silence.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from cambiata.arrays import Samples
from cambiata.audio.sound import resample
from cambiata.data.domains import DOMAINS, DomainExamples
from cambiata.data.examples import FULL_SCALE
from cambiata.train.task import Task

SAMPLE_RATE, POOL = 16000, 800
N_LEVELS = 256
_SEGMENT, _SEMITONES = (0.25, 0.5), 0.5


@dataclass(frozen=True)
class Mor2018Training:
    """Settings of `Mor2018Task`; by default those of the published scripts.

    Parameters
    ----------
    domains : tuple of str
        Names of the domains, in the examples' order.
    width : int
        Channels of the encoder, and of a decoder's layers and skip connections.
    n_blocks, n_layers : int
        Of the encoder: stacks, and layers in each of dilations 1, 2, 4, ...
    n_decoder_blocks, n_decoder_layers : int
        Likewise, of a decoder.
    n_latent : int
        Numbers of the latent in each of its 20 frames a second.
    confusion : float
        Weight of the classifier's error, which the encoder raises.
    crop_samples : int
        Samples of each example in a step; a multiple of 800.

    Examples
    --------
    >>> Mor2018Training().n_latent
    64
    """

    domains: tuple[str, ...] = tuple(DOMAINS)
    width: int = 128
    n_blocks: int = 3
    n_layers: int = 10
    n_decoder_blocks: int = 4
    n_decoder_layers: int = 14
    n_latent: int = 64
    confusion: float = 0.01
    crop_samples: int = 12000

    def __post_init__(self) -> None:
        if self.crop_samples % POOL:
            raise ValueError(f"crop_samples must be a multiple of {POOL}")

    @property
    def dilations(self) -> tuple[int, ...]:
        """Of a decoder's layers."""
        return tuple(2**i for i in range(self.n_decoder_layers)) * self.n_decoder_blocks


class Encoder(nn.Module):
    """Samples to a latent of 20 frames a second; no activation and no norm on it.

    Parameters
    ----------
    config : Mor2018Training
        Its size.

    Examples
    --------
    >>> encoder = Encoder(Mor2018Training())
    >>> sum(p.numel() for p in encoder.parameters())
    1982528
    """

    def __init__(self, config: Mor2018Training) -> None:
        super().__init__()
        width = config.width
        self.first = nn.Conv1d(1, width, 3, padding=1)
        dilations = [2**i for i in range(config.n_layers)] * config.n_blocks
        self.dilated = nn.ModuleList(
            nn.Conv1d(width, width, 3, padding=d, dilation=d) for d in dilations
        )
        self.mixed = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in dilations)
        self.last = nn.Conv1d(width, config.n_latent, 1)

    def forward(self, coded: Tensor) -> Tensor:
        """The latent.

        Parameters
        ----------
        coded : torch.Tensor
            Mu-law levels as `scalar` gives them [B, T], T a multiple of 800.

        Returns
        -------
        torch.Tensor
            [B, n_latent, T / 800].
        """
        x = self.first(coded[:, None])
        for dilated, mixed in zip(self.dilated, self.mixed, strict=True):
            x = x + mixed(functional.relu(dilated(x)))
        said = self.last(x)
        # A mean of groups rather than `avg_pool1d`, which the exporter writes of one length only.
        pooled: Tensor = said.reshape(said.shape[0], said.shape[1], -1, POOL).mean(dim=3)
        return pooled


class Classifier(nn.Module):
    """A latent to the domain that it is of: what the encoder is to confuse.

    Parameters
    ----------
    n_latent, n_domains : int
        Sizes.
    width : int
        Of three hidden layers.

    Examples
    --------
    >>> classifier = Classifier(64, 6)
    >>> sum(p.numel() for p in classifier.parameters()), classifier(torch.zeros(2, 64, 9)).shape
    (27306, torch.Size([2, 6]))
    """

    def __init__(self, n_latent: int, n_domains: int, width: int = 100) -> None:
        super().__init__()
        self.layers = nn.Sequential(
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

        Parameters
        ----------
        latent : torch.Tensor
            [B, n_latent, L].

        Returns
        -------
        torch.Tensor
            [B, n_domains].
        """
        said: Tensor = self.layers(latent).mean(dim=2)
        return said

    def frozen(self, latent: Tensor) -> Tensor:
        """The same, for those who learn against it and do not teach it.

        Parameters
        ----------
        latent : torch.Tensor
            [B, n_latent, L].

        Returns
        -------
        torch.Tensor
            [B, n_domains].
        """
        weights = {name: p.detach() for name, p in self.named_parameters()}
        said: Tensor = torch.func.functional_call(self, weights, (latent,))
        return said


class Decoder(nn.Module):
    """Samples so far and a latent to the next sample's level.

    Parameters
    ----------
    config : Mor2018Training
        Its size.

    Examples
    --------
    >>> sum(p.numel() for p in Decoder(Mor2018Training()).parameters())
    6540288
    >>> sum(p.numel() for p in Decoder(Mor2018Training(n_decoder_layers=10)).parameters())
    4692992
    """

    def __init__(self, config: Mor2018Training) -> None:
        super().__init__()
        width, self.dilations = config.width, config.dilations
        n = len(self.dilations)
        self.first = nn.Conv1d(1, width, 2)
        self.first_skip = nn.Conv1d(width, width, 1)
        self.dilated = nn.ModuleList(
            nn.Conv1d(width, 2 * width, 2, dilation=d) for d in self.dilations
        )
        self.told = nn.ModuleList(nn.Conv1d(config.n_latent, 2 * width, 1) for _ in range(n))
        self.rest = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in range(n))
        self.skip = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in range(n))
        self.thought = nn.Conv1d(width, width, 1)
        self.last_told = nn.Conv1d(config.n_latent, width, 1)
        self.last = nn.Conv1d(width, N_LEVELS, 1)

    def forward(self, given: Tensor, latent: Tensor) -> Tensor:
        """Logits of every sample after the one given at its place.

        Parameters
        ----------
        given : torch.Tensor
            Levels as `scalar` gives them, each sample's predecessor [B, T].
        latent : torch.Tensor
            [B, n_latent, T / 800].

        Returns
        -------
        torch.Tensor
            [B, T, N_LEVELS].
        """
        # Channels last and products of matrices: a quarter less time than convolutions here.
        n = given.shape[1]

        def causal(layer: Any, x: Tensor, dilation: int) -> Tensor:
            past = functional.pad(x, (0, 0, dilation, 0))[:, :n]
            weight = layer.weight
            now = functional.linear(x, weight[:, :, 1], layer.bias)
            said: Tensor = past @ weight[:, :, 0].t() + now
            return said

        def pointwise(layer: Any, x: Tensor) -> Tensor:
            return functional.linear(x, layer.weight[:, :, 0], layer.bias)

        def held(layer: Any) -> Tensor:
            said = pointwise(layer, latent.transpose(1, 2))
            return said.repeat_interleave(POOL, dim=1)[:, :n]

        x = causal(self.first, given[:, :, None], 1)
        skip = pointwise(self.first_skip, x)
        layers = zip(self.dilated, self.told, self.rest, self.skip, self.dilations, strict=True)
        for dilated, told, rest, to_skip, dilation in layers:
            gate, filtered = (causal(dilated, x, dilation) + held(told)).chunk(2, dim=2)
            gated = torch.sigmoid(gate) * torch.tanh(filtered)
            x = x + pointwise(rest, gated)
            skip = skip + pointwise(to_skip, gated)
        thought = pointwise(self.thought, functional.relu(skip)) + held(self.last_told)
        logits: Tensor = pointwise(self.last, functional.relu(thought))
        return logits


def levels_of(samples: Tensor) -> Tensor:
    """Samples as mu-law levels.

    Parameters
    ----------
    samples : torch.Tensor
        -1 to 1.

    Returns
    -------
    torch.Tensor
        0 to 255.

    Examples
    --------
    >>> levels_of(torch.tensor([-1.0, 0.0, 1.0])).tolist()
    [0, 127, 255]
    """
    mu = N_LEVELS - 1
    coded = samples.sign() * torch.log1p(mu * samples.abs().clamp_max(1.0)) / math.log1p(mu)
    return ((coded + 1) / 2 * mu).long()


def scalar(levels: Tensor) -> Tensor:
    """Levels as encoder and decoder take them: one channel, -0.5 to 0.5.

    Parameters
    ----------
    levels : torch.Tensor
        0 to 255.

    Returns
    -------
    torch.Tensor
        Of the same shape.

    Examples
    --------
    >>> scalar(torch.tensor([0, 255])).tolist()
    [-0.5, 0.5]
    """
    return levels / (N_LEVELS - 1) - 0.5


class DomainSounds(Sequence[npt.NDArray[np.float32]]):
    """Domains' sounds at 16 kHz, both of each example, each by itself.

    Parameters
    ----------
    examples : DomainExamples
        Where they come from.

    Examples
    --------
    >>> issubclass(DomainSounds, Sequence)
    True
    """

    def __init__(self, examples: DomainExamples) -> None:
        self.examples = examples

    def __len__(self) -> int:
        return 2 * len(self.examples)

    def __getitem__(self, index: Any) -> npt.NDArray[np.float32]:  # type: ignore[override]
        """Domain and sound, [1 + T]."""
        number, which = divmod(range(len(self))[index], 2)
        sounds, facts = self.examples.kept(number)
        sound = sounds[which].astype(np.float32) / np.float32(FULL_SCALE)
        low = resample(sound, self.examples.config.sample_rate, SAMPLE_RATE)
        return np.append(np.float32(facts["domains"][which]), low).astype(np.float32)

    def validation(self) -> "DomainSounds":
        """The sounds to validate with.

        Returns
        -------
        Sequence
            As `DomainSounds`.
        """
        return DomainSounds(self.examples.validation())


def detuned(samples: Samples, rng: np.random.Generator) -> Samples:
    """A sound in which a segment is up to half a semitone higher or lower.

    Mor et al. 2018, section 3.1: a quarter to a half of it, spliced in as it is.

    Parameters
    ----------
    samples : numpy.ndarray
        Mono sound [T].
    rng : numpy.random.Generator
        Where chance comes from.

    Returns
    -------
    numpy.ndarray
        [T].

    Examples
    --------
    >>> tone = np.sin(np.arange(8000) / 9).astype(np.float32)
    >>> changed = detuned(tone, np.random.default_rng(0)) != tone
    >>> bool(1900 < changed.sum() < 4100)
    True
    """
    n = len(samples)
    length = int(rng.uniform(*_SEGMENT) * n)
    start = int(rng.uniform(0, n - length))
    speed = 2 ** (rng.uniform(-_SEMITONES, _SEMITONES) / 12)
    middle = start + length / 2
    places = middle + speed * (np.arange(start, start + length) - middle)
    out = samples.copy()
    out[start : start + length] = np.interp(places, np.arange(n), samples)
    return out


class Mor2018Task(Task):
    """Encoder, classifier and decoders with their losses.

    Parameters
    ----------
    config : Mor2018Training
        Settings.

    Examples
    --------
    >>> task = Mor2018Task(Mor2018Training(("a", "b"), 4, 1, 2, 1, 2, 8))
    >>> len(task.decoders)
    2
    """

    turns = 2

    def __init__(self, config: Mor2018Training) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.classifier = Classifier(config.n_latent, len(config.domains))
        self.decoders = nn.ModuleList(Decoder(config) for _ in config.domains)
        # The crops of a batch, which both of its turns are about.
        self.heard: tuple[Tensor, Tensor, Tensor]

    def parted(self, batch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Domains, and levels of crops, clean and with the pitch of a segment changed.

        Parameters
        ----------
        batch : torch.Tensor
            As `DomainSounds` gives it [B, 1 + T].

        Returns
        -------
        tuple of torch.Tensor
            [B], [B, crop], [B, crop].
        """
        n = min(self.config.crop_samples, (batch.shape[1] - 1) // POOL * POOL)
        clean, changed = [], []
        for sound in batch[:, 1:].cpu():
            room = len(sound) - n
            at = int(torch.randint(0, room + 1, ())) if self.training else room // 2
            crop = sound[at : at + n]
            rng = np.random.default_rng(int(torch.randint(0, 2**31, ())))
            clean.append(crop)
            changed.append(torch.from_numpy(detuned(crop.numpy(), rng)))
        pair = (levels_of(torch.stack(x).to(batch.device)) for x in (clean, changed))
        return batch[:, 0].long(), *pair  # type: ignore[return-value]

    def forward(self, batch: Tensor, share: float) -> dict[str, Tensor]:  # noqa: ARG002
        """Losses of a turn: the classifier's, then that of encoder and decoders.

        Parameters
        ----------
        batch : torch.Tensor
            As `DomainSounds` gives it.
        share : float
            Not used.

        Returns
        -------
        dict of str to torch.Tensor
            "loss" and its parts.
        """
        if self.turn == 0:
            self.heard = self.parted(batch)
        domains, clean, changed = self.heard
        if self.turn == 0:
            with torch.no_grad():
                latent = self.encoder(scalar(clean))
            told = functional.cross_entropy(self.classifier(latent), domains)
            return {"loss": told, "told apart": told}
        latent = self.encoder(scalar(changed))
        nats = self.nats(latent, domains, clean)
        confused = functional.cross_entropy(self.classifier.frozen(latent), domains)
        return {"loss": nats - self.config.confusion * confused, "nats": nats}

    def nats(self, latent: Tensor, domains: Tensor, levels: Tensor) -> Tensor:
        """Mean error of the decoders, in nats a sample.

        Parameters
        ----------
        latent : torch.Tensor
            [B, n_latent, L].
        domains : torch.Tensor
            Whose decoder each is for [B].
        levels : torch.Tensor
            What it is to say [B, T].

        Returns
        -------
        torch.Tensor
            A scalar.
        """
        # What is given lies one behind what is said.
        given = scalar(functional.pad(levels[:, :-1], (1, 0), value=N_LEVELS // 2))
        found = latent.new_zeros(())
        for domain in sorted(set(domains.tolist())):
            own = domains == domain
            logits = self.decoders[domain](given[own], latent[own])
            found = found + functional.cross_entropy(
                logits.reshape(-1, N_LEVELS), levels[own].reshape(-1), reduction="sum"
            )
        return found / levels.numel()

    def validate(self, batches: list[Tensor], share: float) -> dict[str, float]:  # noqa: ARG002
        """Error of the decoders, and how often the classifier is right.

        Parameters
        ----------
        batches : list of torch.Tensor
            As in `forward`.
        share : float
            Not used.

        Returns
        -------
        dict of str to float
            "nats" and "told_apart", 0 to 1.
        """
        nats, right = [], []
        with torch.no_grad():
            for batch in batches:
                domains, clean, _ = self.parted(batch)
                latent = self.encoder(scalar(clean))
                nats.append(float(self.nats(latent, domains, clean)))
                right.append(float((self.classifier(latent).argmax(1) == domains).float().mean()))
        return {"nats": float(np.mean(nats)), "told_apart": float(np.mean(right))}
