"""Examples to learn from, composed on the fly: the same notes by two instruments, and a style.

Adding a bank's notes up is so cheap that nothing is stored: an example is a function of a seed and
a number, so that any worker makes any of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from cambiata.arrays import Samples
from cambiata.audio.sound import Audio
from cambiata.data.bank import Bank, Instrument
from cambiata.data.duplicates import read_exclusions
from cambiata.data.effects import Chain, sample_paper_chain, sample_wide_chain
from cambiata.data.phrases import PhraseConfig, sample_pedal, sample_phrase
from cambiata.data.scores import Work
from cambiata.data.soundfont import RENDER_RATE_HZ
from cambiata.errors import InputError
from cambiata.score.midi import Note, Part

Treatment = Literal["none", "paper", "wide"]

_OCTAVES = (-24, -12, 0, 12, 24)  # by which a score may be moved into an instrument's range
_MIN_COMMON_PITCHES = 12  # an octave: with less, a phrase would be a few notes again and again
_PEAK = 0.99  # of full scale, so that rounding to 16 bits never clips
_MIN_NOTE_S = 0.03  # what a window's edges leave of a note is a click where it is shorter
_MAX_TRANSPOSITION = 5  # semitones; Cífka et al. 2021, section 4.1
_N_TRIES = 100  # before two instruments are taken for having nothing in common


@dataclass(frozen=True)
class PairConfig:
    """Settings by which examples are made."""

    duration_s: float = 8.0  # the paper's
    score_share: float = 0.5  # of examples that play real scores; the others play phrases
    treatment: Treatment = "wide"  # effects: none, the paper's, or those and what recordings add
    # RMS of the sounds, in dB of full scale: from a distant microphone to a mastered track.
    level_db: tuple[float, float] = (-35.0, -15.0)
    phrases: PhraseConfig = field(default_factory=PhraseConfig)
    pedal_share: float = 0.0  # of what is played, with the sustain pedal

    @property
    def n_samples(self) -> int:
        """Length of every sound in samples."""
        return round(self.duration_s * RENDER_RATE_HZ)


@dataclass(frozen=True, eq=False)
class Example:
    """Content, style and target, and the notes that they play."""

    content: Samples  # mono [T] at 44.1 kHz
    style: Samples  # [T], other notes by another instrument
    target: Samples  # [T], the content's notes by that instrument, as loud as the content
    notes: tuple[Note, ...]  # of content and target
    style_notes: tuple[Note, ...]
    facts: dict[str, Any]  # instruments, effects and seed, for JSON
    instruments: tuple[Instrument, ...] = ()  # of content and style
    # The notes as fingers and foot play them: notes end with their keys, and the pedal is apart.
    # None where no pedal is known.
    keys: Part | None = None


class PairComposer:
    """Composes every example of a seed, by its number alone."""

    def __init__(
        self,
        banks: Sequence[Bank],
        works: Sequence[Work] = (),
        *,
        rooms: Sequence[Audio] = (),
        excluded: frozenset[tuple[str, int]] | None = None,
        config: PairConfig | None = None,
        seed: int = 0,
        allow_test: bool = False,
    ) -> None:
        for bank in banks:
            if bank.source.use == "test" and not allow_test:
                raise InputError(str(bank.folder), "is for tests only", "train on another bank")
        if excluded is None:
            excluded = frozenset() if allow_test else read_exclusions()
        self.config, self.seed, self.rooms = config or PairConfig(), seed, rooms
        self.instruments = [
            instrument
            for bank in banks
            for instrument in bank.instruments
            if (bank.source.name, instrument.program) not in excluded
        ]
        if len(self.instruments) < 2:
            raise InputError("pairs", "fewer than two instruments", "add a bank")
        self._parts = [
            part for work in works if work.split == "train" for part in work.parts if part.notes
        ]

    def example(self, number: int) -> Example:
        """A supervised example: the same notes on two timbres, other notes as the style.

        The content may be treated with effects of its own; style and target share theirs, as
        they are one instrument in one room. The content's effects do not move its pitches or its
        onsets, so that the target stays exact.
        """
        rng = np.random.default_rng([self.seed, 0, number])
        first, second = self._choose_instruments(rng)
        common = sorted(set(first.pitches) & set(second.pitches))
        keys = self._add_pedal(rng, self._sample_notes(rng, common))
        notes = keys.with_pedal().notes
        style_notes = (
            self._add_pedal(rng, self._sample_notes(rng, second.pitches)).with_pedal().notes
        )
        content_chain, chain = self._chain(rng, time_invariant=True), self._chain(rng)
        content = content_chain(self._play(first, notes), RENDER_RATE_HZ)
        target = chain(self._play(second, notes), RENDER_RATE_HZ)
        style = chain(self._play(second, style_notes), RENDER_RATE_HZ)
        level_db, style_level_db = rng.uniform(*self.config.level_db, size=2)
        # Content and target as loud as each other, even where one of them would clip.
        level_db = min(level_db, _max_level_db(content), _max_level_db(target))
        return Example(
            _set_level(content, level_db),
            _set_level(style, style_level_db),
            _set_level(target, level_db),
            notes,
            style_notes,
            {
                "seed": self.seed,
                "number": number,
                "content": first.label,
                "style": second.label,
                "content_effects": content_chain.describe(),
                "style_effects": chain.describe(),
            },
            (first, second),
            keys,
        )

    def self_supervised(self, number: int) -> Example:
        """An example as SS-VQ-VAE has them: two segments of one track.

        Cífka et al. 2021, section 4.1: one segment is content and target, another of the same
        instrument the style; each is transposed by up to five semitones on its own, and one chain
        of effects treats both.
        """
        rng = np.random.default_rng([self.seed, 1, number])
        instrument = self.instruments[int(rng.integers(len(self.instruments)))]
        notes = self._transpose(rng, self._sample_notes(rng, instrument.pitches), instrument)
        style_notes = self._transpose(rng, self._sample_notes(rng, instrument.pitches), instrument)
        chain = self._chain(rng)
        level_db = float(rng.uniform(*self.config.level_db))
        content = _set_level(chain(self._play(instrument, notes), RENDER_RATE_HZ), level_db)
        style = _set_level(chain(self._play(instrument, style_notes), RENDER_RATE_HZ), level_db)
        facts = {
            "seed": self.seed,
            "number": number,
            "content": instrument.label,
            "style": instrument.label,
            "style_effects": chain.describe(),
        }
        return Example(content, style, content, notes, style_notes, facts, (instrument, instrument))

    def examples(self, start: int = 0, step: int = 1) -> Iterator[Example]:
        """Supervised examples without end."""
        number = start
        while True:
            yield self.example(number)
            number += step

    def _choose_instruments(self, rng: np.random.Generator) -> tuple[Instrument, Instrument]:
        """Two that have an octave in common; refused where a hundred tries find none."""
        for _ in range(_N_TRIES):
            indices = rng.choice(len(self.instruments), 2, replace=False)
            first, second = (self.instruments[int(index)] for index in indices)
            if len(set(first.pitches) & set(second.pitches)) >= _MIN_COMMON_PITCHES:
                return first, second
        raise InputError("pairs", "no two instruments share an octave", "add a bank")

    def _sample_notes(self, rng: np.random.Generator, pitches: Sequence[int]) -> tuple[Note, ...]:
        if self._parts and rng.random() < self.config.score_share:
            part = self._parts[int(rng.integers(len(self._parts)))]
            notes = _choose_window(rng, part, pitches, self.config.duration_s)
            if notes:
                return notes
        return sample_phrase(rng, pitches, self.config.duration_s, self.config.phrases).notes

    def _add_pedal(self, rng: np.random.Generator, notes: tuple[Note, ...]) -> Part:
        share = self.config.pedal_share
        if not share or rng.random() >= share:
            return Part(notes)
        return Part(notes, pedal=sample_pedal(rng, self.config.duration_s))

    def _transpose(
        self, rng: np.random.Generator, notes: tuple[Note, ...], instrument: Instrument
    ) -> tuple[Note, ...]:
        shifts = [
            by
            for by in range(-_MAX_TRANSPOSITION, _MAX_TRANSPOSITION + 1)
            if all(note.pitch + by in instrument.pitches for note in notes)
        ]
        by = int(rng.choice(shifts))
        return tuple(note.shifted(0.0, semitones=by) for note in notes)

    def _play(self, instrument: Instrument, notes: tuple[Note, ...]) -> Samples:
        return instrument.play(notes, self.config.n_samples)

    def _chain(self, rng: np.random.Generator, *, time_invariant: bool = False) -> Chain:
        if self.config.treatment == "none":
            return Chain()
        if self.config.treatment == "paper":
            return sample_paper_chain(rng)
        chain = sample_wide_chain(rng, self.rooms)
        return chain.time_invariant() if time_invariant else chain


def _choose_window(
    rng: np.random.Generator, part: Part, pitches: Sequence[int], duration_s: float
) -> tuple[Note, ...]:
    """A window of a score, by octaves where it fits; none where it does not."""
    begin_s = float(rng.uniform(0, max(0.0, part.end_s - duration_s)))
    notes = [
        note
        for note in part.window(begin_s, begin_s + duration_s).notes
        if note.duration_s > _MIN_NOTE_S
    ]
    available = set(pitches)
    shifts = [by for by in _OCTAVES if all(note.pitch + by in available for note in notes)]
    if not notes or not shifts:
        return ()
    by = int(rng.choice(shifts))
    return tuple(note.shifted(0.0, semitones=by) for note in notes)


def _rms(samples: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def _max_level_db(samples: Samples) -> float:
    """RMS level at which the sound's peak is just below full scale; no limit for silence."""
    peak = float(np.abs(samples).max(initial=0.0))
    return float(20 * np.log10(_PEAK * _rms(samples) / peak)) if peak else np.inf


def _set_level(samples: Samples, level_db: float) -> Samples:
    """The sound at an RMS level, or as near to it as full scale lets it be; silence as it is."""
    rms = _rms(samples)
    if rms == 0:
        return samples
    return samples * np.float32(10 ** (min(level_db, _max_level_db(samples)) / 20) / rms)
