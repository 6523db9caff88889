"""Names for the arrays that flow through the project, and their axes.

C channels, T samples, F frequency bins, L frames; a sound of one channel may be [T] where that is
said.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
"""Sound, [C, T] or [T], full scale at 1.0."""

Spectrum = npt.NDArray[np.complex64]
"""Complex short-time spectrum, [F, L]."""

Magnitude = npt.NDArray[np.float32]
"""Magnitudes of a spectrum, [F, L]."""

Phase = npt.NDArray[np.float32]
"""Phases of a spectrum in radians, [F, L]."""


def array_of(
    values: npt.NDArray[Any], dtype: npt.DTypeLike | None, copy: bool | None
) -> npt.NDArray[Any]:
    """What an object's `__array__` has to return, by NumPy's rules of 1.26 and of 2.

    >>> array_of(np.zeros(2), np.float32, None).dtype
    dtype('float32')
    """
    array = np.asarray(values, dtype)
    if copy is False and array is not values:
        raise ValueError("another type needs a copy")
    return array.copy() if copy and array is values else array


def from_end(region_s: slice, duration_s: float) -> tuple[float | None, float | None]:
    """Start and end of a slice in seconds; what is below 0 counts from the end.

    >>> from_end(slice(-2, None), 10.0)
    (8.0, None)
    """
    start_s, end_s = (
        max(0.0, duration_s + at_s) if at_s is not None and at_s < 0 else at_s
        for at_s in (region_s.start, region_s.stop)
    )
    return start_s, end_s
