"""The manifest: a CSV file of a row an item, by which a batch that stopped goes on."""

import csv
import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from cambiata.batches.inputs import read_table
from cambiata.batches.places import identity
from cambiata.errors import InputError
from cambiata.files import OutputKind, atomic_file, check_output
from cambiata.scratch import sole_user

Status = Literal["pending", "done", "failed"]

_MANIFEST = OutputKind((".csv",), ("is not the name of a manifest", "name it NAME.csv"))
# Rewritten whole, as the file is to be whole at any time: at most once a second, and of a large
# one so seldom that it takes a twentieth of the time. What is lost with a killed run is done again.
_LEAST_S, _SHARE = 1.0, 0.05
_JSON = ("options", "inputs")


@dataclass(frozen=True)
class BatchItem:
    """One item of a batch; a row of the manifest.

    Parameters
    ----------
    input : str
        Value of the verb's first argument.
    output : str
        What is written.
    status : {"pending", "done", "failed"}
        How far it is.
    seconds : float
        Seconds of work.
    message : str
        Why it failed, else its warnings.
    verb : str
        The verb.
    options : dict
        Arguments and options that were given, by name.
    inputs : dict
        SHA-256 of each file and folder that was read, by path; of URLs, size and mark.
    output_sha256 : str
        The same of the output.
    version : str
        Version of Cambiata.

    Examples
    --------
    >>> BatchItem("a.wav", "b.wav").status
    'pending'
    """

    input: str
    output: str
    status: Status = "pending"
    seconds: float = 0.0
    message: str = ""
    verb: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    output_sha256: str = ""
    version: str = ""


_COLUMNS = [each.name for each in fields(BatchItem)]


class Manifest:
    """Rows of a batch, in the items' order, and the file that they are kept in, if any."""

    def __init__(self, path: str | Path | None) -> None:
        self.place = None if path is None else check_output(path, _MANIFEST, force=True)
        exists = self.place is not None and self.place.exists()
        self.before = {identity(row.output): row for row in (self._read() if exists else ())}
        self._rows: dict[str, BatchItem] = {}
        self._written_s, self._took_s = 0.0, 0.0

    def _read(self) -> Iterable[BatchItem]:
        name = str(self.place)
        refusal = InputError(name, "is not a manifest of a batch", "choose another name")
        if not self.place or not self.place.stat().st_size:
            raise refusal
        for row in read_table(name, errors="surrogateescape"):
            if list(row) != _COLUMNS:
                raise refusal
            facts: dict[str, Any] = dict(row)
            try:
                facts |= {key: json.loads(row[key]) for key in _JSON}
                facts["seconds"] = float(row["seconds"])
            except ValueError as error:
                raise refusal from error
            yield BatchItem(**facts)

    @property
    def items(self) -> list[BatchItem]:
        """Rows of the items of this run."""
        return list(self._rows.values())

    def put(self, item: BatchItem) -> None:
        """Put an item in its row."""
        self._rows[identity(item.output)] = item

    def save(self, *, now: bool = True) -> None:
        """Write the file; if not `now`, only where that was done long enough ago."""
        since_s = time.monotonic() - self._written_s
        if self.place is None or (not now and since_s < max(_LEAST_S, self._took_s / _SHARE)):
            return
        began = time.monotonic()
        others = [row for key, row in self.before.items() if key not in self._rows]
        with (
            atomic_file(self.place) as unfinished,
            unfinished.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file,
        ):
            writer = csv.DictWriter(file, _COLUMNS)
            writer.writeheader()
            for item in (*self._rows.values(), *others):
                writer.writerow(_cells(item))
        self._written_s = time.monotonic()
        self._took_s = self._written_s - began


@contextmanager
def open_manifest(path: str | Path | None) -> Iterator[Manifest]:
    """A manifest that no other run uses meanwhile: each would write over the other's rows."""
    if path is None:
        yield Manifest(None)
        return
    with sole_user(check_output(path, _MANIFEST, force=True)):
        yield Manifest(path)


def _cells(item: BatchItem) -> dict[str, Any]:
    cells = asdict(item)
    cells |= {key: json.dumps(cells[key], sort_keys=True, default=str) for key in _JSON}
    return {**cells, "seconds": f"{item.seconds:.3f}"}


def same_options(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether options are the same, as they are written."""
    texts = [json.dumps(each, sort_keys=True, default=str) for each in (one, other)]
    return texts[0] == texts[1]
