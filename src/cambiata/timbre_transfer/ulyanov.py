"""Neural style transfer on spectrograms with a random network (Ulyanov & Lebedev 2016).

Torch is imported where it is used: the system can be listed and described without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from cambiata.arrays import Magnitude, Samples
from cambiata.audio.stft import Stft
from cambiata.audio.vocoder import invert_part_way
from cambiata.system import Progress, TransferConfig, TransferSystem

if TYPE_CHECKING:
    import torch
    from torch import Tensor

# Bound of log spectrograms where the optimiser diverged, as in the public code; music stays far
# below it (e^40 times the mean power).
_CLIP_MAX = 40.0


@dataclass(frozen=True)
class UlyanovConfig(TransferConfig):
    """Settings of `Ulyanov`; up to `iterations` those of the SS-VQ-VAE paper's baseline."""

    sample_rate: int = 16000
    chunk_s: float = 10.0  # its memory grows with the square of a chunk's frames
    n_fft: int = 2048
    hop_length: int = 512
    filters: int = 4096  # channels of the random convolution
    kernel: int = 11  # its width in frames
    style_weight: float = 10**-2.1  # of the style's loss; the content's weighs 1
    iterations: int = 100  # of L-BFGS
    phase_iterations: int = 32  # Griffin-Lim projections, as everywhere (`audio.vocoder.invert`)
    # Precision of the convolution's products: "float32", "bfloat16" or "auto". "auto" takes
    # bfloat16 on processors that multiply in it (AMX or AVX-512 BF16): half the time, and the
    # weighted loss that the optimiser reaches is within 1 % of float32's (benchmarks/README.md has
    # both after phases are rebuilt). The same seed gives the same output on the same kind of
    # processor.
    precision: str = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.precision not in ("auto", "float32", "bfloat16"):
            raise ValueError("precision must be auto, float32 or bfloat16")
        _ = self.stft  # raises where the hop does not divide the window
        if not (1 <= self.filters <= 65536 and 1 <= self.kernel <= 101 and self.iterations >= 1):
            raise ValueError("filters must be 1 to 65536, kernel 1 to 101, iterations at least 1")
        if not 0 <= self.style_weight < np.inf or self.phase_iterations < 0:
            raise ValueError("style_weight and phase_iterations must be finite and at least 0")

    @property
    def stft(self) -> Stft:
        """Transform of content, style and result."""
        return Stft(self.n_fft, self.hop_length, "hann")


@dataclass(frozen=True, eq=False)
class Texture:
    """Timbre of `Ulyanov`."""

    features: Tensor  # of the style, [filters, L]


