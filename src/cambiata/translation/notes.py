"""Universal music translation: one encoder for all music, a decoder for every domain."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio.stft import Stft
from cambiata.audio.vocoder import invert, morph
from cambiata.errors import InputError
from cambiata.partials.analysis import pitch_deviation_cents, power_spectrum
from cambiata.partials.bands import render_bands
from cambiata.partials.latent import conditioning_features, encode_notes, hidden_at_frames
from cambiata.partials.note_frames import N_NOISE, N_PARTIALS, WINDOW, note_frames
from cambiata.partials.posteriors import BANDS
from cambiata.partials.synthesis import Prediction, synthesize
from cambiata.system import DomainMix, Progress, TransferConfig, TranslateSystem
from cambiata.translation.sampling import DecoderWeights, sample_levels
from cambiata.weights import Model, load_model

DOMAIN_SYSTEM = "translation-domains"
FOLDER_VARIABLE = "CAMBIATA_DOMAINS"

_PER_FRAME = 2  # moments asked of a decoder in each frame of the encoder
_OCTAVES = 4
_BATCH_FRAMES = 4096
_NO_NOISE_DB = np.full(N_NOISE, -130, np.float32)
# Where a domain's notes waver less than this (of those that ship: struck, plucked and organ 0.1 to
# 0.7, bowed and blown 1.0 to 1.3), they are held straight, whatever the content's do.
_MIN_VIBRATO_CENTS = 0.85
_WAVENET_RATE_HZ, _POOL, _WAVENET_RMS = 16000, 800, 0.1
_LEAD_FRAMES = 4  # sampled before a content begins, of silence
_STFT = Stft()


@dataclass(frozen=True)
class TranslationConfig(TransferConfig):
    """Settings of `Translation`."""

    # See `TransferConfig`; the rate is that of the weights
    chunk_s: float = 60.0
    overlap_s: float = 0.5
    # Shipped weights of the encoder by name, or the path of an ONNX file of your own
    weights: str = "translation"
    domains: str = "translation-domains"  # Likewise, of the decoders that belong to it
    # Octaves by which the notes are moved; only where notes are heard (not ``mor2018-small``)
    octave: int = 0
    compiled: bool = True  # Whether Numba, where it is installed, samples ``mor2018-small``

    def __post_init__(self) -> None:
        super().__post_init__()
        if not -_OCTAVES <= self.octave <= _OCTAVES:
            raise ValueError(f"octave must be -{_OCTAVES} to {_OCTAVES}")


@dataclass(frozen=True, eq=False)
class Domain:
    """A domain that can be played."""

    name: str  # What it is called
    model: Model  # Weights of its decoder, maybe beside others'
    number: int  # Which of them is its own
    # "sources", "licence" and, where notes are played, "stiffness" and "wavering_cents"
    about: Mapping[str, Any]
    own: bool = False  # Whether the user added it


Domains = tuple[tuple[float, Domain], ...]
"""Domains with their shares, which add up to 1."""


def domains_folder() -> Path:
    """Where the user's own domains lie."""
    if named := os.environ.get(FOLDER_VARIABLE):
        return Path(named).absolute()
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data).absolute() / "cambiata" / "domains"


def shipped_domains(config: TranslationConfig | None = None) -> tuple[Domain, ...]:
    """The domains of a preset."""
    model = load_model((config or TranslationConfig()).domains, DOMAIN_SYSTEM)
    return tuple(
        Domain(each["name"], model, number, each)
        for number, each in enumerate(model.about["domains"])
    )


def load_added_domain(name: str, encoder: str) -> Domain:
    """A domain of the user's own."""
    place = domains_folder() / f"{name}.onnx"
    model = load_model(str(place), DOMAIN_SYSTEM)
    if model.about.get("encoder") != encoder:
        raise InputError(
            str(place),
            "belongs to another version of the encoder",
            f"add it again: cambiata domains add {name} FOLDER --force",
        )
    return Domain(name, model, 0, model.about["domains"][0], own=True)


