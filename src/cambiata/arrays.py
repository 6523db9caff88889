"""Names for the arrays that flow through the project, and their axes.

C channels, T samples, F frequency bins, L frames; a sound of one channel may be [T] where that is
said.
"""

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
