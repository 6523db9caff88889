"""Domains: the instruments and ensembles that translators are trained on, and examples of them.

A domain is an instrument or an ensemble as one source of sounds has it. Every example is one piece
by two of them, note for note; training without such pairs takes each sound for itself.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cambiata.arrays import Samples
from cambiata.data.bank import Instrument
from cambiata.data.duplicates import read_exclusions
from cambiata.data.examples import (
    EXAMPLES_FOLDER,
    ExamplesConfig,
    open_bank,
    record_shards,
)
from cambiata.data.phrases import sample_phrase
from cambiata.data.scores import Work, load_corpus
from cambiata.data.shards import (
    RecordedExamples,
    from_int16,
    note_rows,
    read_notes,
    shard_name,
    to_int16,
)
from cambiata.data.soundfont import RENDER_RATE_HZ
from cambiata.errors import InputError
from cambiata.files import write_array
from cambiata.score.midi import Note

_VERSION = 1
_SCORE_SHARE = 0.6  # of examples; the others play generated phrases
_SOLO_SHARE = 0.3  # of scores of which one voice alone is played
_LEVEL_DB, _PEAK = -20.0, 0.99  # RMS of every sound, and the peak that it may have
_OCTAVES = (0, -12, 12, -24, 24)  # by which a score may be moved into a domain's range
# Random dynamics: a factor of a whole piece's velocities, and the spread of its notes'.
_LOUDNESS, _VELOCITY_SPREAD = (0.4, 1.1), 6
_MIN_NOTE_S = 0.03  # what a window's edges leave of a note is a click where it is shorter
_N_TRIES = 100  # before two domains are taken for having no piece in common

Notes = tuple[Note, ...]


class Member(NamedTuple):
    """One player of a domain."""

    bank: str
    program: int  # its number there
    lowest: int  # and highest: the range that is written for it, in MIDI numbers
    highest: int


DOMAINS: dict[str, tuple[Member, ...]] = {
    "grand-piano": (Member("salamander", 0, 24, 104),),
    "harpsichord": (Member("fluid-r3", 6, 29, 89),),
    "church-organ": (Member("fluid-r3", 19, 30, 96),),
    "nylon-guitar": (Member("fluid-r3", 24, 38, 86),),
    "sitar": (Member("sitar", 0, 36, 82),),
    "pizzicato-strings": (Member("pizzicato-strings", 0, 28, 91),),
    "string-quartet": (
        Member("fluid-r3", 40, 55, 96),
        Member("fluid-r3", 41, 48, 84),
        Member("fluid-r3", 42, 36, 72),
    ),
    "string-orchestra": (Member("fluid-r3", 48, 28, 94),),
    "wind-quintet": (
        Member("fluid-r3", 73, 60, 96),
        Member("fluid-r3", 68, 58, 88),
        Member("fluid-r3", 71, 50, 86),
        Member("fluid-r3", 60, 41, 74),
        Member("fluid-r3", 70, 34, 70),
    ),
    "brass-quartet": (
        Member("fluid-r3", 56, 55, 86),
        Member("fluid-r3", 57, 40, 72),
        Member("fluid-r3", 58, 26, 58),
    ),
}
"""Those that ship: each from one source, so that it sounds like one."""


@dataclass(frozen=True)
class DomainsConfig(ExamplesConfig):
    """Settings of a recording of domains, where they differ from those of other examples."""

    # Sounds are untreated, and validation plays works that are never trained on.
    banks: tuple[str, ...] = ("fluid-r3", "salamander", "sitar", "pizzicato-strings")
    n_examples: int = 1600
    n_validation: int = 60
    n_shard: int = 20
    sample_rate: int = RENDER_RATE_HZ  # the banks' own
    seed: int = 3  # another than that of other recordings
    domains: tuple[str, ...] = tuple(DOMAINS)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sample_rate != RENDER_RATE_HZ:
            raise ValueError(f"sample_rate must be {RENDER_RATE_HZ}")
        unknown = [name for name in self.domains if name not in DOMAINS]
        if unknown or len(self.domains) < 2:
            raise ValueError("domains must be two or more of " + ", ".join(DOMAINS))


class DomainExample(NamedTuple):
    """One piece by two domains."""

    sounds: Samples  # [2, T], as loud as each other
    domains: tuple[int, int]
    notes: Notes  # of both


class DomainComposer:
    """Composes every example of a seed, by its number alone."""

    def __init__(self, config: DomainsConfig, validation: bool) -> None:
        self.config, self.validation = config, validation
        banks = {}
        for name in config.banks:
            bank = open_bank(name)
            if bank.source.use == "test":
                raise InputError(str(bank.folder), "is for tests only", "train on another bank")
            banks[bank.source.name] = bank
        excluded = read_exclusions()
        self.players: list[list[tuple[Member, Instrument]]] = []
        for name in config.domains:
            for member in DOMAINS[name]:
                if member.bank not in banks:
                    raise InputError(name, f"is of the bank {member.bank}", "name that bank too")
                if (member.bank, member.program) in excluded:
                    raise InputError(name, "sounds like a test font's", "leave the domain out")
            members = [(m, banks[m.bank].instrument(m.program)) for m in DOMAINS[name]]
            self.players.append(members)
        works: Sequence[Work] = load_corpus(config.collections) if config.collections else ()
        split = "test" if validation else "train"
        self.works = [work for work in works if work.split == split]

    def example(self, number: int) -> DomainExample:
        """One piece by two domains."""
        config, n = self.config, len(self.config.domains)
        rng = np.random.default_rng([config.seed, int(self.validation), number])
        first = number % n
        second = (first + int(rng.integers(1, n))) % n
        for _ in range(_N_TRIES):
            parts = self._choose_piece(rng, first)
            players = [cast for d in (first, second) if (cast := self._assign_players(d, parts))]
            if len(players) == 2:
                break
        else:
            raise InputError("domains", "no piece fits two of them", "choose others")
        sounds = [self._mix(voices, parts) for voices in players]
        notes = tuple(sorted(note for part in parts for note in part))
        return DomainExample(np.stack(sounds), (first, second), notes)

    def _choose_piece(self, rng: np.random.Generator, domain: int) -> list[Notes]:
        """Parts of a piece, somewhere in a domain's range."""
        if self.works and rng.random() < _SCORE_SHARE:
            work = self.works[int(rng.integers(len(self.works)))]
            voices = [part for part in work.parts if part.notes and "+" not in (part.name or "")]
            end_s = max(part.end_s for part in voices)
            begin_s = float(rng.uniform(0, max(0.0, end_s - self.config.duration_s)))
            if rng.random() < _SOLO_SHARE:
                voices = [voices[int(rng.integers(len(voices)))]]
            octave, loud = int(rng.choice(_OCTAVES)), float(rng.uniform(*_LOUDNESS))
            parts = []
            for voice in voices:
                window = voice.window(begin_s, begin_s + self.config.duration_s)
                notes = [note for note in window.notes if note.duration_s > _MIN_NOTE_S]
                parts.append(
                    tuple(
                        Note(
                            note.start_s,
                            note.end_s,
                            note.pitch + octave,
                            int(
                                np.clip(
                                    loud * note.velocity + rng.normal(0, _VELOCITY_SPREAD), 20, 127
                                )
                            ),
                        )
                        for note in notes
                    )
                )
            return _remove_unisons([part for part in parts if part])
        players = self.players[domain]
        pitches = _playable_pitches(*players[int(rng.integers(len(players)))])
        return [sample_phrase(rng, sorted(pitches), self.config.duration_s).notes]

    def _assign_players(self, domain: int, parts: list[Notes]) -> list[Instrument] | None:
        """Player of each part: that whose middle range it is in; None where no player has it."""
        instruments = []
        for part in parts:
            pitches = [note.pitch for note in part]
            candidates = [
                (abs(float(np.median(pitches)) - (member.lowest + member.highest) / 2), i)
                for i, (member, player) in enumerate(self.players[domain])
                if _playable_pitches(member, player).issuperset(pitches)
            ]
            if not candidates:
                return None
            instruments.append(self.players[domain][min(candidates)[1]][1])
        return instruments or None

    def _mix(self, players: list[Instrument], parts: list[Notes]) -> Samples:
        n_samples = self.config.n_samples
        sound = np.zeros(n_samples, np.float32)
        for player, part in zip(players, parts, strict=True):
            sound += player.play(part, n_samples)
        rms = float(np.sqrt(np.mean(np.square(sound, dtype=np.float64)))) + 1e-9
        peak = float(np.abs(sound).max()) + 1e-9
        return sound * np.float32(min(10 ** (_LEVEL_DB / 20) / rms, _PEAK / peak))


