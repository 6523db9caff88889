"""PerformanceNet at reduced width: a piano roll to a spectrogram, whose phases are found again."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio.stft import Stft
from cambiata.audio.vocoder import invert
from cambiata.performance.rolls import RATE_HZ, RollConfig, RollPlayer
from cambiata.score.piano_roll import PianoRoll, resample_roll

STFT = Stft()
_FRAMES_PER_STEP = 2
_CONTEXT_FRAMES = 64
_MAX_LOG_POWER = 14.0


class PerformanceNet(RollPlayer):
    """A piano roll as a spectrogram, in the sound of a reference.

    Wang & Yang 2019 at an eighth of its width: a U-Net on strikes, held keys, offsets and pedal,
    texture band by band, and the reference's mel frames pooled over time into one vector. Phases
    are found by the project's vocoder.
    """

    name: ClassVar[str] = "performancenet"
    summary: ClassVar[str] = "PerformanceNet at reduced width, with a reference; 44.1 kHz"
    paper: ClassVar[str] = "Wang & Yang, AAAI 2019"
    trained: ClassVar[bool] = True
    weights_licence: ClassVar[str] = "Apache-2.0"
    presets: ClassVar[Mapping[str, RollConfig]] = {"default": RollConfig(weights="performancenet")}

    def render(
        self,
        roll: PianoRoll,
        timbre: npt.NDArray[np.float32],
        start: int,
        n_samples: int,
        *,
        seed: int,
    ) -> Samples:
        """A stretch of the score, played.

        returns [T].
        """
        hop = _FRAMES_PER_STEP * STFT.hop_length
        n_multiple: int = self._model.about["frames_multiple"]
        first_frame = start // hop - _CONTEXT_FRAMES
        n_frames = -(-(start + n_samples) // hop) - first_frame + _CONTEXT_FRAMES
        n_frames = -(-n_frames // n_multiple) * n_multiple
        frames = resample_roll(roll, RATE_HZ / hop, first_frame, n_frames)
        log_power = self._predict(frames.reshape(1, len(frames), -1, n_multiple), timbre)
        magnitude = np.sqrt(
            np.expm1(np.clip(log_power, 0, _MAX_LOG_POWER)) / self._model.about["gain"]
        )
        length = (magnitude.shape[1] - 1) * STFT.hop_length
        sound = invert(magnitude.astype(np.float32), STFT, length, seed=seed)
        n_lead = start - first_frame * hop
        return sound[n_lead : n_lead + n_samples]

    def _predict(self, groups: Any, timbre: Any) -> Any:
        return self._model.part("")(np.ascontiguousarray(groups), timbre)[0][0]
