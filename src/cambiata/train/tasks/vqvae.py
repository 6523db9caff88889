"""Training of the SS-VQ-VAE (Cífka, Ozerov, Şimşekli, Richard 2021).

The network knows of no score and no label: what makes it split a sound into notes and timbre is
that the notes pass through a narrow code and the timbre through one vector (`self-supervised`), or
that it must play the notes of one instrument with another (`supervised`).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from cambiata.audio.mel import mel_filters
from cambiata.data.examples import (
    CONTENT,
    STYLE,
    TARGET,
    Examples,
    ExamplesConfig,
    cache_features,
    record_examples,
)
from cambiata.timbre_transfer.vqvae import SAMPLE_RATE_HZ, STFT
from cambiata.train.config import LoopConfig, TrainingConfig
from cambiata.train.onnx import Method, OnnxPart
from cambiata.train.task import Progress, Task, TrainingExamples
from cambiata.train.tensors import to_numpy
from cambiata.train.vqvae_network import VqVae, VqVaeShape, load_published, nearest_code
from cambiata.weights import Model

Learning = Literal["self-supervised", "supervised", "supervised-contrastive"]

# By how much ln(1 + |X|) may be lowered after training; validation takes the best.
_LOWERINGS = (0.0, 0.15, 0.3, 0.45, 0.6, 0.8, 1.0)
_N_PREPARING = 64  # examples of which the spectra's principal components are found


def _group_by_example(flat: Tensor) -> Tensor:
    """Content, style and target of every example side by side: [3 B, ...] to [B, 3, ...]."""
    return flat.reshape(len(flat) // 3, 3, *flat.shape[1:])


@dataclass(frozen=True)
class VqVaeTraining:
    """The network's size, the way it learns, and the weights of its losses."""

    shape: VqVaeShape = field(default_factory=VqVaeShape)
    # "self-supervised": from two segments of one track, content being the target too (the paper's
    # section 3); "supervised": from the content's notes by the style's instrument;
    # "supervised-contrastive": thus, with a style encoder that learns to tell timbres apart first
    learning: Learning = "self-supervised"
    # RMS level, in dB of full scale, to which every sound is brought; published: as it is. At 0 dB,
    # ln(1 + |X|) is linear below some -60 dB under the loudest partials, so that what lies deeper
    # counts little.
    level_db: float = 0.0
    commitment_weight: float = 0.5  # Of the encoder's commitment to the codes
    crop_s: float = 0.0  # Seconds of every example that a step learns from; 0: all of it
    # Share of the training after which contents are quantised. Quantised from the first step on,
    # before codes mean anything, a network finds a few dozen codes and stays with them
    # (docs/models/vqvae.md).
    quantised_from: float = 0.0
    # Share of the training for the style encoder alone, where it learns contrastively first
    contrastive_share: float = 0.15
    temperature: float = 0.1  # Of the contrastive loss

    def __post_init__(self) -> None:
        if self.learning not in ("self-supervised", "supervised", "supervised-contrastive"):
            raise ValueError(
                "learning must be self-supervised, supervised or supervised-contrastive"
            )
        if not 0 <= self.contrastive_share < 1 or not 0 <= self.quantised_from < 1:
            raise ValueError("contrastive_share and quantised_from must be 0 to 1")
        if self.crop_s < 0 or self.temperature <= 0:
            raise ValueError("crop_s must be at least 0, temperature above 0")


