"""PerformanceNet at reduced width: a roll's contour by a U-Net, its texture band by band.

Wang & Yang, "PerformanceNet: score-to-audio music generation with multi-band convolutional residual
network", AAAI 2019: a one-dimensional U-Net on the roll, an encoder of onsets and offsets that
joins it on its way up, residual blocks on ever narrower bands, log power spectrograms. Theirs has
250 million parameters and one instrument; here widths are an eighth, and a reference gives the
timbre: its pooled vector shifts and scales every layer on the way up.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from cambiata.audio.stft import Stft
from cambiata.score.piano_roll import N_KEYS
from cambiata.train.config import TrainingConfig
from cambiata.train.onnx import Method, OnnxPart
from cambiata.train.spectral_losses import multi_scale_loss
from cambiata.train.tasks.rolls import (
    N_ROLL,
    N_TIMBRE,
    RollTask,
    roll_training,
    unpack_batch,
)

STFT = Stft()
SAMPLE_RATE, FRAMES_PER_STEP = 44100, 2
FRAME_RATE_HZ = SAMPLE_RATE / STFT.hop_length / FRAMES_PER_STEP
GAIN = 1e-2  # of power, so that log1p bends where sounds become faint


@dataclass(frozen=True)
class PerformanceNetTraining:
    """Settings of `PerformanceNetTask`."""

    widths: tuple[int, ...] = (96, 160, 256, 384)  # Channels of the U-Net from top to bottom
    n_blocks: int = 3  # Multi-band residual blocks, of 2, 4, 8, ... bands
    # L1 of log power spectrograms, or DDSP's loss of waveforms (Engel et al. 2020): magnitudes
    # and their logarithms at six resolutions, waveforms made with the target's phases.
    loss: Literal["l1", "multi-scale"] = "multi-scale"
    crop_s: float = 4.0  # Seconds of each example that a step learns from
    # Over what layers are normed: each channel over time, as published, by which a key that is
    # struck once in a span counts as much as one that is held throughout, and what a span sounds
    # like depends on its length; or each frame over the channels.
    norm: Literal["time", "channels"] = "time"


class _Norm(nn.Module):
    """Instance norm, or a norm of each frame; torch's own is exported for one length alone."""

    def __init__(self, width: int, over: Literal["time", "channels"]) -> None:
        super().__init__()
        self.dim = 2 if over == "time" else 1
        self.scale, self.shift = (nn.Parameter(x) for x in (torch.ones(width), torch.zeros(width)))

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(dim=self.dim, keepdim=True)
        deviation = ((centred**2).mean(dim=self.dim, keepdim=True) + 1e-5).sqrt()
        return centred / deviation * self.scale[:, None] + self.shift[:, None]


class _DoubleConv(nn.Module):
    """Two convolutions, each normed."""

    def __init__(self, n_in: int, n_out: int, norm: Literal["time", "channels"]) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(n_in, n_out, 3, padding=1),
            _Norm(n_out, norm),
            nn.LeakyReLU(0.01),
            nn.Conv1d(n_out, n_out, 3, padding=1),
            _Norm(n_out, norm),
            nn.LeakyReLU(0.01),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return out


class _MBRBlock(nn.Module):
    """A residual block that treats bands apart."""

    def __init__(self, width: int, n_bands: int, norm: Literal["time", "channels"]) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(width, width, 3, padding=1, groups=n_bands),
            _Norm(width, norm),
            nn.LeakyReLU(0.01),
            nn.Conv1d(width, width, 3, padding=1, groups=n_bands),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.layers(x)
        return out


