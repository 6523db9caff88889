"""The stretch of a recording that sounds."""

import numpy as np
import pytest

from cambiata.audio.sounding import best_start_s, sounds_enough, step_levels

RATE = 8000


def test_levels_are_those_of_steps_whatever_the_blocks() -> None:
    sound = np.random.default_rng(0).standard_normal((2, 3 * RATE + 123)).astype(np.float32)
    expected = np.sqrt(np.square(sound[:, :800]).mean())
    whole = step_levels(iter([sound]), RATE)
    pieces = step_levels(iter(np.split(sound, [100, 5000, 5001], axis=1)), RATE)
    assert len(whole) == 31
    assert whole[0] == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(whole, pieces, rtol=1e-9)


@pytest.mark.parametrize(
    ("pieces", "length_s", "expected"),
    [
        ([(0.0, 700), (0.3, 40)], 60.0, 69.9),  # silence, then sound
        ([(0.3, 700)], 60.0, 0.0),  # sound throughout
        ([(0.0, 50), (0.3, 700)], 60.0, 0.0),  # as good as any
        ([(0.0005, 700), (0.5, 100)], 60.0, 69.9),  # hiss, then sound
        ([(0.3, 5), (0.0, 700), (0.3, 600)], 60.0, 65.9),  # one hit, then the piece, a little cut
        ([(0.0, 650), (0.3, 20), (0.0, 1330), (0.3, 600)], 60.0, 200.0),  # the longer of two
        ([(0.0, 700)], 60.0, 0.0),  # nothing
    ],
)
def test_where_to_begin(pieces: list[tuple[float, int]], length_s: float, expected: float) -> None:
    levels = np.concatenate([np.full(n, level) for level, n in pieces])
    assert best_start_s(levels, length_s) == pytest.approx(expected, abs=5)
    if expected == 0:
        assert best_start_s(levels, length_s) == 0


def test_enough() -> None:
    sound = np.zeros((1, 10 * RATE), np.float32)
    sound[:, : 3 * RATE] = 0.1
    assert sounds_enough(sound, RATE)
    assert not sounds_enough(sound[:, 2 * RATE :], RATE)