def added_domain_names() -> list[str]:
    """Names of the user's own domains."""
    paths = domains_folder().glob("*.onnx")
    return sorted(p.stem for p in paths if not p.stem.endswith(".refine"))


def load_domain(name: str, config: TranslationConfig | None = None) -> Domain:
    """A domain by its name: the user's own first, then those that ship."""
    config = config or TranslationConfig()
    encoder = load_model(config.weights, "translation")
    own = [] if encoder.about["kind"] == "samples" else added_domain_names()
    if name in own:
        return load_added_domain(name, encoder.sha256)
    shipped = {domain.name: domain for domain in shipped_domains(config)}
    if name not in shipped:
        raise _unknown_domain(name, [*shipped, *own])
    return shipped[name]


def _unknown_domain(name: str, available: Sequence[str]) -> InputError:
    from difflib import get_close_matches

    matches = get_close_matches(name.lower(), available, 3, 0.5)
    hint = f"did you mean {' or '.join(matches)}? " if matches else ""
    return InputError(name, "is no domain", f"{hint}use one of " + ", ".join(available))


class Translation(TranslateSystem[TranslationConfig, Domains]):
    """Any music as one of a few domains would play it.

    Mor, Wolf, Polyak, Taigman: "A Universal Music Translation Network", 2018: an encoder that all
    domains share and that cannot tell them apart, and a decoder for each.

    Preset ``mor2018-small`` is that network as published but for its size: a latent of 64 numbers
    20 times a second from an encoder that looks both ways, WaveNet decoders that draw sample after
    sample at 16 kHz. Preset ``default`` has the same parts made of notes, and plays all at once at
    44.1 kHz: the encoder hears notes, with a latent of eight numbers beside each of their moments
    (43 a second); a decoder says the partials and the noise of each moment, which become sound by
    inverse transforms (Rodet & Depalle 1992), so that there is no phase to guess.

    A blend of domains is, note moment by note moment, the mean of what their decoders say in dB,
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
    presets: ClassVar[Mapping[str, TranslationConfig]] = {
        "default": TranslationConfig(),
        "mor2018-small": TranslationConfig(
            sample_rate=_WAVENET_RATE_HZ, weights="mor2018-small", domains="mor2018-small-domains"
        ),
    }

    def __init__(self, config: TranslationConfig) -> None:
        super().__init__(config)
        self._encoder = load_model(config.weights, self.name)
        rate = int(self._encoder.about["sample_rate"])
        if config.sample_rate != rate:
            raise InputError(
                "sample_rate", f"must be {rate}: the encoder knows no other", "leave it out"
            )
        self._is_wavenet = self._encoder.about["kind"] == "samples"
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
        """Names of all that it can play."""
        names = [domain.name for domain in shipped_domains(self.config)]
        return names if self._is_wavenet else [*names, *added_domain_names()]

    def blend(self, mix: DomainMix) -> Domains:
        """Domains with their shares."""
        return tuple((share, load_domain(name, self.config)) for name, share in mix.shares)

    def render(
        self,
        content: Samples,
        timbre: Domains,
        *,
        amount: float,
        seed: int,
        progress: Progress,
    ) -> Samples:
        """The content as a blend of domains plays it.

        content: [T]; returns [T].
        """
        if self._is_wavenet:
            sound = self._sample_waveform(content, timbre, seed)
        else:
            sound = self._render_notes(content, timbre, seed, progress)
        if amount < 1:
            magnitude, phase = morph(_STFT.analyse(content), _STFT.analyse(sound), amount)
            sound = invert(magnitude, _STFT, len(content), phase=phase, seed=seed)
        progress(1.0)
        return sound

    def _render_notes(
        self, content: Samples, domains: Domains, seed: int, progress: Progress
    ) -> Samples:
        encoder, semitones = self._encoder, 12 * self.config.octave
        n_frames, power = BANDS.n_frames(len(content)), power_spectrum(content)
        threshold = float(encoder.about["threshold"])
        events, hidden = encode_notes(BANDS.level_db(content), encoder.part(""), threshold)
        vibrato_cents = sum(share * float(each.about["wavering_cents"]) for share, each in domains)
        deviation_cents = pitch_deviation_cents(power, events, n_frames)
        if vibrato_cents < _MIN_VIBRATO_CENTS:
            deviation_cents = np.repeat(
                np.median(deviation_cents, axis=1, keepdims=True), n_frames, axis=1
            )
        events, chosen = events.transposed(semitones)
        progress(0.4)
        frames = note_frames(events, n_frames, _PER_FRAME)
        if semitones:
            hidden = np.roll(
                hidden, semitones, axis=1
            )  # what comes round belongs to notes left out
        [latent] = encoder.part("code")(hidden_at_frames(hidden, frames))
        conditioning = np.concatenate([conditioning_features(frames), latent], axis=1)
        partials = np.zeros((len(frames), N_PARTIALS), np.float32)
        noise = np.zeros((len(frames), N_NOISE), np.float32)
        for share, domain in domains:
            domain_index, weight = np.array(domain.number, np.int64), np.float32(share)
            for at in range(0, len(frames), _BATCH_FRAMES):
                some = slice(at, at + _BATCH_FRAMES)
                output = domain.model.part("")(conditioning[some], domain_index)
                partials[some] += weight * output[0]
                noise[some] += weight * output[1]
        inharmonicity = sum(share * float(each.about["stiffness"]) for share, each in domains)
        progress(0.6)
        rendered = render_bands(frames, partials, noise, _NO_NOISE_DB, inharmonicity, n_frames)
        gain, residual_db = np.zeros_like(rendered), np.zeros_like(rendered)
        for share, domain in domains:
            domain_index = np.array(domain.number, np.int64)
            refined = domain.model.part("refine")(rendered, domain_index)
            gain += np.float32(share) * refined[0]
            residual_db += np.float32(share) * refined[1]
        progress(0.7)
        prediction = Prediction(partials, noise, _NO_NOISE_DB, inharmonicity, gain, residual_db)
        sound = synthesize(
            frames, prediction, deviation_cents[chosen], len(content), seed, phase_per_note=True
        )
        level = np.float32(np.sqrt(np.mean(np.square(content, dtype=np.float64))))
        return sound * level

    def _sample_waveform(self, content: Samples, domains: Domains, seed: int) -> Samples:
        rms = float(np.sqrt(np.mean(np.square(content, dtype=np.float64)))) + 1e-12
        gain = np.float32(_WAVENET_RMS / rms)
        lead = _LEAD_FRAMES * _POOL
        n_samples = -(-len(content) // _POOL) * _POOL
        padded = np.zeros(lead + n_samples, np.float32)
        padded[lead : lead + len(content)] = gain * content
        [latent] = self._encoder.part("")(scalar_levels(padded).reshape(1, -1, _POOL))
        dilations = self._encoder.about["dilations"]
        decoders = [
            (share, _decoder_weights(each.model, each.number, tuple(dilations)))
            for share, each in domains
        ]
        levels = sample_levels(
            decoders,
            np.ascontiguousarray(latent[0].T),
            _POOL,
            np.random.default_rng(seed),
            compiled=self.config.compiled,
        )
        mu_law = 2 * (levels - 128) / 256
        sound = np.sign(mu_law) * (256 ** np.abs(mu_law) - 1) / 255
        return np.asarray(sound[lead : lead + len(content)] / gain, np.float32)


def scalar_levels(samples: Samples) -> npt.NDArray[np.float32]:
    """Samples as the published network takes them: mu-law levels as one channel."""
    mu_law = np.sign(samples) * np.log1p(255 * np.minimum(np.abs(samples), 1)) / np.log(256)
    levels = ((mu_law + 1) / 2 * 255).astype(np.int64)
    return np.asarray(levels / 255 - 0.5, np.float32)


@lru_cache(maxsize=8)
def _decoder_weights(model: Model, number: int, dilations: tuple[int, ...]) -> DecoderWeights:
    arrays = model.part("")(np.ones(1, np.float32), np.array(number, np.int64))
    return DecoderWeights(dict(zip(model.about["arrays"], arrays, strict=True)), dilations)
