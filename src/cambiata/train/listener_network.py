"""The network that hears notes: at every depth each pitch sees what lies at its harmonics.

Harmonic aggregation in every block rather than once at the input follows the ablation of Harmonica
(arXiv 2609.04640); that pitches share all weights, the input's harmonic stacking, and heads for
onsets and activation follow Bittner et al., "A lightweight instrument-agnostic model for polyphonic
note transcription and multipitch estimation", ICASSP 2022.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from cambiata.audio.log_frequency import LogFrequency
from cambiata.partials.note_bands import N_ATTACK, N_ROWS, PITCH_BANDS
from cambiata.partials.posteriors import N_PITCHES

HEADS = ("onset", "active", "offset", "level", "deviation", "slurred")
# Nearly nothing sounds: logits begin at 1 and 5 %, levels at -20 dB.
_HEAD_BIAS = (-4.5, -3.0, -4.5, -1.0, 0.0, -1.0)
# Semitones by which partials 1/2 (a false octave), 1, 2, 3, 4, 5, 6 and 8 lie above a pitch.
_STACKED = (-12, 0, 12, 19, 24, 28, 31, 36)
# Of blocks in turn: distances, up and down, at which partials of a note and its neighbours lie.
_HARMONICS = ((19, 28, 36), (12, 24, 31), (12, 19, 34))
_SILENT_INPUT = -2.0  # -80 dB, as the network takes levels
_LAGS_UNIT = PITCH_BANDS.hop_length


def causal_lags(bands: LogFrequency) -> list[int]:
    """Frames by which each bin is delayed so that no window ends later than the shortest's."""
    centre_to_end = [window // 2 for window in bands.windows]
    shortest = min(centre_to_end)
    lags = []
    for filters, reach in zip(bands.filters, centre_to_end, strict=True):
        lag = -(-(reach - shortest) // _LAGS_UNIT)
        lags.append((filters.sum(axis=1) > 0, lag))
    return [next(lag for rows, lag in lags if rows[i]) for i in range(bands.n_bins)]


class _Conv(nn.Module):
    """Convolution over pitch and time that is normalised; causal ones see the past alone."""

    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel: tuple[int, int],
        dilation: tuple[int, int] = (1, 1),
        *,
        causal: bool,
        norm: bool = True,
    ) -> None:
        super().__init__()
        span = (kernel[1] - 1) * dilation[1]
        self.before = span if causal and span else 0
        rows = (kernel[0] - 1) * dilation[0] // 2
        padding = (rows, 0 if self.before else span // 2)
        self.conv = nn.Conv2d(
            n_in, n_out, kernel, padding=padding, dilation=dilation, bias=not norm
        )
        self.norm = nn.BatchNorm2d(n_out) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        if self.before:
            x = functional.pad(x, (self.before, 0))
        y: Tensor = self.norm(self.conv(x))
        return y


class _Block(nn.Module):
    """Residual block: neighbours in time and pitch, then harmonics, then distant frames."""

    def __init__(self, width: int, narrow: int, number: int, *, causal: bool) -> None:
        super().__init__()
        self.near = _Conv(width, width, (3, 3), causal=causal)
        self.reduce = _Conv(width, narrow, (1, 1), causal=causal, norm=False)
        self.harmonics = nn.ModuleList(
            _Conv(narrow, width, (3, 1), (distance, 1), causal=causal, norm=False)
            for distance in _HARMONICS[number % len(_HARMONICS)]
        )
        self.norm = nn.BatchNorm2d(width)
        self.distant = _Conv(width, width, (1, 3), (1, 2 ** (number % 5)), causal=causal)
        # It begins as the identity, so that deep stacks learn from the first step.
        nn.init.zeros_(self.distant.norm.weight)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.near(x))
        narrow = functional.relu(self.reduce(y))
        for each in self.harmonics:
            y = y + each(narrow)
        return functional.relu(x + self.distant(functional.relu(self.norm(y))))


class Listener(nn.Module):
    """Outputs of `HEADS` for every pitch and frame, of the bands of `note_bands_db`."""

    def __init__(self, width: int, narrow: int, n_blocks: int, *, causal: bool = False) -> None:
        super().__init__()
        self.causal = causal
        self.lags = causal_lags(PITCH_BANDS) if causal else []
        n_in = (N_ROWS // PITCH_BANDS.n_pitches) * len(_STACKED)
        self.front = _Conv(n_in, width, (3, 3), causal=causal)
        self.blocks = nn.Sequential(
            *(_Block(width, narrow, i, causal=causal) for i in range(n_blocks))
        )
        # An offset is a change, which a single frame does not show.
        self.before_heads = _Conv(width, width, (1, 5), causal=causal)
        self.heads = nn.Conv2d(width, len(HEADS), 1)
        with torch.no_grad():
            self.heads.bias.copy_(torch.tensor(_HEAD_BIAS))  # type: ignore[union-attr]

    def forward(self, bands: Tensor) -> Tensor:
        """Outputs [B, 6, 88, L] of scaled bands [B, 520, L]."""
        hidden = self.blocks(functional.relu(self.front(self._stack(bands))))
        outputs: Tensor = self.heads(functional.relu(self.before_heads(hidden)))
        return outputs

    def _stack(self, bands: Tensor) -> Tensor:
        """What lies at the partials of every pitch, as channels [B, 40, 88, L]."""
        n, n_frames = PITCH_BANDS.n_pitches, bands.shape[2]
        pitch, attack = bands[:, : PITCH_BANDS.n_bins], bands[:, PITCH_BANDS.n_bins :]
        if self.causal:
            pitch = self._delayed(pitch)
        channels = torch.cat(
            [
                pitch.reshape(-1, n, PITCH_BANDS.bins_per_semitone, n_frames).transpose(1, 2),
                attack.reshape(-1, N_ATTACK, n, n_frames),
            ],
            dim=1,
        )
        below, above = -min(_STACKED), max(_STACKED) + N_PITCHES - n
        # What lies outside is as quiet as the quietest.
        padded = functional.pad(channels, (0, 0, below, above), value=_SILENT_INPUT)
        return torch.cat([padded[:, :, below + by : below + by + N_PITCHES] for by in _STACKED], 1)

    def _delayed(self, pitch: Tensor) -> Tensor:
        """Bands of long windows as late as they are complete."""
        parts, at, n_frames = [], 0, pitch.shape[2]
        while at < len(self.lags):
            lag, end = self.lags[at], at
            while end < len(self.lags) and self.lags[end] == lag:
                end += 1
            late = functional.pad(pitch[:, at:end], (lag, 0), value=_SILENT_INPUT)
            parts.append(late[:, :, :n_frames])
            at = end
        return torch.cat(parts, 1)
