"""Our own one-shot transfer: the content's notes, with partials and noise as the style has them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio.stft import Stft
from cambiata.audio.vocoder import MORPH_ITERATIONS, griffin_lim, morph
from cambiata.partials.analysis import pitch_deviation_cents, pitch_evidence, power_spectrum
from cambiata.partials.bands import band_hz, band_position, bands_db
from cambiata.partials.correction import measure_corrected_style
from cambiata.partials.expression import measure_expression, missing_db, predicted_decay_db
from cambiata.partials.gaps import with_gaps
from cambiata.partials.listened import Listened
from cambiata.partials.long_term import equalize, long_term_db
from cambiata.partials.noise_bounds import lowered_noise
from cambiata.partials.note_frames import WINDOW, note_frames
from cambiata.partials.pitch_evidence import PitchEvidence
from cambiata.partials.posteriors import BANDS, NoteEvents, Roll, detect_notes
from cambiata.partials.predictor import (
    StyleMix,
    mix_from_arrays,
    mix_is_pitched,
    mix_long_term_db,
    mix_noise,
    mix_to_arrays,
    predict,
)
from cambiata.partials.synthesis import PER_FRAME, synthesize_apart
from cambiata.partials.vibrato import is_wavering, straighten
from cambiata.score.keys import Key, move_to_key
from cambiata.score.transposition import check_move
from cambiata.system import Arrays, Progress, TransferConfig, TransferSystem
from cambiata.weights import load_model

Dynamics = Literal["content", "style"]

_STFT = Stft()
_OCTAVES = 4  # the keyboard has seven: further away hardly a note would be left on it
_SILENCE_DB = -100  # of bands that nothing is moved to
# Progress shown once the notes are detected and once they are predicted: estimates.
_DETECTED, _PREDICTED = 0.4, 0.7


@dataclass(frozen=True)
class OneShotConfig(TransferConfig):
    """Settings of `OneShot`; the listener knows a sample rate of 44100 Hz only."""

    # A minute bounds memory to some 770 MiB; half a second is longer than an attack, over which
    # two chunks are crossfaded.
    chunk_s: float = 60.0
    overlap_s: float = 0.5
    weights: str = "oneshot"  # shipped weights by name, or the path of an ONNX file of your own
    listener: str = "listener"  # likewise, of the network that detects notes
    dynamics: str = "content"  # whose loud and soft notes: the content's or the style's
    octave: str = "0"  # octaves up, or "auto": as near to the style's range as can be
    transpose: int = 0  # semitones up
    to_key: str = ""  # key to move to, the shortest way: "D", "Bb", "F#m"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sample_rate != BANDS.sample_rate:
            raise ValueError(
                f"sample_rate must be {BANDS.sample_rate}: the listener knows no other"
            )
        if self.dynamics not in get_args(Dynamics):
            raise ValueError("dynamics must be content or style")
        if not re.fullmatch(rf"auto|[+-]?[0-{_OCTAVES}]", self.octave):
            raise ValueError(f"octave must be auto or -{_OCTAVES} to {_OCTAVES}")
        check_move(self.transpose, self.to_key or None)


class OneShot(TransferSystem[OneShotConfig, StyleMix]):
    """The content's notes with the sound that the style's own notes have.

    A listener (Bittner et al. 2022 in outline) gives the posteriors of onsets and of activation of
    every pitch, and its level in every frame. Of every moment of the style's notes the partials and
    the noise between them are measured. For each moment of the content's notes a predictor attends
    to the moments of the style's notes most like it, takes what was measured there and corrects it.
    Partials and noise become sound by inverse transforms (Rodet & Depalle 1992), so that there is
    no phase to guess and the full band is played.

    A style that is not made of notes (`analysis.is_pitched`: drums, noise) is measured hit by hit;
    the content's notes then sound as its hits do, without pitch.

    `amount` between 0 and 1 morphs from the content's spectrogram to the full transfer's, in dB
    and bin by bin (`cambiata.audio.vocoder.morph`).
    """

    name: ClassVar[str] = "oneshot"
    summary: ClassVar[str] = "hears the notes, plays them as the style does; one-shot, 44.1 kHz"
    paper: ClassVar[str] = "this project: docs/models/oneshot.md"
    trained: ClassVar[bool] = True
    weights_licence: ClassVar[str] = "Apache-2.0"
    plays_at_once: ClassVar[bool] = True
    hears_pitches: ClassVar[bool] = True
    presets: ClassVar[Mapping[str, OneShotConfig]] = {"default": OneShotConfig()}

    def __init__(self, config: OneShotConfig) -> None:
        super().__init__(config)
        self._model = load_model(config.weights, self.name)
        self._listened = Listened[tuple[NoteEvents, Roll]]()
        self.key: Key | None = None  # of the content, where it was moved to another

    @property
    def min_samples(self) -> int:
        """A tenth of a second."""
        return WINDOW

    def capture(self, style: Samples) -> StyleMix:
        """The style [T] alone, with weight 1."""
        return ((1.0, measure_corrected_style(style, self.config.listener, self._model)),)

    def is_pitched(self, timbre: StyleMix) -> bool:
        """Whether any of the styles is made of notes."""
        return mix_is_pitched(timbre)

    @property
    def weights_sha256(self) -> str:
        """Hash of the predictor's weights."""
        return self._model.sha256

    def timbre_arrays(self, timbre: StyleMix) -> Sequence[tuple[float, Arrays]]:
        """A timbre as weights and arrays by name; what was measured is stored as float16."""
        return mix_to_arrays(timbre)

    def timbre_from_arrays(self, weighted_arrays: Sequence[tuple[float, Arrays]]) -> StyleMix:
        """The timbre of what `timbre_arrays` gave, or of several of them mixed."""
        return mix_from_arrays(weighted_arrays)

    def listen(self, content: Samples, tuning_cents: float = 0.0) -> PitchEvidence:
        """Notes of a content [T]."""
        events, power = self._analyse(content, tuning_cents)
        return pitch_evidence(power, events, float(np.square(content, dtype=np.float64).sum()))

    def _analyse(self, content: Samples, tuning_cents: float) -> tuple[NoteEvents, Roll]:
        """Notes and power spectrogram of a content [T], computed once for one array."""
        if (analysed := self._listened.to(content)) is None:
            detect = partial(detect_notes, weights=self.config.listener, tuning_cents=tuning_cents)
            events, vibrato_cents, sound = detect(content), None, content
            if is_wavering(events) and (straight := straighten(content)) is not None:
                sound, vibrato_cents = straight
                events = replace(detect(sound), vibrato_cents=vibrato_cents)
            analysed = self._listened.keep(content, (events, power_spectrum(sound)))
        return analysed

    def render(
        self,
        content: Samples,
        timbre: StyleMix,
        *,
        amount: float,
        seed: int,
        progress: Progress,
        tuning_cents: float = 0.0,
    ) -> Samples:
        """The content's notes [T] with a timbre, [T]."""
        events, power = self._analyse(content, tuning_cents)
        self._listened.forget()  # it is played once
        n_frames = BANDS.n_frames(len(content))
        by_content = self.config.dynamics == "content"
        expression = measure_expression(power, events)
        deviation_cents = pitch_deviation_cents(power, events, n_frames)
        semitones = 12 * self._octave(events, timbre) + self.config.transpose
        events, chosen = events.transposed(semitones)
        events = self._with_dynamics(events, timbre)
        progress(_DETECTED)
        frames = note_frames(events, n_frames, PER_FRAME)
        content_db = _shift_bands(bands_db(power), semitones)
        prediction = predict(
            self._model, timbre, frames, n_frames, content_db, lambda: progress(_PREDICTED)
        )
        level_db = np.zeros(len(frames))
        if by_content and mix_is_pitched(timbre):
            level_db = missing_db(expression.level_db[chosen], events, frames, prediction)
        level = np.float32(np.sqrt(np.mean(np.square(content, dtype=np.float64))))
        cents = deviation_cents[chosen]
        played = synthesize_apart(frames, prediction, cents, len(content), seed, level_db)
        style_db, noise = mix_long_term_db(timbre), mix_noise(timbre)
        sound = played.sound if noise is None else lowered_noise(played, frames, noise, style_db)
        sound = sound * level
        keep_gaps = partial(
            with_gaps,
            content=content,
            events=events,
            expression=expression,
            own_decay_db=predicted_decay_db(events, frames, prediction),
            share=1.0 if by_content else 0.0,
        )
        if style_db is not None:
            # What gaps leave is compared; they are kept again, as the equaliser changes levels.
            sound = equalize(sound, long_term_db(power_spectrum(keep_gaps(sound))), style_db)
        sound = keep_gaps(sound)
        if amount < 1:
            # Both ends have phases of their own: no need to integrate any.
            magnitude, phase = morph(_STFT.analyse(content), _STFT.analyse(sound), amount)
            sound = griffin_lim(
                magnitude, _STFT, len(content), phase=phase, iterations=MORPH_ITERATIONS
            )
        progress(1.0)
        return sound

    @property
    def semitones(self) -> int:  # type: ignore[override]
        """By how many semitones notes are moved; an octave that is not settled yet is none."""
        octave = 0 if self.config.octave == "auto" else int(self.config.octave)
        return 12 * octave + self.config.transpose

    @property
    def listens_ahead(self) -> bool:  # type: ignore[override]
        """Whether octave or key depends on all of the content."""
        return self.config.octave == "auto" or bool(self.config.to_key)

    def settled(self, timbre: StyleMix, evidence: PitchEvidence) -> "OneShot":
        """The system with one octave and one interval for all of a content."""
        config, found = self.config, None
        if config.to_key:
            semitones, found = move_to_key(evidence.pitch_classes, config.to_key)
            config = replace(config, transpose=semitones, to_key="")
        if config.octave == "auto":
            moved = OneShot(replace(config, octave="0"))
            octave = min(max(-moved.octaves_above(timbre, evidence), -_OCTAVES), _OCTAVES)
            config = replace(config, octave=str(octave))
        settled = OneShot(config)
        settled.key = found
        return settled

    def octaves_above(self, timbre: StyleMix, evidence: PitchEvidence) -> int:
        """Octaves from the middle of the style's notes up to that of the content's as played."""
        pitches = _pitches(timbre)
        if not len(pitches) or not evidence.is_pitched:
            return 0
        return round((evidence.median_pitch + self.semitones - float(np.median(pitches))) / 12)

    def _octave(self, events: NoteEvents, timbre: StyleMix) -> int:
        """Octaves by which the content's notes are moved; by those of a stretch until settled."""
        if self.config.octave != "auto":
            return int(self.config.octave)
        pitches = _pitches(timbre)
        if not events.n_notes or not len(pitches):
            return 0
        return round(float(np.median(pitches) - np.median(events.pitch)) / 12)

    def _with_dynamics(self, events: NoteEvents, timbre: StyleMix) -> NoteEvents:
        """The content's notes, as loud as its own or as the style's of the same rank."""
        strengths = np.concatenate([memory.strengths_db for _, memory in timbre])
        if self.config.dynamics == "content" or not len(strengths) or not events.n_notes:
            return events
        rank = np.argsort(np.argsort(events.strength_db)) / max(1, events.n_notes - 1)
        return replace(events, strength_db=np.quantile(strengths, rank))


def _pitches(timbre: StyleMix) -> npt.NDArray[Any]:
    """Pitches of the notes of all styles; those of hits are none."""
    pitches = [memory.pitches for _, memory in timbre if memory.is_pitched]
    return np.concatenate([np.zeros(0), *pitches])


def _shift_bands(levels_db: npt.NDArray[np.float32], semitones: int) -> npt.NDArray[np.float32]:
    """Levels in bands [bands, L], moved; bands that nothing is moved to are silent."""
    if semitones == 0:
        return levels_db
    place = np.round(band_position(band_hz() / 2 ** (semitones / 12))).astype(np.int64)
    moved: npt.NDArray[np.float32] = np.where(place[:, None] >= 0, levels_db[place], _SILENCE_DB)
    return moved.astype(np.float32)
