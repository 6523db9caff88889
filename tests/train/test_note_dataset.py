"""Arrays of the dataset are unpacked again as they were computed."""

from pathlib import Path

import numpy as np
import pytest
from tiny_scored import TINY, tiny_scored

torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")

from cambiata.partials.bands import band_hz  # noqa: E402
from cambiata.partials.note_frames import N_FEATURES  # noqa: E402
from cambiata.train.note_dataset import (  # noqa: E402
    QUERY_WIDTH,
    features_file,
    precompute_features,
    unpack,
)


def test_halves_are_unpacked_as_they_were_computed(tmp_path: Path) -> None:
    dataset = precompute_features(tiny_scored(tmp_path), "listener", n_workers=1)
    assert len(dataset) == 2 * TINY.n_examples
    assert len(dataset.validation()) == 2 * TINY.n_validation
    with np.load(dataset.folder / features_file(False, 1)) as stored:
        whole = {name: stored[name] for name in stored.files}
    first, second = (unpack(torch.from_numpy(dataset[i]), len(band_hz())) for i in (2, 3))
    target = torch.cat([first.target, second.target], dim=1).numpy()
    np.testing.assert_allclose(target, whole["target"][:, : target.shape[1]], atol=0.05)
    np.testing.assert_allclose(first.tokens, whole["tokens"], atol=1e-3)
    assert first.queries.shape[1] == QUERY_WIDTH
    assert float(second.queries[:, N_FEATURES].min()) >= 0
    n_queries = (whole["queries"][:, N_FEATURES] < target.shape[1]).sum()
    assert len(first.queries) + len(second.queries) == n_queries
