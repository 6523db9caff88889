"""What a WaveNet says of its levels: the loss in training, and what is drawn from."""

import numpy as np
import pytest

from cambiata.wavenet_sampling import N_LEVELS, level_logits

torch = pytest.importorskip("torch")

from cambiata.train.level_losses import level_nats, n_outputs  # noqa: E402


@pytest.mark.parametrize("n_mixture", [0, 1, 3])
def test_the_loss_is_of_what_is_drawn_from(n_mixture: int) -> None:
    outputs = torch.from_numpy(np.random.default_rng(0).normal(0, 1.5, (40, n_outputs(n_mixture))))
    logits = level_logits(outputs.numpy().astype(np.float32)).astype(np.float64)
    chances = np.exp(logits - logits.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    levels = torch.arange(N_LEVELS).expand(40, N_LEVELS)
    nats = level_nats(outputs[:, None].expand(-1, N_LEVELS, -1), levels).double().numpy()
    assert (chances > 1e-3).sum() > 400
    np.testing.assert_allclose(np.exp(-nats), chances, rtol=1e-2, atol=1e-4)
    np.testing.assert_allclose(np.exp(-nats).sum(axis=1), 1, atol=5e-3)


def test_a_level_far_out_still_has_a_gradient() -> None:
    """A new network must learn of sounds louder than it expects."""
    outputs = torch.zeros(2, 6)
    outputs[:, 4:] = -6.0
    outputs.requires_grad_()
    level_nats(outputs, torch.tensor([0, N_LEVELS - 1])).sum().backward()
    gradient = outputs.grad[:, 2:4].sum(dim=1)
    assert gradient[0] > 1
    assert gradient[1] < -1
