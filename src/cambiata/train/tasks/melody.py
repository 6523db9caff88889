"""Melodies learnt: a bar's rhythm and pitches apart, in the style that other bars show."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from cambiata.data.melody_bars import STYLES, TuneBars, TunesConfig, record_tunes
from cambiata.melody.bars import Counting
from cambiata.melody.encoding import (
    MAX_ONSETS,
    N_BEAT_POSITIONS,
    N_BEATS,
    N_CONTEXT,
    N_CONTOUR,
    N_PACKED,
    N_PITCHES,
    Vocabulary,
)
from cambiata.melody.latent import ATTRIBUTES
from cambiata.train.config import LoopConfig, TrainingConfig
from cambiata.train.onnx import Method, OnnxPart
from cambiata.train.task import Progress, Recorded, Task

_PITCH_WIDTH, _RHYTHM_WIDTH = 12, 16


@dataclass(frozen=True)
class MelodyTraining:
    """Sizes of `MelodyNetwork` and weights of the losses of `MelodyTask`."""

    old_names: ClassVar[Mapping[str, str]] = {"rhythm_told": "rhythm_nats"}  # before 0.2.0

    # Sizes of the latents of a bar's rhythm and pitches, and of a style
    n_rhythm: int = 12
    n_pitch: int = 32
    n_style: int = 16
    width: int = 256  # Of hidden layers
    # What the rhythm's latent is to tell, in nats a bar: with none of it a style's most usual bar
    # is said for any other, with all of it the bar itself whatever the style
    rhythm_nats: float = 2.0
    # Of what the latents tell (Kullback-Leibler divergence): the rhythm's beside `rhythm_nats`
    rhythm_weight: float = 1.0
    pitch_weight: float = 0.1
    # Of the order of attributes, gamma and delta of Pati & Lerch (2020)
    attribute_weight: float = 0.3
    attribute_slope: float = 10.0
    dance_weight: float = 1.0  # Of naming the dance type by the style
    confusion_weight: float = 0.3  # Of not naming it by the rhythm's latent
    # Standard deviation of noise on styles, so that what lies between them is learnt too
    style_noise: float = 0.1


def _layers(n_in: int, width: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(n_in, width),
        nn.GELU(),
        nn.Linear(width, width),
        nn.GELU(),
        nn.Linear(width, n_out),
    )


class MelodyNetwork(nn.Module):
    """What is learnt of bars: what their rhythm and their pitches say, apart, and their style."""

    def __init__(self, config: MelodyTraining, n_words: int) -> None:
        super().__init__()
        width = config.width
        self.config = config
        self.word = nn.Embedding(n_words, _RHYTHM_WIDTH)
        self.pitch = nn.Embedding(N_PITCHES + 2, _PITCH_WIDTH)
        n_rhythm, n_curve = N_BEATS * _RHYTHM_WIDTH, N_CONTOUR * _PITCH_WIDTH
        self.rhythm_encoder = _layers(n_rhythm + N_CONTEXT, width, 2 * config.n_rhythm)
        self.pitch_encoder = _layers(n_curve + 12, width, 2 * config.n_pitch)
        self.style_encoder = _layers(n_rhythm + n_curve + N_CONTEXT + 12, width, 64)
        self.style = nn.Linear(64, config.n_style)
        self.dance = nn.Linear(config.n_style, len(STYLES))
        self.rhythm_decoder = _layers(
            config.n_rhythm + config.n_style + 2 * _RHYTHM_WIDTH + N_BEATS + N_CONTEXT,
            width,
            n_words,
        )
        self.pitch_decoder = _layers(
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
        """What a bar's rhythm and pitches say.

        rhythm, curve, frame, scale: [B, ...]; returns [B, n_rhythm], [B, n_pitch].
        """
        words = self.word(rhythm).flatten(1)
        pitches = self.pitch(curve).flatten(1)
        rhythm_latent = self.rhythm_encoder(torch.cat([words, frame], 1))
        pitch_latent = self.pitch_encoder(torch.cat([pitches, scale], 1))
        return (*rhythm_latent.chunk(2, 1), *pitch_latent.chunk(2, 1))

    def encode_means(
        self, rhythm: Tensor, curve: Tensor, frame: Tensor, scale: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Means of both latents.

        rhythm, curve, frame, scale: [B, ...]; returns [B, n_rhythm], [B, n_pitch].
        """
        mean_rhythm, _, mean_pitch, _ = self.encode(rhythm, curve, frame, scale)
        return mean_rhythm, mean_pitch

    def encode_style(self, rhythm: Tensor, curve: Tensor, frame: Tensor, scale: Tensor) -> Tensor:
        """The style that each bar shows; a style is the mean over bars.

        returns [B, n_style].
        """
        words = self.word(rhythm).flatten(1)
        pitches = self.pitch(curve).flatten(1)
        styles: Tensor = self.style(
            torch.tanh(self.style_encoder(torch.cat([words, pitches, frame, scale], 1)))
        )
        return styles

    def beat(
        self, latent: Tensor, style: Tensor, previous: Tensor, beat: Tensor, frame: Tensor
    ) -> Tensor:
        """How likely each rhythm of a beat is.

        latent, style: [B, n_rhythm] or [B, n_style]; previous: [B, 2]; beat: [B, N_BEATS];
        frame: [B, N_FRAME]; returns [B, n_words].
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
        """How likely each pitch of a tone is.

        latent, style: [B, n_pitch] or [B, n_style]; previous: [B, 2]; place: [B, N_BEATS +
        N_PLACES + 2]; frame, scale: [B, N_FRAME] or [B, 12]; returns [B, N_PITCHES].
        """
        pitches = self.pitch(previous).flatten(1)
        output: Tensor = self.pitch_decoder(
            torch.cat([latent, style, pitches, place, frame, scale], 1)
        )
        return output


class _GradientReversal(torch.autograd.Function):
    """The same forward; backward, what teaches to tell teaches not to be told."""

    @staticmethod
    def forward(_ctx: Any, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(_ctx: Any, gradient: Tensor) -> Tensor:
        return -gradient


def _reverse_gradient(x: Tensor) -> Tensor:
    found: Tensor = _GradientReversal.apply(x)  # type: ignore[no-untyped-call]
    return found


def _kl_divergence(means: Tensor, log_variance: Tensor) -> Tensor:
    """Kullback-Leibler divergence of latents from the normal distribution, in nats a bar."""
    return 0.5 * (means**2 + log_variance.exp() - 1 - log_variance).sum(1).mean()


@dataclass(frozen=True)
class _Bars:
    """A batch of bars, taken apart."""

    rhythm: Tensor
    curve: Tensor
    at: Tensor
    pitches: Tensor
    previous: Tensor
    frame: Tensor
    scale: Tensor

    @classmethod
    def of(cls, packed: Tensor) -> "_Bars":
        sizes = [N_BEATS, N_CONTOUR, MAX_ONSETS, MAX_ONSETS, 2, N_CONTEXT, 12]
        parts = torch.split(packed[..., :N_PACKED], sizes, -1)
        return cls(*(part.long() for part in parts[:5]), *(part.float() for part in parts[5:]))

    @property
    def encoder_inputs(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.rhythm, self.curve, self.frame, self.scale


def encode_positions(at: Tensor, n_beats: Tensor) -> Tensor:
    """Where tones are in their bars, as networks see it.

    at: [B, N]; n_beats: [B]; returns [B, N, N_BEATS + N_PLACES + 2].
    """
    known = at.clamp(min=0)
    following = torch.cat([at[:, 1:], torch.full_like(at[:, :1], -1)], 1)
    following = torch.where(following < 0, n_beats[:, None] * 36, following)
    first = torch.zeros_like(at)
    first[:, 0] = 1
    return torch.cat(
        [
            nn.functional.one_hot(known // 36, N_BEATS),
            nn.functional.one_hot(known % 36 // 3, N_BEAT_POSITIONS),
            first[..., None],
            ((following - known) / 36)[..., None],
        ],
        -1,
    ).float()


class MelodyTask(Task):
    """Bars learnt: EC2-VAE's two latents (Yang et al. 2019) with AR-VAE's attributes.

    Attributes are those of Pati & Lerch (2020), latents of Yang et al. (2019). We differ: rhythms
    are told beat by beat, pitches tone by tone, both by plain layers over what came before (they
    have recurrent networks of 2048 over sixteenths); chords are not given, but a style is, which
    other bars of the same tune show, and of which the dance type must be told.
    """

    settings, system, card = MelodyTraining, "melody", "melody"
    config: MelodyTraining
    optional_weights = ("network.word", "network.rhythm_decoder")

    def __init__(self, config: MelodyTraining, words: Vocabulary | None = None) -> None:
        super().__init__(config)
        self.words = words or record_tunes(TunesConfig()).words
        self.network = MelodyNetwork(config, len(self.words))
        self.adversary = _layers(config.n_rhythm, 64, len(STYLES))
        self.register_buffer("kinds", torch.from_numpy(self.words.kinds))
        self.register_buffer("onsets", torch.tensor([0, *self._counts(offbeat=False)]))
        self.register_buffer("offbeats", torch.tensor([0, *self._counts(offbeat=True)]))

    kinds: Tensor
    onsets: Tensor
    offbeats: Tensor

    def _counts(self, *, offbeat: bool) -> list[int]:
        return [
            sum(is_tone and (at > 0 or not offbeat) for at, is_tone in self.words.pattern(i))
            + 2 * (offbeat and self.words.pattern(i)[:1] != ((0, True),))
            for i in range(1, len(self.words))
        ]

    def _compute_attributes(self, bars: _Bars) -> tuple[Tensor, ...]:
        """Density, syncopation, range and direction of bars, [B] each."""
        present = bars.at >= 0
        high = torch.where(present, bars.pitches, -99).amax(1)
        low = torch.where(present, bars.pitches, 99).amin(1)
        n_tones = present.sum(1)
        last = bars.pitches.gather(1, (n_tones - 1).clamp(min=0)[:, None])[:, 0]
        return (
            self.onsets[bars.rhythm].sum(1),
            self.offbeats[bars.rhythm].sum(1),
            high - low,
            last - bars.pitches[:, 0],
        )

    def forward(self, batch: Tensor, share: float) -> dict[str, Tensor]:
        """Losses of a batch.

        batch: [B, 1 + N_SHOWN, N_NUMBERS + 1].
        """
        config, network = self.config, self.network
        bars, dance = _Bars.of(batch[:, 0]), batch[:, 0, -1].long()
        mean_rhythm, log_variance_rhythm, mean_pitch, log_variance_pitch = network.encode(
            *bars.encoder_inputs
        )
        latent_r = mean_rhythm + torch.randn_like(mean_rhythm) * (0.5 * log_variance_rhythm).exp()
        latent_p = mean_pitch + torch.randn_like(mean_pitch) * (0.5 * log_variance_pitch).exp()
        style = self.encode_style(batch[:, 1:])
        dance_loss = self._dance_loss(network.dance(style), dance)
        noisy_style = style + config.style_noise * torch.randn_like(style)
        rhythm, pitch = self._reconstruction_loss(bars, latent_r, latent_p, noisy_style)
        kl_rhythm, kl_pitch = (
            _kl_divergence(mean_rhythm, log_variance_rhythm),
            _kl_divergence(mean_pitch, log_variance_pitch),
        )
        attributes = self._compute_attributes(bars)
        attribute_loss = sum(
            (
                self._attribute_loss(latent[:, i], attribute)
                for latent, i, attribute in zip(
                    (latent_r, latent_r, latent_p, latent_p), (0, 1, 0, 1), attributes, strict=True
                )
            ),
            torch.zeros(()),
        )
        confusion = self._dance_loss(self.adversary(_reverse_gradient(mean_rhythm)), dance)
        annealing = min(1.0, share / 0.1)
        loss = (
            rhythm
            + pitch
            + config.rhythm_weight * (kl_rhythm - config.rhythm_nats).abs()
            + annealing * config.pitch_weight * kl_pitch
            + config.attribute_weight * attribute_loss
            + config.dance_weight * dance_loss
            + config.confusion_weight * confusion
        )
        return {
            "loss": loss,
            "rhythm": rhythm,
            "pitch": pitch,
            "told by rhythm": kl_rhythm,
            "told by pitch": kl_pitch,
            "attributes": attribute_loss,
            "dance": dance_loss,
            "confusion": confusion,
        }

    def encode_style(self, bars: Tensor) -> Tensor:
        """The style that bars show.

        bars: [B, N_SHOWN, N_NUMBERS + 1]; returns [B, n_style].
        """
        n = bars.shape[1]
        styles = self.network.encode_style(*_Bars.of(bars.flatten(0, 1)).encoder_inputs)
        return styles.view(-1, n, styles.shape[1]).mean(1)

    def _dance_loss(self, logits: Tensor, dance: Tensor) -> Tensor:
        has_dance = dance >= 0
        each = nn.functional.cross_entropy(logits, dance.clamp(min=0), reduction="none")
        return (each * has_dance).sum() / has_dance.sum().clamp(min=1)

    def _attribute_loss(self, latent: Tensor, attribute: Tensor) -> Tensor:
        """Pati & Lerch (2020), equation 5."""
        latent_order = torch.tanh(self.config.attribute_slope * (latent[:, None] - latent[None]))
        attribute_order = torch.sign((attribute[:, None] - attribute[None]).float())
        return (latent_order - attribute_order).abs().mean()

    def _rhythm_logits(self, bars: _Bars, latent: Tensor, style: Tensor) -> Tensor:
        """Logits of every beat's rhythm [B, N_BEATS, n_words]."""
        past = nn.functional.pad(bars.rhythm, (2, 0))
        compound = bars.frame[:, 3].long()
        logits_of_beats = []
        for beat in range(N_BEATS):
            one = nn.functional.one_hot(torch.full_like(compound, beat), N_BEATS).float()
            previous = past[:, [beat + 1, beat]]
            logits_of_beats.append(self.network.beat(latent, style, previous, one, bars.frame))
        logits = torch.stack(logits_of_beats, 1)
        return logits.masked_fill(~self.kinds[compound][:, None], -1e4)

    def _pitch_logits(self, bars: _Bars, latent: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the pitches of all tones there are [N, N_PITCHES], and the pitches [N]."""
        mask = bars.at >= 0
        rows = torch.nonzero(mask)[:, 0]
        past = torch.cat([bars.previous.flip(1), bars.pitches], 1)
        previous = torch.stack([past[:, 1:-1], past[:, :-2]], -1)
        n_beats = bars.frame[:, :3].argmax(1) + 2
        logits = self.network.tone(
            latent[rows],
            style[rows],
            previous[mask],
            encode_positions(bars.at, n_beats)[mask],
            bars.frame[rows],
            bars.scale[rows],
        )
        return logits, bars.pitches[mask]

    def _reconstruction_loss(
        self, bars: _Bars, latent_r: Tensor, latent_p: Tensor, style: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Cross-entropy of a bar's rhythm and of its pitches, in nats."""
        mask, n = bars.rhythm > 0, len(bars.rhythm)
        rhythm = self._rhythm_logits(bars, latent_r, style)[mask]
        rhythm_latent = nn.functional.cross_entropy(rhythm, bars.rhythm[mask], reduction="sum")
        pitch_latent = nn.functional.cross_entropy(
            *self._pitch_logits(bars, latent_p, style), reduction="sum"
        )
        return rhythm_latent / n, pitch_latent / n

    def validate(self, batches: list[Tensor], share: float) -> dict[str, float]:
        """How well bars of other families are told."""
        del share
        correct: dict[str, list[Tensor]] = {
            "beats": [],
            "tones": [],
            "dances": [],
            "beats elsewhere": [],
        }
        with torch.no_grad():
            for batch in batches:
                bars, dance = _Bars.of(batch[:, 0]), batch[:, 0, -1].long()
                mean_rhythm, _, mean_pitch, _ = self.network.encode(*bars.encoder_inputs)
                style = self.encode_style(batch[:, 1:])
                mask = bars.rhythm > 0
                for name, encode_style in (("beats", style), ("beats elsewhere", style.roll(1, 0))):
                    predicted = self._rhythm_logits(bars, mean_rhythm, encode_style).argmax(-1)
                    correct[name].append((predicted == bars.rhythm)[mask])
                logits, pitches = self._pitch_logits(bars, mean_pitch, style)
                correct["tones"].append(logits.argmax(-1) == pitches)
                correct["dances"].append(
                    (self.network.dance(style).argmax(-1) == dance)[dance >= 0]
                )
        return {name: float(torch.cat(found).float().mean()) for name, found in correct.items()}

    @classmethod
    def record(cls, config: TrainingConfig, folder: str | None, progress: Progress) -> Recorded:
        """Bars of the old collections' tunes."""
        return record_tunes(config.examples, folder, progress=progress)

    def onnx_facts(self, config: TrainingConfig, figures: Mapping[str, Any]) -> dict[str, Any]:
        """The vocabulary, and the styles as they are in the bars that were learnt from."""
        return measure_styles(self, record_tunes(config.examples))

    def onnx_parts(self) -> dict[str, OnnxPart]:
        """Both encoders' latents, the style's encoder, and the two decoders."""
        n, config = 3, self.config
        frame, scale = torch.zeros(n, N_CONTEXT), torch.zeros(n, 12)
        bars = {
            "rhythm": torch.full((n, N_BEATS), len(self.words) - 1),
            "curve": torch.full((n, N_CONTOUR), N_PITCHES),
            "frame": frame,
            "scale": scale,
        }
        style = {"style": torch.zeros(n, config.n_style)}
        beat = {
            "latent": torch.zeros(n, config.n_rhythm),
            **style,
            "before": torch.full((n, 2), len(self.words) - 1),
            "beat": torch.zeros(n, N_BEATS),
            "frame": frame,
        }
        tone = {
            "latent": torch.zeros(n, config.n_pitch),
            **style,
            "before": torch.full((n, 2), N_PITCHES),
            "place": torch.zeros(n, N_BEATS + N_BEAT_POSITIONS + 2),
            "frame": frame,
            "scale": scale,
        }

        def part(method: str, inputs: Mapping[str, Tensor], outputs: list[str]) -> OnnxPart:
            lengths = {name: {0: "bars"} for name in inputs}
            return OnnxPart(Method(self.network, method), inputs, lengths, outputs)

        return {
            "": part("encode_means", bars, ["of_rhythm", "of_pitch"]),
            "style": part("encode_style", bars, ["shown"]),
            "beat": part("beat", beat, ["logits"]),
            "tone": part("tone", tone, ["logits"]),
        }


def measure_styles(task: MelodyTask, bars: TuneBars) -> dict[str, Any]:
    """What the system must know beside the networks."""
    with torch.no_grad():
        encoder_inputs = _Bars.of(torch.from_numpy(bars.bars))
        encode_style = task.network.encode_style(*encoder_inputs.encoder_inputs).numpy()
        rhythm_latent, _, pitch_latent, _ = task.network.encode(*encoder_inputs.encoder_inputs)
    rhythm_latents = rhythm_latent.numpy()
    firsts = np.searchsorted(bars.tune, np.arange(len(bars.dance)))
    vectors = np.add.reduceat(encode_style, firsts) / np.bincount(bars.tune)[:, None]
    frames = encoder_inputs.frame.numpy()[firsts]
    kinds = [(int(frame[:3].argmax()) + 2, bool(frame[3])) for frame in frames]
    styles = {}
    for number, name in enumerate(STYLES):
        tunes = np.flatnonzero(bars.dance == number)
        counts = Counter(kinds[tune] for tune in tunes)
        usual_kinds = [kind for kind, n in counts.most_common() if n >= max(8, 0.05 * len(tunes))]
        if not usual_kinds:
            continue
        # The vector is that of tunes in the metre the style is most at home in.
        in_usual_kind = [tune for tune in tunes if kinds[tune] == usual_kinds[0]]
        rhythms: Counter[tuple[int, ...]] = Counter()
        for row in np.flatnonzero(np.isin(bars.tune, tunes)):
            rhythms[tuple(bars.bars[row, :N_BEATS].tolist())] += 1
        styles[name] = {
            "vector": [round(float(x), 5) for x in vectors[in_usual_kind].mean(axis=0)],
            "kinds": [list(kind) for kind in usual_kinds],
            "n_tunes": len(tunes),
            "rhythms": [[list(rhythm), n] for rhythm, n in rhythms.most_common(150)],
        }
    latents = (rhythm_latent[:, 0], rhythm_latent[:, 1], pitch_latent[:, 0], pitch_latent[:, 1])
    spread = {name: float(latent.std()) for name, latent in zip(ATTRIBUTES, latents, strict=True)}
    bar_kinds = [kinds[tune] for tune in bars.tune]
    shares = np.linspace(0, 1, 41)
    quantiles = {}
    for kind in sorted(set(kinds)):
        of_kind = rhythm_latents[np.array([each == kind for each in bar_kinds])]
        if len(of_kind) >= 200:
            rows = np.quantile(of_kind, shares, axis=0) + 1e-6 * shares[:, None]
            quantiles[str(Counting(*kind))] = np.round(rows, 6).tolist()
    return {
        "words": task.words.to_json(),
        "styles": styles,
        "spread": spread,
        "quantiles": quantiles,
    }


def _melody() -> TrainingConfig:
    loop = LoopConfig(
        batch_size=128,
        learning_rate=1e-3,
        ema_decay=0.998,
        n_threads=1,
        report_every_steps=200,
        validate_every_s=60.0,
        minutes=8.0,
    )
    return TrainingConfig(MelodyTraining(), TunesConfig(), loop)


PRESETS = {"melody": _melody}
