"""Waveforms of predicted note frames in torch, which gradients pass: for losses of waveforms.

The same inverse transforms as `cambiata.partials.synthesis` has, with one moment a frame instead of
two, and phases and noise that are new each time.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from cambiata.partials.bands import (
    NOISE_RANGE_DB,
    PARTIAL_RANGE_DB,
    band_filters,
    noise_interpolation,
)
from cambiata.partials.note_frames import HIGHEST_HZ, HOP, N_FEATURES, WINDOW, age_of_features
from cambiata.partials.oscillators import HOP as STEP
from cambiata.partials.oscillators import (
    LOBE_STEPS,
    LOBES,
    LONG,
    N_FFT,
    QUIETEST_DB,
    REACH,
    SHORT,
    TO_TRIANGLE,
)
from cambiata.partials.posteriors import BANDS
from cambiata.partials.synthesis import (
    N_MIDI,
    SILENCE_DB,
    STEPS_PER_FRAME,
    gain_position,
    mean_log_deficit_db,
)
from cambiata.train.band_losses import DB

# A note's age grows by a frame from one of its rows to the next; ages are stored in half
# precision, so that a row counts as the next where it is nearly as old or older.
_OLDER = 0.9
_MIDDLE = slice(N_FFT // 2 - STEP, N_FFT // 2 + STEP)


class Levels(NamedTuple):
    """What the networks predict of an example, in dB."""

    partials_db: Tensor  # of note frames, relative to their note's strength [Q, P]
    noise_db: Tensor  # likewise [Q, N_NOISE]
    background_db: Tensor  # noise that sounds throughout [N_NOISE]
    gain_db: Tensor  # correction of partials and noise [bands, L]
    residual_db: Tensor  # what else sounds, as noise [bands, L]


class _Steps(NamedTuple):
    """Steps of the synthesis at which notes sound."""

    step: Tensor  # [S]
    row: Tensor  # the note frame that it follows [S]
    following: Tensor  # the note frame after that one, or the same [S]
    share: Tensor  # of the way to it [S, 1]

    def between(self, level_db: Tensor) -> Tensor:
        """Levels of note frames [Q, ...] at the steps [S, ...]: straight lines in dB."""
        return torch.lerp(level_db[self.row], level_db[self.following], self.share)


class TorchSynthesis(nn.Module):
    """Partials and noise of note frames as a waveform."""

    lobes: Tensor
    triangle: Tensor
    noise_to_short: Tensor
    short_places: Tensor
    short_deficit_db: Tensor
    short_audible: Tensor
    bands_to_long: Tensor
    long_audible: Tensor
    residual_offset_db: Tensor

    def __init__(self) -> None:
        super().__init__()
        short_hz = np.arange(SHORT.n_bins) * BANDS.sample_rate / SHORT.n_fft
        places = gain_position(short_hz)
        deficit_db = mean_log_deficit_db()
        filters = band_filters()
        constants = {
            "lobes": LOBES,
            "triangle": TO_TRIANGLE[_MIDDLE],
            "noise_to_short": noise_interpolation(short_hz),
            "short_places": places,
            "short_deficit_db": np.interp(places, np.arange(len(deficit_db)), deficit_db),
            "short_audible": np.where(short_hz > HIGHEST_HZ, 0.0, 1.0),
            "bands_to_long": filters,
            "long_audible": np.where(filters.sum(axis=0) == 0, 0.0, 1.0),
            "residual_offset_db": deficit_db - 10 * np.log10(filters.sum(axis=1)),
        }
        for name, array in constants.items():
            tensor = torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
            self.register_buffer(name, tensor, persistent=False)

    def forward(self, levels: Levels, queries: Tensor, hz: Tensor) -> Tensor:
        """The waveform, in units of RMS.

        queries: as `note_dataset.query_rows` makes them [Q, 22]; hz: frequencies of the partials
        [Q, P]; returns [L * HOP].
        """
        n_frames = levels.gain_db.shape[1]
        steps = _steps(queries, n_frames)
        strength_db = queries[:, N_FEATURES + 2, None]
        frame = queries[:, N_FEATURES, None]
        gain_db = _bilinear(levels.gain_db, torch.from_numpy(gain_position(hz.numpy())), frame)
        partials_db = levels.partials_db.clamp(*PARTIAL_RANGE_DB) + strength_db + gain_db
        pitch = queries[:, N_FEATURES + 1].round().long()
        partials = self._partials(steps.between(partials_db), hz, pitch, steps, n_frames)
        noise_db = levels.noise_db.clamp(*NOISE_RANGE_DB) + strength_db
        noise = self._note_noise(steps.between(noise_db), steps, levels, n_frames)
        return partials + noise + self._residual(levels.residual_db)

    def _partials(
        self, level_db: Tensor, hz: Tensor, pitch: Tensor, steps: _Steps, n_frames: int
    ) -> Tensor:
        """Sinusoids by inverse transforms; level_db: [S, P]; returns [L * HOP]."""
        n_steps = n_frames * STEPS_PER_FRAME
        hz = hz[steps.row]
        loudest_db = float(level_db.detach().max()) if level_db.numel() else 0.0
        audible = (level_db.detach() > loudest_db + QUIETEST_DB) & (hz < HIGHEST_HZ)
        row, column = audible.nonzero(as_tuple=True)
        hz, step = hz[row, column].double(), steps.step[row]
        amplitude = 0.5 * torch.exp(level_db[row, column] / (2 * DB))
        start = torch.rand(N_MIDI, level_db.shape[1], dtype=torch.float64)[
            pitch[steps.row[row]], column
        ]
        phase = 2 * math.pi * (hz * step * (STEP / BANDS.sample_rate) + start).frac().float()
        place = hz * (N_FFT / BANDS.sample_rate)
        bins = place.round().long()
        lobe = self.lobes[((place - bins + 0.5) * LOBE_STEPS).round().long()]
        width = N_FFT // 2 + 1 + 2 * REACH
        at = ((step * width + bins)[:, None] + torch.arange(2 * REACH + 1)).flatten()
        parts = [
            torch.zeros(n_steps * width).index_add(
                0, at, (lobe * (amplitude * factor)[:, None]).flatten()
            )
            for factor in (phase.cos(), phase.sin())
        ]
        return self._overlap_add(torch.complex(*parts).view(n_steps, width))

    def _overlap_add(self, spectrum: Tensor) -> Tensor:
        """Sound [n_steps * STEP] of spectra [n_steps, bins], REACH of them below zero."""
        body = spectrum[:, REACH : REACH + N_FFT // 2 + 1]
        # The sinusoid's mirror image at negative frequencies reaches over zero.
        mirrored = spectrum[:, :REACH].flip(1).conj()
        zero = 2 * body[:, :1].real.to(body.dtype)
        body = torch.cat([zero, body[:, 1 : REACH + 1] + mirrored, body[:, REACH + 1 :]], dim=1)
        # Windows are centred on their frames.
        signs = 1 - 2 * (torch.arange(body.shape[1]) % 2)
        wave = torch.fft.irfft(body * signs, n=N_FFT)[:, _MIDDLE] * self.triangle
        first, second = wave[:, :STEP], wave[:, STEP:]
        # Each STEP is the second half of a frame and the first half of the one after it.
        sound: Tensor = second + torch.cat([first[1:], torch.zeros(1, STEP)])
        return sound.flatten()

    def _note_noise(self, level_db: Tensor, steps: _Steps, levels: Levels, n_frames: int) -> Tensor:
        """Noise of the notes and of the background, by the short transform."""
        n_steps = n_frames * STEPS_PER_FRAME
        power = torch.zeros(n_steps, level_db.shape[1])
        power = power.index_add(0, steps.step, torch.exp(level_db / DB))
        level = (DB * torch.log(power + 1e-13)) @ self.noise_to_short
        at = torch.arange(n_steps) / STEPS_PER_FRAME
        gain_db = _bilinear(levels.gain_db, self.short_places[None], at[:, None])
        level = level + gain_db + self.short_deficit_db
        background = (levels.background_db @ self.noise_to_short).expand_as(level)
        level = DB * torch.logaddexp(level / DB, background / DB)
        return _filtered_noise(level.t(), self.short_audible, SHORT.n_fft, STEP)

    def _residual(self, residual_db: Tensor) -> Tensor:
        """The refiner's residual as noise, by the transform of the analysis."""
        level = self.bands_to_long.t() @ (residual_db + self.residual_offset_db[:, None])
        return _filtered_noise(level, self.long_audible, LONG.n_fft, HOP)


