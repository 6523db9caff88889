"""PerformanceNet at reduced width: a piano roll to a spectrogram, phases by the vocoder."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio.stft import Stft
from cambiata.audio.vocoder import invert
from cambiata.performance.rolls import RATE_HZ, RollConfig, RollPlayer
from cambiata.score.midi import Part

STFT = Stft()
_FRAMES_PER_STEP = 2  # spectrogram frames to a frame of the roll, as trained
# Frames of the roll around a span: its convolutions see 51 to both sides, and its poolings align
# frames by eights.
_CONTEXT_FRAMES = 64
_MAX_LOG_POWER = 14.0  # bound of log power, as in training


class PerformanceNet(RollPlayer):
    """A U-Net from piano roll to spectrogram, conditioned on a reference.

    Wang & Yang 2019 at an eighth of its width: a U-Net on onsets, frames, offsets and pedal,
    multi-band residual blocks for the texture, and the reference's mel frames pooled over time into
    an embedding that scales and shifts every layer on the way up. Phases are found by
    `audio.vocoder.invert`.
    """

    name: ClassVar[str] = "performancenet"
    summary: ClassVar[str] = "PerformanceNet at reduced width, with a reference; 44.1 kHz"
    paper: ClassVar[str] = "Wang & Yang, AAAI 2019"
    trained: ClassVar[bool] = True
    weights_licence: ClassVar[str] = "Apache-2.0"
    presets: ClassVar[Mapping[str, RollConfig]] = {"default": RollConfig(weights="performancenet")}

    def render(
        self,
        part: Part,
        timbre: npt.NDArray[np.float32],
        start: int,
        n_samples: int,
        *,
        seed: int,
    ) -> Samples:
        """Sound [n_samples] of a span of the part."""
        hop = _FRAMES_PER_STEP * STFT.hop_length
        n_multiple: int = self._model.about["frames_multiple"]
        first_frame = start // hop - _CONTEXT_FRAMES
        n_frames = -(-(start + n_samples) // hop) - first_frame + _CONTEXT_FRAMES
        n_frames = -(-n_frames // n_multiple) * n_multiple
        frames = self._frames(part, RATE_HZ / hop, first_frame, n_frames)
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
