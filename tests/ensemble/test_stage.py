"""Places in a room: who stands left is louder and earlier on the left."""

import numpy as np
import pytest

from cambiata.ensemble.stage import Place, places, responses


@pytest.mark.parametrize("room", ["none", "small", "hall"])
def test_left_is_left(room: str) -> None:
    matrix, start = responses([Place(-40, 3.0), Place(40, 3.0), Place(0, 3.0)], room, 16000, 0)
    early = matrix[:, :, : start + 60]
    energy = (early**2).sum(axis=2)
    assert energy[0, 0] > 1.5 * energy[1, 0]
    assert energy[1, 1] > 1.5 * energy[0, 1]
    assert energy[0, 2] == pytest.approx(energy[1, 2], rel=0.05)
    first = np.abs(early).argmax(axis=2)
    assert first[0, 0] < first[1, 0]
    assert first[1, 1] < first[0, 1]


def test_further_is_softer_and_later() -> None:
    matrix, _ = responses([Place(0, 2.0), Place(0, 4.0)], "none", 16000, 0)
    near, far = np.abs(matrix[0])
    assert (far**2).sum() == pytest.approx((near**2).sum() / 4, rel=0.05)
    assert far.argmax() - near.argmax() == pytest.approx(2 / 343 * 16000, abs=1)


def test_parts_stand_together_and_spread_is_width() -> None:
    parts = [0, 1, 2, 3, 0, 1, 2, 3]
    stood = places(parts, 0.5, "small", np.random.default_rng(0))
    means = [
        np.mean([p.angle for p, part in zip(stood, parts, strict=True) if part == i])
        for i in range(4)
    ]
    assert means == sorted(means)
    narrow = places(parts, 0.1, "small", np.random.default_rng(0))
    assert np.ptp([p.angle for p in narrow]) < 0.3 * np.ptp([p.angle for p in stood])
