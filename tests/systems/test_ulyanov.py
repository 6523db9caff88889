import dataclasses

import numpy as np
import pytest
import torch
from torch.nn.functional import conv1d

from cambiata.systems.ulyanov import (
    Ulyanov,
    UlyanovConfig,
    _gram_distance,
    _gram_norm,
    _precision,
)
from conftest import melody

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
    torch.testing.assert_close(system._features(spectrogram), theirs)
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
    found = system._optimised(target, texture, 0, lambda _share: None)
    features, wanted = system._features(found), system._features(target)
    style_norm = _gram_norm(texture.features)
    return (
        float(0.5 * torch.sum((features - wanted) ** 2)),
        float(_gram_distance(features, texture.features, style_norm)),
    )


def test_the_loss_falls_and_the_weight_moves_it_from_content_to_style() -> None:
    short = _losses(dataclasses.replace(SMALL, iterations=10))
    long = _losses(SMALL)
    assert long[0] < short[0]
    stylish = _losses(dataclasses.replace(SMALL, style_weight=1e2, iterations=200))
    assert stylish[0] > long[0]
    assert stylish[1] < 0.5 * long[1]


def test_bfloat16_reaches_float32s_loss() -> None:
    config = dataclasses.replace(SMALL, style_weight=10.0, iterations=50)
    exact = sum(_losses(config))
    coarse = sum(_losses(dataclasses.replace(config, precision="bfloat16")))
    assert coarse == pytest.approx(exact, rel=0.1)


def test_precision_is_chosen_or_found() -> None:
    assert _precision("float32") == torch.float32
    assert _precision("bfloat16") == torch.bfloat16
    assert _precision("auto") in (torch.float32, torch.bfloat16)
    with pytest.raises(ValueError, match="precision must be"):
        UlyanovConfig(precision="half")
