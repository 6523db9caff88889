"""Losses of waveforms by their spectrograms."""

import torch
from torch import Tensor

FFT_SIZES = (2048, 1024, 512, 256, 128, 64)  # DDSP's (Engel et al. 2020)


def multi_scale_loss(output: Tensor, target: Tensor) -> Tensor:
    """DDSP's loss, equal weights of magnitudes and their logarithms.

    output, target: waveforms of an RMS of about 1 [B, T].
    """
    losses = []
    for n_fft in FFT_SIZES:
        window = torch.hann_window(n_fft)
        output_magnitude, target_magnitude = (
            torch.stft(x, n_fft, n_fft // 4, window=window, return_complex=True).abs()
            for x in (output, target)
        )
        # As loud as in DDSP, whose sounds have an RMS of about a tenth.
        output_magnitude, target_magnitude = 0.1 * output_magnitude, 0.1 * target_magnitude
        losses.append((output_magnitude - target_magnitude).abs().mean())
        losses.append(
            (torch.log(output_magnitude + 1e-3) - torch.log(target_magnitude + 1e-3)).abs().mean()
        )
    return torch.stack(losses).sum()
