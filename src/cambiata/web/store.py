"""What the studio remembers: sounds, jobs and timbres in SQLite, their files in one folder."""

import json
import secrets
import shutil
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal

from cambiata.errors import InputError

Kind = Literal["sound", "job", "timbre"]
Row = dict[str, Any]

_PREFIX: Mapping[str, str] = {"sound": "snd", "job": "job", "timbre": "tim"}
_VERSION = 1
# One table for each kind: what is searched by has a column, the rest is JSON.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS sound (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, created_at REAL NOT NULL,
    expires_at REAL, bytes INTEGER NOT NULL DEFAULT 0, kind TEXT, origin TEXT, facts TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS job (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, created_at REAL NOT NULL,
    expires_at REAL, bytes INTEGER NOT NULL DEFAULT 0, verb TEXT, state TEXT, facts TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS timbre (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, created_at REAL NOT NULL,
    expires_at REAL, bytes INTEGER NOT NULL DEFAULT 0, facts TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS jobs_by_state ON job (state);
CREATE INDEX IF NOT EXISTS sounds_by_expiry ON sound (expires_at);
"""
_COLUMNS = ("created_at", "expires_at", "bytes", "kind", "origin", "verb", "state")


class Store:
    """Database and folder; every method may be called from any thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # others' sounds are private
        for name in ("sounds", "timbres", "jobs", "scratch"):
            (folder / name).mkdir(exist_ok=True)
        self._claim = _claimed(folder)
        self._lock = threading.RLock()
        self._database = sqlite3.connect(
            folder / "studio.db", check_same_thread=False, isolation_level=None
        )
        self._database.row_factory = sqlite3.Row
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute("PRAGMA foreign_keys = ON")
        self._database.executescript(_SCHEMA)
        self._database.execute(f"PRAGMA user_version = {_VERSION}")
        self._clear_scratch()

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()
        self._claim.close()

    def _clear_scratch(self) -> None:
        """Remove what a server that was killed was about to write."""
        for each in (self.folder / "scratch").iterdir():
            shutil.rmtree(each) if each.is_dir() else each.unlink()

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder for unfinished files, on the same disk as what they become."""
        place = self.folder / "scratch" / secrets.token_hex(8)
        place.mkdir()
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def file_folder(self, kind: Kind, identity: str) -> Path:
        """Folder of the files of one sound, timbre or job."""
        return self.folder / f"{kind}s" / identity

    def add(self, table: Kind, /, facts: Row, **columns: Any) -> Row:
        """A new row; its id is random, so that nobody guesses others'."""
        identity = columns.pop("id", None) or new_id(table)
        columns.setdefault("created_at", time.time())
        columns = {"id": identity, **columns, "facts": json.dumps(facts)}
        names = ", ".join(columns)
        marks = ", ".join("?" * len(columns))
        with self._lock:
            self._database.execute(
                f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(columns.values())
            )
        return self.get(table, identity) or {}

    def get(self, kind: Kind, identity: str) -> Row | None:
        """A row by its id, its JSON unpacked among its columns."""
        with self._lock:
            row = self._database.execute(
                f"SELECT * FROM {kind} WHERE id = ?", (identity,)
            ).fetchone()
        return None if row is None else _unpacked(row)

    def update(self, table: Kind, /, identity: str, **changes: Any) -> Row | None:
        """A row with changes: columns by their names, everything else in its JSON."""
        with self._lock:
            row = self.get(table, identity)
            if row is None:
                return None
            columns = {name: value for name, value in changes.items() if name in _COLUMNS}
            facts = {k: v for k, v in row.items() if k not in ("id", "number", *_COLUMNS)}
            facts |= {name: value for name, value in changes.items() if name not in _COLUMNS}
            settings = ", ".join(f"{name} = ?" for name in (*columns, "facts"))
            self._database.execute(
                f"UPDATE {table} SET {settings} WHERE id = ?",
                (*columns.values(), json.dumps(facts), identity),
            )
            return self.get(table, identity)

    def delete(self, kind: Kind, identity: str) -> None:
        """Forget a row, and remove its files."""
        with self._lock:
            self._database.execute(f"DELETE FROM {kind} WHERE id = ?", (identity,))
        shutil.rmtree(self.file_folder(kind, identity), ignore_errors=True)

    def rows(
        self,
        table: Kind,
        /,
        *,
        limit: int = -1,
        offset: int = 0,
        oldest_first: bool = False,
        **where: Any,
    ) -> list[Row]:
        """Rows whose columns have these values, the newest first."""
        condition, values = _condition(where)
        order = "ASC" if oldest_first else "DESC"
        with self._lock:
            rows = self._database.execute(
                f"SELECT * FROM {table} {condition} ORDER BY number {order} LIMIT ? OFFSET ?",
                (*values, limit, offset),
            ).fetchall()
        return [_unpacked(row) for row in rows]

    def count(self, table: Kind, /, **where: Any) -> int:
        """How many rows there are with these values."""
        condition, values = _condition(where)
        with self._lock:
            row = self._database.execute(
                f"SELECT COUNT(*) FROM {table} {condition}", values
            ).fetchone()
        return int(row[0])

    def count_before(self, job: Row) -> int:
        """How many queued jobs came before one."""
        with self._lock:
            row = self._database.execute(
                "SELECT COUNT(*) FROM job WHERE state = 'queued' AND number < ?", (job["number"],)
            ).fetchone()
        return int(row[0])

    def used_bytes(self) -> int:
        """Size of all files."""
        with self._lock:
            row = self._database.execute(
                "SELECT (SELECT COALESCE(SUM(bytes), 0) FROM sound)"
                " + (SELECT COALESCE(SUM(bytes), 0) FROM timbre)"
                " + (SELECT COALESCE(SUM(bytes), 0) FROM job)"
            ).fetchone()
        return int(row[0])

    def expired(self, kind: Kind, now: float) -> list[Row]:
        """Rows whose time is over."""
        with self._lock:
            rows = self._database.execute(
                f"SELECT * FROM {kind} WHERE expires_at < ?", (now,)
            ).fetchall()
        return [_unpacked(row) for row in rows]


def _claimed(folder: Path) -> IO[bytes]:
    """An open file that no other process has locked: two studios would do each other's jobs."""
    file = (folder / "lock").open("wb")
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        cure = "end that one, or name another folder with `data`"
        raise InputError(str(folder), "is in use by another studio", cure) from error
    return file


def new_id(kind: Kind) -> str:
    """A new id, which says what it is of.

    >>> new_id("sound")[:4]
    'snd_'
    """
    return f"{_PREFIX[kind]}_{secrets.token_hex(10)}"


def _condition(where: Mapping[str, Any]) -> tuple[str, tuple[Any, ...]]:
    given = {name: value for name, value in where.items() if value is not None}
    if not given:
        return "", ()
    return "WHERE " + " AND ".join(f"{name} = ?" for name in given), tuple(given.values())


def _unpacked(row: sqlite3.Row) -> Row:
    columns = dict(row)
    return {**json.loads(columns.pop("facts")), **columns}
