"""Trained weights that ship inside the package: named, hashed, with licence and card."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from cambiata.errors import CambiataError


class WeightsError(CambiataError):
    """Weights are missing, or not those that were shipped."""


@dataclass(frozen=True)
class Weights:
    """What is known of shipped weights.

    Parameters
    ----------
    file : str
        ONNX file in the package's folder ``shipped``.
    sha256 : str
        Of that file.
    licence : str
        Licence of the weights.
    card : str
        Where in the repository its card lies.

    Examples
    --------
    >>> WEIGHTS["timbre-metric"].licence
    'Apache-2.0'
    """

    file: str
    sha256: str
    licence: str
    card: str


WEIGHTS = {
    "timbre-metric": Weights(
        "timbre-metric.onnx",
        "0a09a58897ea9448142797969336f869cb59ed2794bbaf081c38271b20cf6638",
        "Apache-2.0",
        "docs/models/timbre-metric.md",
    ),
}

Network = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]


@lru_cache(maxsize=8)
def network(name: str) -> Network:
    """A shipped network of one input and one output, verified, on one thread.

    Parameters
    ----------
    name : str
        A key of `WEIGHTS`.

    Returns
    -------
    callable
        From the input array to the output array.

    Raises
    ------
    WeightsError
        The file is missing or not the one that was shipped.

    Examples
    --------
    >>> network("timbre-metric")(np.zeros((1, 12, 257), np.float32)).shape
    (1, 64)
    """
    known = WEIGHTS[name]
    try:
        data = files("cambiata").joinpath("shipped", known.file).read_bytes()
    except OSError as error:
        raise WeightsError(
            f"{known.file}: is not in the package; install cambiata again"
        ) from error
    if hashlib.sha256(data).hexdigest() != known.sha256:
        raise WeightsError(
            f"{known.file}: is not the file that was shipped; install cambiata again"
        )
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session: Any = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0].name
    return lambda array: cast("npt.NDArray[np.float32]", session.run(None, {given: array})[0])
