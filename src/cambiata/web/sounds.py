"""Sounds and timbres: taken in, measured, given out, and forgotten when their time is over."""

import json
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

from cambiata.caches import is_as_noted, note_hash
from cambiata.files import write_bytes, write_text
from cambiata.score.notation import SUFFIXES
from cambiata.web.file_names import extension_of, safe_name
from cambiata.web.lanes import ReadingLane
from cambiata.web.limits import Limits
from cambiata.web.refusals import Refusal, unknown
from cambiata.web.sound_facts import PEAKS, PLAYABLE, SPECTROGRAM
from cambiata.web.store import Row, Store, new_id

_EXAMPLES = (
    *("trumpet.ogg", "cello.flac", "tune.mid", "funk.mid", "rock.mid", "reel.mid"),
    *("cantus.mid", "worksheet.mid"),
)
_READ_FORMATS = (".wav", ".aiff", ".flac", ".ogg", ".opus", ".mp3", ".caf")
# Of timbres for the map, then others may read: far below the time that reading is given as a whole,
# which a slow machine would need for all that ship.
_MEASURING_S = 10.0
_CONVERTED = {
    "recording": ("wav", "flac", "ogg", "mp3", "aiff"),
    "score": ("mid", "musicxml"),
}


def sound_answer(row: Row) -> dict[str, Any]:
    """A sound as the interface gives it."""
    names = (
        *("id", "name", "kind", "bytes", "duration_s", "sample_rate", "n_channels", "subtype"),
        *("loudness_db", "peak", "playback_gain_db", "n_notes", "tracks", "origin", "job"),
        *("warnings", "kept", "created_at", "expires_at"),
    )
    return {**{name: row[name] for name in names}, "format": row["extension"].lstrip(".")}


def timbre_answer(row: Row) -> dict[str, Any]:
    """A timbre as the interface gives it."""
    names = (
        *("id", "name", "system", "fits", "voices", "sources", "duration_s", "n_notes"),
        *("lowest", "highest", "created_at"),
    )
    return {name: row[name] for name in names}


