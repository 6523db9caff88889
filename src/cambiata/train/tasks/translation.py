"""The translator: one encoder of notes for all domains, a decoder of one's own for each.

Mor et al. 2018 in its parts and its training (a shared encoder, a classifier of domains that it
confuses, a decoder for every domain), but of notes rather than samples, so that it plays at once
what they sample one by one, and learns in minutes what takes them days. The encoder is a network
that was trained to transcribe, up to its last hidden layer, and is not trained further. It gives
notes and, for every moment of each (43 frames a second), a latent of a few numbers; a decoder
predicts partials and noise of each moment, and corrects the spectrum that is rendered of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from cambiata.data.domains import DOMAINS, DomainsConfig, record_domains
from cambiata.errors import InputError
from cambiata.partials.bands import FLOOR
from cambiata.partials.latent import (
    CONDITIONING_FEATURES,
    N_CONDITIONING,
    N_HIDDEN,
)
from cambiata.partials.note_frames import N_NOISE, N_PARTIALS
from cambiata.partials.posteriors import BANDS
from cambiata.train.band_losses import DB, BandLossTask, rms_distance_db, total_loss
from cambiata.train.config import LoopConfig, TrainingConfig
from cambiata.train.excerpts import (
    Excerpt,
    ExcerptDataset,
    encoder_onnx,
    load_encoder,
    precompute_excerpts,
    unpack_excerpt,
)
from cambiata.train.onnx import Method, OnnxPart, round_to_float16, write_parts
from cambiata.train.predictor import REFINER_FILE_NAMES, Refiner
from cambiata.train.task import Progress, Recorded, TrainingExamples
from cambiata.train.tasks.mor2018 import Classifier, check_domains, domain_facts
from cambiata.translation.domains import DOMAIN_SYSTEM
from cambiata.weights import load_model, open_model

# Weights that files hold; the classifier is needed for training alone.
_EXPORTED = ("code.", "decoders.weights.", "decoders.biases.", "decoders.stacked.")
# The classifier learns from so many sounds at a time of the last so many, of each so many moments:
# taught by the few of a batch alone it stays so weak that confusing it means nothing.
_N_CLASSIFIED, _MEMORY_SIZE, _N_MEMORY_FRAMES = 64, 1024, 64
_N_CLASSIFIER_TURNS = 5  # turns of the classifier to one of its opponents
# Pitches that sound alike lie side by side, and a sampled instrument changes every few semitones.
_PITCH_FREQUENCIES = (1, 2, 4, 8)


@dataclass(frozen=True)
class TranslationTraining:
    """Settings of `TranslationTask`."""

    old_names: ClassVar[Mapping[str, str]] = {"listener": "encoder"}

    domains: tuple[str, ...] = tuple(DOMAINS)  # Names of the domains, in the examples' order
    n_latent: int = 8  # Numbers of the latent of a note's moment
    width: int = 160  # Of a decoder's hidden layers
    confusion: float = 1.0  # Weight of the classifier's error, which the encoder raises
    # Whether a piece in one domain is also learnt to be played in another; else every
    # decoder learns from its own domain alone, as published
    pairs: bool = True
    # Weights of the translator whose encoder finds the notes: shipped ones by name, or a path
    encoder: str = "translation"
    # Share of the training in which all domains have one decoder, which is then given to each:
    # what is common to all of them is learnt once
    together: float = 0.15


class Decoders(nn.Module):
    """A decoder for every domain: note frames to partials and noise, and to their correction."""

    def __init__(self, n_domains: int, n_latent: int, width: int, n_bands: int) -> None:
        super().__init__()
        n_inputs = N_CONDITIONING + 2 * len(_PITCH_FREQUENCIES) + n_latent
        sizes = [n_inputs, width, width, width, N_PARTIALS + N_NOISE]
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for n_in, n_out in pairwise(sizes):
            # As torch's own linear layers begin.
            bound = n_in**-0.5 if n_out == width else 0.0
            weight = (2 * torch.rand(n_in, n_out) - 1) * bound
            # All domains begin alike.
            self.weights.append(nn.Parameter(weight.repeat(n_domains, 1, 1)))
            self.biases.append(nn.Parameter(torch.zeros(n_domains, n_out)))
        self.refiner = Refiner(n_bands, 1)
        names = [name for name, _ in self.refiner.named_parameters()]
        self.stacked = nn.ParameterDict(
            {
                name.replace(".", "/"): nn.Parameter(
                    p.detach().repeat(n_domains, *[1] * p.dim()).clone()
                )
                for name, p in self.refiner.named_parameters()
            }
        )
        self._names = names
        for p in self.refiner.parameters():
            p.requires_grad_(False)  # gives the shapes of `stacked` and is called with its weights
        self.pitch_frequencies: Tensor
        self.register_buffer("pitch_frequencies", torch.tensor(_PITCH_FREQUENCIES) * torch.pi)
        self.rolloff_db: Tensor
        self.register_buffer("rolloff_db", -6 * torch.log2(torch.arange(1, N_PARTIALS + 1)))

    def forward(self, conditioning: Tensor, domain: Tensor) -> tuple[Tensor, Tensor]:
        """Partials and noise of note frames in a domain, in dB.

        conditioning: [Q, N_CONDITIONING + n_latent]; returns [Q, N_PARTIALS], [Q, N_NOISE].
        """
        phases = conditioning[:, :1] * self.pitch_frequencies
        x = torch.cat([conditioning, torch.sin(phases), torch.cos(phases)], dim=1)
        last = len(self.weights) - 1
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = x @ _select_domain(weight, domain) + _select_domain(bias, domain)
            if i < last:
                x = functional.relu(x)
        # Outputs of about 1 are tens of dB. Where they are 0, partials fall by 6 dB an octave and
        # noise lies 60 dB below the note's strength: near enough to start from.
        return 30 * x[:, :N_PARTIALS] + self.rolloff_db, 30 * x[:, N_PARTIALS:] - 60

    def refine(self, rendered_db: Tensor, domain: Tensor) -> tuple[Tensor, Tensor]:
        """Gain of a rendered spectrum and level of its residual, in dB [bands, L]."""
        parameters = {
            name: _select_domain(self.stacked[name.replace(".", "/")], domain)
            for name in self._names
        }
        no_timbre = rendered_db.new_zeros(1)
        quantiles = rendered_db.new_zeros(3, rendered_db.shape[0])
        correction: tuple[Tensor, Tensor] = torch.func.functional_call(
            self.refiner, parameters, (rendered_db, rendered_db, quantiles, no_timbre)
        )
        return correction

    def copy_first_to_all(self) -> None:
        """Give the first decoder's weights to all."""
        with torch.no_grad():
            for p in (*self.weights, *self.biases, *self.stacked.values()):
                p.copy_(p[:1].expand_as(p).clone())

    def extract(self, domain: int) -> "Decoders":
        """One decoder by itself, a copy."""
        n_inputs, width = self.weights[0].shape[1:]
        n_latent = n_inputs - N_CONDITIONING - 2 * len(_PITCH_FREQUENCIES)
        single = Decoders(1, n_latent, width, len(self.refiner.position))
        state = self.state_dict()
        for name in state:
            if name.split(".")[0] in ("weights", "biases", "stacked"):
                state[name] = state[name][domain : domain + 1].clone()
        single.load_state_dict(state)
        return single


