"""Examples of networks on piano rolls, and the encoder of the reference that they share."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from cambiata.audio.mel import log_mel
from cambiata.audio.source import resample
from cambiata.data.packed import PackedPieces, is_pack
from cambiata.data.scored_examples import PianoConfig, ScoredExamples, record_joined
from cambiata.partials.posteriors import BANDS
from cambiata.score.piano_roll import piano_roll, resample_roll
from cambiata.train.config import LoopConfig, TrainingConfig
from cambiata.train.onnx import OnnxPart
from cambiata.train.task import Progress, Recorded, Task, TrainingExamples

N_MELS = 80  # bands of the reference, as vocoders have them
N_ROLL = 265  # strikes, held keys and offsets of 88 keys, and the pedal
N_TIMBRE = 64  # numbers that a reference is pooled to; not tuned
_RATE_HZ = BANDS.sample_rate
_HOP_SAMPLES = 512  # of the reference's frames, `log_mel`'s own


class RollExamples(Sequence[npt.NDArray[np.float16]]):
    """Reference, roll and target of every example, in one row."""

    def __init__(
        self, examples: ScoredExamples | PackedPieces, sample_rate: int, frame_rate_hz: float
    ) -> None:
        self.examples, self.sample_rate, self.frame_rate_hz = examples, sample_rate, frame_rate_hz
        self._shape = (sample_rate, frame_rate_hz)

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Frames of the reference, frames of the roll, samples of the target."""
        config = self.examples.config
        return (
            1 + config.n_samples // _HOP_SAMPLES,
            int(config.duration_s * self.frame_rate_hz),
            round(config.duration_s * self.sample_rate),
        )

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: Any) -> npt.NDArray[np.float16]:  # type: ignore[override]
        """One row; `unpack_batch` is the inverse."""
        _, n_frames, n_samples = self.sizes
        _, style, target = self.examples[index].sounds
        roll = resample_roll(
            piano_roll(self.examples.keys(index), self.examples.config.duration_s),
            self.frame_rate_hz,
            0,
            n_frames,
        )
        sound = resample(target, _RATE_HZ, self.sample_rate)[:n_samples]
        sound = sound / (np.sqrt(np.mean(sound**2)) + 1e-6)
        parts = log_mel(style, _RATE_HZ, N_MELS), roll, sound
        return np.concatenate([np.ravel(x).astype(np.float16) for x in parts])

    def validation(self) -> "RollExamples":
        """The examples to validate with."""
        return RollExamples(self.examples.validation(), *self._shape)


def unpack_batch(
    batch: Tensor, sample_rate: int, frame_rate_hz: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Reference [B, N_MELS, L], roll [B, N_ROLL, L] and target [B, T] of rows of `RollExamples`."""
    # One second of a row is so many values; frames at both ends make one more of the reference.
    length = batch.shape[1]
    per_s = N_MELS * _RATE_HZ / _HOP_SAMPLES + N_ROLL * frame_rate_hz + sample_rate
    duration_s = round((length - N_MELS) / per_s, 2)
    n_mel = 1 + round(duration_s * _RATE_HZ) // _HOP_SAMPLES
    n_frames = int(duration_s * frame_rate_hz)
    mel, roll, sound = torch.split(
        batch.float(),
        [N_MELS * n_mel, N_ROLL * n_frames, round(duration_s * sample_rate)],
        dim=1,
    )
    n = len(batch)
    return mel.reshape(n, N_MELS, -1), roll.reshape(n, N_ROLL, -1), sound


class SoundEncoder(nn.Module):
    """Log-mel frames of a reference to one vector, pooled over time."""

    def __init__(self, width: int = 128) -> None:
        super().__init__()
        self.frames = nn.Sequential(
            nn.Conv1d(N_MELS, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv1d(width, width, 3, padding=1),
            nn.ReLU(),
        )
        self.projection = nn.Linear(2 * width, N_TIMBRE)

    def forward(self, mel: Tensor) -> Tensor:
        """The vector, [B, N_TIMBRE].

        mel: [B, N_MELS, L].
        """
        hidden = self.frames(mel / 6 + 1)  # -1 to 1: log mels are at least -12, and mostly below 0
        deviation = (hidden.var(dim=2, unbiased=False) + 1e-5).sqrt()
        vector: Tensor = self.projection(torch.cat([hidden.mean(dim=2), deviation], dim=1))
        return vector


class RollTask(Task):
    """A network on piano rolls, with an encoder of the reference."""

    sample_rate: int
    frame_rate_hz: ClassVar[float]

    def __init__(self, config: Any, network: nn.Module) -> None:
        super().__init__(config)
        self.network, self.encoder = network, SoundEncoder()

    @classmethod
    def record(cls, config: TrainingConfig, folder: str | None, progress: Progress) -> Recorded:
        """Examples with their notes, by keyboards."""
        if folder is not None and is_pack(folder):
            return PackedPieces(folder)
        return record_joined(config.examples, config.extra_examples, folder, progress=progress)

    def dataset(self, recorded: Any, progress: Progress) -> TrainingExamples:
        """Reference, roll and target of every example, at the network's own rates."""
        return RollExamples(recorded, self.sample_rate, self.frame_rate_hz)

    def style_part(self) -> OnnxPart:
        """The encoder of the reference, as it is exported."""
        mel = {"mel": torch.zeros(1, N_MELS, 64)}
        return OnnxPart(self.encoder, mel, {"mel": {2: "frames"}}, ["timbre"])


def roll_training(task: Any, batch_size: int, minutes: float) -> TrainingConfig:
    """Training of a network on piano rolls, by keyboards alone."""
    loop = LoopConfig(
        batch_size=batch_size,
        learning_rate=1e-3,
        warmup_steps=200,
        ema_decay=0.998,
        report_every_steps=20,
        validate_every_s=60.0,
        in_memory=True,
        minutes=minutes,
    )
    return TrainingConfig(task, PianoConfig(), loop)