def _steps(queries: Tensor, n_frames: int) -> _Steps:
    """Steps of the synthesis that follow each note frame of `queries` [Q, 22]."""
    frame, pitch = (queries[:, N_FEATURES + i].round().long() for i in (0, 1))
    age_s = torch.from_numpy(age_of_features(queries[:, :N_FEATURES].numpy())).float()
    # A note that has not begun shares its frame with the one before it of the same pitch.
    key = 2 * (pitch * (n_frames + 2) + frame) + (age_s < 0)
    order = key.argsort()
    wanted = 2 * (pitch * (n_frames + 2) + frame + 1)
    place = torch.searchsorted(key[order], wanted).clamp_max(max(0, len(key) - 1))
    following = order[place]
    follows = (key[following] == wanted) & (age_s[following] > _OLDER * age_s)
    rows = torch.arange(len(key))
    following = torch.where(follows, following, rows)
    # The oscillators rise to the first step that sounds during the step before it, which
    # therefore begins within half a step of the onset.
    onset = (frame - age_s / BANDS.frame_s) * STEPS_PER_FRAME + 0.5
    offsets = torch.arange(STEPS_PER_FRAME)
    step = frame[:, None] * STEPS_PER_FRAME + offsets
    row, offset = (step >= onset[:, None]).nonzero(as_tuple=True)
    share = (offset / STEPS_PER_FRAME)[:, None]
    return _Steps(step[row, offset], row, following[row], share)


