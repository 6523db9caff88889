"""Main directions and ways of named knobs."""

import numpy as np
import pytest
from tiny_sets import fitted

from cambiata.knobs.descriptors import NAMES
from cambiata.knobs.directions import (
    POSITIONS,
    main_directions,
    measure,
    scales_of,
    shrunk_covariance,
)
from cambiata.knobs.parameters import N_PARAMETERS


def a_set(n: int = 8) -> np.ndarray:
    rng = np.random.default_rng(3)
    along = rng.standard_normal((n, 2)) * [3.0, 1.0]
    return along @ rng.standard_normal((2, N_PARAMETERS)) * 4 - 40


def test_two_causes_are_two_directions() -> None:
    parameters = a_set()
    found = main_directions(parameters)
    assert found.explained[:2].sum() == pytest.approx(1.0)
    again = found.mean + found.scores[:, :2] @ found.directions[:2]
    np.testing.assert_allclose(again, parameters, atol=1e-8)
    np.testing.assert_allclose(found.scores[:, :2].std(0, ddof=1), 1.0)


def test_directions_are_those_of_numpys_covariance() -> None:
    parameters = a_set() + np.random.default_rng(0).standard_normal((8, N_PARAMETERS))
    found = main_directions(parameters, most=3)
    scales = scales_of(parameters)
    values, vectors = np.linalg.eigh(np.cov((parameters / scales).T))
    for k in range(3):
        ours = found.directions[k] / scales
        assert np.linalg.norm(ours) ** 2 == pytest.approx(values[-1 - k])
        assert abs(ours @ vectors[:, -1 - k]) == pytest.approx(np.linalg.norm(ours))
    np.testing.assert_allclose(found.explained, values[::-1][:3] / values.sum())


@pytest.mark.slow
def test_shrinking_is_scikit_learns() -> None:
    covariance = pytest.importorskip("sklearn.covariance")
    data = np.random.default_rng(1).standard_normal((9, 20)) * np.linspace(1, 3, 20)
    data -= data.mean(0)
    expected = covariance.ledoit_wolf(data, assume_centered=True)[0]
    np.testing.assert_allclose(shrunk_covariance(data), expected, rtol=1e-6)


def test_a_knob_moves_what_it_says_and_little_else() -> None:
    found = fitted().fitted
    assert [path.name for path in found.paths] == list(NAMES)
    spreads = found.described.std(0, ddof=1)
    for path in found.paths:
        own = NAMES.index(path.name)
        # Anew, between the positions that are stored as well.
        at = np.linspace(0, 1, 4)
        described = np.array(
            [measure(found.at({path.name: float(place)}), found.keys) for place in at]
        )
        change = (described - described.mean(0)) / spreads
        assert np.corrcoef(at, change[:, own])[0, 1] > 0.95, path.name
        assert np.ptp(change[:, own]) > 1.0, path.name
        assert np.ptp(np.delete(change, own, 1), axis=0).max() < 0.33, path.name


def test_the_middle_is_the_mean_and_the_ends_are_the_sets() -> None:
    found = fitted().fitted
    middle = len(POSITIONS) // 2
    low, high = found.described.min(0), found.described.max(0)
    for path in found.paths:
        own = NAMES.index(path.name)
        np.testing.assert_allclose(path.parameters[middle], found.main.mean, atol=1e-9)
        slack = 0.2 * found.described.std(0)[own]
        assert path.described[0, own] > low[own] - slack
        assert path.described[-1, own] < high[own] + slack


def test_knobs_add_up() -> None:
    found = fitted().fitted
    values = {"brightness": 0.75, "attack": 0.25}
    both = measure(found.at(values), found.keys)
    spreads = found.described.std(0, ddof=1)
    for name, value in values.items():
        own = NAMES.index(name)
        alone = measure(found.at({name: value}), found.keys)
        assert abs(both - alone)[own] < 0.33 * spreads[own]