class Sounds:
    """What is stored, and what is made of it for the page."""

    def __init__(self, store: Store, limits: Limits, lane: ReadingLane) -> None:
        self._store, self._limits, self._lane = store, limits, lane
        self._mapping = threading.Lock()
        self._whole: dict[Path, tuple[int, int]] = {}  # files that were made, when last looked into

    def find(self, identity: str) -> Row:
        """A sound, or a refusal."""
        row = self._store.get("sound", identity)
        if row is None:
            raise unknown("sound", identity)
        return row

    def find_timbre(self, identity: str) -> Row:
        """A timbre, or a refusal."""
        row = self._store.get("timbre", identity)
        if row is None:
            raise unknown("timbre", identity)
        return row

    def path(self, row: Row) -> Path:
        """File of a sound or a timbre."""
        kind: Any = "timbre" if row["id"].startswith("tim_") else "sound"
        return self._store.file_folder(kind, row["id"]) / str(row["file"])

    def take_in(self, file: Path, name: str, origin: str, identity: str | None = None) -> Row:
        """A new sound of a file, which is moved; refused where it is neither kind."""
        with file.open("rb") as opened:
            head = opened.read(512)
        if not head:
            raise Refusal(422, safe_name(name, ""), "is empty", "choose another file")
        extension = extension_of(head, name)
        warnings: list[str] = []
        shown = safe_name(name, extension, "score" if extension in SUFFIXES else "sound")
        with self._store.scratch() as folder:
            place = folder / shown
            shutil.move(file, place)
            try:
                task = {"path": shown, "limits": asdict(self._limits)}
                facts = self._read("facts", folder, warnings, **task)
            except Refusal as refusal:
                is_known = extension in SUFFIXES or extension in _READ_FORMATS
                if refusal.status == 422 and not is_known:
                    refusal.status = 415
                raise
            columns = {
                "bytes": place.stat().st_size,
                "kind": facts.pop("kind"),
                "origin": origin,
                "expires_at": None
                if origin == "example"
                else time.time() + self._limits.expire_after_s,
            }
            facts |= {
                "name": shown,
                "extension": extension,
                "file": f"sound{extension}",
                "job": None,
                "warnings": warnings,
                "kept": origin == "example",
            }
            identity = identity or new_id("sound")
            target = self._store.file_folder("sound", identity)
            target.mkdir(parents=True, exist_ok=True)
            place.replace(target / facts["file"])
        return self._store.add("sound", facts, id=identity, **columns)

    def change(self, row: Row, name: str | None, kept: bool | None) -> Row:
        """A sound with another name, or kept from expiring, or no longer."""
        changes: Row = {}
        if name is not None:
            changes["name"] = safe_name(name, row["extension"])
        if kept is not None:
            changes["kept"] = kept
            expires_at = time.time() + self._limits.expire_after_s
            changes["expires_at"] = None if kept else expires_at
        return self._store.update("sound", row["id"], **changes) or row

    def check_room(self, n_bytes: int) -> None:
        """Refuse what the folder has no room for."""
        if self._store.used_bytes() + n_bytes > self._limits.folder_bytes:
            most = f"{self._limits.folder_bytes / 2**30:.0f} GiB"
            raise Refusal(507, "the studio's folder", f"is full ({most})", "delete some sounds")

    def _read(self, do: str, folder: Path, warnings: list[str] | None = None, **task: Any) -> Any:
        return self._lane.call({"do": do, "folder": str(folder), **task}, warnings)

    def _made(self, row: Row, name: str, make: Callable[[Path], None]) -> Path:
        """A file made of a sound, once."""
        folder = self._store.file_folder("sound", row["id"])
        place = folder / name
        if not self._is_whole(place):
            make(place)
            note_hash(place)
        return place

    def _is_whole(self, place: Path) -> bool:
        """Whether a file that was made is as it was, which is looked into when it has changed."""
        try:
            facts = place.stat()
        except OSError:
            return False
        state = facts.st_mtime_ns, facts.st_size
        if self._whole.get(place) != state:
            if not is_as_noted(place):
                return False
            self._whole[place] = state
        return True

    def playable(self, row: Row) -> Path:
        """A wav that browsers play."""

        def make(place: Path) -> None:
            with self._store.scratch() as folder:
                made = folder / "playable.wav"
                self._read("playable", folder, path=str(self.path(row)), output=str(made))
                made.replace(place)

        return self._made(row, PLAYABLE, make)

    def converted(self, row: Row, wanted: str) -> Path:
        """The sound in another format."""
        formats = _CONVERTED[row["kind"]]
        if wanted not in formats:
            cure = f"use one of {', '.join(formats)}"
            raise Refusal(422, "as", f"{wanted} is not a format of a {row['kind']}", cure)
        if row["extension"] == f".{wanted}":
            return self.path(row)

        def make(place: Path) -> None:
            with self._store.scratch() as folder:
                made = folder / place.name
                self._read("convert", folder, path=str(self.path(row)), output=str(made))
                made.replace(place)

        return self._made(row, f"converted.{wanted}", make)

    def peaks(self, row: Row, n_columns: int) -> dict[str, Any]:
        """Extremes of its columns."""

        def make(place: Path) -> None:
            task: dict[str, Any] = {"path": str(self.path(row)), "columns": n_columns}
            write_text(place, json.dumps(self._read("peaks", place.parent, **task)))

        text = self._made(row, PEAKS.format(n_columns), make).read_text("utf-8")
        found: dict[str, Any] = json.loads(text)
        return found

    def spectrogram(self, row: Row, n_columns: int) -> Path:
        """Picture of its spectrogram."""

        def make(place: Path) -> None:
            task: dict[str, Any] = {"path": str(self.path(row)), "columns": n_columns}
            write_bytes(place, self._read("spectrogram", place.parent, **task))

        return self._made(row, SPECTROGRAM.format(n_columns), make)

    def notes(self, row: Row) -> dict[str, Any]:
        """Notes of a score."""
        if row["kind"] != "score":
            raise Refusal(409, row["name"], "is a recording", "transcribe it first")
        path = self.path(row)
        found: dict[str, Any] = self._read("notes", path.parent, path=str(path))
        return found

    def write_score(self, wanted: Mapping[str, Any]) -> Row:
        """A new score of notes that the page gives."""
        like = None
        if wanted["like"] is not None:
            row = self.find(wanted["like"])
            if row["kind"] != "score":
                raise Refusal(422, "like", f"{row['name']} is a recording", "give a score's id")
            like = str(self.path(row))
        with self._store.scratch() as folder:
            made = folder / "made.mid"
            task = {"output": str(made), "parts": wanted["parts"], "like": like}
            task |= {"tempo": wanted["tempo"], "metre": wanted["metre"]}
            self._read("write-score", folder, **task)
            return self.take_in(made, wanted["name"], "edit")

    def take_in_timbre(self, file: Path, name: str) -> Row:
        """A new timbre of a file, which is moved."""
        with self._store.scratch() as folder:
            place = folder / safe_name(name, ".timbre", "timbre")
            shutil.move(file, place)
            facts = self._read("timbre-facts", folder, path=place.name)
            identity, size = new_id("timbre"), place.stat().st_size
            facts |= {"name": place.stem, "file": "sound.timbre"}
            target = self._store.file_folder("timbre", identity)
            target.mkdir(parents=True)
            place.replace(target / facts["file"])
        return self._store.add("timbre", facts, id=identity, bytes=size)

    def named_timbre(self, name: str) -> Path:
        """A wav of a timbre that ships, by the name that it has."""
        folder = self._store.folder / "cache"
        folder.mkdir(exist_ok=True)
        place = folder / f"named-{name}.wav"
        if not self._is_whole(place):
            with self._store.scratch() as scratch:
                made = scratch / place.name
                self._read("named-timbre", scratch, name=name, output=str(made))
                made.replace(place)
            note_hash(place)
        return place

    def timbre_map(self, names: list[str]) -> dict[str, Any]:
        """All timbres in two dimensions."""
        named = [(name, name, "named", None) for name in names]
        own = [
            (row["id"], row["name"], "own", str(self.path(row)))
            for row in self._store.rows("timbre")
        ]
        folder = self._store.folder
        task: dict[str, Any] = {
            "timbres": named + own,
            "cache": str(folder / "cache" / "timbres"),
            "limit_s": _MEASURING_S,
        }
        found: dict[str, Any] | None = None
        with self._mapping:  # two windows need not measure the same
            while found is None:
                found = self._read("timbre-map", folder, **task)
        return found

    def forget_expired(self, is_needed: Callable[[str], bool]) -> None:
        """Delete what has expired and is not worked with."""
        now = time.time()
        for row in self._store.expired("sound", now):
            if not is_needed(row["id"]):
                self._store.delete("sound", row["id"])
        for row in self._store.expired("job", now):
            self._store.delete("job", row["id"])

    def add_examples(self) -> None:
        """Put the examples into place that are not there yet."""
        for number, name in enumerate(_EXAMPLES):
            identity = f"snd_{number:020x}"
            source = _example(name)
            if source is None or self._store.get("sound", identity) is not None:
                continue
            with self._store.scratch() as folder:
                copy = folder / name
                shutil.copyfile(source, copy)
                self.take_in(copy, name, "example", identity)


def _example(name: str) -> Path | None:
    """File of an example: in the package, or in the checkout that it runs from."""
    shipped = Path(str(files("cambiata.web"))) / "examples" / name
    checkout = Path(__file__).parents[3] / "examples" / name
    return next((place for place in (shipped, checkout) if place.exists()), None)
