"""The network that turns bars of melodies: latents of rhythm and pitches apart, and a style.

EC2-VAE's two latents (Yang et al. 2019), shrunk. We differ: rhythms are predicted beat by beat and
pitches tone by tone, both by plain layers over what came before (they have recurrent networks of
2048 over sixteenths); chords are not given, but a style is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from cambiata.data.melody_bars import STYLES
from cambiata.melody.encoding import (
    MAX_ONSETS,
    N_BEAT_POSITIONS,
    N_BEATS,
    N_CONTEXT,
    N_CONTOUR,
    N_PACKED,
    N_PITCHES,
)

_PITCH_WIDTH, _RHYTHM_WIDTH = 12, 16  # of embeddings; not tuned
_STYLE_WIDTH = 64  # of the style encoder's output, before it is projected; not tuned
_TICKS = 36  # of a beat, as `cambiata.melody.encoding` counts


@dataclass(frozen=True)
class MelodyTraining:
    """Sizes of `MelodyNetwork` and weights of the losses of `MelodyTask`."""

    old_names: ClassVar[Mapping[str, str]] = {"rhythm_told": "rhythm_nats"}  # before 0.2.0

    n_rhythm: int = 12  # Numbers of a bar's rhythm latent
    n_pitch: int = 32  # Numbers of a bar's pitch latent
    n_style: int = 16  # Numbers of a style
    width: int = 256  # Of hidden layers
    # Nats a bar that the rhythm latent holds: with .25 every bar becomes the style's most usual
    # one, with 3.9 the bar stays itself whatever the style (docs/models/melody.md).
    rhythm_nats: float = 2.0
    rhythm_weight: float = 1.0  # Of the distance of the rhythm latent's divergence to `rhythm_nats`
    pitch_weight: float = 0.1  # Of the pitch latent's divergence
    attribute_weight: float = 0.3  # Of the attributes' order; gamma of Pati & Lerch (2020)
    attribute_slope: float = 10.0  # Their delta
    dance_weight: float = 1.0  # Of the dance type's cross-entropy, by the style
    confusion_weight: float = 0.3  # Of that by the rhythm latent, which learns against it
    style_noise: float = 0.1  # Deviation of noise on styles: what lies between two is learnt too


def mlp(n_in: int, width: int, n_out: int) -> nn.Sequential:
    """Two hidden layers of one width."""
    return nn.Sequential(
        nn.Linear(n_in, width),
        nn.GELU(),
        nn.Linear(width, width),
        nn.GELU(),
        nn.Linear(width, n_out),
    )


class MelodyNetwork(nn.Module):
    """Latents of a bar's rhythm and of its pitches, apart, its style; and back, note by note."""

    def __init__(self, config: MelodyTraining, n_words: int) -> None:
        super().__init__()
        width = config.width
        self.config = config
        self.word = nn.Embedding(n_words, _RHYTHM_WIDTH)
        self.pitch = nn.Embedding(N_PITCHES + 2, _PITCH_WIDTH)
        n_rhythm, n_curve = N_BEATS * _RHYTHM_WIDTH, N_CONTOUR * _PITCH_WIDTH
        self.rhythm_encoder = mlp(n_rhythm + N_CONTEXT, width, 2 * config.n_rhythm)
        self.pitch_encoder = mlp(n_curve + 12, width, 2 * config.n_pitch)
        self.style_encoder = mlp(n_rhythm + n_curve + N_CONTEXT + 12, width, _STYLE_WIDTH)
        self.style = nn.Linear(_STYLE_WIDTH, config.n_style)
        self.dance = nn.Linear(config.n_style, len(STYLES))
        self.rhythm_decoder = mlp(
            config.n_rhythm + config.n_style + 2 * _RHYTHM_WIDTH + N_BEATS + N_CONTEXT,
            width,
            n_words,
        )
        self.pitch_decoder = mlp(
            config.n_pitch
            + config.n_style
            + 2 * _PITCH_WIDTH
            + N_BEATS
            + N_BEAT_POSITIONS
            + 2
            + N_CONTEXT
            + 12,
            width,
            N_PITCHES,
        )

    def encode(
        self, rhythm: Tensor, curve: Tensor, frame: Tensor, scale: Tensor
    ) -> tuple[Tensor, ...]:
        """Means and log variances of both latents: [B, n_rhythm] twice, then [B, n_pitch] twice.

        rhythm: [B, N_BEATS]; curve: [B, N_CONTOUR]; frame: [B, N_CONTEXT]; scale: [B, 12].
        """
        words = self.word(rhythm).flatten(1)
        pitches = self.pitch(curve).flatten(1)
        rhythm_latent = self.rhythm_encoder(torch.cat([words, frame], 1))
        pitch_latent = self.pitch_encoder(torch.cat([pitches, scale], 1))
        return (*rhythm_latent.chunk(2, 1), *pitch_latent.chunk(2, 1))

    def encode_means(
        self, rhythm: Tensor, curve: Tensor, frame: Tensor, scale: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Means of both latents, [B, n_rhythm] and [B, n_pitch]."""
        mean_rhythm, _, mean_pitch, _ = self.encode(rhythm, curve, frame, scale)
        return mean_rhythm, mean_pitch

    def encode_style(self, rhythm: Tensor, curve: Tensor, frame: Tensor, scale: Tensor) -> Tensor:
        """The style that each bar shows, [B, n_style]; a style is the mean over bars."""
        words = self.word(rhythm).flatten(1)
        pitches = self.pitch(curve).flatten(1)
        styles: Tensor = self.style(
            torch.tanh(self.style_encoder(torch.cat([words, pitches, frame, scale], 1)))
        )
        return styles

    def beat(
        self, latent: Tensor, style: Tensor, previous: Tensor, beat: Tensor, frame: Tensor
    ) -> Tensor:
        """Logits of a beat's rhythm, [B, n_words].

        previous: rhythms of the two beats before, 0 for none [B, 2]; beat: one-hot [B, N_BEATS].
        """
        words = self.word(previous).flatten(1)
        output: Tensor = self.rhythm_decoder(torch.cat([latent, style, words, beat, frame], 1))
        return output

    def tone(
        self,
        latent: Tensor,
        style: Tensor,
        previous: Tensor,
        place: Tensor,
        frame: Tensor,
        scale: Tensor,
    ) -> Tensor:
        """Logits of a tone's pitch, [B, N_PITCHES].

        previous: the two pitches before, the last first [B, 2]; place: see `encode_positions`.
        """
        pitches = self.pitch(previous).flatten(1)
        output: Tensor = self.pitch_decoder(
            torch.cat([latent, style, pitches, place, frame, scale], 1)
        )
        return output


@dataclass(frozen=True)
class Bars:
    """A batch of packed bars, unpacked; see `cambiata.melody.encoding`."""

    rhythm: Tensor
    curve: Tensor
    at: Tensor  # onsets, in thirty-sixths of a beat; -1 for none
    pitches: Tensor
    previous: Tensor
    frame: Tensor
    scale: Tensor

    @classmethod
    def of(cls, packed: Tensor) -> "Bars":
        """Bars of [B, N_PACKED] or more numbers."""
        sizes = [N_BEATS, N_CONTOUR, MAX_ONSETS, MAX_ONSETS, 2, N_CONTEXT, 12]
        parts = torch.split(packed[..., :N_PACKED], sizes, -1)
        return cls(*(part.long() for part in parts[:5]), *(part.float() for part in parts[5:]))

    @property
    def encoder_inputs(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Arguments of the network's encoders."""
        return self.rhythm, self.curve, self.frame, self.scale


def encode_positions(at: Tensor, n_beats: Tensor) -> Tensor:
    """Places of tones in their bars, [B, N, N_BEATS + N_BEAT_POSITIONS + 2].

    Beat and twelfth of it one-hot, whether it is the bar's first, and its length in beats.

    at: [B, N], in thirty-sixths of a beat, -1 for none; n_beats: [B].
    """
    onset = at.clamp(min=0)
    following = torch.cat([at[:, 1:], torch.full_like(at[:, :1], -1)], 1)
    following = torch.where(following < 0, n_beats[:, None] * _TICKS, following)
    first = torch.zeros_like(at)
    first[:, 0] = 1
    return torch.cat(
        [
            nn.functional.one_hot(onset // _TICKS, N_BEATS),
            nn.functional.one_hot(onset % _TICKS // 3, N_BEAT_POSITIONS),
            first[..., None],
            ((following - onset) / _TICKS)[..., None],
        ],
        -1,
    ).float()
