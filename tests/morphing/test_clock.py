"""Time between two sounds."""

import numpy as np
import pytest

from cambiata.morphing.clock import Clock

A, B = np.array([0.0, 100.0, 300.0, 1000.0]), np.array([0.0, 400.0, 450.0, 800.0])


@pytest.mark.parametrize("amount", [0.0, 0.3, 1.0])
def test_landmarks_coincide_and_lengths_lie_between(amount: float) -> None:
    clock = Clock(A, B)
    for mark_a, mark_b in zip(A[1:], B[1:], strict=True):
        at = (1 - amount) * mark_a + amount * mark_b
        fresh = Clock(A, B)
        fresh.advance(at, amount)
        assert fresh.places() == pytest.approx((mark_a, mark_b), abs=1e-4)
    assert clock.remaining(amount) == pytest.approx((1 - amount) * 1000 + amount * 800)
    # What one sound lacks passes at once where it alone is heard.
    empty = Clock(A, np.array([0.0, 400.0, 400.0, 800.0]))
    empty.advance(400.0, 1.0)
    assert empty.places() == pytest.approx((300, 400))
    clock.advance(clock.remaining(amount) + 5, amount)
    assert clock.has_ended
    assert clock.places() == pytest.approx((1005, 805), abs=1e-4)


def test_at_either_end_a_sound_runs_at_its_own_speed() -> None:
    for amount, which in ((0.0, 0), (1.0, 1)):
        clock = Clock(A, B)
        places = []
        for _ in range(70):
            places.append(clock.places()[which])
            clock.advance(10.0, amount)
        np.testing.assert_allclose(np.diff(places), 10.0, atol=1e-6)


def test_small_steps_are_one_large_step() -> None:
    one, many = Clock(A, B), Clock(A, B)
    one.advance(700.0, 0.4)
    for _ in range(100):
        many.advance(7.0, 0.4)
    assert many.places() == pytest.approx(one.places(), abs=1e-3)
    assert one.later(50.0, 0.4) > one.places()