class VqVaeTask(Task):
    """Training of the SS-VQ-VAE."""

    settings, system, card = VqVaeTraining, "vqvae", "vqvae"
    config: VqVaeTraining
    window: Tensor
    filters: Tensor

    def __init__(self, config: VqVaeTraining) -> None:
        super().__init__(config)
        self.network = VqVae(config.shape)
        assert STFT.win_length is not None
        self.register_buffer("window", torch.hann_window(STFT.win_length), persistent=False)
        filters = mel_filters(SAMPLE_RATE_HZ, STFT.n_fft, 128)
        self.register_buffer("filters", torch.from_numpy(filters).float(), persistent=False)

    @classmethod
    def record(cls, config: TrainingConfig, folder: str | None, progress: Progress) -> Examples:
        """Sounds of three roles: content, style and target."""
        return record_examples(config.examples, folder, progress=progress)

    def dataset(self, recorded: Any, progress: Progress) -> TrainingExamples:
        """The examples, as principal components where the network has any."""
        if not self.begun or self.network.folded_norms:
            n_seen = min(_N_PREPARING, len(recorded))
            batch = torch.stack([torch.from_numpy(recorded[i]) for i in range(n_seen)])
            if not self.begun:
                self.prepare(batch)
            else:
                inputs = self.compute_components(batch)
                quantised = not self.config.quantised_from
                self.network.unfold_norms(inputs[:, CONTENT], inputs[:, STYLE], quantised=quantised)
        name = self.cache_name
        if not name:
            return super().dataset(recorded, progress)

        def compute(batch: npt.NDArray[Any]) -> npt.NDArray[Any]:
            return to_numpy(self.compute_components(torch.from_numpy(batch)))

        return cache_features(recorded, name, compute, progress)

    def prepare(self, batch: Tensor) -> None:
        """Find the principal components of some examples' spectra.

        batch: [B, 3, T].
        """
        with torch.no_grad():
            self.network.fit_components(self.spectrograms(batch.flatten(0, 1)))

    @property
    def cache_name(self) -> str:
        """Name of what is read instead of the examples: their components, where there are any.

        The components are the network's: one begun from another training's has that one's.
        """
        n_components = self.config.shape.n_components
        if not n_components:
            return ""
        parts = (self.network.mean, self.network.basis, self.network.deviation)
        digest = hashlib.sha256(b"".join(to_numpy(part).tobytes() for part in parts)).hexdigest()
        return f"components-{n_components}-{self.config.level_db:g}db-{digest[:8]}"

    @torch.no_grad()
    def compute_components(self, batch: Tensor) -> Tensor:
        """Components of examples.

        batch: [B, 3, T]; returns [B, 3, K, L].
        """
        encoder_inputs = self.network.encoder_inputs(self.spectrograms(batch.flatten(0, 1)))
        return _group_by_example(encoder_inputs)

    def spectrograms(self, sounds: Tensor) -> Tensor:
        """Spectrograms of sounds, each brought to `level_db`.

        sounds: [B, T]; returns [B, F, L].
        """
        rms = sounds.square().mean(-1, keepdim=True).sqrt().clamp_min(1e-6)
        sounds = sounds * (10 ** (self.config.level_db / 20) / rms)
        parts = torch.view_as_real(
            torch.stft(
                sounds,
                STFT.n_fft,
                STFT.hop_length,
                STFT.win_length,
                self.window,
                pad_mode="constant",
                return_complex=True,
            )
        )
        # A third of the time that abs() of complex numbers takes.
        return (parts[..., 0].square() + parts[..., 1].square()).sqrt_().log1p_()

    def forward(self, batch: Tensor, share: float) -> dict[str, Tensor]:
        """Losses of a batch; see `Task`.

        batch: [B, 3, T].
        """
        with torch.no_grad(), torch.autocast(batch.device.type, enabled=False):
            if not self.config.shape.n_components:
                flat = self.spectrograms(batch.flatten(0, 1))
                batch = _group_by_example(self.network.encoder_inputs(flat))
            content, style, target = self._assign_roles(self._crop(batch))
        contrastive = self.config.learning == "supervised-contrastive"
        if contrastive and share < self.config.contrastive_share:
            return self._contrastive_losses(style, target)
        quantised = share >= self.config.quantised_from
        output, ids, codebook, commitment = self.network(content, style, quantised=quantised)
        reconstruction = self.network.error(output, target)
        # The paper sums over codes and divides by frames.
        codes_per_frame = ids.shape[1] / content.shape[2]
        loss = reconstruction + codes_per_frame * (
            codebook + self.config.commitment_weight * commitment
        )
        losses = {"loss": loss, "reconstruction": reconstruction}
        if quantised:
            losses |= {"codebook": codebook, "commitment": commitment}
        return losses

    def _crop(self, batch: Tensor) -> Tensor:
        """A part of every example [B, 3, F or K, L]: the style's at a place of its own."""
        rate_hz = SAMPLE_RATE_HZ / STFT.hop_length
        n_frames = round(self.config.crop_s * rate_hz) + 1
        n_left = batch.shape[3] - n_frames
        if not self.config.crop_s or n_left <= 0:
            return batch.float()
        out = torch.empty(*batch.shape[:3], n_frames, device=batch.device)
        for i, (at, style_at) in enumerate(torch.randint(n_left + 1, (len(batch), 2)).tolist()):
            for role in (CONTENT, STYLE, TARGET):
                begin = style_at if role == STYLE else at
                out[i, role] = batch[i, role, :, begin : begin + n_frames]
        return out

    def _assign_roles(self, batch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Content, style and target, [B, F or K, L] each."""
        if self.config.learning != "self-supervised":
            return batch[:, CONTENT], batch[:, STYLE], batch[:, TARGET]
        # Style and target are two segments of one track: either is content and target at once.
        swap = torch.rand(len(batch), 1, 1, device=batch.device) < 0.5
        content = torch.where(swap, batch[:, STYLE], batch[:, TARGET])
        return content, torch.where(swap, batch[:, TARGET], batch[:, STYLE]), content

    def _contrastive_losses(self, style: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Two segments of one track are alike, all others in the batch are not (InfoNCE)."""
        vectors = self.network.style_encoder(torch.cat([style, target])).float()
        first, second = functional.normalize(vectors, dim=1).chunk(2)
        similarity = first @ second.T / self.config.temperature
        labels = torch.arange(len(first), device=first.device)
        loss = (
            functional.cross_entropy(similarity, labels)
            + functional.cross_entropy(similarity.T, labels)
        ) / 2
        accuracy = (similarity.argmax(1) == labels).float().mean()
        return {"loss": loss, "contrastive": loss, "found": accuracy}

    @torch.no_grad()
    def validate(self, batches: list[Tensor], share: float) -> dict[str, float]:
        """How well transfer goes with instruments never learnt from.

        ``transfer`` is the error of ln(1 + |X|) against the true target, ``lsd_db`` the paper's
        log-spectral distance of spectrograms (its waveforms come after phases), and the codebook's
        health: how many codes are used, and their perplexity. The least error is that of the mean
        of what is possible, which in silence is louder than all that is likely; so that ``lsd_db``
        is taken after lowering the output by ``lowered_by``, the best of a few.

        batches: [B, 3, T].
        """
        quantised = share >= self.config.quantised_from
        sums: dict[str, list[float]] = {}
        counts = torch.zeros(self.config.shape.n_codes, device=batches[0].device)
        for batch in batches:
            spectrograms = self.spectrograms(batch.flatten(0, 1))
            encoder_inputs = _group_by_example(self.network.encoder_inputs(spectrograms)).unbind(1)
            content, _, target = _group_by_example(spectrograms).unbind(1)
            decoded, ids, _, _ = self.network(
                encoder_inputs[0], encoder_inputs[1], quantised=quantised
            )
            decoded_target, _, _, _ = self.network(
                encoder_inputs[2], encoder_inputs[1], quantised=quantised
            )
            output, reconstructed = (
                self.network.decoded(decoded),
                self.network.decoded(decoded_target),
            )
            counts += torch.bincount(ids.flatten(), minlength=len(counts))
            errors = {
                "transfer": functional.mse_loss(output, target, reduction="none"),
                "reconstruction": functional.mse_loss(reconstructed, target, reduction="none"),
                "content_lsd_db": self.log_spectral_distance_db(content, target),
            } | {
                f"lowered {shift}": self.log_spectral_distance_db(output - shift, target)
                for shift in _LOWERINGS
            }
            for name, values in errors.items():
                sums.setdefault(name, []).extend(values.flatten(1).mean(1).tolist())
        means = {name: float(np.mean(values)) for name, values in sums.items()}
        by_shift = {shift: means.pop(f"lowered {shift}") for shift in _LOWERINGS}
        best = min(_LOWERINGS, key=by_shift.__getitem__)
        shares = counts[counts > 0] / counts.sum()
        return means | {
            "lsd_db": by_shift[best],
            "unlowered_lsd_db": by_shift[0.0],
            "lowered_by": best,
            "perplexity": float((-(shares * shares.log()).sum()).exp()),
            "codes_used": float((counts > 0).sum()),
        }

    def log_spectral_distance_db(self, output: Tensor, target: Tensor) -> Tensor:
        """The paper's LSD, of spectrograms; see `cambiata.evaluate.metrics.paper_lsd`.

        output: [B, F, L]; returns [B, 1].
        """

        def levels(spectrogram: Tensor) -> Tensor:
            power = spectrogram.clamp_min(0).expm1().square()
            mel = self.filters @ (power / power.mean((1, 2), keepdim=True).clamp_min(1e-12))
            # Of unit RMS a spectrogram's mean power is what a window's energy makes it.
            mel = mel * (self.window.square().sum() / 1025)
            decibels = 10 * mel.clamp_min(1e-10).log10()
            return decibels.maximum(decibels.amax((1, 2), keepdim=True) - 80)

        difference = levels(output) - levels(target)
        return difference.square().mean(2).sqrt().mean(1, keepdim=True)

    def onnx_parts(self) -> dict[str, OnnxPart]:
        """Content and style vector to a spectrogram; a style's spectrogram to its vector."""
        frames = torch.zeros(1, STFT.n_bins, 64)
        content = {"content": frames, "timbre": torch.zeros(1, self.config.shape.width)}
        encode_style = Method(self.network, "encode_style")
        return {
            "": OnnxPart(
                _Transfer(self.network),
                content,
                {"content": {2: "frames"}},
                ["spectrogram", "codes"],
            ),
            "style": OnnxPart(
                encode_style, {"style": frames}, {"style": {2: "frames"}}, ["timbre"]
            ),
        }

    def load_parts(self, arrays: Mapping[str, Mapping[str, Tensor]]) -> bool:
        """Take both parts' arrays; see `VqVae.load_exported`."""
        both = {**arrays.get("style", {}), **arrays[""]}
        return self.network.load_exported(
            {name.removeprefix("network."): array for name, array in both.items()}
        )

    def onnx_facts(self, config: TrainingConfig, figures: Mapping[str, Any]) -> dict[str, Any]:
        """Level of the input, lowering of the output, and the network's size."""
        shape = config.task.shape
        return {
            "level_db": config.task.level_db,
            "lowered_by": figures["lowered_by"],
            "width": shape.width,
            "n_codes": shape.n_codes,
        }

    def parity(
        self,
        parts: Mapping[str, OnnxPart],
        place: Path,
        n_trials: int = 4,
    ) -> dict[str, float]:
        """How far a file is from torch, on noise with a falling spectrum.

        "max_difference" is of ln(1 + |X|) in frames decoded from equal codes, "equal_codes" the
        share of codes that are equal (a tie may fall to either side).
        """
        model = Model(place.read_bytes(), lambda file, _: (place.parent / file).read_bytes())
        network, rng = self.network, np.random.default_rng(0)
        worst, equal = 0.0, []
        for trial in range(n_trials):
            n_frames = 65 + 64 * trial + trial  # of every remainder by the encoder's stride of 4
            # From ln(1 + |X|) of loud partials to that of the faintest, as music has them.
            slope = np.linspace(6, 0.5, STFT.n_bins, dtype=np.float32)[None, :, None]
            content, style = (
                (slope * rng.random((1, STFT.n_bins, n_frames))).astype(np.float32)
                for _ in range(2)
            )
            with torch.no_grad():
                decoded, ids, _, _ = network(
                    *(network.encoder_inputs(torch.from_numpy(x)) for x in (content, style))
                )
                expected = to_numpy(network.decoded(decoded))
            [timbre] = model.part("style")(style)
            spectrogram, codes = model.part()(content, timbre)
            equal.append(float((codes == to_numpy(ids)).mean()))
            if equal[-1] == 1:
                worst = max(worst, float(np.abs(spectrogram - expected).max()))
        if max(equal) < 1:
            worst = np.inf
        return {"max_difference": worst, "equal_codes": float(np.mean(equal))}

    @classmethod
    def load_published(cls, path: str | Path) -> tuple[Task, dict[str, Any]]:
        """The authors' checkpoint, ``ssvqvae_model_state.pt``."""
        network = load_published(path)
        task = cls(VqVaeTraining(network.shape))
        task.network = network
        return task, {
            "system": "vqvae",
            "preset": "cifka2021",
            "licence": "not stated by the authors",
            # FluidSynth's default gain makes this of one instrument; theirs were not levelled.
            "level_db": -25.0,
            "lowered_by": 0.0,
            "width": network.shape.width,
            "n_codes": network.shape.n_codes,
            "n_parameters": task.n_parameters,
            "training": {"task": {"shape": asdict(network.shape)}},
            "data": "Lakh MIDI by three sound fonts, and RealTracks: Cífka et al. 2021",
        }


class _Transfer(nn.Module):
    """Content and style vector to spectrogram and code numbers, as it is exported."""

    table: Tensor

    def __init__(self, network: VqVae) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("table", network.codebook.table.detach().clone())

    def forward(self, content: Tensor, timbre: Tensor) -> tuple[Tensor, Tensor]:
        encoded = self.network.encode(self.network.encoder_inputs(content))
        codes = nearest_code(encoded, self.table)
        decoded = self.network.decode(
            functional.embedding(codes, self.table), timbre, content.shape[2]
        )
        return self.network.decoded(decoded), codes


def _small(learning: Learning) -> TrainingConfig:
    # Widths, batch and rate chosen by measurement: docs/models/vqvae.md.
    shape = VqVaeShape(
        width=256, n_codes=1024, decoder_grus=False, codebook="moving-average", n_components=256
    )
    return TrainingConfig(
        VqVaeTraining(shape, learning, crop_s=2.0, quantised_from=0.3),
        ExamplesConfig(n_examples=8192),
        LoopConfig(
            batch_size=16, learning_rate=1e-3, ema_decay=0.998, report_every_steps=200, minutes=40.0
        ),
    )


def _cifka2021() -> TrainingConfig:
    # 26,000 steps of 256 pairs at a constant rate; 20 hours on a V100, weeks on two cores.
    loop = LoopConfig(
        batch_size=256,
        schedule="constant",
        warmup_steps=1,
        clip_norm=0,
        ema_decay=0,
        max_steps=26000,
    )
    return TrainingConfig(VqVaeTraining(), ExamplesConfig(), loop)


PRESETS = {
    "vqvae-supervised": lambda: _small("supervised"),
    "vqvae-self-supervised": lambda: _small("self-supervised"),
    "vqvae-supervised-contrastive": lambda: _small("supervised-contrastive"),
    "vqvae-cifka2021": _cifka2021,
}
