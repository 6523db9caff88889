"""Real scores: folders of MIDI files and the public-domain works that music21 brings."""

import gzip
import hashlib
import json
import os
import warnings
from collections.abc import Container, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cambiata.caches import read_cached, write_cached
from cambiata.data.soundfont import Use
from cambiata.errors import InputError, warn
from cambiata.files import MIDI_INPUT_SUFFIXES, cache_folder
from cambiata.score import midi
from cambiata.score.midi import Note, Part
from cambiata.system import Progress

SCORE_CACHE = cache_folder()
TEST_SHARE = 0.25  # of the works that may be trained on: enough of each kind to test by
# A note sounds for so much of its value: players let go a little before the next.
_LEGATO = 0.95
# Random tempo, and random dynamics of a whole work and of its notes (standard deviation).
_TEMPO_BPM, _VELOCITY, _VELOCITY_SPREAD = (72, 132), (60, 100), 5
# Accent of the first beat over the weakest, and the beat strength that gets none.
_ACCENT, _PLAIN_STRENGTH = 14, 0.4

Split = Literal["train", "test"]


@dataclass(frozen=True)
class Collection:
    """A collection of music21's corpus."""

    name: str
    patterns: tuple[str, ...]  # of its files, below the corpus folder
    # "train" where its licence lets models that ship be trained on it. Encodings without a
    # licence line of their own are for tests only.
    use: Use
    licence: str  # as far as it is known


COLLECTIONS = (
    Collection("chorales", ("bach/bwv*.mxl",), "train", "public domain, music21's own encodings"),
    Collection(
        "tunes", ("ryansMammoth/*.abc",), "train", "tunes of 1883 and before: pitches and rhythms"
    ),
    Collection(
        "quartets",
        (
            "haydn/opus*/*.mxl",
            "mozart/k1*/*.mxl",
            "mozart/k4*/*.mxl",
            "beethoven/opus*/*.mxl",
            "schumann_robert/opus41no1/*.mxl",
        ),
        "test",
        "works in the public domain; encodings without a licence line",
    ),
    Collection(
        "keyboard",
        (
            "schumann_clara/polonaise*.mxl",
            "mozart/k5*/*.mxl",
            "joplin/*.mxl",
            "chopin/*.krn",
            "cpebach/*.mxl",
        ),
        "test",
        "works in the public domain; encodings without a licence line",
    ),
)
COLLECTION_NAMES = tuple(collection.name for collection in COLLECTIONS)


@dataclass(frozen=True)
class Work:
    """A work and its parts."""

    name: str  # "haydn/opus74no1/movement2", or a file's path
    collection: str
    parts: tuple[Part, ...]  # its own, and after them those made of them (`add_reductions`)

    @property
    def opus(self) -> str:
        """The work that it is a movement of; splits keep an opus together."""
        folder, _, last = self.name.rpartition("/")
        return folder if last.startswith("movement") else self.name.split(".mxl")[0]

    @property
    def split(self) -> Split:
        """The split "test" for test collections and a quarter of the others, else "train"."""
        if any(known.name == self.collection and known.use == "test" for known in COLLECTIONS):
            return "test"
        share = int.from_bytes(hashlib.sha256(self.opus.encode()).digest()[:4]) / 2**32
        return "test" if share < TEST_SHARE else "train"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of its notes, times to the millisecond."""
        return notes_digest(note for part in self.parts for note in part.notes)


def notes_digest(notes: Iterable[Note]) -> str:
    """SHA-256 of notes, times to the millisecond."""
    rows = [(round(1000 * n.start_s), round(1000 * n.end_s), n.pitch, n.velocity) for n in notes]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def load_midi_works(folder: str | Path) -> list[Work]:
    """Works of a folder of MIDI files, its subfolders included."""
    place = Path(folder)
    if not place.exists():
        raise InputError(str(folder), "no such file or folder", "check the path")
    if place.is_file():
        files = [place]
    else:
        files = sorted(p for p in place.rglob("*") if p.suffix.lower() in MIDI_INPUT_SUFFIXES)
    works, unreadable = [], []
    for path in files:
        try:
            parts = tuple(p for p in midi.load(path).parts if p.notes and not p.is_drum)
        except InputError as error:
            if place.is_file():
                raise
            unreadable.append(f"{path.name}: {error.problem}")
            continue
        if parts:
            name = path.name if place.is_file() else path.relative_to(place).as_posix()
            works.append(Work(name, "midi", parts))
        else:
            unreadable.append(f"{path.name}: plays drums only")
    if not works:
        raise InputError(str(folder), "holds no readable MIDI file with notes", "name another")
    if unreadable:
        warn(f"{len(unreadable)} of {len(files)} scores not used: " + "; ".join(unreadable[:5]))
    return works


def load_corpus(
    collections: Sequence[str] = COLLECTION_NAMES,
    *,
    names: Container[str] | None = None,
    n_workers: int | None = None,
    progress: Progress | None = None,
) -> list[Work]:
    """Works of music21's corpus, each parsed once and cached on disk.

    Each gets a tempo from 72 to 132 beats a minute, and its notes velocities with an accent on
    strong beats, both drawn from the file's name: few of these encodings have tempi or dynamics.
    """
    known = {collection.name: collection for collection in COLLECTIONS}
    for name in collections:
        if name not in known:
            raise InputError(name, "no such collection", "use " + ", ".join(known))
    return [
        work
        for name in collections
        for work in _load_collection(known[name], names, n_workers, progress)
    ]


def _load_collection(
    collection: Collection,
    names: Container[str] | None,
    n_workers: int | None,
    progress: Progress | None,
) -> list[Work]:
    try:
        import music21
    except ModuleNotFoundError as error:
        raise InputError(
            "scores", "music21 is not installed", 'pip install "cambiata[train]"'
        ) from error
    root = Path(music21.__file__).parent / "corpus"
    files = sorted(path for pattern in collection.patterns for path in root.glob(pattern))
    selected = {path.relative_to(root).as_posix(): path for path in files}
    if names is not None:
        selected = {name: path for name, path in selected.items() if name in names}
    folder = SCORE_CACHE / f"scores-2-music21-{music21.__version__}"  # 2: with hashes
    places = {name: folder / (name.replace("/", "--") + ".json.gz") for name in selected}
    stored = {name: read_cached(place) for name, place in places.items()}
    missing = [name for name, data in stored.items() if data is None]
    if missing:
        tasks = [(selected[name], places[name]) for name in missing]
        stored |= zip(missing, _parse_all(tasks, n_workers, progress), strict=True)
    works, unreadable = [], []
    for name, data in stored.items():
        rows = json.loads(gzip.decompress(data or b""))
        parts = [_decode_part(label, notes) for label, notes in rows]
        if parts:
            works.append(Work(name, collection.name, add_reductions(parts)))
        else:
            unreadable.append(name)
    if not works and (unreadable or names is None):
        raise InputError(collection.name, "music21 reads nothing of it", "install music21 again")
    if set(unreadable) & set(missing):
        warn(f"{len(unreadable)} of {len(selected)} scores not used: " + "; ".join(unreadable[:5]))
    return works


def _decode_part(label: str, rows: list[list[Any]]) -> Part:
    return Part(tuple(Note(*row) for row in rows), name=label)


def add_reductions(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Parts, and those that a keyboard player would make of them."""
    result = list(parts)
    # Two hands play four or five parts in pairs, or all; a full orchestra they do not.
    if 2 < len(parts) <= 5:
        result += [merge_parts(parts[:2]), merge_parts(parts[-2:])]
    if 2 <= len(parts) <= 5:
        result.append(merge_parts(parts))
    return tuple(result)


