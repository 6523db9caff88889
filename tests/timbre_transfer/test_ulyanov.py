import dataclasses

import numpy as np
import pytest
import torch
from sounds import melody
from torch.nn.functional import conv1d

from cambiata.timbre_transfer.ulyanov import (
    Ulyanov,
    UlyanovConfig,
    _gram_distance,
    _gram_norm,
    _torch_dtype,
)

SMALL = UlyanovConfig(
    n_fft=512, hop_length=128, filters=64, kernel=5, iterations=30, precision="float32"
)
CONTENT = melody([60, 64, 67], rate=16000)
STYLE = melody([72, 71, 69, 67], partials=20, rate=16000)


def test_presets_are_the_published_weights() -> None:
    assert Ulyanov.presets["tuned"].style_weight == pytest.approx(10**-2.1)
    assert Ulyanov.presets["high-style"].style_weight == 10
    config = Ulyanov.presets["tuned"]
    assert (config.sample_rate, config.filters, config.kernel) == (16000, 4096, 11)
    assert config.stft.n_bins == 1025


def test_features_are_a_convolution_of_the_spectrogram() -> None:
    system = Ulyanov(SMALL)
    spectrogram = torch.rand(257, 40, generator=torch.Generator().manual_seed(1))
    kernel = system._weight.reshape(64, 257, 5)
    theirs = torch.relu(conv1d(spectrogram[None], kernel)[0])
    torch.testing.assert_close(system._conv_features(spectrogram), theirs)
    deviation = np.sqrt(2) * np.sqrt(2 / ((257 + 64) * 5))
    assert float(kernel.std()) == pytest.approx(deviation, rel=0.01)


def test_the_gram_distance_needs_no_gram_matrix() -> None:
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(50, 30, generator=generator, dtype=torch.float64).requires_grad_()
    b = torch.randn(50, 40, generator=generator, dtype=torch.float64)

    def gram(features: torch.Tensor) -> torch.Tensor:
        return 0.5 * features @ features.T / features.shape[1]

    formed = 0.5 * torch.sum((gram(a) - gram(b)) ** 2)
    unformed = _gram_distance(a, b, _gram_norm(b))
    torch.testing.assert_close(unformed, formed)
    torch.testing.assert_close(
        torch.autograd.grad(unformed, a)[0], torch.autograd.grad(formed, a)[0]
    )


def _losses(config: UlyanovConfig) -> tuple[float, float]:
    """Content and style loss of the optimised spectrogram."""
    system = Ulyanov(config)
    texture = system.capture(STYLE)
    target, _ = system._spectrogram(np.abs(config.stft.analyse(CONTENT)))
    log_spectrogram = system._optimise(target, texture, 0, lambda _share: None)
    features, target_features = (
        system._conv_features(log_spectrogram),
        system._conv_features(target),
    )
    style_norm = _gram_norm(texture.features)
    return (
        float(0.5 * torch.sum((features - target_features) ** 2)),
        float(_gram_distance(features, texture.features, style_norm)),
    )


def test_the_loss_falls_and_the_weight_moves_it_from_content_to_style() -> None:
    short = _losses(dataclasses.replace(SMALL, iterations=10))
    long = _losses(SMALL)
    assert long[0] < short[0]
    stylish = _losses(dataclasses.replace(SMALL, style_weight=1e2, iterations=200))
    assert stylish[0] > long[0]
    assert stylish[1] < 0.5 * long[1]


@pytest.mark.parametrize("preset", ["tuned", "high-style"])
def test_bfloat16_reaches_float32s_objective(preset: str) -> None:
    weight = Ulyanov.presets[preset].style_weight
    config = dataclasses.replace(SMALL, style_weight=weight, iterations=60)

    def objective(precision: str) -> float:
        losses = _losses(dataclasses.replace(config, precision=precision))
        return (losses[0] + weight * losses[1]) / (1 + weight)

    assert objective("bfloat16") == pytest.approx(objective("float32"), rel=0.1)


@pytest.mark.parametrize("iterations", [1, 15])
def test_as_many_iterations_as_asked_for(iterations: int) -> None:
    shares: list[float] = []
    system = Ulyanov(dataclasses.replace(SMALL, iterations=iterations))
    target, _ = system._spectrogram(np.abs(SMALL.stft.analyse(CONTENT)))
    texture = system.capture(STYLE)
    steps: list[int] = []
    real = torch.optim.LBFGS.step

    def counted(self: torch.optim.LBFGS, closure: object) -> object:
        result = real(self, closure)
        steps.append(self.state[self._params[0]]["n_iter"])
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.LBFGS, "step", counted)
        system._optimise(target, texture, 0, shares.append)
    assert steps[-1] == iterations
    assert shares[-1] == 1


@pytest.mark.parametrize(
    "changes", [{"filters": 10**9}, {"kernel": 0}, {"style_weight": float("inf")}]
)
def test_impossible_settings_are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"filters must be|style_weight"):
        UlyanovConfig(**changes)


def test_precision_is_chosen_or_found() -> None:
    assert _torch_dtype("float32") == torch.float32
    assert _torch_dtype("bfloat16") == torch.bfloat16
    assert _torch_dtype("auto") in (torch.float32, torch.bfloat16)
    with pytest.raises(ValueError, match="precision must be"):
        UlyanovConfig(precision="half")
