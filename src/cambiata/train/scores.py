"""Real scores: folders of MIDI files and the public-domain works that music21 brings."""

import gzip
import hashlib
import json
import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cambiata import midi
from cambiata.errors import CambiataWarning, InputError
from cambiata.midi import Note, Part
from cambiata.systems.base import Progress
from cambiata.train.soundfont import Use

SCORE_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "cambiata"
TEST_SHARE = 0.25

Split = Literal["train", "test"]


@dataclass(frozen=True)
class Collection:
    """A collection of music21's corpus.

    Parameters
    ----------
    name : str
        What to call it.
    patterns : tuple of str
        Files of it, below the corpus folder.
    use : {"train", "test"}
        "train" where its licence lets models that ship be trained on it. Encodings without a
        licence line of their own are for tests only.
    licence : str
        What is known of it.

    Examples
    --------
    >>> COLLECTIONS[0].name
    'chorales'
    """

    name: str
    patterns: tuple[str, ...]
    use: Use
    licence: str


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
    """A work and its parts.

    Parameters
    ----------
    name : str
        Where it comes from: "haydn/opus74no1/movement2", or a file's path.
    collection : str
        Collection it belongs to.
    parts : tuple of Part
        Its parts, and after them those made of them (`reductions`).

    Examples
    --------
    >>> Work("haydn/opus74no1/movement2", "quartets", ()).opus
    'haydn/opus74no1'
    """

    name: str
    collection: str
    parts: tuple[Part, ...]

    @property
    def opus(self) -> str:
        """The work that it is a movement of; splits keep an opus together."""
        folder, _, last = self.name.rpartition("/")
        return folder if last.startswith("movement") else self.name.split(".mxl")[0]

    @property
    def split(self) -> Split:
        """Where it belongs: "test" for collections for tests and a quarter of the others' works."""
        if any(known.name == self.collection and known.use == "test" for known in COLLECTIONS):
            return "test"
        share = int.from_bytes(hashlib.sha256(self.opus.encode()).digest()[:4]) / 2**32
        return "test" if share < TEST_SHARE else "train"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of its notes, times to the millisecond."""
        return notes_digest(note for part in self.parts for note in part.notes)


def notes_digest(notes: Iterable[Note]) -> str:
    """SHA-256 of notes, times to the millisecond.

    Parameters
    ----------
    notes : iterable of Note
        The notes.

    Returns
    -------
    str
        Hexadecimal.

    Examples
    --------
    >>> notes_digest([Note(0, 1, 60)])[:8]
    'c6c70e5f'
    """
    rows = [(round(1000 * n.start_s), round(1000 * n.end_s), n.pitch, n.velocity) for n in notes]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def midi_works(folder: str | Path) -> list[Work]:
    """Works of a folder of MIDI files, its subfolders included.

    Parameters
    ----------
    folder : str or pathlib.Path
        Where they lie; a single MIDI file is a folder of one.

    Returns
    -------
    list of Work
        Those that could be read, drums left out; the others are counted and named in a
        `CambiataWarning`.

    Raises
    ------
    InputError
        There is no such folder, or no readable score with notes in it.

    Examples
    --------
    >>> midi_works("/nowhere")
    Traceback (most recent call last):
    cambiata.errors.InputError: /nowhere: no such file or folder; check the path
    """
    place = Path(folder)
    if not place.exists():
        raise InputError(str(folder), "no such file or folder", "check the path")
    if place.is_file():
        files = [place]
    else:
        files = sorted(p for p in place.rglob("*") if p.suffix.lower() in (".mid", ".midi", ".kar"))
    works, unread = [], []
    for path in files:
        try:
            parts = tuple(p for p in midi.load(path).parts if p.notes and not p.is_drum)
        except InputError as error:
            if place.is_file():
                raise
            unread.append(f"{path.name}: {error.problem}")
            continue
        if parts:
            name = path.name if place.is_file() else str(path.relative_to(place))
            works.append(Work(name, "midi", parts))
        else:
            unread.append(f"{path.name}: plays drums only")
    if not works:
        raise InputError(str(folder), "holds no readable MIDI file with notes", "name another")
    if unread:
        warnings.warn(
            f"{len(unread)} of {len(files)} scores not used: " + "; ".join(unread[:5]),
            CambiataWarning,
            stacklevel=2,
        )
    return works


def corpus_works(
    collections: Sequence[str] = COLLECTION_NAMES,
    *,
    n_workers: int | None = None,
    progress: Progress | None = None,
) -> list[Work]:
    """Works of music21's corpus, parsed once and kept in the cache folder.

    Each gets a tempo from 72 to 132 beats a minute, and its notes velocities with an accent on
    strong beats, both drawn from the file's name: few of these encodings have tempi or dynamics.

    Parameters
    ----------
    collections : sequence of str
        Names in `COLLECTIONS`.
    n_workers : int, optional
        Processes for parsing; as many as there are cores where not given.
    progress : callable, optional
        Called with the share that is done.

    Returns
    -------
    list of Work
        In the order of the collections and their files' names.

    Raises
    ------
    InputError
        music21 is not installed, or a collection is not known.

    Examples
    --------
    >>> corpus_works(["hymns"])
    Traceback (most recent call last):
    cambiata.errors.InputError: hymns: no such collection; use chorales, tunes, quartets, keyboard
    """
    known = {collection.name: collection for collection in COLLECTIONS}
    for name in collections:
        if name not in known:
            raise InputError(name, "no such collection", "use " + ", ".join(known))
    return [work for name in collections for work in _collected(known[name], n_workers, progress)]


def _collected(
    collection: Collection, n_workers: int | None, progress: Progress | None
) -> list[Work]:
    try:
        import music21
    except ModuleNotFoundError as error:
        raise InputError(
            "scores", "music21 is not installed", 'pip install "cambiata[train]"'
        ) from error
    cache = SCORE_CACHE / f"{collection.name}-music21-{music21.__version__}.json.gz"
    if not cache.exists():
        root = Path(music21.__file__).parent / "corpus"
        files = sorted(path for pattern in collection.patterns for path in root.glob(pattern))
        parsed = _parsed(root, files, n_workers, progress)
        cache.parent.mkdir(parents=True, exist_ok=True)
        beside = cache.with_suffix(f".{os.getpid()}.part")
        with gzip.open(beside, "wt") as file:
            json.dump(parsed, file)
        beside.replace(cache)
    with gzip.open(cache, "rt") as file:
        rows = json.load(file)
    return [
        Work(name, collection.name, reductions([_part(label, notes) for label, notes in parts]))
        for name, parts in rows
        if parts
    ]


def _part(label: str, rows: list[list[Any]]) -> Part:
    return Part(tuple(Note(*row) for row in rows), name=label)


def reductions(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Parts, and those that a keyboard player would make of them.

    Parameters
    ----------
    parts : sequence of Part
        Voices, the highest first.

    Returns
    -------
    tuple of Part
        The parts; where there are two to five, also the upper two as one, the lower two, and all.

    Examples
    --------
    >>> high, low = Part((Note(0, 1, 72),), name="S"), Part((Note(0, 1, 60),), name="B")
    >>> [part.name for part in reductions([high, low])]
    ['S', 'B', 'S+B']
    """
    made = list(parts)
    if 2 < len(parts) <= 5:
        made += [merged(parts[:2]), merged(parts[-2:])]
    if 2 <= len(parts) <= 5:
        made.append(merged(parts))
    return tuple(made)


