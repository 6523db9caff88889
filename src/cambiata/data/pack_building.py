"""The one call that makes a pack: single notes of all that is here, excerpts of scores, rooms."""

import json
import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from cambiata.data.clip_examples import EXCERPTS, PACK_FOLDER, ROOMS, align_rooms, excerpt_rows
from cambiata.data.clips import ClipConfig
from cambiata.data.note_pack import NOTE, NotePack
from cambiata.data.pack_sources import (
    Making,
    NoteSource,
    default_sources,
    held_out,
    open_drums,
    open_source,
    read_sounds,
    room_files,
    weigh,
)
from cambiata.data.scores import COLLECTIONS, Collection, Work, load_corpus
from cambiata.data.soundfont import RENDER_RATE_HZ
from cambiata.errors import InputError, warn
from cambiata.files import NOTE_PACK, atomic_folder, check_output
from cambiata.score.midi import Note
from cambiata.system import Progress

# Collections whose licence lets what ships be trained on them.
_COLLECTIONS = tuple(each for each in COLLECTIONS if each.use == "train")
# As many as the shipped listener was trained with; 6 s each are 1.5 MB of table.
_N_EXCERPTS, _EXCERPT_SEED = 4000, 5
# Excerpts of a part: two of a long one. Tempo is changed by up to a half, so that a tune that
# comes twice is not the same; notes shorter than 30 ms or begun in the last 50 ms are left out.
_LONG_PART, _TEMPO, _SHORTEST_S, _LAST_S, _FEWEST = 40, (0.7, 1.5), 0.03, 0.05, 3
_NO_NOTES = ("scores", "rooms")
_NOTES_SHARE = 0.8  # of the time, where scores are parsed for the first time
_ROOM_CHANNELS = 2  # of an impulse response; further ones are the same room's


