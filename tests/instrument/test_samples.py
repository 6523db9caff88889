"""Keys and velocities: each answered once."""

import pytest

from cambiata.instrument.samples import (
    key_ranges,
    middle_velocity,
    spaced_roots,
    velocity_layers,
)


@pytest.mark.parametrize("count", [1, 3, 4, 16])
def test_layers_cover_all_velocities_once(count: int) -> None:
    layers = velocity_layers(count)
    assert [v for low, high in layers for v in range(low, high + 1)] == list(range(1, 128))
    assert all(low <= middle_velocity((low, high)) <= high for low, high in layers)


@pytest.mark.parametrize("recorded", [[], [60], [36, 60, 61, 90], [21, 108]])
@pytest.mark.parametrize("step", [1, 3, 6, 12])
def test_keys_are_covered_once_by_near_samples(recorded: list[int], step: int) -> None:
    roots = spaced_roots(recorded, (21, 108), step)
    assert set(recorded) <= set(roots)
    spans = key_ranges(roots, (21, 108))
    assert [k for low, high in spans for k in range(low, high + 1)] == list(range(21, 109))
    for root, (low, high) in zip(roots, spans, strict=True):
        assert low <= root <= high
        assert max(root - low, high - root) <= (step + 1) // 2


def test_one_key_is_enough() -> None:
    assert key_ranges(spaced_roots([], (60, 60), 3), (60, 60)) == [(60, 60)]
