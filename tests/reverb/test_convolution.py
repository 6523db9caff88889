"""Partitioned convolution against the direct sum."""

import numpy as np
import pytest

from cambiata.reverb.convolution import Convolver, response_matrix


@pytest.mark.parametrize("partition", [64, 256, None])
@pytest.mark.parametrize("n_tail", [0, 150])
def test_convolution_is_the_sum_whatever_the_blocks(partition: int | None, n_tail: int) -> None:
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((2, 2, 300)).astype(np.float32)
    sound = rng.standard_normal((2, 1500)).astype(np.float32)
    expected = np.stack(
        [sum(np.convolve(x, h) for x, h in zip(sound, row, strict=True)) for row in matrix]
    )[:, : 1500 + n_tail]
    for cuts in ([], [1, 700], [64, 65, 1400]):
        blocks = iter(np.split(sound, cuts, axis=1))
        found = np.concatenate(list(Convolver(matrix, partition).process(blocks, n_tail)), axis=1)
        np.testing.assert_allclose(found, expected, atol=1e-3)


def test_channels_of_rooms() -> None:
    room = np.arange(4, dtype=np.float32)[:, None]
    true_stereo = response_matrix(room, 2)
    assert true_stereo is not None
    assert true_stereo[:, :, 0].tolist() == [[0, 2], [1, 3]]  # left to left, right to left; ...
    of_mono = response_matrix(room, 1)
    assert of_mono is not None
    assert of_mono[:, :, 0].tolist() == [[1], [2]]
    one_side_each = response_matrix(room[:2], 2)
    assert one_side_each is not None
    assert one_side_each[:, :, 0].tolist() == [[0, 0], [0, 1]]
    assert response_matrix(room[:1], 3).shape == (3, 3, 1)  # type: ignore[union-attr]
    assert response_matrix(room[:3], 2) is None
