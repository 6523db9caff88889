"""Bars of melodies, learnt in the style that other bars of the same tune show.

Latents of rhythm and of pitches (EC2-VAE, Yang et al. 2019), the first two numbers of each in the
order of an attribute (AR-VAE, Pati & Lerch 2020). The style must tell the dance type; the rhythm
latent must not (gradient reversal, Ganin & Lempitsky 2015).
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from cambiata.data.melody_bars import STYLES, TuneBars, TunesConfig, record_tunes
from cambiata.melody.bars import Counting
from cambiata.melody.encoding import (
    N_BEAT_POSITIONS,
    N_BEATS,
    N_CONTEXT,
    N_CONTOUR,
    N_PITCHES,
    Vocabulary,
)
from cambiata.melody.latent import ATTRIBUTES
from cambiata.train.config import LoopConfig, TrainingConfig
from cambiata.train.melody_network import Bars, MelodyNetwork, MelodyTraining, encode_positions, mlp
from cambiata.train.onnx import Method, OnnxPart
from cambiata.train.task import Progress, Recorded, Task
from cambiata.train.tensors import to_numpy

_ADVERSARY_WIDTH = 64  # of the hidden layers of the classifier that is confused; not tuned
_IMPOSSIBLE = -1e4  # logit of rhythms that are not of the metre's kind of beats
_WARMUP_SHARE = 0.1  # of the training, over which the pitch latent's divergence gains its weight
# What the system must know of styles (`measure_styles`).
_LEAST_TUNES, _LEAST_SHARE = 8, 0.05  # tunes of a kind of bar for a style to be at home in it
_N_RHYTHMS = 150  # most usual rhythms of a bar, for each style
_N_QUANTILES, _LEAST_BARS = 41, 200  # of rhythm latents: each 2.5 %, of kinds of bars as frequent


class _GradientReversal(torch.autograd.Function):
    """Identity whose gradient is reversed."""

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


class MelodyTask(Task):
    """Bars of melodies with their losses."""

    settings, system, card = MelodyTraining, "melody", "melody"
    config: MelodyTraining
    optional_weights = ("network.word", "network.rhythm_decoder")

    def __init__(self, config: MelodyTraining, words: Vocabulary | None = None) -> None:
        super().__init__(config)
        self.words = words or record_tunes(TunesConfig()).words
        self.network = MelodyNetwork(config, len(self.words))
        self.adversary = mlp(config.n_rhythm, _ADVERSARY_WIDTH, len(STYLES))
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

    def _compute_attributes(self, bars: Bars) -> tuple[Tensor, ...]:
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
        """Losses of bars, each with bars that show its style and their dance type.

        batch: [B, 1 + N_STYLE_BARS, N_PACKED + 1].
        """
        config, network = self.config, self.network
        bars, dance = Bars.of(batch[:, 0]), batch[:, 0, -1].long()
        mean_rhythm, log_variance_rhythm, mean_pitch, log_variance_pitch = network.encode(
            *bars.encoder_inputs
        )
        latent_r = mean_rhythm + torch.randn_like(mean_rhythm) * (0.5 * log_variance_rhythm).exp()
        latent_p = mean_pitch + torch.randn_like(mean_pitch) * (0.5 * log_variance_pitch).exp()
        style = self.encode_style(batch[:, 1:])
        dance_loss = self._dance_loss(network.dance(style), dance)
        noisy_style = style + config.style_noise * torch.randn_like(style)
        rhythm, pitch = self._reconstruction_loss(bars, latent_r, latent_p, noisy_style)
        kl_rhythm = _kl_divergence(mean_rhythm, log_variance_rhythm)
        kl_pitch = _kl_divergence(mean_pitch, log_variance_pitch)
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
        annealing = min(1.0, share / _WARMUP_SHARE)
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
            "rhythm nats": kl_rhythm,
            "pitch nats": kl_pitch,
            "attributes": attribute_loss,
            "dance": dance_loss,
            "confusion": confusion,
        }

    def encode_style(self, bars: Tensor) -> Tensor:
        """Mean style of some bars, [B, n_style].

        bars: [B, N_STYLE_BARS, N_PACKED + 1].
        """
        n = bars.shape[1]
        styles = self.network.encode_style(*Bars.of(bars.flatten(0, 1)).encoder_inputs)
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

    def _rhythm_logits(self, bars: Bars, latent: Tensor, style: Tensor) -> Tensor:
        """Logits of every beat's rhythm [B, N_BEATS, n_words]."""
        past = nn.functional.pad(bars.rhythm, (2, 0))
        compound = bars.frame[:, 3].long()
        logits_of_beats = []
        for beat in range(N_BEATS):
            one = nn.functional.one_hot(torch.full_like(compound, beat), N_BEATS).float()
            previous = past[:, [beat + 1, beat]]
            logits_of_beats.append(self.network.beat(latent, style, previous, one, bars.frame))
        logits = torch.stack(logits_of_beats, 1)
        return logits.masked_fill(~self.kinds[compound][:, None], _IMPOSSIBLE)

    def _pitch_logits(self, bars: Bars, latent: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
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
        self, bars: Bars, latent_r: Tensor, latent_p: Tensor, style: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Cross-entropy of a bar's rhythm and of its pitches, in nats."""
        mask, n = bars.rhythm > 0, len(bars.rhythm)
        rhythm = self._rhythm_logits(bars, latent_r, style)[mask]
        rhythm_nats = nn.functional.cross_entropy(rhythm, bars.rhythm[mask], reduction="sum")
        pitch_nats = nn.functional.cross_entropy(
            *self._pitch_logits(bars, latent_p, style), reduction="sum"
        )
        return rhythm_nats / n, pitch_nats / n

    def validate(self, batches: list[Tensor], share: float) -> dict[str, float]:
        """Shares of beats, tones and dances of other families that are predicted rightly.

        "beats elsewhere" are those that stay right with another tune's style: the lower it is, the
        more the style says.
        """
        correct: dict[str, list[Tensor]] = {
            "beats": [],
            "tones": [],
            "dances": [],
            "beats elsewhere": [],
        }
        with torch.no_grad():
            for batch in batches:
                bars, dance = Bars.of(batch[:, 0]), batch[:, 0, -1].long()
                mean_rhythm, _, mean_pitch, _ = self.network.encode(*bars.encoder_inputs)
                style = self.encode_style(batch[:, 1:])
                mask = bars.rhythm > 0
                for name, some_style in (("beats", style), ("beats elsewhere", style.roll(1, 0))):
                    predicted = self._rhythm_logits(bars, mean_rhythm, some_style).argmax(-1)
                    correct[name].append((predicted == bars.rhythm)[mask])
                logits, pitches = self._pitch_logits(bars, mean_pitch, style)
                correct["tones"].append(logits.argmax(-1) == pitches)
                correct["dances"].append(
                    (self.network.dance(style).argmax(-1) == dance)[dance >= 0]
                )
        return {name: float(torch.cat(hits).float().mean()) for name, hits in correct.items()}

    @classmethod
    def record(cls, config: TrainingConfig, folder: str | None, progress: Progress) -> Recorded:
        """Bars of the old collections' tunes."""
        return record_tunes(config.examples, folder, progress=progress)

    def onnx_facts(self, config: TrainingConfig, figures: Mapping[str, Any]) -> dict[str, Any]:
        """The vocabulary, and the styles as they are in the bars that were learnt from."""
        return measure_styles(self, record_tunes(config.examples, self.examples_folder))

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
    """The vocabulary, and the styles, spreads and quantiles of the bars that were learnt from.

    "styles": of each its vector, the kinds of bars it is at home in, its number of tunes and its
    most usual rhythms of a bar; "quantiles" of rhythm latents for every kind of bar; "spread":
    deviations of the latents that are in the order of attributes.
    """
    with torch.no_grad():
        packed = Bars.of(torch.from_numpy(bars.bars))
        shown = to_numpy(task.network.encode_style(*packed.encoder_inputs))
        rhythm_latents, pitch_latents = task.network.encode_means(*packed.encoder_inputs)
    firsts = np.searchsorted(bars.tune, np.arange(len(bars.dance)))
    vectors = np.add.reduceat(shown, firsts) / np.bincount(bars.tune)[:, None]
    frames = to_numpy(packed.frame)[firsts]
    kinds = [(int(frame[:3].argmax()) + 2, bool(frame[3])) for frame in frames]
    styles = {}
    for number, name in enumerate(STYLES):
        tunes = np.flatnonzero(bars.dance == number)
        counts = Counter(kinds[tune] for tune in tunes).most_common()
        least = max(_LEAST_TUNES, _LEAST_SHARE * len(tunes))
        usual_kinds = [kind for kind, n in counts if n >= least]
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
            "rhythms": [[list(rhythm), n] for rhythm, n in rhythms.most_common(_N_RHYTHMS)],
        }
    ordered = (*rhythm_latents[:, :2].T, *pitch_latents[:, :2].T)
    return {
        "words": task.words.to_json(),
        "styles": styles,
        "spread": {
            name: float(latent.std()) for name, latent in zip(ATTRIBUTES, ordered, strict=True)
        },
        "quantiles": _quantiles(to_numpy(rhythm_latents), [kinds[tune] for tune in bars.tune]),
    }


def _quantiles(
    latents: npt.NDArray[np.float32], kinds: list[tuple[int, bool]]
) -> dict[str, list[list[float]]]:
    """Quantiles of each number of latents, for every kind of bar that is frequent."""
    shares = np.linspace(0, 1, _N_QUANTILES)
    quantiles = {}
    for kind in sorted(set(kinds)):
        of_kind = latents[np.array([each == kind for each in kinds])]
        if len(of_kind) >= _LEAST_BARS:
            # Rising by a hair where they are level, so that they can be looked up both ways.
            rows = np.quantile(of_kind, shares, axis=0) + 1e-6 * shares[:, None]
            quantiles[str(Counting(*kind))] = np.round(rows, 6).tolist()
    return quantiles


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