def merged(parts: Sequence[Part]) -> Part:
    """Several parts as one; a note struck while its pitch sounds cuts the earlier one.

    Parameters
    ----------
    parts : sequence of Part
        What to merge.

    Returns
    -------
    Part
        All their notes; of unisons one.

    Examples
    --------
    >>> merged([Part((Note(0, 2, 60),)), Part((Note(0, 1, 60), Note(1, 3, 60)))]).notes[0].end_s
    1
    """
    last: dict[int, Note] = {}
    kept: list[Note] = []
    for note in sorted(note for part in parts for note in part.notes):
        before = last.get(note.pitch)
        if before is not None and before.end_s > note.start_s:
            kept.remove(before)
            if before.start_s < note.start_s:
                kept.append(Note(before.start_s, note.start_s, before.pitch, before.velocity))
        kept.append(note)
        last[note.pitch] = note
    return Part(tuple(sorted(kept)), name="+".join(part.name for part in parts))


# --- reading music21's scores -----------------------------------------------------------------


def _parsed(
    root: Path, files: list[Path], n_workers: int | None, progress: Progress | None
) -> list[Any]:
    works: list[Any] = []
    with ProcessPoolExecutor(n_workers or os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for done, found in enumerate(pool.map(_parse, files, chunksize=4), 1):
            works += [(str(path.relative_to(root)), parts) for path, parts in found]
            if progress:
                progress(done / len(files))
    return works


def _parse(path: Path) -> list[tuple[Path, list[tuple[str, list[tuple[Any, ...]]]]]]:
    import music21

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            score: Any = music21.converter.parse(path)
        # Whatever music21 trips over in one of its own files costs that file alone.
        except Exception:
            return []
    if isinstance(score, music21.stream.Opus):
        return []
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(path.name.encode()).digest()[:8]))
    beat_s, base = 60 / rng.uniform(72, 132), rng.uniform(60, 100)
    parts: list[tuple[str, list[tuple[Any, ...]]]] = []
    for part in score.parts:
        rows = sorted(set(_rows(part, beat_s, base, rng)))
        if rows:
            parts.append((str(part.partName or f"part {len(parts) + 1}"), rows))
    return [(path, parts)]


def _rows(
    part: Any, beat_s: float, base: float, rng: np.random.Generator
) -> Iterator[tuple[float, float, int, int]]:
    for element in part.stripTies().flatten().notes:
        pitches = [] if "ChordSymbol" in element.classes else element.pitches
        length = float(element.quarterLength)
        if not pitches or length <= 0:  # a grace note takes no time of its own
            continue
        start_s = float(element.offset) * beat_s
        end_s = start_s + length * beat_s * 0.95
        accent = 14 * (float(element.beatStrength or 0) - 0.4)
        velocity = int(np.clip(round(base + accent + rng.normal(0, 5)), 20, 120))
        for pitch in pitches:
            if 0 <= pitch.midi <= 127:
                yield round(start_s, 4), round(end_s, 4), int(pitch.midi), velocity
