"""Colours of the pictures."""

import numpy as np
import numpy.typing as npt

# matplotlib's magma (CC0) at 40 steps: of 80 dB, 2 dB each, as fine as one sees, and small files.
_MAGMA = (
    "00000302020d07051b0d0a28150e381c10462611573010653c0f7148107852127c5d177e661a80711f81"
    "7a2281852681912a809a2d7fa6317db0347bbb3877c53c74d0416fd9466ae24d65eb5660f0605df56c5b"
    "f8775cfb8460fc9064fd9d6bfeaa74feb57cfec286fdcd90fdda9cfce5a6fcf1b3fbfcbf"
)
MAGMA: npt.NDArray[np.uint8] = np.frombuffer(bytes.fromhex(_MAGMA), np.uint8).reshape(-1, 3)
N_LEVELS = len(MAGMA)


def parse_colour(name: str) -> npt.NDArray[np.float64]:
    """Red, green and blue of a colour like "#4a6fa5", "white" or "black".

    >>> parse_colour("white").tolist()
    [255.0, 255.0, 255.0]
    """
    digits = {"white": "ffffff", "black": "000000"}.get(name, name.lstrip("#"))
    return np.array([int(digits[i : i + 2], 16) for i in (0, 2, 4)], np.float64)