class PerformanceNet(nn.Module):
    """Roll and timbre to a log power spectrogram."""

    def __init__(self, config: PerformanceNetTraining) -> None:
        super().__init__()
        widths = config.widths
        self.down_convs = nn.ModuleList(
            _DoubleConv(a, b, config.norm)
            for a, b in zip((N_ROLL, *widths[:-1]), widths, strict=True)
        )
        # Strikes and offsets again, at every resolution of the way up.
        onset_offset = 2 * N_KEYS
        self.onset_offset = nn.ModuleList(
            nn.Conv1d(onset_offset, 32, 3, padding=1) for _ in widths[:-1]
        )
        self.up_convs = nn.ModuleList(
            _DoubleConv(below + here + 32, here, config.norm)
            for below, here in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.timbre = nn.ModuleList(
            nn.Linear(N_TIMBRE, 2 * width) for width in (widths[-1], *widths[-2::-1])
        )
        self.wide_conv = nn.Conv1d(widths[0], 512, 3, padding=1)
        self.wide_modulation = nn.Linear(N_TIMBRE, 1024)
        self.mbr_blocks = nn.Sequential(
            *(_MBRBlock(512, 2 ** (i + 1), config.norm) for i in range(config.n_blocks))
        )
        self.lastconv = nn.Conv1d(512, FRAMES_PER_STEP * STFT.n_bins, 1)

    def forward(self, roll: Tensor, timbre: Tensor) -> Tensor:
        """The spectrogram.

        roll: [B, N_ROLL, L]; timbre: [B, N_TIMBRE]; returns [B, 1025, 2 L].
        """
        x, encoder_outputs = roll, []
        for i, layer in enumerate(self.down_convs):
            x = layer(_max_pool(x) if i else x)
            encoder_outputs.append(x)
        x = _modulate(x, self.timbre[0](timbre))
        onset_offset = torch.cat([roll[:, :N_KEYS], roll[:, 2 * N_KEYS : 3 * N_KEYS]], dim=1)
        n_up = len(self.up_convs)
        for i, layer in enumerate(self.up_convs):
            skip = encoder_outputs[n_up - 1 - i]
            pooled = onset_offset
            for _ in range(n_up - 1 - i):
                pooled = _max_pool(pooled)
            x = x.repeat_interleave(2, dim=2)
            x = layer(torch.cat([x, skip, self.onset_offset[i](pooled)], dim=1))
            x = _modulate(x, self.timbre[i + 1](timbre))
        x = _modulate(functional.leaky_relu(self.wide_conv(x), 0.01), self.wide_modulation(timbre))
        log_power = functional.softplus(self.lastconv(self.mbr_blocks(x)))
        frames = log_power.view(log_power.shape[0], FRAMES_PER_STEP, STFT.n_bins, -1)
        return frames.permute(0, 2, 3, 1).flatten(2)

    def from_groups(self, groups: Tensor, timbre: Tensor) -> Tensor:
        """The spectrogram of a roll in groups of as many frames as the U-Net halves into one.

        A file cannot say that a number of frames is a multiple of 8; it can of groups of 8.

        groups: [1, N_ROLL, groups, frames of a group]; returns [1, 1025, 2 L].
        """
        log_power: Tensor = self(groups.flatten(2), timbre)
        return log_power


def _max_pool(x: Tensor) -> Tensor:
    """The greater of every two frames; torch's own pooling is exported for one length alone."""
    return x.reshape(x.shape[0], x.shape[1], x.shape[2] // 2, 2).amax(dim=3)


def _modulate(x: Tensor, modulation: Tensor) -> Tensor:
    scale, shift = modulation[:, :, None].chunk(2, dim=1)
    return x * (1 + scale) + shift


class PerformanceNetTask(RollTask):
    """PerformanceNet with its losses."""

    settings, system, card = PerformanceNetTraining, "performancenet", "play"
    config: PerformanceNetTraining
    network: PerformanceNet
    sample_rate, frame_rate_hz = SAMPLE_RATE, FRAME_RATE_HZ

    def __init__(self, config: PerformanceNetTraining) -> None:
        super().__init__(config, PerformanceNet(config))
        self.window: Tensor
        self.register_buffer("window", torch.from_numpy(STFT.samples), False)

    def _crop(self, batch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mel, roll, sound = unpack_batch(batch, SAMPLE_RATE, FRAME_RATE_HZ)
        step = self._frames_multiple
        n = min(round(self.config.crop_s * FRAME_RATE_HZ), roll.shape[2]) // step * step
        at = int(torch.randint(0, roll.shape[2] - n + 1, ())) if self.training else 0
        hop = FRAMES_PER_STEP * STFT.hop_length
        return mel, roll[:, :, at : at + n], sound[:, at * hop : (at + n) * hop]

    def _spectrum(self, sound: Tensor, n_frames: int) -> Tensor:
        spectrum = torch.stft(
            sound,
            STFT.n_fft,
            STFT.hop_length,
            window=self.window,
            pad_mode="constant",
            return_complex=True,
        )
        return spectrum[:, :, :n_frames]

    def forward(self, batch: Tensor, share: float) -> dict[str, Tensor]:
        """Losses of rows.

        batch: [B, ...].
        """
        mel, roll, sound = self._crop(batch)
        log_power = self.network(roll, self.encoder(mel))
        spectrum = self._spectrum(sound, log_power.shape[2])
        power = spectrum.real**2 + spectrum.imag**2
        losses = {"l1": (log_power - torch.log1p(GAIN * power)).abs().mean()}
        losses["loss"] = losses["l1"]
        if self.config.loss == "multi-scale":
            magnitude = (torch.expm1(log_power.clamp_max(14.0)).clamp_min(1e-8) / GAIN).sqrt()
            phase_factor = spectrum / spectrum.abs().clamp_min(1e-6)
            output = torch.istft(
                magnitude * phase_factor,
                STFT.n_fft,
                STFT.hop_length,
                window=self.window,
                length=(log_power.shape[2] - 1) * STFT.hop_length,
            )
            losses["multi-scale"] = multi_scale_loss(output, sound[:, : output.shape[1]])
            losses["loss"] = losses["multi-scale"]
        return losses

    def validate(self, batches: list[Tensor], share: float) -> dict[str, float]:
        """Means of the losses, whichever is learnt by."""
        with torch.no_grad():
            losses = [self.forward(batch, share) for batch in batches[:8]]
        return {
            name: float(torch.stack([each[name] for each in losses]).mean()) for name in losses[0]
        }

    def onnx_parts(self) -> dict[str, OnnxPart]:
        """Roll and timbre to a spectrogram, and the encoder of the reference."""
        inputs = {
            "groups": torch.zeros(1, N_ROLL, 6, self._frames_multiple),
            "timbre": torch.zeros(1, N_TIMBRE),
        }
        lengths = {"groups": {2: "groups"}}
        from_groups = Method(self.network, "from_groups")
        return {
            "": OnnxPart(from_groups, inputs, lengths, ["log_power"]),
            "style": self.style_part(),
        }

    def onnx_facts(self, config: TrainingConfig, figures: Mapping[str, Any]) -> dict[str, Any]:
        """Frames of a group, and what power is scaled by."""
        return {"frames_multiple": self._frames_multiple, "gain": GAIN}

    @property
    def _frames_multiple(self) -> int:
        return int(2 ** (len(self.config.widths) - 1))


def _training(loss: Literal["l1", "multi-scale"]) -> TrainingConfig:
    return roll_training(PerformanceNetTraining(loss=loss, norm="channels"), 16, 240.0)


PRESETS = {
    "performancenet": lambda: _training("multi-scale"),
    "performancenet-l1": lambda: _training("l1"),
}
