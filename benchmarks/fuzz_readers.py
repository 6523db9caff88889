"""Damaged files against every reader: ``python benchmarks/fuzz_readers.py [--files N] [--only X]``.

Whole files are made on the spot (`fuzz_seeds.py`), mutated, and read in processes of their own.
What is counted as a failure: an exception that is no `CambiataError`, a process that dies, a file
that takes more than 10 s, a process that grows beyond 500 MiB. Failing files are kept.
"""

import argparse
import copy
import io
import json
import multiprocessing
import re
import resource
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import numpy as np

from cambiata.errors import CambiataError
from fuzz_seeds import READERS
from machine import table

_LIMIT_S = 10.0
_LIMIT_MIB = 500
# Where a reader would take all memory there is, it is stopped here, and reported.
_CEILING_BYTES = 4 * 2**30
_EXTREMES = (0, 1, 0x7F, 0x80, 0xFE, 0xFF)
_HEADER_BYTES = 256  # half of all mutations lie here, where lengths and counts are


# What a number or a word of a text becomes.
_WORDS = (
    b"0",
    b"-1",
    b"1",
    b"99999999999",
    b"1e400",
    b"0.0001",
    b"NaN",
    b"",
    b"x",
    b"\xc3\xa9",
    b"/0",
)
_WORD = re.compile(rb"(?<=[>\"'])[^<>\"'\s][^<>\"']*(?=[<\"'])|(?<![<\w/])[\w.^_=+-]+(?![\w>])")
# What a value of JSON becomes.
_VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 1, 2, 0.5, 1e300, -1e300, 10**400, float("nan"), float("inf")),
    *("", "x", "../x", "\ud800", "\0", "1", [], {}, [[]], [0, 1], ["x"], {"x": 1}, [None] * 3),
)
_NPY_HEADER_BYTES = 128


