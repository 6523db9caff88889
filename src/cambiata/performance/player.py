"""Scores played by our own player: every partial of a written note, as the reference has it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from cambiata.arrays import Samples
from cambiata.audio.chunks import join, split
from cambiata.partials.note_frames import (
    HOP,
    RELEASE_S,
    WINDOW,
    score_note_frames,
)
from cambiata.partials.posteriors import BANDS, NoteEvents
from cambiata.partials.predictor import (
    StyleMix,
    measure_style,
    mix_from_arrays,
    mix_is_pitched,
    predict,
)
from cambiata.partials.synthesis import PER_FRAME, synthesize
from cambiata.performance.controls import ControlledNotes
from cambiata.score.midi import Part
from cambiata.system import Arrays, PlaySystem, TransferConfig
from cambiata.weights import WEIGHTS, load_model

# Frames rendered before and after a stretch (0.37 s): more than the refiner's convolutions, the
# window and a step of either see of a moment, so that a stretch sounds as within the whole.
_CONTEXT_FRAMES = 16
# A key comes up so long before it is struck again. With this and new phases at every strike, onset
# F1 by basic-pitch on 18 clips was .788 instead of .758 (docs/models/play.md).
_KEY_RETURN_S = 0.05
# Moments of notes that are played at once: twenty keys held for half a minute. Each takes 1.7 kB
# and the whole of a piano held down took 1.3 GB; denser scores are played in shorter pieces.
_MOST_NOTE_FRAMES = 100_000
# Half of what is kept of a style: a third less time, and sound that differs by -30 dB.
_N_MEMORY_FRAMES = 384


@dataclass(frozen=True)
class PlayerConfig(TransferConfig):
    """Settings of `Player`; the listener knows a sample rate of 44100 Hz only."""

    # Stretches of half a minute bound the memory of long scores. Phases go on across them, so that
    # a short crossfade is enough.
    chunk_s: float = 30.0
    overlap_s: float = 0.25
    weights: str = "player"  # shipped weights by name, or the path of an ONNX file of your own
    listener: str = "listener"  # likewise, of the network that detects the reference's notes

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sample_rate != BANDS.sample_rate:
            raise ValueError(
                f"sample_rate must be {BANDS.sample_rate}: the listener knows no other"
            )


class Player(PlaySystem[PlayerConfig, StyleMix]):
    """A score's notes, each as the reference's own notes sound.

    The reference is measured as a style is by ``oneshot``, and pooled over time in two ways: into
    one vector, and by attention of every moment of every written note to the moments of the
    reference's notes that are most like it. Timbres captured by ``oneshot`` are played as well.
    Partials and noise become sound by inverse transforms (Rodet & Depalle 1992).
    """

    name: ClassVar[str] = "player"
    summary: ClassVar[str] = "plays a score note by note as a reference sounds; one-shot, 44.1 kHz"
    paper: ClassVar[str] = "this project: docs/models/play.md"
    trained: ClassVar[bool] = True
    weights_licence: ClassVar[str] = "Apache-2.0"
    timbre_system: ClassVar[str] = "oneshot"
    follows_controls: ClassVar[bool] = True
    presets: ClassVar[Mapping[str, PlayerConfig]] = {"default": PlayerConfig()}

    def __init__(self, config: PlayerConfig) -> None:
        super().__init__(config)
        self._model = load_model(config.weights, self.name)

    @property
    def min_samples(self) -> int:
        """Half a second."""
        return self.config.sample_rate // 2

    def capture(self, style: Samples) -> StyleMix:
        """The reference [T] alone, with weight 1."""
        return _thin_memories(((1.0, measure_style(style, self.config.listener)),))

    def is_pitched(self, timbre: StyleMix) -> bool:
        """Whether any of the references is made of notes."""
        return mix_is_pitched(timbre)

    @property
    def weights_sha256(self) -> str:
        """Hash of the weights that captured timbres belong to: those of ``oneshot``."""
        return WEIGHTS[self.timbre_system].sha256

    def timbre_from_arrays(self, weighted_arrays: Sequence[tuple[float, Arrays]]) -> StyleMix:
        """The timbre of what ``oneshot``'s `timbre_arrays` gave."""
        return _thin_memories(mix_from_arrays(weighted_arrays))

    def prepare(self, part: Part) -> ControlledNotes:
        """The score's notes, each as long as it sounds, and what bends them."""
        return ControlledNotes.of(_release_before_repeats(part))

    def render(
        self, score: ControlledNotes, timbre: StyleMix, start: int, n_samples: int, *, seed: int
    ) -> Samples:
        """The samples from `start` on of the score, [n_samples]."""
        most = _samples_at_once(score.events, start, n_samples)
        overlap = round(self.config.overlap_s * self.config.sample_rate)
        spans = split(n_samples, most, min(overlap, most // 3))
        pieces = (
            self._stretch(score, timbre, start + at, end - at, seed)[None] for at, end in spans
        )
        sound: Samples = np.concatenate(list(join(pieces, spans)), axis=1)[0]
        return sound

    def _stretch(
        self, score: ControlledNotes, timbre: StyleMix, start: int, n_samples: int, seed: int
    ) -> Samples:
        """The samples of a stretch, in memory that grows with its notes times its length."""
        notes = score.events
        first = max(0, start // HOP - _CONTEXT_FRAMES)
        n_frames = BANDS.n_frames(start + n_samples - first * HOP + WINDOW) + _CONTEXT_FRAMES
        sounding = (notes.end + RELEASE_S / BANDS.frame_s > first) & (
            notes.start < first + n_frames
        )
        some = np.flatnonzero(sounding)
        stretch = notes.chosen(some, first)
        middle_db = float(np.median(notes.strength_db)) if notes.n_notes else 0.0
        frames = score_note_frames(stretch, n_frames, PER_FRAME, middle_db)
        prediction = predict(self._model, timbre, frames, n_frames)
        before = start - first * HOP
        sound = synthesize(
            frames,
            prediction,
            score.deviation_cents(some, first, n_frames),
            before + n_samples,
            seed,
            first,
            phase_per_note=True,
            level_db=score.level_db(some, first, frames),
        )
        return score.faded(sound[before:], start)


def _samples_at_once(notes: NoteEvents, start: int, n_samples: int) -> int:
    """Length of the pieces in which samples from `start` on are played, all of them if it can."""
    first, last = start / HOP, (start + n_samples) / HOP
    release = RELEASE_S / BANDS.frame_s
    sounding = np.minimum(notes.end + release, last) - np.maximum(notes.start, first)
    n_frames = PER_FRAME * float(np.maximum(sounding, 0).sum())
    if n_frames <= _MOST_NOTE_FRAMES:
        return n_samples
    return max(BANDS.sample_rate, int(n_samples * _MOST_NOTE_FRAMES / n_frames))


def _thin_memories(timbre: StyleMix) -> StyleMix:
    """Every second note frame of each style, or fewer, so that at most 384 are left.

    Corrections are of ``oneshot``'s predictions, not of this player's.
    """
    thinned = []
    for weight, memory in timbre:
        step = -(-memory.measured.n_frames // _N_MEMORY_FRAMES) or 1
        chosen = np.arange(0, memory.measured.n_frames, step)
        measured = memory.measured[chosen]
        thinned.append((weight, replace(memory, measured=measured, noise_correction_db=None)))
    return tuple(thinned)


def _release_before_repeats(part: Part) -> Part:
    """A part in which every key is released before it is struck again.

    Scores let notes touch; a piano's key takes a moment to come up. Without that moment a note
    struck again is but a swell of the one before.
    """
    pedalled = part.with_pedal()
    following: dict[tuple[int, int], float] = {}
    notes = []
    for note in sorted(pedalled.notes, reverse=True):
        key = note.channel, note.pitch
        latest_s = following.get(key, np.inf) - _KEY_RETURN_S
        end_s = min(note.end_s, max(latest_s, note.start_s + note.duration_s / 2))
        notes.append(replace(note, end_s=end_s))
        following[key] = note.start_s
    return replace(pedalled, notes=tuple(reversed(notes)), pedal=())