def _bilinear(grid: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Values between the points of a grid [R, C], at places that are brought inside it."""
    rows = rows.float().clamp(0, grid.shape[0] - 1)
    columns = columns.clamp(0, grid.shape[1] - 1)
    r = rows.long().clamp_max(max(0, grid.shape[0] - 2))
    c = columns.long().clamp_max(max(0, grid.shape[1] - 2))
    next_r = (r + 1).clamp_max(grid.shape[0] - 1)
    next_c = (c + 1).clamp_max(grid.shape[1] - 1)
    right = columns - c
    upper = torch.lerp(grid[r, c], grid[r, next_c], right)
    lower = torch.lerp(grid[next_r, c], grid[next_r, next_c], right)
    return torch.lerp(upper, lower, rows - r)


def _filtered_noise(level_db: Tensor, audible: Tensor, n_fft: int, hop: int) -> Tensor:
    """White noise filtered to levels of bins [F, L]: [L * hop]."""
    n_samples = level_db.shape[1] * hop
    window = torch.hann_window(n_fft)
    noise = torch.randn(n_samples)
    spectrum = torch.stft(
        noise, n_fft, hop, window=window, pad_mode="constant", return_complex=True
    )
    level_db = torch.cat([level_db, level_db[:, -1:]], dim=1)  # the frame at the very end
    # A bin of the analysis has 6 / WINDOW of the noise's variance (Hann's window).
    gain = torch.exp(level_db.clamp_min(SILENCE_DB) / (2 * DB)) * math.sqrt(WINDOW / 6)
    return torch.istft(
        spectrum * gain * audible[:, None], n_fft, hop, window=window, length=n_samples
    )
