"""The networks that predict partials: what they begin with, and what the discriminator teaches."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from cambiata.partials.note_frames import FEATURES, N_FEATURES, N_NOISE, N_PARTIALS  # noqa: E402
from cambiata.train.predictor import (  # noqa: E402
    Discriminator,
    PartialsPredictor,
    Refiner,
    fundamental_hz,
)


def style_of(n: int) -> list[torch.Tensor]:
    """Note frames of middle C at one age, all alike and all their own."""
    features = torch.zeros(n, N_FEATURES)
    features[:, FEATURES.index("pitch")] = (60 - 64) / 24
    levels = torch.linspace(0, -40, N_PARTIALS).expand(n, -1)
    return [features, levels, torch.ones(n, N_PARTIALS), torch.full((n, N_NOISE), -60.0)]


def test_the_first_feature_is_the_pitch() -> None:
    assert float(fundamental_hz(torch.tensor([[(69 - 64) / 24]]))) == pytest.approx(440, rel=1e-5)


def test_untrained_it_gives_what_it_attends_to() -> None:
    torch.manual_seed(0)
    style = style_of(6)
    with torch.no_grad():
        partials_db, noise_db = PartialsPredictor(width=16)(*style, style[0][:2])
    np.testing.assert_allclose(partials_db, style[1][:2], atol=0.1)
    np.testing.assert_allclose(noise_db, style[3][:2], atol=1e-3)


def test_attention_adds_up_to_1_and_prefers_the_same_pitch() -> None:
    torch.manual_seed(0)
    features = style_of(2)[0].repeat(2, 1)
    features[2:, 0] += 1  # two octaves higher
    predictor = PartialsPredictor(width=16)
    with torch.no_grad():
        keys, _ = predictor.encode_style(features, *(x.repeat(2, 1) for x in style_of(2)[1:]))
        weight = predictor.attention(features, keys, features[:1])
    np.testing.assert_allclose(weight.sum(dim=2), 1, atol=1e-6)
    assert (weight[:, 0, :2].sum(dim=1) > 0.8).all()


def test_without_attention_the_style_s_frames_change_only_the_timbre() -> None:
    style = style_of(3)
    partials_db, noise_db = PartialsPredictor(width=16, attends=False)(*style, style[0])
    assert partials_db.shape == (3, N_PARTIALS)
    assert float(noise_db.detach().max()) == pytest.approx(-60)


def test_untrained_the_refiner_corrects_nothing() -> None:
    levels = torch.zeros(2, 210, 9)
    gain, residual = Refiner(210, 64)(*levels, torch.zeros(3, 210), torch.zeros(64))
    assert gain.shape == residual.shape == (210, 9)
    assert not gain.any()
    assert float(residual.detach().max()) == pytest.approx(-80)


def test_the_networks_learn_to_deceive_the_discriminator() -> None:
    torch.manual_seed(0)
    discriminator, true = Discriminator(), torch.zeros(210, 16)
    ours = torch.full((210, 16), -60.0, requires_grad=True)
    gradients = [
        torch.autograd.grad(discriminator(ours, true, w).sum(), ours)[0] for w in (-1.0, 0.5)
    ]
    torch.testing.assert_close(gradients[1], -0.5 * gradients[0])