def merge_parts(parts: Sequence[Part]) -> Part:
    """Several parts as one; a note struck while its pitch sounds cuts the earlier one."""
    merged_notes: list[Note] = []
    next_onset_s: dict[int, float] = {}
    for note in sorted((note for part in parts for note in part.notes), reverse=True):
        end_s = min(note.end_s, next_onset_s.get(note.pitch, note.end_s))
        if end_s > note.start_s:
            merged_notes.append(replace(note, end_s=end_s))
            next_onset_s[note.pitch] = note.start_s
    return Part(tuple(sorted(merged_notes)), name="+".join(part.name for part in parts))


# --- reading music21's scores -----------------------------------------------------------------


def _parse_all(
    files: list[tuple[Path, Path]], n_workers: int | None, progress: Progress | None
) -> list[bytes]:
    n_workers = min(n_workers or os.cpu_count() or 1, len(files))
    with ProcessPoolExecutor(n_workers, mp_context=get_context("spawn")) as pool:
        parsed = []
        for data in pool.map(_parse, files):
            parsed.append(data)
            if progress:
                progress(len(parsed) / len(files))
        return parsed


def _parse(file: tuple[Path, Path]) -> bytes:
    """Names and notes of a score's parts, stored; none where music21 cannot read it."""
    score, place = file
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Whatever music21 trips over in one of its own files costs that file alone.
        try:
            parts = _parse_parts(score)
        except Exception:
            parts = []
    data = gzip.compress(json.dumps(parts).encode(), mtime=0)
    write_cached(place, data)
    return data


def _parse_parts(path: Path) -> list[tuple[str, list[tuple[Any, ...]]]]:
    import music21

    score: Any = music21.converter.parse(path)
    if isinstance(score, music21.stream.Opus):
        return []
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(path.name.encode()).digest()[:8]))
    beat_s, base = 60 / rng.uniform(*_TEMPO_BPM), rng.uniform(*_VELOCITY)
    parts: list[tuple[str, list[tuple[Any, ...]]]] = []
    for part in score.parts:
        rows = sorted(set(_note_rows(part, beat_s, base, rng)))
        if rows:
            parts.append((str(part.partName or f"part {len(parts) + 1}"), rows))
    return parts


def _note_rows(
    part: Any, beat_s: float, base: float, rng: np.random.Generator
) -> Iterator[tuple[float, float, int, int]]:
    for element in part.stripTies().flatten().notes:
        pitches = [] if "ChordSymbol" in element.classes else element.pitches
        length = float(element.quarterLength)
        if not pitches or length <= 0:  # a grace note takes no time of its own
            continue
        start_s = float(element.offset) * beat_s
        end_s = start_s + length * beat_s * _LEGATO
        accent = _ACCENT * (float(element.beatStrength or 0) - _PLAIN_STRENGTH)
        velocity = int(np.clip(round(base + accent + rng.normal(0, _VELOCITY_SPREAD)), 20, 120))
        for pitch in pitches:
            if 0 <= pitch.midi <= 127:
                yield round(start_s, 4), round(end_s, 4), int(pitch.midi), velocity
