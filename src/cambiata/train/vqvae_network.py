"""The SS-VQ-VAE's network (Cífka, Ozerov, Şimşekli, Richard 2021).

Frequency bins are channels throughout, so that a convolution sees all of a spectrum at once.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from cambiata.errors import InputError
from cambiata.timbre_transfer.vqvae import STFT
from cambiata.train.recurrent import GRUWrapper

Codebook = Literal["gradient", "moving-average"]
_LEAKY_SLOPE = 0.1  # of every LeakyReLU, as published


@dataclass(frozen=True)
class VqVaeShape:
    """How large the network is, and how its codebook learns."""

    width: int = 1024  # Channels of every layer, and dimensions of codes and style vector
    n_codes: int = 2048  # Codes in the codebook
    # Whether the decoder's stages and its last layer are recurrent, as published. Without them a
    # small network makes 1.8 times the steps in the same time, and loses nothing by step
    # (docs/models/vqvae.md).
    decoder_grus: bool = True
    # How codes learn: by the loss's gradient, as published, or as moving averages of what chose
    # them, those that nothing chooses being set anew (vector-quantize-pytorch)
    codebook: Codebook = "gradient"
    # Principal components of spectra as the layers' input and output, each of variance 1; 0: raw
    # ln(1 + |X|) in 1025 bins, as published. 256 of them hold 96 % of what varies.
    n_components: int = 0

    def __post_init__(self) -> None:
        if self.width < 1 or self.n_codes < 2:
            raise ValueError("width must be at least 1, n_codes at least 2")
        if not 0 <= self.n_components <= STFT.n_bins:
            raise ValueError(f"n_components must be 0 to {STFT.n_bins}")
        if self.codebook not in ("gradient", "moving-average"):
            raise ValueError("codebook must be gradient or moving-average")


class ResidualWrapper(nn.Module):
    """Layers with a way around them."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Input plus the layers' output, [B, D, L]."""
        out: Tensor = x + self.layers(x)
        return out


class GradientCodebook(nn.Module):
    """The published codebook: nearest code, straight-through gradient, codes learnt by gradient."""

    def __init__(self, n_codes: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_codes, width)
        nn.init.kaiming_uniform_(self.embedding.weight, mode="fan_out")

    @property
    def table(self) -> Tensor:
        """The codes, [K, D]."""
        return self.embedding.weight

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The codes nearest to some vectors.

        x: [B, L, D]; returns [B, L, D], [B, L].
        """
        ids = nearest_code(x, self.table)
        quantized = self.embedding(ids)
        loss = functional.mse_loss(quantized, x.detach())
        return x + (quantized - x).detach(), ids, loss

    @torch.no_grad()
    def load_table(self, table: Tensor) -> None:
        """Take the codes of another training, [K, D]."""
        self.embedding.weight.copy_(table)


class AverageCodebook(nn.Module):
    """Codes as moving averages of what chose them, from the library that the field uses."""

    def __init__(self, n_codes: int, width: int) -> None:
        super().__init__()
        from vector_quantize_pytorch import VectorQuantize

        self.quantizer = VectorQuantize(
            dim=width,
            codebook_size=n_codes,
            decay=0.99,  # of the codes' moving averages; not tuned
            kmeans_init=True,
            # With fewer vectors in a batch than codes, most codes are chosen less than once a step.
            threshold_ema_dead_code=0.05,
            commitment_weight=0.0,
            rotation_trick=False,
        )

    @property
    def table(self) -> Tensor:
        """The codes, [K, D]."""
        table: Tensor = self.quantizer.codebook
        return table

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The codes nearest to some vectors.

        x: [B, L, D].
        """
        quantized, ids, _ = self.quantizer(x)
        return quantized, ids, x.new_zeros(())

    @torch.no_grad()
    def load_table(self, table: Tensor) -> None:
        """Take the codes of another training, [K, D], as if each had been chosen once."""
        codebook = self.quantizer._codebook
        codebook.embed.copy_(table[None])
        codebook.embed_avg.copy_(table[None])
        codebook.cluster_size.fill_(1)
        codebook.initted.fill_(True)  # else k-means would begin anew


def nearest_code(x: Tensor, table: Tensor) -> Tensor:
    """Number of the code nearest to every vector.

    table: [K, D].
    """
    # |x|^2 is the same for all codes and left out.
    return (table.square().sum(-1) - 2 * x @ table.T).argmin(-1)


def _let_through(norm: nn.BatchNorm1d) -> None:
    """Make a norm give in evaluation what it gets."""
    norm.reset_running_stats()
    nn.init.constant_(norm.weight, math.sqrt(1 + norm.eps))
    nn.init.zeros_(norm.bias)