class Ulyanov(TransferSystem[UlyanovConfig, Texture]):
    """Style transfer by matching the Gram matrices of a random convolution's features.

    Ulyanov & Lebedev: "Audio texture synthesis and style transfer", 2016; with the settings that
    the SS-VQ-VAE paper tuned for its baseline (Cifka et al. 2021: power spectrograms over their
    mean, log1p, 4096 filters of 11 frames, L-BFGS from noise; style weight 10**-2.1, or 10 for
    "high-style"). Frequency bins are channels, so the network sees all of a spectrum at once.

    We differ in this: the Gram matrices (4096 x 4096) are never formed, since the squared
    distance of two of them is a sum of inner products of features over time, a few hundred
    squared (`_gram_distance`; the same number, a third of the work); phases start from
    phase-gradient integration instead of chance. The band is the published one, up to 8 kHz.

    `amount` between 0 and 1 morphs from the content's spectrogram to the full transfer's, in dB
    and bin by bin (`audio.vocoder.morph`), so that one optimisation serves every position of
    the knob; above the system's band the content fades out.
    """

    name: ClassVar[str] = "ulyanov"
    summary: ClassVar[str] = "optimises a spectrogram towards the style's texture; no training"
    paper: ClassVar[str] = "Ulyanov, Lebedev: Audio texture synthesis and style transfer, 2016"
    extra: ClassVar[str | None] = "lab"
    presets: ClassVar[Mapping[str, UlyanovConfig]] = {
        "tuned": UlyanovConfig(),
        "high-style": UlyanovConfig(style_weight=10.0),
    }

    def __init__(self, config: UlyanovConfig) -> None:
        super().__init__(config)
        import torch

        n_bins = config.stft.n_bins
        # Xavier's deviation for a rectifier; the public code's own, and its seed.
        deviation = np.sqrt(2) * np.sqrt(2 / ((n_bins + config.filters) * config.kernel))
        generator = torch.Generator().manual_seed(0)
        shape = (config.filters, n_bins * config.kernel)
        weight = torch.randn(shape, generator=generator) * float(deviation)
        self._weight = weight.to(_torch_dtype(config.precision))

    @property
    def min_samples(self) -> int:
        """Samples of one frame more than the convolution is wide."""
        return (self.config.kernel + 1) * self.config.hop_length

    def capture(self, style: Samples) -> Texture:
        """Features of a style [T]."""
        import torch

        with torch.inference_mode():
            spectrogram, _ = self._spectrogram(np.abs(self.config.stft.analyse(style)))
            return Texture(self._conv_features(spectrogram).clone())

    def render(
        self,
        content: Samples,
        timbre: Texture,
        *,
        amount: float,
        seed: int,
        progress: Progress,
    ) -> Samples:
        """A content [T] with the style's texture, [T]."""
        stft = self.config.stft
        spectrum = stft.analyse(content)
        target, mean_power = self._spectrogram(np.abs(spectrum))
        log_spectrogram = self._optimise(target, timbre, seed, lambda share: progress(0.95 * share))
        power = np.expm1(np.clip(np.nan_to_num(log_spectrogram.numpy()), 0, _CLIP_MAX)) * mean_power
        result = np.sqrt(power).astype(np.float32)
        sound = invert_part_way(
            spectrum,
            result,
            stft,
            content.shape[0],
            amount=amount,
            iterations=self.config.phase_iterations,
            seed=seed,
        )
        progress(1.0)
        return sound

    def _spectrogram(self, magnitude: Magnitude) -> tuple[Tensor, float]:
        """Log of power over its mean [F, L], and that mean."""
        import torch

        power = np.square(magnitude)
        mean = float(power.mean()) + float(np.finfo(np.float32).eps)
        return torch.from_numpy(np.ascontiguousarray(np.log1p(power / mean))), mean

    def _conv_features(self, spectrogram: Tensor) -> Tensor:
        """Features [filters, L - kernel + 1] of a spectrogram [F, L]."""
        # The convolution as one product: a kernel's frames side by side, [F * kernel, L'].
        n_columns = spectrogram.shape[1] - self.config.kernel + 1
        columns = spectrogram.unfold(1, self.config.kernel, 1).permute(0, 2, 1)
        columns = columns.reshape(-1, n_columns).to(self._weight.dtype)
        return (self._weight @ columns).float().relu()

    def _optimise(self, target: Tensor, texture: Texture, seed: int, progress: Progress) -> Tensor:
        """Log spectrogram [F, L] with the features of a target and the Gram matrix of a style."""
        import torch

        weight = self.config.style_weight / (1 + self.config.style_weight)
        content_features = self._conv_features(target)
        style = texture.features.clone()
        style_norm = _gram_norm(style)
        generator = torch.Generator().manual_seed(seed)
        # As in the public code: noise of 1e-3 to start from, and ten iterations a call (the
        # optimiser keeps its state from call to call).
        log_spectrogram = (1e-3 * torch.randn(target.shape, generator=generator)).requires_grad_()
        optimiser = torch.optim.LBFGS([log_spectrogram], lr=1, tolerance_grad=1e-5, max_iter=10)

        def loss() -> Tensor:
            optimiser.zero_grad()
            features = self._conv_features(log_spectrogram)
            value = (1 - weight) * 0.5 * ((features - content_features) ** 2).sum()
            value = value + weight * _gram_distance(features, style, style_norm)
            value.backward()  # type: ignore[no-untyped-call]
            return value

        n_done = 0
        while n_done < self.config.iterations:
            n_done += (n_steps := min(10, self.config.iterations - n_done))
            optimiser.param_groups[0]["max_iter"] = n_steps
            optimiser.step(loss)  # type: ignore[no-untyped-call]
            progress(n_done / self.config.iterations)
        return log_spectrogram.detach()


def _torch_dtype(precision: str) -> torch.dtype:
    """Type of a precision; "auto" by what the processor multiplies in."""
    import torch

    if precision == "auto":
        from cambiata.precision import cpu_multiplies_bfloat16

        precision = "bfloat16" if cpu_multiplies_bfloat16() else "float32"
    return torch.bfloat16 if precision == "bfloat16" else torch.float32


def _gram_norm(features: Tensor) -> Tensor:
    """Squared Frobenius norm of ``0.5 F F' / L``, for features F [D, L]."""
    return 0.25 * ((features.T @ features) ** 2).sum() / features.shape[1] ** 2


def _gram_distance(features: Tensor, style: Tensor, style_norm: Tensor) -> Tensor:
    """Half the squared distance of two Gram matrices, without forming them.

    With Gram matrices ``0.5 F F' / L``: ``|F F'|^2 = |F' F|^2`` and ``<F F', S S'> = |F' S|^2``.
    """
    cross_term = ((features.T @ style) ** 2).sum() / (features.shape[1] * style.shape[1])
    return 0.5 * (_gram_norm(features) - 0.5 * cross_term + style_norm)
