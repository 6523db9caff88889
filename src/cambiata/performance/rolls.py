"""Base of the players that read piano rolls: settings, the reference's embedding, the roll."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio.mel import log_mel
from cambiata.score.midi import Part
from cambiata.score.piano_roll import piano_roll, resample_roll
from cambiata.system import PlaySystem, TransferConfig
from cambiata.weights import load_model

RATE_HZ = 44100  # of the networks' training
# Around a span: more than a frame of any rate, to whose nearest an event may fall.
_MARGIN_S = 1.0


@dataclass(frozen=True)
class RollConfig(TransferConfig):
    """Settings of a player that reads piano rolls."""

    overlap_s: float = 0.5
    weights: str = ""  # shipped ones by name, or a path (``cambiata train export``)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sample_rate != RATE_HZ:
            raise ValueError(f"sample_rate must be {RATE_HZ}: the network knows no other")


class RollPlayer(PlaySystem[RollConfig, npt.NDArray[np.float32]]):
    """A player that reads piano rolls and encodes a reference as one embedding."""

    def __init__(self, config: RollConfig) -> None:
        super().__init__(config)
        self._model = load_model(config.weights, self.name)

    @property
    def min_samples(self) -> int:
        """Samples of half a second."""
        return self.config.sample_rate // 2

    def capture(self, style: Samples) -> npt.NDArray[np.float32]:
        """Embedding [1, 64] of a reference [T]."""
        embedding: npt.NDArray[np.float32] = self._model.part("style")(
            log_mel(style, RATE_HZ)[None]
        )[0]
        return embedding

    def prepare(self, part: Part) -> Part:
        """The part; rolls are made of the spans that are played."""
        return part

    def _frames(
        self, part: Part, frame_rate_hz: float, first: int, n_frames: int
    ) -> npt.NDArray[np.float32]:
        """Frames of a part's piano roll [3 * 88 + 1, n_frames]."""
        start_s, end_s = (at / frame_rate_hz for at in (first, first + n_frames))
        end_s = min(part.end_s, end_s + _MARGIN_S)
        roll = piano_roll(part, end_s, start_s=max(0.0, start_s - _MARGIN_S))
        return resample_roll(roll, frame_rate_hz, first, n_frames)