def mutated(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """A file with one to eight things wrong: anywhere, or where what is around stays whole."""
    is_gentle = rng.random() < 0.5
    if data[:2] == b"PK" and is_gentle:
        return _with_mutated_member(data, other, rng)
    if is_gentle and (text := _json_in(data)):
        return _with_mutated_json(data, text, rng)
    if data[:6] == b"\x93NUMPY" and is_gentle:
        numbers = bytearray(data)
        for _ in range(rng.integers(1, 9)):
            numbers[int(rng.integers(_NPY_HEADER_BYTES, len(data)))] = int(rng.choice(_EXTREMES))
        return bytes(numbers)
    if is_gentle and data.isascii() and b"\0" not in data:
        return _with_mutated_words(data, other, rng)
    for _ in range(rng.integers(1, 9)):
        data = _mutated_once(bytearray(data or b"\0"), other, rng)
    return data


def _json_in(data: bytes) -> bytes:
    """The text of a file that is JSON, or an array of JSON's letters; empty for others."""
    text = data[_NPY_HEADER_BYTES:] if data[:6] == b"\x93NUMPY" else data
    with suppress(ValueError, RecursionError):
        if text[:1] in (b"{", b"[") and isinstance(json.loads(text), dict | list):
            return text
    return b""


def _with_mutated_json(data: bytes, text: bytes, rng: np.random.Generator) -> bytes:
    """JSON that is whole, one to four of whose values are others, or missing."""
    values = json.loads(text)
    for _ in range(rng.integers(1, 5)):
        places = [(values, key) for key in _keys(values)]
        for inner, key in places:  # grows while it is gone through
            places += [(inner[key], each) for each in _keys(inner[key])]
        if not places:
            break
        inner, key = places[int(rng.integers(len(places)))]
        if rng.random() < 0.2:
            del inner[key]
        else:
            inner[key] = copy.deepcopy(_VALUES[int(rng.integers(len(_VALUES)))])
    changed = json.dumps(values).encode()
    if len(text) == len(data):
        return changed
    buffer = io.BytesIO()
    np.save(buffer, np.frombuffer(changed, np.uint8))
    return buffer.getvalue()


def _keys(value: Any) -> list[Any]:
    """Keys of an object, indexes of a list, nothing of anything else."""
    if isinstance(value, dict):
        return list(value)
    return list(range(len(value))) if isinstance(value, list) else []


def _with_mutated_words(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """A text, a few of whose words and numbers are others; the tags of XML stay."""
    words = list(_WORD.finditer(data))
    others = [*_WORDS, *_WORD.findall(other)]
    for i in sorted(rng.integers(len(words), size=rng.integers(1, 9)), reverse=True):
        start, stop = words[i].span()
        data = data[:start] + others[int(rng.integers(len(others)))] + data[stop:]
    return data


def _mutated_once(data: bytearray, other: bytes, rng: np.random.Generator) -> bytes:
    n = len(data)
    at = int(rng.integers(min(n, _HEADER_BYTES) if rng.random() < 0.5 else n))
    length = int(rng.integers(1, max(2, min(n - at, 64)) + 1))
    kind = rng.integers(9)
    if kind == 0:
        data[at] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        data[at] = int(rng.choice(_EXTREMES))
    elif kind == 2:  # a length or a count of 16 or 32 bits
        width = int(rng.choice([2, 4]))
        data[at : at + width] = bytes([int(rng.choice(_EXTREMES))] * width)
    elif kind == 3:
        del data[at : at + length]
    elif kind == 4:
        data[at:at] = data[at : at + length] * int(rng.integers(1, 5))
    elif kind == 5:
        data[at:at] = rng.bytes(length)
    elif kind == 6:  # of another file of the kind
        start = int(rng.integers(len(other)))
        data[at:at] = other[start : start + length]
    elif kind == 7:
        data[at : at + length] = rng.bytes(length)
    else:
        del data[max(at, n // 4) :]
    return bytes(data)


def _with_mutated_member(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """An archive that is whole, of which one member is not."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(out, "w") as changed:
        names = archive.namelist()
        victim = names[int(rng.integers(len(names)))]
        for name in names:
            member = archive.read(name)
            if name == victim:
                member = mutated(member, other, rng)
            changed.writestr(name, member, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def serve(reader: str, pipe: Connection) -> None:
    """Read the files whose paths come in; what each led to goes out, with the peak in MiB."""
    resource.setrlimit(resource.RLIMIT_AS, (_CEILING_BYTES, _CEILING_BYTES))
    warnings.simplefilter("ignore")
    read = READERS[reader].read
    while True:
        outcome = "read"
        path = pipe.recv()
        try:
            read(Path(path))
        except CambiataError as error:
            outcome = "refused"
            if "\n" in str(error):
                outcome = f"failed: a refusal of several lines: {error}"
        except BaseException:
            outcome = f"failed: {traceback.format_exc()}"
        peak = max(
            resource.getrusage(who).ru_maxrss
            for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        pipe.send((outcome, peak / 1024))


class Worker:
    """A process that reads, started again when it died or hung."""

    def __init__(self, reader: str) -> None:
        self.reader = reader
        self.start()

    def start(self) -> None:
        """Begin anew."""
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("spawn").Process(
            target=serve, args=(self.reader, theirs), daemon=True
        )
        self.process.start()
        theirs.close()
        self.path: Path | None = None

    def give(self, path: Path) -> None:
        """Let it read a file; its outcome comes through `pipe`."""
        self.path, self.began = path, time.monotonic()
        self.pipe.send(str(path))

    def stop(self) -> None:
        """End it."""
        self.process.kill()
        self.process.join()


@dataclass
class Tally:
    """What became of a reader's files."""

    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[Path, str]] = field(default_factory=list)
    slowest_s: float = 0.0
    peak_mib: float = 0.0

    def add(self, path: Path, outcome: str, elapsed_s: float, peak_mib: float) -> None:
        """Count a file; its process has not grown beyond `peak_mib` so far."""
        if peak_mib > _LIMIT_MIB >= self.peak_mib and not outcome.startswith("failed"):
            outcome = f"failed: {peak_mib:.0f} MiB"
        self.slowest_s = max(self.slowest_s, elapsed_s)
        self.peak_mib = max(self.peak_mib, peak_mib)
        word, _, rest = outcome.partition(": ")
        self.outcomes[word] += 1
        if word == "failed":
            self.failures.append((path, rest))
        else:
            path.unlink()


def files(reader: str, n: int, folder: Path, seed: int) -> Iterator[Path]:
    """Mutated files, made one by one."""
    seeds = folder / "seeds"
    seeds.mkdir()
    READERS[reader].write_seeds(seeds)
    whole = sorted(seeds.iterdir())
    contents = [path.read_bytes() for path in whole]
    rng = np.random.default_rng([seed, *reader.encode()])
    for i in range(n):
        kind, other = i % len(whole), int(rng.integers(len(whole)))
        path = folder / f"{whole[kind].stem}-{i}{whole[kind].suffix}"
        path.write_bytes(mutated(contents[kind], contents[other], rng))
        yield path


def fuzz(reader: str, n: int, folder: Path, *, seed: int, n_workers: int) -> Tally:
    """Read `n` mutated files by so many processes."""
    tally, pending = Tally(), files(reader, n, folder, seed)
    workers = [Worker(reader) for _ in range(n_workers)]
    starting = {id(worker) for worker in workers}  # importing everything does not count
    for worker in workers:
        _give_next(worker, pending)
    while busy := [worker for worker in workers if worker.path]:
        wait([worker.pipe for worker in busy], timeout=1.0)
        for worker in busy:
            assert worker.path is not None
            elapsed_s = time.monotonic() - worker.began
            try:
                if worker.pipe.poll():
                    outcome, peak_mib = worker.pipe.recv()
                    is_first = id(worker) in starting
                    starting.discard(id(worker))
                    tally.add(worker.path, outcome, 0 if is_first else elapsed_s, peak_mib)
                elif elapsed_s > _LIMIT_S + 30 * (id(worker) in starting):
                    raise TimeoutError
                else:
                    continue
            except (EOFError, ConnectionError, TimeoutError) as error:
                what = "hung" if isinstance(error, TimeoutError) else "the process died"
                tally.add(worker.path, f"failed: {what}", elapsed_s, 0)
                worker.stop()
                worker.start()
                starting.add(id(worker))
            _give_next(worker, pending)
    for worker in workers:
        worker.stop()
    return tally


def _give_next(worker: Worker, pending: Iterator[Path]) -> None:
    worker.path = None
    with suppress(StopIteration):
        worker.give(next(pending))


def _shortened(words: str) -> str:
    """The last line of a traceback, and the last place in this project before it."""
    lines = words.strip().splitlines()
    places = [line.strip() for line in lines if "/cambiata/" in line and "File " in line]
    return f"{lines[-1]}" + (f"\n    {places[-1]}" if places else "")


def main() -> None:
    """Print what became of all files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000, help="over all readers")
    parser.add_argument("--only", choices=READERS, action="append", help="a reader; repeatable")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--folder", help="where failing files are kept")
    arguments = parser.parse_args()
    readers = arguments.only or list(READERS)
    place = Path(arguments.folder or tempfile.mkdtemp(prefix="cambiata-fuzz-"))
    rows, failures = [], []
    for reader in readers:
        folder = place / reader
        folder.mkdir(parents=True)
        n = arguments.files // len(readers)
        tally = fuzz(reader, n, folder, seed=arguments.seed, n_workers=arguments.jobs)
        counts = [tally.outcomes[word] for word in ("read", "refused", "failed")]
        rows.append([reader, *map(str, counts), f"{tally.slowest_s:.1f}", f"{tally.peak_mib:.0f}"])
        failures += tally.failures
    print(table(["reader", "read", "refused", "failed", "slowest s", "peak MiB"], rows))
    for path, words in failures:
        print(f"\n{path}: {_shortened(words)}")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
