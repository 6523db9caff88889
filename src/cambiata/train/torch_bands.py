"""The bands of `LogFrequency` computed in torch, for clips that are mixed while training."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from cambiata.audio.log_frequency import LogFrequency, decimation_taps
from cambiata.partials.note_bands import ATTACK_BANDS, N_ATTACK, PITCH_BANDS


class TorchBands(nn.Module):
    """Levels in dB of clips [B, T]: [B, bins, L]."""

    def __init__(self, bands: LogFrequency) -> None:
        super().__init__()
        self.bands = bands
        for i, filters in enumerate(bands.filters):
            self.register_buffer(f"filters_{i}", _tensor(filters.toarray()), persistent=False)
        for by in set(bands.decimations) - {1}:
            self.register_buffer(f"taps_{by}", _tensor(decimation_taps(by)), persistent=False)

    def forward(self, sound: Tensor) -> Tensor:
        """Levels relative to each clip's mean power."""
        power: Any = 0.0
        shapes = zip(self.bands.windows, self.bands.decimations, strict=True)
        for i, (window, by) in enumerate(shapes):
            length, hop = window // by, self.bands.hop_length // by
            lower = sound
            if by > 1:
                taps = getattr(self, f"taps_{by}")
                lower = functional.conv1d(
                    sound[:, None], taps[None, None], stride=by, padding=len(taps) // 2
                )[:, 0]
            shape = torch.hann_window(length, device=sound.device)
            spectrum = torch.stft(
                lower, length, hop, window=shape, pad_mode="constant", return_complex=True
            )
            power = power + getattr(self, f"filters_{i}") @ torch.view_as_real(
                spectrum
            ).square().sum(-1)
        mean = sound.square().mean(1)[:, None, None].clamp_min(1e-12)
        level: Tensor = 10 * torch.log10(power / mean + 1e-10)
        return level


class TorchNoteBands(nn.Module):
    """`note_bands_db` of clips [B, T]: [B, 520, L]."""

    def __init__(self) -> None:
        super().__init__()
        self.pitch, self.attack = TorchBands(PITCH_BANDS), TorchBands(ATTACK_BANDS)

    @torch.no_grad()
    def forward(self, sound: Tensor) -> Tensor:
        """Levels of the first T / 1024 frames."""
        n_frames = sound.shape[1] // PITCH_BANDS.hop_length
        pitch, attack = self.pitch(sound), self.attack(sound)
        folded = [attack[:, :, i::N_ATTACK][:, :, :n_frames] for i in range(N_ATTACK)]
        return torch.cat([pitch[:, :, :n_frames], *folded], 1)


def _tensor(array: Any) -> Tensor:
    return torch.from_numpy(np.asarray(array, np.float32))