def _select_domain(stacked: Tensor, domain: Tensor) -> Tensor:
    """One of what is stacked; a scalar as an index would become a constant of an exported file."""
    return stacked.index_select(0, domain.reshape(1)).squeeze(0)


def load_shipped_task(weights: str = "translation") -> "TranslationTask":
    """The translator that ships in torch, its weights read from the ONNX files."""
    import onnx
    from onnx import numpy_helper

    encoder = load_model(weights, "translation")
    model = load_model(f"{weights}-domains", "translation-domains")
    stored = encoder.about["training"]["task"]
    settings = {x.name: stored[x.name] for x in fields(TranslationTraining) if x.name in stored}
    settings |= {"domains": tuple(stored["domains"]), "encoder": weights}
    task = TranslationTask(TranslationTraining(**settings))
    state = task.state_dict()
    learnt = {name for name in state if name.startswith(_EXPORTED)}
    for prefix, name, source, part in (
        ("code.", weights, encoder, "code"),
        ("decoders.", f"{weights}-domains", model, ""),
        ("decoders.", f"{weights}-domains", model, "refine"),
    ):
        main_file, read_part = open_model(name)
        data = read_part(*source.about["parts"][part]) if part else main_file
        for initializer in onnx.load_from_string(data).graph.initializer:
            key = prefix + _name_in_network(initializer.name)
            if key in learnt:
                state[key] = torch.from_numpy(numpy_helper.to_array(initializer).astype(np.float32))
                learnt.remove(key)
    if learnt:
        raise InputError(weights, f"lacks {min(learnt)}", "export it again")
    for i, domain in enumerate(model.about["domains"]):
        # The files' own word is "stiffness".
        state["inharmonicities"][i] = domain["stiffness"]
        state["wavering_cents"][i] = domain["wavering_cents"]
    state["separate"] = torch.tensor(True)
    task.load_state_dict(state)
    return task.eval()


