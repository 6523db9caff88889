"""Examples on disk, at a network's own rate: composed once, read by every epoch and run.

Composing an example takes two to four times as long as a training step of a small network, so
examples are recorded first. A recording is a function of its settings alone: anyone with
the same banks gets the same samples.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio.source import resample
from cambiata.data.bank import BANK_FOLDER, Bank
from cambiata.data.duplicates import read_exclusions
from cambiata.data.pairs import PairComposer, PairConfig, Treatment
from cambiata.data.scores import load_corpus
from cambiata.data.shards import (
    RecordedExamples,
    ShardReader,
    from_int16,
    shard_name,
    to_int16,
)
from cambiata.data.soundfont import RENDER_RATE_HZ
from cambiata.engines.engine import run_all
from cambiata.errors import InputError
from cambiata.files import write_array

EXAMPLES_FOLDER = BANK_FOLDER.parent / "examples"

_VERSION = 1  # of the files; examples of another are recorded anew
CONTENT, STYLE, TARGET = range(3)
"""Index of each sound of an example."""


@dataclass(frozen=True)
class ExamplesConfig:
    """Settings of a recording of examples."""

    # For training: their names in the cache folder, or paths.
    banks: tuple[str, ...] = ("fluid-r3", "musescore-general", "generaluser-gs", "csound-gm")
    # Of scores: names in `cambiata.data.scores.COLLECTIONS`.
    collections: tuple[str, ...] = ("chorales", "tunes")
    n_examples: int = 24576  # to learn from; a multiple of `n_shard`
    n_validation: int = 256  # to validate with, by `held_out` instruments only
    # One program of every General MIDI family, of the font that shares fewest samples.
    held_out: tuple[str, ...] = tuple(f"generaluser-gs:{p}" for p in range(3, 112, 8))
    n_shard: int = 256  # examples in one file: 200 MB at 16 kHz
    duration_s: float = 8.0  # the paper's, as are effects and rate
    treatment: Treatment = "paper"
    sample_rate: int = 16000
    seed: int = 0
    pedal_share: float = 0.0  # of what is played, with the sustain pedal

    def __post_init__(self) -> None:
        if self.n_shard < 1 or self.n_examples < 1 or self.n_validation < 1:
            raise ValueError("n_shard, n_examples and n_validation must be at least 1")
        if self.n_examples % self.n_shard or self.n_validation % self.n_shard:
            raise ValueError("n_examples and n_validation must be multiples of n_shard")
        if not 0.5 <= self.duration_s <= 60 or self.treatment not in ("none", "paper", "wide"):
            raise ValueError("duration_s must be 0.5 to 60, treatment none, paper or wide")

    @property
    def n_samples(self) -> int:
        """Length of every sound in samples."""
        return round(self.duration_s * self.sample_rate)

    @property
    def digest(self) -> str:
        """Short name of these settings; how many examples there are is no part of it."""
        settings = asdict(self) | {"n_examples": 0, "version": _VERSION}
        if not self.pedal_share:  # as the digests of old recordings have it
            del settings["pedal_share"]
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]


def open_bank(name: str) -> Bank:
    """A bank by its name in the cache folder or by its path, with programs as "NAME:0-7"."""
    place, programs = name, None
    if match := re.fullmatch(r"(.+):(\d+)-(\d+)", name):
        place, programs = match[1], range(int(match[2]), int(match[3]) + 1)
    return Bank(place if os.sep in place else BANK_FOLDER / place, programs)


def open_banks(names: Sequence[str]) -> list[Bank]:
    """Banks by their names; where some are missing, one refusal names them all."""
    missing = [name for name in names if os.sep not in name and not _is_made(name)]
    if missing:
        raise InputError(
            f"the banks {', '.join(missing)}" if len(missing) > 1 else f"the bank {missing[0]}",
            "must be made first",
            f"run `cambiata data bank {missing[0]}`" + (" and so on" if len(missing) > 1 else ""),
        )
    return [open_bank(name) for name in names]


def _is_made(name: str) -> bool:
    return (BANK_FOLDER / name.partition(":")[0] / "bank.json").exists()


def _parse_held_out(config: ExamplesConfig) -> frozenset[tuple[str, int]]:
    pairs = [name.rpartition(":") for name in config.held_out]
    for bank, _, program in pairs:
        if not bank or not program.isdecimal():
            raise InputError(
                "examples.held_out",
                f"names no instrument: {bank}{program}",
                "write BANK:PROGRAM, as in generaluser-gs:3",
            )
    return frozenset((bank, int(program)) for bank, _, program in pairs)


def check_split(config: ExamplesConfig, banks: Sequence[Bank]) -> None:
    """Refuse what leaves fewer than two instruments to learn from, or to validate with."""
    instruments = {(bank.source.name, i.program) for bank in banks for i in bank.instruments}
    instruments -= read_exclusions()
    held_out = _parse_held_out(config)
    of_validation = instruments & held_out if held_out else instruments
    for purpose, some in (
        ("learn from", instruments - held_out),
        ("validate with", of_validation),
    ):
        if len(some) < 2:
            raise InputError(
                "examples.held_out",
                f"leaves {len(some)} instruments of {', '.join(config.banks)} to {purpose}",
                "name two or more of them, not all, as BANK:PROGRAM; or add a bank",
            )


@lru_cache(maxsize=2)
def open_composer(config: ExamplesConfig, validation: bool) -> PairComposer:
    """Composer of examples by the instruments to learn from, or by those held out."""
    banks = [open_bank(name) for name in config.banks]
    held_out, excluded = _parse_held_out(config), read_exclusions()
    if validation and held_out:
        instruments = {(bank.source.name, i.program) for bank in banks for i in bank.instruments}
        excluded |= instruments - held_out
    else:
        excluded |= held_out
    return PairComposer(
        banks,
        load_corpus(config.collections) if config.collections else (),
        excluded=excluded,
        config=PairConfig(
            duration_s=config.duration_s,
            treatment=config.treatment,
            pedal_share=config.pedal_share,
        ),
        # Another seed, so that validation shares no piece's window with training.
        seed=config.seed + (10**6 if validation else 0),
    )


def _record_shard(folder: Path, config: ExamplesConfig, shard: tuple[bool, int]) -> None:
    """Compose one file's examples, and name the instruments of each beside it."""
    validation, index = shard
    composer = open_composer(config, validation)
    sounds = np.empty((config.n_shard, 3, config.n_samples), np.int16)
    labels = []
    for i in range(config.n_shard):
        example = composer.example(index * config.n_shard + i)
        for j, sound in enumerate((example.content, example.style, example.target)):
            low = resample(sound, RENDER_RATE_HZ, config.sample_rate)[: config.n_samples]
            sounds[i, j] = to_int16(low)
        labels.append([example.facts["content"], example.facts["style"]])
    place = folder / shard_name(validation, index)
    place.with_suffix(".json").write_text(json.dumps(labels))
    write_array(place, sounds)