def _playable_pitches(member: Member, player: Instrument) -> set[int]:
    """Pitches that are written for a member, as far as its bank has them."""
    return {pitch for pitch in player.pitches if member.lowest <= pitch <= member.highest}


def _remove_unisons(parts: list[Notes]) -> list[Notes]:
    """Parts without the notes that an earlier part has at the same time."""
    earlier_parts: list[Notes] = []
    for part in parts:
        earlier_notes = [note for earlier in earlier_parts for note in earlier]
        unique_notes = tuple(
            note
            for note in part
            if not any(
                other.pitch == note.pitch
                and other.start_s < note.end_s
                and note.start_s < other.end_s
                for other in earlier_notes
            )
        )
        if unique_notes:
            earlier_parts.append(unique_notes)
    return earlier_parts


@lru_cache(maxsize=2)
def _composer(config: DomainsConfig, validation: bool) -> DomainComposer:
    return DomainComposer(config, validation)


def _record_shard(folder: Path, config: DomainsConfig, shard: tuple[bool, int]) -> None:
    validation, index = shard
    composer, n = _composer(config, validation), config.n_shard
    sounds = np.empty((n, 2, config.n_samples), np.int16)
    facts = []
    for i in range(n):
        example = composer.example(index * n + i)
        sounds[i] = to_int16(example.sounds)
        facts.append({"domains": example.domains, "notes": note_rows(example.notes)})
    place = folder / shard_name(validation, index)
    place.with_suffix(".json").write_text(json.dumps(facts))
    write_array(place, sounds)  # last: where it lies, the others do


def record_domains(
    config: DomainsConfig,
    folder: str | Path | None = None,
    *,
    n_workers: int | None = None,
    progress: Any = None,
) -> "DomainExamples":
    """Compose examples of domains and write them; what is there already stays."""
    own = EXAMPLES_FOLDER / f"domains-{config.digest}"
    place = own if folder is None else Path(folder)
    record_shards(place, config, _VERSION, _record_shard, n_workers, progress)
    return DomainExamples(place, config)


class DomainExamples(RecordedExamples[DomainExample]):
    """Recorded examples of domains."""

    def stored(self, index: int) -> tuple[Any, dict[str, Any]]:
        """An example as the files have it: sounds [2, T] in 16 bits, and its domains and notes."""
        return self.read(index), self.read(index, ".json")

    def __getitem__(self, index: Any) -> DomainExample:  # type: ignore[override]
        """One example, whole."""
        sounds, facts = self.stored(index)
        first, second = facts["domains"]
        return DomainExample(from_int16(sounds), (first, second), read_notes(facts["notes"]))