def _name_in_network(initializer: str) -> str:
    """Name of a weight in its network, from that of an exported array."""
    # The refiner's part calls the decoders "network", and called them "decoders" before 0.2.0.
    name = initializer.removesuffix(".half").removeprefix("decoders.").removeprefix("network.")
    if not name.startswith("stacked."):
        return name
    layer, _, kind = name.removeprefix("stacked.").partition("/")
    return f"stacked.{REFINER_FILE_NAMES.get(layer, layer)}/{kind}"


class TranslationTask(BandLossTask):
    """Encoder, classifier and decoders with their losses."""

    settings, system, card = TranslationTraining, "translation", "translation"
    config: TranslationTraining
    turns = _N_CLASSIFIER_TURNS + 1
    optional_weights = ("memory",)

    def __init__(self, config: TranslationTraining) -> None:
        super().__init__(config)
        n = len(config.domains)
        # Hidden layers of the last sounds, and their domains; in the checkpoint, so that a run that
        # goes on has the same.
        self.memory: Tensor
        self.register_buffer("memory", torch.zeros(_MEMORY_SIZE, _N_MEMORY_FRAMES, N_HIDDEN))
        self.memory_domains: Tensor
        self.register_buffer("memory_domains", torch.full((_MEMORY_SIZE,), -1))
        self.memory_next: Tensor
        self.register_buffer("memory_next", torch.zeros((), dtype=torch.long))
        self.code = nn.Sequential(
            nn.Linear(N_HIDDEN, 64), nn.ReLU(), nn.Linear(64, config.n_latent), nn.Tanh()
        )
        self.classifier = Classifier(config.n_latent, n)
        self.decoders = Decoders(n, config.n_latent, config.width, self.n_bands)
        self.separate: Tensor
        self.register_buffer("separate", torch.tensor(not config.together))
        # Of each domain, from its own sounds.
        self.inharmonicities: Tensor
        self.wavering_cents: Tensor
        for name in ("inharmonicities", "wavering_cents"):
            self.register_buffer(name, torch.zeros(n))

    @classmethod
    def record(cls, config: TrainingConfig, folder: str | None, progress: Progress) -> Recorded:
        """Pieces by the players of the domains."""
        return record_domains(config.examples, folder, progress=progress)

    def dataset(self, recorded: Any, progress: Progress) -> TrainingExamples:
        """Excerpts with the encoder's features; strings and wavering of domains are measured."""
        check_domains(self.config.domains, recorded)
        excerpts = precompute_excerpts(
            recorded, self.config.encoder, pairs=self.config.pairs, progress=progress
        )
        if not self.begun:
            self.measure_domains(excerpts)
        return excerpts

    def measure_domains(self, dataset: ExcerptDataset) -> None:
        """Learn of each domain how stiff its strings are and how much its notes waver."""
        for domain, pairs in dataset.measurements().items():
            self.inharmonicities[domain], self.wavering_cents[domain] = torch.tensor(
                np.median(pairs, axis=0)
            )

    def unpack(self, packed: Tensor) -> Excerpt:
        """Parts of what `ExcerptDataset` packed."""
        return unpack_excerpt(packed, self.n_bands)

    def latent(self, hidden: Tensor) -> Tensor:
        """The latent of note frames.

        hidden: [Q, N_HIDDEN]; returns [Q, n_latent].
        """
        latent_vectors: Tensor = self.code(hidden)
        return latent_vectors

    def predicted(self, excerpt: Excerpt, latent: Tensor) -> tuple[Tensor, Tensor]:
        """Power in bands of a decoder's spectrum, before and after it is refined.

        latent: [Q, n_latent].
        """
        domain = torch.tensor(excerpt.target_domain if self.separate else 0)
        conditioning = torch.cat([excerpt.queries[:, CONDITIONING_FEATURES], latent], dim=1)
        partials_db, noise_db = self.decoders(conditioning, domain)
        inharmonicities = self.inharmonicities[excerpt.target_domain]
        n_frames = excerpt.target.shape[1]
        rendered = self.render_bands(
            partials_db, noise_db, excerpt.queries, inharmonicities, n_frames
        )
        gain, residual = self.decoders.refine(DB * torch.log(rendered + FLOOR), domain)
        return rendered, rendered * torch.exp(gain / DB) + torch.exp(residual / DB)

    def forward(self, batch: Tensor, share: float) -> dict[str, Tensor]:
        """Losses of a turn: the classifier's, and in the last that of encoder and decoders."""
        if not self.separate and share >= self.config.together:
            self.decoders.copy_first_to_all()
            self.separate.fill_(True)
        if self.turn == 0:
            self.store_in_memory(self.with_notes(batch))
        n_remembered = min(int(self.memory_next), _MEMORY_SIZE)
        if not n_remembered:  # all has been silent so far
            return {"loss": 0 * self.decoders.weights[0].sum()}
        remembered = torch.randint(0, n_remembered, (_N_CLASSIFIED,))
        if self.turn < _N_CLASSIFIER_TURNS:
            with torch.no_grad():
                latents = self.latent(self.memory[remembered])
            domains = self.memory_domains[remembered]
            predicted = self.classifier(latents.transpose(1, 2))
            classifier_loss = functional.cross_entropy(predicted, domains)
            return {"loss": classifier_loss, "told apart": classifier_loss}
        losses: dict[str, list[Tensor]] = {}
        for each in self.with_notes(batch):
            true = torch.exp(each.target / DB)
            predicted = self.predicted(each, self.latent(each.hidden))
            for name, value in self.band_losses(*predicted, true).items():
                losses.setdefault(name, []).append(value)
        means = {name: torch.stack(values).mean() for name, values in losses.items()}
        confused_logits = self.classifier.forward_detached(
            self.latent(self.memory[remembered]).transpose(1, 2)
        )
        confusion_loss = functional.cross_entropy(confused_logits, self.memory_domains[remembered])
        loss = total_loss(means) if means else 0.0  # a batch of silence teaches no decoder
        return {"loss": loss - self.config.confusion * confusion_loss, **means}

    def with_notes(self, batch: Tensor) -> list[Excerpt]:
        """Halves of sounds in which notes were found."""
        return [each for each in map(self.unpack, batch) if len(each.queries)]

    def store_in_memory(self, excerpt: Sequence[Excerpt]) -> None:
        """Keep hidden layers of sounds, for the classifier to learn from later."""
        for each in excerpt:
            at = int(self.memory_next) % _MEMORY_SIZE
            moments = torch.linspace(0, len(each.hidden) - 1, _N_MEMORY_FRAMES).long()
            self.memory[at] = each.hidden[moments]
            self.memory_domains[at] = each.source_domain
            self.memory_next += 1

    def validate(self, batches: list[Tensor], share: float) -> dict[str, float]:
        """RMS differences in dB over time, mean over bands: "lsd" translated, "lsd_own" not.

        "told_apart" is how often the classifier is right.
        """
        figures: dict[str, list[float]] = {}
        with torch.no_grad():
            for excerpt in (each for batch in batches for each in self.with_notes(batch)):
                latent = self.latent(excerpt.hidden)
                true = torch.exp(excerpt.target / DB)
                kind = "lsd" if excerpt.source_domain != excerpt.target_domain else "lsd_own"
                for suffix, rendered_bands in zip(
                    ("_drawn", ""), self.predicted(excerpt, latent), strict=True
                ):
                    figures.setdefault(kind + suffix, []).append(
                        rms_distance_db(rendered_bands, true)
                    )
                predicted_domain = int(self.classifier(latent.t()[None]).argmax())
                figures.setdefault("told_apart", []).append(
                    float(predicted_domain == excerpt.source_domain)
                )
        return {name: float(np.mean(values)) for name, values in figures.items()}

    def onnx_parts(self) -> dict[str, OnnxPart]:
        """The encoder, which is not trained, and the latent's layers."""
        hidden = {"seen": torch.zeros(48, N_HIDDEN)}
        encoder = OnnxPart(nn.Identity(), {}, {}, [], encoder_onnx(self.config.encoder))
        return {
            "": encoder,
            "code": OnnxPart(self.code, hidden, {"seen": {0: "moments"}}, ["latent"]),
        }

    def onnx_facts(self, config: TrainingConfig, figures: Mapping[str, Any]) -> dict[str, Any]:
        """The kind of translator, its rate, and the encoder's onset threshold."""
        _, threshold = load_encoder(self.config.encoder)
        return {"kind": "notes", "sample_rate": BANDS.sample_rate, "threshold": threshold}

    def onnx_companions(
        self, main_sha256: str
    ) -> dict[str, tuple[dict[str, Any], dict[str, OnnxPart]]]:
        """The decoders of all domains."""
        domains = [
            domain_facts(name) | self.strings_of(i) for i, name in enumerate(self.config.domains)
        ]
        facts = {"system": DOMAIN_SYSTEM, "encoder": main_sha256, "domains": domains}
        return {"domains": (facts, self.decoder_parts())}

    def strings_of(self, domain: int) -> dict[str, float]:
        """A domain's inharmonicity, which files call stiffness, and how much its notes waver."""
        return {
            "stiffness": float(self.inharmonicities[domain]),
            "wavering_cents": float(self.wavering_cents[domain]),
        }

    def decoder_parts(self) -> dict[str, OnnxPart]:
        """The decoders: note frames to partials and noise, and what was drawn to its correction."""
        domain = torch.zeros((), dtype=torch.int64)
        known = torch.zeros(48, N_CONDITIONING + self.config.n_latent)
        return {
            "": OnnxPart(
                self.decoders,
                {"known": known, "domain": domain},
                {"known": {0: "moments"}},
                ["partials_db", "noise_db"],
            ),
            "refine": OnnxPart(
                Method(self.decoders, "refine"),
                {"drawn": torch.zeros(self.n_bands, 64), "domain": domain},
                {"drawn": {1: "frames"}},
                ["gain_db", "besides_db"],
            ),
        }


def write_domain(
    task: TranslationTask, place: Path, encoder: str, facts: Mapping[str, Any]
) -> list[Path]:
    """Files of the only decoder of a task, the main one last.

    `encoder` is the SHA-256 of the encoder that it was learnt with.
    """
    task = task.eval().float()
    round_to_float16(task)
    domain = domain_facts(task.config.domains[0]) | task.strings_of(0) | dict(facts)
    written = write_parts(
        task.decoder_parts(),
        place,
        {"system": DOMAIN_SYSTEM, "encoder": encoder, "domains": [domain]},
        half=True,
    )
    return [place.parent / file for file, _ in written["parts"].values()] + [place]


def _translation() -> TrainingConfig:
    loop = LoopConfig(
        batch_size=4,
        learning_rate=1.5e-3,
        ema_decay=0.998,
        report_every_steps=50,
        validate_every_s=240.0,
        minutes=25.0,
    )
    return TrainingConfig(TranslationTraining(), DomainsConfig(), loop)


PRESETS = {"translation": _translation}
