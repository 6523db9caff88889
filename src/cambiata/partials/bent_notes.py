"""Notes that bend out of their own row: they go on as long as a neighbouring row is active."""

import numpy as np
import numpy.typing as npt

Roll = npt.NDArray[np.float32]
Event = tuple[int, float, float, float]  # row, start, end, confidence

# A bend is under way where a note's last frames are 35 cents or more off its pitch; it goes on
# where a pitch at most two semitones away is active by 0.3, half of what two rows share.
_LEAST_CENTS, _REACH, _LEAST_ACTIVE = 35.0, 2, 0.3
_LAST_FRAMES = 3


def with_bends(
    events: list[Event], activation: Roll, deviation_cents: Roll
) -> tuple[list[Event], Roll]:
    """Events in order of row and time, longer where they bend; deviations of what was added.

    Activation and deviations are [88, L]; a bend ends where another note begins in its way.
    """
    taken = np.zeros(activation.shape, bool)
    for row, begin, end, _ in events:
        taken[row, int(begin) : int(np.ceil(end))] = True
    cents, longer = deviation_cents.copy(), []
    for row, begin, end, confidence in events:
        last = int(end)
        near = deviation_cents[row, max(int(begin), last - _LAST_FRAMES) : last]
        if len(near) and np.abs(near).mean() >= _LEAST_CENTS:
            stop = _bend_end(row, int(np.ceil(end)), activation, taken)
            rows, first = slice(max(0, row - _REACH), row + _REACH + 1), int(np.ceil(end))
            if stop > first:
                best = activation[rows, first:stop].argmax(axis=0) + rows.start
                at = np.arange(first, stop)
                cents[row, at] = 100 * (best - row) + deviation_cents[best, at]
                end = float(stop)
        longer.append((row, begin, end, confidence))
    return longer, cents


def _bend_end(row: int, first: int, activation: Roll, taken: npt.NDArray[np.bool_]) -> int:
    """Frame at which no neighbouring row is active any more, or belongs to another note."""
    rows = slice(max(0, row - _REACH), row + _REACH + 1)
    goes_on = activation[rows, first:].max(axis=0) >= _LEAST_ACTIVE
    goes_on &= ~taken[rows, first:].any(axis=0)
    stops = np.flatnonzero(~goes_on)
    return first + int(stops[0]) if len(stops) else activation.shape[1]