def build_pack(
    folder: str | Path | None = None,
    sources: Sequence[str | Path] = (),
    *,
    drums: str | Path | None = None,
    rooms: str | Path | None = None,
    scores: bool = True,
    n_timbres: int | None = None,
    seed: int = 0,
    licence: str = "unknown: the user's own",
    n_workers: int | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> NotePack:
    """Pack of single notes that the listener's training mixes its clips of.

    Parameters
    ----------
    folder : str or Path, optional
        Where to write it; else in the cache folder, where trainings look for it.
    sources : sequence of str or Path
        Sound fonts (paths or short names), banks, folders of recorded notes, other packs,
        ``procedural-pianos``, names of synthesisers. None: all that are here and may be trained
        on; one warning names what is missing. Instruments that share samples with the font of the
        test set are left out.
    drums : str or Path, optional
        Folder of drum hits, which sound in clips and are no notes.
    rooms : str or Path, optional
        Folder of impulse responses.
    scores : bool
        Whether excerpts of music21's chorales and tunes are added, where it is installed.
    n_timbres, seed : int
        Timbres of each synthesiser (80 to 350 by default), and which.
    licence : str
        Licence of fonts and folders of one's own.
    n_workers : int, optional
        Processes; else one a core.
    force : bool
        Replace a pack that exists.
    progress : callable, optional
        Called with the share that is done.

    Returns
    -------
    NotePack
        The pack on disk; `sources` lists each source with its licence and counts.

    Raises
    ------
    InputError
        A source is missing, damaged or for tests only, or there is too little to learn from.

    Examples
    --------
    >>> build_pack("pack", ["fluid-r3", "procedural-pianos"], scores=False)  # doctest: +SKIP
    """
    if folder is None:
        PACK_FOLDER.parent.mkdir(parents=True, exist_ok=True)
    place = check_output(
        PACK_FOLDER if folder is None else folder,
        NOTE_PACK,
        force=force,
        is_own=lambda there: (there / "pack.json").exists() or not any(there.iterdir()),
    )
    opened = _open_all(sources, drums, rooms, scores, licence, n_timbres, seed)
    responses = None if rooms is None else _read_rooms(rooms)
    collections = _COLLECTIONS if scores and find_spec("music21") else ()
    n_workers = n_workers or os.cpu_count() or 1
    notes_share = 1.0 if not collections else _NOTES_SHARE
    with atomic_folder(place) as unfinished:
        with (unfinished / "audio.npy").open("w+b") as file:
            writer = _Writer(file, unfinished.parent)
            facts = writer.add_all(opened, n_workers, _part_of(progress, 0.0, notes_share))
            np.save(unfinished / "notes.npy", writer.finish())
        if collections:
            rest = _part_of(progress, notes_share, 1.0)
            facts += _write_excerpts(unfinished, collections, n_workers, rest)
        if responses is not None and rooms is not None:
            np.save(unfinished / ROOMS, responses)
            about = {"name": Path(rooms).resolve().name, "kind": "rooms", "licence": licence}
            facts.append({**about, "use": "train", "rooms": len(responses)})
        (unfinished / "pack.json").write_text(json.dumps(facts, indent=1))
    return NotePack.load(place)


def _part_of(progress: Progress | None, begin: float, end: float) -> Progress | None:
    """Progress of a part of the work, which begins and ends at these shares."""
    return None if progress is None else lambda share: progress(begin + share * (end - begin))


def _open_all(
    sources: Sequence[str | Path],
    drums: str | Path | None,
    rooms: str | Path | None,
    scores: bool,
    licence: str,
    n_timbres: int | None,
    seed: int,
) -> list[NoteSource]:
    """All sources, checked before any work is done; what is missing is said in one line."""
    missing: list[str] = []
    if not sources:
        sources, missing = default_sources()
        missing += [
            f"{what} (`{keyword}`)"
            for what, keyword, given in (("drum hits", "drums", drums), ("rooms", "rooms", rooms))
            if given is None
        ]
    opened = [
        open_source(source, licence=licence, n_timbres=n_timbres, seed=seed) for source in sources
    ]
    if n_timbres is not None and not any(each.kind == "synthesiser" for each in opened):
        raise InputError("n_timbres", "no synthesiser is among the sources", "leave it out")
    names = [each.name for each in opened]
    for name in names:
        if names.count(name) > 1:
            raise InputError(name, "is named twice", "name each source once")
    if drums is not None:
        opened.append(open_drums(drums, licence=licence))
    if scores and not find_spec("music21"):
        missing.append("scores")
    if missing:
        how = "`cambiata data check` says how to have more"
        warn(f"not in the pack: {', '.join(missing)}; {how}")
    return opened


class _Writer:
    """A pack's audio, written as it comes, and its table."""

    def __init__(self, file: BinaryIO, scratch: Path) -> None:
        self._file, self._scratch = file, scratch
        self._tables: list[npt.NDArray[Any]] = []
        self._n_samples, self._n_timbres = 0, 0
        self._write_header()

    def _write_header(self) -> None:
        # NumPy leaves room in it for the length to grow.
        shape = {"descr": "<i2", "fortran_order": False, "shape": (self._n_samples,)}
        self._file.seek(0)
        np.lib.format.write_array_header_1_0(self._file, shape)

    def add_all(
        self, sources: Sequence[NoteSource], n_workers: int, progress: Progress | None
    ) -> list[dict[str, Any]]:
        """Every source's notes; what the pack says of each."""
        facts: list[dict[str, Any]] = []
        steps, done = sum(source.n_packs for source in sources), 0
        for source in sources:
            making = Making(held_out(source, sources), self._scratch, n_workers)
            before = len(self._tables)
            inner: list[dict[str, Any]] = []
            for pack in source.packs(making):
                self._add(pack, source)
                # Another pack's notes are taken, not its scores and rooms.
                inner += [each for each in pack.sources if each.get("kind") not in _NO_NOTES]
                done += 1
                if progress is not None:
                    progress(done / steps)
            tables = self._tables[before:]
            if not tables:
                raise InputError(source.name, "gives no note that sounds", "leave it out")
            facts += inner if source.kind == "pack" else [source.facts | _counts(tables)]
        return facts

    def _add(self, pack: NotePack, source: NoteSource) -> None:
        """A pack's notes, of timbres of their own."""
        if not len(pack.notes):
            return
        table = pack.notes.copy()
        weigh(source.kind, table)
        table["start"] += self._n_samples
        _, table["timbre"] = np.unique(table["timbre"], return_inverse=True)
        table["timbre"] += self._n_timbres
        self._tables.append(table)
        self._n_timbres = int(table["timbre"].max()) + 1
        self._n_samples += len(pack.audio)
        self._file.write(np.ascontiguousarray(pack.audio, "<i2").data)

    def finish(self) -> npt.NDArray[Any]:
        """The table, once the audio's length is written."""
        self._write_header()
        notes = np.concatenate(self._tables).astype(NOTE)
        _choose_held_out(notes)
        return notes


def _counts(tables: Sequence[npt.NDArray[Any]]) -> dict[str, Any]:
    """Notes, timbres and seconds of a source."""
    notes = np.concatenate(tables)
    return {
        "notes": len(notes),
        "timbres": len(np.unique(notes["timbre"])),
        "duration_s": round(float(notes["length"].sum()) / RENDER_RATE_HZ, 1),
    }


def _choose_held_out(notes: npt.NDArray[Any]) -> None:
    """Of a pack of few timbres the last one, where otherwise none or all were held out."""
    pitched = notes["pitch"] >= 0
    timbres = np.unique(notes["timbre"][pitched])
    if len(timbres) < 2:
        raise InputError("the pack", "has fewer than two pitched timbres", "name more sources")
    held = notes["held_out"][pitched]
    if held.all() or not held.any():
        notes["held_out"] = pitched & (notes["timbre"] == timbres[-1])


def _read_rooms(folder: str | Path) -> npt.NDArray[np.float16]:
    """Impulse responses of a folder [R, 131072]."""
    rooms = align_rooms(
        channel
        for sound in read_sounds(room_files(folder))
        for channel in sound[:_ROOM_CHANNELS]
        if channel.any()
    )
    if not len(rooms):
        raise InputError(str(folder), "holds no usable impulse response", "name another folder")
    return rooms.astype(np.float16)


def _write_excerpts(
    folder: Path,
    collections: Sequence[Collection],
    n_workers: int,
    progress: Progress | None,
) -> list[dict[str, Any]]:
    """Excerpts of collections that may be trained on; what the pack says of them."""
    works: list[Work] = []
    for i, each in enumerate(collections):
        step = _part_of(progress, i / len(collections), (i + 1) / len(collections))
        works += load_corpus([each.name], n_workers=n_workers, progress=step)
    if progress is not None:
        progress(1.0)  # what was parsed before is read without a word
    excerpts = sample_excerpts(works, np.random.default_rng(_EXCERPT_SEED))
    np.save(folder / EXCERPTS, excerpt_rows([notes for _, notes in excerpts]))
    names = [name for name, _ in excerpts]
    return [
        {
            "name": f"music21 {each.name}",
            "kind": "scores",
            "licence": each.licence,
            "use": each.use,
            "excerpts": names.count(each.name),
        }
        for each in collections
    ]


def sample_excerpts(
    works: Sequence[Work], rng: np.random.Generator
) -> list[tuple[str, tuple[Note, ...]]]:
    """Excerpts as long as a clip of works to learn from, each with its collection's name."""
    duration_s = ClipConfig().duration_s
    excerpts = []
    for work in works:
        for part in work.parts if work.split == "train" else ():
            for _ in range(2 if len(part.notes) > _LONG_PART else 1):
                begin_s = float(rng.uniform(0, max(0.0, part.end_s - duration_s)))
                slower = float(rng.uniform(*_TEMPO))
                window = part.window(begin_s, begin_s + duration_s / slower).notes
                notes = tuple(
                    sorted(
                        Note(
                            note.start_s * slower,
                            min(duration_s, note.end_s * slower),
                            note.pitch,
                            note.velocity,
                        )
                        for note in window
                        if note.duration_s > _SHORTEST_S
                        and note.start_s * slower < duration_s - _LAST_S
                    )
                )
                if len(notes) >= _FEWEST:
                    excerpts.append((work.collection, notes))
    order = rng.permutation(len(excerpts))[:_N_EXCERPTS]
    return [excerpts[i] for i in order]