def _norm_and_activation(width: int) -> list[nn.Module]:
    return [nn.BatchNorm1d(width), nn.LeakyReLU(_LEAKY_SLOPE)]


def _decoder_stage(width: int, gru: bool) -> list[nn.Module]:
    """Code and style in, [B, 2 D, L]; twice as many frames out, [B, D, 2 L - 1]."""
    return [
        *_norm_and_activation(2 * width),
        nn.ConvTranspose1d(2 * width, width, 1),
        *([ResidualWrapper(*_norm_and_activation(width), GRUWrapper(width))] if gru else []),
        *_norm_and_activation(width),
        nn.ConvTranspose1d(width, width, 4, stride=2, padding=2, output_padding=1),
    ]


class VqVae(nn.Module):
    """Content to codes, style to a vector, both to a spectrogram."""

    mean: Tensor
    basis: Tensor
    deviation: Tensor

    def __init__(self, shape: VqVaeShape) -> None:
        super().__init__()
        self.shape = shape
        self.folded_norms: list[nn.BatchNorm1d] = []  # of an export that was read
        width, n_inputs = shape.width, shape.n_components or STFT.n_bins
        # In this order: the authors' own, by which `load_published` finds its way.
        self.content_encoder = nn.Sequential(
            nn.Conv1d(n_inputs, width, 4, stride=2, padding=2),
            *_norm_and_activation(width),
            nn.Conv1d(width, width, 4, stride=2, padding=2),
            ResidualWrapper(*_norm_and_activation(width), nn.Conv1d(width, width, 1)),
            nn.BatchNorm1d(width),
        )
        gradient = shape.codebook == "gradient"
        self.codebook = (GradientCodebook if gradient else AverageCodebook)(shape.n_codes, width)
        self.style_encoder = nn.Sequential(
            nn.Conv1d(n_inputs, width, 4, stride=2),
            ResidualWrapper(*_norm_and_activation(width), nn.Conv1d(width, width, 1)),
            *_norm_and_activation(width),
            GRUWrapper(width, last=True),
        )
        head: list[nn.Module] = [
            *_norm_and_activation(width),
            nn.ConvTranspose1d(width, n_inputs, 1),
        ]
        if shape.decoder_grus:
            head.append(ResidualWrapper(*_norm_and_activation(n_inputs), GRUWrapper(n_inputs)))
        self.decoder = nn.ModuleList(
            [
                nn.Sequential(*_decoder_stage(width, shape.decoder_grus)),
                nn.Sequential(*_decoder_stage(width, shape.decoder_grus), *head),
            ]
        )
        if shape.n_components:
            self.register_buffer("mean", torch.zeros(STFT.n_bins, 1))
            self.register_buffer("basis", torch.eye(n_inputs, STFT.n_bins))
            self.register_buffer("deviation", torch.ones(n_inputs, 1))

    @torch.no_grad()
    def load_exported(self, arrays: Mapping[str, Tensor]) -> bool:
        """Whether the arrays of exported parts, by their names here, were taken.

        The exporter folds a norm behind a convolution into it; such a norm is left without effect
        in evaluation, until `unfold_norms`.
        """
        self.folded_norms.clear()
        state, done = self.state_dict(), set[str]()
        for name, module in self.named_modules():
            if isinstance(module, nn.BatchNorm1d):
                done.add(f"{name}.num_batches_tracked")
                if f"{name}.weight" in arrays:
                    continue
                _let_through(module)
                self.folded_norms.append(module)
            elif isinstance(module, GRUWrapper):
                begin = f"{name}."
                if not module.load_onnx({key.removeprefix(begin): arrays[key] for key in arrays}):
                    return False
            elif module is self.codebook:
                if "table" not in arrays or arrays["table"].shape != self.codebook.table.shape:
                    return False
                self.codebook.load_table(arrays["table"])
            else:
                continue
            done |= {key for key in state if key.startswith(f"{name}.")}
        wanted = {key: array for key, array in state.items() if key not in done}
        if any(key not in arrays or arrays[key].shape != wanted[key].shape for key in wanted):
            return False
        for key, array in wanted.items():
            array.copy_(arrays[key])
        return True

    @torch.no_grad()
    def unfold_norms(self, content: Tensor, style: Tensor, *, quantised: bool) -> None:
        """Give norms that were folded away the statistics of some sounds, changing no output.

        Without, training would bring what a norm lets through to mean 0 and deviation 1, which is
        not what the next layer has learnt from. content, style: [B, F or K, L].
        """

        def unfold(norm: nn.BatchNorm1d, inputs: tuple[Tensor, ...]) -> None:
            variance, mean = torch.var_mean(inputs[0], (0, 2))
            for into, values in (
                (norm.running_mean, mean),
                (norm.running_var, variance),
                (norm.weight, (variance + norm.eps).sqrt()),
                (norm.bias, mean),
            ):
                assert into is not None
                into.copy_(values)

        training = self.training
        self.eval()
        handles = [norm.register_forward_pre_hook(unfold) for norm in self.folded_norms]
        self(content, style, quantised=quantised)
        for handle in handles:
            handle.remove()
        self.folded_norms.clear()
        self.train(training)

    @torch.no_grad()
    def fit_components(self, spectrograms: Tensor) -> None:
        """Find the principal components; nothing where the network has none.

        spectrograms: [B, F, L].
        """
        if not self.shape.n_components:
            return
        frames = spectrograms.transpose(1, 2).flatten(0, 1).double()
        mean = frames.mean(0)
        centred = frames - mean
        variances, vectors = torch.linalg.eigh(centred.T @ centred / len(frames))
        components = vectors.flip(1)[:, : self.shape.n_components].T
        # A direction's sign is chance: made the same on every machine.
        components = (
            components * components.gather(1, components.abs().argmax(1, keepdim=True)).sign()
        )
        self.mean.copy_(mean[:, None])
        self.basis.copy_(components)
        scale = variances.flip(0)[: self.shape.n_components].clamp_min(1e-6).sqrt()
        self.deviation.copy_(scale[:, None])

    def encoder_inputs(self, spectrogram: Tensor) -> Tensor:
        """A spectrogram as the encoders' input: itself, or its principal components.

        spectrogram: [B, F, L]; returns [B, F, L] or [B, K, L].
        """
        if not self.shape.n_components:
            return spectrogram
        return self.basis @ (spectrogram - self.mean) / self.deviation

    def decoded(self, output: Tensor) -> Tensor:
        """The spectrogram of the decoder's output.

        output: [B, F, L] or [B, K, L]; returns [B, F, L].
        """
        if self.shape.n_components:
            output = self.mean + self.basis.T @ (self.deviation * output)
        return output.relu()

    def error(self, output: Tensor, target: Tensor) -> Tensor:
        """Mean squared error of spectrograms."""
        if not self.shape.n_components:
            return functional.mse_loss(output.relu(), target)
        # The basis is orthonormal: the same error, but for what lies outside of it.
        squares = (self.deviation * (output - target)).square()
        return squares.sum(1).mean() / STFT.n_bins

    def encode(self, content: Tensor) -> Tensor:
        """Vectors of a content, for the codebook to quantise, [B, L / 4, D].

        content: [B, F or K, L].
        """
        encoded: Tensor = self.content_encoder(content).transpose(1, 2)
        return encoded.float()

    def encode_style(self, spectrogram: Tensor) -> Tensor:
        """The vector of a style's spectrogram.

        spectrogram: [B, F, L]; returns [B, D].
        """
        vector: Tensor = self.style_encoder(self.encoder_inputs(spectrogram))
        return vector

    def decode(self, codes: Tensor, style: Tensor, n_frames: int) -> Tensor:
        """The decoder's output.

        style: [B, D]; returns [B, F or K, L].
        """
        x = codes.transpose(1, 2)
        for stage in self.decoder:
            x = stage(torch.cat([x, style.unsqueeze(2).expand(-1, -1, x.shape[2])], dim=1))
        return x[..., :n_frames].float()

    def forward(
        self, content: Tensor, style: Tensor, *, quantised: bool = True
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Play contents with styles.

        content: [B, F or K, L]; returns [B, F or K, L].
        """
        encoded, style_vector = self.encode(content), self.style_encoder(style)
        if not quantised:
            nothing = encoded.new_zeros(())
            output = self.decode(encoded, style_vector, content.shape[2])
            return output, nothing.new_zeros(encoded.shape[:2]).long(), nothing, nothing
        quantized, ids, codebook_loss = self.codebook(encoded)
        commitment = (encoded - quantized.detach()).square().mean()
        output = self.decode(quantized, style_vector, content.shape[2])
        return output, ids, codebook_loss, commitment


def load_published(path: str | Path) -> VqVae:
    """The authors' checkpoint, in the network of their size."""
    try:
        # Numbers only: a checkpoint must not run code.
        theirs = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise InputError(str(path), "cannot be read", "give the authors' model_state.pt") from error
    network = VqVae(VqVaeShape())
    ours = network.state_dict()
    # Both register their layers in one order, so that no names need be known.
    shapes = [tuple(getattr(value, "shape", ())) for value in dict(theirs).values()]
    if shapes != [tuple(value.shape) for value in ours.values()]:
        raise InputError(
            str(path), "is another network's", "give the authors' model_state.pt of 2021"
        )
    network.load_state_dict(dict(zip(ours, theirs.values(), strict=True)))
    return network.eval()