def record_examples(
    config: ExamplesConfig,
    folder: str | Path | None = None,
    *,
    n_workers: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> "Examples":
    """Compose examples and write them; what is there already stays."""
    place = EXAMPLES_FOLDER / config.digest if folder is None else Path(folder)
    record_shards(place, config, _VERSION, _record_shard, n_workers, progress)
    return Examples(place, config)


def record_shards(
    place: Path,
    config: ExamplesConfig,
    version: int,
    record_shard: Callable[[Path, Any, tuple[bool, int]], None],
    n_workers: int | None,
    progress: Callable[[float], None] | None,
) -> None:
    """Record the shards that are missing, and write what they are made of."""
    shards = [(True, i) for i in range(config.n_validation // config.n_shard)]
    shards += [(False, i) for i in range(config.n_examples // config.n_shard)]
    missing = [shard for shard in shards if not (place / shard_name(*shard)).exists()]
    if missing:
        banks = open_banks(config.banks)  # refused before anything is made
        check_split(config, banks)
        load_corpus(config.collections)  # parsed once, not by every worker
        place.mkdir(parents=True, exist_ok=True)
        facts = {
            "config": asdict(config) | {"n_examples": None},
            "version": version,
            "banks": [{"sha256": bank.facts["sha256"], **asdict(bank.source)} for bank in banks],
        }
        (place / "examples.json").write_text(json.dumps(facts, indent=1))
    work = partial(record_shard, place, config)

    def report(share: float) -> None:
        if progress is not None:  # of all, those that were there included
            progress(1 - (1 - share) * len(missing) / len(shards))

    run_all(work, missing, n_workers, str(place), report)


class Examples(RecordedExamples[Samples]):
    """Recorded examples: content, style and target of each, [3, T]."""

    def __getitem__(self, index: Any) -> Samples:  # type: ignore[override]
        """Content, style and target of one example, [3, T]."""
        return from_int16(self.read(index))


class CachedFeatures(ShardReader, Sequence[npt.NDArray[np.float16]]):
    """Features that were computed of every example once, read in its stead."""

    def __init__(self, examples: Examples, name: str) -> None:
        super().__init__(examples.folder / name, examples.config, cure="compute them first")
        self.examples, self.name = examples, name

    def __reduce__(self) -> tuple[Any, ...]:
        return CachedFeatures, (self.examples, self.name)

    def __getitem__(self, index: Any) -> npt.NDArray[np.float16]:  # type: ignore[override]
        """Features of one example."""
        return np.array(self.read(index))

    def validation(self) -> Examples:
        """The examples to validate with, whole."""
        return self.examples.validation()


def cache_features(
    examples: Examples,
    name: str,
    compute: Callable[[Samples], npt.NDArray[np.floating[Any]]],
    progress: Callable[[float], None] | None = None,
) -> CachedFeatures:
    """Compute features of every example and write them; what is there already stays.

    `compute` takes sounds [B, 3, T] and returns features [B, ...].
    """
    folder = examples.folder / name
    folder.mkdir(exist_ok=True)
    size, n_at_once = examples.config.n_shard, 16  # as a batch: fills the cores, not the memory
    n_shards = len(examples) // size
    for index in range(n_shards):
        place = folder / shard_name(False, index)
        if place.exists():
            continue
        computed = [
            compute(
                np.stack([examples[i] for i in range(at, min(at + n_at_once, size * (index + 1)))])
            )
            for at in range(size * index, size * (index + 1), n_at_once)
        ]
        write_array(place, np.concatenate(computed).astype(np.float16))
        if progress is not None:
            progress((index + 1) / n_shards)
    return CachedFeatures(examples, name)
