"""What players of piano rolls have in common: their settings, the reference's vector, the roll."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio.mel import log_mel
from cambiata.score.midi import Part
from cambiata.score.piano_roll import PianoRoll, piano_roll
from cambiata.system import PlaySystem, TransferConfig
from cambiata.weights import load_model

RATE_HZ = 44100


@dataclass(frozen=True)
class RollConfig(TransferConfig):
    """Settings of a player that reads piano rolls."""

    overlap_s: float = 0.5  # See `TransferConfig`
    weights: str = ""  # Shipped weights by name, or the path of an ONNX file of your own

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sample_rate != RATE_HZ:
            raise ValueError(f"sample_rate must be {RATE_HZ}: the network knows no other")


class RollPlayer(PlaySystem[RollConfig, npt.NDArray[np.float32]]):
    """A player that reads piano rolls, and hears a reference as one vector."""

    def __init__(self, config: RollConfig) -> None:
        super().__init__(config)
        self._model = load_model(config.weights, self.name)

    @property
    def min_samples(self) -> int:
        """Half a second."""
        return self.config.sample_rate // 2

    def capture(self, style: Samples) -> npt.NDArray[np.float32]:
        """The reference's vector.

        style: [T]; returns [1, 64].
        """
        embedding: npt.NDArray[np.float32] = self._model.part("style")(
            log_mel(style, RATE_HZ)[None]
        )[0]
        return embedding

    def prepare(self, part: Part) -> PianoRoll:
        """The score as a piano roll."""
        return piano_roll(part)
