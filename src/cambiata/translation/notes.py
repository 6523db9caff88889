"""Universal music translation: one encoder for all music, a decoder for every domain."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio.stft import Stft
from cambiata.audio.vocoder import MORPH_ITERATIONS, griffin_lim, morph
from cambiata.errors import InputError
from cambiata.partials.analysis import pitch_deviation_cents, pitch_evidence, power_spectrum
from cambiata.partials.bands import render_bands
from cambiata.partials.latent import conditioning_features, encode_notes, hidden_at_frames
from cambiata.partials.listened import Listened
from cambiata.partials.note_bands import tuned
from cambiata.partials.note_frames import N_NOISE, N_PARTIALS, WINDOW, NoteFrames, note_frames
from cambiata.partials.pitch_evidence import PitchEvidence
from cambiata.partials.posteriors import BANDS, NoteEvents, Roll
from cambiata.partials.synthesis import PER_FRAME, Prediction, synthesize
from cambiata.partials.vibrato import is_wavering, straighten
from cambiata.system import DomainMix, Progress, TranslateSystem
from cambiata.translation.domains import (
    DOMAIN_SYSTEM,
    Domains,
    TranslationConfig,
    added_domain_names,
    load_domain,
    shipped_domains,
)
from cambiata.translation.sampling import (
    DecoderWeights,
    mu_law_decode,
    mu_law_input,
    sample_levels,
)
from cambiata.weights import Model, load_model

_BATCH_FRAMES = 4096  # frames decoded in one call: bounds memory, changes nothing else
_NO_NOISE_DB = np.full(N_NOISE, -130, np.float32)  # decoders know no noise beside that of notes
# Where a domain's notes waver less than this (of those that ship: struck, plucked and organ 0.1 to
# 0.7, bowed and blown 1.0 to 1.3), their pitch is held straight, whatever the content's does.
_MIN_VIBRATO_CENTS = 0.85
# Progress shown once notes are detected, decoded and refined: estimates.
_DETECTED, _DECODED, _REFINED = 0.4, 0.6, 0.7
# The published network: 20 frames of latent a second. What ships has 2 kHz; weights of another rate
# are given theirs by `sample_rate`. It learnt sounds at an RMS of 0.1, and is given silence for 6
# frames (0.3 s), more than its layers look back, before it begins.
_WAVENET_RATE_HZ, _LATENT_RATE_HZ, _WAVENET_RMS, _LEAD_FRAMES = 2000, 20, 0.1, 6
_STFT = Stft()


class Translation(TranslateSystem[TranslationConfig, Domains]):
    """Any music as one of a few domains would play it.

    Mor, Wolf, Polyak, Taigman: "A Universal Music Translation Network", 2018: an encoder that all
    domains share and that cannot tell them apart, and a decoder for each.

    Preset ``mor2018-small`` is that network as published but for its size: a latent of 64 numbers
    20 times a second from an encoder that looks both ways, WaveNet decoders of three domains that
    draw sample after sample at 2 kHz. Preset ``default`` has the same parts made of notes, and
    renders all at once at 44.1 kHz: the encoder detects notes, with a latent of eight numbers at
    each of their moments (43 a second); a decoder predicts the partials and the noise of each
    moment, which become sound by inverse transforms (Rodet & Depalle 1992), so that there is no
    phase to guess.

    A mix of domains is, note frame by note frame, the mean of what their decoders predict in dB,
    by share; of ``mor2018-small`` the product of their distributions, each to the power of its
    share.

    `amount` between 0 and 1 morphs from the content's spectrogram to the full translation's, in dB
    and bin by bin (`cambiata.audio.vocoder.morph`).
    """

    name: ClassVar[str] = "translation"
    summary: ClassVar[str] = "plays anything as one of ten domains, or your own; 44.1 kHz"
    paper: ClassVar[str] = "Mor, Wolf, Polyak, Taigman: A Universal Music Translation Network, 2018"
    trained: ClassVar[bool] = True
    weights_licence: ClassVar[str] = "Apache-2.0"
    plays_at_once: ClassVar[bool] = True
    hears_pitches: ClassVar[bool] = True
    presets: ClassVar[Mapping[str, TranslationConfig]] = {
        "default": TranslationConfig(),
        "mor2018-small": TranslationConfig(
            sample_rate=_WAVENET_RATE_HZ,
            weights="mor2018-small",
            domains="mor2018-small-domains",
            # Of 1, .85 and .7 the one at which most notes are found (docs/models/translation.md).
            temperature=0.7,
        ),
    }

    def __init__(self, config: TranslationConfig) -> None:
        super().__init__(config)
        self._encoder = load_model(config.weights, self.name)
        rate = int(self._encoder.about["sample_rate"])
        if config.sample_rate != rate:
            raise InputError(
                "sample_rate",
                f"must be {rate}: the encoder knows no other",
                f"set it to {rate}, or choose other weights",
            )
        self._is_wavenet = self._encoder.about["kind"] == "samples"
        self._listened = Listened[tuple[NoteEvents, Roll, Roll]]()
        belongs_to = load_model(config.domains, DOMAIN_SYSTEM).about.get("encoder")
        if belongs_to != self._encoder.sha256:
            raise InputError(
                config.domains,
                f"belongs to another version of the encoder than {config.weights}",
                "set weights and domains to the files of one export",
            )

    @property
    def min_samples(self) -> int:
        """A tenth of a second."""
        return self.config.sample_rate // 10 if self._is_wavenet else WINDOW

    def domain_names(self) -> list[str]:
        """Names of all domains that it can play."""
        names = [domain.name for domain in shipped_domains(self.config)]
        return names if self._is_wavenet else [*names, *added_domain_names()]

    def blend(self, mix: DomainMix) -> Domains:
        """Domains with their shares."""
        return tuple((share, load_domain(name, self.config)) for name, share in mix.shares)

    def listen(self, content: Samples, tuning_cents: float = 0.0) -> PitchEvidence | None:
        """Notes of a content [T]; the published network plays whatever sounds."""
        if self._is_wavenet:
            return None
        events, _, power = self._analyse(content, tuning_cents)
        return pitch_evidence(power, events, float(np.square(content, dtype=np.float64).sum()))

    def _analyse(self, content: Samples, tuning_cents: float) -> tuple[NoteEvents, Roll, Roll]:
        """Notes, hidden state and power spectrogram of a content [T], computed once."""
        if (analysed := self._listened.to(content)) is None:
            threshold = float(self._encoder.about["threshold"])
            network, bands = self._encoder.part(""), tuned(tuning_cents)[0]
            events, hidden = encode_notes(bands.level_db(content), network, threshold)
            sound, vibrato_cents = content, None
            if is_wavering(events) and (straight := straighten(content)) is not None:
                sound, vibrato_cents = straight
                events, hidden = encode_notes(bands.level_db(sound), network, threshold)
            events = replace(events, tuning_cents=tuning_cents, vibrato_cents=vibrato_cents)
            analysed = self._listened.keep(content, (events, hidden, power_spectrum(sound)))
        return analysed

    def render(
        self,
        content: Samples,
        timbre: Domains,
        *,
        amount: float,
        seed: int,
        progress: Progress,
        tuning_cents: float = 0.0,
    ) -> Samples:
        """The content [T] as a mix of domains plays it, [T]."""
        if self._is_wavenet:
            sound = self._sample_waveform(content, timbre, seed)
        else:
            sound = self._render_notes(content, timbre, seed, progress, tuning_cents)
        if amount < 1:
            magnitude, phase = morph(_STFT.analyse(content), _STFT.analyse(sound), amount)
            sound = griffin_lim(
                magnitude, _STFT, len(content), phase=phase, iterations=MORPH_ITERATIONS
            )
        progress(1.0)
        return sound

    def _render_notes(
        self,
        content: Samples,
        domains: Domains,
        seed: int,
        progress: Progress,
        tuning_cents: float,
    ) -> Samples:
        """The content's notes [T] with partials and noise as the domains' decoders give them."""
        encoder, semitones = self._encoder, 12 * self.config.octave
        n_frames = BANDS.n_frames(len(content))
        events, hidden, power = self._analyse(content, tuning_cents)
        self._listened.forget()  # it is played once
        deviation_cents = pitch_deviation_cents(power, events, n_frames)
        if sum(share * domain.vibrato_cents for share, domain in domains) < _MIN_VIBRATO_CENTS:
            middle_cents = np.median(deviation_cents, axis=1, keepdims=True)
            deviation_cents = np.repeat(middle_cents, n_frames, axis=1)
        events, chosen = events.transposed(semitones)
        progress(_DETECTED)
        frames = note_frames(events, n_frames, PER_FRAME)
        if semitones:
            # What comes round belongs to notes that have left the keyboard.
            hidden = np.roll(hidden, semitones, axis=1)
        [latent] = encoder.part("code")(hidden_at_frames(hidden, frames))
        conditioning = np.concatenate([conditioning_features(frames), latent], axis=1)
        prediction = _decode(domains, frames, conditioning, n_frames, progress)
        sound = synthesize(
            frames, prediction, deviation_cents[chosen], len(content), seed, phase_per_note=True
        )
        level = np.float32(np.sqrt(np.mean(np.square(content, dtype=np.float64))))
        return sound * level

    def _sample_waveform(self, content: Samples, domains: Domains, seed: int) -> Samples:
        """The content [T] as the published network's decoders sample it."""
        rms = float(np.sqrt(np.mean(np.square(content, dtype=np.float64)))) + 1e-12
        gain = np.float32(_WAVENET_RMS / rms)
        pool = self.config.sample_rate // _LATENT_RATE_HZ
        lead = _LEAD_FRAMES * pool
        n_samples = -(-len(content) // pool) * pool
        padded = np.zeros(lead + n_samples, np.float32)
        padded[lead : lead + len(content)] = gain * content
        [latent] = self._encoder.part("")(mu_law_input(padded).reshape(1, -1, pool))
        dilations = tuple(self._encoder.about["dilations"])
        # A temperature is a power of the distribution, as a share is.
        decoders = [
            (
                share / self.config.temperature,
                _decoder_weights(domain.model, domain.index, dilations),
            )
            for share, domain in domains
        ]
        levels = sample_levels(
            decoders,
            np.ascontiguousarray(latent[0].T),
            pool,
            np.random.default_rng(seed),
            compiled=self.config.compiled,
        )
        sound = mu_law_decode(levels)
        return np.asarray(sound[lead : lead + len(content)] / gain, np.float32)


def _decode(
    domains: Domains,
    frames: NoteFrames,
    conditioning: npt.NDArray[np.float32],
    n_frames: int,
    progress: Progress,
) -> Prediction:
    """Mean of what the domains' decoders and refiners predict, in dB, by share."""
    partials = np.zeros((len(frames), N_PARTIALS), np.float32)
    noise = np.zeros((len(frames), N_NOISE), np.float32)
    for share, domain in domains:
        index, weight = np.array(domain.index, np.int64), np.float32(share)
        for at in range(0, len(frames), _BATCH_FRAMES):
            batch = slice(at, at + _BATCH_FRAMES)
            partials_db, noise_db = domain.model.part("")(conditioning[batch], index)
            partials[batch] += weight * partials_db
            noise[batch] += weight * noise_db
    inharmonicity = sum(share * domain.inharmonicity for share, domain in domains)
    progress(_DECODED)
    rendered = render_bands(frames, partials, noise, _NO_NOISE_DB, inharmonicity, n_frames)
    gain, residual = np.zeros_like(rendered), np.zeros_like(rendered)
    for share, domain in domains:
        index = np.array(domain.index, np.int64)
        gain_db, residual_db = domain.model.part("refine")(rendered, index)
        gain += np.float32(share) * gain_db
        residual += np.float32(share) * residual_db
    progress(_REFINED)
    return Prediction(partials, noise, _NO_NOISE_DB, inharmonicity, gain, residual)


@lru_cache(maxsize=8)  # a decoder has 1 MB; a mix has a few
def _decoder_weights(model: Model, index: int, dilations: tuple[int, ...]) -> DecoderWeights:
    arrays = model.part("")(np.ones(1, np.float32), np.array(index, np.int64))
    return DecoderWeights(dict(zip(model.about["arrays"], arrays, strict=True)), dilations)
