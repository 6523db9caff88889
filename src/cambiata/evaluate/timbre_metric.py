"""The timbre metric: distance of two sounds in an embedding that was trained on instruments.

Cífka et al. 2021, section 5.2: MFCCs 2 to 13, a triplet network, the cosine distance of its
embeddings. The authors' weights were never published; ours were trained with their recipe on
tracks of sound-font banks (`docs/models/timbre-metric.md`), so that absolute values differ from
theirs. Nothing that ships is trained against this network or chosen by it.
"""

from typing import cast

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio.mel import mfcc
from cambiata.evaluate.metrics import METRIC_RATE_HZ, cosine_distance
from cambiata.weights import network

Embedding = npt.NDArray[np.float32]

# Four poolings need so many frames for one value to be left: 128 of 500 samples, 4 s at 16 kHz.
_MIN_FRAMES = 128


class TimbreMetric:
    """The embedding, and distances in it."""

    def __init__(self) -> None:
        self._network = network("timbre-metric")

    def embedding(self, samples: Samples) -> Embedding:
        """Embedding [64] of a mono sound [T]."""
        features = mfcc(samples, METRIC_RATE_HZ, hop_length=500)[1:]
        n_frames = features.shape[1]
        repeated = np.tile(features, max(1, -(-_MIN_FRAMES // n_frames)))
        return cast(Embedding, self._network(repeated[None].astype(np.float32))[0])

    @staticmethod
    def distance(first: Embedding, second: Embedding) -> float:
        """Cosine distance of two embeddings [64]."""
        return cosine_distance(first, second)
